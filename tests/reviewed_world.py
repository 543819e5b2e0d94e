"""A made-up force with a trained, promoted model, decisions and outcomes: what reviewers look into.

Two models are registered: the champion, and a challenger that the gate refuses. Analysts gave their
own view of many people, decided, and what followed is known by now.
"""

from __future__ import annotations

import contextlib
import os
import random
import tempfile
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import small_force
import worlds
from made_up_matrix import QUICK
from pages_world import World, rows
from served import ME

from features.attributes import attributes
from features.errors import Conflict
from features.history import History
from features.loads import write_load
from features.matrix import build as matrix_of
from features.question import BANDS
from serving.access import Access
from serving.batch import score_batch
from serving.chain import Action
from serving.decisions import decide
from serving.kept import serve_from
from serving.ledger import Ledger
from serving.own_view import give, waiting
from serving.pages.app import create_pages
from serving.permissions import Principal, Role
from serving.publishing import publish
from serving.runs import published
from serving.schema import DecisionRequest, OwnViewRequest
from serving.stock import Stock
from training import experiment, promotion

QUESTION = small_force.QUESTION.model_validate(
    small_force.QUESTION.model_dump()
    | {"capacity": 30, "baselines": ["base_rate", "prior_count", "rfg"], "gates": "report"}
    | {"own_view": {"people": 60, "near_line": 4}}
)
NAME = QUESTION.name
PEOPLE = 300
ANALYST = Principal("a.nalyst", Role.ANALYST)
SECRET = "Their sister said so"
"""In the reason of one decision: it is read out to reviewers and to nobody else."""

_open = contextlib.ExitStack()


def force() -> worlds.Rows:
    """Return the records of the force."""
    found, rng = rows(PEOPLE), random.Random(11)
    for row in found["nominal"]:
        row["sex"] = rng.choice(("male",) * 7 + ("female",) * 2 + (None,))
        row["ethnicity"] = rng.choice(("White",) * 5 + ("Asian", "Black", None))
    return found


def build(home: Path) -> World:
    """Make a home with records, two registered models, lists, own views and decisions."""
    load = write_load(
        home / "records" / "reviewed",
        worlds.tables(force()),
        kind="synthetic",
        data_to=small_force.DATA_TO,
        synthetic=True,
    )
    history, ledger = History(load), Ledger.open()
    matrix = matrix_of(history, QUESTION)
    people = attributes(load, matrix.frame)
    for refused in (False, True):
        question = QUESTION.model_copy(update={"gates": "refuse"}) if refused else QUESTION
        terms = QUICK | {"origins": 1 if refused else 2}
        experiment.train(question, matrix, protected=people, **terms)
        _promote(ledger, refused)
    serve_from(NAME, load)
    model, version = Stock(ledger).champion(NAME)
    for days in (330, 0):
        at = load.default_as_of - timedelta(days=days)
        out = home / f"list-{days}.parquet"
        made = score_batch(model, version, history, out, ledger=ledger, **ME, as_of=at)
        publish(NAME, ledger=ledger, **ME, run_id=made.run.run_id)
        if days:
            _decide(ledger)
    access = Access(ledger)
    return World(home, load, ledger, access, create_pages(Stock(ledger), ledger, access))


def _promote(ledger: Ledger, refused: bool) -> None:
    def record(verdict: promotion.Verdict) -> None:
        action = Action.REFUSAL if verdict.refuses else Action.PROMOTION
        body = verdict.to_data() | {"forced": False}
        ledger.append(action, **ME, purpose="for the pilot", question=NAME, body=body)

    if refused:
        with contextlib.suppress(Conflict):
            promotion.promote(NAME, record=record)
    else:
        promotion.promote(NAME, record=record)


def _decide(ledger: Ledger) -> None:
    """Own views of sixty people, then a decision on most of the list: half of them overridden."""
    listed, rng = published(NAME), random.Random(2)
    said: dict[str, Any] = {"question": NAME, "purpose": "weekly review"}
    for person in waiting(ledger, listed, ANALYST.actor):
        view = {"nominal_id": person, "band": rng.choice(BANDS), "would_select": False}
        give(ledger, OwnViewRequest(**said, **view, reason="by the records"), ANALYST)
    for number, line in enumerate(listed.page(0, 180)):
        if line["insufficient_history"]:
            continue
        given: dict[str, Any] = {"score_id": line["score_id"], "purpose": "weekly review"}
        given |= {"reason": SECRET if number == 0 else "as the records say", "decision": "agree"}
        if rng.random() < 0.5:
            other = rng.choice([band for band in BANDS if band != line["band"]])
            given |= {"decision": "override", "judged_band": other}
        decide(ledger, DecisionRequest(**given), ANALYST)


@cache
def _world() -> World:
    home = Path(_open.enter_context(tempfile.TemporaryDirectory(prefix="reviewed-"))) / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRECURSOR_HOME", str(home))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.delenv("PRECURSOR_MLFLOW_STORE", raising=False)
        return build(home)


def made(config: pytest.Config) -> World:
    """Return the world, made once for all tests of a process."""
    if not _world.cache_info().currsize:
        config.add_cleanup(_open.close)
    return _world()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> World:
    """Return the pages with their own state folder."""
    found = made(request.config)
    monkeypatch.setenv("PRECURSOR_HOME", str(found.home))
    return found


if __name__ == "__main__":  # a world to look at: PRECURSOR_HOME says where
    build(Path(os.environ["PRECURSOR_HOME"]))
