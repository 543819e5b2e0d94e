"""The history compiler: everybody's past as it was known on a date, computed once for all features.

Records become one table of dated events (`features.sources`). For a spine of (nominal, as_of_date)
rows one query joins, asks `features.visible` what was known, and groups by (row, source, marks, age
bucket). `features.assemble` turns these cells into columns. An online request supplies a short
spine, a batch a long one: there is no second definition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import lru_cache
from itertools import pairwise
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa

from features.adult import adulthood, as_adult
from features.assemble import assemble
from features.catalogue import catalogue
from features.declare import BUCKETS, DECAY_ONE, HALF_LIFE, FeatureColumn, FeatureSet
from features.events import AMOUNTS, EVENT, RECORD
from features.loads import Load, unchanged
from features.records import TABLES
from features.sources import SOURCES, history
from features.taxonomy import taxonomy
from features.visible import before, visible

CHUNK = 200_000
"""Rows of the spine worked on at a time; memory is bounded by this, not by the force's size."""

DECAY = np.round(DECAY_ONE * 0.5 ** (np.arange(16 * HALF_LIFE + 1) / HALF_LIFE)).astype(np.int64)
"""Integer weight of an event by whole days of age: halves each year, ends after sixteen."""

_KEYS = {"row": "int64", "nominal_id": "string", "as_of_date": "date"}
_ASKED = ibis.table(_KEYS, name="spine")
_SPINE = ibis.table({**_KEYS, "adult_on": "date"}, name="spine")
_HISTORY = ibis.table(EVENT, name="history")
_PERSON = ibis.table(
    {"nominal_id": "string", "born_on": "date", "known_on": "date", "superseded_on": "date"},
    name="person",
)
_DECAY = ibis.table({"age": "int64", "weight": "int64"}, name="decay")


def _seen(columns: Sequence[str]) -> ir.Table:
    """Spine rows with each event of theirs as adults that was visible and past, and its age."""
    joined = _SPINE.join(_HISTORY, _SPINE.nominal_id == _HISTORY.nominal_id)
    past = visible(_HISTORY, _SPINE.as_of_date) & before(_HISTORY, _SPINE.as_of_date)
    return joined.filter(past & as_adult(_HISTORY, _SPINE.adult_on)).select(
        row=_SPINE.row,
        age=_SPINE.as_of_date.delta(_HISTORY.occurred_on, unit="day").cast("int64"),
        **{name: _HISTORY[name] for name in columns},
    )


@lru_cache(maxsize=4)
def _history_sql(dialect: str) -> str:
    tables = {name: ibis.table(t.schema(), name=name) for name, t in TABLES.items()}
    tables["taxonomy"] = ibis.table(ibis.Schema.from_pyarrow(taxonomy().schema), name="taxonomy")
    return str(ibis.to_sql(history(tables), dialect=dialect))


@lru_cache(maxsize=64)
def _long_sql(sources: tuple[str, ...], dialect: str) -> str:
    """The one grouped query; its text depends on the sources used, not on the features."""
    seen = _seen(("source", "marks", *AMOUNTS))
    seen = seen.filter(seen.source.isin(sources))
    weighted = seen.left_join(_DECAY, seen.age == _DECAY.age).select(seen, weight=_DECAY.weight)
    bucket: Any = len(BUCKETS)
    for position in reversed(range(len(BUCKETS))):
        bucket = ibis.ifelse(weighted.age <= BUCKETS[position], position, bucket)
    bucketed = weighted.mutate(bucket=bucket.fill_null(len(BUCKETS)))
    measures: dict[str, Any] = {
        "n": bucketed.count(),
        "dated": bucketed.age.count(),
        "nearest": bucketed.age.min(),
        "farthest": bucketed.age.max(),
        "harm_decayed": (bucketed.harm * bucketed.weight).sum().cast("int64"),
    }
    for amount in AMOUNTS:
        measures[f"{amount}_sum"] = bucketed[amount].sum().cast("int64")
        measures[f"{amount}_max"] = bucketed[amount].max()
    grouped = bucketed.group_by("row", "source", "marks", "bucket").aggregate(**measures)
    return str(ibis.to_sql(grouped, dialect=dialect))


@lru_cache(maxsize=64)
def _pairs_sql(sources: tuple[str, ...], dialect: str) -> str:
    """Distinct counts do not add over buckets: one row for each other person, latest event."""
    seen = _seen(("source", "marks", "who"))
    seen = seen.filter(seen.source.isin(sources))
    grouped = seen.group_by("row", "source", "marks", "who").aggregate(nearest=seen.age.min())
    return str(ibis.to_sql(grouped, dialect=dialect))


@lru_cache(maxsize=4)
def _person_sql(dialect: str) -> str:
    joined = _ASKED.join(_PERSON, _ASKED.nominal_id == _PERSON.nominal_id)
    known = joined.filter(visible(_PERSON, _ASKED.as_of_date))
    return str(ibis.to_sql(known.select("row", "born_on"), dialect=dialect))


@lru_cache(maxsize=4)
def _events_sql(dialect: str) -> str:
    columns = ("source", "occurred_on", "known_on", "marks", "harm", "who", *RECORD)
    return str(ibis.to_sql(_seen(columns), dialect=dialect))


class History:
    """Everybody's history in one load of records, ready to be asked as of any date.

    Parameters
    ----------
    load : Load
        Opened read-only.
    feature_set : FeatureSet, optional
        The columns to compute; the whole catalogue by default.

    Raises
    ------
    RecordsRefused
        Where a file of the load is not the one that was written: a load never changes.
    """

    dialect = "duckdb"

    def __init__(self, load: Load, feature_set: FeatureSet | None = None) -> None:
        unchanged(load)
        self.load = load
        self.feature_set = feature_set or catalogue()
        self._connection = load.connect().con
        decay = pa.table({"age": np.arange(len(DECAY)), "weight": DECAY})
        self._connection.register("taxonomy", taxonomy())
        self._connection.register("decay_weights", decay)
        self._connection.execute("CREATE TABLE decay AS SELECT * FROM decay_weights")
        self._connection.execute(
            f"CREATE TABLE history AS SELECT * FROM ({_history_sql(self.dialect)})"
            " ORDER BY nominal_id"
        )
        self._connection.execute(
            "CREATE TABLE person AS SELECT nominal_id, born_on, known_on, superseded_on"
            " FROM nominal ORDER BY nominal_id"
        )

    def ask(self, sql: str, spine: pd.DataFrame) -> pa.Table:
        """Run a compiled query over a spine (nominal_id, as_of_date); rows are numbered from 0."""
        table = pa.table(
            {
                "row": np.arange(len(spine)),
                "nominal_id": pa.array(spine["nominal_id"], pa.string()),
                "as_of_date": pa.array(dates(spine["as_of_date"])),
            }
        )
        extra = {
            name: pa.array(dates(spine[name]))
            for name in spine.columns
            if name not in ("nominal_id", "as_of_date")
        }
        for name, column in extra.items():
            table = table.append_column(name, column)
        cursor = self._connection.cursor()  # one for each call: requests come in on many threads
        try:
            cursor.register("spine", table)
            return cursor.execute(sql).to_arrow_table()
        finally:
            cursor.close()

    def born_on(self, spine: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Return who is known and when they were born, as visible on each row's date.

        Returns
        -------
        known : ndarray of bool, shape (rows,)
        born_on : ndarray of datetime64[D], shape (rows,)
            NaT where the person is unknown or has no date of birth.
        """
        found = self.ask(_person_sql(self.dialect), spine)
        rows = found["row"].to_numpy()
        known = np.zeros(len(spine), bool)
        born = np.full(len(spine), np.datetime64("NaT", "D"))
        known[rows] = True
        born[rows] = found["born_on"].to_numpy().astype("datetime64[D]")
        return known, born

    def matrix(
        self,
        spine: pd.DataFrame,
        *,
        feature_set: FeatureSet | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> pd.DataFrame:
        """Return the history of each row of a spine as columns, in the spine's order.

        Parameters
        ----------
        spine : DataFrame
            `nominal_id` and `as_of_date`; other columns are ignored.
        feature_set : FeatureSet, optional
            Other columns than the history's own.
        progress : callable, optional
            Called with (rows done, rows in all).

        Returns
        -------
        DataFrame
            `nominal_id`, `as_of_date`, then the feature set's columns: int64 for counts and sums,
            float64 (NaN where there is nothing) for the rest. An unknown nominal has no history.
        """
        spine = keyed(spine)
        wanted = feature_set or self.feature_set
        parts: list[pd.DataFrame] = []
        for start, chunk in self._chunks(spine):
            parts.append(self._columns(chunk, wanted))
            if progress is not None:
                progress(min(start + len(chunk), len(spine)), len(spine))
        columns = pd.concat(parts).sort_index() if len(parts) > 1 else parts[0]
        return pd.concat([spine, columns], axis=1)

    def _chunks(self, spine: pd.DataFrame) -> Iterator[tuple[int, pd.DataFrame]]:
        """Chunks by person, so that each one reads its own part of the history."""
        if len(spine) <= CHUNK:
            yield 0, spine
            return
        ordered = spine.sort_values("nominal_id", kind="stable")
        for start in range(0, len(ordered), CHUNK):
            yield start, ordered.iloc[start : start + CHUNK]

    def _columns(self, chunk: pd.DataFrame, wanted: FeatureSet) -> pd.DataFrame:
        """Columns of one chunk; a query that no column needs is not asked."""
        counted, paired = _sources(wanted, distinct=False), _sources(wanted, distinct=True)
        _, born = self.born_on(chunk)
        spine = chunk.assign(adult_on=adulthood(born))
        long = self.ask(_long_sql(counted, self.dialect), spine) if counted else None
        pairs = self.ask(_pairs_sql(paired, self.dialect), spine) if paired else None
        age = dates(chunk["as_of_date"]) - born
        age_days = np.where(np.isnat(age), np.nan, age.astype(np.float64))
        columns = assemble(wanted, long, pairs, age_days)
        return pd.DataFrame(columns, index=chunk.index, copy=False)

    def people(self, source: str, bits: int) -> np.ndarray:
        """Return everybody with an event of a source that carries all these marks, at any time."""
        found = self._connection.cursor().execute(
            "SELECT DISTINCT nominal_id FROM history WHERE source = ? AND marks & ? = ? ORDER BY 1",
            [source, bits, bits],
        )
        return np.asarray(found.to_arrow_table()["nominal_id"].to_numpy())

    def first_known(self) -> date:
        """Return the day from which the records can be called running: a thousandth was known."""
        found = self._connection.cursor().execute(
            "SELECT quantile_disc(known_on, 0.001) FROM history"
        )
        row = found.fetchone()
        return self.load.data_to if row[0] is None else row[0]

    def events(self, nominal_id: str, as_of_date: date) -> pd.DataFrame:
        """Return one person's visible past, most recent first: what every figure was made from.

        Returns
        -------
        DataFrame
            source, occurred_on, known_on, age (days), marks, harm (hundredths of a day), who, and
            the columns that lead to the record: record_table, record_id, reference, status, detail.
        """
        spine = pd.DataFrame({"nominal_id": [nominal_id], "as_of_date": [as_of_date]})
        return self.events_of(spine)[0]

    def events_of(self, spine: pd.DataFrame) -> list[pd.DataFrame]:
        """Return the visible past of each row of a spine, all asked for at once, as `events`."""
        _, born = self.born_on(spine)
        grown = keyed(spine).assign(adult_on=adulthood(born))
        found: pd.DataFrame = self.ask(_events_sql(self.dialect), grown).to_pandas()
        # plain objects: a person's few events are looked through often
        texts = {name: object for name in found.columns if found[name].dtype == "str"}
        found = found.astype(texts).sort_values(
            ["row", "age", "source", "record_id"], na_position="last", kind="stable"
        )
        ends = np.searchsorted(found["row"].to_numpy(), np.arange(len(spine) + 1))
        return [
            found.iloc[start:end].reset_index(drop=True) for start, end in pairwise(ends.tolist())
        ]

    def records(
        self, nominal_id: str, as_of_date: date, names: Sequence[str]
    ) -> dict[str, list[dict[str, Any]]]:
        """Return the records behind some columns, for one person on one date.

        Returns
        -------
        dict of str to list of dict
            For each name: table, record_id, reference, occurred_on, known_on, status, role, detail;
            the most recent first. A recency names the latest record only, a first date the first.
        """
        events = self.events(nominal_id, as_of_date)
        return {name: behind(self.feature_set[name], events) for name in names}


def _sources(feature_set: FeatureSet, *, distinct: bool) -> tuple[str, ...]:
    """Sources that some column counts people of (distinct), or events of."""
    used = {c.source for c in feature_set.columns if (c.measure == "distinct") == distinct}
    return tuple(sorted(used & set(SOURCES)))


def behind(column: FeatureColumn, events: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the records, among a person's visible events, that make up one column's value."""
    if column.source not in SOURCES:
        return []
    bits = SOURCES[column.source].bits(column.of)
    age = events["age"].to_numpy(np.float64, na_value=np.nan)
    kept = np.array(events["source"] == column.source, bool)
    kept &= (events["marks"].to_numpy() & bits) == bits
    if column.window is not None:
        kept &= age <= column.window
    if column.measure == "recency":
        kept &= age == np.fmin.reduce(age[kept], initial=np.inf)
    if column.measure in ("first", "onset"):
        kept &= age == np.fmax.reduce(age[kept], initial=-np.inf)
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


def keyed(spine: pd.DataFrame) -> pd.DataFrame:
    """Return only the keys of a spine, with dates as dates, rows numbered from 0.

    Examples
    --------
    >>> keyed(pd.DataFrame({"nominal_id": ["N1"], "as_of_date": ["2026-02-01"], "x": [1]})).shape
    (1, 2)
    """
    keys = spine[["nominal_id", "as_of_date"]].reset_index(drop=True)
    return keys.assign(as_of_date=dates(keys["as_of_date"]))


def dates(column: Any) -> np.ndarray:
    """Return a column of dates, timestamps or ISO texts as datetime64[D].

    Examples
    --------
    >>> dates(["2026-01-31"])
    array(['2026-01-31'], dtype='datetime64[D]')
    """
    return pd.to_datetime(pd.Series(column)).to_numpy().astype("datetime64[D]")
