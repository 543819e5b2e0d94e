"""What was known, when: the only place where time enters a history, a label or a reason.

A record belongs to a person's history on an as-of date when it was known before that date, was not
yet corrected, and had occurred before it or nobody knows when. For the rows of one person, sorted
by date, each of these conditions holds on one unbroken run of rows; so a record is placed by where
its run begins and ends, and is never compared with every date. A feature author cannot write a time
filter, because no feature declaration has a place for one.

The same two conditions stand at the end once more as SQL, for pages that ask the records directly;
a property holds both forms equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np

if TYPE_CHECKING:
    import ibis.expr.types as ir

NEVER = -4_000_000
"""The day, counted from 1970, that stands for an empty `occurred_on`: before all others."""

FOREVER = 4_000_000
"""The day that stands for an empty `superseded_on`: the record was never corrected."""

_STRIDE = 1 << 24  # more than all days between NEVER and FOREVER, with windows added

Array = np.ndarray


@dataclass(frozen=True)
class Rows:
    """Rows of a spine, sorted by subject and then by as-of date.

    Attributes
    ----------
    subject : ndarray of int64
        Numbers from 0; a subject is one person with one date of birth.
    at : ndarray of int64
        As-of dates in days from 1970.
    """

    subject: Array
    at: Array

    def __len__(self) -> int:
        return len(self.at)

    @cached_property
    def _key(self) -> Array:
        key: Array = self.subject * _STRIDE + self.at
        return key

    def between(self, subject: Array, after: Array, to: Array) -> tuple[Array, Array]:
        """Return, for each record, the run of its subject's rows with ``after < as_of_date <= to``.

        Returns
        -------
        first, end : ndarray of int64
            The run is ``first <= row < end``; an empty one has ``end == first``.

        Examples
        --------
        >>> rows = Rows(np.array([0, 0, 0]), np.array([100, 200, 300]))
        >>> rows.between(np.array([0]), np.array([100]), np.array([300]))
        (array([1]), array([3]))
        """
        first = self.upto(subject, after)
        return first, np.maximum(first, self.upto(subject, to))

    def upto(self, subject: Array, to: Array) -> Array:
        """Return, for each record, where its subject's rows with ``as_of_date <= to`` end."""
        found: Array = self._key.searchsorted(subject * _STRIDE + to, side="right")
        return found


@dataclass(frozen=True)
class Dates:
    """The dates of some records, in days from 1970, with `NEVER` and `FOREVER` where empty."""

    occurred_on: Array
    offence_on: Array
    known_on: Array
    superseded_on: Array

    def visible(self) -> tuple[Array, Array]:
        """Return after which day, and up to which, a record was known and stood uncorrected.

        ``known_on < as_of_date <= superseded_on``: what became known on the very day does not yet
        count, and a correction made on the very day is not yet known either.
        """
        return self.known_on, self.superseded_on

    def past(self) -> tuple[Array, Array]:
        """Return after which day, and up to which, a record was visible and had occurred."""
        return np.maximum(self.known_on, self.occurred_on), self.superseded_on

    def within(self, window: int) -> Array:
        """Return the last day on which a record of the past lies within a window of so many days.

        ``as_of_date - window <= occurred_on``; without `occurred_on` it lies in no window.
        """
        return np.asarray(np.minimum(self.superseded_on, self.occurred_on + window))

    def following(self, horizon: int, lag: int) -> tuple[Array, Array]:
        """Return after which day, and up to which, a record is an outcome of what was scored.

        The offence lies in ``[as_of_date, as_of_date + horizon)`` and the record was visible on
        ``as_of_date + horizon + lag``. It is the day of the offence that counts, for a charge too.
        """
        arrived = horizon + lag
        after = np.maximum(self.offence_on - horizon, self.known_on - arrived)
        return after, np.minimum(self.offence_on, self.superseded_on - arrived)


def days(dates: Array, empty: int) -> Array:
    """Return dates as whole days from 1970, with a number of its own for an empty one.

    Examples
    --------
    >>> days(np.array(["1970-01-02", "NaT"], "datetime64[D]"), NEVER).tolist()
    [1, -4000000]
    """
    numbers: Array = dates.astype("datetime64[D]").astype(np.int64)
    return np.where(np.isnat(dates), empty, numbers)


def visible(record: Any, at: ir.DateValue) -> ir.BooleanValue:
    """Return as SQL what :meth:`Dates.visible` says: known, and not yet corrected, before a date.

    Parameters
    ----------
    record : ibis table or anything with `known_on` and `superseded_on` date columns
    at : ibis date expression
        The moment of knowledge, exclusive.

    Examples
    --------
    >>> import ibis
    >>> record = ibis.table({"known_on": "date", "superseded_on": "date"}, name="record")
    >>> visible(record, ibis.date("2026-01-01")).type()
    Boolean(nullable=True)
    """
    known = record.known_on < at
    standing = record.superseded_on.isnull() | (record.superseded_on >= at)
    return cast("ir.BooleanValue", known & standing)


def past(record: Any, at: ir.DateValue) -> ir.BooleanValue:
    """Return as SQL what :meth:`Dates.past` says: visible on a date, and occurred before it.

    Examples
    --------
    >>> import ibis
    >>> names = ("occurred_on", "known_on", "superseded_on")
    >>> past(ibis.table(dict.fromkeys(names, "date"), name="r"), ibis.date("2026-01-01")).type()
    Boolean(nullable=True)
    """
    occurred = record.occurred_on.isnull() | (record.occurred_on < at)
    return cast("ir.BooleanValue", visible(record, at) & occurred)
