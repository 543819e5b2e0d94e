"""What stands beside the ranks of a list: RFG's ranks, and who is near the capacity line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import logit
from scipy.stats import norm

from features.rfg import ranks
from features.types import Floats

Whole = npt.NDArray[np.int64]

CLOSE = 0.1
"""A call is close where more than this share of re-runs would fall on the other side."""

EDGE = 1e-9


@dataclass(frozen=True)
class OtherRanks:
    """RFG's ranks of the people on a list, by position; those with equal points share theirs."""

    rank: Whole
    first: Whole
    last: Whole
    capacity: int

    @classmethod
    def of(cls, rank: Whole, points: Whole, capacity: int) -> OtherRanks:
        """Return RFG's ranks among those who have a rank by score; 0 stands for no rank.

        Examples
        --------
        >>> found = OtherRanks.of(np.array([1, 2, 0]), np.array([3, 9, 12]), 1)
        >>> found.at(0), found.at(2)
        ((2, 2), (0, 0))
        """
        first, last = np.zeros(len(rank), np.int64), np.zeros(len(rank), np.int64)
        ranked = rank > 0
        first[ranked], last[ranked] = ranks(points[ranked])
        return cls(rank, first, last, capacity)

    def at(self, position: int) -> tuple[int, int]:
        """Return the first and last rank that somebody may have by RFG."""
        return int(self.first[position]), int(self.last[position])

    def far_apart(self, position: int) -> bool:
        """Return whether both ranks lie further apart than the teams can take people on."""
        rank, (first, last) = int(self.rank[position]), self.at(position)
        return bool(rank and max(first - rank, rank - last, 0) > self.capacity)


def above_the_line(score: Floats, low: Floats, high: Floats, line: float, level: float) -> Floats:
    """Return in what share of re-runs each score would lie above a line.

    The range tells how far scores of this size may lie from the mean recorded risk of people with
    such a record; between its ends the log-odds are taken as normal, and the line as staying where
    it is.

    Parameters
    ----------
    score, low, high : ndarray
        Probabilities, the range at `level`.
    line : float
        The probability at the line.
    level : float
        Of the model's interval, for example 0.9.

    Examples
    --------
    >>> above_the_line(np.array([0.2, 0.3]), np.array([0.1, 0.2]), np.array([0.3, 0.4]), 0.2, 0.9
    ...                ).round(2).tolist()
    [0.5, 0.96]
    """
    at, bottom, top, cut = (
        logit(np.clip(np.asarray(values, np.float64), EDGE, 1 - EDGE))
        for values in (score, low, high, line)
    )
    scatter = (top - bottom) / (2 * norm.ppf((1 + level) / 2))
    away = at - cut
    with np.errstate(divide="ignore", invalid="ignore"):
        share = norm.cdf(away / scatter)
    return np.where(scatter > 0, share, np.where(away > 0, 1.0, np.where(away < 0, 0.0, 0.5)))
