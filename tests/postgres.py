"""A private PostgreSQL cluster for the tests, where its programs are installed."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from benchmarks.postgres import cluster, missing


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[str]:
    """Return the address of a cluster without a database name; it listens on a socket alone."""
    reason = missing()
    if reason is not None:
        pytest.skip(f"{reason} to test on")
    with cluster() as address:
        yield address


@pytest.fixture
def postgres_database(postgres_cluster: str) -> Iterator[str]:
    """Return the address of a new, empty database, which goes when the test has ended."""
    import sqlalchemy as sa

    name = f"test_{uuid4().hex}"
    engine = sa.create_engine(
        postgres_cluster.format(database="postgres"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
        yield postgres_cluster.format(database=name)
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    engine.dispose()
