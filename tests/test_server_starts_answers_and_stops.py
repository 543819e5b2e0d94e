"""The server as it is really started: own processes, loopback, a token, and a clean end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from served import NAME
from started import Started, started

from features.errors import UsageError
from serving.ledger import Action, Ledger
from serving.server import AGAIN, serve


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
def server(tmp_path: Path, precursor_home: Path) -> Iterator[Started]:
    with started(precursor_home, tmp_path) as running:
        yield running


def answers(server: Started) -> bool:
    """Whether anybody answers there."""
    try:
        return server.ask("GET", "/livez")[0] == 200
    except OSError:  # refused or reset, as the system has it
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_workers_end_where_their_supervisor_is_killed(server: Started) -> None:
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait(10)
    deadline = time.monotonic() + 60
    while answers(server) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not answers(server)


def test_it_answers_a_score_on_loopback_and_ends_when_told(server: Started) -> None:
    port, token, process, ask = server.port, server.token, server.process, server.ask
    bearer = {"Authorization": f"Bearer {token}"}
    json_too = bearer | {"Content-Type": "application/json"}
    asked = {"question": NAME, "nominal_ids": ["N0001", "N0002"], "purpose": "weekly review"}
    asked["on_behalf_of"] = "PC 1234"
    status, body = ask("POST", "/v1/scores", json.dumps(asked).encode(), **json_too)
    assert status == 200, body
    answer = json.loads(body)
    assert len(answer["scores"]) + len(answer["rejected"]) == 2
    assert ask("GET", "/readyz", **bearer)[0] == 200
    status, figures = ask("GET", "/metrics", **bearer)
    assert (status, b'route="/v1/scores"' in figures) == (200, True)
    assert ask("GET", "/")[0] in (303, 401)

    status, body = ask("POST", "/v1/scores", b"x" * 10_000_000, **json_too)
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
    assert AGAIN in server.log.read_text(), "whoever ended it is told how to come back"
    with pytest.raises(OSError):  # noqa: PT011 - refused or reset, as the system has it
        ask("GET", "/livez")
    with Ledger.open() as ledger:
        for score in answer["scores"]:
            _, payload = ledger.score(score["score_id"])
            assert payload is not None
            assert payload["probability"] == score["probability"]
        assert ledger.entries(action=Action.SERVED)[0].body["in_force"][NAME]["version"] == 1
        assert ledger.verify().ok
    log = server.log.read_text()
    assert "N0001" not in log
    assert token not in log
