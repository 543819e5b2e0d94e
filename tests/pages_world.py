"""A small made-up force with two published lists, and the pages over it, in this process."""

from __future__ import annotations

import contextlib
import os
import random
import tempfile
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import small_force
import worlds
from served import ME, put_in_force
from starlette.applications import Starlette
from starlette.testclient import TestClient

from features.history import History
from features.loads import Load, write_load
from features.question import Question
from serving.access import Access
from serving.batch import score_batch
from serving.kept import serve_from
from serving.ledger import Ledger
from serving.pages.app import create_pages
from serving.permissions import Principal, Role
from serving.publishing import publish
from serving.stock import Stock

QUESTION = small_force.QUESTION.model_copy(update={"capacity": 12})
NAME = QUESTION.name
AWKWARD = ("O'Brien", "<b>bold</b>", "N" * 80)
"""Ids that must come out as they went in, and as nothing else."""

AREAS = ("North", "East & Centre", "<i>South</i>", None)
PURPOSE = "weekly review"
ANALYST = Principal("analyst one", Role.ANALYST)
_open = contextlib.ExitStack()


def rows(people: int) -> worlds.Rows:
    """Return records of a small force with everything a page can show."""
    rng = random.Random(5)
    found = small_force.rows(people)
    names = dict(zip((f"N{i:04d}" for i in range(len(AWKWARD))), AWKWARD, strict=True))
    for table in found.values():
        for row in table:
            if row.get("nominal_id") in names:
                row["nominal_id"] = names[row["nominal_id"]]
                if "born_on" in row:
                    row["record_id"] = row["nominal_id"]
    for row in found["nominal"]:
        row["area"] = rng.choice(AREAS)
    offences = {row["record_id"]: row for row in found["offence"]}
    for number, part in enumerate(list(found["involvement"])):
        _consequences(found, rng, number, part["nominal_id"], offences[part["offence_id"]])
    return found


def _consequences(
    found: worlds.Rows, rng: random.Random, number: int, who: str, offence: dict[str, Any]
) -> None:
    """Add what followed an offence: charge, conviction, bail, prison, order, programme, marker."""
    day, last = offence["known_on"], small_force.DATA_TO

    def add(table: str, after: int, **columns: Any) -> None:
        when = day + timedelta(days=after)
        if when <= last:
            found[table].append(
                {"record_id": f"{table}-{number}-{after}", "nominal_id": who}
                | {"occurred_on": when, "known_on": when}
                | columns
            )

    about = {"offence_id": offence["record_id"], "episode_id": f"X{number}"}
    charged = rng.random() < 0.3
    if charged:
        add("outcome", 40, offence_id=offence["record_id"], result="charged")
        if rng.random() < 0.5:
            add("outcome", 150, offence_id=offence["record_id"], result="convicted")
            add("imprisonment", 151, episode_id=f"P{number}", event="received", kind="prison")
            add("imprisonment", 300, episode_id=f"P{number}", event="released", kind="prison")
    if rng.random() < 0.3:
        conditions = rng.choice(("yes", "no", None))
        add("bail", 1, **about, event="granted", conditions=conditions)
        if rng.random() < 0.5:
            add("bail", 60, **about, event="ended")
    elif rng.random() < 0.2:
        add("custody", 2, **about, event="disposed", disposal="released_under_investigation")
    if rng.random() < 0.15:
        kind = rng.choice(("non_molestation", "stalking_protection", "restraining"))
        until = day + timedelta(days=rng.choice((28, 365, 900)))
        expires = {"expires_on": rng.choice((until, None))}
        add("protective_order", 5, **about, event="made", kind=kind, **expires)
        if rng.random() < 0.3:
            add("protective_order", 20, **about, event="breached", kind=kind)
    if rng.random() < 0.05:
        add("wanted", 3, episode_id=f"W{number}", event="circulated")
        if rng.random() < 0.5:
            add("wanted", 30, episode_id=f"W{number}", event="cancelled")
    if rng.random() < 0.08:
        name = "Building better relationships"
        add("programme", 30, episode_id=f"G{number}", event="started", name=name)
        add("programme", 200, episode_id=f"G{number}", event="completed", name=name)
    if rng.random() < 0.1:
        other = f"N{rng.randrange(10, 60):04d}"
        part = {"offence_id": offence["record_id"], "role": "victim", "relationship": "partner"}
        add("involvement", 0, **part | {"nominal_id": other})


@dataclass(frozen=True)
class World:
    """The pages, and what stands behind them."""

    home: Path
    load: Load
    ledger: Ledger
    access: Access
    app: Starlette

    def client(self, role: str = "analyst", *, actor: str | None = None, **more: Any) -> TestClient:
        """Return a client that is signed in."""
        client = self.stranger(**more)
        token = self.access.issue_token(actor or f"{role} one", role, 1)
        fields = {"token": token, "purpose": PURPOSE, "next": "/how-scores-are-made"}
        answer = client.post("/sign-in", data=fields)
        assert answer.status_code == 200, answer.text
        return client

    def stranger(self, **more: Any) -> TestClient:
        """Return a client of nobody in particular, on this machine."""
        return TestClient(
            self.app, base_url="http://127.0.0.1", client=("127.0.0.1", 50000), **more
        )


def build(home: Path, people: int = 150, question: Question = QUESTION) -> World:
    """Make a home with records, a promoted model and two lists, one after the other."""
    found = worlds.tables(rows(people))
    load = write_load(
        home / "records" / "pages",
        found,
        kind="synthetic",
        data_to=small_force.DATA_TO,
        synthetic=True,
    )
    history = History(load, harm=question.harm)
    model = small_force.make_model(history, question=question)
    ledger = Ledger.open()
    put_in_force(ledger, model, 1)
    serve_from(NAME, load)
    for days in (28, 0):
        at: date = load.default_as_of - timedelta(days=days)
        out = home / f"list-{days}.parquet"
        made = score_batch(model, 1, history, out, ledger=ledger, **ME, as_of=at)
        publish(NAME, ledger=ledger, **ME, run_id=made.run.run_id)
    access = Access(ledger)
    app = create_pages(Stock(ledger), ledger, access)
    return World(home, load, ledger, access, app)


def reopened() -> Starlette:
    """Return the pages over a home that was made before, for a server in a process of its own."""
    ledger = Ledger.open()
    return create_pages(Stock(ledger), ledger, Access(ledger))


@cache
def _world() -> World:
    home = Path(_open.enter_context(tempfile.TemporaryDirectory(prefix="pages-"))) / "home"
    os.environ["PRECURSOR_HOME"] = str(home)
    return build(home)


def made(config: pytest.Config) -> World:
    """Return the world, made once for all tests of a process."""
    before = os.environ["PRECURSOR_HOME"]
    if not _world.cache_info().currsize:
        config.add_cleanup(_open.close)
    try:
        return _world()
    finally:
        os.environ["PRECURSOR_HOME"] = before


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> World:
    """Return the pages with their own state folder."""
    found = made(request.config)
    monkeypatch.setenv("PRECURSOR_HOME", str(found.home))
    return found
