"""The gate that every request passes: bounds, access, headers, one error shape, figures.

It stands in front of the framework's own routes as well as ours. What is not named in
`serving.routes` does not exist for programs; everything else belongs to the pages, which look after
their own sign-in. A request's body is read here, up to its bound, before anything behind sees it.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
import traceback
from collections.abc import Awaitable
from typing import Protocol

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from features.errors import PrecursorError
from serving import metrics, traces
from serving.access import Forbidden, Principal, Unauthorised, require
from serving.routes import Route, find, is_for_programs
from serving.shape import Refusal, as_page, encoded, shaped
from serving.steps import begin, header, step
from serving.turns import request_turn

LARGEST_BODY = 1_000_000
MOST_AT_ONCE = 64
SECONDS_TO_ARRIVE = 10.0
SECONDS_TO_ANSWER = 30.0

JSON, HTML = b"application/json", b"text/html; charset=utf-8"

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""Methods as figures, logs and traces name them; a caller may make up any number of others."""

HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""Headers of every answer that does not set them itself."""

_log = logging.getLogger("precursor.service")


class Doorkeeper(Protocol):
    """What the gate asks: who a token belongs to, and to write a refusal down."""

    def authenticate(self, bearer: str | None) -> Principal:
        """Return whose token an Authorization header carries; raise for nobody's."""

    def refused(self, principal: Principal, route: Route, error: PrecursorError) -> None:
        """Put a refusal on the ledger before it is answered."""


class Gate:
    """Pure ASGI middleware; the framework creates one for each worker."""

    def __init__(self, app: ASGIApp, doorkeeper: Doorkeeper) -> None:
        self.app = app
        self.doorkeeper = doorkeeper
        self.under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through, or answer why not."""
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return None
        answer = _Answer(scope, send)
        self.under_way += 1
        crowded = self.under_way > MOST_AT_ONCE  # told now: who is in already is not sent away
        with traces.request(Headers(scope=scope), answer.method, answer.number) as opened:
            try:
                await self._through(scope, receive, answer, crowded)
            except PrecursorError as error:
                await answer.refuse(error)
            except Exception as fault:
                note_fault(fault, answer.number)
                await answer.refuse(Refusal(500))
            finally:
                self.under_way -= 1
                answer.count()
                traces.answered(opened, answer.label, answer.status or 499)

    async def _through(
        self, scope: Scope, receive: Receive, answer: _Answer, crowded: bool
    ) -> None:
        path, method, headers = scope["path"], scope["method"], Headers(scope=scope)
        if "transfer-encoding" in headers and "content-length" in headers:
            # a proxy that reads the other of the two takes the body's rest for another request
            answer.extra["connection"] = "close"
            raise Refusal(400, "the request gives its length twice")
        route = None
        if answer.for_programs:
            answer.label = "unknown"
            route = await self._admitted(scope, path, method, answer)
        if crowded and path != "/livez":
            answer.extra["retry-after"] = "1"
            raise Refusal(429)
        if method in ("POST", "PUT", "PATCH", "DELETE"):
            receive = await _bounded(scope, receive, wants_json=route is not None)
        if route is not None and not route.about_people:
            return await _within(SECONDS_TO_ANSWER, self.app(scope, receive, answer.send))
        await _within(SECONDS_TO_ANSWER, self._in_turn(scope, receive, answer.send))

    async def _in_turn(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with request_turn():  # kept past the deadline too, until nothing works on for it
            await self.app(scope, receive, send)

    async def _admitted(self, scope: Scope, path: str, method: str, answer: _Answer) -> Route:
        route, allowed = find(method, path)
        if route is not None:
            answer.label = route.path
            if route.permission is None:
                return route
        bearer = Headers(scope=scope).get("authorization")
        try:
            with step("authenticate"):
                principal = await run_in_threadpool(self.doorkeeper.authenticate, bearer)
        except Unauthorised:
            answer.extra["www-authenticate"] = "Bearer"
            raise
        if route is None:
            if not allowed:
                raise Refusal(404)
            answer.extra["allow"] = ", ".join(allowed)
            raise Refusal(405, f"{path} answers {' and '.join(allowed)}, not {method}")
        scope["principal"] = principal
        try:
            require(principal, route.permission or "")
        except Forbidden as error:
            await run_in_threadpool(self.doorkeeper.refused, principal, route, error)
            raise
        return route


def note_fault(fault: Exception, request_id: str) -> None:
    """Log where a fault came from, not its message: that may name a person."""
    lines = "".join(traceback.format_tb(fault.__traceback__))
    said = {"request": request_id}
    _log.error("request %s: %s\n%s", request_id, type(fault).__name__, lines, extra=said)


async def _bounded(scope: Scope, receive: Receive, *, wants_json: bool) -> Receive:
    """Read a body up to its bound; return a receive that hands it on."""
    headers = Headers(scope=scope)
    if int(headers.get("content-length", "0")) > LARGEST_BODY:
        raise Refusal(413)
    if wants_json and headers.get("content-type", "").partition(";")[0].strip() != (
        "application/json"
    ):
        raise Refusal(415)
    body = b""
    more = True
    try:
        async with asyncio.timeout(SECONDS_TO_ARRIVE):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":  # whoever asked has gone
                    raise Refusal(408)
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > LARGEST_BODY:
                    raise Refusal(413)
    except TimeoutError:
        raise Refusal(408) from None

    async def again() -> Message:
        nonlocal body, more
        if not more:
            more, whole = True, body
            body = b""
            return {"type": "http.request", "body": whole, "more_body": False}
        return await receive()

    return again


_ANSWERING: set[asyncio.Future[None]] = set()


async def _within(seconds: float, answering: Awaitable[None]) -> None:
    """Wait for an answer; one that is late is left to end by itself, for its thread does so too."""
    task = asyncio.ensure_future(answering)
    _ANSWERING.add(task)
    task.add_done_callback(_ANSWERING.discard)
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if not done:
        task.add_done_callback(_unheard)
        raise Refusal(503, f"the answer took longer than {seconds:.0f} seconds")
    await task


def _unheard(late: asyncio.Future[None]) -> None:
    """Look at how a late answer ended; whoever asked was told already."""
    if not late.cancelled():
        late.exception()


class _Answer:
    """One answer on its way out: headers added, errors put into shape, counted once."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.forward = send
        self.number = scope["request_id"] = secrets.token_hex(8)
        self.label = "page"
        self.method = scope["method"] if scope["method"] in METHODS else "other"
        self.for_programs = is_for_programs(scope["path"])
        self.extra: dict[str, str] = {}
        self.steps = begin()
        self.started: float = time.perf_counter()
        self.status = 0
        self._held: Message | None = None
        self._body = b""
        self._closed = False
        # after the answer's own deadline, which tells whoever waits; this one is for slow readers
        self._until = asyncio.get_running_loop().time() + SECONDS_TO_ARRIVE + SECONDS_TO_ANSWER

    async def send(self, message: Message) -> None:
        """Pass a message of the application on; errors are held until their body is whole."""
        if self._closed:  # the deadline has answered already
            return
        if message["type"] == "http.response.start":
            if self.for_programs and message["status"] >= 400:
                self._held = message
                return
            await self._start(message)
        elif self._held is not None:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                status, body = shaped(self._held["status"], self._body)
                await self._whole(status, body, JSON)
        else:
            # whoever reads slowly keeps no turn by it
            async with asyncio.timeout_at(self._until):
                await self.forward(message)

    async def refuse(self, error: PrecursorError) -> None:
        """Answer a refusal of ours, unless an answer has begun."""
        if self.status:
            self._closed = True
            return
        metrics.REFUSALS.labels(error.code).inc()
        if self.for_programs:
            await self._whole(error.status, encoded(error), JSON)
        else:
            await self._whole(error.status, as_page(error), HTML)

    async def _whole(self, status: int, body: bytes, media: bytes) -> None:
        headers = [
            (b"content-type", media),
            (b"content-length", str(len(body)).encode()),
        ]
        await self._start({"type": "http.response.start", "status": status, "headers": headers})
        self._closed = True
        await self.forward({"type": "http.response.body", "body": body})

    async def _start(self, message: Message) -> None:
        self.status = message["status"]
        headers = MutableHeaders(raw=list(message.get("headers", ())))
        for name in ("server", "x-bentoml-request-id"):
            if name in headers:
                del headers[name]
        ours = {"x-request-id": self.number}
        if self.for_programs and self.steps:
            ours["server-timing"] = header(self.steps)
        for name, value in (HEADERS | ours | self.extra).items():
            headers.setdefault(name, value)
        await self.forward({**message, "headers": headers.raw})

    def count(self) -> None:
        """Add the answer to the figures."""
        taken = time.perf_counter() - self.started
        status = self.status or 499
        metrics.observe(self.label, self.method, status, taken)
        steps = {name: round(seconds * 1e3, 2) for name, seconds in self.steps.items()}
        said = {"request": self.number, "route": self.label, "method": self.method}
        said |= {"status": status, "ms": round(taken * 1e3, 2), "steps": steps}
        _log.info("answered", extra=said)
