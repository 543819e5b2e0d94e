"""A random forest in the manner of HART, the custody tool that a force used for years.

HART grew 509 trees and let some errors cost more than others: to call somebody low who went on to
serious harm was the dearest. Here, with one outcome, to miss it costs as much as `COST` false
alarms once both kinds of row weigh the same in all; the trees vote with these weights, and what
they vote is put back to the scale of the recorded rate, which changes no order.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline

from features.types import Floats

Labels = npt.NDArray[np.int64]

TREES = 200
"""As many rank as well as HART's 509 and take less than half the time."""

COST = 2.0
"""How many false alarms a missed outcome costs, once both kinds of row weigh the same in all."""

SMALLEST_LEAF = 10
MOST_ROWS = 20_000
"""Rows that a tree draws at most; more make it slower and no better."""

SEED = 20


def fit(X: Floats, y: Labels, *, trees: int = TREES, threads: int | None = None) -> Forest:
    """Grow a forest.

    Parameters
    ----------
    X : ndarray, shape (rows, columns)
        Empty values stand for "longer ago, or less, than anything on record".
    y : ndarray of 0 and 1, shape (rows,)
    trees : int
    threads : int, optional
        The forest is the same with any number; by default all cores grow it.

    Examples
    --------
    >>> X = np.linspace(-1, 1, 200)[:, None]
    >>> found = fit(X, (X[:, 0] > 0).astype(np.int64), trees=20, threads=1)(X)
    >>> bool(found[-1] > 0.9), bool(found[0] < 0.1)
    (True, True)
    """
    rate = float(y.mean())
    weight = COST * (1 - rate) / rate
    model = make_pipeline(
        SimpleImputer(strategy="constant", fill_value=-1.0, keep_empty_features=True),
        RandomForestClassifier(
            n_estimators=trees,
            min_samples_leaf=SMALLEST_LEAF,
            max_samples=min(1.0, MOST_ROWS / len(y)) if len(y) > MOST_ROWS else None,
            class_weight={0: 1.0, 1: weight},
            n_jobs=-1 if threads is None else threads,
            random_state=SEED,
        ),
    ).fit(X, y)
    model[-1].set_params(n_jobs=1)  # votes are added up in one order, to the last bit
    return Forest(model, weight)


class Forest:
    """A grown forest: probabilities for rows of inputs."""

    def __init__(self, model: Pipeline, weight: float) -> None:
        self._model, self._weight = model, weight

    def __call__(self, X: Floats) -> Floats:
        """Return probabilities, shape (rows,), on the scale of the recorded rate."""
        voted = self.voted(X)
        return voted / (voted + (1 - voted) * self._weight)

    def voted(self, X: Floats) -> Floats:
        """Return the weighted share of votes, shape (rows,): above a half the forest says high."""
        return np.asarray(self._model.predict_proba(X)[:, 1], dtype=np.float64)
