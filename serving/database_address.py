"""Which database an address names; what cannot be used is refused before anything is made."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from features.errors import UsageError
from features.home import home

DRIVERS = ("sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg")
"""Another one would be replaced unasked: one that encrypts its file by one that does not."""

_SECRET = frozenset({"password", "passfile", "sslpassword"})
_OURS = frozenset({"client_encoding", "dbname"})
_SEVERAL = frozenset({"host", "port", "options"})

_ESCAPE = (
    "Write a sign of a user or password that is no letter or digit escaped: @ as %40, ? as %3F."
)


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
        return _postgresql(parsed, given, remedy)
    return _sqlite(parsed, given, remedy)


def same_file(one: URL, other: URL) -> bool:
    """Return whether two addresses name one SQLite file, however each of them is written.

    Parameters
    ----------
    one, other : URL
        From :func:`database_url`.

    Examples
    --------
    >>> one, other = (
    ...     database_url(f"sqlite:///{given}", variable="X", file="x.db")
    ...     for given in ("ledger.db", "./ledger.db")
    ... )
    >>> same_file(one, other)
    True
    """
    if {one.get_backend_name(), other.get_backend_name()} != {"sqlite"}:
        return False
    mine, yours = (os.path.realpath(str(url.database)) for url in (one, other))
    # a hard link, or letters of another case where the disk takes them for the same
    there = os.path.exists(mine) and os.path.exists(yours)
    return mine == yours or (there and os.path.samefile(mine, yours))


def _options() -> set[str]:
    """Return every option that PostgreSQL's driver knows."""
    from psycopg import pq  # a ledger in SQLite never needs the driver

    return {option.keyword.decode() for option in pq.Conninfo.get_defaults()}


def _listed(names: Iterable[str], given: str) -> str:
    """Return options as an error may name them: what may be part of a password is not repeated."""
    found = sorted(names)
    plain = given.count("@") <= 1 and all(re.fullmatch("[a-z_]+", name) for name in found)
    return f" ({', '.join(found)})" if plain else ""


def _sqlite(parsed: URL, given: str, remedy: str) -> URL:
    if parsed.host or parsed.username or parsed.password or parsed.port:
        raise UsageError(
            "the address of an SQLite file names a host or a user: a third slash is missing",
            remedy=remedy,
        )
    if parsed.database in (None, "", ":memory:"):
        raise UsageError("a ledger in memory would not be durable", remedy=remedy)
    if parsed.query:
        raise UsageError(
            f"the address of an SQLite file has options{_listed(parsed.query, given)}",
            remedy=f"Leave out what follows the question mark. {remedy}",
        )
    try:
        unusable = b"\0" in os.fsencode(str(parsed.database))
    except UnicodeEncodeError:
        unusable = True
    if unusable:
        raise UsageError(
            "the address of an SQLite file has characters that no file name can have",
            remedy=remedy,
        )
    return parsed.set(drivername="sqlite", database=str(Path(str(parsed.database)).absolute()))


def _postgresql(parsed: URL, given: str, remedy: str) -> URL:
    url = parsed.set(drivername="postgresql+psycopg")
    faults = dict(_faults(url, given))
    if faults:
        first = " ".join(dict.fromkeys(words for words in faults.values() if words))
        raise UsageError(
            f"the database address {', and '.join(faults)}", remedy=f"{first} {remedy}".strip()
        )
    return url


def _faults(url: URL, given: str) -> Iterator[tuple[str, str]]:
    """Yield what the driver would stumble over, and what to do first; no value is repeated."""
    query = set(url.query)
    # else the end of a password would be told as the name of a host or a database
    ends = "@" in (url.host or "") or (url.username and "@" in (url.database or ""))
    if ends and given.partition("?")[0].count("@") > 1:
        yield "has an @ too many", _ESCAPE
    if unknown := query - _options():
        named = _listed(unknown, given)
        yield f"has an invalid connection option{named}", "" if named else _ESCAPE
    if secret := query & _SECRET:
        yield (
            f"has a password, or the file of one, among its options{_listed(secret, given)}",
            "Put the password before the @, or in a .pgpass file or PGPASSWORD, and that of a"
            " client's key in a service file.",
        )
    if ours := query & _OURS:
        yield (
            f"has options that are not for it to say{_listed(ours, given)}",
            "Name the database before the question mark; text is always UTF-8.",
        )
    if twice := {name for name in query - _SEVERAL if not isinstance(url.query[name], str)}:
        yield f"says an option more than once{_listed(twice, given)}", "Say it once."
    if not re.fullmatch(r"\s*-?[0-9]+\s*", str(url.query.get("connect_timeout", 0))):
        yield "has a connect_timeout that is no number", "Say whole seconds."
    try:
        arguments = url.get_dialect()().create_connect_args(url)[1]
        "".join(map(str, arguments.values())).encode()
    except UnicodeEncodeError:
        yield "has characters that are not UTF-8", _ESCAPE
    except (ArgumentError, ValueError, TypeError):
        yield "has hosts and ports that do not go together", "Give each host one port, a number."
    else:
        if any("\0" in str(value) for value in arguments.values()):
            yield "has a character of code 0", _ESCAPE
