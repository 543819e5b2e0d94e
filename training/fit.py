"""Fitting: shallow boosted trees with a fixed seed; the same rows give the same text exactly.

How many trees is decided inside the training part, by folds of people; the test part is never
looked at. What the fold models say about the people they have not seen also fits the calibration.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import GroupShuffleSplit

from features.declare import FeatureSet
from features.machine import cores
from features.types import Floats, Tell
from models import calibration
from models.calibration import Calibration
from models.empty import read
from training import constraints
from training.splits import folds, recent

Labels = npt.NDArray[np.int64]

PARAMETERS: Mapping[str, Any] = {
    "objective": "binary",
    "metric": "binary_logloss",
    # Shallow trees: with few outcomes they rank as well as deep ones, and explaining them exactly
    # takes a fifth of the time.
    "num_leaves": 8,
    "max_depth": 3,
    "learning_rate": 0.03,
    "min_data_in_leaf": 50,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    # The same rows give the same model: on any number of threads, and on any run.
    "deterministic": True,
    "force_row_wise": True,
    "seed": 20,
    "verbosity": -1,
}
"""Chosen by folds of people inside training parts."""

MOST_TREES = 1500
PATIENCE = 75
FEWEST_TREES = 10
FOLDS = 4
ONE_THREAD_UP_TO = 20_000_000  # values; below it, threads wait for each other longer than they work


@dataclass(frozen=True)
class Rows:
    """The training part: inputs, labels, and who and when each row is.

    The question's own rows come first, sorted by person and date, because their order changes the
    trees. The last `wider` rows are of a wider cohort that the trees learn from too; no size,
    calibration or figure is decided on them.
    """

    X: Floats
    y: Labels
    people: npt.NDArray[Any]
    as_of_date: npt.NDArray[np.datetime64]
    feature_set: FeatureSet
    wider: int = 0

    @classmethod
    def of(
        cls, frame: pd.DataFrame, feature_set: FeatureSet, wider: pd.DataFrame | None = None
    ) -> Rows:
        """Return labelled rows of a matrix's frame, in its order; those of a wider cohort last."""
        if wider is not None:
            frame = pd.concat([frame, wider])
        return cls(
            X=frame[feature_set.names].to_numpy(np.float64),
            y=frame["label"].to_numpy(np.int64),
            people=frame["nominal_id"].to_numpy(dtype=str),
            as_of_date=frame["as_of_date"].to_numpy().astype("datetime64[D]"),
            feature_set=feature_set,
            wider=0 if wider is None else len(wider),
        )

    @property
    def own(self) -> Rows:
        """The question's own rows; nothing is copied."""
        return self._from(0, len(self.y) - self.wider)

    @property
    def beyond(self) -> Rows:
        """The rows of the wider cohort; nothing is copied."""
        return self._from(len(self.y) - self.wider, len(self.y))

    def _from(self, first: int, end: int) -> Rows:
        part = slice(first, end)
        return replace(
            self,
            X=self.X[part],
            y=self.y[part],
            people=self.people[part],
            as_of_date=self.as_of_date[part],
            wider=0,
        )


@dataclass(frozen=True)
class Fit:
    """A fitted booster with what is needed to judge and to refit it.

    Attributes
    ----------
    text : str
        LightGBM's text of the booster fitted on all training rows.
    calibration : Calibration
    trees : int
    parameters : mapping
    empty : mapping of str to float
        By column, what an empty value is read as.
    unseen : ndarray, shape (training rows,)
        Margins of each of the question's own rows by a fold model that has not seen the person.
    """

    text: str
    calibration: Calibration
    trees: int
    parameters: Mapping[str, Any]
    empty: Mapping[str, float]
    unseen: Floats

    def margin(self, X: Floats) -> Floats:
        """Return margins of the booster fitted on all training rows."""
        booster = lgb.Booster(model_str=self.text)
        seen = read(X, booster.feature_name(), self.empty)
        return np.asarray(booster.predict(seen, raw_score=True))

    def uses(self) -> dict[str, int]:
        """Return how many splits use each column."""
        booster = lgb.Booster(model_str=self.text)
        splits = booster.feature_importance("split").tolist()
        return dict(zip(booster.feature_name(), splits, strict=True))


def threads_for(rows: Rows) -> int:
    """Return how many threads are fastest: one for small parts, 0 (all cores) for large ones."""
    return 1 if rows.X.size < ONE_THREAD_UP_TO else 0


def parameters_for(feature_set: FeatureSet, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return LightGBM's parameters for a feature set: the house's, its directions, and changes."""
    return {**PARAMETERS, **constraints.parameters(feature_set), **changes}


def text_of(booster: lgb.Booster) -> str:
    """Return a booster's text as it is kept, the same for any number of threads."""
    # the text names the threads that happened to be used; they change nothing in the model
    return re.sub(r"\[num_threads: -?\d+\]", "[num_threads: 0]", booster.model_to_string())


def fit(rows: Rows, *, threads: int | None = None, **changes: Any) -> Fit:
    """Fit a booster on the training part, decide on its size, and calibrate it.

    Parameters
    ----------
    rows : Rows
    threads : int, optional
        0 takes all cores; by default as many as the size is worth. The model is the same.
    **changes
        LightGBM parameters other than the house's.

    Returns
    -------
    Fit
    """
    number = threads_for(rows) if threads is None else threads
    chosen = parameters_for(rows.feature_set, {"num_threads": number, **changes})
    own = rows.own
    data = dataset(rows, chosen)
    seen = as_read(own.X, rows.feature_set)
    fold = folds(rows.people, FOLDS)
    judged = fold[: len(own.y)]
    pairs = [(np.flatnonzero(fold != at), np.flatnonzero(judged == at)) for at in range(FOLDS)]
    pairs = [(train, held) for train, held in pairs if len(held) and len(train)]
    watched = lgb.cv(
        chosen,
        data,
        num_boost_round=MOST_TREES,
        folds=pairs,
        callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
        return_cvbooster=True,
    )
    together: Any = watched["cvbooster"]
    trees = max(FEWEST_TREES, int(together.best_iteration))
    unseen = np.zeros(len(own.y))
    for booster, (_, held) in zip(together.boosters, pairs, strict=True):
        unseen[held] = booster.predict(seen[held], raw_score=True, num_iteration=trees)
    newest = recent(own.as_of_date, own.y)
    fitted = lgb.train(chosen, data, num_boost_round=trees)
    return Fit(
        text=text_of(fitted),
        calibration=calibration.fit(unseen, own.y, newest=newest),
        trees=trees,
        parameters=chosen,
        empty=constraints.empty(rows.feature_set),
        unseen=unseen,
    )


def refits(
    rows: Rows,
    fitted: Fit,
    X: Floats,
    *,
    count: int,
    seed: int = 0,
    progress: Tell | None = None,
) -> Floats:
    """Score held-out rows by boosters fitted again, each on a random half of the training people.

    Parameters
    ----------
    rows : Rows
    fitted : Fit
        Its parameters and number of trees are kept.
    X : ndarray, shape (held-out rows, columns)
    count : int
        How many halves.
    seed : int
    progress : callable, optional
        Called with a line of text after each.

    Returns
    -------
    ndarray, shape (count, held-out rows)
        Margins.
    """
    alone = {**fitted.parameters, "num_threads": 1}
    data = dataset(rows, alone).construct()
    X = as_read(X, rows.feature_set)
    lots = GroupShuffleSplit(count, train_size=0.5, random_state=seed)

    def refit(half: npt.NDArray[np.int64]) -> Any:
        sample = data.subset(half.tolist())
        booster = lgb.train(dict(alone), sample, num_boost_round=fitted.trees)
        return booster.predict(X, raw_score=True, num_threads=1)

    halves = [half for half, _ in lots.split(rows.y, groups=rows.people)]
    found = []
    # a refit on each core finishes sooner than all cores on one refit after another
    with ThreadPoolExecutor(max_workers=cores()) as pool:
        for number, margins in enumerate(pool.map(refit, halves), start=1):
            found.append(margins)
            if progress is not None:
                progress(f"refit {number} of {count} for the intervals")
    return np.asarray(found, dtype=np.float64)


def as_read(X: Floats, feature_set: FeatureSet) -> Floats:
    """Return inputs as the booster will read them (`models.empty`)."""
    return read(X, feature_set.names, constraints.empty(feature_set))


def dataset(rows: Rows, chosen: Mapping[str, Any]) -> lgb.Dataset:
    """Return the training part as LightGBM takes it."""
    return lgb.Dataset(
        as_read(rows.X, rows.feature_set),
        rows.y,
        feature_name=rows.feature_set.names,
        params=dict(chosen),
    )
