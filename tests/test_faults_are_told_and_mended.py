"""A ledger that cannot be written: the cause is told, nothing is answered, and then all goes on."""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import json
import os
import resource
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from served import NAME
from started import Started, started

from benchmarks.faults import workers_of
from serving.ledger import Action, Ledger

pytestmark = pytest.mark.skipif(
    not hasattr(resource, "prlimit"), reason="needs Linux: limits of another process"
)
SIZE = 300 << 20
"""Of the small file system: enough for the state folder, and soon filled."""


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, bool]]:
    """Return a folder on a small file system of its own if one can be mounted, and whether."""
    folder = tmp_path_factory.mktemp("disk")
    libc = ctypes.CDLL(ctypes.util.find_library("c") or "libc.so.6", use_errno=True)
    mounted = sys.platform == "linux" and not libc.mount(
        b"tmpfs", str(folder).encode(), b"tmpfs", 0, f"size={SIZE}".encode()
    )
    yield folder, mounted
    if mounted:
        libc.umount2(str(folder).encode(), 2)  # 2: when nobody uses it any more


@pytest.fixture(scope="module")
def server(
    small_disk: tuple[Path, bool], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Started]:
    """Return a server whose state folder is on that file system."""
    home = small_disk[0] / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRECURSOR_HOME", str(home))
        with started(home, tmp_path_factory.mktemp("server")) as running:
            yield running


@pytest.fixture(autouse=True)
def home(small_disk: tuple[Path, bool], server: Started, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let this process look at the server's own state folder."""
    monkeypatch.setenv("PRECURSOR_HOME", str(small_disk[0] / "home"))
    return small_disk[0] / "home"


def score(server: Started) -> tuple[int, dict]:
    asked = {"question": NAME, "nominal_ids": ["N0001"], "purpose": "review"}
    asked["on_behalf_of"] = "PC 1234"
    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"}
    status, body = server.ask("POST", "/v1/scores", json.dumps(asked).encode(), **headers)
    return status, json.loads(body)


def ready(server: Started) -> tuple[int, str]:
    status, body = server.ask("GET", "/readyz", Authorization=f"Bearer {server.token}")
    return status, body.decode()


def recorded() -> int:
    with Ledger.open() as ledger:
        return len(ledger.entries(action=Action.SCORE, limit=None))


def refuses(server: Started, cause: str, remedy: str) -> None:
    """Hold that scores are refused with a remedy, and that readiness tells the cause."""
    status, said = score(server)
    assert status == 503, said
    assert "scores" not in said
    assert remedy in said["error"]["remedy"].lower(), said
    status, text = ready(server)
    assert status == 503, text
    assert cause in text.lower(), text


def goes_on(server: Started, before: int) -> None:
    """Hold that what was refused was not recorded, and that all is well again."""
    assert recorded() == before
    status, said = score(server)
    assert status == 200, said
    assert ready(server)[0] == 200
    assert recorded() == before + 1
    with Ledger.open() as ledger:
        assert ledger.score(said["scores"][0]["score_id"])[1]
        assert ledger.verify().ok


def test_a_locked_ledger(server: Started, home: Path) -> None:
    before = recorded()
    with closing(sqlite3.connect(home / "ledger.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        refuses(server, "locked", "another process holds the ledger")
        other.execute("ROLLBACK")
    goes_on(server, before)


@contextmanager
def no_file_grows(server: Started) -> Iterator[None]:
    """Let no process that answers write to a file, as on a disk or within a quota that is full."""
    found = {}
    for process in workers_of(server.process.pid):
        found[process] = resource.prlimit(process, resource.RLIMIT_FSIZE)
        resource.prlimit(process, resource.RLIMIT_FSIZE, (0, found[process][1]))
    assert found
    try:
        yield
    finally:
        for process, limits in found.items():
            resource.prlimit(process, resource.RLIMIT_FSIZE, limits)


def test_a_limit_on_what_may_be_written(server: Started) -> None:
    before = recorded()
    with no_file_grows(server):
        refuses(server, "too large", "the disk is full")
    goes_on(server, before)


def test_a_full_disk(server: Started, small_disk: tuple[Path, bool]) -> None:
    folder, mounted = small_disk
    if not mounted:
        pytest.skip("no file system can be mounted here; the limit above stands for it")
    before, ballast = recorded(), folder / "ballast"
    with ballast.open("wb") as filled, contextlib.suppress(OSError):
        while os.write(filled.fileno(), bytes(1 << 20)):
            pass
    refuses(server, "full", "make room")
    ballast.unlink()
    goes_on(server, before)
