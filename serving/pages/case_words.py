"""Decisions, selections and disputes in the words of the pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from models.words import date_words
from serving.decisions import Taken

STEPS = {
    "add": "Add to the cohort",
    "review": "Keep under review",
    "do_not_add": "Do not add",
    "need_information": "More information needed",
}
"""What is to be done, in words; nothing follows by itself."""

BASES = {
    "records": "The records shown",
    "partner_information": "Information from a partner",
    "wrong_record": "A record is wrong",
    "capacity": "What the teams can take on",
    "other": "Something else",
}
"""What a decision rests on beside the score."""


@dataclass(frozen=True)
class DecisionLine:
    """One decision in words."""

    number: int
    what: str
    grade: str
    basis: str
    reason: str
    who: str
    when: str
    waits: bool
    earlier: bool
    href: str


def local_day(text: str) -> date:
    """Return the day of a moment of the ledger, in the server's own time zone.

    Examples
    --------
    >>> local_day("2026-06-04T12:30:00.000000Z")
    datetime.date(2026, 6, 4)
    """
    return datetime.fromisoformat(text).astimezone().date()


def graded(said: Mapping[str, Any]) -> str:
    """Return how a decision grades beside the score's band.

    Examples
    --------
    >>> graded({"decision": "override", "judged_band": "Medium", "band": "High"})
    'graded Medium, the score says High'
    >>> graded({"decision": "agree", "judged_band": "High", "band": "High"})
    'graded High, as the score'
    """
    if said["decision"] == "agree":
        return f"graded {said['judged_band']}, as the score"
    score = said["band"]
    beside = f"the score says {score}" if score else "there was no score"
    return f"graded {said['judged_band']}, {beside}"


def step_words(said: Mapping[str, Any]) -> str:
    """Return what a decision says is to be done; one that says nothing of it by its grade.

    Examples
    --------
    >>> step_words({"step": "add"}), step_words({"step": None, "decision": "agree"})
    ('Add to the cohort', 'Agrees with the score')
    """
    step = said.get("step")
    if step is not None:
        return STEPS[step]
    return "Agrees with the score" if said["decision"] == "agree" else "Grades differently"


def decision_line(taken: Taken, score_id: str, question: str, waits: bool) -> DecisionLine:
    """Return a decision as pages show it beside a score."""
    said = taken.said
    return DecisionLine(
        number=taken.number,
        what=step_words(said),
        grade=graded(said),
        basis=", ".join(BASES[one].lower() for one in said.get("basis", ())),
        reason=str(said["reason"]),
        who=taken.actor,
        when=date_words(local_day(taken.at)),
        waits=waits,
        earlier=said["score_id"] != score_id,
        href=f"/lists/{question}/{said['score_id']}",
    )
