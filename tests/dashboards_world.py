"""A small simulated force with a published list, and the pages over it, for the dashboards."""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import small_force
from pages_world import World
from served import ME, put_in_force
from starlette.applications import Starlette

from features.history import History
from features.question import OwnView
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
    | {"sign_off": "overrides"}
)
NAME = QUESTION.name
BLIND = "z_own_view_first"
"""A second question, whose list opens after the analyst's own view."""

NOMINALS = 2_000
_open = contextlib.ExitStack()


def build(home: Path) -> World:
    """Make a home with a simulated force, a promoted model and a list."""
    load = synthesise(home / "records" / "force", nominals=NOMINALS, years=2, seed=3)
    history = History(load)
    # a model of other records: the scores need only be there, and this one is fitted in a moment
    learnt = History(small_force.make_load(home / "learnt"))
    model = small_force.make_model(learnt, question=QUESTION)
    view = {"people": 2, "near_line": 4}
    other = QUESTION.model_copy(
        update={"name": BLIND, "title": "Z: own view first", "own_view": OwnView(**view)}
    )
    ledger = Ledger.open()
    for question, scorer in ((NAME, model), (BLIND, replace(model, question=other))):
        put_in_force(ledger, scorer, 1)
        serve_from(question, load)
        out, at = home / f"{question}.parquet", load.default_as_of
        made = score_batch(scorer, 1, history, out, ledger=ledger, **ME, as_of=at)
        publish(question, ledger=ledger, **ME, run_id=made.run.run_id)
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
