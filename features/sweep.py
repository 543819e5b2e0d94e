"""One sweep over a person's events fills all their rows: counts, sums, extremes, distinct persons.

An event adds to an unbroken run of its person's rows (`features.visible`). It therefore costs two
steps, one up where its run begins and one down where it ends, whatever the number of as-of dates;
cumulating the steps gives every row. Everything summed is a whole number below 2**53, so that
neither order, nor chunks, nor threads change a bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from features.adult import as_adult
from features.declare import Window
from features.visible import NEVER, Array, Dates, Rows

MISSING = np.iinfo(np.int64).min
"""Stands for an amount that is empty."""

_EXTREME = 1 << 40  # wider than any value of a running extreme, narrower than 2**62 / rows


@dataclass(frozen=True)
class Records:
    """Records of several people as parallel arrays, in any order: what a store hands over.

    Attributes
    ----------
    person : ndarray of int64
        The store's number of the person.
    dates : Dates
    marks : ndarray of int64
    amounts : mapping of str to ndarray of int64
        `MISSING` where empty.
    who : ndarray of int64
        A number for the other person; -1 where there is none.
    """

    person: Array
    dates: Dates
    marks: Array
    amounts: Mapping[str, Array]
    who: Array

    def take(self, kept: Array) -> Records:
        """Return some of the records, by position or by a mask."""
        dates = Dates(*(getattr(self.dates, name)[kept] for name in Dates.__dataclass_fields__))
        amounts = {name: values[kept] for name, values in self.amounts.items()}
        return Records(self.person[kept], dates, self.marks[kept], amounts, self.who[kept])


@cache
def nothing(amounts: tuple[str, ...]) -> Records:
    """Return no records at all, with these amounts."""
    none = np.zeros(0, np.int64)
    return Records(none, Dates(none, none, none, none), none, dict.fromkeys(amounts, none), none)


@dataclass
class Events:
    """Events of one source, placed on the rows of a spine: each with the run of rows it adds to.

    Made by :meth:`place`; `first` and `end` are the run of rows over which the event is visible and
    past, `subject` whose it is, `position` where it stood among the records that were given.
    """

    rows: Rows
    records: Records
    subject: Array
    first: Array
    end: Array
    position: Array
    _ends: dict[Window, Array] = field(default_factory=dict)
    _having: dict[int, Array] = field(default_factory=dict)
    _ranks: dict[str, tuple[Array, Array]] = field(default_factory=dict)

    @classmethod
    def place(
        cls,
        rows: Rows,
        people: Array,
        adult_on: Array,
        records: Records,
        span: Callable[[Dates], tuple[Array, Array]] = Dates.past,
    ) -> Events:
        """Return the events that some row sees.

        Parameters
        ----------
        people : ndarray of int64
            The person of each subject, ascending; a person may be several subjects.
        adult_on : ndarray of int64
            When each subject became 18.
        span : callable
            From dates to the run on which an event counts: `Dates.past` for histories.
        """
        if not len(records.person):
            none = np.zeros(0, np.int64)
            return cls(rows, records, none, none, none, none)
        low = np.searchsorted(people, records.person, side="left")
        number = np.searchsorted(people, records.person, side="right") - low
        position = np.arange(len(number))
        if (number != 1).any():
            position = np.repeat(position, number)
            low = np.repeat(low, number) + _within(number)
            records = records.take(position)
        grown = as_adult(records.dates, adult_on[low])
        first, end = rows.between(low, *span(records.dates))
        kept = np.flatnonzero(grown & (first < end))
        return cls(rows, records.take(kept), low[kept], first[kept], end[kept], position[kept])

    def having(self, bits: int) -> Array:
        """Return the positions of the events that carry all these marks."""
        if bits not in self._having:
            self._having[bits] = ((self.records.marks & bits) == bits).nonzero()[0]
        return self._having[bits]

    def last(self, window: Window) -> Array:
        """Return where each event's run ends in a window; an undated one is in none but EVER."""
        if window is None:
            return self.end
        if window not in self._ends:
            end = self.rows.upto(self.subject, self.records.dates.within(window))
            self._ends[window] = np.maximum(self.first, end)
        return self._ends[window]

    def sums(self, chosen: Array, window: Window, amount: str = "") -> Array:
        """Return for every row the number of the chosen events in a window, or their amount."""
        if not len(chosen):
            return np.zeros(len(self.rows), np.int64)
        first, end = self.first[chosen], self.last(window)[chosen]
        if not amount:
            return steps(first, end, len(self.rows))
        values = self.records.amounts[amount][chosen]
        return steps(first, end, len(self.rows), np.where(values == MISSING, 0, values))

    def dated(self, chosen: Array) -> Array:
        """Return those of the chosen events of which the day is known."""
        return np.asarray(chosen[self.records.dates.occurred_on[chosen] != NEVER])

    def latest(self, chosen: Array) -> Array:
        """Return the day of the most recent of the chosen events for every row; `NEVER` if none."""
        return self.extreme(chosen, self.records.dates.occurred_on[chosen], NEVER)

    def first_day(self, chosen: Array) -> Array:
        """Return the day of every row's first of the chosen dated events; `-NEVER` if none."""
        kept = self.dated(chosen)
        return -self.extreme(kept, -self.records.dates.occurred_on[kept], NEVER)

    def extreme(self, chosen: Array, values: Array, none: int) -> Array:
        """Return the greatest value among the chosen events that each row sees."""
        height = len(self.rows)
        if not len(chosen):
            return np.full(height, none)
        first, end, subject = self.first[chosen], self.end[chosen], self.subject[chosen]
        # An event that stays to the last row of its subject is overtaken, never withdrawn: a
        # running maximum. The few that were corrected in between are put on their rows singly.
        stays = (end == height) | (self.rows.subject[np.minimum(end, height - 1)] != subject)
        floor = self.rows.subject * _EXTREME
        running = floor + (none - 1)
        np.maximum.at(running, first[stays], subject[stays] * _EXTREME + values[stays])
        greatest: Array = np.maximum.accumulate(running) - floor
        if not stays.all():
            row, which = spread(first[~stays], end[~stays])
            np.maximum.at(greatest, row, values[~stays][which])
        return np.where(greatest < none, none, greatest)

    def greatest(self, chosen: Array, window: Window, amount: str) -> Array:
        """Return the greatest amount among the chosen events of a window; NaN without any."""
        if amount not in self._ranks:
            # by rank, so that no amount is too great for a running maximum
            amounts = self.records.amounts[amount]
            self._ranks[amount] = np.unique(amounts, return_inverse=True)
        levels, rank = self._ranks[amount]
        chosen = chosen[self.records.amounts[amount][chosen] != MISSING]
        if window is None:
            found = self.extreme(chosen, rank[chosen], -1)
        else:
            found = np.full(len(self.rows), -1)
            row, which = spread(self.first[chosen], self.last(window)[chosen])
            np.maximum.at(found, row, rank[chosen][which])
        return np.where(found < 0, np.nan, np.append(levels, 0)[found].astype(np.float64))

    def each(self, chosen: Array) -> tuple[Array, Array, Array]:
        """Return every pair of a row and a dated event it sees: row, event, age in days."""
        kept = self.dated(chosen)
        row, which = spread(self.first[kept], self.end[kept])
        event = kept[which]
        return row, event, self.rows.at[row] - self.records.dates.occurred_on[event]

    def persons(self, chosen: Array, window: Window, at_least: int = 1) -> Array:
        """Return for every row the number of different persons met in so many events (1 or 2)."""
        chosen = chosen[self.records.who[chosen] >= 0]
        first, end, who = self.first[chosen], self.last(window)[chosen], self.records.who[chosen]
        subject = self.subject[chosen]
        order = np.lexsort((first, who, subject))
        first, end, who, subject = first[order], end[order], who[order], subject[order]
        other = np.ones(len(order), bool)
        other[1:] = (who[1:] != who[:-1]) | (subject[1:] != subject[:-1])
        pair = np.cumsum(other)
        if at_least == 2:  # a second event adds to what an earlier one still covers
            end = np.maximum(first, np.minimum(end, _reach(pair, end)))
        # the runs with one person, united: each begins where the earlier ones have ended
        begin = np.minimum(np.maximum(first, _reach(pair, end)), end)
        return steps(begin, end, len(self.rows))


def steps(first: Array, end: Array, height: int, weights: Array | None = None) -> Array:
    """Return what adds up on each row when every event adds to one run of rows.

    Examples
    --------
    >>> steps(np.array([0, 1]), np.array([2, 3]), 4)
    array([1, 2, 1, 0])
    """
    if not len(first):
        return np.zeros(height, np.int64)
    up = np.bincount(first, weights, minlength=height + 1)
    up -= np.bincount(end, weights, minlength=height + 1)
    total: Array = up.cumsum(out=up)[:height]
    return total if weights is None else total.astype(np.int64)


def spread(first: Array, end: Array) -> tuple[Array, Array]:
    """Return every row of some runs, and which run it belongs to.

    Examples
    --------
    >>> spread(np.array([0, 5]), np.array([2, 6]))
    (array([0, 1, 5]), array([0, 0, 1]))
    """
    number = end - first
    which = np.repeat(np.arange(len(first)), number)
    return first[which] + _within(number), which


def _within(number: Array) -> Array:
    """Count 0, 1, 2 ... within each of several groups of the given sizes."""
    ends = np.cumsum(number)
    counted = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - number, number)
    return np.asarray(counted)


def _reach(pair: Array, end: Array) -> Array:
    """Return how far the earlier runs of the same pair reach; 0 for its first."""
    base = pair * _EXTREME
    reached = np.maximum.accumulate(base + end)
    before = np.concatenate([[0], reached[:-1]]) if len(pair) else reached
    return np.asarray(np.maximum(before - base, 0))
