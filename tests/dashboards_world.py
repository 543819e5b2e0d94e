"""A small simulated force with a published list, and the pages over it, for the dashboards."""

from __future__ import annotations

import contextlib
import os
import tempfile
from functools import cache
from pathlib import Path

import pytest
import small_force
from pages_world import World
from served import ME, put_in_force
from starlette.applications import Starlette

from features.history import History
from features.synthetic import synthesise
from serving.access import Access
from serving.batch import score_batch
from serving.kept import serve_from
from serving.ledger import Ledger
from serving.pages.app import create_pages
from serving.publishing import publish
from serving.stock import Stock

QUESTION = small_force.QUESTION.model_copy(
    update={"name": "stalking_escalation", "title": "Stalking", "capacity": 12}
)
NAME = QUESTION.name
NOMINALS = 3_000
_open = contextlib.ExitStack()


def build(home: Path) -> World:
    """Make a home with a simulated force, a promoted model and a list."""
    load = synthesise(home / "records" / "force", nominals=NOMINALS, years=3, seed=3)
    history = History(load)
    model = small_force.make_model(history, question=QUESTION)
    ledger = Ledger.open()
    put_in_force(ledger, model, 1)
    serve_from(NAME, load)
    made = score_batch(
        model, 1, history, home / "list.parquet", ledger=ledger, **ME, as_of=load.default_as_of
    )
    publish(NAME, ledger=ledger, **ME, run_id=made.run.run_id)
    access = Access(ledger)
    return World(home, load, ledger, access, create_pages(Stock(ledger), ledger, access))


def reopened() -> Starlette:
    """Return the pages over a home that was made before, for a server in a process of its own."""
    ledger = Ledger.open()
    return create_pages(Stock(ledger), ledger, Access(ledger))


@cache
def _force() -> World:
    home = Path(_open.enter_context(tempfile.TemporaryDirectory(prefix="dashboards-"))) / "home"
    os.environ["PRECURSOR_HOME"] = str(home)
    return build(home)


def made(config: pytest.Config) -> World:
    """Return the world, made once for all tests of a process."""
    before = os.environ["PRECURSOR_HOME"]
    if not _force.cache_info().currsize:
        config.add_cleanup(_open.close)
    try:
        return _force()
    finally:
        os.environ["PRECURSOR_HOME"] = before


@pytest.fixture
def force(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> World:
    """Return the pages over the simulated force, with their own state folder."""
    found = made(request.config)
    monkeypatch.setenv("PRECURSOR_HOME", str(found.home))
    return found
