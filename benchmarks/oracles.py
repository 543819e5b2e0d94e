"""How near the champion comes to the best there can be from records, at the size of a large force.

`train --truth` tells the same distance after a whole training; here only what the distance needs is
done, so that forces of many sizes can be tried: matrix, split, fit, the two oracles. The force, the
other worlds and what was learnt of them are kept, so a second question of a force is quicker.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from features.history import History
from features.loads import Load, open_load
from features.matrix import Matrix, build, learning_dates
from features.question import Question
from features.synthetic import synthesise
from features.synthetic.truth import MANIFEST
from training import fit
from training.contest import beyond
from training.oracles_distance import Distance, Oracles
from training.oracles_truth import open_truth
from training.splits import cuts

EVERY = 2  # of the test dates; rows half a year apart share less of their histories
GOAL = 0.97
"""Share of the record oracle's soft AUC above chance."""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Nearness:
    """How near a champion came.

    Attributes
    ----------
    question : str
    rows, wider, positives : int
        What it was trained on: rows of its cohort, of a wider one, outcomes of its own.
    trees : int
    distance : Distance
    """

    question: str
    rows: int
    wider: int
    positives: int
    trees: int
    distance: Distance

    @property
    def line(self) -> str:
        """The figures as a row of a table in Markdown."""
        found = self.distance
        model, oracle = (found.figures[name]["auc"] for name in ("model", "record_oracle"))
        return (
            f"| `{self.question}` | {self.rows:,} | {self.wider:,} | {self.positives:,} |"
            f" {model:.4f} | {oracle:.4f} ({found.oracle_error:.4f}) | {found.share:.1%} |"
            f" {found.above:+.4f} ({found.error:.4f}) |"
        )


HEAD = (
    "| question | training rows | and of a wider cohort | with the outcome | soft AUC |"
    " record oracle (standard error) | of the oracle, above chance | above it (standard error) |\n"
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
)


@dataclass(frozen=True)
class Fitted:
    """A champion as a training fits it, and the rows it is judged on: every second test date."""

    rows: fit.Rows
    fitted: fit.Fit
    test: Matrix

    @property
    def positives(self) -> int:
        """How many outcomes of its own it learnt from."""
        return int(self.rows.own.y.sum())


def force(
    home: Path, nominals: int, years: int, seed: int, tell: Tell, *, known: bool = True
) -> tuple[Path, Path]:
    """Return the folders of a force's records and truth, simulated unless they are there.

    Its truth is worked out if it is to be `known`.
    """
    records = home / f"force-{nominals}-{years}-{seed}"
    truth = records.with_name(f"{records.name}-truth")
    if not ((truth / MANIFEST) if known else records).exists():
        tell(f"simulating {nominals:,} nominals over {years} years")
        told = truth if known else None
        synthesise(records, nominals=nominals, years=years, seed=seed, truth=told)
    return records, truth


def champion(question: Question, load: Load, tell: Tell) -> Fitted:
    """Split and fit as a training does."""
    tell(f"{question.name}: compiling histories")
    history = History(load, harm=question.harm)
    dates = np.array(learning_dates(load, question, history.compiled.known()), "datetime64[D]")
    train_before, test_from = (np.datetime64(day) for day in cuts(dates, question))
    judged = dates[dates >= test_from][::-EVERY]
    rows = _training(history, question, dates[dates < train_before])
    test = build(history, question, at=judged.tolist())
    own = rows.own
    tell(f"{question.name}: fitting {len(own.y):,} rows, {int(own.y.sum()):,} with the outcome")
    if rows.wider:
        tell(f"{question.name}: and {rows.wider:,} rows of a wider cohort")
    return Fitted(rows, fit.fit(rows), test)


def nearness(
    question: Question,
    records: Path,
    truth: Path,
    *,
    universes: int,
    universe_nominals: int | None,
    tell: Tell,
) -> Nearness:
    """Fit a champion as a training does, and hold it against both oracles.

    Raises
    ------
    PrecursorError
        The records are too short, the truth is of others, or the leakage alarm was raised.
    """
    load = open_load(records)
    oracles = Oracles(
        question,
        open_truth(truth, load),
        universes=universes,
        nominals=universe_nominals,
        progress=tell,
    )
    made = champion(question, load, tell)
    margin = made.fitted.margin(made.test.X)
    return Nearness(
        question.name,
        len(made.rows.own.y),
        made.rows.wider,
        made.positives,
        made.fitted.trees,
        oracles.judge(made.test, made.fitted.calibration.probability(margin))[0],
    )


def _training(history: History, question: Question, at: npt.NDArray[np.datetime64]) -> fit.Rows:
    """Return the rows to fit; the matrix they are from is let go, since it may be very large."""
    matrix = build(history, question, at=at.tolist())
    if question.wider is None:
        return fit.Rows.of(matrix.frame, matrix.feature_set)
    more = beyond(matrix, build(history, question.wider, at=at.tolist())).frame
    return fit.Rows.of(matrix.frame, matrix.feature_set, more)
