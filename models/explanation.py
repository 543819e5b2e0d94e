"""Explanations: what each feature group contributes to a score, in log-odds, to the last digit.

A contribution is an exact Shapley value of the trees times the slope of the calibration. Every
group is returned, also those that contribute nothing, so that anybody can add them up:
``base + sum of groups == raw``, the log-odds of the probability that was given. What is worked out
for many people at once is kept in columns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from features.declare import FeatureSet
from features.errors import PrecursorError
from features.types import Floats
from models.risk_model import TOLERANCE, RiskModel


@dataclass(frozen=True)
class Explanation:
    """How scores come about: a base that all share, and what each feature group adds to each.

    Parameters
    ----------
    base : float
        Log-odds before anything is known of a person.
    raw : ndarray, shape (rows,)
        Each score's calibrated log-odds.
    probability, low, high : ndarray, shape (rows,)
        Each score's probability, and the interval around it.
    contributions : ndarray, shape (rows, columns)
        What each column of the model adds, in log-odds.
    groups : ndarray, shape (rows, groups)
        What each feature group adds: its columns' contributions together.
    group_names : tuple of str
        Every group of the model, in the feature set's order.

    Examples
    --------
    >>> one, two = np.array([-1.75]), np.array([[0.25, 0.0]])
    >>> told = Explanation(-2.0, one, one, one, one, two, two, ("age", "conduct"))
    >>> told.by_group(0)
    {'age': 0.25, 'conduct': 0.0}
    """

    base: float
    raw: Floats
    probability: Floats
    low: Floats
    high: Floats
    contributions: Floats
    groups: Floats
    group_names: tuple[str, ...]

    def by_group(self, row: int) -> dict[str, float]:
        """Return one row's contribution of every group by name."""
        return dict(zip(self.group_names, self.groups[row].tolist(), strict=True))

    def of(self, rows: slice) -> Explanation:
        """Return the explanation of some of the rows."""
        columns = ("raw", "probability", "low", "high", "contributions", "groups")
        return replace(self, **{name: getattr(self, name)[rows] for name in columns})


def group_contributions(feature_set: FeatureSet, contributions: Floats) -> Floats:
    """Return contributions summed by feature group.

    Added column by column, in the feature set's order, so that a row's sums have the same bits
    whether it is scored alone or among a million.

    Parameters
    ----------
    contributions : ndarray, shape (rows, columns)

    Returns
    -------
    ndarray, shape (rows, groups)
        Groups in the order of ``feature_set.groups``.
    """
    place = {group: position for position, group in enumerate(feature_set.groups)}
    places = [place[column.group] for column in feature_set.columns]
    sums = np.zeros((len(place), len(contributions)))
    np.add.at(sums, places, contributions.T)
    return np.ascontiguousarray(sums.T)


def explain(model: RiskModel, X: Floats, *, threads: int | None = None) -> Explanation:
    """Compute and explain the scores of checked rows, each of which adds up to its own score.

    Parameters
    ----------
    model : RiskModel
    X : ndarray, shape (rows, columns)
        As `RiskModel.check` returns it, or as a ledger stored it.
    threads : int, optional
        As :meth:`models.risk_model.RiskModel.contributions` takes it.

    Raises
    ------
    PrecursorError
        Where base and groups miss the log-odds by 1e-9 or more; no such score may leave.
    """
    margin = model.margin(X, threads=threads)
    base, contributions = model.contributions(X, margin, threads=threads)
    raw = model.calibration.log_odds(margin)
    groups = group_contributions(model.feature_set, contributions)
    total = np.full(len(raw), base)
    for column in groups.T:
        total += column
    gap = np.abs(total - raw)
    if not bool((gap < TOLERANCE).all()):
        raise PrecursorError(
            f"question '{model.question.name}': groups miss a score's log-odds by {gap.max():.3g}",
            remedy="Do not use this model; train it again and report the fault.",
            code="reasons_do_not_add_up",
        )
    probability = model.calibration.probability(margin)
    low, high = model.interval_for(probability)
    names = tuple(model.feature_set.groups)
    return Explanation(base, raw, probability, low, high, contributions, groups, names)
