"""What a model keeps of the rows it learned from, so that later rows can be held against them.

Shares of bins, rates and their errors: enough to see drift years later without the old records,
and nothing about one person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.disclosure import FEWEST
from features.types import Floats
from training.metrics import Ranking, person_samples

EVERYBODY = "everybody"
BINS = 10
DRAWS = 200
BY_GROUP = ("sex", "ethnicity")
MOST_BY_GROUP = 20
"""Columns whose spread is kept for each group: those that trees use most."""
Members = Mapping[str, npt.NDArray[np.int64]]


@dataclass(frozen=True)
class Shares:
    """How values spread over bins: upper ends of all but the last, and shares; empty ones apart.

    Examples
    --------
    >>> found = Shares.of(np.array([0.0, 0.0, 1.0, np.nan]))
    >>> found.edges, found.shares
    ((0.0, 1.0), (0.5, 0.25, 0.0, 0.25))
    """

    edges: tuple[float, ...]
    shares: tuple[float, ...]

    @classmethod
    def of(cls, values: Floats, edges: Sequence[float] | None = None) -> Shares:
        """Return the shares of values in bins that are given, or that hold about a tenth each."""
        known = values[~np.isnan(values)]
        if edges is None:
            tenths = np.arange(1, BINS) / BINS
            found = np.quantile(known, tenths, method="inverted_cdf") if len(known) else np.zeros(0)
            edges = sorted({float(f"{edge:.6g}") for edge in found.tolist()})
        place = np.searchsorted(np.asarray(edges, dtype=np.float64), values, side="left")
        place = np.where(np.isnan(values), len(edges) + 1, place)
        counts = np.bincount(place, minlength=len(edges) + 2)
        shares = (counts / max(1, len(values))).round(6)
        return cls(tuple(float(edge) for edge in edges), tuple(shares.tolist()))

    def to_data(self) -> list[list[float]]:
        """Return it as two lists."""
        return [list(self.edges), list(self.shares)]


@dataclass(frozen=True)
class Rate:
    """A figure with its standard error, from samples of people."""

    value: float
    error: float

    def to_data(self) -> list[float]:
        """Return it as two numbers."""
        return [self.value, self.error]


def members(protected: pd.DataFrame | None, people: npt.NDArray[Any]) -> dict[str, Any]:
    """Return the positions of everybody and of each group of at least ten people.

    Examples
    --------
    >>> who = pd.DataFrame({"sex": ["male"] * 12 + ["female"]})
    >>> list(members(who, np.arange(13).astype(str)))
    ['everybody', 'sex male']
    """
    found = {EVERYBODY: np.arange(len(people))}
    if protected is None:
        return found
    for name in protected.columns:
        values = protected[name].to_numpy()
        for value in sorted(set(values)):
            at = np.flatnonzero(values == value)
            if len(np.unique(people[at])) >= FEWEST:
                found[f"{str(name).replace('_', ' ')} {value}"] = at
    return found


def outcomes(
    y: npt.NDArray[np.int64],
    probability: Floats,
    people: npt.NDArray[Any],
    groups: Members,
    seed: int = 0,
) -> dict[str, dict[str, Rate]]:
    """Return by group the log of the recorded rate, of predicted over recorded, and the AUC.

    Groups with fewer than twenty outcomes, or twenty without, have none of them.
    """
    weight = person_samples(people, DRAWS, seed)
    found = {}
    for name, at in groups.items():
        label, own = y[at].astype(np.float64), weight[:, at]
        if min(label.sum(), (1 - label).sum()) < 2 * FEWEST:
            continue
        with np.errstate(invalid="ignore", divide="ignore"):
            recorded, predicted = own @ label, own @ probability[at]
            figures = {
                "label": np.log(recorded / own.sum(axis=1)),
                "calibration": np.log(predicted / recorded),
            }
        if name == EVERYBODY:
            figures["ranking"] = Ranking(label, probability[at]).auc(own)
        found[name] = {kind: _rate(samples) for kind, samples in figures.items()}
    return found


def _rate(samples: Floats) -> Rate:
    drawn = samples[1:][np.isfinite(samples[1:])]
    return Rate(float(samples[0]), float(drawn.std(ddof=1)))


def shares_of_groups(protected: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return the share of each value of each attribute."""
    counted = {
        str(name): protected[name].value_counts(normalize=True).sort_index().round(6)
        for name in protected.columns
    }
    return {
        name: {str(value): float(share) for value, share in shares.items()}
        for name, shares in counted.items()
    }


def groups_of(protected: pd.DataFrame | None, people: npt.NDArray[Any]) -> Members:
    """Return the positions of the groups by sex and ethnicity, of at least ten people each.

    Examples
    --------
    >>> who = pd.DataFrame({"sex": ["male"] * 12 + ["female"], "age_band": ["18-24"] * 13})
    >>> list(groups_of(who, np.arange(13).astype(str)))
    ['sex male']
    """
    if protected is None:
        return {}
    kept = protected[[name for name in BY_GROUP if name in protected]]
    return {name: at for name, at in members(kept, people).items() if name != EVERYBODY}


def _features_by_group(
    rows: pd.DataFrame, columns: Sequence[str], protected: pd.DataFrame | None
) -> dict[str, Any]:
    """How columns spread within each group, and how many people it is of."""
    people = rows["nominal_id"].to_numpy(dtype=str)
    return {
        group: {
            "people": len(np.unique(people[at])),
            "features": {
                name: Shares.of(rows[name].to_numpy(np.float64)[at]).to_data() for name in columns
            },
        }
        for group, at in groups_of(protected, people).items()
    }


def reference(
    frame: pd.DataFrame,
    columns: Sequence[str],
    probability: Floats,
    y: npt.NDArray[np.int64],
    test: npt.NDArray[np.bool_],
    train: npt.NDArray[np.bool_],
    protected: pd.DataFrame | None,
) -> dict[str, Any]:
    """Return what a training record keeps for the drift monitor, as plain data.

    Parameters
    ----------
    frame : DataFrame
        All labelled rows: `nominal_id`, `as_of_date` and the columns.
    columns : sequence of str
        Those that the model uses, the most used first.
    probability, y : array, shape (test rows,)
        What the model says of the rows it was judged on, and what was recorded.
    test, train : ndarray of bool, shape (rows,)
    protected : DataFrame or None
    """
    people = frame["nominal_id"].to_numpy(dtype=str)
    dates = frame["as_of_date"].to_numpy().astype("datetime64[D]")
    learned, judged = np.flatnonzero(train), np.flatnonzero(test)
    told = None if protected is None else protected.iloc[judged].reset_index(drop=True)
    groups = members(told, people[judged])
    edges = Shares.of(probability).edges
    return {
        "from": str(dates[learned].min()),
        "to": str(dates[judged].max()),
        "people": len(np.unique(people[learned])),
        "judged_people": {name: len(np.unique(people[judged][at])) for name, at in groups.items()},
        "rows_a_date": len(learned) / len(np.unique(dates[learned])),
        "features": {
            name: list(
                map(list, vars(Shares.of(frame[name].to_numpy(np.float64)[learned])).values())
            )
            for name in columns
        },
        "groups": None if protected is None else shares_of_groups(protected.iloc[learned]),
        "features_by_group": _features_by_group(
            frame.iloc[learned],
            columns[:MOST_BY_GROUP],
            None if protected is None else protected.iloc[learned].reset_index(drop=True),
        ),
        "scores": {
            "edges": list(edges),
            "shares": {
                name: list(Shares.of(probability[at], edges).shares) for name, at in groups.items()
            },
        },
        "outcomes": {
            name: {kind: rate.to_data() for kind, rate in rates.items()}
            for name, rates in outcomes(y, probability, people[judged], groups).items()
        },
    }
