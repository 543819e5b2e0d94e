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
from features.machine import cores

LOOPBACK = ("127.0.0.1", "::1", "localhost")
CERTIFICATE, KEY = "PRECURSOR_TLS_CERT", "PRECURSOR_TLS_KEY"
"""Settings that name certificate chain and private key, as PEM files."""

PROXY = "PRECURSOR_BEHIND_PROXY"
"""Set to 1, it says that a proxy with TLS stands before the service."""

GRACE = 10
"""Seconds that requests under way may take when the server is told to stop."""


SIGN_IN = "To sign in: precursor token --role ROLE gives a token to paste (analyst, reviewer, ...)."

AGAIN = f"The same command serves again.\n{SIGN_IN}"
"""What whoever ended the service needs to know to come back."""


def serve(host: str = "127.0.0.1", port: int = 3000, *, workers: int = 1) -> NoReturn:
    """Run the service until it is told to stop; this process becomes it.

    Parameters
    ----------
    host : str
        Loopback by default; on another one traffic has to be encrypted, here or by a proxy.
    port : int
    workers : int
        Processes that answer; 0 stands for as many as this machine has room for.

    Raises
    ------
    UsageError
        The port is taken, the host is none of this machine's, or traffic would leave the machine
        unencrypted.
    """
    _free(host, port)
    encryption = _encryption(host)
    root = Path(__file__).resolve().parent.parent
    # Large pages, if the system gives them: after a rest, small ones take a while to find again.
    # Whoever set the C library's own settings knows better.
    environment = (
        {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
        | os.environ
        | {
            "BENTOML_DO_NOT_TRACK": "true",
            "BENTOML_HOME": str(home() / "bentoml"),
            "PRECURSOR_HOME": str(home()),
            "PRECURSOR_WORKERS": str(workers or fitting()),
        }
    )
    command = [
        sys.executable,
        *("-m", "serving.supervisor", "serve", "serving.service:service"),
        *("--working-dir", str(root)),
        *("--host", host, "--port", str(port)),
        *encryption,
        *("--timeout-graceful-shutdown", str(GRACE)),
    ]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, command, environment)


def fitting() -> int:
    """Return how many workers fit: one for each core this process may use, two gigabytes for each.

    Examples
    --------
    >>> 1 <= fitting() <= os.cpu_count()
    True
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(cores(), memory // (2 << 30)))


def _encryption(host: str) -> list[str]:
    """Return what makes the server encrypt; refuse to listen beyond this machine without it."""
    cert, key = (os.environ.get(name) for name in (CERTIFICATE, KEY))
    if cert or key:
        missing = [
            f"{name} names no file"
            for name, path in ((CERTIFICATE, cert), (KEY, key))
            if not path or not Path(path).is_file()
        ]
        if missing:
            raise UsageError("; ".join(missing), remedy="Name both, certificate and key.")
        return ["--ssl-certfile", str(cert), "--ssl-keyfile", str(key)]
    if host not in LOOPBACK and os.environ.get(PROXY) != "1":
        raise UsageError(
            f"listening on {host} would send names and scores over the network unencrypted",
            remedy=f"Set {CERTIFICATE} and {KEY}; or {PROXY}=1 if a proxy with TLS stands before it"
            " and nothing else can reach this address.",
            field="host",
        )
    return []


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
