"""Eighteen: nobody younger is scored, and what a person did before it is not part of a history."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np

ADULT = 18


def adulthood(born_on: np.ndarray) -> np.ndarray:
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
    grown: np.ndarray = eighteenth + (born_on - month.astype("datetime64[D]"))
    return grown


def as_adult(event: Any, adult_on: ir.DateValue) -> ir.BooleanValue:
    """Return whether an event is about something done as an adult, as far as dates tell.

    A charge is judged by the day of its offence. An offence without a day lies before the day it
    became known. Without a date of birth nothing is left out; such a person is not scored.

    Examples
    --------
    >>> event = ibis.table({"offence_on": "date", "known_on": "date"}, name="event")
    >>> as_adult(event, ibis.date("2026-03-01")).type()
    Boolean(nullable=True)
    """
    since = ibis.coalesce(event.offence_on, event.known_on)
    grown: ir.BooleanValue = adult_on.isnull() | (since >= adult_on)
    return grown
