"""Findings: how often a rule is broken in a column, with the first rows as examples.

The database marks what breaks a rule in one pass over a table and keeps the marked rows, on disk
where they are many; from there they are counted, listed, or written out, however many there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from features.breaches import HANDLED, Asked, Relation, Violation
from features.rules import RULES
from features.sql import quoted_text
from features.tabular import parquet


@dataclass(frozen=True)
class Finding:
    """How often one rule is broken in one column, and the first of the rows that break it.

    Examples
    --------
    >>> from features.rules import RULES
    >>> known = RULES["future"].violation("offence", 3, "known_on", "2099-01-01")
    >>> found = grouped([known] * 7, most=1)[0]
    >>> found.count, len(found.examples)
    (7, 1)
    """

    table: str
    column: str
    rule: str
    severity: str
    problem: str
    remedy: str
    count: int
    examples: tuple[Violation, ...]

    @property
    def place(self) -> str:
        """Table and column, as a report names them."""
        return ".".join(filter(None, (self.table, self.column)))

    def as_json(self) -> dict[str, Any]:
        """Return the finding as plain data, its first example in words."""
        return {
            "table": self.table,
            "column": self.column,
            "rule": self.rule,
            "severity": self.severity,
            "count": self.count,
            "problem": self.problem,
            "remedy": self.remedy,
            "example": str(self.examples[0]) if self.examples else None,
        }


def grouped(violations: Iterable[Violation], most: int | None) -> list[Finding]:
    """Return violations as findings: of each table, column and rule, all counted, `most` kept."""
    same: dict[tuple[str, ...], list[Violation]] = {}
    for found in violations:
        same.setdefault((found.severity, found.table, found.column, found.rule), []).append(found)
    return [
        Finding(
            some[0].table,
            some[0].column,
            some[0].rule,
            some[0].severity,
            some[0].problem,
            some[0].remedy,
            len(some),
            tuple(some[:most]),
        )
        for some in same.values()
    ]


@dataclass(frozen=True)
class Breach:
    """One rule that rows of a table break: how often, and the SQL that gives those rows.

    `sql` selects ``row, value, problem, remedy, done``.
    """

    table: str
    column: str
    rule: str
    severity: str
    count: int
    sql: str

    def rows(
        self, connection: duckdb.DuckDBPyConnection, most: int | None = None
    ) -> Iterator[Violation]:
        """Return the violations in the order of rows: all, or the first `most`."""
        limit = "" if most is None else f" LIMIT {most}"
        for row, value, problem, remedy, done in connection.execute(
            f'{self.sql} ORDER BY "row"{limit}'
        ).fetchall():
            yield Violation(
                self.table,
                row,
                self.column,
                value or "",
                self.rule,
                problem,
                remedy,
                self.severity,
                done,
            )

    def finding(self, connection: duckdb.DuckDBPyConnection, most: int | None) -> Finding:
        """Return the breach with its first rows."""
        first = list(self.rows(connection, None if most is None else max(most, 1)))
        return Finding(
            self.table,
            self.column,
            self.rule,
            self.severity,
            first[0].problem,
            first[0].remedy,
            self.count,
            tuple(first[:most]),
        )


def marked(
    connection: duckdb.DuckDBPyConnection, relation: Relation, asked: Asked
) -> Iterator[Breach]:
    """Mark the rows of one table that break a rule, and return each rule that is broken."""
    name = relation.contract.name
    predicates: Mapping[tuple[str, str], str] = {
        (rule.name, column): sql
        for rule in RULES.values()
        if rule.breaks is not None
        for column, sql in rule.breaks(relation, asked).items()
    }
    # One pass marks them all. Whole rows are kept, because a row's number need not be its own:
    # a table may come from several files.
    flags = ", ".join(f"({sql}) IS TRUE AS _p{at}" for at, sql in enumerate(predicates.values()))
    some = " OR ".join(f"_p{at}" for at in range(len(predicates)))
    connection.execute(
        f'CREATE OR REPLACE TEMP TABLE "_marked_{name}" AS'
        f' SELECT * FROM (SELECT *, {flags} FROM "{name}") WHERE {some}'
    )
    counts = ", ".join(f"count(*) FILTER (WHERE _p{at})" for at in range(len(predicates)))
    counted = connection.execute(f'SELECT {counts} FROM "_marked_{name}"').fetchone() or ()
    for at, ((rule, column), count) in enumerate(zip(predicates, counted, strict=True)):
        if count:
            said = RULES[rule].violation(name, None, column)
            sql = (
                f'SELECT _row AS "row", {relation.text(column)} AS value,'
                f" {quoted_text(said.problem)} AS problem, {quoted_text(said.remedy)} AS remedy,"
                f" '' AS done FROM \"_marked_{name}\" WHERE _p{at}"
            )
            yield Breach(name, column, rule, said.severity, count, sql)


def set_aside(connection: duckdb.DuckDBPyConnection, file: Path) -> Iterator[Breach]:
    """Return what a load lists as set aside when its records were taken in."""
    connection.execute(f"CREATE VIEW _set_aside AS FROM {parquet(file)}")
    groups = connection.execute(
        'SELECT "table", "column", rule, count(*) FROM _set_aside GROUP BY ALL ORDER BY ALL'
    ).fetchall()
    for table, column, rule, count in groups:
        sql = (
            'SELECT "row", value, problem, remedy, done FROM _set_aside'
            f' WHERE "table" = {quoted_text(table)} AND "column" = {quoted_text(column)}'
            f" AND rule = {quoted_text(rule)}"
        )
        yield Breach(table, column, rule, HANDLED, count, sql)
