"""Rows worked out before anybody asks are the rows that would be worked out then, to the bit."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import small_force
import worlds
from pages_world import NAME, World, build
from served import ME, put_in_force

from features.history import History
from features.turns import note_erasure
from serving import opening
from serving.asked import asked_of
from serving.erasure import erase
from serving.opening import PreparedRows
from serving.scoring import score_people
from serving.stock import Stock


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A world of this test's own."""
    monkeypatch.setenv("PRECURSOR_HOME", str(tmp_path / "home"))
    made = build(tmp_path / "home", people=60)
    yield made
    made.ledger.close()


def working_out(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note whenever rows are worked out, and how many."""
    noted: list[int] = []
    parts = History.parts

    def spied(self: History, subjects: Any, wanted: Any) -> Any:
        noted.append(len(subjects.rows))
        return parts(self, subjects, wanted)

    monkeypatch.setattr(History, "parts", spied)
    return noted


@pytest.mark.parametrize("seed", range(12))
def test_what_is_looked_up_is_what_is_worked_out(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    load = worlds.load(worlds.world(rng, people=9, events=120), tmp_path / "records")
    plain, quick = History(load), History(load)
    everybody = np.asarray(plain.compiled.ids)
    quick.prepare("test", everybody[rng.randrange(4) :: rng.choice([1, 2])], quick.feature_set)
    for _ in range(20):
        people = rng.choices([*everybody.tolist(), "nobody"], k=rng.randrange(1, 12))
        at = np.full(len(people), plain.latest - rng.choice([0, 0, 0, 1, 400]))
        rows = [
            history.dense(history.asked(people, at), history.feature_set)
            for history in (plain, quick)
        ]
        np.testing.assert_array_equal(*rows)


def test_whoever_may_be_in_a_cohort_is_looked_up_and_told_the_same(
    own: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock = Stock(own.ledger)
    in_force = stock.get(NAME)
    people = [f"N{number:04d}" for number in range(1, 60)]

    def said(ids: list[str]) -> list[Any]:
        spine = pd.DataFrame({"nominal_id": ids, "as_of_date": small_force.AS_OF})
        scores, rejected = score_people(
            in_force.model, in_force.version, in_force.history, spine, records=True
        )
        return [
            *((s.nominal_id, s.raw, s.reasons, s.inputs, s.insufficient_history) for s in scores),
            *rejected,
        ]

    before = said(people)
    scored = [one[0] for one in before if isinstance(one, tuple)]
    assert len(scored) > 10
    assert len(scored) < len(before)
    rows = PreparedRows(stock)
    rows.open_all()
    assert said(people) == before
    noted = working_out(monkeypatch)
    assert [one[0] for one in said(scored)] == scored
    rows.open_all()
    assert noted == []


def test_a_promotion_and_an_erasure_are_taken_up(
    own: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock = Stock(own.ledger)
    rows = PreparedRows(stock)
    rows.open_all()
    noted = working_out(monkeypatch)
    first = stock.get(NAME)
    put_in_force(own.ledger, small_force.make_model(first.history, question=first.question), 2)
    noted.clear()
    rows.open_all()
    assert len(noted) == 1
    now = stock.get(NAME)
    wanted = asked_of(now.model).columns
    gone = str(now.history.people("suspected", 0)[0])
    noted.clear()
    at = np.array([now.history.latest])
    now.history.dense(now.history.asked([gone], at), wanted)
    assert noted == []
    erase(gone, ledger=own.ledger, **ME, purpose="7")
    rows.open_all()
    later = stock.get(NAME).history
    assert later is not now.history
    erased, nobody = (later.dense(later.asked([who], at), wanted) for who in (gone, "nobody"))
    np.testing.assert_array_equal(erased, nobody)


def test_what_cannot_be_prepared_is_not_tried_at_every_look(
    own: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def full(*_: Any) -> None:
        tried.append(1)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(History, "prepare", full)
    stock = Stock(own.ledger)
    rows = PreparedRows(stock)
    with pytest.raises(OSError, match="No space"):
        rows.open_all()
    rows.open_all()
    assert tried == [1]
    found = stock.get(NAME).history
    assert found.dense(found.asked(["N0001"], np.array([found.latest])), found.feature_set).any()


def test_a_load_that_was_read_while_somebody_was_erased_is_let_go(
    own: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock = Stock(own.ledger)
    key = (own.load.fingerprint, stock.get(NAME).question.harm)
    opened = stock._opened

    def slow(*asked: Any) -> History:
        found = opened(*asked)
        note_erasure(99)  # by another process, once the load was read
        return found

    monkeypatch.setattr(stock, "_opened", slow)
    stock._histories.clear()
    stock._make(own.load.path, key)
    assert key not in stock._histories
    monkeypatch.undo()
    stock._make(own.load.path, key)
    assert key in stock._histories


def test_more_rows_than_the_disk_is_given_are_worked_out_when_asked_for(
    own: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "MOST_BYTES", 1_000)
    stock = Stock(own.ledger)
    PreparedRows(stock).open_all()
    noted = working_out(monkeypatch)
    found = stock.get(NAME)
    person = found.history.people("suspected", 0)[:1]
    asked = found.history.asked(person, np.array([found.history.latest]))
    assert found.history.dense(asked, asked_of(found.model).columns).any()
    assert noted == [1]
