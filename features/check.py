"""Checking records: every violation of the rules counted, with place, value and remedy of examples.

Rows are never held: what breaks a rule is marked by the database, which counts all of it and hands
out the first rows of each rule, or all of them as a stream (:mod:`features.breach_list`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from features.breaches import ERROR, Asked, Violation, known
from features.errors import NotFound
from features.findings import Breach, Finding, grouped, marked, set_aside
from features.loads import Load, changed_files, open_load
from features.mapping import read_mapping
from features.reading import Reading, read
from features.records import TABLES
from features.rules import RULES
from features.sql import day, quoted_text
from features.types import Progress

LISTED = 100
"""How many violations of one rule, in one column, a report lists unless told otherwise."""

MEMORY = "600MB"
"""What the database may hold before it makes use of the disk."""


@dataclass(frozen=True)
class Report:
    """What a check found: how often each rule is broken, and where, in the order of tables.

    Examples
    --------
    >>> Report(Path("records"), date(2026, 1, 31)).ok
    True
    """

    path: Path
    data_to: date
    findings: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether no error stands; warnings and what was set aside do not count."""
        return not any(found.severity == ERROR for found in self.findings)

    @property
    def count(self) -> int:
        """How many violations there are, listed or not."""
        return sum(found.count for found in self.findings)

    @property
    def violations(self) -> list[Violation]:
        """The violations that are listed: of each rule and column, the first."""
        return [violation for found in self.findings for violation in found.examples]

    def summary(self) -> list[dict[str, Any]]:
        """Return one entry for each table and rule: how often, what, and what to do about it.

        Returns
        -------
        list of dict
            `table`, `column`, `rule`, `severity`, `count`, `problem`, `remedy`, `example` (the
            first violation in words), errors first.
        """
        return [found.as_json() for found in errors_first(self.findings)]

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain data: whether all is well, all counts, what is listed."""
        return {
            "path": str(self.path),
            "data_to": self.data_to.isoformat(),
            "ok": self.ok,
            "count": self.count,
            "summary": self.summary(),
            "violations": [found.as_json() for found in self.violations],
        }


def errors_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings with those that refuse the records before all others."""
    return sorted(findings, key=lambda found: found.severity != ERROR)


@dataclass(frozen=True)
class Examined:
    """Records as they were opened for a check, and what in them breaks a rule.

    `problems` are about files and columns, or tell why a table cannot be read; `breaches` are the
    rules that rows break, each with the rows in the database's reach.
    """

    path: Path
    load: Load | None
    reading: Reading
    asked: Asked
    problems: list[Violation]
    breaches: list[Breach]

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The database that has the tables open."""
        return self.reading.connection

    def report(self, most: int | None = LISTED) -> Report:
        """Return all counts, and of each rule and column the first `most` violations (None: all).

        What was set aside when the records were taken in is listed last.
        """
        found = grouped(self.problems, most)
        found += [breach.finding(self.connection, most) for breach in self.breaches]
        return Report(self.path, self.asked.data_to, found)


@contextmanager
def examined(
    path: str | Path,
    *,
    mapping: Path | None = None,
    today: date | None = None,
    progress: Progress | None = None,
) -> Iterator[Examined]:
    """Open a load or a folder and mark what breaks a rule; what the database spills is removed.

    Parameters
    ----------
    path, mapping, today
        As for :func:`check`.
    progress : callable, optional
        Called with how many tables are done, and how many there are.

    Raises
    ------
    NotFound
        Where there is no such folder.
    """
    path = Path(path)
    if not path.is_dir():
        raise NotFound(f"{path} is no folder", remedy="Name a folder of records.")
    today = today or date.today()
    load = open_load(path) if (path / "load.json").is_file() else None
    chosen = read_mapping(mapping) if mapping else None
    with tempfile.TemporaryDirectory(prefix="precursor-check-") as spill:
        reading = read(path, chosen)
        with reading.connection as connection:
            connection.execute(f"SET memory_limit = '{MEMORY}'")
            connection.execute(f"SET temp_directory = {quoted_text(spill)}")
            data_to = load.data_to if load else last_day(reading, today)
            asked = Asked(reading.relations, today, data_to)
            problems = [*reading.problems, *_changed(path, load), *nobody(reading)]
            breaches: list[Breach] = []
            for found in _marked(reading, asked, progress):
                if isinstance(found, Violation):
                    problems.append(found)
                else:
                    breaches.append(found)
            if load:
                try:
                    breaches += set_aside(connection, path / "set_aside.parquet")
                except duckdb.Error as error:
                    problems.append(_unreadable("set_aside", error))
            yield Examined(path, load, reading, asked, problems, breaches)


def check(
    path: str | Path,
    *,
    mapping: Path | None = None,
    today: date | None = None,
    most: int | None = LISTED,
) -> Report:
    """Find every violation in a load, or in a folder of files with canonical names.

    Parameters
    ----------
    path : str or Path
        A load, or a folder of Parquet or CSV files.
    mapping : Path, optional
        How the folder's files and columns are called, as for ``precursor ingest folder``.
    today : date, optional
        The day after which everything is the future.
    most : int, optional
        How many violations of each rule and column to list; None for all. All are counted.

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
    with examined(path, mapping=mapping, today=today) as records:
        return records.report(most)


def _changed(path: Path, load: Load | None) -> Iterator[Violation]:
    """Name each file of a load that is not the one whose hash was written beside it."""
    for name in changed_files(path) if load else ():
        yield RULES["file_changed"].violation(name, value=f"{name}.parquet")


def last_day(reading: Reading, today: date) -> date:
    """Return the last day, not after today, on which anything in the folder was known."""
    days = [today]
    for name, relation in reading.relations.items():
        if "known_on" not in relation.absent:
            sql = (
                f'SELECT max(greatest(known_on, superseded_on)) FROM "{name}"'
                f" WHERE greatest(known_on, superseded_on) <= {day(today)}"
            )
            row = reading.connection.execute(sql).fetchone()
            days += [row[0]] if row and row[0] else []
    return max(days[1:], default=today)


def nobody(reading: Reading) -> list[Violation]:
    """Find that a folder has its tables and nobody in them."""
    if "nominal" not in reading.relations:
        return []
    try:
        row = reading.connection.execute("SELECT count(*) FROM nominal").fetchone()
    except duckdb.Error:  # it is told that the table cannot be read
        return []
    return [] if row and row[0] else [RULES["no_rows"].violation("nominal")]


def broken(reading: Reading, asked: Asked) -> list[Violation]:
    """Return every violation of the rules about rows, table by table.

    Each is an object in memory: for taking records in, where such rows are refused or put aside.
    A table that turns out to be unreadable half way is itself a violation.
    """
    found: list[Violation] = []
    for one in _marked(reading, asked):
        found += [one] if isinstance(one, Violation) else one.rows(reading.connection)
    return found


def _marked(
    reading: Reading, asked: Asked, progress: Progress | None = None
) -> Iterator[Violation | Breach]:
    """Mark what breaks a rule, table by table; a table that cannot be read is a violation."""
    connection = reading.connection
    referred = sorted({c.refers_to for t in TABLES.values() for c in t.columns if c.refers_to})
    unreadable: set[str] = set()
    for name in [name for name in referred if name in asked.relations]:
        try:
            connection.execute(known(name))
        except duckdb.Error as error:
            yield _unreadable(name, error)
            unreadable.add(name)
    readable = {name: r for name, r in asked.relations.items() if name not in unreadable}
    asked = replace(asked, relations=readable)
    for done, (name, relation) in enumerate(readable.items(), 1):
        try:
            yield from list(marked(connection, relation, asked))
        except duckdb.Error as error:
            yield _unreadable(name, error)
        if progress:
            progress(done, len(readable))


def _unreadable(name: str, error: duckdb.Error) -> Violation:
    return RULES["unreadable"].violation(name, why=str(error).strip().splitlines()[0])
