"""Columns of equal length under their names: the form in which the simulated force is passed on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Columns: TypeAlias = dict[str, Array]

NEVER = np.int64(-(10**9))
"""The day number of what did not happen; far before every date of birth."""


def take(columns: Mapping[str, Array], rows: Array) -> Columns:
    """Return the rows that a mask or an array of positions picks.

    Examples
    --------
    >>> take({"day": np.array([3, 5])}, np.array([False, True]))
    {'day': array([5])}
    """
    return {name: values[rows] for name, values in columns.items()}


def stack(parts: Iterable[Mapping[str, Array]]) -> Columns:
    """Put parts with the same columns under one another.

    Examples
    --------
    >>> stack([{"day": np.array([3])}, {"day": np.array([5, 8])}])
    {'day': array([3, 5, 8])}
    """
    whole = list(parts)
    return {name: np.concatenate([part[name] for part in whole]) for name in whole[0]}


def happened(days: Array) -> Array:
    """Return where a day is given.

    Examples
    --------
    >>> happened(np.array([4, NEVER]))
    array([ True, False])
    """
    given: Array = days != NEVER
    return given


def expit(x: Array) -> Array:
    """Return the probability that belongs to log-odds.

    Examples
    --------
    >>> expit(np.array([0.0]))
    array([0.5])
    """
    return 1.0 / (1.0 + np.exp(-x))
