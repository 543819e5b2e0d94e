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

import features.linking
import features.matrix
import features.merges
import precursor
from features.errors import Conflict
from features.history import History
from features.loads import open_load
from serving.batch import score_batch
from serving.erasure import erase
from serving.kept import serve_from
from serving.ledger import Ledger
from serving.publishing import publish
from serving.rank_ranges import ranged

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
    with ranged(load)(NAME, 1, table):
        assert turns == [True]
    put, kept = ranged(load), []
    with Ledger.open() as ledger:
        erase(GONE, ledger=ledger, actor="d.p.officer", role="operator", purpose="court order")
    with pytest.raises(Conflict, match="somebody was erased"), put(NAME, 1, table):
        kept.append(table)
    assert not kept


def erases(where: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Have somebody erased between the reading of the records and what is named; when it was."""
    real, done = getattr(where, name), list[int]()

    def meanwhile(*given: Any, **named: Any) -> Any:
        if not done:
            with Ledger.open() as ledger:
                found = erase(GONE, ledger=ledger, **ME, purpose="7")
            done.append(found["reach"])
        return real(*given, **named)

    monkeypatch.setattr(where, name, meanwhile)
    return done


DECIDED = (
    "nominal_id_1,nominal_id_2,decision,reviewer,decided_on\n"
    f"{GONE},N0003,same,P. Reviewer,2025-06-01\n"
)


@pytest.mark.parametrize(
    ("words", "where", "name"),
    [
        ("link apply {records} {home}/d.csv {out}", features.merges, "write_load"),
        ("link apply {records} {home}/d.csv {out}", features.merges, "Applied"),
        ("matrix {question} {records} {out}", features.matrix, "manifest_of"),
        ("link propose {records} {home}/i.csv {out}.csv", features.linking, "_named_together"),
    ],
    ids=["apply", "apply, before it is recorded", "matrix", "propose"],
)
def test_what_is_made_of_records_read_before_an_erasure_is_refused_and_nothing_stays(
    scores: pd.DataFrame,
    precursor_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    where: Any,
    name: str,
) -> None:
    folder = precursor_home / "records"
    (precursor_home / "d.csv").write_text(DECIDED)
    people = [f"{one},Ann,Smith,1990-01-0{n}" for n, one in enumerate((GONE, "N0003"), start=1)]
    (precursor_home / "i.csv").write_text(
        "\n".join(["nominal_id,forename,surname,born_on", *people])
    )
    named = {"question": "domestic_abuse_high_harm", "records": folder / "small"}
    given = words.format(home=precursor_home, out=folder / "made", **named).split()
    erased = erases(where, name, monkeypatch)
    refused = CliRunner().invoke(precursor.app, given)
    assert erased, (refused.output, refused.exception)
    assert isinstance(refused.exception, Conflict), (refused.output, refused.exception)
    assert refused.exception.code == "erased_meanwhile"
    assert [path.name for path in folder.iterdir()] == ["small"]
    with Ledger.open() as ledger:
        assert not ledger.person(GONE), "no entry was made under a new key"
        assert next(iter(ledger.entries(limit=1))).seq == erased[0]
    (precursor_home / "d.csv").write_text(DECIDED.replace(GONE, "N0002"))
    (precursor_home / "i.csv").write_text(
        (precursor_home / "i.csv").read_text().replace(GONE, "N0002")
    )
    again = CliRunner().invoke(precursor.app, given)
    assert again.exit_code == 0, (again.output, again.exception)
    made = next(path for path in folder.iterdir() if path.name != "small")
    files = sorted(made.rglob("*.parquet")) if made.is_dir() else [made]
    assert files
    for file in files:
        assert not (file.suffix == ".csv" and GONE in file.read_text())
        if file.suffix == ".parquet":
            assert not (pd.read_parquet(file).astype("str") == GONE).any(axis=None)
