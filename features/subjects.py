"""Whose rows these are: each person's date of birth as known on each date, and rows in order.

A date of birth can be corrected. What a person did before 18 is left out of their history, so one
person with two dates of birth over time is two subjects: each has the rows of its own dates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from features.adult import adulthood
from features.sweep import spread
from features.visible import NEVER, Array, Dates, Rows, days


@dataclass(frozen=True)
class Births:
    """Person records in order of person: whose, born when, and from when to when that was known.

    All are ndarrays of int64, dates in days from 1970; `NEVER` for an unknown date of birth.
    """

    person: Array
    born_on: Array
    known_on: Array
    superseded_on: Array


@dataclass(frozen=True)
class Subjects:
    """The rows of a spine in order of subject and date.

    Attributes
    ----------
    rows : Rows
    order : ndarray of int64
        Where each row stood in the spine that was asked for.
    person, adult_on : ndarray of int64, one for each subject
    known : ndarray of bool, one for each row
        Whether the person was on record at all.
    born_on : ndarray of int64, one for each row
        `NEVER` where the date of birth was not known.
    """

    rows: Rows
    order: Array
    person: Array
    adult_on: Array
    known: Array
    born_on: Array

    @classmethod
    def of(cls, person: Array, at: Array, births: Births) -> Subjects:
        """Return the subjects of some rows, given as a person's number and an as-of date each.

        Examples
        --------
        >>> from features.visible import FOREVER
        >>> births = Births(*(np.array([day]) for day in (7, 0, 10, FOREVER)))
        >>> asked = Subjects.of(np.array([7, 7]), np.array([20, 10]), births)
        >>> asked.order.tolist(), asked.known.tolist()
        ([1, 0], [False, True])
        """
        order = np.arange(len(at))
        if not _ordered(person, at):
            order = np.lexsort((at, person))
            person, at = person[order], at[order]
        changes = np.flatnonzero(np.diff(person, prepend=person[:1] - 1))
        number = np.repeat(np.arange(len(changes)), np.diff(changes, append=len(at)))
        known, born = _known(Rows(number, at), person[changes], births)
        grown = _adult_on(born)
        if _ordered(number, grown):  # nearly always: one date of birth throughout
            again = np.diff(person, prepend=person[:1] - 1) | np.diff(grown, prepend=grown[:1])
        else:
            other = np.lexsort((at, grown, person))
            order, person, at = order[other], person[other], at[other]
            known, born, grown = known[other], born[other], grown[other]
            again = np.diff(person, prepend=person[:1] - 1) | np.diff(grown, prepend=grown[:1])
        starts = np.flatnonzero(again)
        subject = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(at)))
        return cls(Rows(subject, at), order, person[starts], grown[starts], known, born)

    def chunks(self, height: int) -> Iterator[Subjects]:
        """Return the same in pieces of so many rows; at least one, if it is empty."""
        for start in range(0, max(len(self.rows), 1), height):
            piece = slice(start, start + height)
            subject = self.rows.subject[piece]
            own = slice(subject[0], subject[-1] + 1) if len(subject) else slice(0)
            yield Subjects(
                Rows(subject - (subject[0] if len(subject) else 0), self.rows.at[piece]),
                self.order[piece],
                self.person[own],
                self.adult_on[own],
                self.known[piece],
                self.born_on[piece],
            )

    @property
    def age_days(self) -> Array:
        """Days of age on each row; NaN where the date of birth was not known."""
        return np.where(self.born_on == NEVER, np.nan, self.rows.at - self.born_on)


def _ordered(group: Array, value: Array) -> bool:
    step = np.diff(group)
    return bool(((step > 0) | ((step == 0) & (np.diff(value) >= 0))).all())


def _known(rows: Rows, people: Array, births: Births) -> tuple[Array, Array]:
    low = np.searchsorted(births.person, people, side="left")
    here, subject = spread(low, np.searchsorted(births.person, people, side="right"))
    empty = np.full(len(here), NEVER)
    dates = Dates(empty, empty, births.known_on[here], births.superseded_on[here])
    row, which = spread(*rows.between(subject, *dates.visible()))
    known, born = np.zeros(len(rows), bool), np.full(len(rows), NEVER)
    known[row] = True
    born[row] = births.born_on[here][which]
    return known, born


def _adult_on(born_on: Array) -> Array:
    grown = days(adulthood(born_on.astype("datetime64[D]")), NEVER)
    return np.where(born_on == NEVER, NEVER, grown)
