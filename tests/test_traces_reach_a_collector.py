"""Traces are sent to a collector over OTLP, and name nobody there either."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import import_module

import pytest

from features.errors import UsageError
from serving import traces

EXPORTER = "opentelemetry.exporter.otlp.proto.http"
SENT = "opentelemetry.proto.collector.trace.v1.trace_service_pb2"


@contextmanager
def collector() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """Listen on loopback as a collector does; give its address and what it was sent."""
    received: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            received.append((self.path, body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_spans_arrive_with_route_and_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(EXPORTER, reason="the extra `otlp` is not installed")
    sent = pytest.importorskip(SENT, reason="the extra `otlp` is not installed")
    with collector() as (address, received):
        monkeypatch.setenv(traces.VARIABLE, address)
        caller = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
        with traces.request(caller, "POST", "r1") as opened, traces.span("score"):
            traces.answered(opened, "/v1/scores", 200)
        traces.flush()
    assert {path for path, _ in received} == {"/v1/traces"}
    spans = [
        span
        for _, body in received
        for resource in sent.ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    assert {span.name for span in spans} == {"POST /v1/scores", "score"}
    assert {span.trace_id.hex() for span in spans} == {"0af7651916cd43dd8448eb211c80319c"}
    (own,) = [span for span in spans if span.name != "score"]
    assert {one.key for one in own.attributes} == {
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "precursor.request_id",
    }


def test_without_the_extra_an_address_is_refused_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    try:
        import_module(EXPORTER)
    except ImportError:
        monkeypatch.setenv(traces.VARIABLE, "http://127.0.0.1:1/v1/traces")
        with pytest.raises(UsageError, match=r"precursor\[otlp\]"), traces.span("score"):
            pass
    else:
        pytest.skip("the extra `otlp` is installed")
