"""What access is made of: secrets shown once, what is kept of them, and how long they last."""

from __future__ import annotations

import base64
import hmac
import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from features.errors import PrecursorError
from serving.permissions import Forbidden, Principal, Role

TOKEN_DAYS = 30
LONGEST_TOKEN_DAYS = 366
LINK_LASTS = timedelta(minutes=15)
SESSION_LASTS = timedelta(hours=8)
LONGEST_SESSION = timedelta(hours=12)
"""How far a session can be extended, from its beginning; its token's end may come before."""
PREFIX = "precursor_"
"""What every token begins with, so that one left lying about can be found by a search."""


class Unauthorised(PrecursorError):
    """Nobody knows who is asking (status 401)."""

    code = "unauthorised"
    status = 401


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is listed: never the secret itself.

    Examples
    --------
    >>> Token("0a1b2c3d4e5f", "app", Role.SERVICE, "2026-01-01", "2026-04-01", None).actor
    'app'
    """

    token_id: str
    actor: str
    role: Role
    issued_at: str
    expires_at: str
    revoked_at: str | None


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in.

    Attributes
    ----------
    principal : Principal
    csrf : str
        What a form must carry; derived from the cookie, so that nobody without it can know it.
    expires_at, latest : str
        When it ends, and to when it can be extended; UTC, ISO 8601.

    Examples
    --------
    >>> Session(Principal("a.nalyst", Role.ANALYST), csrf_token("cookie"), "", "").csrf[:4]
    '2k9y'
    """

    principal: Principal
    csrf: str
    expires_at: str
    latest: str


def bare(bearer: str | None) -> str:
    """Return the secret of an Authorization header; one that comes alone is returned as it is.

    Examples
    --------
    >>> bare("Bearer abc"), bare("abc"), bare(None)
    ('abc', 'abc', '')
    """
    scheme, _, rest = (bearer or "").strip().partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else scheme


def csrf_token(cookie: str) -> str:
    """Return what a form of this session must carry.

    Examples
    --------
    >>> csrf_token("cookie") == csrf_token("another")
    False
    """
    mark = hmac.digest(cookie.encode(), b"precursor form", "sha256")
    return base64.urlsafe_b64encode(mark).decode().rstrip("=")


def made_for(cookie: str, given: str | None) -> bool:
    """Return whether the mark in a form is the one of this session."""
    said = (given or "").encode("utf-8", "surrogatepass")
    return hmac.compare_digest(csrf_token(cookie).encode(), said)


def check_csrf(cookie: str, given: str | None) -> None:
    """Refuse a form that was not made for this session.

    Raises
    ------
    Forbidden
    """
    if not made_for(cookie, given):
        raise Forbidden(
            "this form does not belong to your session",
            remedy="Load the page again and send it once more.",
            code="csrf",
        )


def hashed(secret: str) -> str:
    """Return the one form in which a secret is stored.

    Examples
    --------
    >>> hashed("a secret")[:8]
    '984ca516'
    """
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def is_loopback(host: str | None) -> bool:
    """Return whether an address is this machine's own.

    Examples
    --------
    >>> is_loopback("127.0.0.1"), is_loopback("10.1.2.3"), is_loopback(None)
    (True, False, False)
    """
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
