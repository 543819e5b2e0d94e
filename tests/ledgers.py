"""Ledgers for the tests: on SQLite, and on PostgreSQL where it is installed."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from serving import guards
from serving.ledger import Entry, Leaf, Ledger, new_score_id

WHO = {"actor": "a.nalyst", "role": "analyst", "purpose": "IOM meeting"}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def address(
    request: pytest.FixtureRequest, precursor_home: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Return where the ledger of this test is, on each database in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{precursor_home / 'ledger.db'}"
    monkeypatch.setenv("PRECURSOR_MASTER_KEY", base64.b64encode(os.urandom(32)).decode())
    url: str = request.getfixturevalue("postgres_database")
    return url


@pytest.fixture
def ledger(address: str) -> Iterator[Ledger]:
    """Return an empty ledger."""
    with Ledger.open(address) as opened:
        yield opened


def score(ledger: Ledger, *nominal_ids: str, **payload: object) -> tuple[Entry, list[str]]:
    """Record one request for scores of these people; return the entry and their score ids."""
    people = [
        Leaf(nominal_id, new_score_id(), {"nominal_id": nominal_id, **payload})
        for nominal_id in nominal_ids
    ]
    entry = ledger.append("score", question="escalation", people=people, **WHO)
    return entry, [str(leaf.score_id) for leaf in people]


def tamper(address: str, *statements: str) -> None:
    """Change the ledger behind its back, as who owns the database can, and hide the traces."""
    engine = sa.create_engine(address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        _unguarded(connection)
        for statement in statements:
            connection.exec_driver_sql(statement)
        guards.install(connection)
    engine.dispose()


def _unguarded(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in names.all():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        return
    for function in ("ledger_refuses", "ledger_entry_follows", "ledger_leaf_follows"):
        connection.exec_driver_sql(f"DROP FUNCTION {function}() CASCADE")
