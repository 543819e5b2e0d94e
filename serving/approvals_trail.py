"""Who put which model in force, and why: promotions, refusals by the gate, and what followed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serving.chain import IN_FORCE, OUT_OF_FORCE, Action
from serving.ledger import Ledger

WORDS = {
    Action.PROMOTION.value: "Put in force",
    Action.ROLLBACK.value: "Put back in force",
    Action.SUSPENSION.value: "Suspended",
    Action.RETIREMENT.value: "Retired",
    Action.REFUSAL.value: "Refused by the gate",
}


@dataclass(frozen=True)
class Approval:
    """One decision about a model, as the ledger has it.

    Attributes
    ----------
    entry : int
    at, actor, reason : str
    what : str
        A key of `WORDS`.
    version : int or None
    forced : bool
        Promoted although the gate refused.
    checks : sequence of mapping
        name, passed and found of each check of the gate; empty where none was made.
    """

    entry: int
    at: str
    actor: str
    reason: str
    what: str
    version: int | None
    forced: bool
    checks: Sequence[Mapping[str, Any]]

    @property
    def words(self) -> str:
        """What was decided."""
        return WORDS[self.what] + (", although the gate refused" if self.forced else "")

    @property
    def failed(self) -> int:
        """How many checks did not pass."""
        return sum(not check["passed"] for check in self.checks)


def approvals(ledger: Ledger, question: str) -> list[Approval]:
    """Return every decision about a question's models, the latest first."""
    actions = [*IN_FORCE, *OUT_OF_FORCE, Action.REFUSAL]
    return [
        Approval(
            entry=entry.seq,
            at=entry.at,
            actor=entry.actor,
            reason=entry.purpose,
            what=entry.action,
            version=entry.body.get("version"),
            forced=bool(entry.body.get("forced", False)) and entry.body.get("refuses", True),
            checks=entry.body.get("checks", ()),
        )
        for entry in ledger.entries(action=actions, question=question, limit=None, sealed=True)
        if entry.action != Action.REFUSAL or "checks" in entry.body
    ]
