"""Eighteen: nobody younger is scored, and what a person did before it is not part of a history."""

from __future__ import annotations

import numpy as np

from features.visible import NEVER, Array, Dates

ADULT = 18


def adulthood(born_on: Array) -> Array:
    """Return the day on which each person becomes 18; born on 29 February, that is 1 March.

    Parameters
    ----------
    born_on : ndarray of datetime64[D]
        NaT where it is unknown, and so is the answer.

    Examples
    --------
    >>> adulthood(np.array(["2008-02-29", "2008-03-05"], "datetime64[D]"))
    array(['2026-03-01', '2026-03-05'], dtype='datetime64[D]')
    """
    month = born_on.astype("datetime64[M]")
    eighteenth = (month + np.timedelta64(12 * ADULT, "M")).astype("datetime64[D]")
    grown: Array = eighteenth + (born_on - month.astype("datetime64[D]"))
    return grown


def as_adult(records: Dates, adult_on: Array) -> Array:
    """Return whether a record is about something done as an adult, as far as dates tell.

    A charge is judged by the day of its offence. An offence without a day lies before the day it
    became known. Without a date of birth nothing is left out; such a person is not scored.

    Parameters
    ----------
    records : Dates
    adult_on : ndarray of int64
        Days from 1970; `NEVER` without a date of birth.

    Examples
    --------
    >>> charged = Dates(*(np.array([day]) for day in (900, 400, 900, 5000)))
    >>> as_adult(charged, np.array([500]))
    array([False])
    """
    done = np.where(records.offence_on == NEVER, records.known_on, records.offence_on)
    grown: Array = done >= adult_on
    return grown
