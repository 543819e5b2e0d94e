"""Reading a folder of tables: Parquet or CSV, each column parsed strictly, nothing guessed.

Files are named for the canonical tables, or a mapping says which files make which table, and which
column is which. A value that cannot be parsed becomes empty, and its text is kept beside it, so
that the rules can list every such value instead of stopping at the first.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from urllib.parse import quote

import duckdb

from features.breaches import Relation, Violation
from features.mapping import Mapping, TableMapping
from features.mapping_rules import MAPPING_RULES
from features.records import TABLES, Table
from features.rules import RULES
from features.sql import quoted_name, quoted_text
from features.tabular import PARQUET, Opened, Unreadable, open_file, reason
from features.taxonomy import taxonomy
from features.values import SQL, Converted, constant, convert

SUFFIXES = (PARQUET, ".csv")
BESIDE = frozenset(("set_aside.parquet", "labels.parquet", "spine.parquet"))
"""Files of a load that are no canonical table."""

REQUIRED = ("nominal", "offence", "involvement")


@dataclass(frozen=True)
class MappedRelation(Relation):
    """A table whose mapping says more of some columns: what those hold wrongly is told by it."""

    told: frozenset[str] = frozenset()

    def text(self, column: str) -> str:
        """Return the SQL of the column as it was written in the source."""
        return quoted_name(f"_text_{column}") if column in self.told else super().text(column)


@dataclass(frozen=True)
class Part:
    """Rows of a table that came from one file: its name, how many rows were numbered before."""

    file: str
    before: int
    rows: int


@dataclass
class Reading:
    """A folder as it was read: one DuckDB relation a table, and what was wrong with the files.

    Each relation holds `_row` (the row number in its source, from 1; where a table has several
    sources, it runs on over them), the canonical columns in their types, and under
    ``_text_<column>`` the text of what had to be parsed.
    """

    path: Path
    connection: duckdb.DuckDBPyConnection
    relations: dict[str, Relation] = field(default_factory=dict)
    problems: list[Violation] = field(default_factory=list)
    parts: dict[str, list[Part]] = field(default_factory=dict)

    def placed(self, found: Violation) -> Violation:
        """Return a violation with the file and the row in it, where a table has several sources."""
        parts = self.parts.get(found.table, [])
        if found.row is None or len(parts) < 2:
            return found
        part = next(p for p in reversed(parts) if p.before < found.row)
        return replace(found, table=f"{found.table} from {part.file}", row=found.row - part.before)


def connect() -> duckdb.DuckDBPyConnection:
    """Return a DuckDB connection that knows the offence codes and holds dates in UTC."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.register("taxonomy", taxonomy())
    return connection


def table_file(table: str) -> str:
    """Return the name of the file that holds a database's table.

    Examples
    --------
    >>> table_file("police/crimes")
    'police%2Fcrimes.parquet'
    """
    return f"{quote(table, safe=' ')}{PARQUET}"


def read(path: Path, mapping: Mapping | None = None) -> Reading:
    """Read all canonical tables of a folder.

    Parameters
    ----------
    path : Path
        A folder.
    mapping : Mapping, optional
        Which files are which table, and which column which.

    Returns
    -------
    Reading
        With a problem for each file and column that could not be used, and for each value that the
        mapping does not cover.
    """
    reading = Reading(path, connect())
    mapping = mapping or Mapping()
    files = _Files(reading, mapping)
    for table in TABLES.values():
        sources = [
            found for source in mapping.sources(table.name) for found in files.of(table, source)
        ]
        if sources:
            _read_table(reading, table, sources, mapping)
    files.tell_unused()
    if not reading.relations and not any(p.rule == "unreadable" for p in reading.problems):
        reading.problems.insert(0, RULES["empty_folder"].violation(str(path)))
    return reading


@dataclass(frozen=True)
class _Use:
    """A file as a source of one table."""

    table: str
    source: TableMapping
    file: str
    opened: Opened

    @property
    def columns(self) -> set[str]:
        ours = {self.source.columns.get(c.name, c.name) for c in TABLES[self.table].columns}
        return ours | set(self.source.only)

    @property
    def chosen(self) -> str:
        """The SQL of the rows that are taken."""
        asked = [
            f"trim(CAST({quoted_name(column)} AS VARCHAR))"
            f" IN ({', '.join(map(quoted_text, values))})"
            for column, values in self.source.only.items()
            if column in self.opened.kinds
        ]
        return " AND ".join(asked) or "true"


class _Files:
    """The files of a folder, each opened once however many tables it feeds."""

    def __init__(self, reading: Reading, mapping: Mapping) -> None:
        self.reading, self.mapping = reading, mapping
        self.opened: dict[tuple[str, str, str], Opened | None] = {}
        self.uses: dict[tuple[str, str, str], list[_Use]] = defaultdict(list)
        self.told: set[str] = set()

    def path(self, file: str) -> Path:
        """Return where a file of the folder lies."""
        return self.reading.path / file

    def of(self, table: Table, source: TableMapping) -> Iterator[_Use]:
        """Give the source as it is to be used, or note why it cannot be."""
        stated = table_file(source.table) if source.table else source.file
        names = [stated] if stated else [f"{table.name}{suffix}" for suffix in SUFFIXES]
        there = [file for file in names if self.path(file).is_file()]
        problems = self.reading.problems
        # a folder, or a link to nothing, under the name of a table
        torn = [file for file in names if file not in there and os.path.lexists(self.path(file))]
        for file in torn:
            told = RULES["unreadable"].violation(table.name, value=file, why="it is no file")
            problems.append(told)
            self.told.add(file)
        if len(there) > 1:
            self.told.update(there)
            problems.append(RULES["table_twice"].violation(table.name, value=", ".join(there)))
        elif not there and not torn and (stated or table.name in REQUIRED):
            asked = source.table or source.file or table.name
            told = RULES["missing_table"].violation(table.name, value=asked, file=table.name)
            if stated:
                told = replace(told, remedy="Add it, or correct its name in the mapping.")
            problems.append(told)
        elif there:
            separator = source.separator or self.mapping.separator
            key = (there[0], separator, source.encoding or self.mapping.encoding)
            if key not in self.opened:
                self.opened[key] = self._open(table, *key)
            opened = self.opened[key]
            if opened is not None:
                use = _Use(table.name, source, there[0], opened)
                self.uses[key].append(use)
                yield use

    def _open(self, table: Table, file: str, separator: str, encoding: str) -> Opened | None:
        try:
            return open_file(
                self.reading.connection,
                self.path(file),
                separator=separator,
                encoding=encoding,
            )
        except Unreadable as error:
            told = RULES["unreadable"].violation(table.name, value=file, why=error.message)
            self.reading.problems.append(replace(told, remedy=error.remedy))
            return None

    def tell_unused(self) -> None:
        """Note the files, columns and rows that no table takes anything from."""
        problems = self.reading.problems
        used = {str(PurePosixPath(key[0])) for key in self.opened} | self.told | BESIDE
        for file in sorted(self.reading.path.iterdir()):
            # bail.CSV and Bail.csv are not taken for bail.csv, and must not be lost in silence
            meant = file.suffix.lower() in SUFFIXES or file.stem.casefold() in TABLES
            if meant and file.name not in used:
                problems.append(RULES["unused_file"].violation(file.name))
        for uses in self.uses.values():
            columns = set().union(*(use.columns for use in uses))
            first = uses[0]
            for column in first.opened.kinds:
                if column not in columns:
                    problems.append(RULES["unused_column"].violation(first.table, None, column))
            if all(use.source.only for use in uses):
                self._tell_unused_rows(uses)

    def _tell_unused_rows(self, uses: list[_Use]) -> None:
        taken = " OR ".join(f"({use.chosen})" for use in uses)
        sql = f"SELECT count(*) FROM {uses[0].opened.sql} WHERE ({taken}) IS NOT TRUE"
        row = self.reading.connection.execute(sql).fetchone()
        if row and row[0]:
            told = MAPPING_RULES["unused_rows"].violation(uses[0].file, known=f"{row[0]:,} of them")
            self.reading.problems.append(told)


@dataclass(frozen=True)
class _Selected:
    """A source as the columns of its table."""

    use: _Use
    before: int
    columns: dict[str, Converted]

    def sql(self, table: Table, kept: set[str]) -> str:
        """Return the rows of the source; `kept` are the columns whose text is kept."""
        parts = [f"_row + {self.before} AS _row"]
        for column in table.columns:
            if column.name == "load":
                continue
            found = self.columns.get(column.name, Converted(f"CAST(NULL AS {SQL[column.type]})"))
            parts.append(f"{found.value} AS {quoted_name(column.name)}")
            if column.name in kept:
                written = found.text or f"CAST({found.value} AS VARCHAR)"
                parts.append(f"{written} AS {quoted_name(f'_text_{column.name}')}")
        return f"SELECT {', '.join(parts)} FROM {self.use.opened.sql} WHERE {self.use.chosen}"


def _read_table(reading: Reading, table: Table, uses: list[_Use], mapping: Mapping) -> None:
    selected: list[_Selected] = []
    before = 0
    for use in uses:
        selected.append(_Selected(use, before, _columns(reading, table, use, mapping)))
        before += use.opened.rows
    names = {c.name for c in table.columns} - {"load"}
    kept = {n for one in selected for n, found in one.columns.items() if found.text is not None}
    told = {n for one in selected for n, found in one.columns.items() if found.told_by}
    absent = names - {n for one in selected for n in one.columns}
    try:
        # What had to be parsed is parsed once; typed Parquet is scanned where it lies.
        kind, order = ("TABLE", " ORDER BY _row") if kept else ("VIEW", "")
        union = " UNION ALL ".join(one.sql(table, kept) for one in selected)
        reading.connection.execute(
            f'CREATE {kind} "{table.name}" AS SELECT * FROM ({union}){order}'
        )
        reading.parts[table.name] = [
            Part(one.use.file, one.before, one.use.opened.rows) for one in selected
        ]
        for one in selected:
            _tell(reading, table, one, told)
    except duckdb.Error as error:
        files = ", ".join(dict.fromkeys(use.file for use in uses))
        unreadable = RULES["unreadable"].violation(table.name, value=files, why=reason(error))
        reading.problems.append(unreadable)
    else:
        reading.relations[table.name] = MappedRelation(
            table, frozenset(kept - told), frozenset(absent), frozenset(told)
        )


def _columns(reading: Reading, table: Table, use: _Use, mapping: Mapping) -> dict[str, Converted]:
    """Return the columns that a source has, and note those that it should have."""
    source, kinds = use.source, use.opened.kinds
    found: dict[str, Converted] = {}
    lacking = [column for column in source.only if column not in kinds]
    for column in table.columns:
        given = source.columns.get(column.name, column.name)
        if column.name == "load":
            continue
        if column.name in source.constants:
            found[column.name] = constant(column, source.constants[column.name])
        elif given in kinds:
            found[column.name] = convert(column, quoted_name(given), kinds[given], source, mapping)
        elif column.name in source.defaults and column.name not in source.columns:
            found[column.name] = constant(column, source.defaults[column.name])
        elif not column.empty or column.name in source.columns or column.name in source.codes:
            lacking.append(given)
    for given in dict.fromkeys(lacking):
        named = source.file or len(mapping.sources(table.name)) > 1
        place = f"{table.name} from {use.file}" if named else table.name
        reading.problems.append(RULES["missing_column"].violation(place, None, given))
    return found


def _tell(reading: Reading, table: Table, one: _Selected, told: set[str]) -> None:
    """Note each value that the mapping does not cover, and a choice of rows that finds none."""
    ours = f"_row > {one.before} AND _row <= {one.before + one.use.opened.rows}"
    for column in table.columns:
        if column.name not in told or column.name not in one.columns:
            continue
        written = quoted_name(f"_text_{column.name}")
        rows = reading.connection.execute(
            f'SELECT _row, {written} FROM "{table.name}"'
            f" WHERE {ours} AND {quoted_name(column.name)} IS NULL AND {written} IS NOT NULL"
            " ORDER BY _row"
        ).fetchall()
        found = one.columns[column.name]
        rule = MAPPING_RULES[found.told_by] if found.told_by else RULES["wrong_type"]
        reading.problems += [
            rule.violation(table.name, row, column.name, value, known=found.words)
            for row, value in rows
        ]
    if one.use.source.only and one.use.opened.rows:
        row = reading.connection.execute(
            f'SELECT count(*) FROM "{table.name}" WHERE {ours}'
        ).fetchone()
        if row and not row[0]:
            asked = "; ".join(f"{c}: {', '.join(v)}" for c, v in one.use.source.only.items())
            reading.problems.append(
                MAPPING_RULES["only_finds_nothing"].violation(
                    table.name, None, "", one.use.file, known=asked
                )
            )
