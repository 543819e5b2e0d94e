"""What puts a model in force, takes it out, or makes a list waits for its turn: one at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import small_force
from made_up_registry import registry_in
from served import ME, NAME, put_in_force
from typer.testing import CliRunner, Result

import precursor
from features import turns
from features.errors import Conflict
from features.history import History
from features.turns import changing
from models import champions, registry
from serving import command_ledger, governance_commands, publishing, retirement
from serving.batch import score_batch
from serving.ledger import Action, Ledger
from serving.runs import Run, pointed
from training import promotion

MADE_UP = "made_up"


def run(*words: str) -> Result:
    return CliRunner().invoke(precursor.app, list(words))


def started(done: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=done, daemon=True)
    thread.start()
    return thread


@pytest.fixture
def store(precursor_home: Path) -> Path:
    """Two registered versions; the first is in force."""
    registry_in(precursor_home)
    assert run("promote", MADE_UP, "1", "--reason", "first model").exit_code == 0
    return precursor_home


def changes(book: Ledger) -> list[tuple[str, int]]:
    """Return what was done to which version, the earliest first."""
    found = [(entry.action, entry.body["version"]) for entry in book.entries(question=MADE_UP)]
    return found[::-1]


@pytest.mark.parametrize(
    "words",
    [
        f"promote {MADE_UP} 2 --force --reason x",
        f"rollback {MADE_UP} --reason x",
        f"suspend {MADE_UP} --reason x",
        f"retire {MADE_UP} 1 --reason x",
    ],
)
def test_a_command_waits_for_the_one_before_it_and_says_what_it_waits_for(
    store: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.setattr(turns, "CHANGES_WITHIN", 0.1)
    with changing("another"), changing(MADE_UP):
        refused = run(*words.split()).exception
    assert isinstance(refused, Conflict)
    assert (refused.code, MADE_UP in refused.message) == ("under_way", True)
    with changing("another"):  # which is nobody else's business
        assert getattr(run(*words.split()).exception, "code", None) != "under_way"


def test_a_version_that_is_retired_while_the_gate_judges_it_does_not_stay_in_force(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged, go_on = threading.Event(), threading.Event()
    at_promotion = promotion.at_promotion

    def slow(*given: Any) -> Any:
        judged.set()
        assert go_on.wait(60)
        return at_promotion(*given)

    monkeypatch.setattr(promotion, "at_promotion", slow)
    first = started(lambda: precursor.promote(MADE_UP, "2", reason="second", force=True))
    assert judged.wait(60)
    second = started(lambda: governance_commands.retire(MADE_UP, "2", reason="it leaks"))
    second.join(1)
    assert second.is_alive()  # it waits
    go_on.set()
    first.join(60)
    second.join(60)
    with Ledger.open() as book:
        assert changes(book) == [("promotion", 1), ("promotion", 2), ("retirement", 2)]
        assert book.promoted_sha(MADE_UP) is None
    assert champions.questions() == []


def retired_elsewhere(version: int) -> None:
    """Retire a version as from another state folder, which has locks of its own."""
    with Ledger.open() as book:
        body = {"version": version, "sha256": "0" * 64, "in_force": False}
        book.append(Action.RETIREMENT, **ME, purpose="it leaks", question=MADE_UP, body=body)


@pytest.mark.parametrize("words", ["promote made_up 2 --force", "rollback made_up"])
def test_a_version_that_was_retired_elsewhere_meanwhile_does_not_come_into_force(
    store: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    if words.startswith("rollback"):
        assert run("promote", MADE_UP, "2", "--force", "--reason", "second").exit_code == 0
        registry.set_alias(MADE_UP, "champion", 1)
        registry.set_alias(MADE_UP, "previous", 2)
        champions.point(MADE_UP, 1)
    lay = registry.lay

    def slow(*given: Any) -> Path:
        retired_elsewhere(2)
        return lay(*given)

    monkeypatch.setattr(registry, "lay", slow)
    refused = run(*words.split(), "--reason", "again").exception
    assert isinstance(refused, Conflict)
    assert refused.code == "retired"
    assert champions.pointer(MADE_UP)["version"] == 1
    with Ledger.open() as book:
        assert changes(book)[-1] == ("retirement", 2)


def test_no_retirement_comes_between_the_look_and_the_entry(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, late = retirement.require_not_retired, list[threading.Thread]()

    def slow(*given: Any) -> None:
        look(*given)
        late.append(started(lambda: retired_elsewhere(2)))
        late[0].join(0.5)
        assert late[0].is_alive()

    monkeypatch.setattr(retirement, "require_not_retired", slow)
    body = {"version": 2, "sha256": "2" * 64}
    with Ledger.open() as book:
        command_ledger.record_in_force(book, Action.PROMOTION, "second", MADE_UP, body)
        late[0].join(60)
        assert changes(book) == [("promotion", 1), ("promotion", 2), ("retirement", 2)]
        assert book.promoted_sha(MADE_UP) is None  # though it was not yet when it was looked up


def test_a_retired_version_is_not_in_force_in_whatever_order_it_came_about(store: Path) -> None:
    retired_elsewhere(2)
    with Ledger.open() as book:
        body = {"version": 2, "sha256": "2" * 64}
        book.append(Action.PROMOTION, **ME, purpose="late", question=MADE_UP, body=body)
        assert book.promoted_sha(MADE_UP) is None


def test_the_list_that_is_served_is_the_one_published_last(
    precursor_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = History(small_force.make_load(precursor_home / "records" / "small", people=60))
    model, made = small_force.make_model(history, trees=5), []
    pointing, go_on = threading.Event(), threading.Event()
    point = publishing.point
    with Ledger.open() as book:
        put_in_force(book, model, 1)
        for number in (1, 2):
            out = precursor_home / f"{number}.parquet"
            done = score_batch(model, 1, history, out, ledger=book, **ME)
            made.append(done.run.run_id)

        def slow(run: Run, said: dict[str, Any]) -> None:
            if run.run_id == made[0]:
                pointing.set()
                assert go_on.wait(60)
            point(run, said)

        monkeypatch.setattr(publishing, "point", slow)

        def publish(run_id: str) -> None:
            publishing.publish(NAME, ledger=book, run_id=run_id, **ME)

        first = started(lambda: publish(made[0]))
        assert pointing.wait(60)
        second = started(lambda: publish(made[1]))
        second.join(1)
        assert second.is_alive()
        go_on.set()
        first.join(60)
        second.join(60)
        last = book.entries(action=Action.PUBLISH, question=NAME, limit=1)[0]
        served = pointed(NAME)
    assert served is not None
    assert served["run_id"] == last.body["run_id"] == made[1]
