"""Starting the server with what the house insists on: loopback, and nothing sent elsewhere.

Nothing heavy is imported here: the processes that answer import it, this one becomes their parent.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import NoReturn

from features.errors import UsageError
from features.home import home

LOOPBACK = ("127.0.0.1", "::1", "localhost")
GRACE = 10
"""Seconds that requests under way may take when the server is told to stop."""


def serve(host: str = "127.0.0.1", port: int = 3000, *, workers: int = 1) -> NoReturn:
    """Run the service until it is told to stop; this process becomes it.

    Parameters
    ----------
    host : str
        Loopback by default; another one is warned about, because traffic is not encrypted.
    port : int
    workers : int
        Processes that answer.

    Raises
    ------
    UsageError
        The port is taken, or the host is none of this machine's.
    """
    _free(host, port)
    if host not in LOOPBACK:
        print(
            f"WARNING: listening on {host}: other machines can reach this service, and traffic is"
            " not encrypted. Put a proxy with TLS in front of it.",
            file=sys.stderr,
        )
    root = Path(__file__).resolve().parent.parent
    environment = os.environ | {
        "BENTOML_DO_NOT_TRACK": "true",
        "BENTOML_HOME": str(home() / "bentoml"),
        "PRECURSOR_HOME": str(home()),
        "PRECURSOR_WORKERS": str(workers),
    }
    command = [
        sys.executable,
        *("-m", "serving.supervisor", "serve", "serving.service:service"),
        *("--working-dir", str(root)),
        *("--host", host, "--port", str(port)),
        *("--timeout-graceful-shutdown", str(GRACE)),
    ]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, command, environment)


def _free(host: str, port: int) -> None:
    """Refuse a port that is taken now, in words; the framework would fail later, in a trace."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as taken:
            raise UsageError(
                f"cannot listen on {host}:{port} ({taken.strerror})",
                remedy="Stop what listens there, or choose another: --port PORT.",
                field="port",
            ) from taken
