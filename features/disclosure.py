"""Which figures of a table stay hidden, so that no small number can be worked out from the rest.

A number from 1 to 9 is hidden. Where a hidden number could still be pinned down from those that are
shown and from the totals, further numbers are hidden until it cannot: for each hidden number there
are tables that agree with everything shown and in which it differs by `ROOM` or more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import linprog
from scipy.sparse import csr_array, lil_array
from scipy.sparse.csgraph import connected_components

FEWEST = 10
"""The smallest number of people, or cases, that may be shown."""

ROOM = 5
"""How far apart the values must be that a hidden number could have."""

_TRIES = 8
_SWEEPS = 20
_BEYOND = 1e9
_ROUNDING = 1e-6

_Offer = tuple[bool, int, int, int]
Whole = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Line:
    """A total and the cells that add up to it, as positions among all cells of what is shown."""

    total: int
    parts: tuple[int, ...]


def hidden(numbers: npt.ArrayLike, lines: Sequence[Line]) -> Mask:
    """Return which numbers must not be shown.

    Parameters
    ----------
    numbers : array of int
        Counts of people or cases, totals among them.
    lines : sequence of Line
        Every sum that a reader could know of. Where a total is known from elsewhere, it must be
        among the numbers.

    Returns
    -------
    ndarray of bool

    Notes
    -----
    Whether a number can be pinned down is asked of linear programmes over all hidden numbers at
    once, so a way round over several rows and columns is found like a plain subtraction. A nought
    is shown, so a reader knows that what is hidden is at least 1.

    Examples
    --------
    >>> table = [3, 40, 60, 103]  # three cells and their total
    >>> hidden(table, [Line(3, (0, 1, 2))]).tolist()
    [True, True, False, False]
    >>> hidden([30, 40, 70], [Line(2, (0, 1))]).any()
    np.False_
    """
    count = np.asarray(numbers, dtype=np.int64)
    away: Mask = (count > 0) & (count < FEWEST)
    if not away.any():
        return away
    matrix = _sums(len(count), lines)
    for pinned_by in (_bounded, _pinned):  # the first is fast and finds nearly all
        while True:
            pinned = pinned_by(count, away, matrix)
            further = _companions(count, away, pinned, lines, matrix)
            if not further.any():
                break  # nothing is pinned down, or nothing is left that could be hidden
            away |= further
    return away


def suppressed(groups: pd.DataFrame, number: npt.ArrayLike) -> Mask:
    """Return which cells of a table of groups must be left out.

    Parameters
    ----------
    groups : DataFrame
        One row a cell, one column an attribute; every line along one attribute has a total that
        can be read elsewhere.
    number : array of int
        How many people each cell is about.

    Returns
    -------
    ndarray of bool

    Examples
    --------
    >>> suppressed(pd.DataFrame({"sex": ["female", "male", "unknown"]}), [40, 60, 3]).tolist()
    [True, False, True]
    >>> suppressed(pd.DataFrame({"sex": ["female", "male"]}), [40, 60]).tolist()
    [False, False]
    """
    people = np.asarray(number).astype(np.int64)
    # the total of a line with one number is that number: nothing beside it could keep it back
    parts = [part for part in _along(groups) if (people[part] > 0).sum() > 1]
    lines = [Line(len(people) + at, tuple(part)) for at, part in enumerate(parts)]
    totals = [people[part].sum() for part in parts]
    return hidden(np.concatenate([people, np.array(totals, dtype=np.int64)]), lines)[: len(people)]


def _along(groups: pd.DataFrame) -> list[list[int]]:
    """Return the positions of the cells along each line of a table."""
    found = []
    for name in groups.columns:
        others = [other for other in groups.columns if other != name]
        if not others:
            found.append(list(range(len(groups))))
            continue
        key = groups.groupby(others, sort=False, dropna=False).ngroup().to_numpy()
        found += [np.flatnonzero(key == one).tolist() for one in np.unique(key)]
    return found


def _bounded(count: Whole, away: Mask, matrix: csr_array) -> Mask:
    """Return the hidden numbers that bounds along one line after another pin down."""
    entries = matrix.tocoo()
    row, column, sign = entries.row, entries.col, entries.data
    low = np.where(away, 1, count).astype(float)
    high = np.where(away, _BEYOND, count).astype(float)
    plus = sign > 0
    for _ in range(_SWEEPS):
        # what the lines add up to at least and at most, parts less total
        least = np.where(plus, low[column], -high[column])
        most = np.where(plus, high[column], -low[column])
        least_of = np.bincount(row, least, matrix.shape[0])[row] - least
        most_of = np.bincount(row, most, matrix.shape[0])[row] - most
        before = high - low
        np.minimum.at(high, column, np.where(plus, -least_of, most_of))
        np.maximum.at(low, column, np.where(plus, -most_of, least_of))
        if (high - low == before).all():
            break
    return np.asarray(away & (high - low < ROOM))


def _companion(cells: Whole, count: Whole, away: Mask) -> int | None:
    """Return the smallest number of a line that is shown; its total, which is last, if no other."""
    for own in (cells[:-1], cells[-1:]):
        shown = own[~away[own] & (count[own] > 0)]
        if len(shown):
            return int(shown[np.argmin(count[shown])])
    return None


def _sums(cells: int, lines: Sequence[Line]) -> csr_array:
    """Return the lines as rows of a matrix: parts less their total are nought."""
    matrix = lil_array((len(lines), cells))
    for row, line in enumerate(lines):
        for part in line.parts:
            matrix[row, part] = 1
        matrix[row, line.total] = -1
    return csr_array(matrix)


def _pinned(count: Whole, away: Mask, matrix: csr_array) -> Mask:
    """Return the hidden numbers that what is shown pins down to less than `ROOM` values."""
    places = np.flatnonzero(away)
    own = csr_array(matrix[:, places])
    own = own[np.flatnonzero(np.diff(own.indptr))]
    value = count[places].astype(float)
    # what is hidden and in no line that ties it is free; a bound keeps the programmes finite
    bounds = [(1 - each, 10.0 * ROOM) for each in value]
    low, high = np.zeros(len(places)), np.zeros(len(places))
    rng = np.random.default_rng(0)

    def ask(wanted: npt.NDArray[np.float64]) -> None:
        answer = linprog(-wanted, A_eq=own, b_eq=np.zeros(own.shape[0]), bounds=bounds)
        if answer.x is not None:
            np.minimum(low, answer.x, out=low)
            np.maximum(high, answer.x, out=high)

    if own.shape[0] == 0:
        return np.zeros(len(count), bool)
    for _ in range(_TRIES):
        narrow = high - low < ROOM - _ROUNDING
        if not narrow.any():
            break
        wanted = np.where(narrow, rng.choice((-1.0, 1.0), len(places)), 0.0)
        ask(wanted)
        ask(-wanted)
    for place in np.flatnonzero(high - low < ROOM - _ROUNDING):
        wanted = np.zeros(len(places))
        wanted[place] = 1.0
        ask(wanted)
        ask(-wanted)
    found = np.zeros(len(count), bool)
    found[places] = high - low < ROOM - _ROUNDING
    return found


def _companions(
    count: Whole, away: Mask, pinned: Mask, lines: Sequence[Line], matrix: csr_array
) -> Mask:
    """Return what goes as well: for each number that is pinned down the least that could help."""
    found = np.zeros(len(count), bool)
    best: dict[int, _Offer] = {}
    each = [np.array((*line.parts, line.total)) for line in lines]
    offers = [
        (cells, _offer(line, cells, count, away)) for line, cells in zip(lines, each, strict=True)
    ]
    for cells, offer in offers:
        if offer is not None:
            for cell in cells[pinned[cells]].tolist():
                best[cell] = min(best.get(cell, offer), offer)
    left = np.setdiff1d(np.flatnonzero(pinned), list(best))
    if len(left):
        # all in its own lines is hidden, and still a way round through others gives it away
        label = _together(away, matrix)
        for cells, offer in offers:
            if offer is not None:
                for cell in left[np.isin(label[left], label[cells[away[cells]]])].tolist():
                    best[cell] = min(best.get(cell, offer), offer)
    for *_, companion in best.values():
        found[companion] = True
    return found


def _together(away: Mask, matrix: csr_array) -> Whole:
    """Return a label for each number: hidden ones that hang together by lines have the same."""
    places = np.flatnonzero(away)
    unknown = abs(matrix[:, places])
    label = np.full(len(away), -1, dtype=np.int64)
    label[places] = connected_components(unknown.T @ unknown, directed=False)[1]
    return label


def _offer(line: Line, cells: Whole, count: Whole, away: Mask) -> _Offer | None:
    """Return what a line could hide as well, the least harmful first; None if it has nothing."""
    companion = _companion(cells, count, away)
    if companion is None:
        return None
    # a line with few hidden numbers is the likeliest to give them away
    beside = int(away[cells].sum())
    return companion == line.total, beside, int(count[companion]), companion
