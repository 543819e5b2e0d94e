"""A force's own identity columns: used to find duplicate person records, and stored nowhere.

The canonical records hold no names. A separate file gives them for linking only: one row for each
name, date of birth or address a person record is known under, as many rows as there are.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import duckdb
import pyarrow as pa

from features.breaches import Violation
from features.errors import NotFound, RecordsRefused, UsageError
from features.tabular import alone, parquet

COMPARED = ("forename", "surname", "born_on", "postcode", "pnc_id")
"""Columns that can be compared; a file may lack some of them."""

_CLEAN = {
    "forename": "upper(strip_accents({0}))",
    "surname": "upper(strip_accents({0}))",
    "born_on": "TRY_CAST({0} AS DATE)",
    "postcode": "upper(regexp_replace({0}, '\\s+', '', 'g'))",
    "pnc_id": "upper(regexp_replace({0}, '\\s+', '', 'g'))",
}


def read_identities(
    connection: duckdb.DuckDBPyConnection, file: Path, known: Collection[str]
) -> tuple[str, ...]:
    """Read identities into the table ``identities`` of a database in memory.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        It gets the table: `unique_id`, `nominal_id`, and those of :data:`COMPARED` that are there,
        in one spelling (upper case, no accents, no blanks inside a postcode).
    file : Path
        CSV or Parquet with `nominal_id` and at least two of :data:`COMPARED`; other columns are
        not read. Dates are year-month-day.
    known : collection of str
        The person records there are.

    Returns
    -------
    tuple of str
        The columns that can be compared.

    Raises
    ------
    NotFound
        Where there is no such file.
    UsageError
        Where it is neither CSV nor Parquet.
    RecordsRefused
        Where it cannot be read, lacks columns, or has bad dates or unknown ids; all are listed.

    Examples
    --------
    >>> read_identities(duckdb.connect(), Path("nowhere.csv"), [])
    Traceback (most recent call last):
    ...
    features.errors.NotFound: nowhere.csv does not exist. Name the file of identities.
    """
    if not file.is_file():
        raise NotFound(f"{file} does not exist", remedy="Name the file of identities.")
    if file.suffix not in (".csv", ".parquet"):
        raise UsageError(
            f"{file.name} is neither .csv nor .parquet", remedy="Save it as one of these."
        )
    source = (
        f"read_csv({alone(file)}, all_varchar = true, header = true, auto_detect = true,"
        " delim = ',', quote = '\"')"
        if file.suffix == ".csv"
        else parquet(file)
    )
    try:
        held = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
        columns = tuple(name for name in COMPARED if name in held)
        _refuse_columns(file, held, columns)
        texts = {
            name: f"nullif(trim(CAST(\"{name}\" AS VARCHAR)), '')"
            for name in ("nominal_id", *columns)
        }
        given = ", ".join(f"{text} AS {name}" for name, text in texts.items())
        connection.execute(
            f"CREATE TEMP TABLE _given AS SELECT row_number() OVER () AS unique_id, {given}"
            f" FROM {source}"
        )
    except duckdb.Error as error:
        raise RecordsRefused(
            f"{file} cannot be read: {str(error).strip().splitlines()[0]}",
            remedy="Save it as CSV in UTF-8, separated by commas, or as Parquet.",
        ) from error
    _refuse_rows(connection, file, columns, known)
    cleaned = ", ".join(f"{_CLEAN[name].format(name)} AS {name}" for name in columns)
    connection.execute(
        f"CREATE TEMP TABLE identities AS SELECT unique_id, nominal_id, {cleaned} FROM _given"
    )
    return columns


def _refuse_columns(file: Path, held: Collection[str], columns: Collection[str]) -> None:
    if "nominal_id" not in held or len(columns) < 2:
        raise RecordsRefused(
            f"{file}: it has {', '.join(held) or 'no columns'}",
            remedy=f"Give nominal_id and at least two of {', '.join(COMPARED)}.",
        )


def _refuse_rows(
    connection: duckdb.DuckDBPyConnection,
    file: Path,
    columns: Collection[str],
    known: Collection[str],
) -> None:
    """Refuse rows without a known person, and dates that are none; the first hundred are told."""
    connection.register("_known_ids", pa.table({"nominal_id": pa.array(known, pa.string())}))
    asked = [
        ("nominal_id", "nominal_id IS NULL", "is empty"),
        ("nominal_id", "nominal_id NOT IN (FROM _known_ids)", "is no person of these records"),
    ]
    if "born_on" in columns:
        bad = "born_on IS NOT NULL AND TRY_CAST(born_on AS DATE) IS NULL"
        asked.append(("born_on", bad, "is no date (year-month-day)"))
    found = [
        Violation(file.name, row, column, value or "", "identity", problem, "Correct the row.")
        for column, where, problem in asked
        for row, value in connection.execute(
            f"SELECT unique_id, {column} FROM _given WHERE {where} ORDER BY unique_id LIMIT 100"
        ).fetchall()
    ]
    if found:
        shown = "\n".join(str(one) for one in found)
        raise RecordsRefused(
            f"{file}: rows that cannot be used:\n{shown.removesuffix('.')}",
            remedy="Nothing was written.",
            violations=found,
        )
