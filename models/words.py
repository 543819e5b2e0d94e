"""Reasons in plain words: what in the records is associated with a higher or a lower score.

Rules, all of them tested:

- A reason says "associated with", never "because": the model knows no causes.
- Only what is on record gives a reason. A count of 0 or an empty value never does, whichever way it
  pulls: silence is no evidence. Its contribution is still among the groups, so they add up.
- Feature words name the legal status (report, arrest, charge, conviction, out-of-court disposal).
  Convictions share no group with what is not proven, so that no sentence mixes the two; a caution
  or out-of-court disposal may stand beside them, under its own name.
- At most six reasons, the largest contributions first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from math import isnan
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from features.declare import FeatureColumn
from features.remembered import remembered
from features.types import Floats
from models.risk_model import RiskModel

Direction = Literal["raises", "lowers"]

MOST_REASONS = 6
SMALLEST = 0.01  # log-odds: below about one percent of the odds there is nothing to tell
SHARE_OF_FIRST = 0.25
DATED = ("recency", "first")

ENDINGS: Mapping[Direction, str] = {
    "raises": ": associated with higher risk.",
    "lowers": ": associated with lower risk.",
}
"""How a reason ends, by its direction; a page that says the direction otherwise leaves it out."""


class Reason(NamedTuple):
    """One reason for a score: a sentence, which way it pulls and how far, and what it rests on.

    Parameters
    ----------
    text : str
    direction : {"raises", "lowers"}
    contribution : float
        Of the whole group, in log-odds.
    group : str
    features : tuple of str
        Names of the features in the sentence; the records behind them can be listed.
    """

    text: str
    direction: Direction
    contribution: float
    group: str
    features: tuple[str, ...] = ()

    def data(self) -> dict[str, Any]:
        """Return the reason as plain data, ready for JSON."""
        return {
            "text": self.text,
            "direction": self.direction,
            "contribution": self.contribution,
            "group": self.group,
            "features": list(self.features),
        }


@lru_cache(maxsize=10_000)
def date_words(day: date) -> str:
    """Return a date as it is written in a sentence.

    Examples
    --------
    >>> date_words(date(2026, 6, 4))
    '4 June 2026'
    """
    return f"{day.day} {day:%B %Y}"


def on_record(column: FeatureColumn, value: float | None) -> bool:
    """Return whether a value speaks of something that is in the records.

    A recency of 0 days speaks of today; every other measure of 0 speaks of nothing, and neither
    do all days of a window at liberty.

    Examples
    --------
    >>> from features.declare import COUNT, Feature
    >>> count = Feature("custody", COUNT, "arrests", "{value}", ("", "")).columns()[0]
    >>> on_record(count, 2.0), on_record(count, 0.0), on_record(count, None)
    (True, False, False)
    """
    if value is None or isnan(value):
        return False
    return value != column.silent or column.measure in DATED


def phrase(column: FeatureColumn, value: float, as_of_date: date | None = None) -> str:
    """Return a feature's value in words, with the date itself where the value is an age in days.

    Examples
    --------
    >>> from features.declare import RECENCY, Feature
    >>> latest = Feature("custody", RECENCY, "arrests", "most recent arrest {value} ago",
    ...                  ("day", "days")).columns()[0]
    >>> phrase(latest, 12, date(2026, 6, 16))
    'most recent arrest 12 days ago, on 4 June 2026'
    """
    words = column.phrase(value)
    if column.measure not in DATED or as_of_date is None:
        return words
    day = date_words(as_of_date - timedelta(days=round(value)))
    before, status, after = words.partition(" (")
    return f"{before}, on {day}{status}{after}"


def reasons_of_rows(
    model: RiskModel,
    values: Floats,
    contributions: Floats,
    groups: Floats,
    as_of_dates: Sequence[date | None],
) -> list[list[Reason]]:
    """Return each row's reasons in words, the largest contributions first.

    A row's are the same alone as among many, and none where nothing on record pulls noticeably.

    Parameters
    ----------
    model : RiskModel
        Whose feature words are used.
    values, contributions : ndarray, shape (rows, columns)
        Rows as `RiskModel.check` returned them, and what each column contributes.
    groups : ndarray, shape (rows, groups)
        As `models.explanation.group_contributions` adds the contributions up.
    as_of_dates : sequence of date or None
        One for each row; it lets a recency be told as a date too.
    """
    told, found = _teller(model), []
    for start in range(0, len(values), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        picked = told.picked(values[rows], contributions[rows], groups[rows])
        found += [
            [told.reason(*one, day) for one in reasons if one[0] >= 0]
            for reasons, day in zip(picked, as_of_dates[rows], strict=True)
        ]
    return found


_ROWS_AT_ONCE = 512  # so that what is compared stays in the processor's cache
_PHRASES_KEPT = 50_000
_Picked = tuple[int, float, int, float, int, float]


class _Teller:
    """What picks and words a model's reasons: its columns side by side, group by group."""

    def __init__(self, model: RiskModel) -> None:
        members = list(model.members.values())
        sizes = [len(places) for places in members]
        self._groups = list(model.members)
        self._order = np.array([place for places in members for place in places])
        self._columns = [model.feature_set.columns[place] for place in self._order]
        self._group = np.repeat(np.arange(len(members)), sizes)
        self._starts = np.cumsum([0, *sizes[:-1]])
        self._silent = np.array([column.silent for column in self._columns], dtype=np.float64)
        self._dated = [column.measure in DATED for column in self._columns]
        self._is_dated = np.array(self._dated)
        # people share most of what is said of them; all that is kept is bounded
        self._phrase = lru_cache(maxsize=_PHRASES_KEPT)(self._in_words)

    def picked(
        self, values: Floats, contributions: Floats, pulls: Floats
    ) -> Iterable[Iterable[_Picked]]:
        """Pick each row's reasons: group, its pull, and two features with their values.

        The features are those on record that pull the way their group pulls, the strongest first,
        the earlier of two alike; -1 stands for none.
        """
        values, parts = values[:, self._order], contributions[:, self._order]
        on = ~np.isnan(values) & ((values != self._silent) | self._is_dated)
        strength = np.where(on & (parts * pulls[:, self._group] > 0), np.abs(parts), 0.0)
        first, largest = self._strongest(strength)
        np.put_along_axis(strength, first, 0.0, axis=1)
        second, large = self._strongest(strength)
        second[(large == 0) | (large < SHARE_OF_FIRST * largest)] = -1
        size = np.where(largest > 0, np.abs(pulls), 0.0)
        size[size < SMALLEST] = 0.0
        order = np.argsort(-size, axis=1, kind="stable")[:, :MOST_REASONS]
        first, second, pulls, size = (
            np.take_along_axis(found, order, axis=1) for found in (first, second, pulls, size)
        )
        said = [np.take_along_axis(values, place, axis=1) for place in (first, second)]
        rows = np.where(size > 0, order, -1), pulls, first, said[0], second, said[1]
        columns = zip(*(found.tolist() for found in rows), strict=True)
        return (zip(*row, strict=True) for row in columns)

    def _strongest(self, strength: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
        """Return the place of each group's strongest feature in each row, and its strength."""
        largest = np.maximum.reduceat(strength, self._starts, axis=1)
        everywhere = np.arange(strength.shape[1])
        places = np.where(strength == largest[:, self._group], everywhere, strength.shape[1])
        return np.minimum.reduceat(places, self._starts, axis=1), largest

    def reason(
        self,
        group: int,
        pull: float,
        first: int,
        value: float,
        second: int,
        other: float,
        as_of_date: date | None,
    ) -> Reason:
        """Put one reason into words."""
        said = self._said(first, value, as_of_date)
        names: tuple[str, ...] = (self._columns[first].name,)
        if second >= 0:
            more = self._said(second, other, as_of_date)
            said = said if more == said else f"{said}; {more}"
            names = (*names, self._columns[second].name)
        direction: Direction = "raises" if pull > 0 else "lowers"
        text = f"{said[:1].upper()}{said[1:]}{ENDINGS[direction]}"
        return Reason(text, direction, pull, self._groups[group], names)

    def _said(self, place: int, value: float, as_of_date: date | None) -> str:
        return self._phrase(place, value, as_of_date if self._dated[place] else None)

    def _in_words(self, place: int, value: float, as_of_date: date | None) -> str:
        return phrase(self._columns[place], value, as_of_date)


@remembered
def _teller(model: RiskModel) -> _Teller:
    return _Teller(model)
