"""The pages as one ASGI application: sign-in before everything else, errors in words, headers."""

from __future__ import annotations

import os
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from features.errors import PrecursorError
from serving import oidc
from serving.access import Access, Permission, allows
from serving.drafts import Drafts
from serving.ledger import Ledger
from serving.limits import Attempts, Rate
from serving.middleware import HEADERS
from serving.own_view import OwnViewDue, require_own_view
from serving.pages import accounts, casework, dashboards, review, sign_in, staying, words
from serving.pages.door import Page, Visitor, to_sign_in, visitor
from serving.pages.forms import poster
from serving.pages.how import How
from serving.pages.lists import Lists
from serving.pages.own_views import OwnViews
from serving.pages.render import STATIC, Answer, Settings, marking_sheet, renderer
from serving.refusals import record_refusal
from serving.stock import Stock

HEADINGS = {
    401: "Sign in first",
    403: "You cannot see this",
    404: "Page not found",
    405: "Page not found",
    409: "This cannot be shown as things stand",
    410: "This person was erased",
    413: "That was too much at once",
    429: "That was too often",
    503: "Scores are not available",
}


def create_pages(
    stock: Stock, ledger: Ledger, access: Access, settings: Settings | None = None
) -> Starlette:
    """Return the pages for people, to be mounted at the root of a service.

    Parameters
    ----------
    stock : Stock
        Which models and records are in force.
    ledger : Ledger
        Every view is written there before it is answered.
    access : Access
        Sign-in links, tokens and sessions.
    settings : Settings, optional
        Marking and name of the organisation; from the environment by default.
    """
    settings = settings or Settings.from_environment()
    lists = Lists(stock, ledger)
    answer = renderer(settings, lists)
    drafts = Drafts(ledger)
    own_views = OwnViews(answer, lists, drafts)
    guard = _guard(lists, own_views)
    guarded, posted = _shown(access, guard), poster(access, ledger, drafts, guard)
    attempts, provider = Attempts(), oidc.settings()
    named = None if provider is None else oidc.Provider(provider, ledger.secret("oidc"))
    how = How(answer, lists)

    def first(_: Request, found: Visitor) -> Response:
        role = found.principal.role
        place = "/questions" if allows(role, Permission.QUESTIONS) else "/how-scores-are-made"
        return RedirectResponse("/lists" if allows(role, Permission.LIST) else place, 303)

    def marking(_: Request) -> Response:
        return Response(marking_sheet(settings), media_type="text/css")

    routes: list[BaseRoute] = [
        Route("/", guarded(first)),
        *sign_in.routes(answer, access, attempts, accounts=named is not None),
        *([] if named is None else accounts.routes(access, named, attempts)),
        *staying.routes(access, ledger, posted),
        *casework.routes(answer, lists, drafts, own_views, settings, guarded, posted),
        *dashboards.routes(answer, lists, settings, guarded),
        *review.routes(answer, lists, drafts, guarded, posted),
        Route("/how-scores-are-made", guarded(how.show)),
        Route("/marking.css", marking),
        Mount("/static", _Static(directory=STATIC)),
    ]
    made = Starlette(
        routes=routes,
        middleware=[Middleware(_Headers), Middleware(GZipMiddleware, compresslevel=5)],
        exception_handlers={
            PrecursorError: _refused(answer),
            HTTPException: _missing(answer),
            Exception: _fault(answer),
        },
    )
    made.router.redirect_slashes = False  # it would lead to whatever the Host header names
    made.state.lists = lists  # for whoever opens them before somebody asks
    return made


def _guard(lists: Lists, own_views: OwnViews) -> Callable[[Request, Visitor, Page], Response]:
    """Return what calls a page for a visitor, with the own view before it and refusals recorded."""
    ledger, rate = lists.ledger, Rate()

    def guard(request: Request, found: Visitor, page: Page) -> Response:
        request.state.visitor, request.state.recorded = found, False
        rate.admit(found.principal.actor)
        asked = request.path_params.get("question")
        try:
            if asked is not None and not request.scope["path"].endswith("/own-view"):
                require_own_view(ledger, asked, found.principal)
            return page(request, found)
        except OwnViewDue as due:
            # an address need not name the question: what shows its scores has found it out
            request.path_params["question"] = due.question
            record(request, found, due)
            if request.method != "GET":
                raise
            return own_views.due(request, found)
        except PrecursorError as refused:
            record(request, found, refused)
            raise

    def record(request: Request, found: Visitor, refused: PrecursorError) -> None:
        if request.state.recorded:  # a page said so: what it asked is on the ledger, and why not
            return
        asked, who = request.path_params.get("question"), found.principal
        # whatever else an address says there may be somebody's name
        question = asked if lists.stock.knows(asked) else None
        record_refusal(ledger, refused, who, "page", purpose=found.purpose, question=question)

    return guard


def _shown(
    access: Access, guard: Callable[[Request, Visitor, Page], Response]
) -> Callable[[Page], Callable[[Request], Response]]:
    """Return what puts the sign-in before a page."""

    def guarded(page: Page) -> Callable[[Request], Response]:
        def endpoint(request: Request) -> Response:
            found = visitor(request, access)
            return to_sign_in(request) if found is None else guard(request, found, page)

        return endpoint

    return guarded


Handler = Callable[[Request, Exception], Response]


def _refused(answer: Answer) -> Handler:
    def handle(request: Request, error: Exception) -> Response:
        refused = cast(PrecursorError, error)  # Starlette calls each handler with its own kind
        context = {
            "heading": HEADINGS.get(refused.status, "That did not work"),
            "said": f"{words.first_large(refused.message)}.",
            "remedy": refused.remedy,
            "link": ("/", "Go to the first page"),
        }
        return answer(request, "message.html", context, made_up=False, status=refused.status)

    return handle


def _missing(answer: Answer) -> Handler:
    def handle(request: Request, error: Exception) -> Response:
        status = cast(HTTPException, error).status_code
        context = {
            "heading": HEADINGS.get(status, HTTPStatus(status).phrase),
            "said": "There is nothing at this address. Check it, or start from the first page.",
            "remedy": "",
            "link": ("/", "Go to the first page"),
        }
        return answer(request, "message.html", context, made_up=False, status=status)

    return handle


def _fault(answer: Answer) -> Handler:
    def handle(request: Request, _: Exception) -> Response:
        context = {
            "heading": "Something went wrong",
            "said": "The page could not be made. Nothing you entered was acted on.",
            "remedy": "Try again in a minute. If it fails again, tell whoever runs this service.",
            "link": ("/", "Go to the first page"),
        }
        return answer(request, "message.html", context, made_up=False, status=500)

    return handle


class _Static(StaticFiles):
    """Static files; an address that names its content's hash may be kept for ever."""

    def file_response(
        self, full_path: Any, stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        kept = scope["query_string"].startswith(b"v=")
        response.headers["cache-control"] = (
            "public, max-age=31536000, immutable" if kept else "no-cache"
        )
        return response


class _Headers:
    """Sets the headers of every answer that has not set them itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, with_headers)
