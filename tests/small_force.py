"""A small made-up force and a model trained on it, quickly, for tests of what serves scores."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path

import worlds

from benchmarks import serving_world
from features.history import History
from features.loads import Load, write_load
from features.question import Question
from models.risk_model import RiskModel

DATA_TO = date(2026, 1, 31)
AS_OF = DATA_TO + timedelta(days=1)
CHILD, UNBORN, NEWCOMER, QUIET = "N-child", "N-no-birth", "N-newcomer", "N-quiet"
"""People of each kind that gets no score, and why: under 18, no date of birth, too little history,
nothing in the last two years."""

QUESTION = Question(
    name="violence_6m",
    title="Violence within six months",
    outcome_words="named as suspect in a violent offence within 6 months",
    cohort={"source": "suspected", "within_days": 730},
    outcome={"source": "suspected", "of": ["violence"]},
    horizon_days=182,
    lag_days=30,
    capacity=20,
    abstain={"source": "suspected", "fewer_than": 2, "known_for_days": 60},
)


def rows(people: int = 300, seed: int = 7) -> worlds.Rows:
    """Return canonical records: some people offend often, and mostly violently, others rarely."""
    rng = random.Random(seed)
    found: worlds.Rows = {name: [] for name in worlds.TABLES}
    number = 0

    def person(nominal_id: str, born_on: date | None) -> None:
        known = {"record_id": nominal_id, "nominal_id": nominal_id, "born_on": born_on}
        found["nominal"].append(known | {"known_on": date(2012, 1, 1)})

    def report(nominal_id: str, day: date, code: str) -> None:
        nonlocal number
        number += 1
        late = min(day + timedelta(days=rng.choice((0, 0, 1, 5, 40))), DATA_TO)
        when = {"occurred_on": day, "known_on": late}
        offence = {"record_id": f"O{number}", "reference": f"20DL/{number}", "offence_code": code}
        found["offence"].append(offence | {"domestic": rng.random() < 0.3} | when)
        part = {"offence_id": f"O{number}", "nominal_id": nominal_id, "role": "suspect"}
        found["involvement"].append(part | {"record_id": f"I{number}"} | when)
        if rng.random() < 0.3:
            stay = {"record_id": f"C{number}", "nominal_id": nominal_id, "event": "detained"}
            found["custody"].append(stay | {"episode_id": f"E{number}"} | when)

    for i in range(people):
        nominal_id = f"N{i:04d}"
        person(nominal_id, date(1960 + rng.randrange(45), 1 + rng.randrange(12), 1))
        pace = rng.choice((0.4, 1.0, 4.0))
        violent = 0.7 if pace == 4.0 else 0.2
        day = date(2020, 1, 1) + timedelta(days=rng.randrange(400))
        while day <= DATA_TO:
            kind = "violence_with_injury" if rng.random() < violent else "shoplifting"
            report(nominal_id, day, f"class/{kind}")
            day += timedelta(days=1 + int(rng.expovariate(pace / 365)))
    for nominal_id, born_on, day in (
        (CHILD, date(2012, 5, 1), DATA_TO - timedelta(days=200)),
        (UNBORN, None, DATA_TO - timedelta(days=200)),
        (NEWCOMER, date(1990, 1, 1), DATA_TO - timedelta(days=10)),
        (QUIET, date(1970, 1, 1), date(2021, 3, 1)),
    ):
        person(nominal_id, born_on)
        report(nominal_id, day, "class/violence_with_injury")
    return found


def make_load(out: Path, *, people: int = 300, seed: int = 7) -> Load:
    """Write the force as a load."""
    tables = worlds.tables(rows(people, seed))
    return write_load(out, tables, kind="synthetic", data_to=DATA_TO, synthetic=True)


def make_model(history: History, *, trees: int = 20, question: Question = QUESTION) -> RiskModel:
    """Fit a small model on the force as it was known on three earlier dates."""
    return serving_world.fit(
        history, question, trees=trees, leaves=7, depth=-1, days_ago=(640, 430, 220), most=None
    )
