"""What an empty value is read as, where a booster must not choose for itself.

A tree sends empty values whichever way fitted the training rows, so a column that may only raise a
score could lower it when something is put on record for the first time. Where a direction is
demanded, "never" is therefore read as longest ago, and "none" as nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from features.types import Floats

LONGEST_AGO = 36_525.0  # a hundred years, in days


def read(X: Floats, names: Sequence[str], empty: Mapping[str, float]) -> Floats:
    """Return inputs as a booster reads them; the given ones are left as they are.

    Parameters
    ----------
    X : ndarray, shape (rows, columns)
    names : sequence of str
        Of the columns.
    empty : mapping of str to float
        By column, what an empty value stands for.

    Examples
    --------
    >>> read(np.array([[np.nan, np.nan]]), ["recency", "age"], {"recency": LONGEST_AGO}).tolist()
    [[36525.0, nan]]
    """
    if not empty:
        return X
    found = np.array(X, dtype=np.float64)
    for place, name in enumerate(names):
        if name in empty:
            column = found[:, place]
            column[np.isnan(column)] = empty[name]
    return found
