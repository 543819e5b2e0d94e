"""Selection, review and de-selection: who was let go, or erased, cannot be asked for again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from served import ME, NAME, Served, served

from serving.ledger import Action
from serving.routes import ROUTES

__all__ = ["served"]

SOON = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()


def chosen(served: Served, score: dict, action: str, role: str = "analyst", **more: Any) -> Any:
    said = {"score_id": score["score_id"], "action": action, "reason": "r", "purpose": "meeting"}
    if action != "deselect":
        said["review_on"] = SOON
    return served.client.post("/v1/selections", json=said | more, headers=served.headers(role))


def now(served: Served, role: str = "supervisor") -> dict[str, dict]:
    rows = served.get(f"/v1/selections/{NAME}", role).json()["rows"]
    return {row["nominal_id"]: row for row in rows}


def one(served: Served, place: int) -> dict:
    return served.score(served.people[place]).json()["scores"][0]


def test_a_person_is_selected_reviewed_and_let_go(served: Served) -> None:
    score = one(served, 6)
    person = score["nominal_id"]
    assert chosen(served, score, "select", reason="repeat victim at risk").status_code == 200
    assert now(served)[person]["reason"] == "repeat victim at risk"
    later = (datetime.now(UTC).date() + timedelta(days=90)).isoformat()
    assert chosen(served, score, "review", "supervisor", review_on=later).status_code == 200
    assert now(served)[person]["review_on"] == later
    assert chosen(served, score, "deselect", reason="moved to another force").status_code == 200
    assert person not in now(served)
    actions = [e.body for e in served.ledger.entries(action=Action.SELECTION, limit=3)]
    assert actions == [{"action": "deselect"}, {"action": "review"}, {"action": "select"}]
    assert chosen(served, score, "select").status_code == 200, "they may be taken on again"
    chosen(served, score, "deselect")


@pytest.mark.parametrize(
    ("action", "more", "status", "code"),
    [
        ("review", {}, 409, "not_selected"),
        ("deselect", {}, 409, "not_selected"),
        ("select", {"review_on": "2020-01-01"}, 409, "review_date"),
        ("select", {"review_on": "2999-01-01"}, 409, "review_date"),
        ("select", {"review_on": None}, 400, "invalid_request"),
        ("deselect", {"review_on": SOON}, 400, "invalid_request"),
        ("forget", {}, 400, "invalid_request"),
    ],
)
def test_what_does_not_fit_is_refused(
    served: Served, action: str, more: dict, status: int, code: str
) -> None:
    answer = chosen(served, one(served, 7), action, **more)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text


def test_nobody_is_selected_twice(served: Served) -> None:
    score = one(served, 8)
    assert chosen(served, score, "select").status_code == 200
    again = chosen(served, one(served, 8), "select", "supervisor")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "selected")
    chosen(served, score, "deselect")


def test_whoever_is_erased_leaves_the_selection(served: Served) -> None:
    score = one(served, -4)
    chosen(served, score, "select")
    assert score["nominal_id"] in now(served)
    served.ledger.erase(score["nominal_id"], **ME, purpose="lawful request")
    assert score["nominal_id"] not in now(served)


def test_no_route_takes_a_word_for_those_who_were_let_go() -> None:
    asked = {p.name for route in ROUTES if "selections" in route.path for p in route.query}
    assert asked == {"purpose"}
