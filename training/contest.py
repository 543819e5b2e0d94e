"""One contest: a model and its baselines fitted on a training part and scored on a test part.

The training of a question holds it once for the model it registers, and once for each earlier
origin of the backtest; both go through here, so that they are judged alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from features.matrix import Matrix
from features.question import CohortRule, Question
from features.spine import KEYS
from features.types import Floats
from training import baselines, fit
from training.evaluation import MODEL, Judged
from training.splits import Split


@dataclass(frozen=True)
class Contest:
    """What came of one contest.

    Attributes
    ----------
    split : Split
    rows : Rows
        The training part.
    X : ndarray, shape (test rows, columns)
    judged : Judged
        The test part.
    fitted : Fit
    margin : ndarray, shape (test rows,)
        The booster's margins.
    scores : dict of method to ndarray
        Probabilities of the model, calibrated on the training part, and of each baseline.
    notes : dict of str to str
        What each baseline uses, or why it is not available.
    """

    split: Split
    rows: fit.Rows
    X: Floats
    judged: Judged
    fitted: fit.Fit
    margin: Floats
    scores: dict[str, Floats]
    notes: dict[str, str]


def contest(
    question: Question,
    work: Matrix,
    split: Split,
    *,
    beside: pd.DataFrame | None = None,
    wider: Matrix | None = None,
    threads: int | None = None,
    **changes: Any,
) -> Contest:
    """Fit a question's model and baselines on the training part and score the test part.

    Parameters
    ----------
    question : Question
    work : Matrix
        Labelled rows by person and date.
    split : Split
    beside : DataFrame, optional
        What stands beside the rows, in their order (`training.sanctions.beside`).
    wider : Matrix, optional
        Labelled rows of the wider cohort that are not the question's own (`beyond`): the trees
        learn from them too. Baselines do not: each is a rule, or few numbers for which its own rows
        suffice.
    threads : int, optional
    **changes
        LightGBM parameters other than the house's.
    """
    rows, X, judged = (
        training_rows(work, split, wider),
        work.X[split.test],
        tested_rows(question, work, split),
    )
    own = rows.own
    fitted = fit.fit(rows, threads=threads, **changes)
    before, after = (
        None if beside is None else beside[mask].reset_index(drop=True)
        for mask in (split.train, split.test)
    )
    simple, missing = baselines.fit(
        question.baselines, own.X, own.y, work.feature_set, beside=before, question=question
    )
    others, notes = baselines.best(simple, X, judged.y, after)
    notes |= {name: f"not available: {reason}" for name, reason in missing.items()}
    margin = fitted.margin(X)
    scores = {MODEL: fitted.calibration.probability(margin), **others}
    return Contest(split, rows, X, judged, fitted, margin, scores, notes)


def training_rows(work: Matrix, split: Split, wider: Matrix | None = None) -> fit.Rows:
    """Return the training part as the fit takes it, with the wider rows of the same time."""
    frame = work.frame[split.train]
    if wider is None:
        return fit.Rows.of(frame, work.feature_set)
    kept = wider.frame["as_of_date"] < pd.Timestamp(split.train_before)
    if split.people_apart:
        kept &= ~wider.frame["nominal_id"].isin(work.frame.loc[split.test, "nominal_id"])
    return fit.Rows.of(frame, work.feature_set, wider.frame[kept])


def beyond(work: Matrix, wider: Matrix) -> Matrix:
    """Return the rows of the wider cohort that are not the question's own."""
    own, other = (pd.MultiIndex.from_frame(matrix.frame[list(KEYS)]) for matrix in (work, wider))
    frame = wider.frame[~other.isin(own)].reset_index(drop=True)
    return Matrix(frame, wider.feature_set, wider.manifest)


def tested_rows(question: Question, work: Matrix, split: Split) -> Judged:
    """Return the test rows; a cohort is listed anew on each date, given rows make one list."""
    frame = work.frame[split.test]
    harm = frame["outcome_harm"].to_numpy(np.float64) if "outcome_harm" in frame else None
    dated = isinstance(question.cohort, CohortRule)
    return Judged(
        y=frame["label"].to_numpy(np.int64),
        people=frame["nominal_id"].to_numpy(dtype=str),
        capacity=question.capacity,
        lists=frame["as_of_date"].to_numpy() if dated else None,
        harm=harm if harm is not None and harm.sum() > 0 else None,
        thresholds=bands(question),
    )


def bands(question: Question) -> Mapping[str, float]:
    """Return the probabilities from which a question's bands begin.

    Examples
    --------
    >>> from training.questions import question
    >>> dict(bands(question("stalking_escalation")))
    {'medium': 0.05, 'high': 0.15, 'very high': 0.3}
    """
    return {name.replace("_", " "): low for name, low in question.bands.model_dump().items()}
