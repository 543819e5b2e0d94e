"""Disputed records after the comparison: which there are, and how a supervisor or reviewer settles.

A settlement says what was found about the record; the record itself is mended where it came from,
and the next load brings it. The score stays as it was given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from features.errors import Conflict, NotFound
from serving.answers import Gone
from serving.leaves import Recorded
from serving.ledger import Action, Leaf, Ledger
from serving.need_to_know import require_need_of_score
from serving.permissions import Forbidden, Principal, same_person
from serving.schema import SettlementRequest

OUTCOMES = {
    "wrong": "The record is wrong and was sent for correction",
    "stands": "The record stands",
}


@dataclass(frozen=True)
class Dispute:
    """One disputed record: the score as given, the score without it, and what was found."""

    number: int
    question: str
    at: str
    actor: str
    nominal_id: str
    score_id: str
    record: Mapping[str, str]
    reason: str
    original: Mapping[str, Any]
    without: Mapping[str, Any]
    change: float | None
    outcome: str | None
    settled_by: str | None
    settled_at: str | None
    found: str | None


def dispute(ledger: Ledger, number: int) -> Dispute:
    """Return one dispute.

    Raises
    ------
    NotFound
        There is none of this number.
    Gone
        The person was erased.
    """
    missing = NotFound(
        f"there is no dispute {number}",
        remedy="Use the number that it was answered with.",
        field="challenge",
    )
    try:
        entry = ledger.entry(number, sealed=True)
    except NotFound:
        raise missing from None
    if entry.action != Action.CHALLENGE:
        raise missing
    (leaf,) = ledger.people(number)
    if leaf.nominal_id is None:
        raise Gone(
            f"dispute {number} cannot be read: the person was erased",
            remedy=f"The ledger's entry {number} still says that it was brought, and when.",
        )
    about = ledger.about([leaf.nominal_id], Action.SETTLEMENT, str(entry.question))
    return _dispute(leaf, _settled(about))


def disputes_about(ledger: Ledger, score: Mapping[str, Any]) -> list[Dispute]:
    """Return the disputes about a score, the latest first."""
    actions = (Action.CHALLENGE, Action.SETTLEMENT)
    about = ledger.about([str(score["nominal_id"])], actions, str(score["question"]))
    return [one for one in _disputes(about) if one.score_id == score["score_id"]]


def open_disputes(ledger: Ledger, question: str) -> list[Dispute]:
    """Return the disputes of a question that nobody has settled, the first one first."""
    about = ledger.recorded(Action.CHALLENGE, question)
    about += ledger.recorded(Action.SETTLEMENT, question)
    return [one for one in reversed(_disputes(about)) if one.outcome is None]


def settle(
    ledger: Ledger, number: int, request: SettlementRequest, principal: Principal
) -> dict[str, Any]:
    """Record what was found about a disputed record: once, and by somebody who did not dispute it.

    Raises
    ------
    NotFound, Gone
        As `dispute`.
    Forbidden
        It is the settler's own dispute, or about somebody they need not know of.
    Conflict
        It was settled already.
    """
    found = dispute(ledger, number)
    require_need_of_score(ledger, found.score_id, principal)
    if same_person(found.actor, principal.actor):
        raise Forbidden(
            "nobody settles their own dispute",
            remedy="Ask another supervisor or reviewer.",
            code="own_dispute",
        )
    with ledger.transaction() as connection:
        # within the one writing transaction there is: of two settlers one is first
        if dispute(ledger, number).outcome is not None:
            raise Conflict(
                f"dispute {number} was settled already",
                remedy="A new finding is a dispute of its own.",
                code="settled",
            )
        said = {"challenge": number, "outcome": request.outcome, "reason": request.reason}
        entry = ledger.append_within(
            connection,
            Action.SETTLEMENT,
            actor=principal.actor,
            role=principal.role,
            purpose=request.purpose,
            question=found.question,
            body={"challenge": number, "outcome": request.outcome},
            people=[Leaf(found.nominal_id, None, {"settled": said})],
        )
    return {"entry": entry.seq, "challenge": number, "outcome": request.outcome, "at": entry.at}


def _disputes(about: list[Recorded]) -> list[Dispute]:
    settled = _settled(about)
    return [
        _dispute(leaf, settled)
        for leaf in about
        if leaf.entry.action == Action.CHALLENGE and leaf.payload is not None
    ]


def _settled(about: list[Recorded]) -> dict[int, Recorded]:
    return {
        leaf.entry.body["challenge"]: leaf
        for leaf in about
        if leaf.entry.action == Action.SETTLEMENT
    }


def _dispute(leaf: Recorded, settled: Mapping[int, Recorded]) -> Dispute:
    said = (leaf.payload or {})["challenged"]
    word = settled.get(leaf.entry.seq)
    told = {} if word is None or word.payload is None else word.payload["settled"]
    return Dispute(
        number=leaf.entry.seq,
        question=str(leaf.entry.question),
        at=leaf.entry.at,
        actor=leaf.entry.actor,
        nominal_id=str(leaf.nominal_id),
        score_id=said["score_id"],
        record=said["record"],
        reason=said["reason"],
        original=said["original"],
        without=said["without"],
        change=said["change"],
        outcome=None if word is None else str(word.entry.body["outcome"]),
        settled_by=None if word is None else word.entry.actor,
        settled_at=None if word is None else word.entry.at,
        found=told.get("reason"),
    )
