"""An own view before the score: who is asked about whom, and what is not shown until it is given.

The people are drawn by lot from the whole list, more often near the capacity line, for each analyst
and list anew. The lot is worked out from a secret of the ledger, so that nobody can foresee or
choose it, and it need not be stored.
"""

from __future__ import annotations

import hmac
import math
from datetime import date
from typing import Any

import pandas as pd

from features.errors import Conflict, NotFound, PrecursorError
from serving.ledger import Action, Leaf, Ledger
from serving.need_to_know import withheld
from serving.permissions import Principal, Role, known_by
from serving.runs import PublishedList, pointed, published
from serving.schema import OwnViewRequest
from serving.stock import Stock, require_in_force

GIVEN, SKIPPED = "given", "skipped"


class OwnViewDue(Conflict):
    """Nothing is shown until the analyst's own view is given, or skipped as urgent (status 409)."""

    code = "own_view_due"

    def __init__(self, question: str, due: int, on_behalf_of: str | None = None) -> None:
        whose = f"{on_behalf_of}'s" if on_behalf_of else "your"
        super().__init__(
            f"question '{question}': {whose} own view of {due} people of the new list is due first",
            remedy="They give it where they sign in, or skip it there as urgent, with a reason."
            if on_behalf_of
            else "Give it: POST /v1/own-views, or skip it there as urgent, with a reason."
            f" GET /v1/own-views/{question} says whom it is about.",
            field="question",
        )
        self.question = question


def weight(rank: int | None, capacity: int, near_line: int) -> float:
    """Return how often somebody is drawn beside somebody far from the line.

    Examples
    --------
    >>> weight(100, 100, 4), round(weight(1_000, 100, 4), 3), weight(None, 100, 4)
    (5.0, 1.0, 1.0)
    """
    if rank is None:
        return 1.0
    return 1.0 + near_line * math.exp(-abs(rank - capacity) / capacity)


def lot(listed: PublishedList, actor: str, secret: bytes) -> list[int]:
    """Return the positions on a list of the people an analyst is asked about, in the lot's order.

    Each person's draw is a pseudo-random number in (0, 1) to the power of one over their weight;
    the largest are taken, which draws without replacement in proportion to the weights.

    Parameters
    ----------
    listed : PublishedList
    actor : str
        Whose lasting id counts, where it is an account: another name draws nobody else.
    secret : bytes
        Of the ledger; without it nobody can tell whom the lot will fall on.
    """
    info = listed.run.info
    policy = info.get("own_view")
    if not policy:
        return []
    rows = listed.columns("nominal_id", "rank")
    key = hmac.digest(secret, f"{listed.run.run_id}\0{known_by(actor)}".encode(), "sha256")
    drawn = []
    pairs = zip(rows["nominal_id"].to_pylist(), rows["rank"].to_pylist(), strict=True)
    for position, (person, rank) in enumerate(pairs):
        number = int.from_bytes(hmac.digest(key, person.encode(), "sha256")[:8], "big")
        # the logarithm orders as the power does, and does not run out of digits
        chance = math.log((number + 0.5) / 2**64)
        drawn.append((chance / weight(rank, info["capacity"], policy["near_line"]), position))
    return [position for _, position in sorted(drawn, reverse=True)[: policy["people"]]]


def waiting(ledger: Ledger, listed: PublishedList, actor: str) -> dict[str, int]:
    """Return who an analyst's own view is still due of, each with their position on the list."""
    run_id = listed.run.run_id
    policy = listed.run.info.get("own_view")
    if not policy or known_by(actor) in _owing_nothing(ledger, listed):
        return {}
    said = [
        entry
        for entry in ledger.entries(
            action=Action.OWN_VIEW,
            person=actor,
            question=listed.run.question,
            limit=None,
            sealed=True,
        )
        if entry.body["run_id"] == run_id
    ]
    left = policy["people"] - len(said)
    if left <= 0 or any(entry.body["kind"] == SKIPPED for entry in said):
        _owing_nothing(ledger, listed).add(known_by(actor))
        return {}
    given = {leaf.nominal_id for entry in said for leaf in ledger.people(entry.seq)}
    principal = Principal(actor, Role.ANALYST)
    drawn = lot(listed, actor, ledger.secret("own view"))
    names = listed.columns("nominal_id")["nominal_id"].take(drawn).to_pylist()
    given |= withheld(ledger, listed.run.info["load"]["fingerprint"], principal, names)
    due = {name: at for name, at in zip(names, drawn, strict=True) if name not in given}
    return dict(list(due.items())[:left])


def _owing_nothing(ledger: Ledger, listed: PublishedList) -> set[str]:
    """Return who owes no view of a list any more: every request asks, the ledger but once.

    Of each question one list is remembered, the last that was asked about.
    """
    question, run_id = listed.run.question, listed.run.run_id
    known = ledger.no_view_due.get(question)
    if known is None or known[0] != run_id:
        known = ledger.no_view_due[question] = run_id, set()
    return known[1]


def require_own_view(
    ledger: Ledger, question: str, principal: Principal, on_behalf_of: str | None = None
) -> None:
    """Refuse an analyst who has not yet given their own view of a question's new list.

    A program is refused as the analyst is whom it asks for, so that nobody gets round it. Whom it
    names counts as an analyst once they have done something here as one.

    Raises
    ------
    OwnViewDue
    """
    program = principal.role is Role.SERVICE
    analyst = on_behalf_of if program else principal.actor
    if analyst is None or not (program or principal.role is Role.ANALYST):
        return
    if pointed(question) is None:
        return
    try:
        listed = published(question)
    except PrecursorError:  # whoever shows the list says what is wrong with it
        return
    if program and not _known(ledger, analyst):
        return
    due = waiting(ledger, listed, analyst)
    if due:
        raise OwnViewDue(question, len(due), on_behalf_of if program else None)


def _known(ledger: Ledger, analyst: str) -> bool:
    """Return whether somebody has done something here as an analyst, under this name or another."""
    asked: dict[str, Any] = {"role": Role.ANALYST, "limit": 1, "sealed": True}
    if ledger.entries(actor=analyst, **asked):
        return True
    # accounts sign in: there are far fewer of these entries to look through
    return bool(ledger.entries(action=Action.SIGN_IN, person=analyst, **asked))


def whom(
    stock: Stock, ledger: Ledger, question: str, principal: Principal, purpose: str
) -> dict[str, Any]:
    """Return the people an analyst's own view is due of, with their records and without a score.

    Raises
    ------
    NotFound
        No list is published for this question, or no model of it is in force.
    """
    require_in_force(ledger, question)
    listed = published(question)
    info = listed.run.info
    due = waiting(ledger, listed, principal.actor)
    at = date.fromisoformat(info["as_of_dates"][0])
    people = [
        {"nominal_id": person, "records": _records(stock, info, person, at)}
        for person in sorted(due)  # by id: the order must not tell the rank
    ]
    ledger.append(
        Action.VIEW,
        actor=principal.actor,
        role=principal.role,
        purpose=purpose,
        question=question,
        body={"what": "GET /v1/own-views", "run_id": listed.run.run_id, "due": len(due)},
        people=[Leaf(person, None, {"asked": listed.run.run_id}) for person in due],
    )
    return {
        "question": question,
        "run_id": listed.run.run_id,
        "as_of_date": at.isoformat(),
        "due": people,
    }


def give(ledger: Ledger, request: OwnViewRequest, principal: Principal) -> dict[str, Any]:
    """Record an analyst's own view of one person, or that all of them are skipped as urgent.

    Raises
    ------
    NotFound
        No list is published, no model is in force, or no view of this person is due.
    Conflict
        Nothing is due any more.
    """
    require_in_force(ledger, request.question)
    listed = published(request.question)
    due = waiting(ledger, listed, principal.actor)
    if not due:
        raise Conflict(
            f"question '{request.question}': no own view of yours is due",
            remedy="The list is open to you.",
            code="nothing_due",
        )
    body: dict[str, Any] = {"run_id": listed.run.run_id}
    people = []
    if request.skip_as_urgent:
        body |= {"kind": SKIPPED, "left": len(due), "reason": request.skip_as_urgent}
    else:
        if request.nominal_id not in due:
            raise NotFound(
                "no own view of this person is due of you",
                remedy=f"GET /v1/own-views/{request.question} says whom it is about.",
                field="nominal_id",
            )
        said = {"band": request.band, "would_select": request.would_select}
        view = {**said, "reason": request.reason, "run_id": listed.run.run_id}
        (line,) = listed.page(due[request.nominal_id], 1)
        body |= {"kind": GIVEN}
        people = [Leaf(str(request.nominal_id), None, {"own_view": view, "of": line["score_id"]})]
    entry = ledger.append(
        Action.OWN_VIEW,
        actor=principal.actor,
        role=principal.role,
        purpose=request.purpose,
        question=request.question,
        body=body,
        people=people,
    )
    left = 0 if request.skip_as_urgent else len(due) - 1
    return {"entry": entry.seq, "question": request.question, "left": left}


def _records(stock: Stock, info: Any, person: str, at: date) -> list[dict[str, Any]]:
    """Return a person's visible past, each record once: what a view can be formed from."""
    events = stock.history_of(info).events(person, at)
    columns = ["source", "record_table", "record_id", "reference", "occurred_on", "known_on"]
    columns += ["status", "detail"]
    told = events[columns].drop_duplicates(["record_table", "record_id", "source"])
    found = []
    for row in told.to_dict("records"):
        said: dict[str, Any] = {
            str(name): None if pd.isna(value) else value for name, value in row.items()
        }
        for name in ("occurred_on", "known_on"):
            said[name] = said[name] and str(said[name])[:10]
        found.append({**said, "table": said.pop("record_table")})
    return found
