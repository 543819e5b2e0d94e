"""From events placed on rows to the columns of a matrix: what each measure means.

A feature names a source, marks, a window and a measure; here is the one place where a measure is
computed. A column costs a pass over the events that carry its marks, and one over the rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from features.adult import YEAR
from features.declare import DECAY_ONE, HALF_LIFE, FeatureColumn, FeatureSet
from features.events import OFFENCE_MARKS
from features.sources import SOURCES
from features.subjects import Births, Subjects
from features.sweep import MISSING, Events, Records, nothing
from features.visible import NEVER, Array


@lru_cache(maxsize=8)
def decay(half_life: int) -> Array:
    """Return the weight of an event by its age in whole days, halved after every half-life.

    Examples
    --------
    >>> decay(365)[[0, 365, 730]].tolist()
    [65536, 32768, 16384]
    """
    ages = np.arange(16 * half_life + 1)
    return np.round(DECAY_ONE * 0.5 ** (ages / half_life)).astype(np.int64)


DECAY = decay(HALF_LIFE)
"""Integer weight of an event by whole days of age: halves each year, ends after sixteen."""

VARIETY_OF = tuple(
    mark
    for mark in OFFENCE_MARKS[: OFFENCE_MARKS.index("high_harm")]
    if mark not in ("injury", "homicide", "threats")
)
"""Kinds of offence over which variety is the entropy, without those that another contains."""


class Assembly:
    """The columns of one chunk of rows, computed from the records of its people.

    Parameters
    ----------
    subjects : Subjects
    records : mapping of str to Records
        By source; a source that is absent has no records here.
    """

    def __init__(self, subjects: Subjects, records: Mapping[str, Records]) -> None:
        self._subjects = subjects
        self._records = records
        self._events: dict[str, Events] = {}
        self._sums: dict[tuple[str, int, int | None], Array] = {}

    def column(self, column: FeatureColumn) -> Array:
        """Return one column in the order of the subjects' rows.

        Returns
        -------
        ndarray
            int64 for what is counted or summed (0 when empty), float64 for the rest (NaN).
        """
        records = self._records.get(column.source)
        if records is not None and not len(records.person):  # most sources, of one person
            return np.full(len(self._subjects.rows), _nothing(column))
        return _MEASURES[column.measure](self, column)

    def _of(self, column: FeatureColumn) -> tuple[Events, Array]:
        events = self._source(column.source)
        return events, events.having(_bits(column.source, column.of))

    def _source(self, source: str) -> Events:
        if source not in self._events:
            of = self._subjects
            self._events[source] = Events.place(
                of.rows, of.person, of.adult_on, self._records[source]
            )
        return self._events[source]

    def _number(self, source: str, marks: tuple[str, ...], window: int | None) -> Array:
        key = (source, _bits(source, marks), window)
        if key not in self._sums:
            events = self._source(source)
            self._sums[key] = events.sums(events.having(key[1]), window)
        return self._sums[key]

    def count(self, column: FeatureColumn) -> Array:
        """Events in the window."""
        return self._number(column.source, column.of, column.window)

    def sum(self, column: FeatureColumn) -> Array:
        """The amount of all events in the window together."""
        events, chosen = self._of(column)
        return events.sums(chosen, column.window, column.amount)

    def max(self, column: FeatureColumn) -> Array:
        """The greatest amount of one event in the window."""
        events, chosen = self._of(column)
        return events.greatest(chosen, column.window, column.amount)

    def distinct(self, column: FeatureColumn) -> Array:
        """Different other persons met in the window."""
        events, chosen = self._of(column)
        return events.persons(chosen, column.window)

    def repeated(self, column: FeatureColumn) -> Array:
        """Different other persons met at least twice in the window."""
        events, chosen = self._of(column)
        return events.persons(chosen, column.window, at_least=2)

    def decayed(self, column: FeatureColumn) -> Array:
        """The amount of all dated events, each weighted by its age; a window is a half-life."""
        events, chosen = self._of(column)
        row, event, age = events.each(chosen)
        amounts = events.records.amounts[column.amount][event]
        table = DECAY if column.window is None else decay(column.window)
        weight = table[np.minimum(age, len(table) - 1)] * (age < len(table))
        weighted = np.where(amounts == MISSING, 0, amounts) * weight
        return _added(row, weighted, len(events.rows))

    def recency(self, column: FeatureColumn) -> Array:
        """Days since the most recent dated event."""
        events, chosen = self._of(column)
        latest = events.latest(events.dated(chosen))
        return np.where(latest == NEVER, np.nan, (events.rows.at - latest).astype(np.float64))

    def first(self, column: FeatureColumn) -> Array:
        """Days since the first dated event."""
        events, chosen = self._of(column)
        first = events.first_day(chosen)
        return np.where(first == -NEVER, np.nan, (events.rows.at - first).astype(np.float64))

    def gap(self, column: FeatureColumn) -> Array:
        """Mean days between consecutive dated events; empty with fewer than two."""
        events, chosen = self._of(column)
        number = events.sums(events.dated(chosen), None)
        between = self.first(column) - self.recency(column)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(number > 1, between / (number - 1), np.nan)

    def variety(self, column: FeatureColumn) -> Array:
        """Entropy, in nats, of the kinds of offence on record; empty without any."""
        counts = [self._number(column.source, (kind,), None) for kind in VARIETY_OF]
        total = np.sum(counts, axis=0)
        table = _times_log(max(int(total.max(initial=0)), 1).bit_length())
        spread = np.zeros(len(total))
        for count in counts:
            spread += table[count]
        with np.errstate(divide="ignore", invalid="ignore"):
            entropy = (table[total] - spread) / total
        return np.where(total > 0, np.abs(entropy), np.nan)

    def age(self, column: FeatureColumn) -> Array:
        """Age in years."""
        return np.asarray(self._subjects.age_days / YEAR)

    def onset(self, column: FeatureColumn) -> Array:
        """Age in years at the first dated event."""
        return np.asarray((self._subjects.age_days - self.first(column)) / YEAR)

    def change(self, column: FeatureColumn) -> Array:
        """Events in the window, less those in the window of equal length before it."""
        window = column.window or 0
        recent = self._number(column.source, column.of, window)
        return np.asarray(2 * recent - self._number(column.source, column.of, 2 * window))

    def at_liberty(self, column: FeatureColumn) -> Array:
        """Days of the window spent neither in prison nor on remand."""
        window = column.window or 0
        events = self._source(column.source)
        inside = np.zeros(len(events.rows), np.int64)
        for mark, sign in (("received", 1), ("released", -1)):
            bits = _bits(column.source, (mark,))
            row, _, age = events.each(events.having(bits))
            inside += sign * _added(row, np.minimum(age, window), len(events.rows))
        return np.asarray(window - np.clip(inside, 0, window))

    def standing(self, column: FeatureColumn) -> Array:
        """Episodes begun and not ended: those opened less those closed, not below 0."""
        opened = self._number(column.source, column.of, None)
        closed = self._number(column.source, (column.amount, *column.of[1:]), None)
        return np.asarray(np.maximum(opened - closed, 0))

    def run(self, column: FeatureColumn) -> Array:
        """How many of a series of events are alike since the last one that was different."""
        events = self._source(column.source)
        series = events.dated(events.having(_bits(column.source, (column.amount,))))
        bits = _bits(column.source, column.of)
        alike = (events.records.marks[series] & bits) == bits
        broken = events.latest(series[~alike])
        row, event, _ = events.each(series[alike])
        after = events.records.dates.occurred_on[event] > broken[row]
        return np.bincount(row[after], minlength=len(events.rows))


_MEASURES: dict[str, Callable[[Assembly, FeatureColumn], Array]] = {
    "count": Assembly.count,
    "sum": Assembly.sum,
    "max": Assembly.max,
    "distinct": Assembly.distinct,
    "repeated": Assembly.repeated,
    "decayed": Assembly.decayed,
    "recency": Assembly.recency,
    "first": Assembly.first,
    "gap": Assembly.gap,
    "variety": Assembly.variety,
    "age": Assembly.age,
    "onset": Assembly.onset,
    "change": Assembly.change,
    "at_liberty": Assembly.at_liberty,
    "standing": Assembly.standing,
    "run": Assembly.run,
}
"""How each measure is computed, by its kind."""


@lru_cache(maxsize=4096)
def _nothing(column: FeatureColumn) -> Any:
    """Return what a column says where its source has no records: the same of everybody."""
    births, here = Births(*np.zeros((4, 0), np.int64)), np.zeros(1, np.int64)
    someone = Subjects.of(here, here, births)
    alone = Assembly(someone, {column.source: nothing((column.amount,))})
    return _MEASURES[column.measure](alone, column)[0]


def assemble(
    feature_set: FeatureSet, subjects: Subjects, records: Mapping[str, Records]
) -> dict[str, Array]:
    """Return every column of the feature set, in the order of the subjects' rows.

    Returns
    -------
    dict of str to ndarray
        int64 for counts and sums (0 when empty), float64 for the rest (NaN when empty).
    """
    assembly = Assembly(subjects, records)
    return {column.name: assembly.column(column) for column in feature_set.columns}


@lru_cache(maxsize=4096)
def _bits(source: str, marks: tuple[str, ...]) -> int:
    return SOURCES[source].bits(marks)


def _added(row: Array, amounts: Array, height: int) -> Array:
    """Add whole amounts up by row; below 2**53 a float holds them exactly."""
    return np.bincount(row, amounts, minlength=height).astype(np.int64)


@lru_cache(maxsize=32)
def _times_log(bits: int) -> Array:
    """Return n·ln n for n up to 2**bits, one by one: vectors may round by their length."""
    return np.array([0.0, *(n * math.log(n) for n in range(1, (1 << bits) + 1))])
