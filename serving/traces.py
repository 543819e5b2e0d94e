"""OpenTelemetry traces of requests, by one variable: ``PRECURSOR_TRACES``.

Empty, there are none and nothing is imported. ``http://HOST:4318/v1/traces`` sends them to a
collector (needs the extra `otlp`); any other value names a file, to which each span is appended as
JSON. A span carries route template, status and request id, and nothing about a person, an actor or
a purpose. A caller's ``traceparent`` is continued.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any

from features.errors import UsageError

VARIABLE = "PRECURSOR_TRACES"


@contextmanager
def span(name: str, **attributes: str) -> Iterator[Any]:
    """Open a span within the one that is open; None where no traces are asked for.

    Examples
    --------
    >>> with span("score") as opened:
    ...     opened is None
    True
    """
    tracer = _tracer(os.environ.get(VARIABLE, ""), os.getpid())
    if tracer is None:
        yield None
        return
    with tracer.start_as_current_span(name, attributes=attributes) as opened:
        yield opened


@contextmanager
def request(headers: Mapping[str, str], method: str, request_id: str) -> Iterator[Any]:
    """Open the span of one request, as a part of the caller's trace if there is one."""
    tracer = _tracer(os.environ.get(VARIABLE, ""), os.getpid())
    if tracer is None:
        yield None
        return
    carried = _library("trace.propagation.tracecontext").TraceContextTextMapPropagator()
    with tracer.start_as_current_span(
        method,
        context=carried.extract(dict(headers)),
        kind=_library("trace").SpanKind.SERVER,
        attributes={"http.request.method": method, "precursor.request_id": request_id},
        record_exception=False,  # a fault's words may name a person
        set_status_on_exception=False,
    ) as opened:
        yield opened


def answered(opened: Any, route: str, status: int) -> None:
    """Say on a request's span what was answered."""
    if opened is not None:
        opened.update_name(f"{opened.attributes['http.request.method']} {route}")
        opened.set_attribute("http.route", route)
        opened.set_attribute("http.response.status_code", status)


def flush() -> None:
    """Send what was not sent yet, before a worker ends."""
    where = os.environ.get(VARIABLE, "")
    if where:
        _provider(where, os.getpid()).force_flush()


def _tracer(where: str, process: int) -> Any:
    """Return what makes spans in this process; None where no traces are asked for."""
    return _provider(where, process).get_tracer("precursor") if where else None


@cache
def _provider(where: str, _process: int) -> Any:
    """Return what collects and sends spans; a forked worker makes its own."""
    named = _library("sdk.resources").Resource.create({"service.name": "precursor"})
    provider = _library("sdk.trace").TracerProvider(resource=named)
    provider.add_span_processor(_library("sdk.trace.export").BatchSpanProcessor(_exporter(where)))
    return provider


def _exporter(where: str) -> Any:
    if where.startswith(("http://", "https://")):
        try:
            sender = _library("exporter.otlp.proto.http.trace_exporter")
        except ImportError as missing:
            raise UsageError(
                f"{VARIABLE}={where}: the package that sends traces is not installed",
                remedy="pip install 'precursor[otlp]', or name a file.",
            ) from missing
        return sender.OTLPSpanExporter(endpoint=where)
    out = open(where, "a", encoding="utf-8", opener=_private)  # noqa: SIM115 - open to the end
    return _library("sdk.trace.export").ConsoleSpanExporter(
        out=out, formatter=lambda told: told.to_json(indent=None) + "\n"
    )


def _library(part: str) -> Any:
    """Import a part of OpenTelemetry, only where traces are asked for: it takes its time."""
    return import_module(f"opentelemetry.{part}")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
