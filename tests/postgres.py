"""A private PostgreSQL cluster for the tests, where its programs are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

# PostgreSQL refuses to run as root, so root lends the cluster to its own user.
OWNER = "postgres" if os.name == "posix" and os.getuid() == 0 else None


def _run(*command: str | Path) -> None:
    subprocess.run(
        [str(part) for part in command],
        check=True,
        capture_output=True,
        user=OWNER,
        cwd="/",
        timeout=120,
    )


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[str]:
    """Return the address of a cluster without a database name; it listens on a socket alone."""
    missing = [name for name in ("initdb", "pg_ctl") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not on PATH: no private PostgreSQL to test on")
    place = Path(tempfile.mkdtemp(prefix="precursor-postgres-", dir="/tmp"))
    if OWNER:
        try:
            shutil.chown(place, OWNER)
        except LookupError:
            pytest.skip(f"running as root, and there is no user {OWNER} to run PostgreSQL as")
    data = place / "data"
    try:
        _run("initdb", "-D", data, "-U", "precursor", "-A", "trust", "-E", "UTF8", "--no-sync")
        quiet = f"-c listen_addresses= -c unix_socket_directories={place} -c fsync=off"
        _run("pg_ctl", "-D", data, "-l", place / "log", "-w", "-o", quiet, "start")
        try:
            yield f"postgresql://precursor@/{{database}}?host={place}"
        finally:
            _run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(place, ignore_errors=True)


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
