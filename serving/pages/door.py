"""Who is at the door: session and purpose from cookies, no forms or addresses from elsewhere."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import quote, unquote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from serving.access import Access, Forbidden, Principal, Session, Unauthorised
from serving.credentials import is_loopback
from serving.server import PROXY

SESSION, PURPOSE = "precursor_session", "precursor_purpose"
LONGEST_OF_SESSION = 200
"""Characters of what a session is for, at most; fewer than of one request's purpose.

It is kept in a cookie, where a character may take 12 bytes, and browsers drop one over 4,096.
"""
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
"""Headers by which a proxy says that a request came from somewhere else."""


@dataclass(frozen=True)
class Visitor:
    """Somebody who is signed in: who, what a form of theirs must carry, and what they came for."""

    principal: Principal
    csrf: str
    purpose: str
    session: Session | None = None


Page = Callable[[Request, Visitor], Response]


def local(address: str | None) -> str:
    r"""Return an address if it leads to a page of this service, else the first page.

    Examples
    --------
    >>> local("/lists/escalation?page=2"), local("//evil.example"), local("/\\evil.example")
    ('/lists/escalation?page=2', '/', '/')
    """
    text = address or "/"
    plain = text.isprintable() and "\\" not in text
    return text if plain and text.startswith("/") and not text.startswith("//") else "/"


def client_host(request: Request) -> str | None:
    """Return where a request came from; None where a proxy passed it on."""
    if any(name in request.headers for name in FORWARDED) or request.client is None:
        return None
    return request.client.host


def came_from(request: Request) -> str:
    """Return whose failures count together: the address, as the last proxy gives it if one does.

    Where no proxy stands, the client wrote such a header itself, with another address each time; so
    did it what stands further left in one that a proxy passed on.
    """
    host = "" if request.client is None else request.client.host
    said = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()[:64]
    proxied = os.environ.get(PROXY) == "1" or is_loopback(host)
    return f"by proxy: {said}" if said and proxied else host or "nowhere"


def from_here(request: Request) -> None:
    """Refuse a form that another site sent.

    Raises
    ------
    Forbidden
    """
    # browsers say where a form comes from; an old one that does not names the page's origin
    site = request.headers.get("sec-fetch-site")
    if site is None:
        origin = request.headers.get("origin")
        same = origin is None or origin.partition("://")[2] == request.headers.get("host")
        site = "same-origin" if same else "cross-site"
    if site not in ("same-origin", "none"):
        raise Forbidden(
            "this form was sent from another site",
            remedy="Open this service yourself and send the form from its own page.",
            code="csrf",
        )


def encrypted(request: Request) -> bool:
    """Return whether a request came over TLS, to us or to the proxy before us."""
    return "https" in (request.url.scheme, request.headers.get("x-forwarded-proto"))


def remember(response: Response, request: Request, cookie: str, purpose: str) -> None:
    """Give a browser its session, and what it said the session is for."""
    for name, value in ((SESSION, cookie), (PURPOSE, quote(purpose))):
        response.set_cookie(
            name, value, httponly=True, samesite="strict", secure=encrypted(request), path="/"
        )


def forget(response: Response) -> None:
    """Take the cookies back."""
    for name in (SESSION, PURPOSE):
        response.delete_cookie(name, httponly=True, samesite="strict", path="/")


def purpose_of(text: str) -> str:
    r"""Return a purpose as it is recorded: one line of visible text, not too long.

    The ledger takes no other. Were it refused there, whoever made their cookie so would leave no
    trace of what they were refused.

    Examples
    --------
    >>> purpose_of("  weekly \x00 review ")
    'weekly review'
    """
    visible = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(visible.split())[:LONGEST_OF_SESSION].rstrip()


def visitor(request: Request, access: Access) -> Visitor | None:
    """Return who is signed in, or None."""
    cookie = request.cookies.get(SESSION)
    purpose = purpose_of(unquote(request.cookies.get(PURPOSE, "")))
    if not cookie or not purpose:
        return None
    try:
        session = access.session(cookie)
    except Unauthorised:  # ended or expired: the page asks to sign in
        return None
    return Visitor(session.principal, session.csrf, purpose, session)


def to_sign_in(request: Request) -> Response:
    """Return the way to the sign-in page, and from there back to what was asked for."""
    wanted = request.url.path
    if request.url.query:
        wanted += f"?{request.url.query}"
    ended = "&ended=1" if SESSION in request.cookies else ""
    after = f"next={quote(local(wanted), safe='')}" if request.method == "GET" else "next=%2F"
    return RedirectResponse(f"/sign-in?{after}{ended}", status_code=303)


def with_form(
    handle: Callable[[Request, FormData], Response],
) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that reads a small form and lets a function of a thread answer it."""

    async def endpoint(request: Request) -> Response:
        fields = await request.form(max_fields=10, max_files=0)
        return await run_in_threadpool(handle, request, fields)

    return endpoint
