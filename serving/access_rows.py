"""Rows of tokens, links and sessions, each bearing a mark that only the ledger's key can make.

They are no part of the chain, because they change: a link is used, a session ends. So each state of
a row is marked under the ledger's own key, and what the chain says was revoked is revoked whatever
the row says. Who can write to the database can neither make access up nor bring it back.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from serving import tables
from serving.chain import Action, canonical

TABLES = (tables.token, tables.link, tables.session)


def mark(secret: bytes, table: sa.Table, row: Mapping[str, Any]) -> str:
    """Return the mark of a row as it stands: over all its columns but the mark itself.

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
    entry = tables.entry.c
    said = entry.body.contains(f'"token_id":{json.dumps(token_id)}', autoescape=True)
    query = sa.select(entry.seq).where(entry.action == Action.TOKEN_REVOKED.value, said)
    return connection.scalar(query.limit(1)) is not None


def faults(connection: Connection, secret: bytes) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with rows of access, each with its place."""
    for table in TABLES:
        for row in connection.execute(sa.select(table)):
            place = f"{table.name} {row.hash[:12]} ({row.actor!r}, {row.role})"
            if not genuine(secret, table, row):
                yield place, "it does not bear the ledger's mark: it was made or changed elsewhere"
                continue
            stands = table is tables.token and row.revoked_at is None
            if stands and revoked(connection, row.token_id):
                yield place, "the ledger says that it was revoked, it says that it was not"
