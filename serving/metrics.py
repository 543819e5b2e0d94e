"""Figures for Prometheus: how fast, how many scores, which refusals. No person, no actor, no path.

With several workers each writes its own files in the folder that the server names in
``PROMETHEUS_MULTIPROC_DIR``, and the answer adds them up.
"""

from __future__ import annotations

import os

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

MEDIA = CONTENT_TYPE_LATEST
_REGISTRY = CollectorRegistry()
_LABELS = ("route", "method", "status")

REQUESTS = Counter(
    "precursor_requests", "Requests by route template and status.", _LABELS, registry=_REGISTRY
)
SECONDS = Histogram(
    "precursor_request_seconds",
    "Time from request to answer.",
    ("route",),
    buckets=(0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=_REGISTRY,
)
STEPS = Histogram(
    "precursor_step_seconds",
    "Time of each step of an answer; 'record' ends with the ledger's durable commit.",
    ("step",),
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5),
    registry=_REGISTRY,
)
SCORES = Counter(
    "precursor_scores",
    "People answered, by question and what the answer was.",
    ("question", "answer"),
    registry=_REGISTRY,
)
REFUSALS = Counter(
    "precursor_refusals", "Requests refused, by the error's code.", ("code",), registry=_REGISTRY
)
GLASSES = Counter(
    "precursor_broken_glasses",
    "People opened to somebody outside their need to know, for a stated cause.",
    registry=_REGISTRY,
)


def observe(route: str, method: str, status: int, seconds: float) -> None:
    """Count one answered request."""
    REQUESTS.labels(route, method, str(status)).inc()
    SECONDS.labels(route).observe(seconds)


def exposition(more: Collector | None = None) -> bytes:
    """Return all figures in Prometheus' text format, over all workers.

    Parameters
    ----------
    more : Collector, optional
        Figures that are looked up now, such as `serving.gauges.InForceFigures`.

    Examples
    --------
    >>> b"precursor_request_seconds" in exposition()
    True
    """
    counted = _REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        counted = CollectorRegistry()
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    if more is None:
        return generate_latest(counted)
    now = CollectorRegistry()
    now.register(more)
    return generate_latest(counted) + generate_latest(now)
