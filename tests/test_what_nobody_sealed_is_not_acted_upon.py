"""Who can write to the ledger's tables and has no key puts nothing in force and opens nobody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from ledgers import address, ledger  # noqa: F401 - fixtures

from serving import tables, trail
from serving.chain import Action, LedgerDamaged, canonical, entry_hash, stamp
from serving.ledger import Leaf, Ledger
from serving.merkle import merkle_root
from serving.need_to_know import SETTING, NeedToKnow, require_need
from serving.permissions import Principal, Role
from serving.stages import decided

WHO = {"actor": "m.aker", "role": "data_scientist", "purpose": "gate passed"}
ANALYST = Principal("a.nalyst", Role.ANALYST)


def slip_in(
    ledger: Ledger,  # noqa: F811
    address: str,  # noqa: F811
    action: str,
    body: dict[str, Any],
    leaves: list[Any] = (),
) -> None:
    """Add an entry to the chain as who owns the database can: all in order but for the seal."""
    head = ledger.head()
    assert head is not None
    root = merkle_root(bytes(leaf["hash"]) for leaf in leaves)
    fields = {
        "seq": head.seq + 1,
        "at": stamp(ledger.now()),
        "actor": ANALYST.actor,
        "role": ANALYST.role.value,
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
    with ledger.reading() as connection:
        leaf = tables.leaf
        found = connection.execute(sa.select(leaf).where(leaf.c.seq == entry.seq)).mappings()
        leaves = [dict(row) for row in found]
    slip_in(ledger, address, Action.BATCH, {"run_id": "r", "shared": {"stage": "live"}}, leaves)
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
    with ledger.reading() as connection:
        leaf = tables.leaf
        found = connection.execute(sa.select(leaf).where(leaf.c.seq == entry.seq)).mappings()
        leaves = [dict(row) for row in found]
    slip_in(ledger, address, Action.BREAK_GLASS, {"until": "2999"}, leaves)
    with pytest.raises(LedgerDamaged, match="entry 2"):
        require_need(ledger, "no load", ANALYST, ["N1"])


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
