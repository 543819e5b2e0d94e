"""Checking records: every violation of the rules, each with its place, value and remedy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from features.breaches import ERROR, HANDLED, Asked, Relation, Violation, known
from features.errors import NotFound
from features.loads import changed_files, open_load
from features.mapping import read_mapping
from features.reading import Reading, read
from features.records import TABLES
from features.rules import RULES


@dataclass(frozen=True)
class Report:
    """What a check found: every violation, in the order of tables, rules and rows.

    Examples
    --------
    >>> Report(Path("records"), date(2026, 1, 31), []).ok
    True
    """

    path: Path
    data_to: date
    violations: list[Violation] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether no error stands; warnings and what was set aside do not count."""
        return not any(found.severity == ERROR for found in self.violations)

    def summary(self) -> list[dict[str, Any]]:
        """Return one entry for each table and rule: how often, what, and what to do about it.

        Returns
        -------
        list of dict
            `table`, `column`, `rule`, `severity`, `count`, `problem`, `remedy`, `example` (the
            first violation in words), errors first.
        """
        counts: Counter[tuple[str, ...]] = Counter()
        first: dict[tuple[str, ...], Violation] = {}
        for found in self.violations:
            key = (found.severity, found.table, found.column, found.rule)
            counts[key] += 1
            first.setdefault(key, found)
        return [
            {
                "table": table,
                "column": column,
                "rule": rule,
                "severity": severity,
                "count": counts[severity, table, column, rule],
                "problem": example.problem,
                "remedy": example.remedy,
                "example": str(example),
            }
            for (severity, table, column, rule), example in sorted(
                first.items(), key=lambda entry: entry[0][0] != ERROR
            )
        ]

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain data: whether all is well, counts, and every violation."""
        return {
            "path": str(self.path),
            "data_to": self.data_to.isoformat(),
            "ok": self.ok,
            "summary": self.summary(),
            "violations": [found.as_json() for found in self.violations],
        }


def check(path: str | Path, *, mapping: Path | None = None, today: date | None = None) -> Report:
    """Find every violation in a load, or in a folder of files with canonical names.

    Parameters
    ----------
    path : str or Path
        A load, or a folder of Parquet or CSV files.
    mapping : Path, optional
        How the folder's files and columns are called, as for ``precursor ingest folder``.
    today : date, optional
        The day after which everything is the future.

    Raises
    ------
    NotFound
        Where there is no such folder.

    Examples
    --------
    >>> check("nowhere")
    Traceback (most recent call last):
    ...
    features.errors.NotFound: nowhere is no folder. Name a folder of records.
    """
    path = Path(path)
    if not path.is_dir():
        raise NotFound(f"{path} is no folder", remedy="Name a folder of records.")
    today = today or date.today()
    load = open_load(path) if (path / "load.json").is_file() else None
    reading = read(path, read_mapping(mapping) if mapping else None)
    found = list(reading.problems)
    data_to = load.data_to if load else last_day(reading, today)
    if load:
        found += _changed(path)
    found += broken(reading, Asked(reading.relations, today, data_to))
    if load:
        found += [
            Violation(**{**row, "severity": HANDLED})
            for row in pq.read_table(path / "set_aside.parquet").to_pylist()
        ]
    return Report(path, data_to, found)


def _changed(path: Path) -> Iterator[Violation]:
    """Name each file that is not the one whose hash was written beside it."""
    for name in changed_files(path):
        yield RULES["file_changed"].violation(name, value=f"{name}.parquet")


def last_day(reading: Reading, today: date) -> date:
    """Return the last day, not after today, on which anything in the folder was known."""
    days = [today]
    for name, relation in reading.relations.items():
        if "known_on" not in relation.absent:
            sql = (
                f'SELECT max(greatest(known_on, superseded_on)) FROM "{name}"'
                f" WHERE greatest(known_on, superseded_on) <= DATE '{today}'"
            )
            row = reading.connection.execute(sql).fetchone()
            days += [row[0]] if row and row[0] else []
    return max(days[1:], default=today)


def nobody(reading: Reading) -> list[Violation]:
    """Find that a folder has its tables and nobody in them."""
    if "nominal" not in reading.relations:
        return []
    row = reading.connection.execute("SELECT count(*) FROM nominal").fetchone()
    return [] if row and row[0] else [RULES["no_rows"].violation("nominal")]


def broken(reading: Reading, asked: Asked) -> list[Violation]:
    """Return every violation of the rules about rows, table by table.

    A table that turns out to be unreadable half way is itself a violation.
    """
    referred = sorted({c.refers_to for t in TABLES.values() for c in t.columns if c.refers_to})
    found: list[Violation] = []
    unreadable: set[str] = set()
    for name in [name for name in referred if name in asked.relations]:
        try:
            reading.connection.execute(known(name))
        except duckdb.Error as error:
            found.append(_unreadable(name, error))
            unreadable.add(name)
    readable = {name: r for name, r in asked.relations.items() if name not in unreadable}
    asked = replace(asked, relations=readable)
    for name, relation in readable.items():
        try:
            found += _broken(reading.connection, relation, asked)
        except duckdb.Error as error:
            found.append(_unreadable(name, error))
    return found


def _unreadable(name: str, error: duckdb.Error) -> Violation:
    return RULES["unreadable"].violation(name, why=str(error).strip().splitlines()[0])


def _broken(
    connection: duckdb.DuckDBPyConnection, relation: Relation, asked: Asked
) -> Iterator[Violation]:
    name = relation.contract.name
    predicates: Mapping[tuple[str, str], str] = {
        (rule.name, column): sql
        for rule in RULES.values()
        if rule.breaks is not None
        for column, sql in rule.breaks(relation, asked).items()
    }
    # One scan counts them all; only what is broken is asked for again, with its rows.
    flags = ", ".join(f"({sql}) AS p{place}" for place, sql in enumerate(predicates.values()))
    counts = ", ".join(f"count(*) FILTER (WHERE p{place})" for place in range(len(predicates)))
    counted = connection.execute(f'SELECT {counts} FROM (SELECT {flags} FROM "{name}")').fetchone()
    for (rule, column), count in zip(predicates, counted or (), strict=True):
        if count:
            rows = connection.execute(
                f'SELECT _row, {relation.text(column)} FROM "{name}"'
                f" WHERE {predicates[rule, column]} ORDER BY _row"
            ).fetchall()
            for row, value in rows:
                yield RULES[rule].violation(name, row, column, value or "")
