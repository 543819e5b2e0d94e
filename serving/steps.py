"""Steps of an answer: how long each took, for metrics, for the answer itself, and for traces.

A step is named once, where it is done. Its time goes to ``/metrics``; while a request is answered
it is also noted for the ``server-timing`` header, which browsers and load scripts read, and it
becomes a span where traces are asked for (`serving.traces`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

from serving import metrics, traces

Name = Literal["authenticate", "in_force", "score", "record", "encode"]

_TAKEN: ContextVar[dict[str, float] | None] = ContextVar("precursor_steps", default=None)


def begin() -> dict[str, float]:
    """Start to note the steps of one request; threads that work for it note theirs here too."""
    taken: dict[str, float] = {}
    _TAKEN.set(taken)
    return taken


@contextmanager
def step(name: Name) -> Iterator[None]:
    """Measure one step.

    Examples
    --------
    >>> taken = begin()
    >>> with step("score"):
    ...     pass
    >>> list(taken), header(taken).startswith("score;dur=")
    (['score'], True)
    """
    started = time.perf_counter()
    try:
        with traces.span(name):
            yield
    finally:
        seconds = time.perf_counter() - started
        metrics.STEPS.labels(name).observe(seconds)
        taken = _TAKEN.get()
        if taken is not None:
            taken[name] = taken.get(name, 0.0) + seconds


def header(taken: dict[str, float]) -> str:
    """Return the steps in milliseconds, as the ``server-timing`` header has them.

    Examples
    --------
    >>> header({"score": 0.0071, "record": 0.0012})
    'score;dur=7.10, record;dur=1.20'
    """
    return ", ".join(f"{name};dur={seconds * 1e3:.2f}" for name, seconds in taken.items())
