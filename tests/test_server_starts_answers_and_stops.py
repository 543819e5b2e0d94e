"""The server as it is really started: own processes, loopback, a token, and a clean end."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import small_force
from served import NAME, put_in_force

from features.errors import UsageError
from features.history import History
from serving.access import Access
from serving.kept import serve_from
from serving.ledger import Action, Ledger
from serving.server import serve

ROOT = Path(__file__).resolve().parent.parent
SECONDS_TO_START = 90


def free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(port: int, method: str, path: str, body: bytes | None = None, **headers: str):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def listening(group: int) -> set[int]:
    """Return the TCP ports on which the processes of a group listen."""
    ours = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.getpgid(int(folder.name)) == group:
                ours |= {os.readlink(link) for link in (folder / "fd").iterdir()}
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {
        int(row[1].partition(":")[2], 16)
        for row in rows
        if row[3] == "0A" and f"socket:[{row[9]}]" in ours
    }


@pytest.fixture
def server(tmp_path: Path, precursor_home: Path) -> Iterator[tuple[int, str, subprocess.Popen]]:
    """Return port, an analyst's token, and the process of a server that has started."""
    load = small_force.make_load(precursor_home / "records" / "small", people=60)
    history = History(load)
    with Ledger.open() as ledger:
        put_in_force(ledger, small_force.make_model(history), 1)
        token = Access(ledger).issue_token("case system", "service", 1)
    serve_from(NAME, load)
    port = free_port()
    code = f"from serving.server import serve; serve(port={port})"
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            deadline = time.monotonic() + SECONDS_TO_START
            while time.monotonic() < deadline and process.poll() is None:
                with contextlib.suppress(OSError):
                    if ask(port, "GET", "/livez")[0] == 200:
                        break
                time.sleep(0.2)
            else:
                pytest.fail((tmp_path / "log").read_text()[-4000:])
            yield port, token, process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def test_it_answers_a_score_on_loopback_and_ends_when_told(
    server: tuple[int, str, subprocess.Popen], tmp_path: Path
) -> None:
    port, token, process = server
    bearer = {"Authorization": f"Bearer {token}"}
    json_too = bearer | {"Content-Type": "application/json"}
    asked = {"question": NAME, "nominal_ids": ["N0001", "N0002"], "purpose": "weekly review"}
    status, body = ask(port, "POST", "/v1/scores", json.dumps(asked).encode(), **json_too)
    assert status == 200, body
    answer = json.loads(body)
    assert len(answer["scores"]) + len(answer["rejected"]) == 2
    assert ask(port, "GET", "/readyz", **bearer)[0] == 200
    status, figures = ask(port, "GET", "/metrics", **bearer)
    assert (status, b'route="/v1/scores"' in figures) == (200, True)
    assert ask(port, "GET", "/")[0] in (303, 401)

    status, body = ask(port, "POST", "/v1/scores", b"x" * 10_000_000, **json_too)
    assert (status, json.loads(body)["error"]["code"]) == (413, "too_large")

    others = {line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]}
    assert f"0100007F:{port:04X}" in others
    assert f"00000000:{port:04X}" not in others

    # nothing else of it listens: its supervisor takes orders on sockets of this user alone
    assert listening(process.pid) == {port}

    with pytest.raises(UsageError, match=f"127.0.0.1:{port}"):
        serve(port=port)

    process.send_signal(signal.SIGTERM)
    process.wait(30)
    with pytest.raises(OSError):  # noqa: PT011 - refused or reset, as the system has it
        ask(port, "GET", "/livez")
    with Ledger.open() as ledger:
        for score in answer["scores"]:
            _, payload = ledger.score(score["score_id"])
            assert payload is not None
            assert payload["probability"] == score["probability"]
        assert ledger.entries(action=Action.SERVED)[0].body["in_force"][NAME]["version"] == 1
        assert ledger.verify().ok
    log = (tmp_path / "log").read_text()
    assert "N0001" not in log
    assert token not in log
