"""Decisions: what people did in the light of a score, who signed it off, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from features.errors import Conflict, NotFound
from features.question import BANDS
from serving.answers import Gone, readable
from serving.ledger import Action, Leaf, Ledger
from serving.need_to_know import require_need_of_score, unnamed
from serving.permissions import Forbidden, Principal, known_by, same_person
from serving.schema import DecisionRequest, SignOffRequest
from serving.stock import Stock

AGREE, OVERRIDE = "agree", "override"


def direction(given: str | None, judged: str) -> str:
    """Return which way a judgement lies from a score's band; no band lies below all of them.

    Examples
    --------
    >>> direction("Medium", "High"), direction("High", "Lower"), direction(None, "Lower")
    ('higher', 'lower', 'higher')
    """
    was = -1 if given is None else BANDS.index(given)
    now = BANDS.index(judged)
    return "higher" if now > was else "lower" if now < was else "same"


@dataclass(frozen=True)
class Taken:
    """One decision as it stands on the ledger: its number, who took it and when, what it says."""

    number: int
    at: str
    actor: str
    said: Mapping[str, Any]
    sign_off_due: bool


class DecidedMeanwhile(Conflict):
    """Somebody decided about the person after the decider had looked (status 409)."""

    def __init__(self, taken: Taken) -> None:
        super().__init__(
            f"decision {taken.number} about this person was taken meanwhile by {taken.actor}",
            remedy="Read it, and decide again if you still would.",
            field="after",
            code="decided_meanwhile",
        )
        self.taken = taken


def taken_by_person(
    ledger: Ledger, nominal_ids: Iterable[str], question: str
) -> dict[str, list[Taken]]:
    """Return the decisions about some people for a question, by person, the latest first."""
    found: dict[str, list[Taken]] = {}
    for entry, _, person, payload in ledger.about(nominal_ids, Action.DECISION, question):
        if person is not None and payload is not None:
            due = bool(entry.body["sign_off_due"])
            taken = Taken(entry.seq, entry.at, entry.actor, payload["decided"], due)
            found.setdefault(person, []).append(taken)
    return found


def signed(ledger: Ledger, question: str) -> dict[int, tuple[bool, str]]:
    """Return which decisions were signed off: whether agreed with, and by whom."""
    return {
        entry.body["decision"]: (entry.body["agreed"], entry.actor)
        for entry in ledger.entries(
            action=Action.SIGN_OFF, question=question, limit=None, sealed=True
        )
    }


def decide(
    ledger: Ledger, request: DecisionRequest, principal: Principal, *, sign_off: str = "never"
) -> dict[str, Any]:
    """Record that somebody agrees with a score or overrides it; nothing follows by itself.

    Parameters
    ----------
    sign_off : {"never", "overrides", "always"}
        Which decisions wait for a supervisor, as the question says.

    Returns
    -------
    dict
        `decision`, the number by which it can be signed off, and whether that is due.

    Raises
    ------
    Conflict
        There is nothing to agree with, an override names the score's own band, or somebody else
        decided after the decision that `after` names.
    PrecursorError
        As `readable`.
    """
    _, score = readable(ledger, request.score_id, principal)
    if request.decision == AGREE and score["insufficient_history"]:
        raise Conflict(
            "no number was given that one could agree with: the history was insufficient",
            remedy="Record your own grade as an override.",
            field="decision",
            code="nothing_to_agree_with",
        )
    if request.judged_band is not None and request.judged_band == score["band"]:
        raise Conflict(
            f"the score's band is {score['band']} already",
            remedy="Agree with it, or name another band.",
            field="judged_band",
            code="no_override",
        )
    person, question = score["nominal_id"], score["question"]
    judged = request.judged_band or score["band"]
    way = direction(score["band"], judged)
    due = sign_off == "always" or (sign_off == "overrides" and request.decision == OVERRIDE)
    said = {
        "decision": request.decision,
        "reason": request.reason,
        "step": request.step,
        "basis": list(request.basis),
        "judged_band": judged,
        "score_id": request.score_id,
        "band": score["band"],
        "probability": score["probability"],
        "as_of_date": score["as_of_date"],
        "version": score["model"]["version"],
    }
    with ledger.transaction() as connection:
        # within the one writing transaction there is: of two deciders one is first
        if request.after is not None:
            for last in taken_by_person(ledger, [person], question).get(person, [])[:1]:
                if last.number > request.after:
                    raise DecidedMeanwhile(last)
        entry = ledger.append_within(
            connection,
            Action.DECISION,
            actor=principal.actor,
            role=principal.role,
            purpose=request.purpose,
            question=question,
            body={"decision": request.decision, "direction": way, "sign_off_due": due},
            people=[Leaf(person, None, {"decided": said})],
        )
    return {
        "decision": entry.seq,
        "score_id": request.score_id,
        "direction": way,
        "sign_off_due": due,
        "at": entry.at,
    }


def sign_off(
    ledger: Ledger, decision: int, request: SignOffRequest, principal: Principal
) -> dict[str, Any]:
    """Record a supervisor's word on a decision: once, and never on one's own.

    Raises
    ------
    NotFound
        There is no such decision.
    Gone
        The person was erased.
    Forbidden
        It is the supervisor's own, or about somebody they need not know of.
    Conflict
        It was signed off already.
    """
    missing = NotFound(
        f"there is no decision {decision}", remedy="Use the number that it was answered with."
    )
    try:
        taken = ledger.entry(decision, sealed=True)
    except NotFound:
        raise missing from None
    if taken.action != Action.DECISION:
        raise missing
    (about,) = ledger.people(decision)
    if about.nominal_id is None:
        raise Gone(
            f"decision {decision} cannot be read: the person was erased",
            remedy=f"The ledger's entry {decision} still says that it was taken, and when.",
        )
    assert about.payload is not None  # as long as the person's name can be read
    require_need_of_score(ledger, about.payload["decided"]["score_id"], principal)
    if same_person(taken.actor, principal.actor):
        raise Forbidden(
            "nobody signs off their own decision",
            remedy="Ask another supervisor.",
            code="own_decision",
        )
    with ledger.transaction() as connection:
        # within the one writing transaction there is: of two supervisors one is first
        for entry in ledger.entries(
            action=Action.SIGN_OFF, question=taken.question, limit=None, sealed=True
        ):
            if entry.body["decision"] == decision:
                raise Conflict(
                    f"decision {decision} was signed off already: entry {entry.seq}",
                    remedy="A further view is a decision of its own.",
                    code="signed_off",
                )
        entry = ledger.append_within(
            connection,
            Action.SIGN_OFF,
            actor=principal.actor,
            role=principal.role,
            purpose=request.purpose,
            question=taken.question,
            body={"decision": decision, "agreed": request.agreed},
            people=[
                Leaf(
                    about.nominal_id,
                    None,
                    {"signed_off": decision, "agreed": request.agreed, "reason": request.reason},
                )
            ],
        )
    return {"entry": entry.seq, "decision": decision, "agreed": request.agreed, "at": entry.at}


def told(ledger: Ledger, question: str) -> pd.DataFrame:
    """Return every decision on a question's scores that can still be read, the first one first.

    Returns
    -------
    DataFrame
        decision (its number), at, actor, nominal_id, as_of_date, score_id, band, probability,
        judged_band, version, kind (agree or override), step, basis, direction, reason,
        sign_off_due, signed_off (True, False, or None for none yet), signed_off_by; and `own_band`,
        what the same analyst said before the score, where that was asked.
    """
    words = signed(ledger, question)
    own = _own_views(ledger, question)
    rows = []
    for entry, _, nominal_id, payload in reversed(ledger.recorded(Action.DECISION, question)):
        if payload is None:
            continue
        said: Mapping[str, Any] = payload["decided"]
        rows.append(
            {
                "decision": entry.seq,
                "at": entry.at,
                "actor": entry.actor,
                "nominal_id": nominal_id,
                **{name: said[name] for name in _SAID},
                "kind": said["decision"],
                "step": said.get("step"),
                "basis": said.get("basis", []),
                "direction": entry.body["direction"],
                "sign_off_due": entry.body["sign_off_due"] and entry.seq not in words,
                "signed_off": words.get(entry.seq, (None, None))[0],
                "signed_off_by": words.get(entry.seq, (None, None))[1],
                "own_band": own.get((known_by(entry.actor), said["score_id"])),
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)


_SAID = ("as_of_date", "score_id", "band", "probability", "judged_band", "version", "reason")
COLUMNS = [
    *("decision", "at", "actor", "nominal_id", *_SAID, "kind", "step", "basis", "direction"),
    *("sign_off_due", "signed_off", "signed_off_by", "own_band"),
]


def _own_views(ledger: Ledger, question: str) -> dict[tuple[str, str], str]:
    return {
        (known_by(leaf.entry.actor), leaf.payload["of"]): leaf.payload["own_view"]["band"]
        for leaf in ledger.recorded(Action.OWN_VIEW, question)
        if leaf.payload is not None
    }


def page(
    ledger: Ledger, question: str, principal: Principal, *, purpose: str, offset: int, limit: int
) -> dict[str, Any]:
    """Return decisions on a question's scores, the latest first; each person seen has a leaf."""
    rows = told(ledger, question).iloc[::-1]
    shown = rows.iloc[offset : offset + limit]
    ledger.append(
        Action.VIEW,
        actor=principal.actor,
        role=principal.role,
        purpose=purpose,
        question=question,
        body={"what": "GET /v1/decisions", "offset": offset, "limit": limit},
        people=[
            Leaf(str(person), None, {"seen": int(number)})
            for person, number in zip(shown["nominal_id"], shown["decision"], strict=True)
        ],
    )
    plain = shown.astype(object).where(shown.notna(), None)
    lines = [{str(name): value for name, value in row.items()} for row in plain.to_dict("records")]
    return {
        "question": question,
        "decisions": len(rows),
        "overrides": int((rows["kind"] == OVERRIDE).sum()),
        "sign_off_due": int(rows["sign_off_due"].astype(bool).sum()),
        "offset": offset,
        "limit": limit,
        "rows": unnamed(ledger, question, principal, lines),
    }


def sign_off_policy(stock: Stock, ledger: Ledger, score_id: str) -> str:
    """Return which decisions wait for a sign-off, as the question in force says.

    Where the ledger has the question out of force, its model being in doubt perhaps, the model of
    the score says so, and every decision waits where that is gone: none is lost, none goes unseen.

    Raises
    ------
    PrecursorError
        The model in force is out of order, so that nobody can tell; the records need not be served.
    """
    entry, said = ledger.score(score_id)
    question = str(entry.question)
    if ledger.promoted_sha(question) is not None:
        return str(stock.champion(question)[0].question.sign_off)
    try:
        return "always" if said is None else str(stock.model_of(said).question.sign_off)
    except (NotFound, Conflict):
        return "always"
