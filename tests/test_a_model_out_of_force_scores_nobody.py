"""What the ledger took out of force scores nobody in a running worker, whatever the files say."""

from __future__ import annotations

from pathlib import Path

import pytest
import small_force
from ledgers import address, ledger  # noqa: F401 - fixtures
from served import ME, NAME, put_in_force

from features.history import History
from models import champions
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
