"""Soft metrics: how good scores are against true probabilities, with no luck of the draw in it.

Where the true chance `p` of each row is known, a score `s` need not be judged by the one outcome
that happened to follow. Averaged over all outcomes that could have followed independently:

- soft AUC: the sum of p_i (1 - p_j) over pairs with s_i > s_j, ties counting half, divided by that
  sum over all pairs of different rows;
- soft Brier score: mean of (s - p)^2 + p (1 - p); its first part is the *regret*, what a perfect
  score would have saved;
- soft precision at capacity: mean of p over the top of the list.

A `p` that was itself estimated from replays, without bias and independently of `s`, leaves all of
them without bias; the regret is taken as the mean of (s - a)(s - b) over two independent estimates,
since a square would count their noise as regret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from features.types import Floats
from training.metrics import Ranking, in_parts, person_samples


@dataclass(frozen=True)
class SoftRows:
    """Rows with their true chances, who they are, and how lists are formed.

    Parameters
    ----------
    p : ndarray, shape (rows,)
        True probability of the outcome.
    half : ndarray, shape (rows,)
        Another estimate of it, from half of the replays behind `p`; `p` itself where it is exact.
    people : ndarray of str, shape (rows,)
    capacity : int
        Length of a list.
    lists : ndarray
        Which list each row would stand on.
    """

    p: Floats
    half: Floats
    people: npt.NDArray[Any]
    capacity: int
    lists: npt.NDArray[Any]


def soft_auc(score: npt.ArrayLike, p: npt.ArrayLike, weight: Floats | None = None) -> Floats:
    """Return the chance that a row with the outcome scores above one without, true chances given.

    Parameters
    ----------
    score, p : array, shape (rows,)
    weight : ndarray, shape (samples, rows), optional
        How often each row counts in each sample; a row is never compared with itself.

    Returns
    -------
    ndarray, shape (samples,)

    Examples
    --------
    >>> float(soft_auc([0.9, 0.5, 0.1], [1.0, 0.0, 0.0])[0])
    1.0
    >>> float(soft_auc([3.0, 2.0, 1.0], [0.5, 0.5, 0.5])[0])
    0.5
    """
    chance = np.asarray(p, dtype=np.float64)
    counted = np.ones((1, len(chance))) if weight is None else weight
    pairs = (counted @ chance) * (counted @ (1 - chance))
    own = (counted * counted) @ (chance * (1 - chance))
    with np.errstate(invalid="ignore", divide="ignore"):
        area = (Ranking(chance, score).auc(counted) * pairs - own / 2) / (pairs - own)
    return np.asarray(area)


def soft_brier(score: npt.ArrayLike, p: npt.ArrayLike, weight: Floats | None = None) -> Floats:
    """Return the Brier score to be expected when the true chances are these.

    Examples
    --------
    >>> float(soft_brier([0.5], [0.5])[0])
    0.25
    """
    s, chance = np.asarray(score, dtype=np.float64), np.asarray(p, dtype=np.float64)
    return _mean((s - chance) ** 2 + chance * (1 - chance), weight)


def regret(
    score: npt.ArrayLike, one: npt.ArrayLike, other: npt.ArrayLike, weight: Floats | None = None
) -> Floats:
    """Return the mean squared distance to the true chance, from two independent estimates of it.

    Examples
    --------
    >>> round(float(regret([0.3], [0.1], [0.1])[0]), 2)
    0.04
    """
    s = np.asarray(score, dtype=np.float64)
    return _mean((s - np.asarray(one)) * (s - np.asarray(other)), weight)


def _mean(values: Floats, weight: Floats | None) -> Floats:
    if weight is None:
        return np.asarray([values.mean()])
    return np.asarray(weight @ values / weight.sum(axis=1))


def soft_figures(
    rows: SoftRows, scores: Mapping[str, npt.ArrayLike], *, draws: int = 200, seed: int = 0
) -> dict[str, dict[str, Floats]]:
    """Return the soft metrics of each method on the rows, and on the same samples of people.

    Parameters
    ----------
    rows : SoftRows
    scores : mapping of str to array, shape (rows,)
        Probabilities by method.
    draws : int
        Samples of people.
    seed : int

    Returns
    -------
    dict of method to dict of metric to ndarray, shape (1 + draws,)
        auc, brier, regret, precision and captured (the last two at capacity). The first value is
        of the rows as they are.

    Examples
    --------
    >>> p = np.array([0.9, 0.1, 0.2])
    >>> rows = SoftRows(p, p, np.array(["A", "B", "C"]), 1, np.zeros(3))
    >>> found = soft_figures(rows, {"perfect": p}, draws=5)["perfect"]
    >>> float(found["precision"][0]), float(found["regret"][0])
    (0.9, 0.0)
    """
    weight = person_samples(rows.people, draws, seed)
    return {
        name: in_parts(weight, _Method(rows, np.asarray(score, dtype=np.float64)))
        for name, score in scores.items()
    }


class _Method:
    def __init__(self, rows: SoftRows, score: Floats) -> None:
        self.rows, self.score = rows, score
        self.parts = [np.flatnonzero(rows.lists == one) for one in np.unique(rows.lists)]
        self.rankings = [Ranking(rows.p[at], score[at]) for at in self.parts]

    def __call__(self, weight: Floats) -> dict[str, Floats]:
        p, half = self.rows.p, self.rows.half
        hits, taken = (self._taken(weight, amount) for amount in (p, np.ones_like(p)))
        with np.errstate(invalid="ignore"):
            captured = hits / (weight @ p)
        return {
            "auc": soft_auc(self.score, p, weight),
            "brier": soft_brier(self.score, p, weight),
            # p is the mean of two halves, so the other half is what is left of twice that
            "regret": regret(self.score, half, 2 * p - half, weight),
            "precision": hits / taken,
            "captured": captured,
        }

    def _taken(self, weight: Floats, amount: Floats) -> Floats:
        each = [
            ranking.at_capacity(weight[:, at], self.rows.capacity, amount[at])
            for at, ranking in zip(self.parts, self.rankings, strict=True)
        ]
        return np.asarray(np.sum(each, axis=0))
