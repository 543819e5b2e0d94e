"""Reading tables of a database as they were at one moment, in batches, and never writing to it.

A PostgreSQL database is asked through Ibis in one read-only transaction that sees one snapshot; a
SQLite or DuckDB file is opened read-only. No password is part of an address: it comes from the
environment alone, and no message repeats it.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

import duckdb
import ibis
import psycopg
import pyarrow as pa
import sqlalchemy as sa

from features.errors import NotFound, PrecursorError, UsageError
from features.sql import quoted_name

PASSWORD = "PRECURSOR_SOURCE_PASSWORD"
BATCH = 50_000
PARAMETERS = {"host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout"}
"""What may follow the question mark of an address."""

Batches = tuple[pa.Schema, Iterator[pa.RecordBatch]]


class Store(Protocol):
    """A database whose tables can be read."""

    def columns(self, table: str) -> list[str] | None:
        """Return the names of a table's columns, or None where there is no such table."""

    def read(self, table: str, columns: Sequence[str]) -> Batches:
        """Return columns of a table in batches."""


def is_address(source: str) -> bool:
    """Return whether a source is the address of a database server, not a file.

    Examples
    --------
    >>> is_address("postgresql://reader@db.example/crime"), is_address("exports/crime.db")
    (True, False)
    """
    return "://" in source


@contextmanager
def open_store(source: str) -> Iterator[Store]:
    """Open a database to read from it.

    Parameters
    ----------
    source : str
        An address such as ``postgresql://reader@host/database``, or the path of a SQLite or DuckDB
        file.

    Raises
    ------
    UsageError
        Where the address is none, or holds a password.
    NotFound
        Where there is no such file.
    PrecursorError
        Where the database cannot be reached or read.
    """
    with ExitStack() as stack:
        if is_address(source):
            yield stack.enter_context(_postgres(source))
        else:
            yield stack.enter_context(_file(Path(source)))


def address(source: str) -> sa.URL:
    """Return an address in its parts, refused where it holds what it must not.

    Examples
    --------
    >>> address("postgresql://reader@db.example/crime").host
    'db.example'
    """
    remedy = "Write postgresql://USER@HOST/DATABASE, or name a SQLite or DuckDB file."
    try:
        url = sa.make_url(source)
    except (sa.exc.ArgumentError, ValueError):
        raise UsageError("SOURCE is no address of a database", remedy=remedy) from None
    if url.password is not None or "password" in url.query:
        raise UsageError(
            "SOURCE holds a password, which others could read from the list of processes",
            remedy=f"Take it out, and put it into the environment as {PASSWORD} or PGPASSWORD.",
        )
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise UsageError(f"SOURCE: '{url.drivername}' is no kind of database here", remedy=remedy)
    unknown = sorted(set(url.query) - PARAMETERS)
    if unknown:
        raise UsageError(
            f"SOURCE: unknown parameters {', '.join(unknown)}",
            remedy=f"It may have {', '.join(sorted(PARAMETERS))}.",
        )
    return url


@contextmanager
def _postgres(source: str) -> Iterator[Store]:
    url = address(source)
    password = os.environ.get(PASSWORD) or os.environ.get("PGPASSWORD")
    given: dict[str, Any] = {"connect_timeout": "10", **url.query}
    given |= {key: one for key in ("host", "port") if (one := getattr(url, key))}
    given |= {"user": url.username, "dbname": url.database, "password": password}
    try:
        with closing(
            psycopg.connect(
                **{key: one for key, one in given.items() if one is not None},
                application_name="precursor ingest",
            )
        ) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            # one transaction around all that Ibis asks, so that all tables are of one moment
            with connection.transaction():
                yield _Postgres(ibis.postgres.from_connection(connection))
    except psycopg.Error as error:
        first: BaseException = error
        while isinstance(first.__context__, psycopg.Error):  # the rest is of tidying up after it
            first = first.__context__
        said = str(first).strip().splitlines() or [type(first).__name__]
        words = said[0].replace(password, "***") if password else said[0]
        raise PrecursorError(
            f"{url.render_as_string()}: {words}",
            remedy="Nothing was written. Check address and account, and run it again; the password"
            f" is {PASSWORD} or PGPASSWORD in the environment.",
            code="source_unavailable",
        ) from None


class _Postgres:
    SIMPLE = ("is_string", "is_integer", "is_floating", "is_boolean", "is_date", "is_timestamp")

    def __init__(self, backend: Any) -> None:
        self.backend = backend

    def columns(self, table: str) -> list[str] | None:
        found = self._table(table)
        return None if found is None else list(found.columns)

    def read(self, table: str, columns: Sequence[str]) -> Batches:
        found = self._table(table)
        assert found is not None, table
        # what is neither text, number, date nor time (an enumeration, an interval) is read as text
        chosen = found.select(
            [
                found[column]
                if any(getattr(found[column].type(), simple)() for simple in self.SIMPLE)
                else found[column].cast("string").name(column)
                for column in columns
            ]
        )
        reader = self.backend.to_pyarrow_batches(chosen, chunk_size=BATCH)
        return reader.schema, iter(reader)

    def _table(self, table: str) -> Any:
        schema, dot, rest = table.partition(".")
        places = [(table, None), (rest, schema)] if dot and schema and rest else [(table, None)]
        for own, within in places:
            try:
                return self.backend.table(own, database=within)
            except ibis.common.exceptions.TableNotFound:
                continue
        return None


@contextmanager
def _file(file: Path) -> Iterator[Store]:
    if not file.is_file():
        if re.search(r"password\s*=|:[^/]*@", str(file), re.IGNORECASE):
            raise UsageError(  # not repeated: it may be an address with a password
                "SOURCE is neither a file nor an address of a database",
                remedy="Write postgresql://USER@HOST/DATABASE; the password goes into the"
                f" environment as {PASSWORD} or PGPASSWORD.",
            )
        raise NotFound(f"{file} is no file", remedy="Name a SQLite or DuckDB file.")
    with file.open("rb") as stream:
        head = stream.read(16)
    try:
        if head.startswith(b"SQLite format 3\0"):
            with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as lite:
                lite.execute("BEGIN")
                yield _Sqlite(lite)
        elif head[8:12] == b"DUCK":
            # a view of the file must not read other files
            shut = {"enable_external_access": False}
            with closing(duckdb.connect(file, read_only=True, config={**shut})) as duck:
                duck.execute("SET TimeZone = 'UTC'")
                duck.execute("BEGIN TRANSACTION READ ONLY")
                yield _Duckdb(duck)
        else:
            raise UsageError(
                f"{file} is neither a SQLite nor a DuckDB file",
                remedy="Name such a file, or the address of a PostgreSQL database.",
            )
    except (sqlite3.Error, duckdb.Error) as error:
        said = re.sub(" with text .*", "", str(error).splitlines()[0])  # nothing of a row
        raise PrecursorError(
            f"{file}: {said}",
            remedy="Nothing was written. Check the file, and run it again.",
            code="source_unavailable",
        ) from error


class _Sqlite:
    """A SQLite file; its columns have no types of their own, so all is read as text."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def columns(self, table: str) -> list[str] | None:
        there = self.connection.execute(
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name = ?", [table]
        ).fetchone()
        if there is None:
            return None
        described = self.connection.execute(
            f"SELECT * FROM {quoted_name(table)} LIMIT 0"
        ).description
        return [column[0] for column in described]

    def read(self, table: str, columns: Sequence[str]) -> Batches:
        asked = ", ".join(f"CAST({quoted_name(column)} AS TEXT)" for column in columns)
        cursor = self.connection.execute(f"SELECT {asked} FROM {quoted_name(table)}")
        schema = pa.schema([(column, pa.string()) for column in columns])
        batches = (
            pa.record_batch(
                [pa.array(column, pa.string()) for column in zip(*rows, strict=True)], schema
            )
            for rows in iter(lambda: cursor.fetchmany(BATCH), [])
        )
        return schema, batches


class _Duckdb:
    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def columns(self, table: str) -> list[str] | None:
        place = self._place(table)
        if place is None:
            return None
        described = self.connection.execute(f"SELECT * FROM {place} LIMIT 0").description
        return [column[0] for column in described or ()]

    def read(self, table: str, columns: Sequence[str]) -> Batches:
        asked = ", ".join(quoted_name(column) for column in columns)
        reader = self.connection.execute(
            f"SELECT {asked} FROM {self._place(table)}"
        ).to_arrow_reader(BATCH)
        return reader.schema, iter(reader)

    def _place(self, table: str) -> str | None:
        found = self.connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables"
            " WHERE table_name = $1 AND table_schema = current_schema()"
            " OR table_schema || '.' || table_name = $1",
            [table],
        ).fetchone()
        return None if found is None else ".".join(quoted_name(part) for part in found)
