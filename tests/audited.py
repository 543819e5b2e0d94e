"""Small made-up forces whose audits have known answers, trained on once each."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path

from features.attributes import attributes
from features.history import History
from features.loads import Load
from features.matrix import build, learning_dates
from features.question import Question, SplitRule
from features.synthetic import Switches, synthesise
from training.drift import Drift, monitor
from training.events import read_events
from training.experiment import Result, train
from training.period import period_rows
from training.questions import question

OFF = Switches.off()
CHANGED = replace(OFF, drift=True)
_kept = tempfile.TemporaryDirectory(prefix="precursor-audited-")
QUICK = {"register": False, "refits": 2, "draws": 100}


def asked(*marks: str) -> Question:
    """The question on domestic abuse with a common outcome, soon known: a small force has many."""
    found = question("domestic_abuse_high_harm")
    outcome = found.outcome.model_copy(update={"of": marks})
    terms = {"horizon_days": 182, "lag_days": 60, "outcome": outcome}
    return found.model_copy(update=terms)


def force(switches: Switches, *, nominals: int, years: int, seed: int = 1, **terms: object) -> Load:
    """Return the records of a made-up force."""
    folder = Path(tempfile.mkdtemp(dir=_kept.name))
    return synthesise(
        folder / "records",
        nominals=nominals,
        years=years,
        seed=seed,
        switches=switches,
        **terms,  # type: ignore[arg-type]
    )


def trained(load: Load, on: Question) -> Result:
    """Train on a load, and audit by its person records."""
    matrix = build(History(load, harm=on.harm), on)
    return train(on, matrix, protected=attributes(load, matrix.frame), **QUICK)


@dataclass(frozen=True)
class Watched:
    """A training on the first years of a force, and what the monitor says of the later ones."""

    result: Result
    drift: Drift


@cache
def watched(*, drift: bool = False, seed: int = 1, nominals: int = 4000) -> Watched:
    """Train on the first two thirds of the dates there are, and monitor the rest."""
    # a quarter tests, so that what later rows are held against rests on enough people
    quarter = SplitRule(test_share=0.25)
    on = asked("violence").model_copy(update={"history_days": 730, "split": quarter})
    switches, until = CHANGED if drift else OFF, date(2023, 3, 31)
    load = force(switches, nominals=nominals, years=6, seed=seed, data_to=until)
    history = History(load, harm=on.harm)
    at = learning_dates(load, on, history.compiled.known())
    early, late = at[: 2 * len(at) // 3], at[2 * len(at) // 3 :]
    matrix = build(history, on, at=early)
    result = train(on, matrix, protected=attributes(load, matrix.frame), **QUICK)
    rows = period_rows(result.model, history, late)
    return Watched(result, monitor(result.model, rows, attributes(load, rows), read_events()))
