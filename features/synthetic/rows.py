"""Rows of canonical tables in the making: people, crimes and days are still numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from features.synthetic.columns import NEVER, Array, Columns, stack, take

UNKNOWN = -1
"""An empty whole number, yes-or-no marker or reference; an empty text is ''."""


def rows(k: int, **columns: Any) -> Columns:
    """Return k rows; single values are repeated, and nothing is superseded.

    Examples
    --------
    >>> rows(2, event="made", known_on=np.array([3, 4]))["event"].tolist()
    ['made', 'made']
    """
    made = {name: np.asarray(np.broadcast_to(values, k)) for name, values in columns.items()}
    made["superseded_on"] = np.full(k, NEVER)
    return made


def number(*parts: Mapping[str, Array]) -> Columns:
    """Put parts of a table together and number the records in the order they became known.

    Examples
    --------
    >>> number(rows(1, known_on=np.array([9])), rows(1, known_on=np.array([4])))["record_id"]
    array([0, 1])
    """
    table = stack(parts)
    table = take(table, np.argsort(table["known_on"], kind="stable"))
    table["record_id"] = np.arange(len(table["known_on"]))
    return table


def lag(k: int, days: tuple[float, ...], rng: np.random.Generator) -> Array:
    """Draw whole days of delay, with the chance of each number of days given.

    Examples
    --------
    >>> lag(3, (0.0, 1.0), np.random.default_rng(1))
    array([1, 1, 1])
    """
    drawn: Array = rng.choice(len(days), k, p=np.array(days) / sum(days))
    return drawn


def spread(k: int, median: float, sigma: float, rng: np.random.Generator) -> Array:
    """Draw whole days around a median, log-normally."""
    days: Array = np.floor(median * np.exp(sigma * rng.standard_normal(k))).astype(np.int64)
    return days


def counts(grade: Array, rng: np.random.Generator) -> Columns:
    """Draw the numbers of counts of an arrest or charge, mostly of the offence's own grade."""
    k = len(grade)
    return {
        f"counts_{name}": np.where(grade == name, 1 + rng.poisson(0.35, k), rng.poisson(other, k))
        for name, other in (("indictable", 0.08), ("summary", 0.15), ("other", 0.03))
    }


def no_counts(k: int) -> Columns:
    """Return empty counts."""
    return {f"counts_{name}": np.full(k, UNKNOWN) for name in ("indictable", "summary", "other")}
