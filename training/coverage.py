"""Do intervals hold what they promise, and who is close to the line? On a synthetic force only.

An interval is for the mean recorded risk of people with such a record. On a simulated force that
mean is learnt by the record oracle, so the share of intervals that contain it is counted, in each
tenth of risk and each sub-cohort: nine in ten should. How many people would stand on either side of
the end of the list, within their intervals, needs no oracle and is counted everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from features.types import Floats
from training.evaluation import Judged

TENTHS = 10
ASKED = (0.85, 0.95)
FEWEST_ROWS = 100

Mask = npt.NDArray[np.bool_]


def coverage(
    low: Floats,
    high: Floats,
    probability: Floats,
    best: Floats,
    parts: Mapping[str, Mask] | None = None,
) -> list[dict[str, Any]]:
    """Return the share of intervals that contain the record oracle's value, part by part.

    Parameters
    ----------
    low, high, probability : ndarray, shape (rows,)
    best : ndarray, shape (rows,)
        The record oracle's value.
    parts : mapping of str to ndarray of bool
        Sub-cohorts besides the tenths of risk.

    Returns
    -------
    list of dict
        part, rows, covered, below and above (shares of values below and above their interval),
        width (mean), and held (whether it is within what is asked).

    Examples
    --------
    >>> p = np.linspace(0.01, 0.5, 1000)
    >>> found = coverage(p * 0.8, p * 1.2, p, p * 1.1)
    >>> len(found), found[0]["part"], {one["covered"] for one in found}
    (11, 'all', {1.0})
    """
    tenth = np.array_split(np.argsort(probability, kind="stable"), TENTHS)
    places = {"all": np.arange(len(probability))}
    places |= {f"tenth {number}": at for number, at in enumerate(tenth, start=1)}
    places |= {name: np.flatnonzero(mask) for name, mask in (parts or {}).items()}
    found = []
    for name, at in places.items():
        if len(at) < FEWEST_ROWS:
            continue
        below, above = best[at] < low[at], best[at] > high[at]
        covered = float(1 - below.mean() - above.mean())
        found.append(
            {
                "part": name,
                "rows": len(at),
                "covered": covered,
                "below": float(below.mean()),
                "above": float(above.mean()),
                "width": float((high[at] - low[at]).mean()),
                "held": ASKED[0] <= covered <= ASKED[1],
            }
        )
    return found


def close_calls(judged: Judged, low: Floats, high: Floats, probability: Floats) -> dict[str, Any]:
    """Return how many stand so near the end of the list that their interval crosses it.

    Returns
    -------
    dict
        listed and unlisted: shares of those on the list, and of as many just below it, whose
        interval reaches over the line.

    Examples
    --------
    >>> rows = Judged(np.zeros(6, np.int64), np.arange(6).astype(str), capacity=2)
    >>> p = np.array([0.9, 0.5, 0.45, 0.2, 0.1, 0.1])
    >>> close_calls(rows, p - 0.06, p + 0.06, p)
    {'listed': 0.5, 'unlisted': 0.5}
    """
    lists = np.zeros(len(probability)) if judged.lists is None else judged.lists
    inside: list[bool] = []
    outside: list[bool] = []
    for one in np.unique(lists):
        at = np.flatnonzero(lists == one)
        order = at[np.argsort(-probability[at], kind="stable")]
        on, off = order[: judged.capacity], order[judged.capacity : 2 * judged.capacity]
        if not len(off):
            continue
        line = (probability[on[-1]] + probability[off[0]]) / 2
        inside += (low[on] <= line).tolist()
        outside += (high[off] >= line).tolist()
    return {
        "listed": float(np.mean(inside)) if inside else None,
        "unlisted": float(np.mean(outside)) if outside else None,
    }


def in_words(
    calls: Mapping[str, Any], found: Sequence[Mapping[str, Any]] | None = None
) -> list[str]:
    """Return coverage and close calls as lines to print.

    Examples
    --------
    >>> in_words({"listed": 0.25, "unlisted": 0.5})
    ['Close calls: the intervals of 25% of those listed, and of 50% of as many just below, reach \
over the end of the list.']
    """
    lines = []
    if calls["listed"] is not None:
        lines.append(
            f"Close calls: the intervals of {calls['listed']:.0%} of those listed, and of"
            f" {calls['unlisted']:.0%} of as many just below, reach over the end of the list."
        )
    if found:
        tenths = [one["covered"] for one in found if one["part"].startswith("tenth")]
        rest = [one for one in found if not one["part"].startswith("tenth")]
        said = "; ".join(f"{one['part']} {one['covered']:.0%}" for one in rest)
        lines.append(
            f"Intervals that contain the record oracle's value (90% are promised): {said}; by"
            f" tenths of risk, lowest first: {', '.join(f'{share:.0%}' for share in tenths)}."
        )
    return lines
