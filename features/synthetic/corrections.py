"""Corrected and withdrawn records: the old version ends on the day the new one becomes known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from features.synthetic.columns import Array, Columns, happened, stack, take


def correct(table: Columns, first: Mapping[str, Array], on: Array) -> Columns:
    """Return a table in which some records were first known in another version.

    Parameters
    ----------
    table : Columns
        The records as they finally stand.
    first : Columns
        The same rows as they were first recorded.
    on : integer array
        For each row the day of the correction, after `known_on`; `NEVER` where there is none.

    Returns
    -------
    Columns
        The first or only versions, then the corrected ones.

    Examples
    --------
    >>> from features.synthetic.columns import NEVER
    >>> table = {
    ...     "record_id": np.array([7]), "grade": np.array(["high"]),
    ...     "known_on": np.array([3]), "superseded_on": np.array([NEVER]),
    ... }
    >>> both = correct(table, {**table, "grade": np.array(["medium"])}, np.array([9]))
    >>> both["grade"].tolist(), both["known_on"].tolist(), int(both["superseded_on"][0])
    (['medium', 'high'], [3, 9], 9)
    """
    changed = happened(on)
    old = {name: np.where(changed, first[name], values) for name, values in table.items()}
    old["superseded_on"] = np.where(changed, on, table["superseded_on"])
    new = take(table, changed)
    new["known_on"] = on[changed]
    return stack([old, new])


def withdraw(table: Columns, on: Array) -> Columns:
    """Return a table in which some records were withdrawn, with no successor.

    Parameters
    ----------
    table : Columns
        With `record_id` counting from 0.
    on : integer array
        For each record the day of the withdrawal, or `NEVER`.

    Examples
    --------
    >>> from features.synthetic.columns import NEVER
    >>> table = {"record_id": np.array([0]), "superseded_on": np.array([NEVER])}
    >>> withdraw(table, np.array([5]))["superseded_on"]
    array([5])
    """
    ends = on[table["record_id"]]
    last = happened(ends) & ~happened(table["superseded_on"])
    return {**table, "superseded_on": np.where(last, ends, table["superseded_on"])}
