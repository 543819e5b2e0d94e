"""From a figure back to its records: a person's visible past, and what a column was made from."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from features.compile import CODES
from features.declare import FeatureColumn
from features.events import RECORD
from features.sources import SOURCES
from features.subjects import Subjects
from features.sweep import Events, numbered, spread
from features.visible import NEVER

_TOLD = ("occurred_on", "known_on", "marks", "harm", "who", *RECORD)


def past_of(subjects: Subjects, told: pa.Table) -> list[pd.DataFrame]:
    """Return the visible past of each row, in the order in which the rows were asked for.

    Parameters
    ----------
    subjects : Subjects
    told : pyarrow.Table
        The people's events, whenever they were known, with all that is told of them.

    Returns
    -------
    list of DataFrame
        source, age (days), occurred_on, known_on, marks, harm, who, and the columns that lead to
        the record; the most recent first, undated ones last.
    """
    events = Events.place(
        subjects.rows, subjects.person, subjects.adult_on, numbered(told, ("harm",))
    )
    row, which = spread(events.first, events.end)
    found = told.take(events.position[which]).select(["source", *_TOLD]).to_pandas()
    names = {code: name for name, code in CODES.items()}
    occurred = events.records.dates.occurred_on[which]
    found = found.assign(
        row=subjects.order[row],
        source=found["source"].map(names),
        age=np.where(occurred == NEVER, np.nan, subjects.rows.at[row] - occurred),
    )
    # plain objects: a person's few events are looked through often
    texts = {name: object for name in found.columns if found[name].dtype == "str"}
    found = found.astype(texts).sort_values(
        ["row", "age", "source", "record_id", "known_on", "marks", "who"],
        na_position="last",
        kind="stable",
    )
    ends = np.searchsorted(found["row"].to_numpy(), np.arange(len(subjects.rows) + 1))
    return [found.iloc[start:end].reset_index(drop=True) for start, end in pairwise(ends.tolist())]


def behind(column: FeatureColumn, events: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the records, among a person's visible events, that make up one column's value."""
    if column.source not in SOURCES:
        return []
    kept = _made_from(column, events)
    values = {name: events[name].to_numpy() for name in ("occurred_on", "known_on", *RECORD)}
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in np.flatnonzero(kept):
        said = {
            name: None if pd.isna(value[row]) else str(value[row]) for name, value in values.items()
        }
        record_id = str(said["record_id"])
        found.setdefault(
            (str(said["record_table"]), record_id),
            {
                "table": said["record_table"],
                "record_id": record_id,
                "reference": said["reference"] or record_id,
                "occurred_on": said["occurred_on"] and said["occurred_on"][:10],
                "known_on": str(said["known_on"])[:10],
                "status": said["status"],
                "role": "victim" if column.source == "victimised" else "suspect",
                "detail": said["detail"],
            },
        )
    return list(found.values())


def _made_from(column: FeatureColumn, events: pd.DataFrame) -> np.ndarray:
    """Return which of a person's visible events make up one column's value."""
    age = events["age"].to_numpy(np.float64, na_value=np.nan)
    marks = events["marks"].to_numpy()
    own = np.array(events["source"] == column.source, bool)

    def having(*of: str) -> np.ndarray:
        bits = SOURCES[column.source].bits(of)
        return np.asarray(own & ((marks & bits) == bits))

    kept = having(*column.of)
    window = np.inf if column.window is None else column.window
    within = np.ones(len(age), bool) if column.window is None else age <= window
    match column.measure:
        case "recency":
            return np.asarray(kept & (age == np.fmin.reduce(age[kept], initial=np.inf)))
        case "first" | "onset":
            return np.asarray(kept & (age == np.fmax.reduce(age[kept], initial=-np.inf)))
        case "change":
            return np.asarray(kept & (age <= 2 * window))
        case "standing":  # those that closed an episode count as much as those that opened one
            return np.asarray(kept | having(column.amount, *column.of[1:]))
        case "run":
            different = having(column.amount) & ~kept
            broken = np.fmin.reduce(age[different], initial=np.inf)
            return np.asarray(kept & having(column.amount) & (age < broken))
        case "at_liberty":  # a stay that began before the window may reach into it
            before = np.fmin.reduce(age[own & (age > window)], initial=np.inf)
            return np.asarray(own & (age <= window) | having("received") & (age == before))
        case "repeated":
            met = kept & within
            times = events["who"].where(met).map(events["who"][met].value_counts())
            return np.asarray(met & (times.fillna(0).to_numpy() > 1))
        case _:
            return np.asarray(kept & within)
