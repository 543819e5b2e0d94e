"""How steady a list is: who stays on it from one date to the next.

A list that changes by half each month cannot be worked with; one that never changes sees nothing.
Only people who are in the cohort on both dates are compared: leaving the cohort is no unsteadiness.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from features.types import Floats


def stability(
    people: npt.NDArray[Any],
    at: npt.NDArray[np.datetime64],
    scores: Mapping[str, Floats],
    capacity: int,
) -> list[dict[str, Any]]:
    """Return, from each date to the next, what share of each method's list stays on it.

    Parameters
    ----------
    people : ndarray of str, shape (rows,)
    at : ndarray of datetime64, shape (rows,)
    scores : mapping of method to array, shape (rows,)
    capacity : int
        Length of the list; ties at its end are broken by the order of the rows.

    Returns
    -------
    list of dict
        from, to, days, in_both (people), stays (by method: share of the earlier list's members
        still in the cohort who are on the later list) and order (by method: rank correlation of
        the scores of those in both).

    Examples
    --------
    >>> names = np.array(["A", "B", "C"] * 2)
    >>> days = np.repeat(np.array(["2026-01-01", "2026-02-01"], "datetime64[D]"), 3)
    >>> found = stability(names, days, {"model": np.array([3, 2, 1, 3, 1, 2.0])}, capacity=2)
    >>> found[0]["stays"], found[0]["days"], found[0]["in_both"]
    ({'model': 0.5}, 31, 3)
    """
    dates = np.unique(at)
    return [
        _pair(people, at, scores, capacity, earlier, later) for earlier, later in pairwise(dates)
    ]


def _pair(
    people: npt.NDArray[Any],
    at: npt.NDArray[np.datetime64],
    scores: Mapping[str, Floats],
    capacity: int,
    earlier: np.datetime64,
    later: np.datetime64,
) -> dict[str, Any]:
    before, after = np.flatnonzero(at == earlier), np.flatnonzero(at == later)
    both, first, second = np.intersect1d(people[before], people[after], return_indices=True)
    found: dict[str, Any] = {
        "from": str(earlier.astype("datetime64[D]")),
        "to": str(later.astype("datetime64[D]")),
        "days": int((later - earlier) / np.timedelta64(1, "D")),
        "in_both": len(both),
        "stays": {},
        "order": {},
    }
    for name, score in scores.items():
        old, new = score[before], score[after]
        was = _listed(old, capacity)[first]
        is_still = _listed(new, capacity)[second] & was
        listed = int(np.count_nonzero(was))
        found["stays"][name] = int(np.count_nonzero(is_still)) / listed if listed else None
        found["order"][name] = _rank_correlation(old[first], new[second])
    return found


def _listed(score: Floats, capacity: int) -> npt.NDArray[np.bool_]:
    taken = np.zeros(len(score), dtype=bool)
    taken[np.argsort(-score, kind="stable")[:capacity]] = True
    return taken


def _rank_correlation(one: Floats, other: Floats) -> float | None:
    if len(one) < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return float(np.corrcoef(rankdata(one), rankdata(other))[0, 1])


def in_words(found: Sequence[Mapping[str, Any]], method: str = "model") -> list[str]:
    """Return list stability as lines to print.

    Examples
    --------
    >>> pair = {"from": "2026-01-01", "to": "2026-02-01", "days": 31, "in_both": 3,
    ...         "stays": {"model": 0.5}, "order": {"model": 0.5}}
    >>> in_words([pair])
    ['List stability: of those listed and still in the cohort 31 days later, 50% stay on the list \
(1 pair of dates, the least 50%).']
    """
    shares = [pair["stays"][method] for pair in found if pair["stays"].get(method) is not None]
    if not shares:
        return []
    gaps = sorted({int(pair["days"]) for pair in found})
    days = f"{gaps[0]}" if len(gaps) == 1 else f"{gaps[0]} to {gaps[-1]}"
    pairs = f"{len(shares)} pair{'s' * (len(shares) != 1)} of dates"
    return [
        f"List stability: of those listed and still in the cohort {days} days later,"
        f" {np.mean(shares):.0%} stay on the list ({pairs}, the least {min(shares):.0%})."
    ]
