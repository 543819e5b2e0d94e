"""Staying signed in: a session is extended by whoever uses it, and not without end."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from serving import access_rows, tables
from serving.access import Access
from serving.chain import Action, stamp
from serving.credentials import Session, hashed
from serving.ledger import Ledger
from serving.permissions import Forbidden


def end_of(session: Session) -> datetime | None:
    """Return how far a session can still be extended; None where it cannot be.

    It goes no further than the token that it began with; one that began before sessions said how
    far they go is not extended.

    Examples
    --------
    >>> from serving.permissions import Principal, Role
    >>> who = Principal("a.nalyst", Role.ANALYST)
    >>> whole = Session(who, "", "2026-01-01T16:00:00.000000Z", "2026-01-01T20:00:00.000000Z")
    >>> short = Session(who, "", "2026-01-01T09:00:00.000000Z", "2026-01-01T09:00:00.000000Z")
    >>> end_of(whole).hour, end_of(short)
    (20, None)
    """
    ends, latest = (datetime.fromisoformat(at) for at in (session.expires_at, session.latest))
    return None if ends >= latest else latest


def extend(access: Access, ledger: Ledger, cookie: str) -> datetime:
    """Extend a session as far as it goes, on the ledger; return when it ends now.

    Raises
    ------
    Unauthorised
        Nobody is signed in with this cookie, any more.
    Forbidden
        It cannot be extended further.
    """
    table = tables.session
    with ledger.transaction() as connection:
        session = access.session(cookie, connection)
        latest = end_of(session)
        if latest is None:
            raise Forbidden(
                "this session cannot be extended further",
                remedy="Sign in again when it ends; what you have written is kept.",
                code="session_too_long",
            )
        row = connection.execute(sa.select(table).where(table.c.hash == hashed(cookie))).one()
        access_rows.change(
            connection, ledger.secret("access"), table, row, expires_at=stamp(latest)
        )
        ledger.append_within(
            connection,
            Action.SIGN_IN,
            actor=session.principal.actor,
            role=session.principal.role,
            purpose="session extended",
            body={"until": stamp(latest)},
        )
    return latest
