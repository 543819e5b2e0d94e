"""How often: requests of one actor, and failed sign-ins from one place before it is locked out."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from features.errors import PrecursorError, UsageError

MOST_PLACES = 10_000
FAILURES, WITHIN, LOCKED = 10, 900.0, 900.0
"""So many failures within so many seconds lock a place out for so many."""

RATE, BURST = "PRECURSOR_RATE", 5
"""The setting for requests a second of one actor, and how many seconds' worth may come at once."""

USUAL = 200.0


class TooOften(PrecursorError):
    """More than one actor may ask, or sign-in failed too often from one place (status 429)."""

    code = "too_often"
    status = 429


class Attempts:
    """Failed sign-ins by where they came from, for one worker.

    Examples
    --------
    >>> attempts = Attempts(clock=lambda: 0.0)
    >>> [attempts.failed("10.0.0.1") for _ in range(10)].count(True)
    1
    >>> attempts.admit("10.0.0.1")
    Traceback (most recent call last):
    ...
    serving.limits.TooOften: sign-in failed 10 times from here. Try again in 15 minutes, ...
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failed: OrderedDict[str, deque[float]] = OrderedDict()

    def admit(self, place: str) -> None:
        """Refuse a place from which sign-in failed too often."""
        with self._lock:
            times = self._failed.get(place, deque())
            if len(times) >= FAILURES and self._clock() - times[-1] < LOCKED:
                raise TooOften(
                    f"sign-in failed {FAILURES} times from here",
                    remedy=f"Try again in {LOCKED / 60:.0f} minutes, or ask whoever runs it.",
                    code="locked_out",
                )

    def failed(self, place: str) -> bool:
        """Count a failure; return whether it is the one that locks the place out."""
        now = self._clock()
        with self._lock:
            times = self._failed.setdefault(place, deque(maxlen=FAILURES))
            while times and now - times[0] > WITHIN:
                times.popleft()
            before = len(times)
            times.append(now)
            self._failed.move_to_end(place)
            while len(self._failed) > MOST_PLACES:
                self._failed.popitem(last=False)
            return before == FAILURES - 1

    def succeeded(self, place: str) -> None:
        """Forget the failures of a place."""
        with self._lock:
            self._failed.pop(place, None)


class Rate:
    """Requests of each actor: so many a second, and a few seconds' worth at once, for one worker.

    Examples
    --------
    >>> rate = Rate(1.0, clock=lambda: 0.0)
    >>> for _ in range(5):
    ...     rate.admit("app")
    >>> rate.admit("app")
    Traceback (most recent call last):
    ...
    serving.limits.TooOften: more than 1 requests a second. Ask for many people in one request, ...
    """

    def __init__(
        self, each_second: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._each = _setting() if each_second is None else each_second
        self._clock = clock
        self._lock = threading.Lock()
        self._left: dict[str, tuple[float, float]] = {}

    def admit(self, actor: str) -> None:
        """Take one request of an actor, or refuse it."""
        now, most = self._clock(), self._each * BURST
        with self._lock:
            left, since = self._left.get(actor, (most, now))
            left = min(most, left + (now - since) * self._each)
            if left < 1:
                raise TooOften(
                    f"more than {self._each:g} requests a second",
                    remedy="Ask for many people in one request, or a little slower.",
                )
            self._left[actor] = (left - 1, now)


def _setting() -> float:
    given = os.environ.get(RATE, str(USUAL))
    try:
        value = float(given)
    except ValueError:
        value = 0.0
    if not 1 <= value <= 1e6:
        raise UsageError(
            f"{RATE} is {given!r}", remedy="Give the requests a second that one actor may make."
        )
    return value
