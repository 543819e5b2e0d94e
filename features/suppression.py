"""Small numbers: what a table must leave out so that nobody in it can be made out.

A cell about fewer than ten people is left out. Where it alone is missing from a line whose total is
published, it could be worked out from the rest, so the next smallest of that line goes as well.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

FEWEST = 10


def suppressed(groups: pd.DataFrame, number: npt.ArrayLike) -> npt.NDArray[np.bool_]:
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
    people = np.asarray(number, dtype=np.float64)
    hidden = (people > 0) & (people < FEWEST)
    lines = list(_lines(groups))
    changed = True
    while changed:
        changed = False
        for line in lines:
            there = line[people[line] > 0]
            if hidden[there].sum() == 1 and len(there) > 1:
                shown = there[~hidden[there]]
                hidden[shown[np.argmin(people[shown])]] = changed = True
    return hidden


def _lines(groups: pd.DataFrame) -> list[npt.NDArray[np.int64]]:
    """Return the positions of the cells along each line of the table."""
    found = []
    for name in groups.columns:
        others = [other for other in groups.columns if other != name]
        if not others:
            found.append(np.arange(len(groups)))
            continue
        key = groups.groupby(others, sort=False, dropna=False).ngroup().to_numpy()
        found += [np.flatnonzero(key == one) for one in np.unique(key)]
    return found
