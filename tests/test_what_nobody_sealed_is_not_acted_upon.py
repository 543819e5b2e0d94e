"""Who can write to the ledger's tables and has no key says nothing that is acted upon."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from ledgers import address, ledger  # noqa: F401 - fixtures

from serving import guards, own_view, tables, trail
from serving.approvals_trail import approvals
from serving.batch import _on_record
from serving.chain import Action, Head, LedgerDamaged, canonical, entry_hash, stamp
from serving.decisions import sign_off, signed, told
from serving.gauges import InForceFigures
from serving.ledger import Entry, Leaf, Ledger, new_score_id
from serving.merkle import merkle_root
from serving.need_to_know import SETTING, NeedToKnow, require_need
from serving.pages.replays import IDENTITY, Replays
from serving.past_scores import past_scores
from serving.permissions import Principal, Role
from serving.retirement import register, require_not_retired
from serving.schema import SignOffRequest
from serving.stages import decided

WHO = {"actor": "m.aker", "role": "data_scientist", "purpose": "gate passed"}
ANALYST = Principal("a.nalyst", Role.ANALYST)


def slip_in(
    ledger: Ledger,  # noqa: F811
    address: str,  # noqa: F811
    action: str,
    body: dict[str, Any],
    leaves: list[Any] = (),
    who: Principal = ANALYST,
) -> None:
    """Add an entry to the chain as who owns the database can: all in order but for the seal."""
    head = ledger.head() or Head(0, guards.FIRST)
    root = merkle_root(bytes(leaf["hash"]) for leaf in leaves)
    fields = {
        "seq": head.seq + 1,
        "at": stamp(ledger.now()),
        "actor": who.actor,
        "role": who.role.value,
        "action": str(action),
        "purpose": "as usual",
        "question": "escalation",
        "body": canonical(body),
        "leaf_count": len(leaves),
        "root": root.hex() if root else None,
        "previous_hash": head.hash,
    }
    row = fields | {"hash": entry_hash(fields), "seal": "0" * 64}
    engine = sa.create_engine(address)
    with engine.begin() as connection:
        for leaf in leaves:
            connection.execute(
                sa.insert(tables.leaf), {**leaf, "seq": row["seq"], "score_id": None}
            )
        connection.execute(sa.insert(tables.entry), row)
    engine.dispose()


def copied(ledger: Ledger, entry: Entry) -> list[dict[str, Any]]:  # noqa: F811
    """Return what an entry says of people, to be said again by another one."""
    leaf = tables.leaf
    with ledger.reading() as connection:
        found = connection.execute(sa.select(leaf).where(leaf.c.seq == entry.seq)).mappings()
        return [dict(row) for row in found]


@pytest.mark.parametrize("action", [Action.PROMOTION, Action.ROLLBACK, Action.RETIREMENT])
def test_no_model_comes_into_force_or_goes_out_of_it(
    ledger: Ledger,  # noqa: F811
    address: str,  # noqa: F811
    action: Action,
) -> None:
    body = {"version": 1, "sha256": "a" * 64}
    ledger.append(Action.PROMOTION, question="escalation", body=body, **WHO)
    assert ledger.promoted_sha("escalation") == (1, "a" * 64)
    slip_in(ledger, address, action, {"version": 2, "sha256": "b" * 64})
    with pytest.raises(LedgerDamaged, match="entry 2 does not bear the ledger's seal") as refused:
        ledger.promoted_sha("escalation")
    assert "audit verify" in refused.value.remedy
    assert [each.seq for each in ledger.verify().breaks] == [2]
    assert [entry.seq for entry in ledger.entries()] == [2, 1], "a reviewer still sees it"


def test_no_question_leaves_the_shadow(ledger: Ledger, address: str) -> None:  # noqa: F811
    ledger.append(
        Action.STAGE,
        question="escalation",
        body={"stage": "shadow", "until": None, "decided_by": "the panel"},
        **WHO,
    )
    slip_in(ledger, address, Action.STAGE, {"stage": "live", "until": None, "decided_by": "me"})
    with pytest.raises(LedgerDamaged, match="entry 2"):
        decided(ledger, "escalation")


def test_what_a_batch_says_of_all_its_scores_is_its_own(ledger: Ledger, address: str) -> None:  # noqa: F811
    """Their stage and load stand in the entry, where whoever owns the database can write."""
    said = {"question": "escalation", "body": {"run_id": "r", "shared": {"stage": "shadow"}}}
    person = Leaf("N1", None, {"band": "High"})
    entry = ledger.append(Action.BATCH, people=[person], **said, **WHO)
    assert len(ledger.recorded(Action.BATCH, "escalation")) == 1
    slip_in(
        ledger,
        address,
        Action.BATCH,
        {"run_id": "r", "shared": {"stage": "live"}},
        copied(ledger, entry),
    )
    with pytest.raises(LedgerDamaged, match="entry 2"):
        ledger.recorded(Action.BATCH, "escalation")


def test_nobodys_glass_is_broken_with_what_another_wrote(
    ledger: Ledger,  # noqa: F811
    address: str,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was said about a person is sealed under that person's key; here it is used again."""
    rules = tmp_path / "need.yaml"
    rules.write_text(json.dumps({"restricted": ["N1"]}))
    monkeypatch.setenv(SETTING, str(rules))
    said = Leaf("N1", None, {"reason": "threat to life", "until": "2999"})
    other = {"actor": "head.of.unit", "role": "supervisor", "purpose": "call"}
    entry = ledger.append(Action.BREAK_GLASS, people=[said], **other)
    with pytest.raises(NeedToKnow):
        require_need(ledger, "no load", ANALYST, ["N1"])
    slip_in(ledger, address, Action.BREAK_GLASS, {"until": "2999"}, copied(ledger, entry))
    with pytest.raises(LedgerDamaged, match="entry 2"):
        require_need(ledger, "no load", ANALYST, ["N1"])


def test_nobodys_decision_is_signed_off_by_what_nobody_said(
    ledger: Ledger,  # noqa: F811
    address: str,  # noqa: F811
) -> None:
    score_id, asked = new_score_id(), {"question": "escalation"}
    said = Leaf("N1", score_id, {"nominal_id": "N1", "load": {"fingerprint": ""}})
    ledger.append(Action.SCORE, people=[said], **asked, **WHO)
    override = Leaf("N1", None, {"decided": {"score_id": score_id}})
    body = {"decision": "override", "direction": "higher", "sign_off_due": True}
    taken = ledger.append(Action.DECISION, body=body, people=[override], **asked, **WHO)
    assert signed(ledger, "escalation") == {}
    slip_in(ledger, address, Action.SIGN_OFF, {"decision": taken.seq, "agreed": True})
    word = SignOffRequest(agreed=False, reason="not so", purpose="meeting")
    supervisor = Principal("s.upervisor", Role.SUPERVISOR)
    for acted in (
        lambda: signed(ledger, "escalation"),
        lambda: told(ledger, "escalation"),
        lambda: sign_off(ledger, taken.seq, word, supervisor),
    ):
        with pytest.raises(LedgerDamaged, match="entry 3 does not bear the ledger's seal"):
            acted()
    assert [each.seq for each in ledger.verify().breaks] == [3]
    assert [entry.seq for entry in ledger.entries(action=Action.SIGN_OFF)] == [3]


@pytest.mark.parametrize(
    "action",
    [
        *(Action.DECISION, Action.SETTLEMENT, Action.SELECTION, Action.CHALLENGE),
        *(Action.OWN_VIEW, Action.REVIEW_SAMPLE, Action.SCORE),
    ],
)
def test_what_was_said_of_somebody_is_not_said_again_by_another_entry(
    ledger: Ledger,  # noqa: F811
    address: str,  # noqa: F811
    action: Action,
) -> None:
    """A leaf is sealed under the person's key, whoever's entry it is put into."""
    person = Leaf("N1", None, {"selection": "select"})
    entry = ledger.append(action, question="escalation", people=[person], **WHO)
    assert len(ledger.about(["N1"], action, "escalation")) == 1
    slip_in(ledger, address, action, {"challenge": 1, "outcome": "stands"}, copied(ledger, entry))
    for acted in (
        lambda: ledger.about(["N1"], action, "escalation"),
        lambda: ledger.recorded(action, "escalation"),
        lambda: ledger.people(2),
        lambda: ledger.person("N1"),
        lambda: ledger.entry(2, sealed=True),
    ):
        with pytest.raises(LedgerDamaged, match="entry 2"):
            acted()
    assert [each.seq for each in ledger.verify().breaks] == [2]
    (shown,) = ledger.people(2, sealed=False)
    assert shown.payload == {"selection": "select"}, "a reviewer still sees it"


def test_no_key_that_was_taken_away_passes_for_an_erasure(
    ledger: Ledger,  # noqa: F811
    address: str,  # noqa: F811
) -> None:
    score_id = new_score_id()
    said = Leaf("N1", score_id, {"band": "High"})
    ledger.append(Action.SCORE, question="escalation", people=[said], **WHO)
    subject = ledger.subject(score_id)
    assert subject is not None
    ledger._keys.erase("N1")
    with pytest.raises(LedgerDamaged, match="the key of the person in leaf 0 is lost"):
        ledger.score(score_id)
    slip_in(ledger, address, Action.ERASURE, {"subject": subject.hex()})
    for acted in (ledger.score, ledger.erasure_of):
        with pytest.raises(LedgerDamaged, match="entry 2 does not bear the ledger's seal"):
            acted(score_id)
    assert 2 in [each.seq for each in ledger.verify().breaks]


def test_no_trial_becomes_one_of_somebodys_past_scores(
    ledger: Ledger,  # noqa: F811
    address: str,  # noqa: F811
) -> None:
    now, before = (
        {"question": "escalation", "as_of_date": day, "nominal_id": "N1", "stage": "live"}
        | {"load": {"fingerprint": ""}}
        for day in ("2026-06-01", "2026-01-01")
    )
    trial = Leaf("N1", new_score_id(), before)
    body = {"run_id": "trial"}
    ledger.append(Action.BATCH, question="escalation", body=body, people=[trial], **WHO)
    assert past_scores(ledger, now, ANALYST) == [now]
    slip_in(ledger, address, Action.PUBLISH, {"run_id": "trial"})
    with pytest.raises(LedgerDamaged, match="entry 2"):
        past_scores(ledger, now, ANALYST)


def test_no_own_view_is_given_or_owed_by_what_nobody_said(
    ledger: Ledger,  # noqa: F811
    address: str,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    info = {"own_view": {"people": 3, "near_line": 4}}
    listed = SimpleNamespace(run=SimpleNamespace(run_id="r", info=info, question="escalation"))
    monkeypatch.setattr(own_view, "pointed", lambda _: {"run_id": "r"})
    monkeypatch.setattr(own_view, "published", lambda _: listed)
    program = Principal("case-system", Role.SERVICE)
    assert own_view.require_own_view(ledger, "escalation", program, ANALYST.actor) is None
    slip_in(ledger, address, Action.VIEW, {})
    with pytest.raises(LedgerDamaged, match="entry 1"):
        own_view.require_own_view(ledger, "escalation", program, ANALYST.actor)
    slip_in(ledger, address, Action.OWN_VIEW, {"run_id": "r", "kind": own_view.SKIPPED})
    with pytest.raises(LedgerDamaged, match="entry 2"):
        own_view.waiting(ledger, listed, ANALYST.actor)


def test_no_reviewer_is_told_a_name_by_a_reason_that_nobody_gave(
    ledger: Ledger,  # noqa: F811
    address: str,  # noqa: F811
) -> None:
    reviewer, score_id = Principal("r.eviewer", Role.REVIEWER), new_score_id()
    payload = {"nominal_id": "N1"}
    entry = ledger.append(Action.SCORE, people=[Leaf("N1", score_id, payload)], **WHO)
    what = {"what": IDENTITY}
    slip_in(ledger, address, Action.VIEW, what, copied(ledger, entry), who=reviewer)
    pages = SimpleNamespace(_lists=SimpleNamespace(ledger=ledger))
    request = SimpleNamespace(query_params={"identified": "2"})
    with pytest.raises(LedgerDamaged, match="entry 2"):
        Replays._known_as(
            pages, request, SimpleNamespace(principal=reviewer), ledger.subject(score_id), payload
        )


@pytest.mark.parametrize(
    ("action", "acted"),
    [
        (Action.RETIREMENT, register),
        (Action.RETIREMENT, lambda book: require_not_retired(book, "escalation", 7)),
        (Action.RETIREMENT, lambda book: approvals(book, "escalation")),
        (Action.BATCH, lambda book: _on_record(book, "escalation", {"run_sha256": "a"})),
    ],
)
def test_no_version_is_retired_and_no_batch_recorded(
    ledger: Ledger,  # noqa: F811
    address: str,  # noqa: F811
    action: Action,
    acted: Callable[[Ledger], Any],
) -> None:
    body = {"version": 7, "sha256": "a" * 64, "in_force": False, "run_sha256": "a"}
    slip_in(ledger, address, action, body)
    with pytest.raises(LedgerDamaged, match="entry 1"):
        acted(ledger)


def test_no_model_is_called_ready_by_a_promotion_that_nobody_made(
    ledger: Ledger,  # noqa: F811
    address: str,  # noqa: F811
) -> None:
    slip_in(ledger, address, Action.PROMOTION, {"version": 2, "sha256": "b" * 64})
    stock = SimpleNamespace(questions=lambda: ["escalation"], get=lambda _: None)
    (ready, *others) = InForceFigures(stock, ledger).collect()
    assert [sample.value for sample in ready.samples] == [0]
    assert not any(family.samples for family in others)


def test_a_verification_that_nobody_made_is_shown_as_a_break(
    ledger: Ledger,  # noqa: F811
    address: str,  # noqa: F811
) -> None:
    reviewer = Principal("r.eviewer", Role.REVIEWER)
    assert trail.verify(ledger, reviewer, "inspection").ok
    said = ledger.entries(limit=1)[0].body
    slip_in(ledger, address, Action.AUDIT, {**said, "entries": 2})
    found = trail.last_verified(ledger)
    assert found is not None
    assert not found.ok
    assert found.breaks == (
        "entry 2 says that the chain was walked, and does not bear the ledger's seal",
    )
