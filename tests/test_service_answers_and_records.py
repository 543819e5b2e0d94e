"""A request for scores, from the gate to the ledger: what is answered was recorded first."""

from __future__ import annotations

import json
import math
import sqlite3
from contextlib import closing
from datetime import date
from typing import Any

import pandas as pd
import pytest
from served import ME, NAME, Served, put_in_force, served
from small_force import AS_OF, CHILD, NEWCOMER, QUIET, UNBORN, make_model

from models import champions
from serving.access import GIVEN, allows
from serving.batch import score_batch
from serving.ledger import Action
from serving.openapi import document
from serving.publishing import publish
from serving.refusals import NOT_STATED
from serving.routes import ROUTES

__all__ = ["served"]


def one(served: Served, person: str = "N0001", **more: object) -> dict:
    answer = served.score(person, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()["scores"][0]


def test_a_score_adds_up_and_names_what_it_came_from(served: Served) -> None:
    score = one(served)
    assert score["base"] + sum(score["groups"].values()) == pytest.approx(score["raw"], abs=1e-9)
    assert set(score["groups"]) == set(served.model.feature_set.groups)
    assert score["probability"] == pytest.approx(1 / (1 + math.exp(-score["raw"])))
    interval = score["interval"]
    assert interval["low"] <= score["probability"] <= interval["high"]
    assert score["band"] == served.model.question.band(score["probability"])
    assert score["model"] == {
        "name": NAME,
        "version": "1",
        "sha256": served.model.sha256,
        "synthetic": True,
    }
    assert score["load"]["fingerprint"] == served.load.fingerprint
    assert (score["as_of_date"], score["expires_on"]) == ("2026-02-01", "2026-03-08")


def test_each_reason_lists_records_that_were_known_and_are_this_persons(served: Served) -> None:
    score = one(served)
    events = served.history.events("N0001", AS_OF)
    theirs = set(zip(events["record_table"], events["record_id"], strict=True))
    assert len(score["reasons"]) > 2
    for reason in score["reasons"]:
        assert reason["records"], reason["text"]
        assert (reason["contribution"] > 0) == (reason["direction"] == "raises")
        for record in reason["records"]:
            assert (record["table"], record["record_id"]) in theirs
            assert date.fromisoformat(record["known_on"]) < AS_OF


def test_an_answer_is_on_the_ledger_as_it_was_given(served: Served) -> None:
    answer = served.score("N0002", NEWCOMER, CHILD, on_behalf_of="PC 1234").json()
    entry = served.ledger.entries(limit=1)[0]
    assert (entry.action, entry.actor, entry.role) == (Action.SCORE, "analyst one", "analyst")
    assert (entry.purpose, entry.question, entry.leaf_count) == ("weekly review", NAME, 3)
    assert entry.body["on_behalf_of"] == "PC 1234"
    for score in answer["scores"]:
        found, payload = served.ledger.score(score["score_id"])
        assert (found.seq, payload is not None) == (entry.seq, True)
        for name in set(score) - {"reasons"}:
            assert payload[name] == score[name], name
        said = [{k: r[k] for k in r if k != "features"} for r in payload["reasons"]]
        assert said == score["reasons"]
    assert served.ledger.verify().ok


def test_nobody_without_grounds_for_a_number_gets_one(served: Served) -> None:
    answer = served.score("nobody", NEWCOMER, CHILD, "N0003", UNBORN, QUIET).json()
    assert [s["nominal_id"] for s in answer["scores"]] == [NEWCOMER, "N0003"]
    newcomer = answer["scores"][0]
    assert newcomer["insufficient_history"] is True
    empty = ("probability", "interval", "band", "base", "raw")
    assert [newcomer[name] for name in empty] == [None] * 5
    assert {r["nominal_id"]: r["reason"] for r in answer["rejected"]} == {
        "nobody": "unknown",
        CHILD: "under_18",
        UNBORN: "no_date_of_birth",
        QUIET: "outside_cohort",
    }


def test_nothing_is_answered_that_cannot_be_recorded(served: Served) -> None:
    scored = len(served.ledger.entries(action=Action.SCORE, limit=None))
    with closing(sqlite3.connect(served.home / "ledger.db")) as database:
        database.execute(
            "CREATE TRIGGER no_room BEFORE INSERT ON ledger_entry WHEN NEW.action = 'score'"
            " BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )
        try:
            answer = served.score("N0001")
        finally:
            database.execute("DROP TRIGGER no_room")
    assert answer.status_code >= 500
    assert "probability" not in answer.text
    assert len(served.ledger.entries(action=Action.SCORE, limit=None)) == scored
    assert served.score("N0001").status_code == 200


def test_an_earlier_date_knows_less_and_a_later_one_is_refused(served: Served) -> None:
    earlier = one(served, as_of_date="2025-02-01")
    assert all(
        record["known_on"] < "2025-02-01"
        for reason in earlier["reasons"]
        for record in reason["records"]
    )
    answer = served.score("N0001", as_of_date="2026-02-02")
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "as_of_date")
    assert "as_of_date: 2026-02-02 lies after 2026-02-01" in answer.json()["error"]["message"]


def test_a_refusal_is_on_the_ledger_too(served: Served) -> None:
    answer = served.score("N0001", question="no_such_question")
    assert answer.status_code == 404
    assert NAME in answer.json()["error"]["message"]
    entry = served.ledger.entries(limit=1)[0]
    assert (entry.action, entry.body["code"]) == (Action.REFUSAL, "question_not_in_force")
    assert entry.question is None, "somebody's name may be typed there"
    assert served.get("/v1/replays/s1", "analyst").status_code == 403
    assert served.ledger.entries(limit=1)[0].body["what"] == "GET /v1/replays/{score_id}"


def test_the_refusal_of_a_suspended_question_says_which(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(champions, "POINTER", "taken-away.json")
    assert served.score("N0001").status_code == 503
    entry = served.ledger.entries(limit=1)[0]
    assert (entry.action, entry.question) == (Action.REFUSAL, NAME)


@pytest.mark.parametrize("question", [NAME, "no_such_question"])
@pytest.mark.parametrize("purpose", ["urgent, {}", "weekly\u202ereview", "weekly review"])
def test_a_refusal_names_nobody_it_was_asked_about(
    served: Served, question: str, purpose: str
) -> None:
    person = served.people[0]
    asked = {"question": question, "purpose": purpose.format(person)}
    before = served.ledger.head()
    answer = served.score(person, role="service", on_behalf_of=person, **asked)
    assert answer.status_code == (400 if question == NAME else 404)
    assert before is not None
    entry = served.ledger.entries(limit=1)[0]
    assert (entry.seq, entry.action) == (before.seq + 1, Action.REFUSAL)
    assert person not in str(entry.as_data())
    assert entry.purpose == (purpose if purpose == "weekly review" else NOT_STATED)
    assert entry.body["on_behalf_of"] == NOT_STATED


def test_a_score_that_cannot_be_recorded_is_refused_on_the_ledger(served: Served) -> None:
    person = served.people[0]
    answer = served.score(person, purpose=f"urgent {person}")
    error = answer.json()["error"]
    told = (answer.status_code, error["code"], error["field"])
    assert told == (400, "names_a_person", "purpose")
    entry = served.ledger.entries(limit=1)[0]
    assert (entry.action, entry.body["code"]) == (Action.REFUSAL, "names_a_person")
    assert (entry.purpose, entry.question) == (NOT_STATED, NAME)


def test_what_cannot_be_read_asks_for_nothing_and_all_else_is_on_the_ledger(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, decision = served.ledger, {"score_id": one(served)["score_id"], "decision": "agree"}
    decision |= {"reason": "r", "purpose": "p"}

    def decide(**said: Any) -> Any:
        return served.client.post("/v1/decisions", json=said, headers=served.headers())

    before = ledger.head()
    unread = [served.get(f"/v1/lists/{NAME}?limit=0"), decide(score_id=""), served.score("")]
    assert [answer.status_code for answer in unread] == [400] * 3
    assert ledger.head() == before
    with monkeypatch.context() as patch:
        patch.setattr(champions, "pointer", lambda _: {"version": 7, "sha256": "another"})
        for answer in (served.score(served.people[0]), decide(**decision)):
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_refused")
            entry = ledger.entries(limit=1)[0]
            assert (entry.action, entry.body["code"]) == (Action.REFUSAL, "model_refused")


def test_a_program_names_whom_it_asks_for(served: Served) -> None:
    score_id = one(served)["score_id"]
    paths = [f"/v1/scores/{score_id}", f"/v1/lists/{NAME}"]
    looks = (served.get(path, "service") for path in paths)
    for answer in (served.score("N0001", role="service"), *looks):
        assert answer.status_code == 400, answer.text
        error = answer.json()["error"]
        assert (error["code"], error["field"]) == ("on_behalf_of_missing", "on_behalf_of")
        entry = served.ledger.entries(limit=1)[0]
        assert (entry.action, entry.body["code"]) == (Action.REFUSAL, error["code"])
    assert one(served, role="service", on_behalf_of="PC 1234")
    assert served.get(paths[0] + "?on_behalf_of=PC%201234", "service").status_code == 200
    entry = served.ledger.entries(limit=1)[0]
    assert (entry.action, entry.body["on_behalf_of"]) == (Action.VIEW, "PC 1234")


def test_a_score_can_be_read_again_and_the_look_is_recorded(served: Served) -> None:
    score = one(served)
    shown = served.get(f"/v1/scores/{score['score_id']}").json()
    again = served.get(f"/v1/scores/{score['score_id']}?purpose=again")
    assert again.json() == shown
    del shown["since_last"]
    assert shown == score
    entry = served.ledger.entries(limit=1)[0]
    assert (entry.action, entry.role, entry.purpose) == (Action.VIEW, "analyst", "again")


def test_a_reviewer_gets_scores_lists_and_decisions_without_names(served: Served) -> None:
    score = one(served)
    out = served.home / "unnamed.parquet"
    score_batch(served.model, 1, served.history, out, ledger=served.ledger, **ME)
    publish(NAME, ledger=served.ledger, **ME)
    told = served.get(f"/v1/scores/{score['score_id']}?purpose=inspection", "reviewer").json()
    assert told["nominal_id"] == f"Person {score['score_id'][:8]}"
    assert told["probability"] == score["probability"]
    records = [record for reason in told["reasons"] for record in reason["records"]]
    assert {record["reference"] for record in records} == {"reference withheld"}
    assert all(record["record_id"] for record in records), "by which one of them can be disputed"
    entry = served.ledger.entries(limit=1)[0]
    assert (entry.action, entry.role, entry.purpose) == (Action.VIEW, "reviewer", "inspection")
    rows = served.get(f"/v1/lists/{NAME}", "reviewer").json()["rows"]
    named = served.get(f"/v1/lists/{NAME}").json()["rows"]
    assert [row["score_id"] for row in rows] == [row["score_id"] for row in named]
    assert [row["nominal_id"] for row in rows] == [f"Person {row['score_id'][:8]}" for row in rows]
    said = {"score_id": score["score_id"], "decision": "agree", "reason": "r", "purpose": "p"}
    taken = served.client.post("/v1/decisions", json=said, headers=served.headers("analyst"))
    assert taken.status_code == 200, taken.text
    (line,) = served.get(f"/v1/decisions/{NAME}?limit=1", "reviewer").json()["rows"]
    assert line["nominal_id"] == f"Person {score['score_id'][:8]}"


def test_a_score_of_somebody_erased_is_gone(served: Served) -> None:
    person = served.people[-1]
    score = one(served, person)
    served.ledger.erase(person, **ME, purpose="lawful request")
    answer = served.get(f"/v1/scores/{score['score_id']}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "erased")
    assert served.ledger.verify().ok


def test_the_list_is_what_was_published_by_page(served: Served) -> None:
    out = served.home / "list.parquet"
    done = score_batch(served.model, 1, served.history, out, ledger=served.ledger, **ME)
    assert served.get("/v1/lists/other").status_code == 404
    said = publish(NAME, ledger=served.ledger, **ME)
    # the force is shared between files, so that an earlier list may be there to compare with
    assert sum(said[change] for change in ("new", "up", "down", "same")) == done.scored
    first = served.get(f"/v1/lists/{NAME}?limit=7").json()
    second = served.get(f"/v1/lists/{NAME}?offset=7&limit=7").json()
    assert [row["rank"] for row in first["rows"] + second["rows"]] == list(range(1, 15))
    probabilities = [row["probability"] for row in first["rows"]]
    assert probabilities == sorted(probabilities, reverse=True)
    assert (first["people"], first["insufficient_history"]) == (done.scored + 1, 1)
    entry = served.ledger.entries(limit=1)[0]
    assert (entry.action, entry.leaf_count) == (Action.LIST, 7)
    shown = served.get(f"/v1/scores/{first['rows'][0]['score_id']}").json()
    # an age is no record; every other reason leads to some
    assert all(reason["records"] or reason["group"] == "age" for reason in shown["reasons"])


def test_a_promotion_is_taken_up_without_a_restart_and_rolled_back(served: Served) -> None:
    assert one(served)["model"]["version"] == "1"
    second = make_model(served.history, trees=30)
    put_in_force(served.ledger, second, 2)
    assert one(served)["model"]["sha256"] == second.sha256
    put_in_force(served.ledger, served.model, 1)
    assert one(served)["model"]["sha256"] == served.model.sha256


def test_a_model_that_the_ledger_does_not_know_is_refused(served: Served) -> None:
    try:
        champions.put(NAME, 3, make_model(served.history, trees=31))
        answer = served.score("N0001")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_refused")
        ready = served.get("/readyz")
        assert (ready.status_code, ready.json()["error"]["code"]) == (503, "not_ready")
    finally:
        champions.put(NAME, 1, served.model)
    ready = served.get("/readyz")
    assert ready.status_code == 200, ready.text


def test_a_model_whose_file_was_changed_is_refused(served: Served) -> None:
    model = make_model(served.history, trees=32)
    put_in_force(served.ledger, model, 4)
    booster = champions.folder(NAME) / "4" / "booster.txt"
    booster.write_text(booster.read_text().replace("leaf_value=", "leaf_value= ", 1))
    try:
        answer = served.score("N0001")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_refused")
    finally:
        put_in_force(served.ledger, served.model, 1)
    assert one(served)["model"]["version"] == "1"


def test_a_question_in_shadow_is_shown_to_no_analyst(served: Served) -> None:
    shadow = served.model.question.model_copy(update={"stage": "shadow"})
    hidden = make_model(served.history, question=shadow)
    out = served.home / "shadow.parquet"
    done = score_batch(hidden, 6, served.history, out, ledger=served.ledger, **ME)
    put_in_force(served.ledger, hidden, 6)
    try:
        publish(NAME, ledger=served.ledger, **ME)
        score_id = pd.read_parquet(done.out)["score_id"][0]
        refused = [
            served.score("N0001"),
            served.get(f"/v1/scores/{score_id}"),
            served.get(f"/v1/lists/{NAME}?on_behalf_of=PC%201234", "service"),
        ]
        assert [answer.status_code for answer in refused] == [403] * 3
        assert {answer.json()["error"]["code"] for answer in refused} == {"in_shadow"}
        assert served.get(f"/v1/scores/{score_id}", "reviewer").status_code == 200
        assert served.get(f"/v1/lists/{NAME}", "reviewer").status_code == 200
    finally:
        put_in_force(served.ledger, served.model, 1)


def test_nothing_but_a_sign_of_life_is_anonymous(served: Served) -> None:
    alive = served.client.get("/livez")
    assert (alive.status_code, alive.text.strip()) == (200, "")
    for route in ROUTES:
        if route.permission is not None:
            for headers in ({}, {"Authorization": "Bearer nobody"}, {"Authorization": "Basic x"}):
                answer = served.client.request(route.method, route.path, headers=headers)
                assert answer.status_code == 401, route.path
                assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("role", GIVEN)
def test_every_route_is_open_to_the_roles_of_the_table(served: Served, role: str) -> None:
    for route in ROUTES:
        if route.permission is None:
            continue
        path = route.path.replace("{score_id}", "s0").replace("{question}", "none")
        body = {"json": {}} if route.takes else {}
        answer = served.client.request(route.method, path, headers=served.headers(role), **body)
        assert (answer.status_code != 403) == allows(role, route.permission), route.path


def test_one_document_describes_every_route(served: Served) -> None:
    told = served.get("/docs.json").json()
    assert told == json.loads(json.dumps(document()))
    assert {(m.upper(), p) for p, ms in told["paths"].items() for m in ms} == {
        (route.method, route.path) for route in ROUTES
    }
    names = json.dumps(told).split("#/components/schemas/")[1:]
    assert {name.split('"')[0] for name in names} <= set(told["components"]["schemas"])


def test_figures_name_routes_and_nobody(served: Served) -> None:
    score = one(served)
    served.get(f"/v1/scores/{score['score_id']}")
    figures = served.get("/metrics").text
    assert 'route="/v1/scores/{score_id}"' in figures
    assert f'precursor_scores_total{{answer="scored",question="{NAME}"}}' in figures
    assert not {"N0001", score["score_id"], "analyst one"} & set(figures.split('"'))
