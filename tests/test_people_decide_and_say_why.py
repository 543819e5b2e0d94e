"""Own views before scores, decisions with reasons, sign-off by another, outcomes beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
import small_force
from served import ME, NAME, Served, put_in_force, served

import serving.stock
from features.cohort import cohort
from features.errors import NotFound
from features.labels import label
from models import champions
from serving.access import Access
from serving.batch import score_batch
from serving.decisions import told
from serving.ledger import Action, Ledger
from serving.outcomes import by_group, joined
from serving.own_view import lot, waiting, weight
from serving.permissions import Role
from serving.publishing import publish
from serving.routes import ROUTES
from serving.runs import published
from serving.scoring import score_people

__all__ = ["served"]

NO_LOAD = {"fingerprint": ""}


@dataclass(frozen=True)
class Desk:
    """The service with people of several names at it."""

    served: Served
    tokens: dict[str, str]

    def post(self, who: str, path: str, **said: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.tokens[who]}"}
        return self.served.client.post(path, json=said, headers=headers)

    def get(self, who: str, path: str) -> Any:
        return self.served.client.get(path, headers={"Authorization": f"Bearer {self.tokens[who]}"})

    def score(self, who: str, person: str) -> Any:
        asked = {"question": NAME, "nominal_ids": [person], "purpose": "weekly review"}
        return self.post(who, "/v1/scores", **asked)

    def decide(self, score: dict, decision: str, who: str = "ann", **more: Any) -> Any:
        said = {"score_id": score["score_id"], "decision": decision, "purpose": "IOM meeting"}
        return self.post(who, "/v1/decisions", **{"reason": "as on record", **said, **more})


@pytest.fixture
def desk(served: Served) -> Desk:
    access = Access(served.ledger)
    roles = {"ann": "analyst", "bob": "analyst", "sue": "supervisor", "sam": "supervisor"}
    roles |= {"rex": "reviewer", "app": "service"}
    return Desk(served, {who: access.issue_token(who, role, 1) for who, role in roles.items()})


@pytest.fixture
def asked_first(desk: Desk) -> Iterator[Desk]:
    """A desk at which three people of the new list are to be judged before it is shown."""
    served = desk.served
    policy = {"own_view": {"people": 3, "near_line": 4}, "sign_off": "overrides"}
    question = served.model.question.model_validate(served.model.question.model_dump() | policy)
    model = small_force.make_model(served.history, question=question, trees=21)
    put_in_force(served.ledger, model, 40)
    made = {"ledger": served.ledger, **ME}
    score_batch(model, 40, served.history, served.home / "own.parquet", **made)
    publish(NAME, **made)
    yield desk
    put_in_force(served.ledger, served.model, 1)
    score_batch(served.model, 1, served.history, served.home / "after.parquet", **made)
    publish(NAME, **made)


def other_band(band: str) -> str:
    return "Lower" if band != "Lower" else "Very high"


def test_nothing_is_shown_before_the_own_view_and_then_all(asked_first: Desk) -> None:
    desk, ways = asked_first, (f"/v1/lists/{NAME}", "scores", "score")
    known = desk.score("rex", "N0001")
    assert known.status_code == 403
    listed = published(NAME).page(0, 1)[0]["score_id"]
    due = desk.get("ann", f"/v1/own-views/{NAME}").json()["due"]
    assert len(due) == 3
    assert all(person["records"] for person in due)
    assert "probability" not in str(due)
    for count, person in enumerate(due):
        for way in ways:
            refused = (
                desk.score("ann", "N0001")
                if way == "scores"
                else desk.get("ann", f"/v1/scores/{listed}" if way == "score" else way)
            )
            error = refused.json()["error"]
            assert (refused.status_code, error["code"]) == (409, "own_view_due")
            assert str(3 - count) in error["message"]
        given = desk.post(
            "ann",
            "/v1/own-views",
            question=NAME,
            purpose="new list",
            nominal_id=person["nominal_id"],
            band="Medium",
            would_select=False,
        )
        assert given.json()["left"] == 2 - count
    assert desk.get("ann", f"/v1/lists/{NAME}").status_code == 200
    assert desk.score("ann", "N0001").status_code == 200
    assert desk.get("bob", f"/v1/lists/{NAME}").status_code == 409, "each analyst for themselves"
    for who in ("sue", "rex"):
        assert desk.get(who, f"/v1/lists/{NAME}").status_code == 200
    again = desk.post("ann", "/v1/own-views", question=NAME, purpose="x", skip_as_urgent="y")
    assert again.json()["error"]["code"] == "nothing_due"


def test_no_route_is_open_before_the_own_view_but_those_without_scores(asked_first: Desk) -> None:
    """Whatever route is added, it is refused, or is named here as one without scores."""
    desk, listed = asked_first, published(NAME).page(0, 1)[0]
    about = {"score_id": listed["score_id"], "reason": "r", "purpose": "p"}
    bodies = {
        "/v1/scores": {"question": NAME, "nominal_ids": ["N0001"], "purpose": "p"},
        "/v1/decisions": about | {"decision": "agree"},
        "/v1/challenges": about | {"table": "offence", "record_id": "o"},
        "/v1/selections": about | {"action": "deselect"},
    }
    without = {"/v1/own-views", "/v1/own-views/{question}", "/v1/break-glass"}
    without |= {"/docs.json", "/readyz", "/metrics", "/livez"}
    for route in ROUTES:
        if route.path in without or (route.permission and Role.ANALYST not in route.roles):
            continue
        path = route.path.replace("{question}", NAME).replace("{score_id}", listed["score_id"])
        answer = (
            desk.get("ann", path)
            if route.method == "GET"
            else desk.post("ann", path, **bodies[path])
        )
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (409, "own_view_due"), route
        assert 409 in route.refusals


def test_what_one_ledger_has_of_an_analyst_opens_no_list_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pa.table({"nominal_id": ["N1", "N2"], "rank": [1, 2]})

    def listed(run_id: str) -> Any:
        info = {"own_view": {"people": 1, "near_line": 4}, "capacity": 1, "load": NO_LOAD}
        run = SimpleNamespace(run_id=run_id, question=NAME, info=info)
        return SimpleNamespace(run=run, columns=lambda *names: table.select(list(names)))

    for home in ("one", "other"):
        monkeypatch.setenv("PRECURSOR_HOME", str(tmp_path / home))
        with Ledger.open() as ledger:
            assert len(waiting(ledger, listed("r"), "ann")) == 1, home
            body = {"run_id": "r", "kind": "skipped"}
            said = {"actor": "ann", "role": "analyst", "purpose": "p", "question": NAME}
            ledger.append(Action.OWN_VIEW, body=body, **said)
            assert waiting(ledger, listed("r"), "ann") == {}
            assert len(waiting(ledger, listed("the next"), "ann")) == 1
    assert ledger.no_view_due == {NAME: ("the next", set())}, "one list is remembered"


def test_no_program_gets_an_analyst_round_their_own_view(asked_first: Desk) -> None:
    desk = asked_first
    assert desk.get("ann", f"/v1/lists/{NAME}").status_code == 409
    listed = published(NAME).page(0, 1)[0]["score_id"]
    named = {"question": NAME, "nominal_ids": ["N0001"], "purpose": "p"}

    def asked(name: str) -> list[Any]:
        looks = (f"/v1/lists/{NAME}", f"/v1/scores/{listed}")
        answers = [desk.get("app", f"{look}?on_behalf_of={name}") for look in looks]
        return [desk.post("app", "/v1/scores", on_behalf_of=name, **named), *answers]

    for answer in asked("ann"):
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (409, "own_view_due")
        assert "ann's own view" in error["message"]
        assert "where they sign in" in error["remedy"]
    assert [answer.status_code for answer in asked("nobody who signs in here")] == [200] * 3
    desk.post("ann", "/v1/own-views", question=NAME, purpose="p", skip_as_urgent="tonight")
    assert [answer.status_code for answer in asked("ann")] == [200] * 3


def test_what_cannot_wait_is_skipped_with_a_reason_that_stays(asked_first: Desk) -> None:
    said = {"question": NAME, "purpose": "new list", "skip_as_urgent": "threat to life tonight"}
    assert asked_first.post("bob", "/v1/own-views", **said).json()["left"] == 0
    assert asked_first.get("bob", f"/v1/lists/{NAME}").status_code == 200
    (entry,) = asked_first.served.ledger.entries(action=Action.OWN_VIEW, actor="bob", limit=1)
    assert entry.body["kind"] == "skipped"
    assert entry.body["reason"] == "threat to life tonight"


def test_only_who_the_lot_fell_on_is_judged(asked_first: Desk) -> None:
    due = {p["nominal_id"] for p in asked_first.get("ann", f"/v1/own-views/{NAME}").json()["due"]}
    other = next(row for row in published(NAME).page(0, 20) if row["nominal_id"] not in due)
    said = {"question": NAME, "purpose": "p", "band": "High", "would_select": True}
    refused = asked_first.post("ann", "/v1/own-views", nominal_id=other["nominal_id"], **said)
    assert refused.status_code == 404
    for wrong in ({"nominal_id": "N1"}, {"skip_as_urgent": "x", "band": "High"}, {}):
        answer = asked_first.post("ann", "/v1/own-views", question=NAME, purpose="p", **wrong)
        assert answer.status_code == 400


def test_the_lot_falls_on_anybody_more_often_near_the_line(asked_first: Desk) -> None:
    listed = published(NAME)
    ranks = listed.columns("rank")["rank"].to_pylist()
    capacity = listed.run.info["capacity"]
    drawn = Counter(
        position for n in range(3_000) for position in lot(listed, f"analyst {n}", b"k" * 32)
    )
    near = [i for i, rank in enumerate(ranks) if rank and abs(rank - capacity) <= 5]
    far = [i for i, rank in enumerate(ranks) if rank is None or rank > 5 * capacity]
    mean = [sum(drawn[i] for i in group) / len(group) for group in (near, far)]
    expected = [sum(weight(ranks[i], capacity, 4) for i in g) / len(g) for g in (near, far)]
    assert mean[0] / mean[1] == pytest.approx(expected[0] / expected[1], rel=0.15)
    assert min(drawn[i] for i in range(len(ranks))) > 0, "being asked says nothing"
    assert lot(listed, "ann", b"k" * 32) == lot(listed, "ann", b"k" * 32)
    assert lot(listed, "ann", b"k" * 32) != lot(listed, "ann", b"l" * 32)


def test_a_decision_is_recorded_with_its_reason_and_triggers_nothing(desk: Desk) -> None:
    score = desk.score("ann", desk.served.people[3]).json()["scores"][0]
    agreed = desk.decide(score, "agree")
    assert (agreed.status_code, agreed.json()["direction"]) == (200, "same")
    band = other_band(score["band"])
    overridden = desk.decide(score, "override", judged_band=band, reason="known to be in hospital")
    assert overridden.json()["direction"] in ("higher", "lower")
    rows = told(desk.served.ledger, NAME).set_index("decision")
    row = rows.loc[overridden.json()["decision"]]
    assert (row["actor"], row["kind"], row["judged_band"]) == ("ann", "override", band)
    assert (row["nominal_id"], row["reason"]) == (desk.served.people[3], "known to be in hospital")
    entry = desk.served.ledger.entry(int(row.name))
    assert "hospital" not in str(entry.as_data()), "what is about one person is under their key"
    assert desk.served.ledger.verify().ok


@pytest.mark.parametrize(
    ("said", "status", "field"),
    [
        ({"decision": "override"}, 400, None),
        ({"decision": "agree", "judged_band": "High"}, 400, None),
        ({"decision": "perhaps"}, 400, "decision"),
        ({"decision": "agree", "reason": " "}, 400, "reason"),
        ({"decision": "agree", "score_id": "s1"}, 400, "score_id"),
        ({"decision": "agree", "score_id": "s" + "0" * 32}, 404, "score_id"),
        ({"decision": "agree", "own": 1}, 400, "own"),
    ],
)
def test_a_decision_that_is_none_is_refused(
    desk: Desk, said: dict, status: int, field: str | None
) -> None:
    score = desk.score("ann", desk.served.people[3]).json()["scores"][0]
    answer = desk.decide(score, **said)
    assert (answer.status_code, answer.json()["error"]["field"]) == (status, field), answer.text


def test_an_override_names_another_band_and_no_number_is_agreed_with(desk: Desk) -> None:
    score = desk.score("ann", desk.served.people[3]).json()["scores"][0]
    same = desk.decide(score, "override", judged_band=score["band"])
    assert (same.status_code, same.json()["error"]["code"]) == (409, "no_override")
    few = desk.score("ann", small_force.NEWCOMER).json()["scores"][0]
    assert desk.decide(few, "agree").json()["error"]["code"] == "nothing_to_agree_with"
    assert desk.decide(few, "override", judged_band="High").json()["direction"] == "higher"
    refusal = desk.served.ledger.entries(action=Action.REFUSAL, actor="ann", limit=1)[0]
    assert refusal.body == {"what": "POST /v1/decisions", "code": "nothing_to_agree_with"}


RENAMED = ("Old Name (oid-1)", "New Name (oid-1)")


@pytest.mark.parametrize(
    ("who", "then", "status"),
    [
        (*RENAMED, 403),
        ("Ann (oid-1)", "Ann (oid-2)", 200),
        ("Ann (oid-1)", "oid-1", 403),
        ("Ann (oid-1)", "Ann", 403),
        ("Ann", "Ann (oid-1)", 403),
    ],
)
def test_another_name_makes_nobody_another_person(
    desk: Desk, who: str, then: str, status: int
) -> None:
    """An account's name can be changed by whoever bears it; its id cannot."""
    access = Access(desk.served.ledger)
    roles = {who: access.issue_token(who, "analyst", 1)}
    roles |= {f"{then}, supervisor": access.issue_token(then, "supervisor", 1)}
    desk = Desk(desk.served, desk.tokens | roles)
    asked = desk.score(who, desk.served.people[5]).json()["scores"][0]
    taken = desk.decide(asked, "agree", who=who).json()["decision"]
    word = {"reason": "fine by me", "purpose": "p"}
    path = f"/v1/decisions/{taken}/sign-off"
    signed = desk.post(f"{then}, supervisor", path, agreed=True, **word)
    assert signed.status_code == status, signed.text
    score = desk.get(who, f"/v1/scores/{asked['score_id']}").json()
    record = next(one for reason in score["reasons"] for one in reason["records"])
    disputed = {"table": record["table"], "record_id": record["record_id"]}
    brought = desk.post(who, "/v1/challenges", score_id=asked["score_id"], **disputed, **word)
    path = f"/v1/challenges/{brought.json()['challenge']}/settlement"
    settled = desk.post(f"{then}, supervisor", path, outcome="stands", **word)
    assert settled.status_code == status, settled.text
    if status == 403:
        codes = [answer.json()["error"]["code"] for answer in (signed, settled)]
        assert codes == ["own_decision", "own_dispute"]


def test_another_name_leaves_the_lot_and_what_is_due(asked_first: Desk) -> None:
    served, (old, new) = asked_first.served, RENAMED
    listed = published(NAME)
    assert lot(listed, old, b"k" * 32) == lot(listed, new, b"k" * 32)
    assert lot(listed, old, b"k" * 32) != lot(listed, "Old Name (oid-2)", b"k" * 32)
    access = Access(served.ledger)
    tokens = {who: access.issue_token(who, "analyst", 1) for who in (old, new, "New Name (OID-1)")}
    desk = Desk(served, asked_first.tokens | tokens)

    def due(who: str) -> set[str]:
        asked = desk.get(who, f"/v1/own-views/{NAME}").json()["due"]
        return {person["nominal_id"] for person in asked}

    first = due(old)
    assert len(first) == 3
    assert due(new) == first
    view = {"band": "Medium", "would_select": False, "nominal_id": min(first)}
    given = desk.post(old, "/v1/own-views", question=NAME, purpose="p", **view)
    assert given.json()["left"] == 2
    assert due(new) == first - {min(first)}
    urgent = {"question": NAME, "purpose": "p", "skip_as_urgent": "tonight"}
    desk.post(new, "/v1/own-views", **urgent)
    for who in (old, new):
        assert desk.get(who, f"/v1/lists/{NAME}").status_code == 200
    assert len(due("New Name (OID-1)")) == 3, "another id is somebody else"
    score = desk.score(new, min(first)).json()["scores"][0]
    desk.decide(score, "agree", who=new)
    assert served.ledger.entries(person=old, action=Action.DECISION, limit=1)[0].actor == new


def test_no_program_names_an_analyst_by_an_earlier_name(asked_first: Desk) -> None:
    served, (old, new) = asked_first.served, ("Old Name (oid-7)", "New Name (oid-7)")
    served.ledger.append(Action.SIGN_IN, actor=old, role="analyst", purpose="sign-in by account")
    for name in (old, new, "oid-7"):
        answer = asked_first.get("app", f"/v1/lists/{NAME}?on_behalf_of={name}")
        assert answer.status_code == 409, answer.text
        assert answer.json()["error"]["code"] == "own_view_due"


def test_no_sign_off_is_waived_while_something_is_out_of_order(
    asked_first: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, ledger = asked_first, asked_first.served.ledger
    desk.post("ann", "/v1/own-views", question=NAME, purpose="p", skip_as_urgent="tonight")
    score = desk.score("ann", desk.served.people[4]).json()["scores"][0]

    def overridden() -> Any:
        return desk.decide(score, "override", judged_band=other_band(score["band"]))

    def gone(question: str) -> Any:
        raise NotFound(f"question '{question}': the records are gone", remedy="Restore them.")

    with monkeypatch.context() as patch:
        patch.setattr(serving.stock, "serving_from", gone)
        assert desk.score("ann", desk.served.people[4]).status_code == 404
        assert overridden().json()["sign_off_due"] is True, "the question is in the model"
    before = len(ledger.entries(action=Action.DECISION, limit=None))
    with monkeypatch.context() as patch:
        patch.setattr(champions, "pointer", lambda _: {"version": 7, "sha256": "another"})
        refused = overridden()
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "model_refused")
    assert len(ledger.entries(action=Action.DECISION, limit=None)) == before
    ledger.append(Action.SUSPENSION, **ME, purpose="test", question=NAME, body={"version": 40})
    assert overridden().json()["sign_off_due"] is True, "the model of the score says so"
    for path in (f"/v1/lists/{NAME}", f"/v1/own-views/{NAME}"):
        answer = desk.get("ann", path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (
            404,
            "question_not_in_force",
        ), "a list of what is out of force is nobody's to see"
    with monkeypatch.context() as patch:
        patch.setattr(serving.stock.Stock, "model_of", lambda *_: gone(NAME))
        agreed = desk.decide(score, "agree").json()
    assert agreed["sign_off_due"] is True, "nobody can tell, so that somebody looks"


def test_an_override_is_signed_off_once_by_somebody_else(asked_first: Desk) -> None:
    desk = asked_first
    for who in ("ann", "bob"):
        said = {"question": NAME, "purpose": "p", "skip_as_urgent": "test of sign-off"}
        desk.post(who, "/v1/own-views", **said)
    score = desk.score("ann", desk.served.people[4]).json()["scores"][0]
    assert desk.decide(score, "agree").json()["sign_off_due"] is False
    taken = desk.decide(score, "override", judged_band=other_band(score["band"])).json()
    assert taken["sign_off_due"] is True
    path = f"/v1/decisions/{taken['decision']}/sign-off"
    word = {"agreed": True, "reason": "seen the file", "purpose": "IOM meeting"}
    assert desk.post("ann", path, **word).status_code == 403
    answers = [desk.post(who, path, **word) for who in ("sue", "sam")]
    assert [answer.status_code for answer in answers] == [200, 409]
    assert answers[1].json()["error"]["code"] == "signed_off"
    for wrong in ("0", "1", "x", "9" * 30):
        assert desk.post("sue", f"/v1/decisions/{wrong}/sign-off", **word).status_code == 404
    page = desk.get("rex", f"/v1/decisions/{NAME}?limit=1").json()
    (row,) = page["rows"]
    assert (row["decision"], row["signed_off"], row["signed_off_by"]) == (
        taken["decision"],
        True,
        "sue",
    )
    assert row["sign_off_due"] is False


def test_nobody_signs_off_their_own_decision(desk: Desk) -> None:
    both = Access(desk.served.ledger).issue_token("ann", "supervisor", 1)
    score = desk.score("ann", desk.served.people[5]).json()["scores"][0]
    taken = desk.decide(score, "agree").json()["decision"]
    answer = desk.served.client.post(
        f"/v1/decisions/{taken}/sign-off",
        json={"agreed": True, "reason": "mine", "purpose": "p"},
        headers={"Authorization": f"Bearer {both}"},
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "own_decision")


def test_an_own_view_stands_beside_the_decision_that_followed(asked_first: Desk) -> None:
    desk = asked_first
    for person in desk.get("ann", f"/v1/own-views/{NAME}").json()["due"]:
        said = {"nominal_id": person["nominal_id"], "band": "High", "would_select": True}
        desk.post("ann", "/v1/own-views", question=NAME, purpose="p", **said)
    lines = {row["nominal_id"]: row for row in published(NAME).page(0, 10**6)}
    desk.decide(
        lines[person["nominal_id"]],
        "override",
        judged_band=other_band(str(lines[person["nominal_id"]]["band"])),
    )
    assert told(desk.served.ledger, NAME).iloc[-1]["own_band"] == "High"


def test_after_an_erasure_a_decision_says_nothing_of_the_person(desk: Desk) -> None:
    person = desk.served.people[-3]
    score = desk.score("ann", person).json()["scores"][0]
    taken = desk.decide(score, "agree").json()["decision"]
    desk.served.ledger.erase(person, **ME, purpose="lawful request")
    assert taken not in set(told(desk.served.ledger, NAME)["decision"])
    assert desk.decide(score, "agree").status_code == 410
    path, word = f"/v1/decisions/{taken}/sign-off", {"agreed": True, "reason": "r", "purpose": "p"}
    assert desk.post("sue", path, **word).status_code == 410
    assert desk.served.ledger.verify().ok


def test_what_followed_stands_beside_decisions_by_group_and_small_groups_do_not(
    served: Served,
) -> None:
    history, question = served.history, served.model.question
    at = small_force.AS_OF - timedelta(days=400)
    spine = cohort(history, question, [at])
    scores, _ = score_people(served.model, 1, history, spine)
    numbered = [score for score in scores if score.probability is not None]
    kinds = ["agree", "override", "agree"]
    decided = pd.DataFrame(
        {
            "decision": range(len(numbered)),
            "score_id": [score.score_id for score in numbered],
            "nominal_id": [score.nominal_id for score in numbered],
            "as_of_date": [score.as_of_date.isoformat() for score in numbered],
            "probability": [score.probability for score in numbered],
            "kind": [kinds[i % 3] for i in range(len(numbered))],
            "direction": [("same", "higher", "same")[i % 3] for i in range(len(numbered))],
        }
    )
    again = decided.iloc[:1].assign(kind="override", direction="lower")
    rows = joined(pd.concat([decided, again], ignore_index=True), history, question)
    assert len(rows) == len(numbered), "of several decisions on one score the last counts"
    truth = label(history, question, rows[["nominal_id", "as_of_date"]])["label"]
    assert rows["followed"].tolist() == truth.tolist()
    sex = ["female" if i < 12 else "male" for i in range(len(rows))]
    found = by_group(rows, pd.DataFrame({"sex": sex}))
    total = {c["decision"]: c for c in found if c["attribute"] == "everybody"}
    own = rows[rows["kind"] == "agree"]
    assert total["agree"]["decisions"] == len(own)
    assert total["agree"]["followed"] == own["followed"].mean()
    assert total["agree"]["low"] < total["agree"]["followed"] < total["agree"]["high"]
    small = [c for c in found if c["group"] == "female"]
    assert all(c["suppressed"] and "decisions" not in c for c in small)
    assert total["lower"]["suppressed"], "one decision is nobody's business"
    assert by_group(rows.iloc[:0], pd.DataFrame({"sex": []})) == []


def test_reviewers_see_overrides_beside_what_followed_and_nobody_is_named(desk: Desk) -> None:
    before = desk.get("rex", f"/v1/decisions/{NAME}/outcomes").json()
    decided, left = desk.served.people[10:70], {"agree": 12, "override": 12}
    for person in decided:
        score = desk.score("ann", person).json()["scores"][0]
        kind = "override" if left["override"] and score["band"] != "Very high" else "agree"
        if left[kind]:
            said = {"judged_band": "Very high"} if kind == "override" else {}
            assert desk.decide(score, kind, **said).status_code == 200
            left[kind] -= 1
    assert left == {"agree": 0, "override": 0}
    answer = desk.get("rex", f"/v1/decisions/{NAME}/outcomes?purpose=panel")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["decisions"] == before["decisions"] + 24
    assert told["load"] == desk.served.load.fingerprint
    shown = [cell for cell in told["groups"] if not cell["suppressed"]]
    assert shown
    assert all(cell["decisions"] >= 10 for cell in shown)
    assert {cell["attribute"] for cell in told["groups"]} == {
        *("everybody", "sex", "ethnicity", "age_band")
    }
    assert not any(person in answer.text for person in decided)
    entry = desk.served.ledger.entries(limit=1)[0]
    assert (entry.action, entry.actor, entry.purpose) == (Action.AUDIT, "rex", "panel")
    for who in ("ann", "sue", "app"):
        assert desk.get(who, f"/v1/decisions/{NAME}/outcomes").status_code == 403
    assert desk.get("rex", "/v1/decisions/none/outcomes").status_code == 404
