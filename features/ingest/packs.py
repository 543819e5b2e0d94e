"""What the packs share: files with known columns, and faults that are listed row by row.

A pack is described by a YAML of its own beside its reader: `required` and `optional` files with
their columns, and `faults`, each a predicate of DuckDB with what is done about the rows it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import duckdb
import yaml

from features.breaches import ERROR, HANDLED, Asked, Relation, Violation
from features.check import broken
from features.errors import UsageError
from features.ingest.folder import leave_out, refuse
from features.reading import Reading
from features.records import TABLES
from features.rules import RULES
from features.sql import quoted_name
from features.tabular import parquet_rows, reason
from features.values import SQL

Said = Mapping[str, Any]
DONE = ("keep", "clear")
"""Effects of a fault that leave its row in."""


@lru_cache(maxsize=8)
def described(pack: str) -> dict[str, Any]:
    """Return what a pack's YAML says about it.

    Examples
    --------
    >>> described("broward")["classes"]["theft"]
    'class/theft'
    """
    said = (files("features.ingest") / f"{pack}.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(said))


def no_mapping(kind: str, mapping: object) -> None:
    """Refuse a mapping for a pack, which brings its own."""
    if mapping is not None:
        raise UsageError(
            f"a source of kind '{kind}' takes no mapping", remedy="Leave it out; it has its own."
        )


def open_pack(reading: Reading, said: Said, kind: Callable[[str], str]) -> dict[str, set[str]]:
    """Open a pack's files as tables, with `_row` from 1; an optional file may be missing.

    Parameters
    ----------
    said : mapping
        The pack's YAML: `required`, `optional`, and `if_there`, columns that a file may lack.
    kind : callable
        DuckDB's type of each column.

    Returns
    -------
    dict
        The columns that each file of the pack really has; a missing file has none.
    """
    required, optional = said["required"], said.get("optional", {})
    there: dict[str, set[str]] = {}
    for table, columns in {**required, **optional}.items():
        file = reading.path / f"{table}.parquet"
        if not file.is_file() and table in required:
            reading.problems.append(RULES["missing_table"].violation(table, file=table))
            continue
        held = _columns(reading, table) if file.is_file() else set()
        missing = [column for column in columns if column not in held]
        if held and missing:
            for column in missing:
                reading.problems.append(RULES["missing_column"].violation(table, None, column))
            continue
        more = [column for column in said.get("if_there", {}).get(table, ()) if column in held]
        wanted = [*columns, *more]
        sql = ", ".join(f"CAST({quoted_name(c)} AS {kind(c)}) AS {quoted_name(c)}" for c in wanted)
        sql = f"SELECT _row, {sql} FROM {parquet_rows(file)}"
        if not file.is_file():
            nothing = ", ".join(f"CAST(NULL AS {kind(c)}) AS {quoted_name(c)}" for c in wanted)
            sql = f"SELECT CAST(NULL AS BIGINT) AS _row, {nothing} LIMIT 0"
        try:
            reading.connection.execute(f"CREATE TABLE {table} AS {sql}")
        except duckdb.Error as error:
            _unreadable(reading, table, error)
        there[table] = held
    return there


def _columns(reading: Reading, table: str) -> set[str]:
    rows = parquet_rows(reading.path / f"{table}.parquet")
    try:
        columns = reading.connection.execute(f"DESCRIBE SELECT * FROM {rows}").fetchall()
        return {row[0] for row in columns}
    except duckdb.Error as error:
        _unreadable(reading, table, error)
        return set()


def _unreadable(reading: Reading, table: str, error: Exception) -> None:
    why = RULES["unreadable"].violation(table, value=f"{table}.parquet", why=reason(error))
    reading.problems.append(why)


def faults(reading: Reading, said: Said, facts: Mapping[str, str]) -> Iterator[Violation]:
    """Find a pack's faults row by row, and then give each its effect."""
    found: list[tuple[dict[str, Any], str, str, int, str]] = []
    for fault in said["faults"]:
        for table, column in fault["tables"].items():
            when = fault["when"].replace("{table}", table).replace("{column}", column)
            rows = reading.connection.execute(
                f'SELECT _row, CAST("{column}" AS VARCHAR) FROM {table}'
                f" WHERE {Template(when).substitute(facts)} ORDER BY _row"
            ).fetchall()
            found += [(fault, table, column, row, value or "") for row, value in rows]
    dropped = {(table, row) for fault, table, _, row, _ in found if fault["effect"] == "drop"}
    cleared: set[tuple[str, str, int]] = set()
    for fault, table, column, row, value in found:
        # of a row that is not used, nothing else needs to be said
        if (table, row) in dropped and fault["effect"] in DONE:
            continue
        if fault["effect"] == "clear":
            cleared.add((table, column, row))
        severity = ERROR if fault["effect"] == "refuse" else HANDLED
        words = fault["rule"], fault["problem"], fault["remedy"], severity, fault.get("done", "")
        yield Violation(table, row, column, value, *words)
    changes = [(table, f"DELETE FROM {table}", row) for table, row in dropped]
    changes += [
        (table, f"UPDATE {table} SET {quoted_name(c)} = NULL", row) for table, c, row in cleared
    ]
    for change in sorted({(table, sql) for table, sql, _ in changes}):
        numbers = sorted(row for table, sql, row in changes if (table, sql) == change)
        reading.connection.execute(f"{change[1]} WHERE _row IN (SELECT unnest($1))", [numbers])


def relate(reading: Reading, queries: Mapping[str, str], facts: Mapping[str, str]) -> None:
    """Run a pack's queries in order; those named for canonical tables become the records."""
    for table, sql in queries.items():
        reading.connection.execute(f"CREATE TABLE {table} AS {Template(sql).substitute(facts)}")
        if table in TABLES:
            absent = _absent(reading.connection, table)
            reading.relations[table] = Relation(TABLES[table], absent=absent)


def _absent(connection: duckdb.DuckDBPyConnection, table: str) -> frozenset[str]:
    """Fill the columns the pack says nothing of, and return their names."""
    held = {row[0] for row in connection.execute(f"DESCRIBE {table}").fetchall()}
    lacking = [c for c in TABLES[table].columns if c.name not in held and c.name != "load"]
    for column in lacking:
        connection.execute(
            f"ALTER TABLE {table} ADD COLUMN {quoted_name(column.name)} {SQL[column.type]}"
        )
    return frozenset(column.name for column in lacking)


def held(source: Path, reading: Reading, last: date, *, set_aside: bool) -> list[Violation]:
    """Hold a pack's records against the rules, and return what was left out of them.

    Raises
    ------
    RecordsRefused
        Some break a rule, and nothing is to be set aside.
    """
    asked = Asked(reading.relations, date.today(), last)
    found, aside = broken(reading, asked), list[Violation]()
    if set_aside:
        aside, found = leave_out(reading, asked, found)
    refuse(source, found)
    return aside
