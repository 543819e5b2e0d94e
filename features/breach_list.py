"""The whole list of violations as a file: row by row, streamed, however many there are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from features.check import Examined
from features.errors import UsageError
from features.files import replacing
from features.loads import SET_ASIDE
from features.spreadsheet import disarmed
from features.sql import quoted_text

COLUMNS = SET_ASIDE.insert(0, pa.field("severity", pa.string()))
"""Columns of the file; `row` counts from 1 in the source, and is empty where a file is meant."""

BATCH = 50_000


def write_list(records: Examined, file: Path) -> int:
    """Write every violation, one a line: a CSV file for a spreadsheet, or Parquet.

    In a CSV file a value that a spreadsheet would run as a formula begins with an apostrophe; a
    Parquet file holds every value as it is.

    Parameters
    ----------
    records : Examined
        What was checked.
    file : Path
        Ends in ``.csv`` or ``.parquet``; written whole or not at all, over what was there.

    Returns
    -------
    int
        How many violations were written.

    Raises
    ------
    UsageError
        Where the file is to be neither CSV nor Parquet, or to lie among the records.

    Examples
    --------
    >>> import tempfile
    >>> from features.check import examined
    >>> with tempfile.TemporaryDirectory() as folder, examined(folder) as records:
    ...     write_list(records, Path(folder).parent / "violations.txt")
    Traceback (most recent call last):
    ...
    features.errors.UsageError: violations.txt is neither .csv nor .parquet. Name a file ...
    """
    refuse_unfit(file, records.path, (".csv", ".parquet"))
    file.parent.mkdir(parents=True, exist_ok=True)
    text = file.suffix == ".csv"
    written = 0
    with (
        replacing(file) as part,
        csv.CSVWriter(part, COLUMNS) if text else pq.ParquetWriter(part, COLUMNS) as writer,
    ):
        for batch in _batches(records, text):
            writer.write_batch(batch)
            written += batch.num_rows
    return written


def refuse_unfit(file: Path, records: Path, suffixes: tuple[str, ...]) -> None:
    """Refuse a file of another kind, and one that would lie among the records themselves."""
    if file.suffix not in suffixes:
        raise UsageError(
            f"{file.name} is neither {' nor '.join(suffixes)}",
            remedy=f"Name a file that ends in {' or '.join(suffixes)}.",
        )
    if file.absolute().parent.resolve() == records.resolve():
        raise UsageError(
            f"{file} would lie among the records", remedy="Name a file in another folder."
        )


def _batches(records: Examined, text: bool) -> Iterator[pa.RecordBatch]:
    problems = [found.as_json() for found in records.problems]
    if problems:
        yield pa.RecordBatch.from_pylist(problems, schema=COLUMNS)
    value = COLUMNS.get_field_index("value")
    for breach in records.breaches:
        sql = (
            f'SELECT {quoted_text(breach.severity)}, {quoted_text(breach.table)}, "row",'
            f" {quoted_text(breach.column)}, coalesce(value, ''), {quoted_text(breach.rule)},"
            f' problem, remedy, done FROM ({breach.sql}) ORDER BY "row"'
        )
        for batch in records.connection.execute(sql).to_arrow_reader(BATCH):
            columns = batch.columns
            if text:
                columns[value] = pa.array(map(disarmed, columns[value].to_pylist()), pa.string())
            yield pa.RecordBatch.from_arrays(columns, schema=COLUMNS)
