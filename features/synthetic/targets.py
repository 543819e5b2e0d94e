"""The published figures that the simulated force is held against, and why it misses some.

Volumes are those of a force with three million inhabitants. `BOARD` is a paper to a police and
crime board of 2022 that gives stalking, harassment and custody figures from April 2021 to February
2022; the other sources are named beside each figure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from features.synthetic.measures import Figure, Measures

BOARD = "police and crime board paper 2022, paragraphs 31 and 42"


@dataclass(frozen=True)
class Target:
    """A published figure and how to measure the same in the simulated force.

    Parameters
    ----------
    group, words : str
        Which part of the report it belongs to, and what it is.
    low, high : float
        The published value, or the range that was published; equal for one value.
    tolerance : float
        How far off the simulated value may be, sampling error aside.
    source : str
    since, until : date
        The days that the records must cover.
    measure : callable
        From the records and the scale to the figure.
    unit : str
    why : str
        For a figure that the force is known to miss: the reason.
    """

    group: str
    words: str
    low: float
    high: float
    tolerance: float
    source: str
    since: date
    until: date
    measure: Callable[[Measures, float], Figure]
    unit: str = "%"
    why: str = ""


def between(column: str, since: date, until: date) -> str:
    """Return SQL for the days from `since` until before `until`."""
    return f"{column} >= '{since}' AND {column} < '{until}'"


def count_target(
    group: str,
    words: str,
    value: float,
    percent: float,
    source: str,
    where: str,
    span: tuple[date, date],
    table: str = "crimes",
    months: int = 1,
    why: str = "",
) -> Target:
    """Return a target that is a number of rows of a table, in all or by the month."""
    column = "known_on" if table == "crimes" else "occurred_on"
    query = f"SELECT g, count(*) FROM {table} WHERE {where} AND {between(column, *span)} GROUP BY g"
    unit = "a month" if months > 1 else ""
    return Target(
        group,
        words,
        value,
        value,
        value * percent / 100,
        source,
        *span,
        lambda found, scale: found.total(query, scale / months),
        unit,
        why,
    )


def share_target(
    group: str,
    words: str,
    value: float | tuple[float, float],
    points: float,
    source: str,
    query: str,
    span: tuple[date, date],
    factor: float = 100.0,
    unit: str = "%",
    why: str = "",
) -> Target:
    """Return a target that is a share or another ratio; the query gives g, over, under."""
    low, high = value if isinstance(value, tuple) else (value, value)
    return Target(
        group,
        words,
        low,
        high,
        points,
        source,
        *span,
        lambda found, _: found.ratio(query, factor),
        unit,
        why,
    )


def share_of(over: str, table: str, where: str, span: tuple[date, date]) -> str:
    """Return SQL for the share of `over` among the rows of a table in a span of days."""
    column = "occurred_on" if table == "arrests" else "known_on"
    return (
        f"SELECT g, sum(({over})::int), count(*) FROM {table}"
        f" WHERE {where} AND {between(column, *span)} GROUP BY g"
    )
