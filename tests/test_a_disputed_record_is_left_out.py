"""A challenge: the person is scored without a disputed record, beside the score as it was given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import small_force
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from served import ME, NAME, Served, served

from features.errors import NotFound
from features.excerpt import excerpt
from features.history import History
from serving.ledger import Action, Leaf, new_score_id

__all__ = ["served"]


def first_record(score: dict) -> dict:
    return next(
        record for reason in score["reasons"] for record in reason["records"] if record["reference"]
    )


def disputed(served: Served, score_id: str, role: str = "analyst", **record: Any) -> Any:
    said = {"score_id": score_id, "reason": "says it was not him", "purpose": "complaint 12"}
    return served.client.post("/v1/challenges", json=said | record, headers=served.headers(role))


def test_the_score_without_the_record_stands_beside_the_original(served: Served) -> None:
    score = served.score(served.people[0]).json()["scores"][0]
    record = first_record(score)
    answer = disputed(served, score["score_id"], table="offence", record_id=record["record_id"])
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["original"]["probability"] == score["probability"]
    counted = found["inputs"]["suspected_n_ever"]
    assert counted["original"] - counted["without"] == 1
    assert found["left_out"]["offence"] == 1
    assert found["left_out"]["involvement"] == 1
    if found["without"].get("probability") is not None:
        assert found["change"] == found["without"]["probability"] - score["probability"]
    entry = served.ledger.entry(found["challenge"])
    assert entry.action == Action.CHALLENGE
    assert record["record_id"] not in str(entry.as_data())
    (leaf,) = served.ledger.people(entry.seq)
    assert leaf.payload is not None
    assert leaf.payload["challenged"]["record"]["record_id"] == record["record_id"]
    assert served.score(served.people[0]).json()["scores"][0]["probability"] == score["probability"]


def test_it_is_what_the_whole_load_without_the_record_would_say(
    served: Served, tmp_path: Path
) -> None:
    import worlds

    from features.loads import write_load

    person = served.people[1]
    score = served.score(person).json()["scores"][0]
    record_id = first_record(score)["record_id"]
    rows = small_force.rows()
    rows["offence"] = [row for row in rows["offence"] if row["record_id"] != record_id]
    for name, table in rows.items():
        rows[name] = [row for row in table if row.get("offence_id") != record_id]
    tables = worlds.tables(rows)
    load = write_load(
        tmp_path / "less", tables, kind="synthetic", data_to=small_force.DATA_TO, synthetic=True
    )
    spine = pd.DataFrame({"nominal_id": [person], "as_of_date": [small_force.AS_OF]})
    less = History(load).matrix(spine, feature_set=served.model.feature_set)
    found = disputed(served, score["score_id"], table="offence", record_id=record_id).json()
    for name, change in found["inputs"].items():
        value = less[name].iloc[0]
        assert change["without"] == (None if pd.isna(value) else value), name


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.integers(0, 10**6))
def test_an_excerpt_gives_the_history_of_the_whole(
    served: Served, tmp_path_factory: pytest.TempPathFactory, number: int
) -> None:
    person = served.people[number % len(served.people)]
    part = excerpt(served.load, person, tmp_path_factory.mktemp("part") / "load").load
    spine = pd.DataFrame({"nominal_id": [person], "as_of_date": [small_force.AS_OF]})
    whole = served.history.matrix(spine)
    pd.testing.assert_frame_equal(History(part).matrix(spine), whole)


@pytest.mark.parametrize(
    ("record", "status", "code"),
    [
        ({"table": "offence", "record_id": "nothing"}, 404, "not_found"),
        ({"table": "nominal", "record_id": "N0001"}, 404, "not_found"),
        ({"table": "offence; DROP TABLE x", "record_id": "O1"}, 404, "not_found"),
        ({"table": "offence"}, 400, "invalid_request"),
        ({"table": "offence", "record_id": "\x00"}, 400, "invalid_request"),
    ],
)
def test_a_record_that_is_not_there_is_refused(
    served: Served, record: dict, status: int, code: str
) -> None:
    score = served.score(served.people[0]).json()["scores"][0]
    answer = disputed(served, score["score_id"], **record)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text


def test_another_persons_record_cannot_be_named(served: Served, tmp_path: Path) -> None:
    first, second = served.score(*served.people[:2]).json()["scores"]
    theirs = first_record(second)["record_id"]
    answer = disputed(served, first["score_id"], table="offence", record_id=theirs)
    assert answer.status_code == 404
    with pytest.raises(NotFound):
        excerpt(served.load, served.people[0], tmp_path / "a", without=("offence", theirs))


def test_a_score_that_cannot_be_made_again_is_compared_with_nothing(served: Served) -> None:
    score = served.score(served.people[0]).json()["scores"][0]
    _, payload = served.ledger.score(score["score_id"])
    assert payload is not None
    inputs = payload["inputs"] | {"suspected_n_ever": payload["inputs"]["suspected_n_ever"] + 1}
    wrong = payload | {"score_id": new_score_id(), "inputs": inputs}
    leaf = Leaf(payload["nominal_id"], wrong["score_id"], wrong)
    served.ledger.append(Action.SCORE, **ME, purpose="test", question=NAME, people=[leaf])
    record = first_record(score)["record_id"]
    answer = disputed(served, wrong["score_id"], table="offence", record_id=record)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_reproduced")
