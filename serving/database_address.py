"""Which database an address names; what cannot be used is refused before anything is made."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from features.errors import UsageError
from features.home import home

DRIVERS = ("sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg")
"""Another one would be replaced unasked: one that encrypts its file by one that does not."""


def database_url(url: str | None, *, variable: str, file: str) -> URL:
    """Return the database that was asked for, by argument, by variable or by default.

    Parameters
    ----------
    url : str, optional
        ``sqlite:///...`` or ``postgresql://...``.
    variable : str
        The environment variable that is read where no ``url`` is given.
    file : str
        The SQLite file in the state folder that is used where neither is given.

    Raises
    ------
    UsageError
        If it is no address of an SQLite file or a PostgreSQL database; the address, which may
        hold a password, is not repeated.

    Examples
    --------
    >>> database_url("postgresql://db/ledger", variable="X", file="x.db").get_backend_name()
    'postgresql'
    """
    given = url or os.environ.get(variable)
    if not given:
        return URL.create("sqlite", database=str(home() / file))
    remedy = f"Set {variable} to sqlite:///FILE or postgresql://USER@HOST/DATABASE."
    try:
        parsed = make_url(given)
    except (ArgumentError, ValueError):
        raise UsageError("the database address cannot be read", remedy=remedy) from None
    if parsed.drivername not in DRIVERS:
        raise UsageError(
            f"the database address names {parsed.drivername!r}, which is not supported",
            remedy=remedy,
        )
    if parsed.get_backend_name() == "postgresql":
        return _postgresql(parsed, remedy)
    return _sqlite(parsed, remedy)


def _sqlite(parsed: URL, remedy: str) -> URL:
    if parsed.host or parsed.username or parsed.password or parsed.port:
        raise UsageError(
            "the address of an SQLite file names a host or a user: a third slash is missing",
            remedy=remedy,
        )
    if parsed.database in (None, "", ":memory:"):
        raise UsageError("a ledger in memory would not be durable", remedy=remedy)
    if parsed.query:
        raise UsageError(
            f"the address of an SQLite file has options ({', '.join(sorted(parsed.query))})",
            remedy=f"Leave out what follows the question mark. {remedy}",
        )
    return parsed.set(drivername="sqlite", database=str(Path(str(parsed.database)).absolute()))


def _postgresql(parsed: URL, remedy: str) -> URL:
    from psycopg import ProgrammingError  # a ledger in SQLite never needs the driver
    from psycopg.conninfo import make_conninfo

    try:
        make_conninfo("", **dict.fromkeys(parsed.query, ""))
    except ProgrammingError as unknown:
        raise UsageError(f"the database address: {unknown}".rstrip(), remedy=remedy) from None
    return parsed.set(drivername="postgresql+psycopg")
