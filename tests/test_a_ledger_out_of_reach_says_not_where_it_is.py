"""What fails is told to whoever asks, before it is known who that is; where it runs is not."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url
from starlette.testclient import TestClient

from serving.access import Access
from serving.database import told
from serving.ledger import Ledger
from serving.pages.app import create_pages
from serving.stock import Stock


def test_a_locked_ledger_is_told_without_its_place(precursor_home: Path) -> None:
    with Ledger.open(wait=0.2) as ledger:
        access = Access(ledger)
        token = access.issue_token("a.nalyst", "analyst", 1)
        client = TestClient(create_pages(Stock(ledger), ledger, access))
        with closing(sqlite3.connect(precursor_home / "ledger.db")) as held:
            held.execute("BEGIN IMMEDIATE")
            answer = client.post("/sign-in", data={"token": token, "purpose": "p"})
        assert answer.status_code == 503
        assert "database is locked" in answer.text
        assert str(precursor_home) not in answer.text
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "cause",
    [
        'connection to server at "10.0.0.5", port 5432 failed: Connection refused',
        'connection to server at "db.force.internal" (10.0.0.5), port 5432 failed: timeout expired',
        'connection to server on socket "/run/10.0.0.5/.s.PGSQL.5432" failed: No such file',
        "failed to resolve host 'db.force.internal': [Errno -2] Name or service not known",
        'FATAL: password authentication failed for user "writer"',
        'FATAL: no pg_hba.conf entry for host "10.0.0.5", user "writer", no encryption',
    ],
)
def test_no_address_of_a_database_is_told(cause: str) -> None:
    url = make_url("postgresql://writer:secret@db.force.internal:5432/ledger")
    said = ": ".join(told(url, cause))
    assert said.startswith("database ledger: ")
    assert not any(part in said for part in ("10.0.0.5", "5432", "secret", "writer", "internal"))
