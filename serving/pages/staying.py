"""Staying signed in: what a page says of its session's end, and the button that extends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from serving.access import Access, Session
from serving.ledger import Ledger
from serving.pages.door import SESSION, Visitor, local
from serving.pages.forms import Endpoint, Form, Posted
from serving.sessions import end_of, extend

WARNED = 600
"""Seconds before the end at which a reader is told."""


@dataclass(frozen=True)
class Ending:
    """When a session ends: in words, in seconds from now, and whether it can be extended."""

    at: str
    seconds: int
    extended: int
    warned: int = WARNED


def ending(session: Session, now: datetime) -> Ending:
    """Return what a page says of its session's end.

    Parameters
    ----------
    now : datetime
        With its time zone.
    """
    ends = datetime.fromisoformat(session.expires_at)
    latest = end_of(session)
    local_time = ends.astimezone()
    hour = local_time.hour % 12 or 12
    return Ending(
        at=f"{hour}:{local_time:%M}{'am' if local_time.hour < 12 else 'pm'}",
        seconds=max(int((ends - now).total_seconds()), 0),
        extended=0 if latest is None else max(int((latest - now).total_seconds()), 0),
    )


def routes(access: Access, ledger: Ledger, posted: Callable[[Posted], Endpoint]) -> list[Route]:
    """Return the route that extends a session."""

    def stay(request: Request, _: Visitor, form: Form) -> Response:
        extend(access, ledger, request.cookies.get(SESSION, ""))
        if form["stay_here"]:
            return Response(status_code=204)  # the browser stays where it is, and so does the text
        return RedirectResponse(local(form["next"]), status_code=303)

    return [Route("/session", posted(stay), methods=["POST"])]
