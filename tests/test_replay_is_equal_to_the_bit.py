"""A past score computed again: equal to the last bit, or different, or not replayable and why."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import small_force
import worlds
from served import ME, NAME, Served, put_in_force, served

from features.history import History
from features.loads import Load, open_load, write_load
from models import champions
from serving.batch import score_batch
from serving.kept import keep_model, remember_load, serve_from
from serving.ledger import Action, Leaf, new_score_id

__all__ = ["served"]


def replayed(served: Served, score_id: str) -> dict[str, Any]:
    answer = served.get(f"/v1/replays/{score_id}", "reviewer")
    assert answer.status_code == 200, answer.text
    return answer.json()


def results(found: dict[str, Any]) -> tuple[str, str]:
    return found["score_from_inputs"]["result"], found["inputs_from_records"]["result"]


def recorded(served: Served, **changes: Any) -> str:
    """Put a score on the ledger that is another one's but for some changes."""
    score_id = served.score(served.people[0]).json()["scores"][0]["score_id"]
    _, payload = served.ledger.score(score_id)
    assert payload is not None
    changed = payload | {"score_id": new_score_id()} | changes
    leaf = Leaf(payload["nominal_id"], changed["score_id"], changed)
    served.ledger.append(Action.SCORE, **ME, purpose="test", question=NAME, people=[leaf])
    return changed["score_id"]


def test_scores_of_a_request_are_equal(served: Served) -> None:
    for score in served.score(*served.people[:20]).json()["scores"]:
        found = replayed(served, score["score_id"])
        assert results(found) == ("equal", "equal")
        assert found["score_from_inputs"]["details"]["same_words"] is True


def test_scores_of_a_batch_are_equal_after_another_model_came(
    served: Served, tmp_path: Path
) -> None:
    done = score_batch(
        served.model, 1, served.history, tmp_path / "a.csv", ledger=served.ledger, **ME
    )
    put_in_force(served.ledger, small_force.make_model(served.history, trees=25), 5)
    try:
        for score_id in pd.read_csv(done.out)["score_id"][:10]:
            assert results(replayed(served, score_id)) == ("equal", "equal")
    finally:
        put_in_force(served.ledger, served.model, 1)


def test_a_score_of_a_model_that_was_never_in_force_is_equal_too(
    served: Served, tmp_path: Path
) -> None:
    model = small_force.make_model(served.history, trees=26)
    done = score_batch(
        model, 9, served.history, tmp_path / "a.csv", ledger=served.ledger, promoted=False, **ME
    )
    score_id = pd.read_csv(done.out)["score_id"][0]
    assert results(replayed(served, score_id)) == ("equal", "equal")


def test_insufficient_history_is_found_again(served: Served) -> None:
    score = served.score(small_force.NEWCOMER).json()["scores"][0]
    assert results(replayed(served, score["score_id"])) == ("not_replayable", "equal")


def test_a_figure_or_an_input_off_by_one_bit_differs(served: Served) -> None:
    _, payload = served.ledger.score(recorded(served))
    assert payload is not None
    off = payload["probability"] * (1 + 2**-52)
    found = replayed(served, recorded(served, probability=off))
    assert results(found) == ("differs", "equal")
    assert set(found["score_from_inputs"]["details"]["different"]) == {"probability"}
    inputs = payload["inputs"] | {"suspected_n_ever": payload["inputs"]["suspected_n_ever"] + 1}
    found = replayed(served, recorded(served, inputs=inputs))
    assert found["inputs_from_records"]["result"] == "differs"
    assert set(found["inputs_from_records"]["details"]["different"]) == {"suspected_n_ever"}


def test_a_model_or_a_load_that_is_gone_is_named(served: Served) -> None:
    score_id = recorded(
        served, load={"number": 9, "data_to": "2026-01-31", "fingerprint": "f" * 64}
    )
    found = replayed(served, score_id)
    assert results(found) == ("equal", "not_replayable")
    assert "ffffffffffff" in found["inputs_from_records"]["reason"]
    model = {"name": NAME, "version": "77", "sha256": "0" * 64, "synthetic": True}
    found = replayed(served, recorded(served, model=model))
    assert results(found) == ("not_replayable", "not_replayable")
    assert "77" in found["score_from_inputs"]["reason"]


def test_a_changed_model_file_is_not_replayed_from_but_an_intact_copy_is(served: Served) -> None:
    score_id = recorded(served)
    shutil.rmtree(served.home / "models", ignore_errors=True)  # copies that other tests kept
    booster = champions.folder(NAME) / "1" / "booster.txt"
    whole = booster.read_bytes()
    booster.write_bytes(whole.replace(b"leaf_value=", b"leaf_value= ", 1))
    try:
        found = replayed(served, score_id)
        keep_model(served.model)
        kept = replayed(served, score_id)
    finally:
        booster.write_bytes(whole)
    assert results(found) == ("not_replayable", "not_replayable")
    assert "changed" in found["score_from_inputs"]["reason"]
    assert results(kept) == ("equal", "equal")


def test_a_load_that_was_moved_is_found_where_it_was_noted(served: Served, tmp_path: Path) -> None:
    load = small_force.make_load(tmp_path / "first", seed=11)
    history = History(load)
    spine = pd.DataFrame({"nominal_id": ["N0001"], "as_of_date": pd.Timestamp(small_force.AS_OF)})
    done = score_batch(
        served.model, 1, history, tmp_path / "a.csv", ledger=served.ledger, spine=spine, **ME
    )
    scores = pd.read_csv(done.out)
    if scores.empty:
        pytest.fail("the person of this seed is not in the cohort")
    moved = tmp_path / "second"
    load.path.rename(moved)
    assert results(replayed(served, scores["score_id"][0]))[1] == "not_replayable"
    remember_load(open_load(moved))
    assert results(replayed(served, scores["score_id"][0])) == ("equal", "equal")


def test_what_was_erased_is_not_replayable_and_the_look_is_recorded(served: Served) -> None:
    person = served.people[-2]
    score_id = served.score(person).json()["scores"][0]["score_id"]
    erasure = served.ledger.erase(person, **ME, purpose="lawful request")
    found = replayed(served, score_id)
    assert f"entry {erasure.seq}:" in found["score_from_inputs"]["reason"]
    assert results(found) == ("not_replayable", "not_replayable")
    assert "erased" in found["score_from_inputs"]["reason"]
    entry = served.ledger.entries(limit=1)[0]
    assert (entry.action, entry.role) == (Action.REPLAY, "reviewer")
    assert entry.body["score_from_inputs"] == "not_replayable"


def with_more(person: str, tmp_path: Path, *, known_on: date, drop: str | None = None) -> Load:
    """A later load, in which a record became known earlier than it came, or one is missing."""
    rows = small_force.rows()
    when = {"occurred_on": known_on, "known_on": known_on}
    offence = {"record_id": "OLATE", "reference": "20DL/LATE", "domestic": False}
    rows["offence"].append(offence | {"offence_code": "class/violence_with_injury"} | when)
    part = {"record_id": "ILATE", "offence_id": "OLATE", "nominal_id": person, "role": "suspect"}
    rows["involvement"].append(part | when)
    if drop is not None:
        rows["involvement"] = [r for r in rows["involvement"] if r["offence_id"] != drop]
    data_to = small_force.DATA_TO + timedelta(days=28)
    tables = worlds.tables(rows)
    out = tmp_path / f"later-{drop}"
    return write_load(out, tables, kind="synthetic", data_to=data_to, synthetic=True, number=2)


def test_what_arrived_late_is_no_mismatch_and_the_score_of_now_stands_beside(
    served: Served, tmp_path: Path
) -> None:
    person, quiet = served.people[0], served.people[-5]
    score, other = served.score(person, quiet).json()["scores"]
    assert replayed(served, score["score_id"])["now"] is None
    early = small_force.DATA_TO - timedelta(days=20)
    late = with_more(person, tmp_path, known_on=early)
    records = [record for reason in score["reasons"] for record in reason["records"]]
    first = next(record["record_id"] for record in records if record["table"] == "offence")
    corrected = with_more(person, tmp_path, known_on=early, drop=first)
    try:
        serve_from(NAME, late)
        found, same = (replayed(served, each["score_id"]) for each in (score, other))
        serve_from(NAME, corrected)
        gone = replayed(served, score["score_id"])
    finally:
        serve_from(NAME, served.load)
    assert results(found) == results(same) == results(gone) == ("equal", "equal")
    assert found["now"]["result"] == "arrived_late"
    assert found["now"]["arrived"] == [
        {"table": "offence", "record_id": "OLATE", "known_on": early.isoformat()}
    ]
    assert found["now"]["gone"] == []
    assert found["now"]["probability"] != score["probability"]
    assert (same["now"]["result"], same["now"]["arrived"]) == ("same", [])
    assert same["now"]["probability"] == other["probability"]
    assert gone["now"]["result"] == "corrected"
    assert first in {record["record_id"] for record in gone["now"]["gone"]}
    entry = served.ledger.entries(action=Action.REPLAY, limit=1)[0]
    assert entry.body["now"] == "corrected"
