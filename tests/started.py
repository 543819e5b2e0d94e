"""A server as it is really started, with a small force behind it, for tests that speak HTTP."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import small_force
from served import NAME, put_in_force

from features.history import History
from serving.access import Access
from serving.kept import serve_from
from serving.ledger import Ledger

ROOT = Path(__file__).resolve().parent.parent
SECONDS_TO_START = 90


@dataclass(frozen=True)
class Started:
    """A server's port, a program's token, its process and its log."""

    port: int
    token: str
    process: subprocess.Popen[bytes]
    log: Path
    tls: ssl.SSLContext | None = None

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, bytes]:
        """Send a request; return status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=40)
        if self.tls is not None:
            connection = http.client.HTTPSConnection(
                "127.0.0.1", self.port, timeout=40, context=self.tls
            )
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def free_port() -> int:
    """Return a port on which nobody listens just now."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(home: Path, folder: Path, tls: ssl.SSLContext | None = None) -> Iterator[Started]:
    """Start a server over a state folder, which ``PRECURSOR_HOME`` names, and end it."""
    load = small_force.make_load(home / "records" / "small", people=60)
    with Ledger.open() as ledger:
        put_in_force(ledger, small_force.make_model(History(load)), 1)
        token = Access(ledger).issue_token("case system", "service", 1)
    serve_from(NAME, load)
    port, log = free_port(), folder / "log"
    code = f"from serving.server import serve; serve(port={port})"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=written,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        server = Started(port, token, process, log, tls)
        try:
            deadline = time.monotonic() + SECONDS_TO_START
            while time.monotonic() < deadline and process.poll() is None:
                with contextlib.suppress(OSError):
                    if server.ask("GET", "/livez")[0] == 200:
                        break
                time.sleep(0.2)
            else:
                pytest.fail(log.read_text()[-4000:])
            yield server
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
