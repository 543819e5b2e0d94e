"""Reading a folder of tables: Parquet or CSV, each column parsed strictly, nothing guessed.

Files are named for the canonical tables, or a mapping says which file is which table and which
column which. A value that cannot be parsed becomes empty, and its text is kept beside it, so that
the rules can list every such value instead of stopping at the first.
"""

from __future__ import annotations

import csv as textual
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from pyarrow import csv

from features.breaches import Relation, Violation
from features.mapping import Mapping as FolderMapping
from features.mapping import TableMapping
from features.records import TABLES, Column, Table
from features.rules import RULES
from features.taxonomy import taxonomy

SUFFIXES = (".parquet", ".csv")
BESIDE = ("load", "set_aside", "labels", "spine")
"""Files of a load that are no canonical table."""

REQUIRED = ("nominal", "offence", "involvement")

_ISO = r"'\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?(Z|[+-]\d{2}:?\d{2})?'"
_YES, _NO = "('true', 't', 'yes', 'y', '1')", "('false', 'f', 'no', 'n', '0')"


@dataclass
class Reading:
    """A folder as it was read: one DuckDB relation a table, and what was wrong with the files.

    Each relation holds `_row` (the row number in its source, from 1), the canonical columns in
    their types, and under ``_text_<column>`` the text of what had to be parsed.
    """

    path: Path
    connection: duckdb.DuckDBPyConnection
    relations: dict[str, Relation] = field(default_factory=dict)
    problems: list[Violation] = field(default_factory=list)


def connect() -> duckdb.DuckDBPyConnection:
    """Return a DuckDB connection that knows the offence codes and holds dates in UTC."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.register("taxonomy", taxonomy())
    return connection


def read(path: Path, mapping: FolderMapping | None = None) -> Reading:
    """Read all canonical tables of a folder.

    Parameters
    ----------
    path : Path
        A folder.
    mapping : Mapping, optional
        Which file is which table, and which column which.

    Returns
    -------
    Reading
        With a problem for each file and column that could not be used.
    """
    reading = Reading(path, connect())
    mapping = mapping or FolderMapping()
    for name, table in TABLES.items():
        ours = mapping.tables.get(name, TableMapping())
        files = _files(path, name, ours)
        if len(files) > 1:
            value = ", ".join(file.name for file in files)
            reading.problems.append(RULES["table_twice"].violation(name, value=value))
        elif not files and (ours.file or name in REQUIRED):
            file = ours.file or name
            reading.problems.append(RULES["missing_table"].violation(name, value=file, file=name))
        elif files:
            _read_table(reading, table, files[0], ours, ours.date_format or mapping.date_format)
    _unused_files(reading, mapping)
    if not reading.relations and not any(p.rule == "unreadable" for p in reading.problems):
        reading.problems.insert(0, RULES["empty_folder"].violation(str(path)))
    return reading


def _files(path: Path, name: str, ours: TableMapping) -> list[Path]:
    if ours.file:
        return [path / ours.file] if (path / ours.file).is_file() else []
    return [path / f"{name}{suffix}" for suffix in SUFFIXES if (path / f"{name}{suffix}").is_file()]


def _unused_files(reading: Reading, mapping: FolderMapping) -> None:
    used = {ours.file for ours in mapping.tables.values()}
    for file in sorted(reading.path.iterdir()):
        canonical = file.stem in (*TABLES, *BESIDE)
        if file.suffix in SUFFIXES and not canonical and file.name not in used:
            reading.problems.append(RULES["unused_file"].violation(file.name))


def _read_table(
    reading: Reading, table: Table, file: Path, ours: TableMapping, date_format: str | None
) -> None:
    try:
        source, held = _source(reading.connection, table.name, file)
        relation, select = _select(reading, table, ours, held, date_format)
        # What had to be parsed is parsed once; typed Parquet is scanned where it lies.
        kind, order = ("TABLE", " ORDER BY _row") if relation.parsed else ("VIEW", "")
        sql = f'CREATE {kind} "{table.name}" AS SELECT {select} FROM {source}{order}'
        reading.connection.execute(sql)
    except (duckdb.Error, pa.ArrowInvalid, UnicodeDecodeError, textual.Error) as error:
        why = str(error).strip().splitlines()[0]
        reading.problems.append(RULES["unreadable"].violation(table.name, value=file.name, why=why))
    else:
        reading.relations[table.name] = relation


def _source(
    connection: duckdb.DuckDBPyConnection, name: str, file: Path
) -> tuple[str, dict[str, str]]:
    """Return the SQL of a file with its rows numbered from 1, and its columns' types."""
    if file.suffix == ".csv":
        connection.register(f"_csv_{name}", _read_csv(file))
        source = f'"_csv_{name}"'
    else:
        quoted = str(file).replace("'", "''")
        source = (
            "(SELECT * EXCLUDE (file_row_number), file_row_number + 1 AS _row"
            f" FROM read_parquet('{quoted}', file_row_number = true))"
        )
    described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    return source, {row[0]: row[1] for row in described if row[0] != "_row"}


def _read_csv(file: Path) -> pa.Table:
    """Read a CSV file with every column as text; an empty field is null."""
    with file.open(encoding="utf-8-sig", newline="") as stream:
        names = next(textual.reader(stream), [])
    if len(set(names)) != len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise textual.Error(f"columns named twice: {', '.join(twice)}")
    table = csv.read_csv(
        file,
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=True,
            null_values=[""],
        ),
    )
    return table.append_column("_row", pa.array(np.arange(1, table.num_rows + 1)))


def _select(
    reading: Reading,
    table: Table,
    ours: TableMapping,
    held: Mapping[str, str],
    date_format: str | None,
) -> tuple[Relation, str]:
    """Return what is selected from the source, and note the columns that lack or are not used."""
    parsed: set[str] = set()
    absent: set[str] = set()
    parts = ["_row"]
    for column in table.columns:
        given = ours.columns.get(column.name, column.name)
        if column.name == "load":
            continue
        if column.name in ours.constants:
            text, kind = _literal(ours.constants[column.name]), "VARCHAR"
        elif given in held:
            text, kind = '"' + given.replace('"', '""') + '"', held[given]
        else:
            absent.add(column.name)
            parts.append(f'CAST(NULL AS {_SQL[column.type]}) AS "{column.name}"')
            if not column.empty or column.name in ours.columns:
                missing = RULES["missing_column"].violation(table.name, None, given)
                reading.problems.append(missing)
            continue
        for sql, name in _parse(column, text, kind, date_format):
            parts.append(f'{sql} AS "{name}"')
            if name != column.name:
                parsed.add(column.name)
    used = {ours.columns.get(c.name, c.name) for c in table.columns}
    for name in held:
        if name not in used:
            reading.problems.append(RULES["unused_column"].violation(table.name, None, name))
    return Relation(table, frozenset(parsed), frozenset(absent)), ", ".join(parts)


def _literal(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"


_SQL = {"string": "VARCHAR", "date": "DATE", "int64": "BIGINT", "boolean": "BOOLEAN"}
_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}


def _parse(
    column: Column, value: str, kind: str, date_format: str | None
) -> Iterator[tuple[str, str]]:
    """Give the SQL of a column, and that of its text where it has to be parsed."""
    wanted = _SQL[column.type]
    if kind in ("DOUBLE", "FLOAT"):
        value = f"(CASE WHEN NOT isnan({value}) THEN {value} END)"
    text = f"nullif(trim(CAST({value} AS VARCHAR)), '')"
    if wanted == "VARCHAR":
        yield text, column.name
    elif wanted == kind:
        yield value, column.name
    elif wanted == "DATE" and kind.startswith("TIMESTAMP"):
        yield f"CAST({value} AS DATE)", column.name
    elif wanted == "BIGINT" and kind in _INTEGERS:
        yield f"CAST({value} AS BIGINT)", column.name
    else:
        yield _PARSERS[column.type](text, date_format), column.name
        yield text, f"_text_{column.name}"


def _date(text: str, date_format: str | None) -> str:
    if date_format is not None:
        return f"CAST(try_strptime({text}, {_literal(date_format)}) AS DATE)"
    return (
        f"CASE WHEN regexp_full_match({text}, {_ISO}) THEN TRY_CAST(left({text}, 10) AS DATE) END"
    )


def _integer(text: str, _: str | None) -> str:
    whole = rf"regexp_full_match({text}, '[+-]?\d+(\.0*)?')"
    return rf"CASE WHEN {whole} THEN TRY_CAST(regexp_replace({text}, '\.0*$', '') AS BIGINT) END"


def _boolean(text: str, _: str | None) -> str:
    return f"CASE WHEN lower({text}) IN {_YES} THEN true WHEN lower({text}) IN {_NO} THEN false END"


_PARSERS = {"date": _date, "int64": _integer, "boolean": _boolean}
