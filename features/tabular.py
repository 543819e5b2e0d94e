"""Opening one file, Parquet or text with separators, as numbered rows that SQL can ask.

Every column of a text file is read as text: what it means is for the canonical records to say.
"""

from __future__ import annotations

import csv as textual
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from pyarrow import csv

from features.errors import PrecursorError

PARQUET = ".parquet"
OURS = ("_row", "file_row_number")
"""Names of columns that no file may have, since its rows are numbered under them."""

SEPARATORS = ";\t|,"
_FAULTS = (duckdb.Error, pa.ArrowInvalid, UnicodeError, textual.Error, OSError)


class Unreadable(PrecursorError):
    """A file that cannot be used, with the reason why."""


@dataclass(frozen=True)
class Opened:
    """A file as rows: their SQL with `_row` from 1, the types of its columns, how many they are."""

    sql: str
    kinds: Mapping[str, str]
    rows: int


def open_file(
    connection: duckdb.DuckDBPyConnection,
    file: Path,
    *,
    separator: str = ",",
    encoding: str = "utf-8",
) -> Opened:
    """Open a file on a connection.

    Raises
    ------
    Unreadable
        Saying why it cannot be used, without repeating a row of it.
    """
    try:
        parquet = file.suffix.lower() == PARQUET
        source = parquet_rows(file) if parquet else _text(connection, file, separator, encoding)
        described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        kinds = {row[0]: row[1] for row in described if row[0] != "_row"}
        _one_of_each(list(kinds))
        counted = connection.execute(f"SELECT count(*) FROM {source}").fetchone()
    except _FAULTS as error:
        why = reason(error, encoding)
        raise Unreadable(why, remedy=_remedy(why)) from error
    return Opened(source, kinds, counted[0] if counted else 0)


def reason(error: Exception, encoding: str = "utf-8") -> str:
    """Return why a file could not be read: one line, and nothing of what its rows hold.

    Examples
    --------
    >>> reason(ValueError("Expected 2 columns, got 3: Smith,Ann,1980"))
    'Expected 2 columns, got 3'
    >>> reason(ValueError("CSV parse error: Row #5: Expected 2 columns, got 3: Smith,Ann,1980"))
    'CSV parse error: row 4: Expected 2 columns, got 3'
    """
    said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if isinstance(error, UnicodeError) or "invalid UTF8" in said:
        return f"it is not written in {encoding}"
    if "straddling" in said:
        return "a field is longer than a megabyte, or a quotation mark is never closed"
    said = re.sub(
        r"\bRow #(\d+)", lambda found: f"row {int(found[1]) - 1}", said
    )  # names are no row
    return re.sub(r"(got \d+|value): .*", r"\1", said)


def _remedy(why: str) -> str:
    """Return what to do about a reason."""
    if "not written in" in why:
        return "State its encoding in the mapping, such as cp1252 or utf-16."
    if "its first line holds no" in why:
        return "State the separator in the mapping."
    if "got " in why:
        return "Put quotation marks around a value that holds the separator, or mend the row."
    return "Write the file again."


def parquet_rows(file: Path) -> str:
    """Return the SQL of a Parquet file's rows, with `_row` from 1.

    Examples
    --------
    >>> parquet_rows(Path("a.parquet"))
    "(SELECT * EXCLUDE (file_row_number), file_row_number + 1 AS _row FROM read_parquet('a.parq...
    """
    return (
        "(SELECT * EXCLUDE (file_row_number), file_row_number + 1 AS _row"
        f" FROM {parquet(file, 'file_row_number = true')})"
    )


def parquet(file: Path, *more: str) -> str:
    """Return the SQL that reads this Parquet file alone, whatever its folders are called.

    Parameters
    ----------
    file : Path
    more : str
        Further arguments of DuckDB's ``read_parquet``.

    Examples
    --------
    >>> parquet(Path("known_on=2019-01-01/a.parquet"))
    "read_parquet('known_on=2019-01-01/a.parquet', hive_partitioning = false)"
    """
    return f"read_parquet({', '.join((alone(file), *more))})"


def alone(file: Path) -> str:
    """Return the arguments with which DuckDB reads this file and takes nothing from its path.

    It would take marks in a path as a pattern, and a folder such as ``known_on=2019-01-01`` as a
    column that stands over the file's own.

    Examples
    --------
    >>> alone(Path("a[1].csv"))
    "'a[[]1].csv', hive_partitioning = false"
    """
    exact = re.sub(r"([*?\[])", r"[\1]", str(file)).replace("'", "''")
    return f"'{exact}', hive_partitioning = false"


def _text(connection: duckdb.DuckDBPyConnection, file: Path, separator: str, encoding: str) -> str:
    with file.open(encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="") as stream:
        names = next(textual.reader(stream, delimiter=separator), [])
    _one_of_each(names)
    other = [
        mark for mark in SEPARATORS if mark != separator and len(names) == 1 and mark in names[0]
    ]
    if other:
        raise textual.Error(f"its first line holds no {separator!r} but {other[0]!r}")
    try:
        table = _rows(file, names, separator, encoding, threads=True)
    except pa.ArrowInvalid:  # only a single thread knows which row it was
        table = _rows(file, names, separator, encoding, threads=False)
    known = {row[0] for row in connection.execute("SHOW TABLES").fetchall()}
    name = next(f"_text_{n}" for n in range(len(known) + 1) if f"_text_{n}" not in known)
    connection.register(
        name, table.append_column("_row", pa.array(np.arange(1, table.num_rows + 1)))
    )
    return name


def _rows(file: Path, names: list[str], separator: str, encoding: str, threads: bool) -> pa.Table:
    return csv.read_csv(
        file,
        read_options=csv.ReadOptions(encoding=encoding, use_threads=threads),
        parse_options=csv.ParseOptions(delimiter=separator, newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=True,
            null_values=[""],
        ),
    )


def _one_of_each(names: list[str]) -> None:
    """Refuse names that SQL cannot tell apart; it makes no difference between small and capital."""
    folded = [name.casefold() for name in names]
    twice = sorted({name for name in names if folded.count(name.casefold()) > 1})
    if twice:
        raise textual.Error(f"columns named twice: {', '.join(twice)}")
    taken = [name for name in names if name.casefold() in OURS]
    if taken:
        raise textual.Error(
            f"a column is called {taken[0]}, as the row's number is here; rename it"
        )
