"""Signing in with an account of the force: out to the provider, and back with a proof."""

from __future__ import annotations

from html import escape

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from features.errors import PrecursorError, UsageError
from serving.access import Access
from serving.limits import Attempts
from serving.oidc import Provider
from serving.pages.door import (
    came_from,
    encrypted,
    from_here,
    local,
    purpose_of,
    remember,
    with_form,
)

STATE = "precursor_oidc"


def routes(access: Access, provider: Provider, attempts: Attempts) -> list[BaseRoute]:
    """Return the two addresses of signing in with an account.

    Parameters
    ----------
    attempts : Attempts
        Locks out whoever fails too often.
    """

    def begin(request: Request, fields: FormData) -> Response:
        from_here(request)
        purpose = purpose_of(str(fields.get("purpose", "")))
        if not purpose:
            raise UsageError("say what you are using it for", remedy="Go back and enter it.")
        where, cookie = provider.begin(
            role=str(fields.get("role", "")),
            purpose=purpose,
            after=local(str(fields.get("next", "/"))),
        )
        response = _on(where, "Continue to sign in with your account")
        response.set_cookie(
            STATE,
            cookie,
            max_age=600,
            httponly=True,
            samesite="lax",  # it must come back with the provider's answer, from another site
            secure=encrypted(request),
            path="/sign-in/callback",
        )
        return response

    def finish(request: Request) -> Response:
        place, query = came_from(request), dict(request.query_params)
        attempts.admit(place)
        # not counted where it fails: a picture on any page could lock a whole address out
        begun = provider.begun(request.cookies.get(STATE, ""), query)
        try:
            principal = provider.finish(begun, query)
        except PrecursorError as refused:
            if refused.status in (401, 403) and attempts.failed(place):
                access.locked_out(place)
            raise
        attempts.succeeded(place)
        session = access.begin(principal, "sign-in by account")
        # by way of a page of ours: a browser keeps strict cookies back when another site sent it
        response = _on(local(begun["after"]), "Continue")
        remember(response, request, session, str(begun["purpose"]))
        response.delete_cookie(STATE, httponly=True, samesite="lax", path="/sign-in/callback")
        return response

    return [
        Route("/sign-in/account", with_form(begin), methods=["POST"]),
        Route("/sign-in/callback", finish, methods=["GET"]),
    ]


def _on(where: str, words: str) -> HTMLResponse:
    """Return a page that leads on: a redirect out of a form is held back by our own policy."""
    page = (
        f'<!doctype html><html lang="en"><head><title>{words}</title>'
        f'<meta http-equiv="refresh" content="0; url={escape(where)}"></head>'
        f'<body><p><a href="{escape(where)}">{words}</a></p></body></html>'
    )
    return HTMLResponse(page, headers={"Cache-Control": "no-store"})
