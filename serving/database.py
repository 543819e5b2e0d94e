"""Where the ledger and its keys are kept: SQLite in the state folder, or PostgreSQL."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError

from features.errors import PrecursorError, UsageError
from serving import tables

BUSY_SECONDS = 30.0
"""How long a writer waits for its turn before it gives up, unless told otherwise."""

_LEAST_FREE = 64 << 20
_TRIED = 64 << 10
_PARENTS: list[object] = []

# Up to so many rows, PostgreSQL takes an INSERT sooner than a COPY.
_FEW = 100

DAMAGED = "database_damaged"
"""The code of the error about a file that SQLite cannot read as a database."""

# Any constant will do, so long as every process of every release uses the same one.
ADVISORY_LOCK = 0x50524543

MIGRATIONS = resources.files("serving") / "migrations"


class LedgerUnavailable(PrecursorError):
    """The database cannot be written or read just now, so nothing may be answered (status 503)."""

    code = "ledger_unavailable"
    status = 503


def connect(url: URL, wait: float = BUSY_SECONDS) -> Engine:
    """Return an engine whose commits are durable when they return, and whose writers wait so long.

    SQLite runs in WAL mode with ``synchronous=FULL``; its file is made readable by its owner
    alone. PostgreSQL commits synchronously whatever the server's default.
    """
    if url.get_backend_name() == "sqlite":
        return _sqlite(url, wait)
    engine = sa.create_engine(
        url,
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,
        connect_args=_arguments(url, wait),
    )
    engine.update_execution_options(patience=wait)
    _one_process_each(engine)
    return engine


def _arguments(url: URL, wait: float) -> dict[str, Any]:
    """Return what PostgreSQL is asked for; of what is said twice the last counts."""
    ours = f"-c synchronous_commit=on -c timezone=UTC -c lock_timeout={wait:g}s"
    given = url.query.get("options", "")
    said = given if isinstance(given, str) else " ".join(given)
    patience = {} if "connect_timeout" in url.query else {"connect_timeout": 10}
    return {"options": f"{said} {ours}".strip(), "client_encoding": "utf8", **patience}


def _sqlite(url: URL, patience: float) -> Engine:
    path = Path(str(url.database))
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite would make the file as the umask says; the WAL takes over the mode found here.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise LedgerUnavailable(
            f"{path}: {error.strerror}", remedy="Let this user write to the file and its folder."
        ) from error
    engine = sa.create_engine(url, connect_args={"timeout": patience})
    engine.update_execution_options(patience=patience)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        # The driver must not open transactions by itself: the "begin" event below does.
        connection.isolation_level = None
        cursor = connection.cursor()
        _write_ahead(cursor)
        for pragma in (
            "synchronous=FULL",
            "fullfsync=ON",
            "foreign_keys=ON",
            "secure_delete=ON",
            "cache_size=-32768",
            "journal_size_limit=67108864",
            "wal_autocheckpoint=4000",  # pages; parts of a batch write the same ones again
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        wait = connection.get_execution_options().get("waits")
        if wait not in (None, connection.info.get("waits", patience)):
            connection.exec_driver_sql(f"PRAGMA busy_timeout={int(wait * 1000)}")
            connection.info["waits"] = wait
        connection.exec_driver_sql("BEGIN" if wait is None else "BEGIN IMMEDIATE")

    _one_process_each(engine)
    return engine


def _write_ahead(cursor: Any) -> None:
    """Switch to WAL; SQLite answers "locked" at once, without waiting, if another just does so."""
    deadline = time.monotonic() + BUSY_SECONDS
    while cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except Exception as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _one_process_each(engine: Engine) -> None:
    """Keep a forked child from using its parent's connections, which would confuse both."""
    reference = weakref.ref(engine)

    def forked() -> None:
        mine = reference()
        if mine is not None:
            # Held on to: even closing them here would be using them.
            _PARENTS.append(mine.pool)
            mine.dispose(close=False)

    os.register_at_fork(after_in_child=forked)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that sees one unchanging state of the database.

    Raises
    ------
    LedgerUnavailable
        If the database cannot be reached.
    """
    with unavailable(engine), engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            yield connection


@contextmanager
def writing(engine: Engine, wait: float | None = None) -> Iterator[Connection]:
    """Open a transaction that no other writer shares; it is durable when the block is left.

    Parameters
    ----------
    engine : Engine
    wait : float, optional
        How many seconds to wait for the turn; by default what the engine was made with.

    Raises
    ------
    LedgerUnavailable
        If the database cannot be reached, is full, or stays locked for so long.
    """
    patience = engine.get_execution_options()["patience"]
    turn = patience if wait is None else wait
    with unavailable(engine), engine.connect() as connection:
        connection.execution_options(waits=turn)
        with connection.begin():
            if connection.dialect.name == "postgresql":
                if turn != patience:
                    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(turn * 1000)}")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")
            yield connection


def room(engine: Engine) -> None:
    """Return if an SQLite file has room to grow; PostgreSQL minds its own.

    Raises
    ------
    LedgerUnavailable
        If less than 64 MiB are free, or no file can be written there: a quota, a limit, or a disk
        that was made read-only say so only when it is tried.
    """
    if engine.dialect.name != "sqlite":
        return
    folder = Path(str(engine.url.database)).parent
    try:
        free = shutil.disk_usage(folder).free
        if free >= _LEAST_FREE:
            with tempfile.TemporaryFile(dir=folder) as tried:
                tried.write(bytes(_TRIED))
                tried.flush()
                os.fsync(tried.fileno())
            return
    except OSError as error:
        raise LedgerUnavailable(
            f"{folder}: {error.strerror}", remedy=_remedy(str(error.strerror))
        ) from error
    raise LedgerUnavailable(
        f"the disk of {engine.url.database} is full: {free >> 20} MiB are free",
        remedy=_remedy("full"),
    )


@contextmanager
def unavailable(engine: Engine) -> Iterator[None]:
    """Turn the driver's own errors about a locked, full or absent database into one of ours."""
    try:
        yield
    except DBAPIError as error:
        place, cause = told(engine.url, str(error.orig))
        # SQLite reports a file that is no database, or not a whole one, as the bare class.
        if type(error) is DatabaseError and engine.dialect.name == "sqlite":
            raise LedgerUnavailable(
                f"{place}: {cause}",
                remedy="The file is damaged: restore the last back-up that verifies.",
                code=DAMAGED,
            ) from error
        if not isinstance(error, OperationalError) and not error.connection_invalidated:
            raise
        raise LedgerUnavailable(f"{place}: {cause}", remedy=_remedy(cause)) from error


def told(url: URL, cause: str) -> tuple[str, str]:
    """Return which database fails and why, as anybody may be told: not on which machine it is.

    Whoever asks the service is told this, before it is known who they are.

    Examples
    --------
    >>> url = sa.make_url("postgresql://writer:secret@db.force.internal/ledger")
    >>> told(url, 'connection to server at "10.0.0.5", port 5432 failed: Connection refused')
    ('database ledger', 'connection to server at ... failed: Connection refused')
    """
    name, said = str(url.database), " ".join(cause.split())
    if url.get_backend_name() == "sqlite":
        return Path(name).name, said
    # whatever the driver puts in quotation marks is a name: of a host, a user, a database
    said = re.sub(r" \([0-9a-f.:]+\)|, port \d+", "", said)
    return f"database {name}", re.sub(r"\"[^\"]*\"|'[^']*'", "...", said)


def _remedy(cause: str) -> str:
    said = cause.lower()
    if "locked" in said or "lock timeout" in said:
        return "Another process holds the ledger; try again, or end what holds it."
    if any(words in said for words in ("full", "no space", "too large", "quota")):
        return "The disk is full; make room, then try again. Nothing was recorded or answered."
    if "i/o error" in said:
        return "The disk is full or fails; see to it, then try again. Nothing was answered."
    if any(words in said for words in ("readonly", "read-only", "unable to open", "permission")):
        return "Let this user write to the file and its folder, then try again."
    return "See that the database runs and can be reached, then try again."


def add_rows(connection: Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows, values in the table's order, by the fastest way the driver has."""
    names = [column.name for column in table.columns]
    if connection.dialect.name == "postgresql":
        if len(rows) > _FEW:
            _copy(connection, f"COPY {table.name} ({', '.join(names)}) FROM STDIN", rows)
        elif rows:
            filled = [dict(zip(names, row, strict=True)) for row in rows]
            connection.execute(sa.insert(table), filled)
    elif rows:
        marks = ", ".join("?" for _ in names)
        connection.exec_driver_sql(
            f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})", rows
        )


def _copy(connection: Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    from psycopg import Error

    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except Error as error:
        # As SQLAlchemy would have raised it, had it known of this statement.
        raise DBAPIError.instance(statement, None, error, Error) from error


def migrate(engine: Engine, store: str) -> None:
    """Bring a database to the tables of this release, whichever process comes first.

    Parameters
    ----------
    engine : Engine
    store : {"ledger", "keys"}

    Raises
    ------
    PrecursorError
        If the database was written by a later release than this one, or cannot hold all text.
    UsageError
        If the other store is in it.
    """
    folder = MIGRATIONS / store
    head = max(item.name[1:5] for item in (folder / "versions").iterdir() if item.name[0] == "v")
    # Alembic is slow to import, and hardly ever has anything to do.
    with reading(engine) as connection:
        _holds_all_text(connection)
        _holds_one_store(connection, store)
        if _version(connection) == head:
            return
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    with resources.as_file(folder) as place, writing(engine) as connection:
        found = _version(connection)
        if found is not None and found > head:
            raise PrecursorError(
                f"{told(engine.url, '')[0]}: its tables are of version {found}, this release "
                f"knows {head}",
                remedy="Use the release that wrote it, or a later one.",
            )
        scripts = ScriptDirectory(str(place))
        with EnvironmentContext(Config(), scripts) as context:
            context.configure(
                connection=connection,
                fn=lambda revision, _context: scripts._upgrade_revs("head", revision),
            )
            context.run_migrations()


def _holds_all_text(connection: Connection) -> None:
    if connection.dialect.name != "postgresql":
        return
    driver: Any = connection.connection.driver_connection
    encoding = driver.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise PrecursorError(
            f"{told(connection.engine.url, '')[0]}: its encoding is {encoding}, which does not hold"
            " all text",
            remedy="Make it anew: CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0.",
        )


def _holds_one_store(connection: Connection, store: str) -> None:
    # The database is asked: one server has many names, and every schema is in its back-ups.
    others = (tables.KEYS if store == "ledger" else tables.LEDGER).tables.keys()
    look = sa.inspect(connection)
    if any(others & look.get_table_names(schema) for schema in look.get_schema_names()):
        raise together()


def together() -> UsageError:
    """Return the error about a ledger whose keys are beside it."""
    return UsageError(
        "the ledger and its keys are in one database",
        remedy="Set PRECURSOR_KEYS_URL to another, so that a back-up of the ledger does not bring"
        " back erased keys.",
    )


def _version(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if found is None else str(found)
