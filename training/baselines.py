"""Baselines: what a force could do without this model, each as a probability for every row.

They are fitted on the training part, or not fitted at all where they are published tools, and
judged on the same test rows and at the same capacity as the model. Each may win; the report says so
first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.dummy import DummyClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from features.declare import FeatureColumn, FeatureSet
from features.errors import Conflict, NotFound, PrecursorError, UsageError
from features.question import Question
from features.types import Floats
from models import champions
from training import forest, predictors, rfg
from training.metrics import Ranking
from training.sanctions import bases, sanctions, told

Labels = npt.NDArray[np.int64]

PRIORS = (("suspected", ()), ("custody", ("detained",)), ("charged", ()), ("convicted", ()))
"""Where a count of prior records may be found: sources with the marks to count."""

CHAMPION = "champion"
"""The model in force as a baseline: what a new one replaces, not a way to do without one."""

STRENGTH = 0.01
"""Inverse strength of the penalty of the logistic regression on the full matrix."""

WORDS = {
    "base_rate": "the base rate for everybody",
    "rfg": "recency, frequency and gravity in bands",
    "prior_count": "the number of prior records",
    "harm_365": "the harm of reports in the last 365 days",
    "logistic_age_priors": "logistic regression on age and priors",
    "logistic_full": "logistic regression on the full matrix",
    "hart_forest": "a random forest in the manner of HART",
    "arp": "the published predictor of any reoffending (ARP), unfitted",
    "vrp": "the published predictor of violent reoffending (VRP), unfitted",
    "svrp": "the published predictor of serious violent reoffending (SVRP), unfitted",
    CHAMPION: "the current champion",
}


@dataclass(frozen=True)
class Part:
    """A part of the rows as baselines see it.

    Attributes
    ----------
    X : ndarray, shape (rows, columns)
    feature_set : FeatureSet
    beside : DataFrame, optional
        What stands beside the rows for published predictors (`training.sanctions.beside`).
    question : Question, optional
        Whose champion is asked.
    """

    X: Floats
    feature_set: FeatureSet
    beside: pd.DataFrame | None = None
    question: Question | None = None


class Fitted(Protocol):
    """A baseline after fitting: probabilities for rows of inputs, and what stands beside them."""

    def __call__(self, X: Floats, beside: pd.DataFrame | None = None, /) -> Floats:
        """Return probabilities, shape (rows,)."""
        ...


@dataclass(frozen=True)
class Variant:
    """One way to work out a baseline: what it uses, and its probabilities once fitted.

    `key` tells the variants of a baseline apart, whatever part of the rows each was fitted on; it
    is empty where there is one alone.
    """

    uses: str
    predict: Fitted
    key: str = ""


Baseline = Callable[[Part, Labels], list[Variant]]


def fit(
    names: tuple[str, ...],
    X: Floats,
    y: Labels,
    feature_set: FeatureSet,
    *,
    beside: pd.DataFrame | None = None,
    question: Question | None = None,
) -> tuple[dict[str, list[Variant]], dict[str, str]]:
    """Fit a question's baselines on the training part, each in every variant there is.

    Parameters
    ----------
    names : tuple of str
        As the question lists them.
    X : ndarray, shape (rows, columns)
    y : ndarray of 0 and 1, shape (rows,)
    feature_set : FeatureSet
    beside : DataFrame, optional
        What stands beside the rows, in their order (`training.sanctions.beside`).
    question : Question, optional
        For its champion.

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
    part = Part(X, feature_set, beside, question)
    fitted: dict[str, list[Variant]] = {}
    missing: dict[str, str] = {}
    for name in names:
        try:
            fitted[name] = BASELINES[name](part, y)
        except _NothingToUse as nothing:
            missing[name] = nothing.message
    return fitted, missing


def best(
    fitted: Mapping[str, list[Variant]],
    X: Floats,
    y: Labels,
    beside: pd.DataFrame | None = None,
) -> tuple[dict[str, Floats], dict[str, str]]:
    """Return each baseline's probabilities for the test rows, by the variant that does best there.

    Choosing on the test part favours the baseline; the model has no such choice.

    Returns
    -------
    scores : dict of str to ndarray
    notes : dict of str to str
        What the chosen variant uses.
    """
    tried = {
        name: [(variant.uses, variant.predict(X, beside)) for variant in variants]
        for name, variants in fitted.items()
    }
    return chosen(tried, y)


def chosen(
    tried: Mapping[str, list[tuple[str, Floats]]], y: Labels
) -> tuple[dict[str, Floats], dict[str, str]]:
    """Return of each baseline's variants, as what they use and their scores, the one that is best.

    Examples
    --------
    >>> tried = {"rfg": [("a", np.array([1.0, 0.0])), ("b", np.array([0.0, 1.0]))]}
    >>> chosen(tried, np.array([0, 1]))[1]
    {'rfg': 'b (of 2 variants the best on the test part)'}
    """
    ones = np.ones((1, len(y)))
    scores: dict[str, Floats] = {}
    notes: dict[str, str] = {}
    for name, variants in tried.items():
        uses, scores[name] = max(variants, key=lambda pair: float(Ranking(y, pair[1]).auc(ones)[0]))
        notes[name] = uses + (
            f" (of {len(variants)} variants the best on the test part)" if len(variants) > 1 else ""
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


def _base_rate(part: Part, y: Labels) -> list[Variant]:
    model = DummyClassifier(strategy="prior").fit(part.X, y)
    uses = f"the recorded rate in training, {y.mean():.3f}"
    return [Variant(uses, lambda rows, beside=None: _positive(model, rows))]


def _rfg(part: Part, y: Labels) -> list[Variant]:
    columns = rfg.columns(part.X, part.feature_set)
    if columns is None:
        raise _NothingToUse(
            "no recency, number and harm of reports that vary",
            remedy="Use a question with the feature groups reports and harm.",
        )
    places = [part.feature_set.names.index(column.name) for column in columns]
    own = part.X[:, places]
    used = ", ".join(column.name for column in columns)

    def variant(name: str, points: rfg.Points) -> Variant:
        line = rfg.probability(points(own), y)
        uses = f"{used} in bands ({name})"
        return Variant(uses, lambda rows, beside=None: line(points(rows[:, places])), uses)

    return [variant(name, points) for name, points in rfg.bandings(own, y).items()]


def _prior_count(part: Part, y: Labels) -> list[Variant]:
    return [_logistic([count], part, y) for count in priors(part.X, part.feature_set)]


def _harm_365(part: Part, y: Labels) -> list[Variant]:
    found = [
        column
        for place, column in enumerate(part.feature_set.columns)
        if (column.measure, column.amount, column.window, column.of) == ("sum", "harm", 365, ())
        and np.ptp(part.X[:, place]) > 0
    ]
    if not found:
        raise _NothingToUse(
            "no 365-day harm sum that varies",
            remedy="Use a question with the feature group harm, and records that carry it.",
        )
    return [_logistic(found, part, y)]


def _logistic_age_priors(part: Part, y: Labels) -> list[Variant]:
    ages = [column for column in part.feature_set.columns if column.measure == "age"]
    if not ages:
        raise _NothingToUse(
            "age is not among the inputs",
            remedy="Use a question with the feature group age.",
        )
    counts = priors(part.X, part.feature_set)
    found = [_logistic([ages[0], count], part, y) for count in counts]
    if len(counts) > 1:  # with a count that does not vary here they are what they are without it
        found.append(replace(_logistic([ages[0], *counts], part, y), key="every count"))
    return found


def _logistic(columns: list[FeatureColumn], part: Part, y: Labels) -> Variant:
    """Logistic regression; counts and sums on a logarithmic scale, where they are straighter."""
    places = [part.feature_set.names.index(column.name) for column in columns]
    skewed = np.array([column.measure in ("count", "sum") for column in columns])

    def pick(rows: Floats) -> Floats:
        values = rows[:, places]
        return np.where(skewed, np.log1p(np.where(skewed, values, 0.0)), values)

    model = make_pipeline(
        FunctionTransformer(pick),
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(max_iter=1000),
    ).fit(part.X, y)
    used = ", ".join(column.name for column in columns)
    return Variant(used, lambda rows, beside=None: _positive(model, rows), used)


def _logistic_full(part: Part, y: Labels) -> list[Variant]:
    """All columns on a logarithmic scale, each empty value told by a column of its own."""
    model = make_pipeline(
        FunctionTransformer(lambda rows: np.sign(rows) * np.log1p(np.abs(rows))),
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(C=STRENGTH, max_iter=1000),
    ).fit(part.X, y)
    uses = f"all {part.X.shape[1]} columns"
    return [Variant(uses, lambda rows, beside=None: _positive(model, rows))]


def _hart_forest(part: Part, y: Labels) -> list[Variant]:
    grown = forest.fit(part.X, y)
    uses = f"{forest.TREES} trees; a missed outcome costs {forest.COST:g} false alarms"
    return [Variant(uses, lambda rows, beside=None: grown(rows))]


def _published(name: str) -> Baseline:
    """A published predictor: nothing is fitted, and sex is read beside the rows."""

    def variants(part: Part, y: Labels) -> list[Variant]:
        known = [] if part.beside is None else bases(part.beside)
        if not known:
            raise _NothingToUse(
                "no history of sanctions stands beside these rows",
                remedy="Train from records, or name them with --audit beside --matrix.",
            )
        rows = part.beside
        assert rows is not None
        return [_of_basis(name, basis, told(rows, basis)) for basis in known]

    return variants


def _of_basis(name: str, basis: str, uses: str) -> Variant:
    def predict(X: Floats, beside: pd.DataFrame | None = None, /) -> Floats:
        if beside is None:
            raise UsageError(
                f"baseline {name.casefold()}: nothing stands beside these rows",
                remedy="Give what `training.sanctions.beside` returns for them.",
            )
        return predictors.probability(name, sanctions(beside, basis))

    return Variant(uses, predict, basis)


def _champion(part: Part, y: Labels) -> list[Variant]:
    name = "" if part.question is None else part.question.name
    try:
        current = champions.read(name)
    except NotFound as none:
        raise _NothingToUse("no model is in force yet", remedy=none.remedy) from none
    except Conflict as broken:
        raise _NothingToUse(broken.message, remedy=broken.remedy) from broken
    missing = [one for one in current.model.feature_set.names if one not in part.feature_set.names]
    if missing:
        raise _NothingToUse(
            f"version {current.version} needs columns that are not here: {', '.join(missing[:5])}",
            remedy="Train it again on these columns.",
        )
    places = [part.feature_set.names.index(one) for one in current.model.feature_set.names]
    learnt = current.model.training.get("split", {}).get("train_before", "an unknown day")
    uses = (
        f"version {current.version}, which learnt from rows before {learnt} and was calibrated on"
        " later ones; if they were of these records, test rows among them favour it"
    )
    return [Variant(uses, lambda rows, beside=None: current.model.probability(rows[:, places]))]


def _positive(model: DummyClassifier | Pipeline, rows: Floats) -> Floats:
    return np.asarray(model.predict_proba(rows)[:, 1], dtype=np.float64)


BASELINES: Mapping[str, Baseline] = {
    "base_rate": _base_rate,
    "rfg": _rfg,
    "prior_count": _prior_count,
    "harm_365": _harm_365,
    "logistic_age_priors": _logistic_age_priors,
    "logistic_full": _logistic_full,
    "hart_forest": _hart_forest,
    **{name.casefold(): _published(name) for name in predictors.PREDICTORS},
    CHAMPION: _champion,
}
"""Every baseline by the name that a question uses."""
