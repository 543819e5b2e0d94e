"""With the ledger on PostgreSQL: casework from own view to challenge, and an erasure of it all."""

from __future__ import annotations

import base64
import os
from datetime import timedelta
from pathlib import Path

import pytest
import small_force
from served import ME, NAME, put_in_force

from features.errors import Conflict
from features.history import History
from serving import challenges, decisions, own_view, selections
from serving.batch import score_batch
from serving.erasure import erase
from serving.kept import serve_from
from serving.ledger import Ledger
from serving.need_to_know import break_glass
from serving.outcomes import reviewed
from serving.permissions import Principal, Role
from serving.publishing import publish
from serving.runs import published
from serving.schema import (
    BreakGlassRequest,
    ChallengeRequest,
    DecisionRequest,
    OwnViewRequest,
    SelectionRequest,
    SignOffRequest,
)
from serving.stock import Stock

pytestmark = pytest.mark.postgres
ANALYST, SUPERVISOR, REVIEWER = (
    Principal(name, role)
    for name, role in (("ann", Role.ANALYST), ("sue", Role.SUPERVISOR), ("rex", Role.REVIEWER))
)


def test_casework_and_erasure(
    postgres_database: str,
    precursor_home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PRECURSOR_DATABASE_URL", postgres_database)
    monkeypatch.setenv("PRECURSOR_MASTER_KEY", base64.b64encode(os.urandom(32)).decode())
    load = small_force.make_load(precursor_home / "records" / "small", people=60)
    history = History(load)
    policy = {"own_view": {"people": 2, "near_line": 4}, "sign_off": "overrides"}
    question = small_force.QUESTION.model_validate(small_force.QUESTION.model_dump() | policy)
    model = small_force.make_model(history, question=question)
    with Ledger.open() as ledger:
        put_in_force(ledger, model, 1)
        serve_from(NAME, load)
        stock = Stock(ledger)
        score_batch(model, 1, history, tmp_path / "list.csv", ledger=ledger, **ME)
        publish(NAME, ledger=ledger, **ME)
        said = {"purpose": "IOM meeting", "reason": "as on record"}

        for left, person in ((1, 0), (0, 0)):
            due = own_view.whom(stock, ledger, NAME, ANALYST, "new list")["due"]
            view = {"nominal_id": due[person]["nominal_id"], "band": "High", "would_select": True}
            given = OwnViewRequest(question=NAME, purpose="new list", **view)
            assert own_view.give(ledger, given, ANALYST)["left"] == left

        line = published(NAME).page(0, 1)[0]
        person, score_id = line["nominal_id"], line["score_id"]
        band = "Lower" if line["band"] != "Lower" else "Very high"
        override = DecisionRequest(score_id=score_id, decision="override", judged_band=band, **said)
        taken = decisions.decide(ledger, override, ANALYST, sign_off="overrides")
        assert taken["sign_off_due"]
        word = SignOffRequest(agreed=True, **said)
        assert decisions.sign_off(ledger, taken["decision"], word, SUPERVISOR)["agreed"]
        with pytest.raises(Conflict, match="signed off already"):
            decisions.sign_off(ledger, taken["decision"], word, SUPERVISOR)
        for who, named in ((SUPERVISOR, person), (REVIEWER, f"Person {score_id[:8]}")):
            (row,) = decisions.page(ledger, NAME, who, purpose="p", offset=0, limit=9)["rows"]
            assert (row["nominal_id"], row["signed_off_by"]) == (named, "sue")
        told = decisions.told(ledger, NAME)
        assert reviewed(ledger, question, history, told, REVIEWER, purpose="p")["decisions"] == 1

        soon = ledger.now().date() + timedelta(days=30)
        taken_on = SelectionRequest(score_id=score_id, action="select", review_on=soon, **said)
        selections.select(ledger, taken_on, ANALYST)
        assert selections.selected(ledger, NAME, SUPERVISOR, purpose="p")["selected"] == 1

        events = history.events(person, small_force.AS_OF)
        record = events[events["record_table"] == "offence"].iloc[0]
        disputed = {"table": "offence", "record_id": str(record["record_id"])}
        asked = ChallengeRequest(score_id=score_id, **disputed, **said)
        assert challenges.challenge(ledger, asked, REVIEWER)["left_out"]["offence"] == 1
        assert break_glass(ledger, BreakGlassRequest(nominal_id=person, **said), ANALYST)["until"]
        assert ledger.verify().ok

        also = [tmp_path / "list.csv"]
        found = erase(person, ledger=ledger, **ME, purpose="request 7", also=also)
        assert found["entry"]
        assert found["files"]
        assert selections.selected(ledger, NAME, SUPERVISOR, purpose="p")["selected"] == 0
        assert decisions.told(ledger, NAME).empty
        assert ledger.score(score_id)[1] is None
        assert person not in {line["nominal_id"] for line in published(NAME).page(0, 100)}
        assert person not in (tmp_path / "list.csv").read_text().replace(",", "\n").split("\n")
        told = ledger.verify()
        assert told.ok, told.breaks
        assert told.erased > 0
