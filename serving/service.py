"""The service: one BentoML service that scores, with the other routes and the pages mounted in it.

``bentoml serve serving.service:service`` runs it; `serving.server` does so with what the house
insists on.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any, cast

import bentoml
from starlette.responses import JSONResponse
from starlette.routing import Mount, Router
from starlette.types import Receive, Scope, Send

from features.errors import PrecursorError
from serving import answers, logs, traces
from serving.access import Access, Principal, operator
from serving.api import api_routes
from serving.bundled import take_in
from serving.ledger import Action, Ledger
from serving.limits import Rate
from serving.middleware import Gate, note_fault
from serving.opening import Opening, PreparedRows
from serving.pages.app import create_pages
from serving.refusals import record_refusal
from serving.routes import Route
from serving.schema import ScoreRequest
from serving.shape import Refusal
from serving.steps import step
from serving.stock import Stock

PATIENCE = 5.0
"""Seconds that a request waits for the ledger's turn, before it is told to come again."""


_PR_SET_PDEATHSIG = 1  # of Linux's prctl(2)


class NotReady(PrecursorError):
    """No score can be given now, and why (status 503)."""

    code = "not_ready"
    status = 503


class Shared:
    """What a worker opens once and all its requests share: stock, ledger and access."""

    def __init__(self) -> None:
        self.ledger = Ledger.open(wait=PATIENCE)
        take_in(self.ledger)
        self.access = Access(self.ledger)
        self.stock = Stock(self.ledger, warm=True)
        pages = create_pages(self.stock, self.ledger, self.access)
        self.pages = Router([*api_routes(self.stock, self.ledger), Mount("/", pages)])
        in_force = {name: self._version(name) for name in self.stock.questions()}
        self.ledger.append(
            Action.SERVED,
            actor=operator().actor,
            role=operator().role,
            purpose="answer requests",
            body={"in_force": in_force},
        )
        self._opening = Opening(PreparedRows(self.stock), pages.state.lists)

    def _version(self, question: str) -> dict[str, Any]:
        try:
            found = self.stock.get(question)
        except PrecursorError as refused:
            return {"refused": refused.code}
        return {"version": found.version, "load": found.load.fingerprint}

    def ready(self) -> None:
        """Return if scores can be given; raise what stands in the way."""
        self.ledger.ready()
        try:
            self.stock.ready()
        except PrecursorError as refused:
            raise NotReady(refused.message, remedy=refused.remedy) from refused
        if not self.stock.questions():
            raise NotReady(
                "no question has a model in force",
                remedy="Promote one: precursor promote QUESTION VERSION --reason TEXT.",
            )

    def close(self) -> None:
        """Let go of the databases, once nothing is being opened any more."""
        self._opening.stop()
        self.ledger.close()
        traces.flush()


class Door:
    """Stands in the framework's place from the start; what requests share is opened after it."""

    def __init__(self) -> None:
        self.shared: Shared | None = None
        self._rate = Rate()

    @property
    def open(self) -> Shared:
        """What the requests share, once the worker has started."""
        if self.shared is None:
            raise NotReady("the service is starting", remedy="Try again in a second.")
        return self.shared

    def authenticate(self, bearer: str | None) -> Principal:
        """Return whose token an Authorization header carries; raise for nobody's."""
        principal = self.open.access.authenticate(bearer)
        self._rate.admit(principal.actor)
        return principal

    def refused(self, principal: Principal, route: Route, error: PrecursorError) -> None:
        """Put a refusal on the ledger."""
        record_refusal(self.open.ledger, error, principal, f"{route.method} {route.path}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is not the framework's own: the other routes, and the pages."""
        await self.open.pages(scope, receive, send)


def create_service() -> Any:
    """Return a BentoML service; its worker opens ledger, stock and pages when it starts."""
    door = Door()

    class Precursor:
        """Scores with reasons, each on the ledger before it is answered."""

        def __init__(self) -> None:
            # it would log the whole of a request that fails its model
            logging.getLogger("bentoml._internal.server.http_app").setLevel(logging.CRITICAL)
            logs.begin()
            _end_with_supervisor()
            door.shared = self.shared = Shared()
            # requests leave small cycles; without this the collector walks all imports for them
            gc.collect()
            gc.freeze()
            gc.set_threshold(50_000, 50, 1_000)

        @bentoml.api(route="/v1/scores")  # type: ignore[untyped-decorator]
        def scores(self, request: ScoreRequest, /, context: bentoml.Context) -> dict[str, Any]:
            """Score people, with reasons down to the records."""
            asked: Mapping[str, Any] = context.request.scope
            found = answered(self.shared, request, asked["principal"], str(asked["request_id"]))
            # the framework passes a response on as it is, but for the status
            context.response.status_code = found.status_code
            return cast("dict[str, Any]", found)

        def __is_ready__(self) -> bool:
            self.shared.ready()
            return True

        @bentoml.on_shutdown  # type: ignore[untyped-decorator]
        def close(self) -> None:
            """Let go of what was opened."""
            self.shared.close()
            door.shared = None

    made: Any = bentoml.service(
        name="precursor",
        workers=int(os.environ.get("PRECURSOR_WORKERS", "1")),
        traffic={"timeout": 60},
        metrics={"enabled": False},  # labels by raw path; ours by template
        logging={"access": {"enabled": False}},  # would log paths
        tracing={"excluded_urls": ".*"},  # spans by raw path; ours by template (`serving.traces`)
    )(Precursor)
    made.mount_asgi_app(door, path="/")
    made.add_asgi_middleware(Gate, doorkeeper=door)
    return made


def _end_with_supervisor() -> None:
    """End as if told to where the supervisor is killed; nobody would, and the port be kept."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def answered(
    shared: Shared, request: ScoreRequest, principal: Principal, request_id: str
) -> JSONResponse:
    """Return the response to a request for scores, as a response whatever happens.

    The framework would encode data a second way, and put errors into another shape.
    """
    who = {"actor": principal.actor, "role": principal.role.value}
    try:
        _, found = answers.scores(shared.stock, shared.ledger, request, **who)
        with step("encode"):
            return JSONResponse(found)
    except PrecursorError as refused:
        return JSONResponse(refused.as_json(), refused.status)
    except Exception as fault:
        note_fault(fault, request_id)
        return JSONResponse(Refusal(500).as_json(), 500)


service = create_service()
