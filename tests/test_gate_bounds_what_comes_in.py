"""The gate's bounds: how many at once, how long to arrive and to answer, faults without words."""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.concurrency import run_in_threadpool

from features.errors import PrecursorError
from features.home import home
from features.turns import erasing
from serving import middleware, turns
from serving.access import Principal, Role, Unauthorised
from serving.middleware import Gate
from serving.routes import Route
from serving.shape import as_page


class Doorkeeper:
    """Knows one token, and remembers what was refused."""

    def __init__(self) -> None:
        self.refusals: list[str] = []

    def authenticate(self, bearer: str | None) -> Principal:
        if bearer != "Bearer good":
            raise Unauthorised("nobody", remedy="Send a token.")
        return Principal("somebody", Role.ANALYST)

    def refused(self, principal: Principal, route: Route, error: Exception) -> None:
        self.refusals.append(route.path)


App = Callable[[Any, Any, Any], Awaitable[None]]


async def asked(
    app: App,
    *messages: dict,
    path: str = "/v1/scores",
    method: str = "POST",
    gate: Any = None,
    more: tuple[tuple[bytes, bytes], ...] = (),
) -> tuple[int, dict[str, str], bytes]:
    """Send one request through the gate to an application."""
    waiting = list(messages) or [{"type": "http.request", "body": b"{}"}]
    sent: list[dict] = []

    async def receive() -> dict:
        if waiting:
            return waiting.pop(0)
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: dict) -> None:
        sent.append(message)

    headers = [(b"authorization", b"Bearer good"), (b"content-type", b"application/json")]
    headers += more
    scope = {"type": "http", "path": path, "method": method, "headers": headers}
    await (gate or Gate(app, doorkeeper=Doorkeeper()))(scope, receive, send)
    starts = [message for message in sent if message["type"] == "http.response.start"]
    assert len(starts) == 1, sent
    named = {name.decode(): value.decode() for name, value in starts[0]["headers"]}
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return starts[0]["status"], named, body


async def echo(scope: Any, receive: Any, send: Any) -> None:
    body = (await receive())["body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def code(body: bytes) -> str:
    return json.loads(body)["error"]["code"]


def test_a_body_in_pieces_arrives_whole() -> None:
    pieces = [{"type": "http.request", "body": b"ab", "more_body": True}] * 3
    last = {"type": "http.request", "body": b"c"}
    assert asyncio.run(asked(echo, *pieces, last))[2] == b"abababc"


def test_a_body_of_two_lengths_is_refused_and_the_connection_ends() -> None:
    """Of two lengths a proxy may take one and we the other; the rest would be a request."""
    lengths = ((b"transfer-encoding", b"chunked"), (b"content-length", b"4"))
    status, headers, body = asyncio.run(asked(echo, more=lengths))
    assert (status, code(body)) == (400, "invalid_request")
    assert headers["connection"] == "close"
    status, headers, body = asyncio.run(asked(echo, path="/sign-in", more=lengths))
    assert status == 400
    assert b"The request gives its length twice" in body
    assert headers["connection"] == "close"


def test_whoever_asked_for_a_page_is_refused_in_a_page() -> None:
    long = ((b"content-length", b"2000000"),)
    status, headers, body = asyncio.run(asked(echo, path="/decisions", more=long))
    assert (status, headers["content-type"]) == (413, "text/html; charset=utf-8")
    assert b'<h1 class="govuk-heading-l">The request is larger than 1 MB</h1>' in body
    assert b"Send fewer people" in body
    error = PrecursorError("it is <b>late</b>", remedy="Wait & see.")
    assert b"It is &lt;b&gt;late&lt;/b&gt;" in as_page(error)
    assert b"Wait &amp; see." in as_page(error)


def test_more_at_once_than_can_be_answered_are_sent_away() -> None:
    async def crowd() -> list[tuple[int, dict[str, str], bytes]]:
        opened = asyncio.Event()

        async def slow(scope: Any, receive: Any, send: Any) -> None:
            await opened.wait()
            await echo(scope, receive, send)

        gate = Gate(slow, doorkeeper=Doorkeeper())
        waiting = [
            asyncio.create_task(asked(slow, gate=gate)) for _ in range(middleware.MOST_AT_ONCE)
        ]
        while gate.under_way < middleware.MOST_AT_ONCE:
            await asyncio.sleep(0.01)
        one_more = await asked(slow, gate=gate)
        alive = asyncio.create_task(asked(slow, path="/livez", method="GET", gate=gate))
        opened.set()
        done = [one_more, await alive, *(await asyncio.gather(*waiting))]
        assert gate.under_way == 0
        return done

    (status, headers, body), alive, *answered = asyncio.run(crowd())
    assert (status, code(body), headers["retry-after"]) == (429, "too_many_requests", "1")
    assert alive[0] == 200
    assert {answer[0] for answer in answered} == {200}


def queue_is_free() -> bool:
    """Whether no erasure stands in the queue."""
    with (home() / "erasure.queue").open("a") as queue:
        try:
            fcntl.flock(queue, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_nobody_is_asked_about_while_somebody_is_erased(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 0.05)
    with erasing():
        status, _, body = asyncio.run(asked(echo))
        assert (status, code(body)) == (503, "erasure_under_way")
        status, _, page = asyncio.run(asked(echo, path="/lists", method="GET"))
        assert status == 503
        assert json.loads(body)["error"]["remedy"] in page.decode()
        assert asyncio.run(asked(echo, path="/livez", method="GET"))[0] == 200
    assert asyncio.run(asked(echo))[0] == 200


def test_without_a_place_for_turns_nobody_is_asked_about(precursor_home: Path) -> None:
    (precursor_home / "erasure.room").mkdir(parents=True)
    status, _, body = asyncio.run(asked(echo))
    assert (status, code(body)) == (503, "ledger_unavailable")
    assert "erasure.room" in json.loads(body)["error"]["message"]


def test_a_request_waits_for_an_erasure_and_an_erasure_for_a_request() -> None:
    order: list[str] = []

    def erase() -> None:
        with erasing():
            order.append("erased")

    async def meet() -> None:
        looked, recorded = asyncio.Event(), asyncio.Event()

        async def slow(scope: Any, receive: Any, send: Any) -> None:
            looked.set()
            await recorded.wait()
            order.append("recorded")
            await echo(scope, receive, send)

        first = asyncio.create_task(asked(slow))
        await looked.wait()
        erasure = asyncio.create_task(asyncio.to_thread(erase))
        while queue_is_free():
            await asyncio.sleep(0.01)
        second = asyncio.create_task(asked(slow))
        await asyncio.sleep(0.1)
        assert order == []
        recorded.set()
        for task in (first, erasure, second):
            await task

    asyncio.run(meet())
    assert order == ["recorded", "erased", "recorded"]


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "SECONDS_TO_ARRIVE", 0.05)
    half = {"type": "http.request", "body": b"{", "more_body": True}
    status, _, body = asyncio.run(asked(echo, half))
    assert (status, code(body)) == (408, "too_slow")


def test_a_caller_who_has_gone_is_no_fault_of_the_service() -> None:
    reached = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope)
        await echo(scope, receive, send)

    half = {"type": "http.request", "body": b"{", "more_body": True}
    status, _, body = asyncio.run(asked(app, half, {"type": "http.disconnect"}))
    assert (status, code(body)) == (408, "too_slow")
    assert reached == [], "half a request is nobody's"


def test_an_answer_that_does_not_come_is_an_error_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "SECONDS_TO_ANSWER", 0.05)

    async def never(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(60)

    status, _, body = asyncio.run(asked(never))
    assert (status, code(body)) == (503, "unavailable")


def test_a_late_answer_keeps_its_turn_until_its_thread_has_ended(
    monkeypatch: pytest.MonkeyPatch, precursor_home: Path
) -> None:
    """Whoever is erased meanwhile must not be written down by what was asked before."""
    monkeypatch.setattr(middleware, "SECONDS_TO_ANSWER", 0.05)
    order = []

    def work() -> None:
        time.sleep(0.7)
        order.append("written")

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await run_in_threadpool(work)
        await echo(scope, receive, send)

    def erase() -> None:
        with erasing():
            order.append("erased")

    async def both() -> int:
        status, _, _ = await asked(slow)
        await asyncio.to_thread(erase)
        return int(status)

    assert asyncio.run(both()) == 503
    assert order == ["written", "erased"]


def test_a_fault_says_nothing_to_the_caller_and_names_nobody_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    name = "Jane " + "Doe"

    async def fault(scope: Any, receive: Any, send: Any) -> None:
        raise KeyError(name)

    with caplog.at_level(logging.ERROR):
        status, headers, body = asyncio.run(asked(fault))
    assert (status, code(body)) == (500, "fault")
    assert name.encode() not in body
    assert name not in caplog.text
    assert headers["x-request-id"] in caplog.text
    assert "KeyError" in caplog.text


@pytest.mark.parametrize("words", [b"Not Found", b'{"error": "x"}', b'[{"error": "x"}]', b"\xff"])
def test_what_the_framework_says_of_an_error_is_put_into_our_shape(words: bytes) -> None:
    async def says(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 422, "headers": []})
        await send({"type": "http.response.body", "body": words[:1], "more_body": True})
        await send({"type": "http.response.body", "body": words[1:]})

    status, headers, body = asyncio.run(asked(says))
    assert (status, code(body)) == (400, "invalid_request")
    assert headers["content-length"] == str(len(body))
