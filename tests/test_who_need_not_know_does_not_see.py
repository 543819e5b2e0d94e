"""Restricted people and areas: refused, withheld on lists, and broken open for a stated cause."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from served import ME, NAME, Served, served

from features.errors import UsageError
from serving.batch import score_batch
from serving.ledger import Action
from serving.need_to_know import policy
from serving.publishing import publish

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
        (line,) = [row for row in told if row["nominal_id"].startswith("withheld-")]
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


@pytest.mark.parametrize("text", ["restricted: 7", "unknown: []", "- a", "a: ["])
def test_a_policy_that_cannot_be_read_shows_nothing(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    file = tmp_path / "need.yaml"
    file.write_text(text)
    monkeypatch.setenv("PRECURSOR_NEED_TO_KNOW", str(file))
    with pytest.raises(UsageError, match="PRECURSOR_NEED_TO_KNOW"):
        policy()
    assert served.score(served.people[0]).status_code >= 400
    file.unlink()
    assert served.score(served.people[0]).status_code >= 400
