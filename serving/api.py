"""The service's own routes for programs, beside the one that scores; all of them recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute
from starlette.routing import Route as Path

from serving import metrics
from serving.answers import list_page, one_score
from serving.casework import LOOKED_UP, PAGE, case_routes, looked_up
from serving.fields import LONGEST_PURPOSE
from serving.gauges import InForceFigures
from serving.ledger import Ledger
from serving.openapi import document
from serving.permissions import Principal, require_named
from serving.replay import replay
from serving.routes import Route, find
from serving.shape import invalid
from serving.stock import Stock


def api_routes(stock: Stock, ledger: Ledger) -> list[BaseRoute]:
    """Return the routes of `serving.routes` that are answered here; the gate stands before them."""

    def score(request: Request, who: Principal) -> dict[str, Any]:
        asked = query(request)
        score_id = request.path_params["score_id"]
        named = _named(who, asked)
        return one_score(stock, ledger, score_id, on_behalf_of=named, **_who(who, asked))

    def listed(request: Request, who: Principal) -> dict[str, Any]:
        asked = query(request)
        return list_page(
            ledger,
            request.path_params["question"],
            offset=int(asked.get("offset", 0)),
            limit=int(asked.get("limit", PAGE)),
            on_behalf_of=_named(who, asked),
            **_who(who, asked),
        )

    def replayed(request: Request, who: Principal) -> dict[str, Any]:
        asked, score_id = query(request), request.path_params["score_id"]
        return replay(score_id, stock=stock, ledger=ledger, **_who(who, asked)).answer()

    def docs(_: Request) -> Response:
        return JSONResponse(document())

    def figures(_: Request) -> Response:
        return Response(metrics.exposition(in_force), media_type=metrics.MEDIA)

    in_force = InForceFigures(stock, ledger)
    endpoints: dict[str, Callable[[Request], Response]] = {
        "/v1/scores/{score_id}": looked_up(ledger, score),
        "/v1/lists/{question}": looked_up(ledger, listed),
        "/v1/replays/{score_id}": looked_up(ledger, replayed),
        "/docs.json": docs,
        "/metrics": figures,
    }
    own = [Path(path, endpoint, methods=["GET"]) for path, endpoint in endpoints.items()]
    return [*own, *case_routes(stock, ledger, query)]


def query(request: Request) -> dict[str, Any]:
    """Return a request's query as its route describes it; every mistake is named.

    Raises
    ------
    Refusal
        A parameter is unknown, given twice, no whole number, or out of bounds.
    """
    route, _ = find(request.method, request.url.path)
    return checked(route, request.query_params.multi_items())


def checked(route: Route | None, items: list[tuple[str, str]]) -> dict[str, Any]:
    """Return query parameters in their types, or refuse them all together.

    Examples
    --------
    >>> route, _ = find("GET", "/v1/lists/escalation")
    >>> checked(route, [("limit", "10")])
    {'limit': 10}
    >>> checked(route, [("limit", "0"), ("page", "2")])
    Traceback (most recent call last):
    ...
    serving.shape.Refusal: limit: is not a whole number from 1 to 1000; page: is not known here. \
Send it as /docs.json says.
    """
    known = {parameter.name: parameter for parameter in (route.query if route else ())}
    found: dict[str, Any] = {}
    mistakes: list[dict[str, Any]] = []

    def wrong(name: str, why: str) -> None:
        mistakes.append({"loc": (name,), "msg": why})

    for name, value in items:
        parameter = known.get(name)
        if parameter is None:
            wrong(name, "is not known here")
        elif name in found:
            wrong(name, "is given twice")
        elif parameter.kind == "integer":
            least, most = parameter.least or 0, parameter.most or 10**9
            whole = value.isascii() and value.isdecimal() and len(value) < 10
            if not whole or not least <= int(value) <= most:
                wrong(name, f"is not a whole number from {least} to {most}")
            found[name] = int(value) if whole else 0
        else:
            if not value.strip() or not value.isprintable() or len(value) > LONGEST_PURPOSE:
                wrong(name, f"is not one line of at most {LONGEST_PURPOSE} characters")
            found[name] = value
    if mistakes:
        raise invalid(mistakes)
    return found


def _who(who: Principal, asked: dict[str, Any]) -> dict[str, str]:
    return {
        "actor": who.actor,
        "role": who.role.value,
        "purpose": asked.get("purpose", LOOKED_UP),
    }


def _named(who: Principal, asked: dict[str, Any]) -> str | None:
    """Return whom a request is made for; a program has to say."""
    on_behalf_of: str | None = asked.get("on_behalf_of")
    require_named(who, on_behalf_of)
    return on_behalf_of
