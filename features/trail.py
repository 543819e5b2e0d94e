"""From a figure back to its records: a person's visible past, and what a column was made from."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa

from features.compile import CODES, DATES
from features.declare import FeatureColumn
from features.events import RECORD
from features.sources import SOURCES
from features.subjects import Subjects
from features.sweep import Events, Records, spread
from features.visible import FOREVER, NEVER, Dates, days

_SOURCES = pa.array(list(CODES))
_TOLD = ("occurred_on", "known_on", "marks", "harm", "who", *RECORD)


class Past:
    """What was visible of one person on one date, the most recent first, undated events last.

    Its columns are source, age (days), occurred_on, known_on, marks, harm, who, and those that lead
    to the record; each is made into an array when it is first asked for.

    Parameters
    ----------
    events : pyarrow.Table
    """

    def __init__(self, events: pa.Table) -> None:
        self._events = events
        self._columns: dict[str, np.ndarray] = {}
        self._records: dict[int, dict[str, Any]] = {}

    def __len__(self) -> int:
        return int(self._events.num_rows)

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._columns:
            self._columns[name] = self._events[name].to_numpy(zero_copy_only=False)
        return self._columns[name]

    def frame(self) -> pd.DataFrame:
        """Return the same as a frame, texts as plain objects."""
        found = self._events.to_pandas()
        # plain objects: a person's few events are looked through often
        texts = {name: object for name in found if found[name].dtype == "str"}
        return cast("pd.DataFrame", found.astype(texts))

    def record(self, row: int) -> dict[str, Any]:
        """Return the record behind one event, as it is told to a reader."""
        if row not in self._records:
            said = {name: _text(self[name][row]) for name in ("occurred_on", "known_on", *RECORD)}
            self._records[row] = {
                "table": said["record_table"],
                "record_id": said["record_id"],
                "reference": said["reference"] or said["record_id"],
                "occurred_on": said["occurred_on"],
                "known_on": said["known_on"],
                "status": said["status"],
                "role": "victim" if self["source"][row] == "victimised" else "suspect",
                "detail": said["detail"],
            }
        return self._records[row]


def _text(value: Any) -> str | None:
    return None if value is None or value != value else str(value)


def past_of(subjects: Subjects, told: pa.Table) -> list[Past]:
    """Return the visible past of each row, in the order in which the rows were asked for.

    Parameters
    ----------
    subjects : Subjects
    told : pyarrow.Table
        The people's events, whenever they were known, with all that is told of them.
    """
    events = Events.place(subjects.rows, subjects.person, subjects.adult_on, _dated(told))
    row, which = spread(events.first, events.end)
    found = told.select(["source", *_TOLD]).take(events.position[which])
    occurred = events.records.dates.occurred_on[which]
    undated = occurred == NEVER
    found = pa.table(
        {
            "source": _SOURCES.take(found["source"].combine_chunks()),
            **{name: found[name] for name in _TOLD},
            "row": subjects.order[row],
            "age": pa.array((subjects.rows.at[row] - occurred).astype(np.float64), mask=undated),
        }
    )
    order = ("row", "age", "source", "record_id", "known_on", "marks", "who")
    found = found.sort_by([(name, "ascending") for name in order])
    ends = np.searchsorted(found["row"].to_numpy(), np.arange(len(subjects.rows) + 1))
    found = found.drop_columns("row").combine_chunks()
    return [Past(found.slice(start, end - start)) for start, end in pairwise(ends.tolist())]


def _dated(told: pa.Table) -> Records:
    """Return whose the events are and their dates: all it takes to place them on rows."""
    empty = {name: NEVER for name in DATES} | {"superseded_on": FOREVER}
    dates = Dates(**{name: days(told[name].to_numpy(), empty[name]) for name in DATES})
    nobody = np.full(len(told), -1)
    return Records(told["person"].to_numpy(), dates, told["marks"].to_numpy(), {}, nobody)


def behind(column: FeatureColumn, past: Past) -> list[dict[str, Any]]:
    """Return the records, among a person's visible events, that make up one column's value."""
    if column.source not in SOURCES:
        return []
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in np.flatnonzero(_made_from(column, past)).tolist():
        record = past.record(row)
        found.setdefault((record["table"], record["record_id"]), dict(record))
    return list(found.values())


def _least(ages: np.ndarray) -> np.ndarray:
    """Return the smallest age, infinity where there is none; undated events have none."""
    # asked for every feature behind a score: np.nanmin does the same in four times the time
    return np.asarray(np.fmin.reduce(ages, initial=np.inf, keepdims=True))


def _made_from(column: FeatureColumn, events: Past) -> np.ndarray:
    """Return which of a person's visible events make up one column's value."""
    age, marks = events["age"].astype(np.float64), events["marks"]
    own = np.asarray(events["source"] == column.source, bool)

    def having(*of: str) -> np.ndarray:
        bits = SOURCES[column.source].bits(of)
        return np.asarray(own & ((marks & bits) == bits))

    kept = having(*column.of)
    window = np.inf if column.window is None else column.window
    within = np.ones(len(age), bool) if column.window is None else age <= window
    match column.measure:
        case "recency":
            return np.asarray(kept & (age == _least(age[kept])))
        case "first" | "onset":
            return np.asarray(kept & (age == -_least(-age[kept])))
        case "change":
            return np.asarray(kept & (age <= 2 * window))
        case "standing":  # those that closed an episode count as much as those that opened one
            return np.asarray(kept | having(column.amount, *column.of[1:]))
        case "run":
            different = having(column.amount) & ~kept
            broken = _least(age[different])
            return np.asarray(kept & having(column.amount) & (age < broken))
        case "at_liberty":  # a stay that began before the window may reach into it
            before = _least(age[own & (age > window)])
            return np.asarray(own & (age <= window) | having("received") & (age == before))
        case "repeated":
            met = kept & within
            times = Counter(who for who in events["who"][met] if who is not None)
            again = [times[who] > 1 for who in events["who"]]
            return np.asarray(met & np.array(again, bool))
        case _:
            return np.asarray(kept & within)
