"""A scored file: everybody is in it or beside it, on the ledger, and it is whole or absent."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from served import ME, NAME, Served, put_in_force, served
from small_force import AS_OF, CHILD, NEWCOMER, QUIET, UNBORN, make_model
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner

import precursor
from features.errors import Conflict, NotFound, PrecursorError, UsageError
from models import champions
from serving import commands as desk
from serving import runs
from serving.batch import Scored, score_batch
from serving.ledger import Action
from serving.publishing import publish
from serving.stock import NotInForce
from serving.text import list_in_words

__all__ = ["served"]

COLUMNS = [
    "score_id",
    "nominal_id",
    "as_of_date",
    "rank",
    "probability",
    "low",
    "high",
    "band",
    "insufficient_history",
    "reasons",
    "expires_on",
]


def batch(served: Served, out: Path, **more: Any) -> Scored:
    return score_batch(served.model, 1, served.history, out, ledger=served.ledger, **ME, **more)


def spine(*rows: tuple[str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["nominal_id", "as_of_date"])
    return frame.assign(as_of_date=pd.to_datetime(frame["as_of_date"]))


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_every_row_is_in_exactly_one_of_the_two_files(
    served: Served, tmp_path: Path, suffix: str
) -> None:
    people = [*served.people[:20], CHILD, UNBORN, QUIET, NEWCOMER, "nobody"]
    rows = spine(*((p, day) for p in people for day in ("2026-02-01", "2025-06-01")))
    done = batch(served, tmp_path / f"scores{suffix}", spine=rows)
    assert done.rejected.name == f"scores.rejected{suffix}"
    read = pd.read_parquet if suffix == ".parquet" else pd.read_csv
    scored, rejected = read(done.out), read(done.rejected)
    assert list(scored.columns) == COLUMNS
    assert list(rejected.columns) == ["nominal_id", "as_of_date", "reason"]
    keys = ["nominal_id", "as_of_date"]
    both = pd.concat([scored[keys], rejected[keys]]).astype(str)
    asked = rows.astype({"as_of_date": str})
    assert sorted(map(tuple, both.to_numpy())) == sorted(map(tuple, asked.to_numpy()))
    assert scored["score_id"].is_unique
    lasts = pd.to_datetime(scored["expires_on"]) - pd.to_datetime(scored["as_of_date"])
    assert set(lasts.dt.days) == {served.model.question.expires_after_days}


def test_ranks_are_by_probability_within_a_date_and_nobodys_twice(
    served: Served, tmp_path: Path
) -> None:
    days = ("2026-02-01", "2025-06-01")
    rows = spine(*((p, day) for p in [*served.people, NEWCOMER] for day in days))
    scored = pd.read_parquet(batch(served, tmp_path / "scores.parquet", spine=rows).out)
    for _, day in scored.groupby("as_of_date"):
        ranked = day[~day["insufficient_history"]].sort_values("rank")
        assert ranked["rank"].tolist() == list(range(1, len(ranked) + 1))
        assert ranked["probability"].is_monotonic_decreasing
    few = scored[scored["insufficient_history"]]
    assert len(few) >= 1
    assert few[["rank", "probability", "low", "high", "band"]].isna().all().all()


def test_the_ledger_has_every_line_of_the_file(served: Served, tmp_path: Path) -> None:
    done = batch(served, tmp_path / "scores.parquet", spine=spine(("nobody", "2026-02-01"),
                 *((p, "2026-02-01") for p in [*served.people[:30], NEWCOMER])))  # fmt: skip
    entry = served.ledger.entries(action=Action.BATCH, limit=1)[0]
    assert entry.leaf_count == 32
    assert entry.body["file_sha256"] == runs.sha256(done.out)
    assert entry.body["run_id"] == done.run.run_id
    for row in pd.read_parquet(done.out).to_dict("records"):
        _, payload = served.ledger.score(row["score_id"])
        assert payload is not None
        assert payload["nominal_id"] == row["nominal_id"]
        if not row["insufficient_history"]:
            assert payload["probability"] == row["probability"]
            assert set(payload["inputs"]) == set(served.model.feature_set.names)
    assert served.ledger.verify().ok


def test_no_file_appears_that_is_not_on_the_ledger(served: Served, tmp_path: Path) -> None:
    out = tmp_path / "scores.csv"
    before = batch(served, out, spine=spine((served.people[0], "2026-02-01"))).out.read_bytes()
    kept = set(runs.folder(NAME).iterdir())
    with closing(sqlite3.connect(served.home / "ledger.db")) as database:
        database.execute(
            "CREATE TRIGGER no_room BEFORE INSERT ON ledger_entry WHEN NEW.action = 'batch'"
            " BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )
        try:
            with pytest.raises((PrecursorError, DBAPIError)):
                batch(served, out)
        finally:
            database.execute("DROP TRIGGER no_room")
    assert out.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"scores.csv", "scores.rejected.csv"}
    assert set(runs.folder(NAME).iterdir()) == kept


@pytest.mark.parametrize("name", ["scores", "scores.xlsx", "nowhere/scores.csv"])
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_scored(
    served: Served, tmp_path: Path, name: str
) -> None:
    entries = served.ledger.head()
    with pytest.raises(UsageError):
        batch(served, tmp_path / name)
    assert served.ledger.head() == entries


def test_a_model_of_other_definitions_is_refused(served: Served, tmp_path: Path) -> None:
    columns = served.model.feature_set.columns
    changed = replace(columns[0], nullable=not columns[0].nullable)
    feature_set = replace(served.model.feature_set, columns=(changed, *columns[1:]))
    other = replace(served.model, feature_set=feature_set)
    with pytest.raises(Conflict, match=changed.name):
        score_batch(other, 1, served.history, tmp_path / "a.csv", ledger=served.ledger, **ME)


def test_a_date_after_the_records_is_refused(served: Served, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^--as-of: 2026-02-02 lies after 2026-02-01"):
        batch(served, tmp_path / "scores.csv", as_of=date(2026, 2, 2))


def test_the_list_is_compared_with_the_one_before(served: Served, tmp_path: Path) -> None:
    first = batch(served, tmp_path / "a.parquet", as_of=date(2025, 8, 1))
    publish(NAME, ledger=served.ledger, run_id=first.run.run_id, **ME)
    second = batch(served, tmp_path / "b.parquet")
    said = publish(NAME, ledger=served.ledger, **ME)
    assert said["previous"] == first.run.run_id
    was = pd.read_parquet(first.out).set_index("nominal_id")["rank"]
    found = runs.published(NAME)
    lines = found.page(0, len(found))
    assert [line["nominal_id"] for line in lines] == pd.read_parquet(second.out)[
        "nominal_id"
    ].to_list()
    for line in lines:
        before = was.get(line["nominal_id"])
        if line["rank"] is None:
            assert line["change"] is None
        elif pd.isna(before):
            assert line["change"] == "new"
        else:
            moved = int(line["rank"]) - int(before)
            assert line["change"] == ("down" if moved > 0 else "up" if moved < 0 else "same")
    assert said["new"] == sum(line["change"] == "new" for line in lines)


def test_a_run_that_was_changed_cannot_become_the_list(served: Served, tmp_path: Path) -> None:
    run = batch(served, tmp_path / "a.parquet").run
    table = pq.read_table(run.rows)
    pq.write_table(table.slice(1), run.rows)
    with pytest.raises(Conflict, match="changed"):
        publish(NAME, ledger=served.ledger, run_id=run.run_id, **ME)


def test_only_scores_of_a_model_in_force_on_one_day_become_a_list(
    served: Served, tmp_path: Path
) -> None:
    unpromoted = batch(served, tmp_path / "a.parquet", promoted=False).run
    rows = spine((served.people[0], "2026-02-01"), (served.people[0], "2026-01-01"))
    two_days = batch(served, tmp_path / "b.parquet", spine=rows).run
    for run in (unpromoted, two_days):
        with pytest.raises(Conflict):
            publish(NAME, ledger=served.ledger, run_id=run.run_id, **ME)
    with pytest.raises(NotFound):
        publish(NAME, ledger=served.ledger, run_id="2026-02-01-none", **ME)
    assert unpromoted.info["promoted"] is False


def test_the_champion_by_its_name_is_the_model_in_force(served: Served, tmp_path: Path) -> None:
    out = tmp_path / "a.parquet"
    done = desk.scored(served.ledger, NAME, served.load, out, which="champion")
    assert done.run.info["promoted"] is True
    said = publish(NAME, ledger=served.ledger, run_id=done.run.run_id, **ME)
    assert said["run_id"] == done.run.run_id


def test_where_no_model_is_in_force_any_more_nothing_becomes_the_list(
    served: Served, tmp_path: Path
) -> None:
    run = batch(served, tmp_path / "a.parquet").run
    body = {"version": 1, "sha256": served.model.sha256, "reason": "test"}
    served.ledger.append(Action.SUSPENSION, **ME, purpose="test", question=NAME, body=body)
    try:
        with pytest.raises(Conflict, match="no model is in force any more"):
            publish(NAME, ledger=served.ledger, run_id=run.run_id, **ME)
    finally:
        put_in_force(served.ledger, served.model, 1)
    publish(NAME, ledger=served.ledger, run_id=run.run_id, **ME)


def test_publishing_again_on_the_same_day_loses_nobodys_movement(
    served: Served, tmp_path: Path
) -> None:
    month_before = batch(served, tmp_path / "a.parquet", as_of=AS_OF - timedelta(days=30)).run
    publish(NAME, ledger=served.ledger, run_id=month_before.run_id, **ME)
    told = []
    for name in ("b", "c"):
        run = batch(served, tmp_path / f"{name}.parquet", as_of=AS_OF).run
        told.append(publish(NAME, ledger=served.ledger, run_id=run.run_id, **ME))
    first, again = told
    assert first["run_id"] != again["run_id"]
    assert first["up"] + first["down"] > 0
    kept = ("previous", *runs.CHANGES, "gone")
    assert {name: again[name] for name in kept} == {name: first[name] for name in kept}
    assert again["previous"] == month_before.run_id


def test_a_run_that_was_described_anew_is_not_published(served: Served, tmp_path: Path) -> None:
    trial = make_model(served.history, trees=23)
    how = {"ledger": served.ledger, "promoted": False, **ME}
    run = score_batch(trial, 51, served.history, tmp_path / "trial.parquet", **how).run
    described = run.path / runs.INFO
    said = json.loads(described.read_text())
    named = {"version": 1, "sha256": served.model.sha256}
    said |= {"promoted": True, "model": said["model"] | named}
    described.write_text(json.dumps(said))
    with pytest.raises(Conflict, match="is not the one that the ledger has"):
        publish(NAME, ledger=served.ledger, run_id=run.run_id, **ME)


def test_a_list_of_a_model_that_another_has_followed_is_scored_again(
    served: Served, tmp_path: Path
) -> None:
    run = batch(served, tmp_path / "a.parquet").run
    put_in_force(served.ledger, make_model(served.history, trees=22), 50)
    try:
        with pytest.raises(Conflict, match="version 50 is in force now") as refused:
            publish(NAME, ledger=served.ledger, run_id=run.run_id, **ME)
        assert refused.value.code == "another_in_force"
    finally:
        put_in_force(served.ledger, served.model, 1)
    publish(NAME, ledger=served.ledger, run_id=run.run_id, **ME)


def test_a_page_of_any_list_is_the_same_lines(served: Served, tmp_path: Path) -> None:
    batch(served, tmp_path / "a.parquet", as_of=AS_OF)
    publish(NAME, ledger=served.ledger, **ME)
    found = runs.published(NAME)
    whole = found.page(0, len(found))
    assert found.page(len(found) - 3, 50) == whole[-3:]
    assert found.page(len(found), 50) == []
    ranks = found.columns("rank")["rank"].to_pylist()
    assert ranks == [line["rank"] for line in whole]
    assert json.dumps(whole[0]["reasons"])


def test_any_page_of_a_hundred_thousand_people_is_the_right_one(
    served: Served, tmp_path: Path
) -> None:
    done = batch(served, tmp_path / "a.parquet")
    few = pq.read_table(done.run.rows)
    number = 100_000
    lines = few.take([0] * number)
    many = lines.set_column(
        few.column_names.index("nominal_id"), "nominal_id", pa.array(map(str, range(number)))
    ).set_column(few.column_names.index("rank"), "rank", pa.array(range(1, number + 1)))
    run = runs.write_run(
        many, {**done.run.info, "question": "many_people"}, run_id="2026-02-01-many"
    )
    kept = run.keep()
    said = {"run_id": kept.run_id, "run_sha256": kept.info["sha256"]}
    body = {"version": 1, "sha256": served.model.sha256}
    served.ledger.append(Action.PROMOTION, **ME, purpose="test", question="many_people", body=body)
    served.ledger.append(Action.BATCH, **ME, purpose="test", question="many_people", body=said)
    publish("many_people", ledger=served.ledger, run_id=kept.run_id, **ME)
    out_of_force = body | {"reason": "its files are nowhere, and the force is shared"}
    served.ledger.append(
        Action.SUSPENSION, **ME, purpose="test", question="many_people", body=out_of_force
    )
    runs.published("many_people")
    for offset in (0, 50_000, 99_970):
        found = runs.published("many_people").page(offset, 30)
        assert [line["rank"] for line in found] == list(range(offset + 1, offset + 31))


@pytest.mark.parametrize("scored", [2, 0])
def test_a_list_with_fewer_scores_than_lines_is_told_in_words(
    served: Served, tmp_path: Path, scored: int
) -> None:
    people = [*served.people[:scored], NEWCOMER]
    rows = spine(*((person, "2026-02-01") for person in people))
    done = batch(served, tmp_path / "scores.csv", spine=rows)
    publish(NAME, ledger=served.ledger, run_id=done.run.run_id, **ME)
    first, *told = list_in_words(runs.published(NAME), most=10).splitlines()[1:]
    assert f"{scored} people scored as of 2026-02-01" in first
    assert ("on average" in first) == bool(scored)
    assert "1 with insufficient history" in first
    assert [line.split()[0] for line in told if line[:4].strip()] == ["1", "2"][:scored]
    assert not any(NEWCOMER in line or "None" in line for line in told)


def test_a_model_that_only_the_pointer_calls_champion_scores_no_file(
    served: Served, tmp_path: Path
) -> None:
    other = replace(served.model, training={"note": "slipped in"})
    champions.put(NAME, 99, other)
    try:
        with pytest.raises(NotInForce, match="not the model that the ledger has in force"):
            desk.scored(served.ledger, NAME, served.history.load, tmp_path / "a.csv")
    finally:
        champions.put(NAME, 1, served.model)
    assert not list(tmp_path.iterdir())
    assert desk.scored(served.ledger, NAME, served.history.load, tmp_path / "a.csv").scored


def test_a_file_in_which_nobody_could_be_scored_says_why_and_fails(
    served: Served, tmp_path: Path
) -> None:
    asked = tmp_path / "spine.csv"
    asked.write_text("nominal_id,as_of_date\nnobody,2026-02-01\n")
    out = str(tmp_path / "a.csv")
    words = ["score", NAME, str(served.load.path), "--spine", str(asked), "--out", out]
    found = CliRunner().invoke(precursor.app, words)
    assert found.exit_code == 1
    assert "1 unknown: Not in the records as known on that date." in found.output
    assert "a.rejected.csv" in found.output
