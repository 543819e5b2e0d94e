"""A command that writes down something about a person has a turn: no erasure runs beside it."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import small_force
from served import ME, NAME, put_in_force
from typer.testing import CliRunner

import precursor
from features.errors import Conflict
from features.history import History
from features.loads import open_load
from serving import commands
from serving.batch import score_batch
from serving.erasure import erase
from serving.kept import serve_from
from serving.ledger import Ledger
from serving.publishing import publish

GONE = "N0001"


@pytest.fixture
def scores(precursor_home: Path) -> pd.DataFrame:
    """A force that was scored and published; its scored file."""
    load = small_force.make_load(precursor_home / "records" / "small", people=120)
    history, out = History(load), precursor_home / "scores.csv"
    with Ledger.open() as ledger:
        model = small_force.make_model(history)
        put_in_force(ledger, model, 1)
        serve_from(NAME, load)
        score_batch(model, 1, history, out, ledger=ledger, **ME)
        publish(NAME, ledger=ledger, **ME)
    return pd.read_csv(out)


@pytest.fixture
def turns(precursor_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """Of each entry about people, whether an erasure would have had to wait for it."""
    append, found = Ledger.append, list[bool]()

    def watched(self: Ledger, *given: Any, people: Any = (), **named: Any) -> Any:
        if people:
            with (precursor_home / "erasure.room").open("a") as room:
                try:
                    fcntl.flock(room, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    found.append(False)
                except BlockingIOError:
                    found.append(True)
        return append(self, *given, people=people, **named)

    monkeypatch.setattr(Ledger, "append", watched)
    return found


@pytest.mark.parametrize(
    "words",
    [
        "score {question} {records} --out {home}/again.csv",
        "publish {question}",
        "explain {score}",
        "replay {score}",
        "export-subject {person} --out {home}/held --reason asked",
        "review-sample {question} --out {home}/sample.csv --people 4 --reason quarterly",
        "retention {records} --out {home}/due.csv --all",
    ],
)
def test_every_entry_about_people_is_written_in_a_turn(
    scores: pd.DataFrame, turns: list[bool], precursor_home: Path, words: str
) -> None:
    named = {
        "question": NAME,
        "records": precursor_home / "records" / "small",
        "home": precursor_home,
        "score": scores["score_id"][0],
        "person": GONE,
    }
    done = CliRunner().invoke(precursor.app, words.format(**named).split())
    assert done.exit_code == 0, (done.output, done.exception)
    assert all(turns)
    assert turns or words.startswith("publish")  # which copies what the batch recorded


def test_ranges_of_ranks_worked_out_before_an_erasure_are_not_kept(
    scores: pd.DataFrame, turns: list[bool], precursor_home: Path
) -> None:
    load = open_load(precursor_home / "records" / "small")
    table = pd.DataFrame({"nominal_id": [GONE], "rank": [1], "best": [1], "worst": [2]})
    with commands.ranged(load)(NAME, 1, table):
        assert turns == [True]
    put, kept = commands.ranged(load), []
    with Ledger.open() as ledger:
        erase(GONE, ledger=ledger, actor="d.p.officer", role="operator", purpose="court order")
    with pytest.raises(Conflict, match="somebody was erased"), put(NAME, 1, table):
        kept.append(table)
    assert not kept
