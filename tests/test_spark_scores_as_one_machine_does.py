"""A batch on Spark leaves the same file and the same on the ledger as a batch on one machine."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import small_force
from on_spark import spark_here
from served import ME, NAME, put_in_force
from typer.testing import CliRunner

from features.errors import NotFound, PrecursorError
from features.history import History
from serving.batch import Scored, score_batch
from serving.kept import serve_from
from serving.ledger import Action, Ledger
from serving.replay import replay
from serving.stock import Stock

__all__ = ["spark_here"]

pytestmark = pytest.mark.spark


@pytest.fixture
def world(precursor_home: Path, spark_here: None) -> tuple[Ledger, History]:
    load = small_force.make_load(precursor_home / "records" / "small [1]", people=150)
    history = History(load)
    ledger = Ledger.open()
    put_in_force(ledger, small_force.make_model(history, trees=5), 1)
    serve_from(NAME, load)
    return ledger, history


def on_spark(world: tuple[Ledger, History], out: Path, **how: Any) -> Scored:
    from serving.spark import score_on_spark

    ledger, history = world
    model, version = Stock(ledger).champion(NAME)
    return score_on_spark(model, version, history.load, out, ledger=ledger, **ME, **how)


def here(world: tuple[Ledger, History], out: Path, **how: Any) -> Scored:
    ledger, history = world
    model, version = Stock(ledger).champion(NAME)
    return score_batch(model, version, history, out, ledger=ledger, **ME, **how)


def on_record(ledger: Ledger, scores: pd.DataFrame) -> dict[tuple[str, Any], dict[str, Any]]:
    """What the ledger keeps of each person, without the name that each score has of its own."""
    found = {}
    for score_id, who, day in scores[["score_id", "nominal_id", "as_of_date"]].itertuples(
        index=False
    ):
        payload = ledger.score(score_id)[1]
        assert payload is not None
        assert payload.pop("score_id") == score_id
        found[who, day] = payload
    return found


@pytest.mark.parametrize("given", [False, True], ids=["cohort", "spine"])
def test_the_same_file_and_the_same_on_the_ledger(
    world: tuple[Ledger, History], tmp_path: Path, precursor_home: Path, given: bool
) -> None:
    ledger, history = world
    how = {}
    if given:
        people = [*history.compiled.ids[:70], "nobody", small_force.CHILD, small_force.NEWCOMER]
        days = [small_force.AS_OF, small_force.AS_OF.replace(year=small_force.AS_OF.year - 1)]
        how["spine"] = pd.DataFrame(
            [(who, pd.Timestamp(day)) for day in days for who in people],
            columns=["nominal_id", "as_of_date"],
        )
    found = on_spark(world, tmp_path / "spark.parquet", **how)
    expected = here(world, tmp_path / "here.parquet", **how)
    files = [pd.read_parquet(one.out) for one in (found, expected)]
    names = [column for column in files[0] if column != "score_id"]
    pd.testing.assert_frame_equal(files[0][names], files[1][names], check_exact=True)
    pd.testing.assert_frame_equal(
        pd.read_parquet(found.rejected), pd.read_parquet(expected.rejected), check_exact=True
    )
    assert (found.scored, found.insufficient, dict(found.rejections)) == (
        expected.scored,
        expected.insufficient,
        dict(expected.rejections),
    )
    assert found.scored > 50
    assert bool(found.rejections) is given
    assert on_record(ledger, files[0]) == on_record(ledger, files[1])
    entries = [
        entry
        for entry in ledger.entries(action=Action.BATCH, limit=None)
        if entry.body["run_id"] == found.run.run_id
    ]
    assert len(entries) > 1, "people were parted"
    assert sum(entry.leaf_count for entry in entries) == len(files[0]) + sum(
        found.rejections.values()
    )
    again = replay(
        files[0]["score_id"][0], stock=Stock(ledger), ledger=ledger, purpose="test", **ME
    )
    assert again.score_from_inputs.result == again.inputs_from_records.result == "equal"
    assert ledger.verify().ok
    assert not list((precursor_home / "unfinished").glob("*"))


def test_what_was_told_is_not_told_again_after_a_fault(
    world: tuple[Ledger, History], tmp_path: Path, precursor_home: Path
) -> None:
    ledger, _ = world
    with closing(sqlite3.connect(precursor_home / "ledger.db")) as database:
        database.execute(
            "CREATE TRIGGER no_room BEFORE INSERT ON ledger_entry WHEN NEW.action = 'batch'"
            " AND (SELECT count(*) FROM ledger_entry WHERE action = 'batch') = 1"
            " BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )
        try:
            with pytest.raises(Exception, match="disk full"):
                on_spark(world, tmp_path / "scores.csv")
        finally:
            database.execute("DROP TRIGGER no_room")
    assert not list(tmp_path.glob("*.csv"))
    (told,) = (precursor_home / "unfinished").glob("*/told")
    names = {name for file in told.glob("*.parquet") for name in pd.read_parquet(file)["score_id"]}
    done = on_spark(world, tmp_path / "scores.csv")
    assert set(pd.read_csv(done.out)["score_id"]) == names
    entries = ledger.entries(action=Action.BATCH, limit=None)
    assert sum(entry.leaf_count for entry in entries) == len(names)


def test_the_command_and_what_goes_wrong(
    world: tuple[Ledger, History], tmp_path: Path, precursor_home: Path
) -> None:
    import precursor

    records = str(world[1].load.path)
    words = ["score", NAME, records, "--out", str(tmp_path / "s.csv"), "--backend", "spark"]
    ran = CliRunner().invoke(precursor.app, [*words, "--json"])
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout)["scored"] == len(
        pd.read_csv(tmp_path / "s.csv").query("probability.notna()")
    )
    with pytest.raises(NotFound, match="nobody is in the cohort on 1999-01-01"):
        on_spark(world, tmp_path / "n.csv", as_of=small_force.AS_OF.replace(1999, 1, 1))
    empty = pd.DataFrame({"nominal_id": [], "as_of_date": pd.to_datetime([])})
    with pytest.raises(NotFound, match="nobody is on the spine"):
        on_spark(world, tmp_path / "n.csv", spine=empty)
    with pytest.raises(PrecursorError, match=r"ends in \.parquet or \.csv"):
        on_spark(world, tmp_path / "n.xlsx")
    assert not list((precursor_home / "unfinished").glob("*"))
