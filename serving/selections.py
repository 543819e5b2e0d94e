"""Who is managed: people selected from a list, each with a date of review, until they are let go.

Only those selected now can be asked for. Whoever was de-selected, or erased, is on no list that
this product gives, and there is no way to ask for them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from features.errors import Conflict
from serving.answers import readable
from serving.ledger import Action, Leaf, Ledger
from serving.need_to_know import unnamed
from serving.own_view import require_own_view
from serving.permissions import Principal
from serving.schema import SelectionRequest

LONGEST_REVIEW_DAYS = 183
"""A selection is looked at again within half a year."""


def select(ledger: Ledger, request: SelectionRequest, principal: Principal) -> dict[str, Any]:
    """Record that a person is taken on, kept on after a review, or let go.

    Raises
    ------
    Conflict
        The person is selected already, or is not; or the review lies too far away or in the past.
    PrecursorError
        As `serving.answers.readable`.
    """
    _, payload = readable(ledger, request.score_id, principal)
    person, question = payload["nominal_id"], payload["question"]
    today = ledger.now().date()
    if request.review_on is not None:
        away = (request.review_on - today).days
        if not 0 < away <= LONGEST_REVIEW_DAYS:
            raise Conflict(
                f"the review on {request.review_on} lies {away} days away",
                remedy=f"Name a day within the next {LONGEST_REVIEW_DAYS} days.",
                field="review_on",
                code="review_date",
            )
    said = {
        "selection": request.action,
        "score_id": request.score_id,
        "reason": request.reason,
        "review_on": request.review_on and request.review_on.isoformat(),
    }
    with ledger.transaction() as connection:
        selected = person in _now(ledger, question, [person])
        if selected == (request.action == "select"):
            raise Conflict(
                "this person is selected already" if selected else "this person is not selected",
                remedy="Review or de-select them." if selected else "Select them first.",
                field="action",
                code="selected" if selected else "not_selected",
            )
        entry = ledger.append_within(
            connection,
            Action.SELECTION,
            actor=principal.actor,
            role=principal.role,
            purpose=request.purpose,
            question=question,
            body={"action": request.action},
            people=[Leaf(person, None, said)],
        )
    return {"entry": entry.seq, "question": question, "at": entry.at, **said}


def _now(
    ledger: Ledger, question: str, people: Sequence[str] | None = None
) -> dict[str, dict[str, Any]]:
    """Return those selected now, each with what was said last; the erased are not among them."""
    said_of = (
        ledger.recorded(Action.SELECTION, question)
        if people is None
        else ledger.about(people, Action.SELECTION, question)
    )
    last: dict[str, dict[str, Any]] = {}
    since: dict[str, str] = {}
    for entry, _, person, payload in reversed(said_of):
        if person is None or payload is None:
            continue
        if payload["selection"] == "select":
            since[person] = entry.at
        last[person] = {**payload, "by": entry.actor, "at": entry.at, "since": since.get(person)}
    return {person: said for person, said in last.items() if said["selection"] != "deselect"}


def state(ledger: Ledger, question: str, nominal_id: str) -> dict[str, Any] | None:
    """Return what was said last of somebody who is selected now; None for anybody else."""
    return _now(ledger, question, [nominal_id]).get(nominal_id)


def selected(
    ledger: Ledger, question: str, principal: Principal, *, purpose: str
) -> dict[str, Any]:
    """Return who is selected now, the next review first; the look at each is recorded.

    Raises
    ------
    OwnViewDue
        The analyst's own view is due first: who was taken on before says how others judged.
    """
    require_own_view(ledger, question, principal)
    today = ledger.now().date()
    rows = [
        {
            "nominal_id": person,
            "score_id": said["score_id"],
            "since": said["since"],
            "by": said["by"],
            "reason": said["reason"],
            "review_on": said["review_on"],
            "overdue": date.fromisoformat(said["review_on"]) < today,
        }
        for person, said in _now(ledger, question).items()
    ]
    rows.sort(key=lambda row: (row["review_on"], row["nominal_id"]))
    ledger.append(
        Action.LIST,
        actor=principal.actor,
        role=principal.role,
        purpose=purpose,
        question=question,
        body={"what": "GET /v1/selections", "selected": len(rows)},
        people=[Leaf(row["nominal_id"], None, {"listed": row["score_id"]}) for row in rows],
    )
    shown = unnamed(ledger, question, principal, rows)
    return {"question": question, "selected": len(rows), "rows": shown}
