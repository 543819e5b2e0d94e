"""What the ledger took out of force scores nobody in a running worker, whatever the files say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import small_force
from house import ROOT
from ledgers import address, ledger  # noqa: F401 - fixtures
from served import ME, NAME, put_in_force

from features.history import History
from models import champions
from serving.governance_commands import suspend_version
from serving.kept import serve_from
from serving.ledger import Action, Ledger
from serving.stock import NotInForce, QuestionNotInForce, Stock


@pytest.fixture
def running(ledger: Ledger, precursor_home: Path) -> Stock:  # noqa: F811
    """A stock that has opened version 1 of a question, and served it."""
    load = small_force.make_load(precursor_home / "first", people=60)
    put_in_force(ledger, small_force.make_model(History(load), trees=5), 1)
    serve_from(NAME, load)
    stock = Stock(ledger)
    assert stock.get(NAME).version == 1
    return stock


@pytest.mark.parametrize("action", [Action.SUSPENSION, Action.RETIREMENT])
def test_a_running_worker_scores_nobody_once_the_ledger_has_no_model_in_force(
    ledger: Ledger,  # noqa: F811
    running: Stock,
    action: Action,
) -> None:
    pointer = champions.folder(NAME) / champions.POINTER
    before = pointer.read_bytes()
    body = {"version": 1, "in_force": True}
    ledger.append(action, **ME, purpose="harm", question=NAME, body=body)
    calls = (lambda: running.get(NAME), lambda: running.champion(NAME), running.ready)

    def refused() -> None:
        for call in calls:
            with pytest.raises(NotInForce, match=r"has in force \(none\)") as refusal:
                call()
            assert refusal.value.status == 503

    refused()  # the command was killed before it took the pointer away
    champions.withdraw(NAME)
    with pytest.raises(QuestionNotInForce):
        running.get(NAME)
    pointer.write_bytes(before)
    refused()  # somebody who may write there put it back


def test_a_retirement_of_another_version_leaves_a_running_worker_its_own(
    ledger: Ledger,  # noqa: F811
    running: Stock,
) -> None:
    body = {"version": 2, "in_force": False}
    ledger.append(Action.RETIREMENT, **ME, purpose="old", question=NAME, body=body)
    assert running.get(NAME).version == 1


def test_the_trail_of_a_question_is_read_when_it_grew_and_not_at_each_request(
    running: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ledger, "promoted_sha", lambda *_: pytest.fail("read again"))
    assert running.get(NAME).version == 1


@pytest.mark.parametrize("said", [None, {"version": 7}])
def test_an_emergency_stop_goes_by_the_ledger_and_not_by_what_a_file_says(
    precursor_home: Path, said: dict[str, int] | None
) -> None:
    load = small_force.make_load(precursor_home / "first", people=60)
    with Ledger.open() as book:
        put_in_force(book, small_force.make_model(History(load), trees=5), 1)
    pointer = champions.folder(NAME) / champions.POINTER
    before = json.loads(pointer.read_text())
    pointer.unlink()
    if said is not None:
        pointer.write_text(json.dumps(before | said))
    assert suspend_version(NAME, 7, "drift") == "Nothing is suspended: version 7 is not in force."
    assert suspend_version(NAME, 1, "drift").startswith(f"Version 1 of {NAME} is suspended")
    assert not pointer.exists()
    with Ledger.open() as book:
        (entry,) = book.entries(action=Action.SUSPENSION)
        assert entry.body == {"version": 1}
        assert book.promoted_sha(NAME) is None


def test_an_emergency_stop_needs_no_registry_and_tells_no_password(precursor_home: Path) -> None:
    load = small_force.make_load(precursor_home / "first", people=60)
    with Ledger.open() as book:
        put_in_force(book, small_force.make_model(History(load), trees=5), 1)

    def suspend() -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "serving", "suspend", NAME, "--reason", "harm", "--json"]
        place = {"MLFLOW_TRACKING_URI": "http://user:secret@127.0.0.1:9"}
        return subprocess.run(
            words, cwd=ROOT, env=os.environ | place, capture_output=True, text=True, check=False
        )

    done = suspend()
    assert (done.returncode, json.loads(done.stdout)["version"]) == (0, 1), done.stderr
    assert "it still calls version 1 champion" in done.stderr
    again = suspend()
    error = json.loads(again.stdout)["error"]
    assert (again.returncode, error["code"]) == (1, "question_not_in_force")
    for one in (done, again):
        assert "secret" not in one.stdout + one.stderr
        assert "Traceback" not in one.stderr
    with Ledger.open() as book:
        assert len(book.entries(action=Action.SUSPENSION)) == 1
