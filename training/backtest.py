"""The backtest: the same contest held again at earlier origins, each with what was mature by then.

An origin is a date on which one might have trained: its training rows had matured before it, its
test rows lie from it up to the next origin. Walking back from the test part of the registered model
in blocks of the same number of as-of dates, origins are added until a part has too few outcomes.
Pooled figures are over the test rows of all origins, each scored by its own origin's model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from features.errors import PrecursorError
from features.matrix import Matrix
from features.question import Question
from features.types import Tell
from training.contest import Contest, contest
from training.evaluation import MODEL, Evaluation, Judged, evaluate
from training.metrics import Figure
from training.splits import Split, temporal

ORIGINS = 4
"""Origins at most, with that of the registered model."""


@dataclass(frozen=True)
class Origin:
    """One origin of the backtest: when it tests, and what came of it."""

    test_from: date
    test_to: date
    train_before: date
    training_rows: int
    evaluation: Evaluation


@dataclass(frozen=True)
class Backtest:
    """All origins, the oldest first, and the figures over all of them.

    Attributes
    ----------
    origins : tuple of Origin
        The last one is that of the registered model.
    pooled : Evaluation
    stopped : str
        Why there is no earlier origin.
    """

    origins: tuple[Origin, ...]
    pooled: Evaluation
    stopped: str

    def to_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "origins": [
                {
                    "test_from": origin.test_from.isoformat(),
                    "test_to": origin.test_to.isoformat(),
                    "train_before": origin.train_before.isoformat(),
                    "training_rows": origin.training_rows,
                    "evaluation": origin.evaluation.to_data(),
                }
                for origin in self.origins
            ],
            "pooled": self.pooled.to_data(),
            "stopped": self.stopped,
        }

    @property
    def text(self) -> str:
        """The backtest as lines to print; empty where there is one origin only."""
        if len(self.origins) < 2:
            return f"\nBacktest: one origin only; {self.stopped}.\n"
        rival = best_rival(self.pooled)
        head = f"{'Backtest, tested':<26}{'train rows':>11}{'rows':>8}{'outcomes':>10}"
        head += "".join(
            f"{word:>25}" for word in ("AUC", "precision @C", "captured @C", "calibration slope")
        )
        lines = ["", f"{head}{'AUC less ' + rival.replace('_', ' '):>32}"]
        for origin in self.origins:
            name = f"{origin.test_from} to {origin.test_to}"
            lines.append(_line(name, f"{origin.training_rows:,}", origin.evaluation, rival))
        lines.append(_line("pooled", "", self.pooled, rival))
        lines.append(f"{len(self.origins)} origins; {self.stopped}.")
        return "\n".join(lines) + "\n"


def _line(name: str, training: str, found: Evaluation, rival: str) -> str:
    own = found.figures[MODEL]
    shown = [own[m] for m in ("auc", "precision", "recall", "calibration_slope")]
    gap = found.differences[rival]["auc"] if rival in found.differences else None
    return (
        f"{name:<26}{training:>11}{found.rows:>8,}{found.positives:>10,}"
        + "".join(f"{_shown(figure):>25}" for figure in shown)
        + f"{'-' if gap is None else _shown(gap):>32}"
    )


def _shown(figure: Figure) -> str:
    return str(figure) if np.isfinite(figure.value) else "-"


def best_rival(evaluation: Evaluation) -> str:
    """Return the baseline with the highest AUC."""
    others = [name for name in evaluation.figures if name != MODEL]
    return max(others, key=lambda n: evaluation.figures[n]["auc"].value) if others else MODEL


def splits(
    frame: pd.DataFrame, question: Question, last: Split, most: int = ORIGINS
) -> tuple[list[Split], str]:
    """Return the splits of earlier origins, the latest first, and why they end.

    Parameters
    ----------
    frame : DataFrame
        `nominal_id`, `as_of_date`, `label`; every label mature.
    question : Question
    last : Split
        That of the registered model.
    most : int
        Origins at most, `last` among them.
    """
    as_of = frame["as_of_date"].to_numpy().astype("datetime64[D]")
    days = np.unique(as_of)
    block = int((days >= np.datetime64(last.test_from)).sum())
    gap = last.test_from - last.train_before
    found: list[Split] = []
    until = np.datetime64(last.test_from)
    while len(found) < most - 1:
        earlier = days[days < until][-block:]
        if len(earlier) < block:
            return found, "before the first there are too few dates to test on"
        begins = earlier[0].astype(object)
        rule = question.split.model_copy(update={"test_from": begins, "train_before": begins - gap})
        here = as_of < until
        try:
            own = temporal(frame[here], question.model_copy(update={"split": rule}))
        except PrecursorError:
            return found, "before the first a part has too few outcomes"
        train, test = np.zeros(len(frame), dtype=bool), np.zeros(len(frame), dtype=bool)
        train[here], test[here] = own.train, own.test
        found.append(replace(own, train=train, test=test))
        until = earlier[0]
    return found, f"at most {most} are tried"


def backtest(
    question: Question,
    work: Matrix,
    final: Contest,
    evaluation: Evaluation,
    *,
    origins: int = ORIGINS,
    draws: int = 500,
    seed: int = 0,
    progress: Tell | None = None,
    terms: Mapping[str, Any] | None = None,
) -> Backtest:
    """Hold the contest at earlier origins too.

    Parameters
    ----------
    question : Question
    work : Matrix
        Labelled rows by person and date.
    final : Contest
        That of the registered model; it is the last origin.
    evaluation : Evaluation
        What came of it.
    origins : int
        At most, the last among them.
    draws, seed : int
        For intervals.
    progress : callable, optional
    terms : mapping, optional
        For the fit: threads and LightGBM parameters.
    """
    earlier, stopped = splits(work.frame, question, final.split, origins)
    contests, judged = [final], [evaluation]
    for split in earlier:
        if progress is not None:
            progress(
                f"backtest: trained before {split.train_before}, tested from {split.test_from}"
            )
        held = contest(question, work, split, **(terms or {}))
        contests.append(held)
        judged.append(evaluate(held.judged, held.scores, draws=draws, seed=seed))
    found = [
        _origin(work, held, own) for held, own in zip(contests[::-1], judged[::-1], strict=True)
    ]
    pooled = evaluation
    if len(contests) > 1:
        together, scores = pool(contests)
        pooled = evaluate(together, scores, draws=draws, seed=seed)
    return Backtest(tuple(found), pooled, stopped)


def _origin(work: Matrix, held: Contest, evaluation: Evaluation) -> Origin:
    days = work.frame.loc[held.split.test, "as_of_date"]
    return Origin(
        test_from=days.min().date(),
        test_to=days.max().date(),
        train_before=held.split.train_before,
        training_rows=len(held.rows.own.y),
        evaluation=evaluation,
    )


def pool(contests: Sequence[Contest]) -> tuple[Judged, dict[str, np.ndarray]]:
    """Return the test rows of several contests as one, with the scores all of them have.

    Where rows make one list, each origin's rows make a list of their own.
    """
    parts = [held.judged for held in contests]
    names = set.intersection(*(set(held.scores) for held in contests))
    harms = [part.harm for part in parts]
    lists = [
        np.full(len(part.y), str(place)) if part.lists is None else part.lists.astype(str)
        for place, part in enumerate(parts)
    ]
    together = Judged(
        y=np.concatenate([part.y for part in parts]),
        people=np.concatenate([part.people for part in parts]),
        capacity=parts[0].capacity,
        lists=np.concatenate(lists),
        harm=np.concatenate([h for h in harms if h is not None])
        if all(h is not None for h in harms)
        else None,
        thresholds=parts[0].thresholds,
    )
    scores = {
        name: np.concatenate([held.scores[name] for held in contests])
        for name in contests[0].scores
        if name in names
    }
    return together, scores
