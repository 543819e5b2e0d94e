"""DuckDB, inside this process: the default, and the reference."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.compile import births_sql, known_sql, numbers_sql, people_sql, told_sql
from features.loads import Load, unchanged
from features.taxonomy import HARM, taxonomy

BUCKET = 3_000_000
"""About how many records' events are put in order at a time; this bounds memory."""

BATCH = 1 << 16


class DuckDB:
    """A load as DuckDB reads it, opened for each question and closed after it.

    Parameters
    ----------
    load : Load
    harm : str
        The list of harm weights.
    memory : str, optional
        Such as ``1GB``: what lies beyond is put on disk. By default what ``PRECURSOR_MEMORY`` says,
        or else what DuckDB takes by itself, four fifths of the machine.

    Examples
    --------
    >>> DuckDB.dialect
    'duckdb'
    """

    dialect = "duckdb"

    def __init__(self, load: Load, harm: str = HARM, memory: str | None = None) -> None:
        unchanged(load)
        self._load = load
        self._folder = tempfile.mkdtemp(prefix="precursor-")
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._connection = load.connect().con
        self._connection.execute("SET temp_directory = ?", [self._folder])
        self._connection.execute("SET preserve_insertion_order = false")
        self._connection.execute("SET partitioned_write_flush_threshold = 65536")
        if limit := memory or os.environ.get("PRECURSOR_MEMORY"):
            self._connection.execute("SET memory_limit = ?", [limit])
        self._connection.register("codes", taxonomy(harm))
        self._connection.execute("CREATE TABLE taxonomy AS FROM codes")
        self._connection.execute(f"CREATE TABLE people AS {people_sql(self.dialect)}")

    def _table(self, sql: str) -> pa.Table:
        cursor = self._connection.cursor()
        try:
            return cursor.execute(sql).to_arrow_table()
        finally:
            cursor.close()

    def people(self) -> pa.Table:
        """Return everybody's id in the order of their numbers."""
        return self._table("SELECT nominal_id FROM people ORDER BY person")

    def births(self) -> pa.Table:
        """Return every date of birth with its dates."""
        return self._table(births_sql(self.dialect))

    def known(self) -> pa.Table:
        """Return how many records became known on each day."""
        return self._table(known_sql(self.dialect))

    def numbers(self, sources: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
        """Return the events of some sources as numbers, in order of person."""
        return self._ordered(numbers_sql(sources, self.dialect))

    def told(self) -> Iterator[pa.RecordBatch]:
        """Return all events with what is told of them, in order of person."""
        return self._ordered(told_sql(self.dialect))

    def _ordered(self, sql: str) -> Iterator[pa.RecordBatch]:
        """Order by person; of many records in two steps, so that one bucket is in memory."""
        records = sum(pq.read_metadata(file).num_rows for file in self._load.tables.values())
        if records <= BUCKET:
            yield from self._table(f"{sql} ORDER BY person").to_batches(max_chunksize=BATCH)
            return
        people = self._table("SELECT count(*) AS people FROM people")["people"][0].as_py()
        size = max(1, people * BUCKET // records)
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            bucketed = f"SELECT *, person // {size} AS bucket FROM ({sql})"
            self._table(
                f"COPY ({bucketed}) TO '{folder}/events'"
                " (FORMAT parquet, COMPRESSION uncompressed, PARTITION_BY (bucket))"
            )
            for bucket in range(-(-people // size)):
                if list(Path(folder, "events", f"bucket={bucket}").glob("*.parquet")):
                    files = f"'{folder}/events/bucket={bucket}/*.parquet'"
                    ordered = f"SELECT * EXCLUDE bucket FROM {files} ORDER BY person"
                    yield from self._table(ordered).to_batches(max_chunksize=BATCH)
