"""Restricted people and areas: refused, withheld on lists, and broken open for a stated cause."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import small_force
import worlds
import yaml
from served import ME, NAME, Served, served

from features.errors import UsageError
from features.loads import write_load
from serving import need_to_know
from serving.access import GIVEN, Access
from serving.batch import score_batch
from serving.chain import utc_now
from serving.decisions import decide
from serving.kept import serve_from, serving_from
from serving.ledger import Action, Ledger
from serving.need_to_know import MOST_OPEN, TooManyOpen, break_glass, policy, withheld
from serving.permissions import Principal, Role
from serving.publishing import publish
from serving.routes import ROUTES
from serving.schema import BreakGlassRequest, DecisionRequest, SelectionRequest
from serving.selections import select

__all__ = ["served"]


@pytest.fixture
def rules(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A policy under which one of the first three people is restricted."""
    file = tmp_path / "need.yaml"
    file.write_text(yaml.safe_dump({"restricted": [served.people[2]], "cleared": ["chief"]}))
    monkeypatch.setenv("PRECURSOR_NEED_TO_KNOW", str(file))
    return file


def glass(served: Served, person: str, role: str = "analyst") -> Any:
    said = {"nominal_id": person, "reason": "threat to life tonight", "purpose": "duty desk"}
    return served.client.post("/v1/break-glass", json=said, headers=served.headers(role))


def test_a_restricted_person_is_seen_only_behind_broken_glass(served: Served, rules: Path) -> None:
    first, _, third = served.people[:3]
    refused = served.score(first, third)
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (403, "need_to_know")
    assert error["field"] == "nominal_ids[1]"
    assert third not in error["message"]
    assert served.score(first).status_code == 200
    assert glass(served, third, "service").status_code == 403
    assert glass(served, third, "reviewer").status_code == 200
    assert served.score(third).status_code == 403, "the glass is broken for one actor"
    assert glass(served, third).status_code == 200
    (entry,) = served.ledger.entries(action=Action.BREAK_GLASS, limit=1)
    assert third not in str(entry.as_data())
    (leaf,) = served.ledger.people(entry.seq)
    assert leaf.payload is not None
    assert leaf.payload["reason"] == "threat to life tonight"
    score = served.score(third).json()["scores"][0]
    path = f"/v1/scores/{score['score_id']}"
    assert served.get(path).status_code == 200
    assert served.get(f"{path}?on_behalf_of=x", "service").status_code == 403


def test_a_decision_about_somebody_withheld_is_refused(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    score = served.score(served.people[4]).json()["scores"][0]
    file = tmp_path / "need.yaml"
    file.write_text(yaml.safe_dump({"restricted": [served.people[4]]}))
    monkeypatch.setenv("PRECURSOR_NEED_TO_KNOW", str(file))
    said = {"score_id": score["score_id"], "decision": "agree", "reason": "r", "purpose": "p"}
    answer = served.client.post("/v1/decisions", json=said, headers=served.headers())
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "need_to_know")


def test_a_list_keeps_the_line_and_not_the_name(served: Served, rules: Path) -> None:
    made = {"ledger": served.ledger, **ME}
    score_batch(served.model, 1, served.history, served.home / "need.parquet", **made)
    publish(NAME, **made)
    for role in ("supervisor", "service"):
        path = f"/v1/lists/{NAME}?limit=1000&on_behalf_of=x"
        told = served.get(path, role).json()["rows"]
        names = {row["nominal_id"] for row in told}
        assert served.people[2] not in names
        (line,) = [row for row in told if row["nominal_id"].startswith("Withheld ")]
        assert line["rank"]
        assert line["reasons"] == []


def test_areas_say_who_is_seen(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "need.yaml"
    file.write_text(yaml.safe_dump({"areas": {"analyst one": ["North"]}}))
    monkeypatch.setenv("PRECURSOR_NEED_TO_KNOW", str(file))
    # nobody of this force has an area on record, so the analyst of North sees nobody
    assert served.score(served.people[0]).status_code == 403
    assert served.score(served.people[0], role="service", on_behalf_of="x").status_code == 200


@dataclass(frozen=True)
class Areas:
    """People with an area on record, and a score of one of each, given before the rules held."""

    near: str
    far: str
    near_score: str
    far_score: str


@pytest.fixture
def by_area(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Areas]:
    """Serve a load in which every other person lives in North; who asks works there."""
    rows = small_force.rows()
    for record in rows["nominal"]:
        north = record["nominal_id"][-1] in "02468"
        record["area"] = "North" if north else "South"
    load = write_load(
        tmp_path / "records",
        worlds.tables(rows),
        kind="synthetic",
        data_to=small_force.DATA_TO,
        synthetic=True,
    )
    near = next(one for one in served.people if one[-1] in "02468")
    # the force is shared between files: where the glass was broken, it is open for hours
    glass = served.ledger.entries(action=Action.BREAK_GLASS, limit=None)
    opened = {leaf.nominal_id for entry in glass for leaf in served.ledger.people(entry.seq)}
    shut = [one for one in served.people if one not in opened]
    far = next(one for one in shut if one[-1] not in "02468")
    serve_from(NAME, load)
    try:
        deadline = time.monotonic() + 120
        while True:  # the new load is opened beside the one in use
            scores = served.score(near, far).json()["scores"]
            if scores[0]["load"]["fingerprint"] == load.fingerprint:
                break
            assert time.monotonic() < deadline
            time.sleep(0.1)
        file = tmp_path / "need.yaml"
        rules = {"areas": {f"{role.value} one": ["North"] for role in GIVEN} | {"PC 1": ["North"]}}
        file.write_text(yaml.safe_dump(rules))
        monkeypatch.setenv("PRECURSOR_NEED_TO_KNOW", str(file))
        yield Areas(near, far, scores[0]["score_id"], scores[1]["score_id"])
    finally:
        serve_from(NAME, served.load)


def ask(served: Served, role: str, method: str, path: str, **body: Any) -> Any:
    if role == "service" and method == "GET":
        path += "?on_behalf_of=x"
    if role == "service" and method == "POST":
        body["on_behalf_of"] = "x"
    more = {"json": body | {"purpose": "p"}} if method == "POST" else {}
    return served.client.request(method, path, headers=served.headers(role), **more)


def test_each_route_that_names_a_person_asks_who_needs_to_know(
    served: Served, by_area: Areas
) -> None:
    """Every route by which one person can be asked for, for every role that may use it."""

    def answers(role: str, method: str, path: str, **body: Any) -> tuple[Any, Any]:
        """Ask the same about somebody near and somebody far."""

        def about(person: str, score: str) -> Any:
            said = {k: v.format(person=person, score=score) for k, v in body.items()}
            if "nominal_ids" in said:
                said["nominal_ids"] = [said["nominal_ids"]]
            return ask(served, role, method, path.format(score=score), **said)

        return about(by_area.near, by_area.near_score), about(by_area.far, by_area.far_score)

    asked = [
        ("POST", "/v1/scores", {"question": NAME, "nominal_ids": "{person}"}),
        ("GET", "/v1/scores/{score}", {}),
        ("GET", "/v1/replays/{score}", {}),
        ("POST", "/v1/decisions", {"score_id": "{score}", "decision": "agree", "reason": "r"}),
        (
            "POST",
            "/v1/challenges",
            {"score_id": "{score}", "table": "offence", "record_id": "none", "reason": "r"},
        ),
        (
            "POST",
            "/v1/selections",
            {"score_id": "{score}", "action": "deselect", "reason": "r"},
        ),
    ]
    seen = set()
    for method, path, body in asked:
        (route,) = [
            one for one in ROUTES if one.method == method and one.matches(path.format(score="s1"))
        ]
        for role in route.roles:
            if role not in GIVEN:
                continue
            near, far = answers(role.value, method, path, **body)
            assert near.status_code != 403, (path, role, near.text)
            assert far.status_code == 403, (path, role, far.text)
            assert far.json()["error"]["code"] == "need_to_know"
            assert by_area.far not in far.text
            seen.add((path, role))
    assert len(seen) > len(asked)


def test_lists_of_what_was_done_name_only_who_is_seen(served: Served, by_area: Areas) -> None:
    ledger = served.ledger
    analyst, supervisor = (
        Principal(f"{role} two", Role(role)) for role in ("analyst", "supervisor")
    )
    chosen: dict[str, Any] = {"reason": "in their own words", "purpose": "p"}
    review = ledger.now().date() + timedelta(days=30)
    numbers = {}
    for person, score in ((by_area.near, by_area.near_score), (by_area.far, by_area.far_score)):
        decision = DecisionRequest(score_id=score, decision="agree", **chosen)
        numbers[person] = decide(ledger, decision, analyst, sign_off="always")["decision"]
        taken_on = SelectionRequest(score_id=score, action="select", review_on=review, **chosen)
        select(ledger, taken_on, supervisor)
    try:
        for path, role in (
            (f"/v1/selections/{NAME}", "analyst"),
            (f"/v1/selections/{NAME}", "supervisor"),
            (f"/v1/decisions/{NAME}", "supervisor"),
            (f"/v1/decisions/{NAME}", "reviewer"),
        ):
            rows = {row["score_id"]: row for row in ask(served, role, "GET", path).json()["rows"]}
            named = f"Person {by_area.near_score[:8]}" if role == "reviewer" else by_area.near
            assert rows[by_area.near_score]["nominal_id"] == named
            assert not rows[by_area.near_score]["withheld"]
            line = rows[by_area.far_score]
            assert line["nominal_id"].startswith("Withheld ")
            assert (line["reason"], line["withheld"]) == ("withheld", True)
        sign = {"agreed": True, "reason": "r"}
        for person, status in ((by_area.near, 200), (by_area.far, 403)):
            path = f"/v1/decisions/{numbers[person]}/sign-off"
            assert ask(served, "supervisor", "POST", path, **sign).status_code == status
    finally:
        for score in (by_area.near_score, by_area.far_score):
            select(
                ledger, SelectionRequest(score_id=score, action="deselect", **chosen), supervisor
            )


def test_a_program_gets_no_more_than_whom_it_asks_for(served: Served, by_area: Areas) -> None:
    """`PC 1` works in North; the rules let the program itself see everybody."""
    rules = yaml.safe_load(Path(os.environ["PRECURSOR_NEED_TO_KNOW"]).read_text())
    del rules["areas"]["service one"]
    Path(os.environ["PRECURSOR_NEED_TO_KNOW"]).write_text(yaml.safe_dump(rules))

    def asked(person: str, named: str) -> int:
        return int(served.score(person, role="service", on_behalf_of=named).status_code)

    assert [asked(by_area.near, name) for name in ("PC 1", "PC 2")] == [200, 200]
    assert [asked(by_area.far, name) for name in ("PC 1", "PC 2")] == [403, 200]
    path = f"/v1/scores/{by_area.far_score}?on_behalf_of="
    assert served.get(path + "PC 1", "service").status_code == 403
    assert served.get(path + "PC 2", "service").status_code == 200


def test_broken_glass_opens_one_person_of_another_area_for_eight_hours(
    served: Served, by_area: Areas
) -> None:
    # the last of them: tests of the API break the glass for the person that its document names
    others = (one for one in reversed(served.people) if one[-1] not in "02468")
    other = next(one for one in others if one != by_area.far)
    assert served.score(by_area.far).status_code == 403
    assert glass(served, by_area.far).status_code == 200
    assert served.score(by_area.far).status_code == 200
    assert served.get(f"/v1/scores/{by_area.far_score}").status_code == 200
    assert served.get(f"/v1/scores/{by_area.far_score}", "supervisor").status_code == 403
    assert served.score(other).status_code == 403, "nobody else is opened by it"
    load = str(serving_from(NAME)["fingerprint"])
    later = Ledger.open(clock=lambda: served.ledger.now() + timedelta(hours=8, minutes=1))
    with later:
        who = Principal("analyst one", Role.ANALYST)
        assert withheld(later, load, who, [by_area.far]) == {by_area.far}


ACCOUNT = "a.nalyst (0f-1)"


def broken(ledger: Ledger, number: int, actor: str, role: Role = Role.ANALYST) -> dict[str, Any]:
    said = BreakGlassRequest(nominal_id=f"N{number}", reason="threat to life", purpose="call")
    return break_glass(ledger, said, Principal(actor, role))


def test_ten_people_are_open_at_once_to_one_person(served: Served, rules: Path) -> None:
    figure = "precursor_broken_glasses_total"

    def counted() -> float:
        (line,) = re.findall(rf"^{figure} (\S+)", served.get("/metrics").text, re.MULTILINE)
        return float(line)

    token = Access(served.ledger).issue_token("busy one", "analyst", 1)
    before, headers = counted(), {"Authorization": f"Bearer {token}"}
    answers = []
    for number in range(11):
        said = {"nominal_id": f"N{number}", "reason": "threat to life", "purpose": "duty desk"}
        answers.append(served.client.post("/v1/break-glass", json=said, headers=headers))
    assert [answer.status_code for answer in answers] == [200] * MOST_OPEN + [403]
    error = answers[-1].json()["error"]
    assert error["code"] == "too_many_open"
    assert "supervisor" in error["remedy"]
    (entry,) = served.ledger.entries(limit=1)
    assert (entry.action, entry.actor) == ("refusal", "busy one")
    assert entry.body == {"what": "POST /v1/break-glass", "code": "too_many_open"}
    assert counted() - before == MOST_OPEN


def test_another_name_or_role_opens_no_more_and_time_does() -> None:
    now = utc_now()
    with Ledger.open(clock=lambda: now) as ledger:
        for number in range(MOST_OPEN):
            broken(ledger, number, ACCOUNT)
        for actor, role in (
            (ACCOUNT, Role.ANALYST),
            ("renamed (0f-1)", Role.ANALYST),
            (ACCOUNT, Role.REVIEWER),
        ):
            with pytest.raises(TooManyOpen, match="10 people are open"):
                broken(ledger, MOST_OPEN, actor, role)
        assert broken(ledger, 0, ACCOUNT), "who is open already may be opened again"
        assert broken(ledger, MOST_OPEN, "a.nalyst (0f-2)"), "somebody else of this name"
        now += timedelta(hours=8, seconds=1)
        assert broken(ledger, MOST_OPEN, ACCOUNT)


def test_many_glasses_at_once_open_no_more() -> None:
    with Ledger.open() as ledger, ThreadPoolExecutor(8) as threads:
        done = [threads.submit(broken, ledger, number, ACCOUNT) for number in range(16)]
        refused = [one.exception() for one in done if one.exception() is not None]
        assert all(isinstance(one, TooManyOpen) for one in refused)
        assert len(refused) == 16 - MOST_OPEN


@pytest.mark.parametrize(
    ("rules", "actor", "sees"),
    [
        ({"restricted": ["N1"], "cleared": ["a.nalyst"]}, "a.nalyst", True),
        ({"restricted": ["N1"], "cleared": [ACCOUNT]}, ACCOUNT, True),
        ({"restricted": ["N1"], "cleared": ["0f-1"]}, "renamed (0f-1)", True),
        ({"restricted": ["N1"], "cleared": ["a.nalyst"]}, "a.nalyst (9)", False),
        ({"restricted": ["N1"], "cleared": ["0f-1"]}, "0f-1 (9)", False),
        ({"areas": {ACCOUNT: []}}, ACCOUNT, False),
        ({"areas": {"0f-1": []}}, "renamed (0f-1)", False),
        ({"areas": {"a.nalyst": []}}, ACCOUNT, False),
        ({"areas": {"0f-1": []}}, "somebody (9)", True),
        ({"areas": {"*": []}}, "somebody (9)", False),
        ({"areas": {"*": [], "nobody.else": []}}, "somebody", False),
        ({"areas": {ACCOUNT: []}}, "renamed (0f-1)", False),
    ],
)
def test_an_account_is_known_by_what_its_bearer_cannot_change(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rules: dict[str, Any],
    actor: str,
    sees: bool,
) -> None:
    """Whoever renames their account is neither let out of their areas nor cleared."""
    file = tmp_path / "need.yaml"
    file.write_text(json.dumps(rules))
    monkeypatch.setenv("PRECURSOR_NEED_TO_KNOW", str(file))
    with Ledger.open() as ledger:
        who = Principal(actor, Role.ANALYST)
        assert withheld(ledger, "a load that is gone", who, ["N1"]) == (set() if sees else {"N1"})


@pytest.mark.parametrize(
    ("areas", "actor", "sees"),
    [
        ({"boss": ["North"], "*": []}, "mallory (m-1)", []),
        ({"boss": ["North"], "*": []}, "boss (m-1)", []),
        ({"boss": ["North"], "*": []}, "boss", ["N1"]),
        ({"boss": ["North"], "*": ["City"]}, "boss (m-1)", []),
        ({"boss": ["North", "City"], "*": ["City"]}, "boss (m-1)", ["N2"]),
        ({"boss": ["North"]}, "boss (m-1)", ["N1"]),
        ({"m-1": ["North"], "*": []}, "boss (m-1)", ["N1"]),
        ({"m-1": ["North"], "*": []}, "m-1", ["N1"]),
        ({"m-1": ["North"], "*": []}, "m-1 (x-9)", []),
        ({"boss (m-1)": ["North"], "*": []}, "mallory (m-1)", ["N1"]),
        ({"boss (m-1)": ["North"], "*": []}, "boss (x-9)", []),
        ({"m-1": ["North"], "boss": ["City"], "*": []}, "boss (m-1)", []),
        ({"m-1": ["North"], "boss (m-1)": ["North", "City"]}, "boss (m-1)", ["N1"]),
    ],
)
def test_another_name_opens_no_area(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    areas: dict[str, list[str]],
    actor: str,
    sees: list[str],
) -> None:
    """An account's areas are those of its lasting id; a name that stands there only narrows."""
    lives = {"N1": "North", "N2": "City"}
    monkeypatch.setattr(
        need_to_know, "_within", lambda _, own: {who for who in lives if lives[who] in own}
    )
    file = tmp_path / "need.yaml"
    file.write_text(json.dumps({"areas": areas}))
    monkeypatch.setenv("PRECURSOR_NEED_TO_KNOW", str(file))
    with Ledger.open() as ledger:
        hidden = withheld(ledger, "a load", Principal(actor, Role.ANALYST), lives)
    assert sorted(lives.keys() - hidden) == sees


@pytest.mark.parametrize(
    "text",
    [
        "restricted: 7",
        "unknown: []",
        "- a",
        "a: [",
        "",
        "# nobody yet",
        "restricted: [N0001]\nrestricted: [N0002]",
        "restricted: [N0001, N0002",
    ],
)
def test_a_policy_that_cannot_be_read_shows_nothing(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    file = tmp_path / "need.yaml"
    file.write_text(text)
    monkeypatch.setenv("PRECURSOR_NEED_TO_KNOW", str(file))
    with pytest.raises(UsageError, match="PRECURSOR_NEED_TO_KNOW"):
        policy()
    answer = served.score(served.people[0])
    assert answer.status_code >= 400
    assert "N000" not in answer.text, "what is wrong with the file names nobody who is in it"
    file.unlink()
    assert served.score(served.people[0]).status_code >= 400
