"""Recency, frequency, gravity: the spreadsheet that forces rank by, in three bandings.

Each of the three is cut into bands, a band earns points, and the points are added up. What differs
is who chooses the cuts: fifths of the training part, the cuts of practice (and then the training
part chooses how much each counts), or a tree that looks at what followed. Points become a
probability through one logistic line, fitted on the training part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.tree import DecisionTreeClassifier

from features.declare import FeatureColumn, FeatureSet
from features.rfg import GRAVE_DAYS, HUNDREDTHS, RECENT_DAYS, REPORTS
from features.types import Floats

Labels = npt.NDArray[np.int64]
Points = Callable[[Floats], Floats]

BANDS = 5
WEIGHTS = (1.0, 2.0, 3.0)
LEAST_IN_BAND = 0.02
PRACTICE = (-np.array(RECENT_DAYS[::-1]), np.array(REPORTS), HUNDREDTHS * np.array(GRAVE_DAYS))
"""The cuts of practice, for rows of which more is graver everywhere."""


def columns(X: Floats, feature_set: FeatureSet) -> list[FeatureColumn] | None:
    """Return the columns for recency, frequency and gravity; None where one of them is missing.

    Frequency is counted over two years or the nearest window there is; gravity is the gravest
    report on record, or else the sum of harm.
    """
    wanted: tuple[tuple[tuple[str, str, int | None], ...], ...] = (
        (("recency", "", None),),
        (("count", "", 730), ("count", "", 365), ("count", "", None)),
        (("max", "harm", None), ("sum", "harm", None), ("sum", "harm", 365)),
    )
    there = {
        (column.measure, column.amount, column.window): column
        for place, column in enumerate(feature_set.columns)
        if (column.source, column.of) == ("suspected", ()) and np.nanstd(X[:, place]) > 0
    }
    found = [next((there[key] for key in keys if key in there), None) for keys in wanted]
    chosen = [column for column in found if column is not None]
    return chosen if len(chosen) == len(wanted) else None


def bandings(given: Floats, y: Labels) -> dict[str, Points]:
    """Return the three bandings, each as a function from rows to a total of points.

    Parameters
    ----------
    given : ndarray, shape (rows, 3)
        Days since the most recent report (NaN without any), number of reports, and harm in
        hundredths of a day.
    y : ndarray of 0 and 1, shape (rows,)

    Examples
    --------
    >>> days, one = np.array([10.0, 40.0, 400.0, np.nan] * 30), np.ones(120)
    >>> found = bandings(np.column_stack([days, one, one]), (days < 30).astype(np.int64))
    >>> sorted(found), found["practice"](np.array([[10, 1, 0], [400, 1, 0]])).tolist()[0] > 3
    (['by outcome', 'fifths', 'practice'], True)
    """
    rows = _graver_is_more(given)
    fifths = [_quantiles(values) for values in rows.T]
    weights = _weights(_banded(rows, PRACTICE), y)
    by_outcome = [_tree(values, y) for values in rows.T]
    return {
        "fifths": _points(fifths, np.ones(3)),
        "practice": _points(PRACTICE, weights),
        "by outcome": _points(by_outcome, np.ones(3)),
    }


def probability(points: Floats, y: Labels) -> Points:
    """Return the line from points to probabilities."""
    line = LogisticRegression(max_iter=1000).fit(points[:, None], y)
    return lambda other: np.asarray(line.predict_proba(other[:, None])[:, 1], dtype=np.float64)


def _graver_is_more(rows: Floats) -> Floats:
    """Turn recency round, so that more is graver everywhere; never is the longest ago."""
    days, *others = rows.T
    return np.column_stack([np.where(np.isnan(days), -np.inf, -days), *np.nan_to_num(others)])


def _quantiles(values: Floats) -> Floats:
    finite = values[np.isfinite(values)]
    shares = np.linspace(0, 1, BANDS + 1)[1:-1]
    return np.unique(np.quantile(finite, shares)) if len(finite) else np.zeros(0)


def _tree(values: Floats, y: Labels) -> Floats:
    """Return the cuts that tell the outcomes apart best, each band not too thin."""
    finite = np.where(np.isfinite(values), values, np.min(values[np.isfinite(values)], initial=0))
    tree = DecisionTreeClassifier(
        max_leaf_nodes=BANDS, min_samples_leaf=max(1, int(LEAST_IN_BAND * len(y))), random_state=0
    ).fit(finite[:, None], y)
    return np.sort(tree.tree_.threshold[tree.tree_.feature >= 0])


def _banded(rows: Floats, cuts: Sequence[Floats]) -> Floats:
    return np.column_stack(
        [
            np.searchsorted(cut, values, side="right")
            for cut, values in zip(cuts, rows.T, strict=True)
        ]
    ).astype(np.float64)


def _weights(bands: Floats, y: Labels) -> Floats:
    """Return how much R, F and G count, of a few whole numbers those that rank best in training."""
    tried = [np.array(one) for one in product(WEIGHTS, repeat=3)]
    return max(tried, key=lambda one: float(roc_auc_score(y, bands @ one)))


def _points(cuts: Sequence[Floats], weights: Floats) -> Points:
    return lambda rows: _banded(_graver_is_more(rows), cuts) @ weights
