"""Nothing is anonymous: tokens for programs and people, one-use links, and sessions of people."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Row

from features.errors import NotFound, UsageError
from serving import access_rows, tables
from serving.access_rows import revoked
from serving.chain import Action, stamp
from serving.credentials import (
    LINK_LASTS,
    LONGEST_SESSION,
    LONGEST_TOKEN_DAYS,
    PREFIX,
    SESSION_LASTS,
    TOKEN_DAYS,
    Session,
    Token,
    Unauthorised,
    bare,
    csrf_token,
    hashed,
    is_loopback,
)
from serving.ledger import Ledger
from serving.permissions import (
    GIVEN,
    PERMISSIONS,
    Forbidden,
    Permission,
    Principal,
    Role,
    Rule,
    allows,
    operator,
    require,
)

__all__ = [
    "GIVEN",
    "PERMISSIONS",
    "Access",
    "Forbidden",
    "Permission",
    "Principal",
    "Role",
    "Rule",
    "Session",
    "Token",
    "Unauthorised",
    "allows",
    "operator",
    "require",
]


class Access:
    """Gives, checks and ends access; each giving and ending is on the ledger with it.

    Secrets have 256 bits, are shown once and stored as their SHA-256.

    Parameters
    ----------
    ledger : Ledger

    Examples
    --------
    >>> import tempfile
    >>> from unittest.mock import patch
    >>> with patch.dict("os.environ", PRECURSOR_HOME=tempfile.mkdtemp()):
    ...     ledger = Ledger.open()
    >>> access = Access(ledger)
    >>> token = access.issue_token("case-system", "service", 30)
    >>> access.authenticate(f"Bearer {token}")
    Principal(actor='case-system', role=<Role.SERVICE: 'service'>)
    >>> ledger.close()
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._secret = ledger.secret("access")
        self._over = access_rows.Over()

    def issue_token(
        self,
        actor: str,
        role: str,
        days: int = TOKEN_DAYS,
    ) -> str:
        """Return a new token; it cannot be shown again.

        Parameters
        ----------
        actor : str
            Whose it is: the name under which everything done with it is recorded.
        role : str
            One of `GIVEN`.
        days : int
            How long it lasts, from 1 to 366.

        Raises
        ------
        UsageError
            If the role does not exist or the days are out of range.
        """
        if not 1 <= days <= LONGEST_TOKEN_DAYS:
            raise UsageError(
                f"a token cannot last {days} days",
                remedy=f"Give 1 to {LONGEST_TOKEN_DAYS} days.",
                field="days",
            )
        secret, row = self._new(actor, role, timedelta(days=days))
        row["token_id"] = row["hash"][:12]
        purpose = f"access as {role.replace('_', ' ')}"  # a program's, or somebody's to sign in
        self._give(tables.token, row, Action.TOKEN_ISSUED, purpose)
        return secret

    def authenticate(self, bearer: str | None) -> Principal:
        """Return whose token this is.

        Parameters
        ----------
        bearer : str or None
            The token, or the Authorization header that carries it.

        Raises
        ------
        Unauthorised
            If there is none, or it is nobody's, expired or revoked; which of these is not said.
        """
        row = self._standing(bearer)
        return Principal(row.actor, Role(row.role))

    def tokens(self) -> list[Token]:
        """Return all tokens ever issued, the latest first, without their secrets."""
        inward = ("hash", "mark")
        columns = [column for column in tables.token.c if column.name not in inward]
        query = sa.select(*columns).order_by(tables.token.c.issued_at.desc())
        with self._ledger.reading() as connection:
            return [
                Token(**dict(row._mapping) | {"role": Role(row.role)})
                for row in connection.execute(query)
            ]

    def revoke(self, token_id: str, *, purpose: str) -> None:
        """End a token's access now, and every session of whom it was given to in that role.

        Those that a link, an account or another token opened too: nothing else ends a session that
        somebody else holds, and whoever may still come signs in again.

        Raises
        ------
        NotFound
            If no valid token has this id.
        """
        who = operator()
        table = tables.token
        with self._ledger.transaction() as connection:
            given = connection.execute(
                sa.select(table).where(table.c.token_id == token_id)
            ).one_or_none()
            if given is None or given.revoked_at is not None or revoked(connection, token_id):
                raise NotFound(
                    f"no token {token_id!r} that could be revoked",
                    remedy="Tokens are listed with their ids: precursor tokens.",
                    field="token_id",
                )
            access_rows.change(connection, self._secret, table, given, revoked_at=self._now())
            sessions = tables.session
            open_ones = connection.execute(
                sa.select(sessions).where(
                    sessions.c.actor == given.actor,
                    sessions.c.role == given.role,
                    sessions.c.ended_at.is_(None),
                )
            ).all()
            ended = [access_rows.place(sessions, row) for row in open_ones]
            for row in open_ones:
                access_rows.change(connection, self._secret, sessions, row, ended_at=self._now())
            self._ledger.append_within(
                connection,
                Action.TOKEN_REVOKED,
                actor=who.actor,
                role=who.role,
                purpose=purpose,
                body={"token_id": token_id, "sessions_ended": len(ended), "over": ended},
            )

    def issue_link(self, actor: str, role: str, *, purpose: str = "sign-in at this machine") -> str:
        """Return the secret of a sign-in link: it works once, within 15 minutes, on loopback."""
        secret, row = self._new(actor, role, LINK_LASTS)
        self._give(tables.link, row, Action.LINK_ISSUED, purpose)
        return secret

    def sign_in(self, secret: str, client_host: str | None) -> str:
        """Use up a sign-in link and return the session's cookie.

        Parameters
        ----------
        secret : str
        client_host : str or None
            The address the request came from; give None for a request that was forwarded.

        Raises
        ------
        Forbidden
            If the request does not come from this machine.
        Unauthorised
            If the link is nobody's, used or expired. The use of a spent link is recorded.
        """
        if not is_loopback(client_host):
            raise Forbidden(
                "sign-in links work only on the machine itself",
                remedy="Open the link on the machine that runs the service.",
            )
        now, table = self._now(), tables.link
        cookie = None
        with self._ledger.transaction() as connection:
            row = self._found(table, secret, connection)
            fresh = row is not None and row.used_at is None and row.expires_at > now
            if row and fresh and not self._over.holds(connection, table, row, self._ledger.now()):
                access_rows.change(connection, self._secret, table, row, used_at=now)
                cookie = self._start(connection, row.actor, row.role)
            if row is not None:
                late = {"refused": "the link was used before or is too old"}
                self._ledger.append_within(
                    connection,
                    Action.SIGN_IN if cookie else Action.REFUSAL,
                    actor=row.actor,
                    role=row.role,
                    purpose="sign-in by link",
                    body={"over": [access_rows.place(table, row)]} if cookie else late,
                )
        if cookie is None:
            raise Unauthorised(
                "this sign-in link does not work, or not any more",
                remedy="Each works once, for 15 minutes; sign in with a token instead.",
            )
        return cookie

    def sign_in_with_token(self, secret: str) -> str:
        """Return the cookie of a session for whom a token was given to; it does not outlive it.

        Raises
        ------
        Unauthorised
            If the token is nobody's, expired or revoked.
        Forbidden
            If it is a program's: programs send it with each request and do not sign in.
        """
        principal = self.authenticate(secret)
        if principal.role is Role.SERVICE:
            raise Forbidden(
                "this token was given to a program, and programs do not sign in",
                remedy="Use a token of your own; precursor token makes one.",
            )
        return self.begin(principal, "sign-in by token", secret)

    def begin(self, who: Principal, how: str, token: str | None = None) -> str:
        """Return the cookie of a session for somebody who proved who they are; on the ledger.

        Parameters
        ----------
        token : str, optional
            The token that was the proof. It has to stand still: it may have been revoked since.

        Raises
        ------
        Unauthorised
            If the token has expired or was revoked.
        """
        with self._ledger.transaction() as connection:
            proof = None if token is None else self._standing(token, connection)
            cookie = self._start(connection, who.actor, who.role, proof)
            self._ledger.append_within(
                connection, Action.SIGN_IN, actor=who.actor, role=who.role, purpose=how
            )
        return cookie

    def locked_out(self, place: str) -> None:
        """Put it on the ledger that sign-in failed too often from one place."""
        who, body = operator(), {"what": "sign-in", "code": "locked_out", "from": place}
        self._ledger.append(
            Action.REFUSAL, actor=who.actor, role=who.role, purpose="lock-out", body=body
        )

    def session(self, cookie: str | None, connection: sa.Connection | None = None) -> Session:
        """Return who is signed in with this cookie, within a transaction if one is given.

        Raises
        ------
        Unauthorised
            If nobody is, any more.
        """
        row = self._found(tables.session, cookie or "", connection)
        if row is None or row.ended_at is not None or row.expires_at <= self._now():
            raise Unauthorised(
                "nobody is signed in", remedy="Sign in; a session lasts 8 hours.", code="signed_out"
            )
        who = Principal(row.actor, Role(row.role))
        return Session(who, csrf_token(cookie or ""), row.expires_at, row.latest or row.expires_at)

    def sign_out(self, cookie: str) -> None:
        """End a session; a cookie that is nobody's ends none, and that is no error."""
        table = tables.session
        with self._ledger.transaction() as connection:
            row = self._found(table, cookie, connection)
            if row is None or row.ended_at is not None:
                return
            access_rows.change(connection, self._secret, table, row, ended_at=self._now())
            who = {"actor": row.actor, "role": row.role, "purpose": "sign-out"}
            over = {"over": [access_rows.place(table, row)]}
            self._ledger.append_within(connection, Action.SIGN_OUT, **who, body=over)

    def _standing(
        self, bearer: str | None, connection: sa.Connection | None = None
    ) -> Row[tuple[str, ...]]:
        row = self._found(tables.token, bare(bearer), connection)
        if row is None or row.revoked_at is not None or row.expires_at <= self._now():
            raise Unauthorised(
                "no valid token came with the request",
                remedy="Send Authorization: Bearer TOKEN; precursor token makes one.",
            )
        return row

    def _now(self) -> str:
        return stamp(self._ledger.now())

    def _new(self, actor: str, role: str, lasts: timedelta) -> tuple[str, dict[str, str]]:
        if role not in [given.value for given in GIVEN]:
            raise UsageError(
                f"{role!r} is not a role that can be given",
                remedy=f"Give one of: {', '.join(GIVEN)}.",
                field="role",
            )
        secret, now = PREFIX + secrets.token_urlsafe(32), self._ledger.now()
        return secret, {
            "hash": hashed(secret),
            "actor": actor,
            "role": str(role),
            "issued_at": stamp(now),
            "expires_at": stamp(now + lasts),
        }

    def _start(
        self,
        connection: sa.Connection,
        actor: str,
        role: str,
        token: Row[tuple[str, ...]] | None = None,
    ) -> str:
        cookie, row = self._new(actor, role, SESSION_LASTS)
        row["started_at"] = row.pop("issued_at")
        row["latest"] = stamp(datetime.fromisoformat(row["started_at"]) + LONGEST_SESSION)
        if token is not None:
            row["latest"] = min(row["latest"], token.expires_at)
            row["token_id"] = token.token_id
        row["expires_at"] = min(row["expires_at"], row["latest"])
        row["mark"] = access_rows.mark(self._secret, tables.session, row)
        connection.execute(sa.insert(tables.session), row)
        return cookie

    def _give(self, table: sa.Table, row: dict[str, str], action: Action, purpose: str) -> None:
        told = {name: value for name, value in row.items() if name not in ("hash", "issued_at")}
        if not row["actor"].strip():
            raise UsageError("the actor is empty", remedy="Say whose it is.", field="actor")
        row["mark"] = access_rows.mark(self._secret, table, row)
        who = operator()  # access is given on the command line alone
        with self._ledger.transaction() as connection:
            connection.execute(sa.insert(table), row)
            self._ledger.append_within(
                connection, action, actor=who.actor, role=who.role, purpose=purpose, body=told
            )

    def _found(
        self, table: sa.Table, secret: str, connection: sa.Connection | None = None
    ) -> Row[tuple[str, ...]] | None:
        if connection is None:
            with self._ledger.reading() as fresh:
                return self._found(table, secret, fresh)
        kept = hashed(secret)
        row = connection.execute(access_rows.BY_HASH[table], {"hash": kept}).one_or_none()
        # The database compares in its own time; what decides is compared in constant time.
        if row is None or not hmac.compare_digest(row.hash, kept):
            return None
        if not access_rows.genuine(self._secret, table, row):
            return None  # nobody gave it: verification names it
        token = None if table is tables.link else row.token_id
        if token is not None and revoked(connection, token):
            return None
        now = self._ledger.now()
        if table is tables.session and self._over.holds(connection, table, row, now):
            return None
        return row
