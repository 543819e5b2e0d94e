"""Signing in by a one-use link or a token, and out; what one came for is asked first."""

from __future__ import annotations

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from serving.access import Access, Forbidden, Unauthorised
from serving.credentials import check_csrf
from serving.limits import Attempts
from serving.pages import words
from serving.pages.door import (
    LONGEST_OF_SESSION,
    SESSION,
    came_from,
    client_host,
    forget,
    from_here,
    local,
    purpose_of,
    remember,
    with_form,
)
from serving.pages.render import Answer

OUT = "You are signed out."
ENDED = "Your session has ended. Sign in again to go on."
KEPT = "Your session has ended. What you wrote has been kept: sign in again to go on with it."

ASK = "ask whoever looks after this service for a new one (precursor token --role ROLE makes it)"
NO_TOKEN = (
    "This access token does not work, or not any more. Check that you pasted all of it and nothing"
    f" else. If you did, {ASK}."
)
"""The same whether there never was such a token or it has ended: a guess learns nothing."""

NO_LINK = (
    "This sign-in link does not work, or not any more: each works once, for 15 minutes. Sign in"
    f" with an access token; if you have none, {ASK}."
)

SAID = {"out": OUT, "kept": KEPT, "ended": ENDED}


def routes(
    answer: Answer, access: Access, attempts: Attempts, *, accounts: bool = False
) -> list[Route]:
    """Return the routes of signing in and out.

    Parameters
    ----------
    attempts : Attempts
        Locks out whoever fails too often.
    accounts : bool
        Whether people may sign in with accounts of the force.
    """

    def form(
        request: Request,
        *,
        link: str,
        after: str,
        purpose: str = "",
        errors: dict[str, str] | None = None,
        said: str = "",
        status: int = 200,
    ) -> Response:
        context = {
            "link": link,
            "next": after,
            "purpose": purpose,
            "errors": errors or {},
            "said": said,
            "longest": LONGEST_OF_SESSION,
            "accounts": accounts,
        }
        return answer(request, "sign_in.html", context, status=status)

    def ask(request: Request) -> Response:
        # a page with a button: what fetches an address ahead of its reader uses nothing up
        asked = request.query_params
        said = next((text for name, text in SAID.items() if name in asked), "")
        return form(request, link=asked.get("link", ""), after=local(asked.get("next")), said=said)

    def enter(request: Request, fields: FormData) -> Response:
        from_here(request)
        link, token = (str(fields.get(name, "")).strip() for name in ("link", "token"))
        after = local(str(fields.get("next", "/")))
        purpose = purpose_of(str(fields.get("purpose", "")))
        errors: dict[str, str] = {}
        if not link and not token:
            errors["token"] = "Enter your access token"
        if not purpose:
            errors["purpose"] = "Say what you are using it for"
        if not errors:
            place = came_from(request)
            attempts.admit(place)
            try:
                cookie = (
                    access.sign_in(link, client_host(request))
                    if link
                    else access.sign_in_with_token(token)
                )
            except (Unauthorised, Forbidden) as refused:
                if attempts.failed(place):
                    access.locked_out(place)
                errors["token"] = words.first_large(str(refused))
                if isinstance(refused, Unauthorised):
                    errors["token"] = NO_LINK if link else NO_TOKEN
                # a spent link is of no more use, so the form that comes back asks for a token
                link = ""
            else:
                attempts.succeeded(place)
                response = RedirectResponse(after, status_code=303)
                remember(response, request, cookie, purpose)
                return response
        return form(request, link=link, after=after, purpose=purpose, errors=errors, status=400)

    def leave(request: Request, fields: FormData) -> Response:
        from_here(request)
        cookie = request.cookies.get(SESSION, "")
        if cookie:
            check_csrf(cookie, str(fields.get("csrf", "")))
            access.sign_out(cookie)
        response = RedirectResponse("/sign-in?out=1", status_code=303)
        forget(response)
        return response

    return [
        Route("/sign-in", ask, methods=["GET"]),
        Route("/sign-in", with_form(enter), methods=["POST"]),
        Route("/sign-out", with_form(leave), methods=["POST"]),
    ]
