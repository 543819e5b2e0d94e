"""The quality of records in figures: what is empty, late, corrected, there twice, without a code.

None of it refuses records; it tells an analyst how far a history made of them can be trusted, and
what to mend in the system they came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import duckdb

from features.breaches import Asked, Relation
from features.check import Examined, Report
from features.findings import Finding
from features.records import ENTRY, TABLES
from features.sql import day

LATE = (30, 365)
"""Days of delay between an event and the record of it that are counted as late, and very late."""

YEARS = 12
"""How many years of markers are shown one by one."""

CODES = 20
"""How many codes are listed, the most frequent first."""

_RIGHTLY_EMPTY = {("nominal", "occurred_on")}
"""Columns that say nothing by being empty; `superseded_on` is one of them in every table."""


@dataclass(frozen=True)
class Filled:
    """How often one column is empty; `absent` where the source does not have it at all.

    Examples
    --------
    >>> Filled("grade", "", 5, 20, absent=False).share
    0.25
    """

    name: str
    words: str
    empty: int
    rows: int
    absent: bool

    @property
    def share(self) -> float:
        """The share of rows in which the column is empty."""
        return self.empty / self.rows if self.rows else 0.0


@dataclass(frozen=True)
class Delay:
    """How long after events the force recorded them, in days, over the rows that have both dates.

    Examples
    --------
    >>> Delay(rows=200, median=1, nine_in_ten=14, late=10, very_late=1).share(10)
    0.05
    """

    rows: int
    median: int | None
    nine_in_ten: int | None
    late: int
    very_late: int

    def share(self, count: int) -> float:
        """Return a count as a share of the rows that have both dates."""
        return count / self.rows if self.rows else 0.0


@dataclass(frozen=True)
class TableQuality:
    """One table in figures: its rows, versions and dates, how late it is, and what is empty.

    `corrected` rows were superseded or withdrawn, `versions` are rows beyond the first of their
    record, and `alike` are standing rows that agree with another in all but the entry's own ids.
    """

    name: str
    words: str
    rows: int
    records: int
    corrected: int
    versions: int
    alike: int | None
    undated: int
    first: str | None
    last: str | None
    first_known: str | None
    last_known: str | None
    delay: Delay
    columns: tuple[Filled, ...]


@dataclass(frozen=True)
class Code:
    """An offence code that brings no harm into a history, and how many offences carry it."""

    code: str
    description: str
    rows: int


@dataclass(frozen=True)
class Codes:
    """Offence codes without meaning here: unknown to the taxonomy, or known and without harm."""

    rows: int
    unknown: int
    unknown_codes: tuple[Code, ...]
    without_harm: int
    without_harm_codes: tuple[Code, ...]


@dataclass(frozen=True)
class MarkerYear:
    """How many offences that became known in a year leave each marker empty."""

    year: str
    rows: int
    empty: Mapping[str, int]


@dataclass(frozen=True)
class Quality:
    """The quality report of records, as data.

    Examples
    --------
    >>> from pathlib import Path
    >>> none = Codes(0, 0, (), 0, ())
    >>> Quality("records", None, date(2026, 1, 31), date(2026, 2, 1), True, [], [], none, []).rows
    0
    """

    path: str
    load: Mapping[str, Any] | None
    data_to: date
    made_on: date
    ok: bool
    findings: list[Finding]
    tables: list[TableQuality]
    codes: Codes
    markers: list[MarkerYear]

    @property
    def rows(self) -> int:
        """How many rows all tables have."""
        return sum(table.rows for table in self.tables)

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain data."""
        said = asdict(self)
        return said | {"data_to": str(self.data_to), "made_on": str(self.made_on)}


def quality(records: Examined, report: Report) -> Quality:
    """Return the quality of records that were opened for a check.

    Parameters
    ----------
    records : Examined
        From :func:`features.check.examined`.
    report : Report
        What the check of them found; a table that cannot be read is told there and left out here.
    """
    connection, asked = records.connection, records.asked
    unreadable = {found.table for found in report.findings if found.rule == "unreadable"}
    relations = {n: r for n, r in asked.relations.items() if n not in unreadable}
    offences = relations.get("offence")
    load = records.load
    return Quality(
        path=str(records.path),
        load={"number": load.number, "kind": load.kind, "synthetic": load.synthetic}
        if load
        else None,
        data_to=asked.data_to,
        made_on=asked.today,
        ok=report.ok,
        findings=report.findings,
        tables=[_table(connection, relation, asked) for relation in relations.values()],
        codes=_codes(connection) if offences else Codes(0, 0, (), 0, ()),
        markers=_markers(connection, asked.data_to) if offences else [],
    )


def _table(connection: duckdb.DuckDBPyConnection, relation: Relation, asked: Asked) -> TableQuality:
    name, columns = relation.contract.name, relation.contract.columns
    given = [column for column in columns if column.name != "load"]
    days = "known_on - occurred_on"
    # a date that breaks a rule is listed as such, and says nothing about delay
    sound = (
        "known_on >= occurred_on AND occurred_on >= DATE '1900-01-01'"
        f" AND known_on <= {day(asked.data_to)}"
    )
    filled = ", ".join(f"count({relation.text(column.name)})" for column in given)
    rows, ids, corrected, dated, *found = _one(
        connection,
        "SELECT count(*), count(DISTINCT record_id), count(superseded_on), count(occurred_on),"
        " CAST(min(occurred_on) AS VARCHAR), CAST(max(occurred_on) AS VARCHAR),"
        " CAST(min(known_on) AS VARCHAR), CAST(max(known_on) AS VARCHAR),"
        f" count(*) FILTER ({sound}),"
        f" quantile_disc({days}, [0.5, 0.9]) FILTER ({sound}),"
        f" count(*) FILTER ({sound} AND {days} > {LATE[0]}),"
        f" count(*) FILTER ({sound} AND {days} > {LATE[1]}), {filled}"
        f' FROM "{name}"',
    )
    first, last, first_known, last_known, both, quantiles, late, very_late, *counts = found
    median, nine_in_ten = quantiles or (None, None)
    return TableQuality(
        name=name,
        words=relation.contract.words,
        rows=rows,
        records=ids,
        corrected=corrected,
        versions=rows - ids,
        alike=None if name == "nominal" else _alike(connection, relation),
        undated=rows - dated,
        first=first,
        last=last,
        first_known=first_known,
        last_known=last_known,
        delay=Delay(both, median, nine_in_ten, late, very_late),
        columns=tuple(
            Filled(c.name, c.words, rows - count, rows, c.name in relation.absent)
            for c, count in zip(given, counts, strict=True)
            if (name, c.name) not in _RIGHTLY_EMPTY and c.name != "superseded_on"
        ),
    )


def _alike(connection: duckdb.DuckDBPyConnection, relation: Relation) -> int:
    """Count the standing rows that agree with another in all but the entry's own ids and dates."""
    same = ", ".join(f'"{c.name}"' for c in relation.contract.columns if c.name not in ENTRY)
    (found,) = _one(
        connection,
        "SELECT coalesce(sum(n - 1), 0)::BIGINT FROM (SELECT count(*) AS n"
        f' FROM "{relation.contract.name}" WHERE superseded_on IS NULL'
        f" AND occurred_on IS NOT NULL GROUP BY hash({same}))",
    )
    return int(found)


def _codes(connection: duckdb.DuckDBPyConnection) -> Codes:
    carried = (
        "SELECT offence_code AS code, count(*) AS rows FROM offence"
        " WHERE offence_code IS NOT NULL GROUP BY offence_code"
    )
    rows = connection.execute(
        f"SELECT code, coalesce(description, ''), rows, t.offence_code IS NULL AS unknown"
        f" FROM ({carried}) LEFT JOIN taxonomy t ON t.offence_code = code"
        " WHERE t.offence_code IS NULL OR t.harm = 0 ORDER BY rows DESC, code"
    ).fetchall()
    (total,) = _one(connection, "SELECT count(offence_code) FROM offence")
    unknown = [Code(code, said, count) for code, said, count, new in rows if new]
    harmless = [Code(code, said, count) for code, said, count, new in rows if not new]
    return Codes(
        rows=total,
        unknown=sum(code.rows for code in unknown),
        unknown_codes=tuple(unknown[:CODES]),
        without_harm=sum(code.rows for code in harmless),
        without_harm_codes=tuple(harmless[:CODES]),
    )


def _markers(connection: duckdb.DuckDBPyConnection, data_to: date) -> list[MarkerYear]:
    names = [column.name for column in TABLES["offence"].columns if column.type == "boolean"]
    first = data_to.year - YEARS + 1
    empty = ", ".join(f'count(*) - count("{name}")' for name in names)
    found = connection.execute(
        f"SELECT CASE WHEN year(known_on) < {first} THEN {first} - 1 ELSE year(known_on) END AS y,"
        f" count(*), {empty} FROM offence WHERE known_on <= {day(data_to)} GROUP BY y ORDER BY y"
    ).fetchall()
    return [
        MarkerYear(
            str(year) if year >= first else f"before {first}",
            rows,
            dict(zip(names, counts, strict=True)),
        )
        for year, rows, *counts in found
    ]


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    """Return the one row of an aggregate."""
    return connection.execute(sql).fetchone() or ()
