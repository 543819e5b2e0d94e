"""Time enters in one place: its two forms, dates on rows and SQL, say the same."""

from __future__ import annotations

from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from features.visible import FOREVER, NEVER, Dates, Rows, days, past, visible

FIRST = date(2024, 1, 1)
some_day = st.integers(0, 40).map(lambda n: FIRST + timedelta(days=n))
records = st.lists(
    st.tuples(st.none() | some_day, some_day, st.none() | some_day), min_size=1, max_size=12
)
as_of_dates = st.lists(some_day, min_size=1, max_size=6).map(sorted)


def numbers(values: list[date | None], empty: int) -> np.ndarray:
    return days(np.array(values, "datetime64[D]"), empty)


@given(records, as_of_dates)
def test_dates_and_sql_find_the_same_records_visible_and_past(
    found: list[tuple[date | None, date, date | None]], at: list[date]
) -> None:
    occurred, known, superseded = (list(column) for column in zip(*found, strict=True))
    dates = Dates(
        numbers(occurred, NEVER),
        numbers(occurred, NEVER),
        numbers(known, NEVER),
        numbers(superseded, FOREVER),
    )
    rows = Rows(np.zeros(len(at), np.int64), numbers(list(at), NEVER))
    table = ibis.memtable(
        pd.DataFrame({"occurred_on": occurred, "known_on": known, "superseded_on": superseded}),
        schema={name: "date" for name in ("occurred_on", "known_on", "superseded_on")},
    )
    for placed, asked in ((dates.visible(), visible), (dates.past(), past)):
        first, end = rows.between(np.zeros(len(found), np.int64), *placed)
        for number, day in enumerate(at):
            sql = table.mutate(seen=asked(table, ibis.date(day.isoformat())))
            expected = sql.execute()["seen"].fillna(False).tolist()
            assert ((first <= number) & (number < end)).tolist() == expected


@given(records, as_of_dates, st.integers(1, 30))
def test_a_window_holds_what_occurred_so_many_days_ago_or_less(
    found: list[tuple[date | None, date, date | None]], at: list[date], window: int
) -> None:
    occurred, known, superseded = (list(column) for column in zip(*found, strict=True))
    dates = Dates(
        numbers(occurred, NEVER),
        numbers(occurred, NEVER),
        numbers(known, NEVER),
        numbers(superseded, FOREVER),
    )
    rows = Rows(np.zeros(len(at), np.int64), numbers(list(at), NEVER))
    after, _ = dates.past()
    first, end = rows.between(np.zeros(len(found), np.int64), after, dates.within(window))
    for number, day in enumerate(at):
        for place, (happened, came, ended) in enumerate(found):
            seen = came < day and (ended is None or ended >= day)
            inside = happened is not None and day - timedelta(days=window) <= happened < day
            assert (first[place] <= number < end[place]) == (seen and inside)
