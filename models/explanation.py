"""Explanations: what each feature group contributes to a score, in log-odds, to the last digit.

A contribution is an exact Shapley value of the trees times the slope of the calibration. Every
group is returned, also those that contribute nothing, so that anybody can add them up:
``base + sum of groups == raw``, the log-odds of the probability that was given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from features.declare import FeatureSet
from features.errors import PrecursorError
from models.risk_model import TOLERANCE, RiskModel

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Contribution:
    """What one feature contributes to one person's score.

    `value` is the feature's value, None where it is empty.
    """

    name: str
    value: float | None
    contribution: float


@dataclass(frozen=True)
class GroupContribution:
    """What one feature group contributes to one person's score, and each of its features."""

    group: str
    contribution: float
    features: tuple[Contribution, ...]


@dataclass(frozen=True)
class Explanation:
    """How one score comes about: a base, and a contribution for each feature group.

    Parameters
    ----------
    base : float
        Log-odds before anything is known of the person.
    raw : float
        The score's calibrated log-odds.
    groups : tuple of GroupContribution
        Every group of the model, in the feature set's order.

    Examples
    --------
    >>> part = GroupContribution("age", 0.25, (Contribution("person_age", 24.0, 0.25),))
    >>> Explanation(base=-2.0, raw=-1.75, groups=(part,)).by_group
    {'age': 0.25}
    >>> Explanation(base=-2.0, raw=-1.0, groups=(part,))
    Traceback (most recent call last):
    ...
    features.errors.PrecursorError: explanation: base and groups make -1.75, the score is -1.0. \
Do not show it; compute it again with models.explanation.explain.
    """

    base: float
    raw: float
    groups: tuple[GroupContribution, ...]

    def __post_init__(self) -> None:
        total = self.base + sum(group.contribution for group in self.groups)
        if not abs(total - self.raw) < TOLERANCE:
            raise PrecursorError(
                f"explanation: base and groups make {total}, the score is {self.raw}",
                remedy="Do not show it; compute it again with models.explanation.explain.",
                code="reasons_do_not_add_up",
            )

    @property
    def by_group(self) -> dict[str, float]:
        """Each group's contribution by name; with the base they add up to `raw`."""
        return {group.group: group.contribution for group in self.groups}

    def data(self) -> dict[str, Any]:
        """Return the explanation as plain data, ready for JSON."""
        return {
            "base": self.base,
            "raw": self.raw,
            "groups": [
                {
                    "group": group.group,
                    "contribution": group.contribution,
                    "features": [
                        {"name": f.name, "value": f.value, "contribution": f.contribution}
                        for f in group.features
                    ],
                }
                for group in self.groups
            ],
        }


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


def assemble(
    feature_set: FeatureSet,
    values: Sequence[float] | Floats,
    contributions: Floats,
    *,
    base: float,
    raw: float,
) -> Explanation:
    """Return one row's explanation from contributions that were computed for many rows at once.

    Parameters
    ----------
    values, contributions : array, shape (columns,)
    base, raw : float
        Log-odds before anything is known, and of the score.
    """
    sums = group_contributions(feature_set, np.asarray(contributions)[None, :])[0]
    members: dict[str, list[Contribution]] = {group: [] for group in feature_set.groups}
    for column, value, contribution in zip(feature_set.columns, values, contributions, strict=True):
        shown = None if np.isnan(value) else float(value)
        members[column.group].append(Contribution(column.name, shown, float(contribution)))
    return Explanation(
        base,
        raw,
        tuple(
            GroupContribution(group, float(total), tuple(members[group]))
            for group, total in zip(members, sums, strict=True)
        ),
    )


def explain(model: RiskModel, X: Floats) -> list[Explanation]:
    """Explain rows of checked inputs, each of which adds up to its own score.

    Parameters
    ----------
    model : RiskModel
    X : ndarray, shape (rows, columns)
        As `RiskModel.check` returns it.
    """
    base, contributions = model.contributions(X)
    raw = model.log_odds(X)
    return [
        assemble(model.feature_set, values, parts, base=base, raw=float(score))
        for values, parts, score in zip(X, contributions, raw, strict=True)
    ]
