"""DuckDB, inside this process: the default, and the reference."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from features.compile import births_sql, known_sql, numbers_sql, people_sql, told_sql
from features.errors import PrecursorError
from features.loads import Load, unchanged
from features.taxonomy import HARM, taxonomy

BUCKET = 3_000_000
"""About how many records' events are put in order at a time; this bounds memory."""

BATCH = 1 << 16

MEMORY = "PRECURSOR_MEMORY"
"""The environment variable that says how much memory DuckDB may use, such as ``1GB``."""


@contextmanager
def _told() -> Iterator[None]:
    """Tell what keeps DuckDB from its work, such as a full disk, in one line."""
    try:
        yield
    except duckdb.Error as error:
        raise PrecursorError(
            f"DuckDB cannot compile the history: {str(error).strip().splitlines()[0]}",
            remedy=f"See that {MEMORY} is a size such as 1GB, and that there is room in"
            f" {tempfile.gettempdir()}.",
            code="system",
        ) from error


class DuckDB:
    """A load as DuckDB reads it, opened for each question and closed after it.

    Parameters
    ----------
    load : Load
    harm : str
        The list of harm weights.
    memory : str, optional
        Such as ``1GB``: what lies beyond is put on disk. By default what `MEMORY` says,
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
        self._connection.register("codes", taxonomy(harm))
        with _told():
            if limit := memory or os.environ.get(MEMORY):
                self._connection.execute("SET memory_limit = ?", [limit])
            self._connection.execute("CREATE TABLE taxonomy AS FROM codes")
            self._connection.execute(f"CREATE TABLE people AS {people_sql(self.dialect)}")

    def _table(self, sql: str) -> pa.Table:
        with _told(), closing(self._connection.cursor()) as cursor:
            return cursor.execute(sql).to_arrow_table()

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
