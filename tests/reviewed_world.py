"""A made-up force with a trained, promoted model, decisions and outcomes: what reviewers look into.

Two models are registered: the champion, and a challenger that the gate refuses. Analysts gave their
own view of many people, decided, and what followed is known by now. The question was looked at
again since: drift, shadow and feedback; and a model of a question of old was retired.
"""

from __future__ import annotations

import contextlib
import os
import random
import tempfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import small_force
import worlds
from made_up_matrix import QUICK
from pages_world import World, rows
from served import ME

from features import kept_reports
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
from serving.retirement import retire
from serving.runs import published
from serving.schema import DecisionRequest, OwnViewRequest
from serving.stock import Stock
from training import drift_history, experiment, feedback, promotion, shadow
from training.drift import Check, Drift
from training.events import Event
from training.feedback import Feedback
from training.metrics import Figure
from training.shadow import METRICS, Shadow

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
    _looked_again(ledger)
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
    bands = {line["nominal_id"]: line["band"] for line in listed.page(0, PEOPLE)}
    # who is asked is drawn by a lot of the list's own; half of them as the score has it, so that
    # neither side is ever too few to be told
    for number, person in enumerate(waiting(ledger, listed, ANALYST.actor)):
        band = bands[person] if number % 2 else rng.choice(BANDS)
        view = {"nominal_id": person, "band": band, "would_select": False}
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


CHECK = Check(
    "calibration", "slope", 0.61, None, 0.0004, "review", "the slope of the calibration is 0.61"
)
DRIFTS = (
    Drift("stable", (), 0, (), 240, 120, 0, date(2026, 1, 1), date(2026, 2, 1)),
    Drift(
        "review",
        (CHECK, replace(CHECK, name="x", level="stable", words="nothing")),
        2,
        (Event("a new recording system", date(2026, 1, 5), date(2026, 1, 9)),),
        *(1240, 620, 310),
        *(date(2026, 1, 1), date(2026, 2, 1)),
    ),
)
FIGURE = Figure(0.731, 0.702, 0.764)
COMPARED = Shadow(
    *(4000, 1500, 60, 3, date(2027, 8, 2)),
    {"model": dict.fromkeys(METRICS, FIGURE), "rfg": dict.fromkeys(METRICS, FIGURE)},
    dict.fromkeys(METRICS, Figure(0.04, 0.01, 0.07)),
)
SIDE = {"rows": 300, "people": 210, "attention": 95}
WATCHED = Feedback(
    "found",
    (date(2025, 1, 1), date(2025, 2, 1)),
    20,
    {"listed": SIDE, "unlisted": SIDE},
    {"attention": Figure(1.62, 1.21, 2.17), "risk": Figure(1.02, 0.7, 1.49)},
    Figure(1.01, 0.8, 1.27),
    None,
)


def _looked_again(ledger: Ledger) -> None:
    """Keep what the commands keep: two looks at drift, one in shadow, one for feedback."""
    about = {"version": 1, "load": "f" * 64}
    for number, found in enumerate(DRIFTS):
        said = {**about, "done": []}
        drift_history.keep(NAME, found, said, datetime(2026, 2, 1 + number, 9, 30, tzinfo=UTC))
    at = datetime(2026, 2, 3, 9, 30, tzinfo=UTC)
    said = COMPARED.to_data() | about
    kept_reports.keep(kept_reports.SHADOW, NAME, said, shadow.told(COMPARED), at)
    said = WATCHED.to_data() | about
    kept_reports.keep(kept_reports.FEEDBACK, NAME, said, feedback.told(WATCHED), at)
    who = Principal("t.ester", Role.OPERATOR)
    retire(ledger, "question_of_old", 4, "a" * 64, who=who, reason="no longer asked", stop=list)


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
