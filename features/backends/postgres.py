"""PostgreSQL: a force's own server does the joins and the ordering, and hands events over in order.

The load is copied to the server once, into a schema named after its fingerprint and contents, in
one transaction: the schema is there whole or not at all. A load changes by an erasure alone; its
copy is then dropped.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from features.compile import (
    NUMBERS_TYPES,
    TOLD_TYPES,
    births_sql,
    known_sql,
    numbers_sql,
    people_sql,
    told_sql,
)
from features.errors import PrecursorError, UsageError
from features.loads import Load, contents, unchanged
from features.records import TABLES
from features.taxonomy import HARM, taxonomy

if TYPE_CHECKING:
    import psycopg

VARIABLE = "PRECURSOR_RECORDS_URL"
"""The environment variable that names the server; a password may be in it, or in PGPASSWORD."""

PIECE = 16 << 20
"""Bytes handed over at a time."""

_LOCK = 0x50524352  # any constant will do, if every process uses the same one
_TYPES = {
    "string": 'text COLLATE "C"',  # ordered by bytes, as everywhere else
    "int64": "bigint",
    "boolean": "boolean",
    "date": "date",
}
_BIRTHS = {"person": "int64", **dict.fromkeys(("born_on", "known_on", "superseded_on"), "date")}


class Postgres:
    """A load as a PostgreSQL server reads it.

    Parameters
    ----------
    load : Load
    harm : str
        The list of harm weights.
    url : str, optional
        ``postgresql://USER@HOST/DATABASE``; by default what `VARIABLE` says.

    Raises
    ------
    UsageError
        No server is named.
    PrecursorError
        The server does not answer.

    Examples
    --------
    >>> Postgres.dialect
    'postgres'
    """

    dialect = "postgres"

    def __init__(self, load: Load, harm: str = HARM, url: str | None = None) -> None:
        unchanged(load)
        self._load, self._harm = load, harm
        self._url = url or os.environ.get(VARIABLE) or ""
        if not self._url.startswith(("postgresql://", "postgres://")):
            raise UsageError(
                f"{VARIABLE} names no PostgreSQL server",
                remedy=f"Set {VARIABLE} to postgresql://USER@HOST/DATABASE, and PGPASSWORD.",
            )
        self._schema = f"{_stem(load)}{contents(load)[:16]}"
        self._bring()

    def _bring(self) -> None:
        """Copy the load to the server, unless it is there."""
        with _connected(self._url) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            there = connection.execute(
                "SELECT 1 FROM pg_namespace WHERE nspname = %s", [self._schema]
            )
            if there.fetchone():
                return
            _drop(connection, self._load)  # a copy from before somebody was erased
            connection.execute(f"CREATE SCHEMA {self._schema}")
            connection.execute(f"SET LOCAL search_path = {self._schema}")
            for name, table in TABLES.items():
                _create(connection, name, {c.name: c.type for c in table.columns})
                for batch in pq.ParquetFile(self._load.tables[name]).iter_batches():
                    _copy_in(connection, name, batch)
            connection.execute(f"CREATE TABLE people AS {people_sql(self.dialect)}")
            for name in (*TABLES, "people"):
                connection.execute(f"ANALYZE {name}")

    @contextmanager
    def _session(self) -> Iterator[psycopg.Connection]:
        with _connected(self._url) as connection:
            connection.execute(f"SET LOCAL search_path = {self._schema}, pg_temp")
            codes = taxonomy(self._harm)
            kinds = {field.name: str(ibis.dtype(field.type)) for field in codes.schema}
            _create(connection, "taxonomy", kinds, temporary=True)
            for batch in codes.to_batches():
                _copy_in(connection, "taxonomy", batch)
            connection.execute("ANALYZE taxonomy")
            yield connection

    def _whole(self, sql: str, schema: Mapping[str, str]) -> pa.Table:
        with self._session() as connection:
            return pa.Table.from_batches(list(_copy_out(connection, sql, schema)), _arrow(schema))

    def _ordered(self, sql: str, schema: Mapping[str, str]) -> Iterator[pa.RecordBatch]:
        with self._session() as connection:
            yield from _copy_out(connection, f"{sql} ORDER BY person", schema)

    def people(self) -> pa.Table:
        """Return everybody's id in the order of their numbers."""
        return self._whole(
            "SELECT nominal_id FROM people ORDER BY person", {"nominal_id": "string"}
        )

    def births(self) -> pa.Table:
        """Return every date of birth with its dates."""
        return self._whole(births_sql(self.dialect), _BIRTHS)

    def known(self) -> pa.Table:
        """Return how many records became known on each day."""
        return self._whole(known_sql(self.dialect), {"known_on": "date", "number": "int64"})

    def numbers(self, sources: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
        """Return the events of some sources as numbers, in order of person."""
        return self._ordered(numbers_sql(sources, self.dialect), NUMBERS_TYPES)

    def told(self) -> Iterator[pa.RecordBatch]:
        """Return all events with what is told of them, in order of person."""
        return self._ordered(told_sql(self.dialect), TOLD_TYPES)


def drop_copies(load: Load) -> int:
    """Drop a load's copies from the server that `VARIABLE` names, if it names one.

    After an erasure: a copy still holds who was erased. The next use brings the load anew.

    Returns
    -------
    int
        How many there were.
    """
    url = os.environ.get(VARIABLE)
    if not url:
        return 0
    with _connected(url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        return _drop(connection, load)


def _stem(load: Load) -> str:
    return f"load_{load.fingerprint[:16]}_"


def _drop(connection: psycopg.Connection, load: Load) -> int:
    found = connection.execute(
        "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, %s)", [_stem(load)]
    ).fetchall()
    for (name,) in found:
        connection.execute(f"DROP SCHEMA {name} CASCADE")
    return len(found)


@contextmanager
def _connected(url: str) -> Iterator[psycopg.Connection]:
    import psycopg

    try:
        with psycopg.connect(url) as connection:
            yield connection
    except psycopg.Error as error:
        password = re.search("://[^/@]*?:(.*)@", url)
        torn = password is not None and re.search(r"[@/?#\s]", password[1])
        if torn or (isinstance(error, psycopg.ProgrammingError) and error.sqlstate is None):
            raise UsageError(  # the driver's own words would repeat what it made of a password
                f"{VARIABLE} is no address",
                remedy="Write marks of a password as %40 for @ and so on, or use PGPASSWORD.",
            ) from None
        why = str(error).strip().splitlines()[0]
        raise PrecursorError(
            f"the PostgreSQL server that {VARIABLE} names: {why}",
            remedy="Check that it runs, that its user may create schemas, and PGPASSWORD.",
        ) from error


def _arrow(schema: Mapping[str, str]) -> pa.Schema:
    return ibis.schema(schema).to_pyarrow()


def _create(
    connection: Any, name: str, columns: Mapping[str, str], *, temporary: bool = False
) -> None:
    told = ", ".join(f'"{column}" {_TYPES[kind]}' for column, kind in columns.items())
    connection.execute(f"CREATE {'TEMPORARY ' if temporary else ''}TABLE {name} ({told})")


def _copy_in(connection: Any, name: str, batch: pa.RecordBatch) -> None:
    text = BytesIO()
    csv.write_csv(batch, text, csv.WriteOptions(include_header=False))
    columns = ", ".join(f'"{column}"' for column in batch.schema.names)
    with connection.cursor().copy(f"COPY {name} ({columns}) FROM STDIN (FORMAT csv)") as copy:
        copy.write(text.getbuffer())


def _copy_out(connection: Any, sql: str, schema: Mapping[str, str]) -> Iterator[pa.RecordBatch]:
    """Read a query's rows as they come, a piece at a time; a message of the server is a row."""
    pieces, size = [], 0
    with connection.cursor().copy(f"COPY ({sql}) TO STDOUT (FORMAT csv)") as copy:
        for row in copy:
            pieces.append(bytes(row))
            size += len(row)
            if size >= PIECE:
                yield from _parsed(b"".join(pieces), schema)
                pieces, size = [], 0
    if pieces:
        yield from _parsed(b"".join(pieces), schema)


def _parsed(text: bytes, schema: Mapping[str, str]) -> list[pa.RecordBatch]:
    found = csv.read_csv(
        BytesIO(text),
        csv.ReadOptions(column_names=list(schema), block_size=2 * PIECE),
        csv.ParseOptions(newlines_in_values=True),
        csv.ConvertOptions(
            column_types=_arrow(schema),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            null_values=[""],
        ),
    )
    return list(found.to_batches())
