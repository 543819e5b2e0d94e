"""Birthdays, in one way for all, and eighteen: nobody younger is scored.

What a person did before it is not part of a history. Born on 29 February, people have their
birthday on 1 March of other years.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.types import Floats
from features.visible import NEVER, Array, Dates

ADULT = 18

YEAR = 365.25
"""Days of a year where an age is a number with parts: the unit of the features of age."""

SHORTEST = 0.8 / YEAR
"""How far a number of years can lie below whole ones on a birthday: three quarters of a day, where
the next leap year is still to come, and a little for rounding."""


def adulthood(born_on: Array) -> Array:
    """Return the day on which each person becomes 18.

    Parameters
    ----------
    born_on : ndarray of datetime64[D]
        NaT where it is unknown, and so is the answer.

    Examples
    --------
    >>> adulthood(np.array(["2008-02-29", "2008-03-05"], "datetime64[D]"))
    array(['2026-03-01', '2026-03-05'], dtype='datetime64[D]')
    """
    return birthday(born_on, ADULT)


def birthday(born_on: Array, years: int) -> Array:
    """Return the day on which each person becomes so many years old.

    Examples
    --------
    >>> birthday(np.array(["2008-02-29", "NaT"], "datetime64[D]"), 20)
    array(['2028-02-29',        'NaT'], dtype='datetime64[D]')
    """
    born = np.asarray(born_on).astype("datetime64[D]")
    month = born.astype("datetime64[M]")
    then = (month + np.timedelta64(12 * years, "M")).astype("datetime64[D]")
    grown: Array = then + (born - month.astype("datetime64[D]"))
    return grown


def adult_sql(born_on: str) -> str:
    """Return the day on which a person becomes 18 as an expression of DuckDB's SQL.

    Examples
    --------
    >>> import duckdb
    >>> grown = adult_sql("DATE '2008-02-29'")
    >>> duckdb.sql(f"SELECT CAST({grown} AS DATE)").fetchone()
    (datetime.date(2026, 3, 1),)
    """
    month = f"date_trunc('month', {born_on}) + INTERVAL {ADULT} YEAR"
    return f"({month} + INTERVAL (day({born_on}) - 1) DAY)"


def told_years(years: float) -> int:
    """Return an age that was counted in days, of `YEAR` to the year, as it is told.

    From the birthday on nobody is told to be as old as the day before. A number of days alone does
    not say on which side of a birthday it lies, so that the day before may be told as the birthday.

    Examples
    --------
    >>> days = int((np.datetime64("2023-03-01") - np.datetime64("2005-03-01")).astype(int))
    >>> int(days / YEAR), told_years(days / YEAR)
    (17, 18)
    """
    return int(years + SHORTEST)


def whole_years(since: npt.ArrayLike, until: npt.ArrayLike) -> Floats:
    """Return whole calendar years from one date, of birth for example, to another.

    Examples
    --------
    >>> whole_years(["1991-07-17", "2004-02-29", "NaT"], ["2021-07-16", "2022-03-01", "2022-01-01"])
    array([29., 18., nan])
    """
    begin = pd.DatetimeIndex(np.asarray(since, "datetime64[D]"))
    end = pd.DatetimeIndex(np.asarray(until, "datetime64[D]"))
    early = (end.month < begin.month) | ((end.month == begin.month) & (end.day < begin.day))
    return np.asarray(end.year - begin.year - early, dtype=np.float64)


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
