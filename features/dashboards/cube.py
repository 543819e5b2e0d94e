"""Counts along several attributes with all their totals, small numbers hidden throughout.

One cube holds every figure that a dashboard can show under any choice of filters, so that no choice
shows what another hides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from features.disclosure import Line, hidden

ALL = ""
"""Stands for all values of an attribute."""

Cell = tuple[str, ...]


@dataclass(frozen=True)
class Cube:
    """Counts by cell; a cell names a value, or `ALL`, for each attribute in order.

    Examples
    --------
    >>> rows = pd.DataFrame({"sort": ["a", "a", "b"], "n": [30, 12, 40]})
    >>> found = cube(rows, {"sort": ("a", "b", "c")}, [(), ("sort",)])
    >>> found.count("a"), found.count(ALL), found.count("c")
    (42, 82, 0)
    """

    attributes: tuple[str, ...]
    counts: Mapping[Cell, int]
    away: frozenset[Cell]

    def count(self, *cell: str) -> int | None:
        """Return a count; None where it stays hidden."""
        return None if cell in self.away else self.counts.get(cell, 0)


def cube(
    rows: pd.DataFrame,
    values: Mapping[str, Sequence[str]],
    told: Sequence[Sequence[str]],
) -> Cube:
    """Return the counts of some rows along attributes, with what must be hidden hidden.

    Parameters
    ----------
    rows : DataFrame
        One column for each attribute, and `n`: how many a row stands for.
    values : mapping of attribute to its values
        In the order of the cells; what is not among them must not occur.
    told : sequence of sequence of str
        Which attributes are told apart together; for each such set every count is told, and no
        other. The empty set is the count of all. The fewer totals there are, the less must go.
    """
    names = tuple(values)
    sets = {frozenset(each) for each in told}
    base = rows.groupby(list(names), observed=True)["n"].sum()
    every = product(*((ALL, *values[name]) for name in names))
    cells = [cell for cell in every if _by(cell, names) in sets]
    place = {cell: position for position, cell in enumerate(cells)}
    counts = np.zeros(len(cells), np.int64)
    for key, number in base.items():
        own = key if isinstance(key, tuple) else (key,)
        for cell in product(*((ALL, str(value)) for value in own)):
            if cell in place:
                counts[place[cell]] += int(number)
    away = hidden(counts, list(_lines(cells, place, names, values)))
    return Cube(
        names,
        {cell: int(number) for cell, number in zip(cells, counts, strict=True) if number},
        frozenset(cell for cell, hide in zip(cells, away, strict=True) if hide),
    )


def _by(cell: Cell, names: tuple[str, ...]) -> frozenset[str]:
    """Return the attributes that a cell tells apart."""
    return frozenset(name for name, value in zip(names, cell, strict=True) if value != ALL)


def _lines(
    cells: Sequence[Cell],
    place: Mapping[Cell, int],
    names: tuple[str, ...],
    values: Mapping[str, Sequence[str]],
) -> list[Line]:
    """Return each total with its parts along each attribute by which it is told apart."""
    found = []
    for cell in cells:
        for position, name in enumerate(names):
            if cell[position] != ALL:
                continue
            parts = [(*cell[:position], value, *cell[position + 1 :]) for value in values[name]]
            if parts and all(part in place for part in parts):
                found.append(Line(place[cell], tuple(place[part] for part in parts)))
    return found
