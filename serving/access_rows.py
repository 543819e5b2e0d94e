"""Rows of tokens, links and sessions, each bearing a mark that only the ledger's key can make.

They are no part of the chain, because they change: a link is used, a session ends. So each state of
a row is marked under the ledger's own key, and what the chain says was revoked, used or ended is so
whatever the row says. Who can write to the database can neither make access up nor bring it back.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from serving import tables
from serving.chain import Action, canonical, stamp
from serving.credentials import LONGEST_SESSION

TABLES = (tables.token, tables.link, tables.session)

LATER = ("latest", "token_id")
"""The last columns of a session; one that began before there were any has neither."""

# Put together once: every request asks these, and putting them together costs more than the answer.
BY_HASH = {table: sa.select(table).where(table.c.hash == sa.bindparam("hash")) for table in TABLES}
"""Of each table, the row of a secret's hash."""

_REVOKED = (
    sa.select(tables.entry.c.seq)
    .where(
        tables.entry.c.action == Action.TOKEN_REVOKED.value,
        tables.entry.c.body.like(sa.bindparam("said"), escape="/"),
    )
    .limit(1)
)


def mark(secret: bytes, table: sa.Table, row: Mapping[str, Any]) -> str:
    """Return the mark of a row as it stands: over all that its columns say but the mark itself.

    Parameters
    ----------
    secret : bytes
        Of the ledger, for this use.

    Examples
    --------
    >>> row = dict.fromkeys(column.name for column in tables.link.c)
    >>> mark(b"k" * 32, tables.link, row) == mark(b"k" * 32, tables.session, row)
    False
    """
    said = [table.name, *(row.get(column.name) for column in table.c if column.name != "mark")]
    if table is tables.session and said[-len(LATER) :] == [None] * len(LATER):
        said = said[: -len(LATER)]  # as it was marked before there were such columns
    return hmac.digest(secret, canonical(said).encode(), "sha256").hex()


def genuine(secret: bytes, table: sa.Table, row: Row[Any]) -> bool:
    """Return whether a row bears the mark that belongs to what it says."""
    given = str(row.mark or "").encode()
    return hmac.compare_digest(mark(secret, table, dict(row._mapping)).encode(), given)


def change(
    connection: Connection, secret: bytes, table: sa.Table, row: Row[Any], **values: str
) -> None:
    """Set columns of a row, and mark it anew; one that bears no true mark stays as it is."""
    if genuine(secret, table, row):
        values["mark"] = mark(secret, table, {**row._mapping, **values})
        connection.execute(sa.update(table).where(table.c.hash == row.hash).values(**values))


def revoked(connection: Connection, token_id: str) -> bool:
    """Return whether the chain says that a token was revoked, whatever its row says."""
    said = re.sub(r"[/%_]", r"/\g<0>", f'"token_id":{json.dumps(token_id)}')
    return connection.scalar(_REVOKED, {"said": f"%{said}%"}) is not None


def over(connection: Connection, since: int = 0, at: str = "") -> tuple[set[str], int]:
    """Return the links and sessions that the chain says are used up or ended, by their places.

    Parameters
    ----------
    since, at : int, str
        Only what entries after this one, and from this time on, say.

    Returns
    -------
    places : set of str
        As `place` names them.
    last : int
        The last entry that was read.
    """
    entry = tables.entry.c
    actions = (Action.SIGN_IN.value, Action.SIGN_OUT.value, Action.TOKEN_REVOKED.value)
    query = sa.select(entry.seq, entry.body).where(
        entry.action.in_(actions), entry.seq > since, entry.at >= at
    )
    places: set[str] = set()
    for row in connection.execute(query):
        places.update(json.loads(row.body).get("over", ()))
        since = max(since, row.seq)
    return places, since


def place(table: sa.Table, row: Row[Any]) -> str:
    """Return what the chain calls a link or a session; nobody can sign in with that."""
    return f"{table.name} {row.hash[:12]}"


class Over:
    """What the chain says is used up or ended; a request reads only what it says anew."""

    def __init__(self) -> None:
        self._places: set[str] = set()
        self._read = 0

    def holds(self, connection: Connection, table: sa.Table, row: Row[Any], now: datetime) -> bool:
        """Return whether a link was used or a session ended; older ones have expired anyway."""
        found, last = over(connection, self._read, stamp(now - LONGEST_SESSION))
        self._places |= found
        self._read = max(self._read, last)
        return place(table, row) in self._places


def faults(connection: Connection, secret: bytes) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with rows of access, each with its place."""
    gone, _ = over(connection)
    for table in TABLES:
        for row in connection.execute(sa.select(table)):
            where = f"{place(table, row)} ({row.actor!r}, {row.role})"
            if not genuine(secret, table, row):
                yield where, "it does not bear the ledger's mark: it was made or changed elsewhere"
                continue
            stands = table is tables.token and row.revoked_at is None
            if stands and revoked(connection, row.token_id):
                yield where, "the ledger says that it was revoked, it says that it was not"
            open_still = table is not tables.token and (
                row.used_at if table is tables.link else row.ended_at
            )
            if place(table, row) in gone and open_still is None:
                yield where, "the ledger says that it is over, it says that it is not"
