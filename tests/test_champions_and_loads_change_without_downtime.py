"""A promotion, a roll-back, a new load: taken up while requests go on, and none of them fails.

What takes a model out of force counts as soon, whatever the files say.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import small_force
from served import ME, NAME, put_in_force

from benchmarks import serving_world
from features.history import History
from features.loads import Load
from models import champions
from serving import stock as of_stock
from serving.access import Access
from serving.kept import serve_from
from serving.ledger import Action, Ledger
from serving.stock import NotInForce, Stock


@pytest.fixture
def world(precursor_home: Path) -> Iterator[tuple[Ledger, Load, Stock]]:
    """A ledger, a load that is served, and a stock that has opened both."""
    load = small_force.make_load(precursor_home / "first", people=60)
    with Ledger.open() as ledger:
        put_in_force(ledger, small_force.make_model(History(load), trees=5), 1)
        serve_from(NAME, load)
        stock = Stock(ledger)
        stock.get(NAME)
        yield ledger, load, stock


def other_load(home: Path) -> Load:
    return small_force.make_load(home / "second", people=70, seed=8)


def waited(what: object, seconds: float = 30) -> bool:
    """Wait until a call without arguments is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what():  # type: ignore[operator]
            return True
        time.sleep(0.02)
    return False


def test_a_new_load_is_opened_beside_the_one_in_use(
    world: tuple[Ledger, Load, Stock], precursor_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, first, stock = world
    second = other_load(precursor_home)
    opening, opened = threading.Event(), threading.Event()

    class Slow(History):
        def __init__(self, load: Load, **how: object) -> None:
            opening.set()
            assert opened.wait(30)
            super().__init__(load, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(of_stock, "History", Slow)
    serve_from(NAME, second)
    assert stock.get(NAME).load.fingerprint == first.fingerprint
    assert opening.wait(30)
    assert stock.get(NAME).load.fingerprint == first.fingerprint  # nobody waits meanwhile
    opened.set()
    assert waited(lambda: stock.get(NAME).load.fingerprint == second.fingerprint)


def test_a_new_load_that_cannot_be_read_is_told_and_never_passed_over(
    world: tuple[Ledger, Load, Stock], precursor_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, stock = world
    second = other_load(precursor_home)
    serve_from(NAME, second)
    file = second.path / "offence.parquet"
    whole = file.read_bytes()
    file.write_bytes(whole[:-100])

    def refused() -> bool:
        try:
            stock.get(NAME)
        except Exception:
            return True
        return False

    assert waited(refused)
    with pytest.raises(Exception, match="offence"):
        stock.ready()
    file.write_bytes(whole)
    monkeypatch.setattr(of_stock, "AGAIN_AFTER", 0.0)
    assert waited(lambda: not refused() and stock.get(NAME).load.number == second.number)
    stock.ready()


def test_a_model_in_force_whose_files_are_gone_is_no_unknown_question(
    world: tuple[Ledger, Load, Stock],
) -> None:
    _, _, stock = world
    champions.folder(NAME).rename(champions.folder(NAME).with_name(".gone"))
    for call in (lambda: stock.get(NAME), stock.ready):
        with pytest.raises(NotInForce, match="its files are gone") as refused:
            call()
        assert refused.value.status == 503
        assert "Restore" in refused.value.remedy


def test_a_model_under_another_question_s_name_is_not_served(
    world: tuple[Ledger, Load, Stock],
) -> None:
    ledger, load, stock = world
    model = stock.champion(NAME)[0]
    body = {"version": 1, "sha256": model.sha256}
    ledger.append(Action.PROMOTION, **ME, purpose="test", question="other", body=body)
    shutil.copytree(champions.folder(NAME), champions.folder("other"))
    serve_from("other", load)
    for call in (lambda: stock.get("other"), stock.ready):
        with pytest.raises(NotInForce, match=f"the model is of question '{NAME}'"):
            call()


def test_who_asks_while_another_model_comes_into_force_waits_for_it(
    world: tuple[Ledger, Load, Stock],
) -> None:
    ledger, load, stock = world
    second = small_force.make_model(History(load), trees=6)
    champions.lay(NAME, 2, second)
    body = {"version": 2, "sha256": second.sha256}
    ledger.append(Action.PROMOTION, **ME, purpose="test", question=NAME, body=body)
    found: list[int] = []
    asking = threading.Thread(target=lambda: found.append(stock.get(NAME).version))
    asking.start()
    time.sleep(0.2)
    assert not found
    champions.point(NAME, 2)
    asking.join(30)
    assert found == [2]


def test_a_promotion_that_was_killed_before_the_pointer_moved_is_told_after_a_while(
    world: tuple[Ledger, Load, Stock], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, _, stock = world
    body = {"version": 2, "sha256": "a" * 64}
    ledger.append(Action.PROMOTION, **ME, purpose="test", question=NAME, body=body)
    monkeypatch.setattr(of_stock, "SETTLES", 0.1)
    for call in (lambda: stock.get(NAME), stock.ready):
        with pytest.raises(NotInForce, match=r"has in force \(version 2\)"):
            call()


def test_requests_go_on_through_promotion_and_roll_back(
    precursor_home: Path, tmp_path: Path
) -> None:
    load = small_force.make_load(precursor_home / "records" / "small", people=60)
    history = History(load)
    models = {n: small_force.make_model(history, trees=5 + n) for n in (1, 2)}
    with Ledger.open() as ledger:
        put_in_force(ledger, models[1], 1)
        serve_from(NAME, load)
        token = Access(ledger).issue_token("case system", "service", 1)
        port = serving_world.free_port()
        environment = {**os.environ, "PYTHONPATH": str(serving_world.ROOT)}
        seen: list[tuple[float, int, str]] = []
        over = threading.Event()

        asked = {"question": NAME, "nominal_ids": ["N0001"], "purpose": "case review"}
        asked["on_behalf_of"] = "PC 1234"
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

        def answered(line: http.client.HTTPConnection) -> tuple[int, str]:
            line.request("POST", "/v1/scores", json.dumps(asked), headers)
            answer = line.getresponse()
            body = json.loads(answer.read())
            if answer.status == 200:
                return 200, body["scores"][0]["model"]["version"]
            return answer.status, str(body)

        def ask() -> None:
            line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            while not over.is_set():
                seen.append((time.monotonic(), *answered(line)))

        def by_either_worker() -> set[int]:
            lines = [http.client.HTTPConnection("127.0.0.1", port, timeout=30) for _ in range(20)]
            found = {answered(line)[0] for line in lines}
            for line in lines:
                line.close()
            return found

        command = serving_world.service(port, workers=2)
        with serving_world.running(command, port, tmp_path / "log", env=environment):
            callers = [threading.Thread(target=ask) for _ in range(3)]
            for caller in callers:
                caller.start()
            moments = []
            try:
                for version in (2, 1):
                    number = len(seen) + 40
                    assert waited(lambda number=number: len(seen) >= number, 60)
                    put_in_force(ledger, models[version], version)
                    moments.append((time.monotonic(), str(version)))
                number = len(seen) + 40
                assert waited(lambda: len(seen) >= number, 60)
            finally:
                over.set()
                for caller in callers:
                    caller.join()
            for action in (Action.SUSPENSION, Action.RETIREMENT):
                put_in_force(ledger, models[1], 1)
                assert by_either_worker() == {200}
                body = {"version": 1, "in_force": True}  # on the ledger first, the files later
                ledger.append(action, **ME, purpose="harm", question=NAME, body=body)
                assert by_either_worker() == {503}
                champions.withdraw(NAME)
                assert by_either_worker() == {404}
        assert {status for _, status, _ in seen} == {200}
        (promoted, _), (rolled_back, _) = moments
        assert {said for at, _, said in seen if at > rolled_back} == {"1"}
        assert "2" in {said for at, _, said in seen if promoted < at < rolled_back}
        assert ledger.verify().ok
