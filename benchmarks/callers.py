"""Load on a server: requests at a steady rate, or as many as it can take, timed one by one.

At a rate, a request is sent when its time has come, whether or not earlier ones were answered, and
its time counts from that moment: a server that stalls is charged for everybody who waited.
"""

from __future__ import annotations

import http.client
import json
import queue
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

_PART = re.compile(r"(\w+);dur=([\d.]+)")


@dataclass(frozen=True)
class Answer:
    """One answer: status (0: none came), milliseconds, what each step took, and the body."""

    status: int
    ms: float
    steps: dict[str, float] = field(default_factory=dict)
    body: bytes = b""


IDLE = 3.0
"""Seconds after which a kept connection is opened anew: servers let go of idle ones after five."""


class Caller:
    """A connection that is kept open, as a program would."""

    def __init__(self, port: int, path: str, headers: dict[str, str], seconds: float = 30) -> None:
        self._port, self._path, self._seconds = port, path, seconds
        self._headers = {"Content-Type": "application/json", **headers}
        self._connection: http.client.HTTPConnection | None = None
        self._used = 0.0

    def post(self, asked: Any, due: float | None = None) -> Answer:
        """Send a request; its time counts from `due`, by default from now."""
        began = time.perf_counter() if due is None else due
        if time.perf_counter() - self._used > IDLE:
            self.close()
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection(
                    "127.0.0.1", self._port, timeout=self._seconds
                )
            self._connection.request("POST", self._path, json.dumps(asked), self._headers)
            found = self._connection.getresponse()
            body = found.read()
            self._used = time.perf_counter()
        except (OSError, http.client.HTTPException):
            self.close()
            return Answer(0, (time.perf_counter() - began) * 1e3)
        steps = {
            name: float(ms) for name, ms in _PART.findall(found.headers.get("server-timing", ""))
        }
        if found.headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(found.status, (time.perf_counter() - began) * 1e3, steps, body)

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def steadily(
    caller: Callable[[], Caller], asked: Sequence[Any], rate: float, *, most: int = 32
) -> list[Answer]:
    """Send requests at so many a second; at most `most` at once."""
    waiting: queue.SimpleQueue[tuple[int, float] | None] = queue.SimpleQueue()
    found: dict[int, Answer] = {}

    def work() -> None:
        own = caller()
        while (item := waiting.get()) is not None:
            found[item[0]] = own.post(asked[item[0]], item[1])
        own.close()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(most)]
    for thread in threads:
        thread.start()
    start = time.perf_counter()
    for number in range(len(asked)):
        due = start + number / rate
        time.sleep(max(0.0, due - time.perf_counter()))
        waiting.put((number, due))
    for _ in threads:
        waiting.put(None)
    for thread in threads:
        thread.join()
    return [found[number] for number in range(len(asked))]


def at_once(caller: Callable[[], Caller], asked: Sequence[Any], callers: int) -> tuple[float, int]:
    """Send all requests, so many callers each waiting for its answer; return seconds and errors."""
    numbers = iter(range(len(asked)))
    lock, failed = threading.Lock(), []

    def work() -> None:
        own = caller()
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                break
            answer = own.post(asked[number])
            if answer.status != 200:
                failed.append(answer.status)
        own.close()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(callers)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - start, len(failed)


def quantile(values: Sequence[float], share: float) -> float:
    """Return a quantile.

    Examples
    --------
    >>> quantile([1.0, 2.0, 3.0], 0.5)
    2.0
    """
    return float(np.quantile(np.asarray(values), share))
