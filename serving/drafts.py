"""What somebody wrote in a form that arrived after their session had ended: kept for them alone.

A draft is sealed under a key of the ledger, bound to who wrote it and where, and lies in the state
folder until it is sent, or eight hours have passed. An erasure removes all of them: what is written
in a form may name anybody.
"""

from __future__ import annotations

import hmac
import json
import secrets
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from features.files import replacing
from features.home import home
from serving import access_rows, tables
from serving.credentials import SESSION_LASTS, hashed, made_for
from serving.ledger import Ledger
from serving.permissions import Principal, Role

Fields = Mapping[str, list[str]]
NONCE = 12
LARGEST = 20_000
"""Bytes of a draft; a form of ours holds far less."""

MOST = 20
"""Drafts of one writer: the cookie of an old session must not be enough to fill a disk."""


def folder() -> Path:
    """Return where drafts lie."""
    return home() / "drafts"


def drop_drafts() -> None:
    """Remove every draft: for an erasure."""
    shutil.rmtree(folder(), ignore_errors=True)


def who_it_was(ledger: Ledger, cookie: str, csrf: str) -> Principal | None:
    """Return whose session a cookie was, over though it may be; None if the form is not theirs."""
    if not cookie or not made_for(cookie, csrf):
        return None
    table = tables.session
    with ledger.reading() as connection:
        row = connection.execute(
            sa.select(table).where(table.c.hash == hashed(cookie))
        ).one_or_none()
    if row is None or not access_rows.genuine(ledger.secret("access"), table, row):
        return None
    return Principal(row.actor, Role(row.role))


class Drafts:
    """Drafts of all who write, each found by its writer and its place only.

    Parameters
    ----------
    ledger : Ledger
        Its keys seal what is kept.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def keep(self, who: Principal, place: str, fields: Fields) -> bool:
        """Keep what somebody wrote at a place; False where it is too much to keep."""
        plain = json.dumps(dict(fields)).encode()
        if len(plain) > LARGEST:
            return False
        path, nonce = self._path(who, place), secrets.token_bytes(NONCE)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._clear()
        theirs = list(path.parent.glob(f"{path.name.partition('-')[0]}-*"))
        if len(theirs) >= MOST and path not in theirs:
            return False
        sealed = nonce + self._cipher().encrypt(nonce, plain, path.name.encode())
        with replacing(path, private=True) as part:
            part.write_bytes(sealed)
        return True

    def find(self, who: Principal, place: str) -> dict[str, list[str]] | None:
        """Return what somebody wrote at a place before their session ended, if anything."""
        path = self._path(who, place)
        self._clear()
        try:
            sealed = path.read_bytes()
            plain = self._cipher().decrypt(sealed[:NONCE], sealed[NONCE:], path.name.encode())
        except (OSError, InvalidTag, ValueError):
            return None
        return dict(json.loads(plain))

    def drop(self, who: Principal, place: str) -> None:
        """Forget a draft: it was sent."""
        self._path(who, place).unlink(missing_ok=True)

    def _cipher(self) -> AESGCM:
        return AESGCM(self._ledger.secret("drafts"))

    def _path(self, who: Principal, place: str) -> Path:
        secret = self._ledger.secret("draft names")
        writer, where = (
            hmac.digest(secret, json.dumps(said).encode(), "sha256").hex()[:32]
            for said in ([who.actor, who.role.value], [who.actor, who.role.value, place])
        )
        return folder() / f"{writer}-{where}"

    def _clear(self) -> None:
        """Remove what is older than a session: nobody comes back for it."""
        oldest = time.time() - SESSION_LASTS.total_seconds()
        for path in folder().glob("*"):
            if path.stat(follow_symlinks=False).st_mtime < oldest:
                path.unlink(missing_ok=True)
