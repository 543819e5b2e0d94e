"""Decisions about duplicate person records, on the ledger: who was held to be whom, and by whom."""

from __future__ import annotations

from typing import Any

from features.merges import Applied
from serving.ledger import Action, Entry, Leaf, Ledger


def record_linking(
    ledger: Ledger, applied: Applied, decisions_sha256: str, *, actor: str, role: str, purpose: str
) -> Entry:
    """Record every decision that went into a load; each of a pair has a leaf that names no other.

    Parameters
    ----------
    applied : Applied
        The load that the decisions made, and the decisions.
    decisions_sha256 : str
        Of the file that they came in.
    """
    people = []
    for number, one in enumerate(applied.taken, start=1):
        said: dict[str, Any] = {
            "pair": number,
            "decision": one.decision,
            "reviewer": one.reviewer,
            "decided_on": one.decided_on.isoformat(),
        }
        people += [Leaf(nominal_id, None, {"linking": said}) for nominal_id in one.pair]
    return ledger.append(
        Action.LINKING,
        actor=actor,
        role=role,
        purpose=purpose,
        body={
            "decisions": applied.decisions,
            "later": applied.later,
            "merged": applied.merged,
            "decisions_sha256": decisions_sha256,
            "load": {"number": applied.load.number, "fingerprint": applied.load.fingerprint},
        },
        people=people,
    )
