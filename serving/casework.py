"""The routes of casework: own views, decisions and their sign-off, challenges, selections."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute
from starlette.routing import Route as Path

from features.errors import NotFound, PrecursorError
from serving import challenges, decisions, disputes, metrics, outcomes, own_view, selections
from serving.ledger import Ledger
from serving.need_to_know import break_glass
from serving.permissions import Principal
from serving.refusals import record_refusal
from serving.routes import find
from serving.schema import (
    BreakGlassRequest,
    ChallengeRequest,
    DecisionRequest,
    OwnViewRequest,
    SelectionRequest,
    SettlementRequest,
    SignOffRequest,
)
from serving.shape import invalid
from serving.stock import Stock

_Asked = TypeVar("_Asked", bound=BaseModel)
Query = Callable[[Request], dict[str, Any]]
PAGE = 100
LOOKED_UP = "looked up by a program"
"""Purpose of a look-up that names none."""


def case_routes(stock: Stock, ledger: Ledger, query: Query) -> list[BaseRoute]:
    """Return the routes of casework; the gate stands before them.

    Parameters
    ----------
    query : callable
        Reads and checks a request's query as its route describes it.
    """

    def views(request: Request, who: Principal) -> dict[str, Any]:
        question = request.path_params["question"]
        return own_view.whom(stock, ledger, question, who, _purpose(query(request)))

    def decided(request: Request, who: Principal) -> dict[str, Any]:
        asked = query(request)
        return decisions.page(
            ledger,
            request.path_params["question"],
            who,
            purpose=_purpose(asked),
            offset=int(asked.get("offset", 0)),
            limit=int(asked.get("limit", PAGE)),
        )

    def outcome(request: Request, who: Principal) -> dict[str, Any]:
        served = stock.get(request.path_params["question"])
        purpose = _purpose(query(request))
        taken = decisions.told(ledger, served.question.name)
        return outcomes.reviewed(
            ledger, served.question, served.history, taken, who, purpose=purpose
        )

    def selected(request: Request, who: Principal) -> dict[str, Any]:
        question = request.path_params["question"]
        return selections.selected(ledger, question, who, purpose=_purpose(query(request)))

    def give(_: Request, asked: OwnViewRequest, who: Principal) -> dict[str, Any]:
        return own_view.give(ledger, asked, who)

    def decide(_: Request, asked: DecisionRequest, who: Principal) -> dict[str, Any]:
        policy = decisions.sign_off_policy(stock, ledger, asked.score_id)
        return decisions.decide(ledger, asked, who, sign_off=policy)

    def sign_off(request: Request, asked: SignOffRequest, who: Principal) -> dict[str, Any]:
        return decisions.sign_off(ledger, _number(request, "decision", "a decision"), asked, who)

    def challenge(_: Request, asked: ChallengeRequest, who: Principal) -> dict[str, Any]:
        return challenges.challenge(ledger, asked, who)

    def settle(request: Request, asked: SettlementRequest, who: Principal) -> dict[str, Any]:
        return disputes.settle(ledger, _number(request, "challenge", "a dispute"), asked, who)

    def glass(_: Request, asked: BreakGlassRequest, who: Principal) -> dict[str, Any]:
        opened = break_glass(ledger, asked, who)
        metrics.GLASSES.inc()
        return opened

    def select(_: Request, asked: SelectionRequest, who: Principal) -> dict[str, Any]:
        return selections.select(ledger, asked, who)

    looked: dict[str, Callable[[Request, Principal], dict[str, Any]]] = {
        "/v1/own-views/{question}": views,
        "/v1/decisions/{question}": decided,
        "/v1/decisions/{question}/outcomes": outcome,
        "/v1/selections/{question}": selected,
    }
    return [
        *(Path(path, looked_up(ledger, found), methods=["GET"]) for path, found in looked.items()),
        Path("/v1/own-views", _taken(ledger, OwnViewRequest, give), methods=["POST"]),
        Path("/v1/decisions", _taken(ledger, DecisionRequest, decide), methods=["POST"]),
        Path(
            "/v1/decisions/{decision}/sign-off",
            _taken(ledger, SignOffRequest, sign_off),
            methods=["POST"],
        ),
        Path("/v1/challenges", _taken(ledger, ChallengeRequest, challenge), methods=["POST"]),
        Path(
            "/v1/challenges/{challenge}/settlement",
            _taken(ledger, SettlementRequest, settle),
            methods=["POST"],
        ),
        Path("/v1/break-glass", _taken(ledger, BreakGlassRequest, glass), methods=["POST"]),
        Path("/v1/selections", _taken(ledger, SelectionRequest, select), methods=["POST"]),
    ]


def _number(request: Request, name: str, what: str) -> int:
    text = str(request.path_params[name])
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise NotFound(
            f"{what} has a whole number",
            remedy="Use the number that it was answered with.",
            field=name,
        )
    return int(text)


def looked_up(
    ledger: Ledger, found: Callable[[Request, Principal], dict[str, Any]]
) -> Callable[[Request], Response]:
    """Return an endpoint that looks something up; what it refuses is on the ledger."""

    def endpoint(request: Request) -> Response:
        who: Principal = request.scope["principal"]
        try:
            return JSONResponse(found(request, who))
        except PrecursorError as refused:
            record_refusal(ledger, refused, who, _route(request))
            raise

    return endpoint


def _taken(
    ledger: Ledger,
    model: type[_Asked],
    done: Callable[[Request, _Asked, Principal], dict[str, Any]],
) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that reads a body as its model, and lets a thread do what it asks."""

    async def endpoint(request: Request) -> Response:
        who: Principal = request.scope["principal"]
        asked = read(model, await request.body())
        try:
            return JSONResponse(await run_in_threadpool(done, request, asked, who))
        except PrecursorError as refused:
            await run_in_threadpool(record_refusal, ledger, refused, who, _route(request))
            raise

    return endpoint


def read(model: type[_Asked], body: bytes) -> _Asked:
    """Return a body as its model; every mistake of it is named at once.

    Raises
    ------
    Refusal
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as wrong:
        mistakes = wrong.errors(include_url=False, include_input=False, include_context=False)
        raise invalid(mistakes) from None


def _route(request: Request) -> str:
    route, _ = find(request.method, request.url.path)
    return f"{request.method} {route.path if route else '/v1'}"


def _purpose(asked: dict[str, Any]) -> str:
    return str(asked.get("purpose", LOOKED_UP))
