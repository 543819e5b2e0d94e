"""Baselines: what a force could do without a learned model, each as a probability for every row.

They are fitted on the training part and judged on the same test rows and at the same capacity as
the model. Each may win; the report says so first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from sklearn.dummy import DummyClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from features.declare import FeatureColumn, FeatureSet
from features.errors import PrecursorError, UsageError
from training.metrics import Ranking

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

PRIORS = (("suspected", ()), ("custody", ("detained",)), ("charged", ()), ("convicted", ()))
"""Where a count of prior records may be found: sources with the marks to count."""

WORDS = {
    "base_rate": "the base rate for everybody",
    "prior_count": "the number of prior records",
    "harm_365": "the harm of reports in the last 365 days",
    "logistic_age_priors": "logistic regression on age and priors",
}


class Fitted(Protocol):
    """A baseline after fitting: probabilities for rows of inputs."""

    def __call__(self, X: Floats, /) -> Floats:
        """Return probabilities, shape (rows,)."""
        ...


@dataclass(frozen=True)
class Variant:
    """One way to work out a baseline: what it uses, and its probabilities once fitted."""

    uses: str
    predict: Fitted


Baseline = Callable[[Floats, Labels, FeatureSet], list[Variant]]


def fit(
    names: tuple[str, ...],
    X: Floats,
    y: Labels,
    feature_set: FeatureSet,
) -> tuple[dict[str, list[Variant]], dict[str, str]]:
    """Fit a question's baselines on the training part, each in every variant there is.

    Parameters
    ----------
    names : tuple of str
        As the question lists them.
    X : ndarray, shape (rows, columns)
    y : ndarray of 0 and 1, shape (rows,)
    feature_set : FeatureSet

    Returns
    -------
    fitted : dict of str to list of Variant
    missing : dict of str to str
        Baselines that these records cannot feed, with the reason.

    Raises
    ------
    UsageError
        For a baseline that does not exist.
    """
    unknown = [name for name in names if name not in BASELINES]
    if unknown:
        raise UsageError(
            f"there is no baseline {', '.join(map(repr, unknown))}",
            remedy=f"Baselines are: {', '.join(BASELINES)}.",
            field="baselines",
        )
    fitted: dict[str, list[Variant]] = {}
    missing: dict[str, str] = {}
    for name in names:
        try:
            fitted[name] = BASELINES[name](X, y, feature_set)
        except _NothingToUse as nothing:
            missing[name] = nothing.message
    return fitted, missing


def best(
    fitted: Mapping[str, list[Variant]],
    X: Floats,
    y: Labels,
) -> tuple[dict[str, Floats], dict[str, str]]:
    """Return each baseline's probabilities for the test rows, by the variant that does best there.

    Choosing on the test part favours the baseline; the model has no such choice.

    Returns
    -------
    scores : dict of str to ndarray
    notes : dict of str to str
        What the chosen variant uses.
    """
    ones = np.ones((1, len(y)))
    scores: dict[str, Floats] = {}
    notes: dict[str, str] = {}
    for name, variants in fitted.items():
        tried = [(variant, variant.predict(X)) for variant in variants]
        chosen, scores[name] = max(tried, key=lambda pair: float(Ranking(y, pair[1]).auc(ones)[0]))
        notes[name] = chosen.uses + (
            f" (of {len(tried)} variants the best on the test part)" if len(tried) > 1 else ""
        )
    return scores, notes


class _NothingToUse(PrecursorError):
    """The records hold nothing that this baseline could use."""


def priors(X: Floats, feature_set: FeatureSet) -> list[FeatureColumn]:
    """Return the counts of all prior records of a kind: reports, arrests, charges, convictions."""
    counts = [
        column
        for place, column in enumerate(feature_set.columns)
        if column.measure == "count"
        and column.window is None
        and (column.source, column.of) in PRIORS
        and np.ptp(X[:, place]) > 0
    ]
    if not counts:
        raise _NothingToUse(
            "no count of prior records that varies",
            remedy="Use a question whose feature groups hold reports, arrests or charges.",
        )
    return counts


def _base_rate(X: Floats, y: Labels, feature_set: FeatureSet) -> list[Variant]:
    model = DummyClassifier(strategy="prior").fit(X, y)
    uses = f"the recorded rate in training, {y.mean():.3f}"
    return [Variant(uses, lambda rows: _positive(model, rows))]


def _prior_count(X: Floats, y: Labels, feature_set: FeatureSet) -> list[Variant]:
    return [_logistic([count], X, y, feature_set) for count in priors(X, feature_set)]


def _harm_365(X: Floats, y: Labels, feature_set: FeatureSet) -> list[Variant]:
    found = [
        column
        for place, column in enumerate(feature_set.columns)
        if (column.measure, column.amount, column.window, column.of) == ("sum", "harm", 365, ())
        and np.ptp(X[:, place]) > 0
    ]
    if not found:
        raise _NothingToUse(
            "no 365-day harm sum that varies",
            remedy="Use a question with the feature group harm, and records that carry it.",
        )
    return [_logistic(found, X, y, feature_set)]


def _logistic_age_priors(
    X: Floats,
    y: Labels,
    feature_set: FeatureSet,
) -> list[Variant]:
    ages = [column for column in feature_set.columns if column.measure == "age"]
    if not ages:
        raise _NothingToUse(
            "age is not among the inputs",
            remedy="Use a question with the feature group age.",
        )
    counts = priors(X, feature_set)
    sets = [[count] for count in counts] + ([counts] if len(counts) > 1 else [])
    return [_logistic([ages[0], *some], X, y, feature_set) for some in sets]


def _logistic(
    columns: list[FeatureColumn],
    X: Floats,
    y: Labels,
    feature_set: FeatureSet,
) -> Variant:
    """Logistic regression; counts and sums on a logarithmic scale, where they are straighter."""
    places = [feature_set.names.index(column.name) for column in columns]
    skewed = np.array([column.measure in ("count", "sum") for column in columns])

    def pick(rows: Floats) -> Floats:
        values = rows[:, places]
        return np.where(skewed, np.log1p(np.where(skewed, values, 0.0)), values)

    model = make_pipeline(
        FunctionTransformer(pick),
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(max_iter=1000),
    ).fit(X, y)
    used = ", ".join(column.name for column in columns)
    return Variant(used, lambda rows: _positive(model, rows))


def _positive(model: DummyClassifier | Pipeline, rows: Floats) -> Floats:
    return np.asarray(model.predict_proba(rows)[:, 1], dtype=np.float64)


BASELINES: Mapping[str, Baseline] = {
    "base_rate": _base_rate,
    "prior_count": _prior_count,
    "harm_365": _harm_365,
    "logistic_age_priors": _logistic_age_priors,
}
"""Every baseline by the name that a question uses."""
