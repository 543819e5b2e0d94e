"""How near the champion comes to the best there can be from records, at the size of a large force.

`train --truth` tells the same distance after a whole training; here only what the distance needs is
done, so that forces of many sizes can be tried: matrix, split, fit, the two oracles. The force, the
other worlds and what was learnt of them are kept, so a second question of a force is quicker.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from features.history import History
from features.loads import open_load
from features.matrix import Matrix, build, learning_dates
from features.question import Question
from features.synthetic import synthesise
from features.synthetic.truth import MANIFEST
from training import cohorts, fit, recalibration
from training.contest import beyond
from training.coverage import coverage
from training.evaluation import Judged
from training.experiment import SEED
from training.metrics import Floats
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
    coverage : list of dict
        How often intervals contain the record oracle's value (`training.coverage`); empty unless
        refits were asked for.
    """

    question: str
    rows: int
    wider: int
    positives: int
    trees: int
    distance: Distance
    coverage: list[dict[str, Any]]

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

    @property
    def covered(self) -> str:
        """The coverage of its intervals as a row of a table in Markdown; empty where not asked."""
        share = {one["part"]: one["covered"] for one in self.coverage}
        if not share:
            return ""
        tenths = [value for part, value in share.items() if part.startswith("tenth")]
        others = [f"{part} {value:.0%}" for part, value in share.items() if part[:5] != "tenth"][1:]
        spread = f"{min(tenths):.0%} to {max(tenths):.0%}" if tenths else "too few rows"
        return (
            f"| `{self.question}` | {self.positives:,} | {share['all']:.0%} | {spread} |"
            f" {', '.join(others) or 'none'} |"
        )


COVERED = (
    "| question | outcomes learnt from | intervals that hold the oracle's value |"
    " by tenths of risk | by sub-cohort |\n| --- | ---: | ---: | ---: | --- |"
)
HEAD = (
    "| question | training rows | and of a wider cohort | with the outcome | soft AUC |"
    " record oracle (standard error) | of the oracle, above chance | above it (standard error) |\n"
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
)


def force(home: Path, nominals: int, years: int, seed: int, tell: Tell) -> tuple[Path, Path]:
    """Return the folders of a force's records and truth, simulated unless they are there."""
    records = home / f"force-{nominals}-{years}-{seed}"
    truth = records.with_name(f"{records.name}-truth")
    if not (truth / MANIFEST).exists():
        tell(f"simulating {nominals:,} nominals over {years} years")
        synthesise(records, nominals=nominals, years=years, seed=seed, truth=truth)
    return records, truth


def nearness(
    question: Question,
    records: Path,
    truth: Path,
    *,
    universes: int,
    universe_nominals: int | None,
    refits: int = 0,
    tell: Tell,
) -> Nearness:
    """Fit a champion as a training does, and hold it against both oracles.

    With refits, its intervals are made as a training makes them, and held against the oracle too.

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
    fitted = fit.fit(rows)
    probability = fitted.calibration.probability(fitted.raw(test.X))
    found = oracles.judge(test, probability)
    held: list[dict[str, Any]] = []
    if refits and oracles.best is not None:
        tell(f"{question.name}: {refits} refits for the intervals")
        held = _covered(question, fitted, rows, test, refits, *oracles.best)
    return Nearness(
        question.name,
        len(own.y),
        rows.wider,
        int(own.y.sum()),
        fitted.trees,
        found,
        held,
    )


def _covered(
    question: Question,
    fitted: fit.Fit,
    rows: fit.Rows,
    test: Matrix,
    refits: int,
    at: npt.NDArray[np.int64],
    best: Floats,
) -> list[dict[str, Any]]:
    """Return how often intervals contain the record oracle's value, part by part."""
    raw, people = fitted.raw(test.X), test.frame["nominal_id"].to_numpy(dtype=str)
    judged = Judged(
        test.y, people, capacity=question.capacity, lists=test.frame["as_of_date"].to_numpy()
    )
    again = fit.refits(rows, fitted, test.X, count=refits, seed=SEED)
    probability = recalibration.final(raw, judged.y, fitted.calibration).probability(raw)[at]
    table = recalibration.interval_table(raw, again, judged, fitted.calibration, SEED)
    low, high = table.ends(probability)
    return coverage(low, high, probability, best, cohorts.parts(test.frame.iloc[at]))


def _training(history: History, question: Question, at: npt.NDArray[np.datetime64]) -> fit.Rows:
    """Return the rows to fit; the matrix they are from is let go, since it may be very large."""
    matrix = build(history, question, at=at.tolist())
    if question.wider is None:
        return fit.Rows.of(matrix.frame, matrix.feature_set)
    more = beyond(matrix, build(history, question.wider, at=at.tolist())).frame
    return fit.Rows.of(matrix.frame, matrix.feature_set, more)
