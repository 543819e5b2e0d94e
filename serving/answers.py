"""What the service answers, for programs and pages alike: asked, recorded, and only then given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np

from features.errors import Conflict, NotFound, PrecursorError, RecordsRefused, UsageError
from features.trail import Past
from serving import metrics
from serving.expiry import require_current
from serving.kept import remember_load
from serving.ledger import Action, Entry, Leaf, Ledger
from serving.need_to_know import require_need, withheld
from serving.own_view import require_own_view
from serving.parts import leaves
from serving.past_scores import past_scores
from serving.permissions import Principal, Role, require_named
from serving.pseudonyms import pseudonymous, withheld_name, without_name
from serving.refusals import record_refusal
from serving.runs import published
from serving.schema import ScoreRequest
from serving.scoring import records_behind, score_rows
from serving.since import since_last
from serving.stage import InShadow, may_see
from serving.steps import step
from serving.stock import Stock, require_in_force

INWARD = ("inputs", "stage")
"""What the ledger keeps of a score and no answer says."""

IN_ANSWER = ("text", "direction", "contribution", "group", "records")


class Gone(PrecursorError):
    """What was asked for was erased (status 410)."""

    code = "erased"
    status = 410


def scores(
    stock: Stock, ledger: Ledger, request: ScoreRequest, *, actor: str, role: str
) -> tuple[Entry, dict[str, Any]]:
    """Score people on request; each of them is on the ledger when this returns.

    Returns
    -------
    (entry, answer)
        The entry that they are on the ledger by; `scores` and `rejected`, each in the order of the
        request.

    Raises
    ------
    PrecursorError
        No such question, no model or records in force, a date after the records, a program that
        does not say whom it asks for, a purpose that names one of them. The refusal is on the
        ledger too.
    """
    asked = {"people_asked": len(request.nominal_ids), "on_behalf_of": request.on_behalf_of}
    who = Principal(actor, Role(role))
    try:
        require_named(who, request.on_behalf_of)
        with step("in_force"):
            in_force = stock.get(request.question)
        if not may_see(role, in_force.question.stage):
            raise InShadow(request.question)
        require_current(in_force.model, in_force.version, in_force.load, in_force.stage)
        require_own_view(ledger, request.question, who, request.on_behalf_of)
        require_need(
            ledger,
            in_force.load.fingerprint,
            who,
            request.nominal_ids,
            request.on_behalf_of,
        )
        at = _as_of(request.as_of_date, in_force.load.default_as_of)
        with step("score"):
            scored, rejected = score_rows(
                in_force.model,
                in_force.version,
                in_force.history,
                request.nominal_ids,
                np.full(len(request.nominal_ids), np.datetime64(at, "D").astype(np.int64)),
                records=True,
            )
        with step("record"):
            load = in_force.load
            remember_load(load)
            expiry = {"expires_on": max(str(one.expires_on) for one in scored)} if scored else {}
            entry = ledger.append(
                Action.SCORE,
                actor=actor,
                role=role,
                purpose=request.purpose,
                question=request.question,
                body={
                    **asked,
                    "as_of_date": at.isoformat(),
                    "model": {"version": in_force.version, "sha256": in_force.model.sha256},
                    "load": {"number": load.number, "fingerprint": load.fingerprint},
                    "scored": sum(not score.insufficient_history for score in scored),
                    "insufficient_history": sum(score.insufficient_history for score in scored),
                    "rejected": dict(Counter(person.reason for person in rejected)),
                    **expiry,
                },
                people=leaves(scored, rejected),
            )
    except PrecursorError as refused:
        record_refusal(
            ledger,
            refused,
            who,
            "POST /v1/scores",
            purpose=request.purpose,
            # any other is what somebody typed, and may name a person
            question=request.question if stock.knows(request.question) else None,
            people=request.nominal_ids,
            **asked,
        )
        raise
    for score in scored:
        answer = "insufficient_history" if score.insufficient_history else "scored"
        metrics.SCORES.labels(request.question, answer).inc()
    for person in rejected:
        metrics.SCORES.labels(request.question, person.reason).inc()
    return entry, {
        "scores": [_given(score.answer()) for score in scored],
        "rejected": [person.answer() for person in rejected],
    }


def kept_score(ledger: Ledger, score_id: str) -> tuple[Entry, dict[str, Any]]:
    """Return a score as the ledger holds it, with its entry.

    Raises
    ------
    NotFound
        No score has this id.
    Gone
        The person was erased.
    """
    entry, payload = ledger.score(score_id)
    if payload is None:
        raise Gone(
            f"score {score_id!r} cannot be read: the person was erased",
            remedy=f"The ledger's entry {entry.seq} still says that it was given, and when.",
            field="score_id",
        )
    return entry, payload


def readable(
    ledger: Ledger, score_id: str, principal: Principal, on_behalf_of: str | None = None
) -> tuple[Entry, dict[str, Any]]:
    """Return a score that somebody may look at and act on.

    Raises
    ------
    NotFound
        No score has this id.
    Gone
        The person was erased.
    InShadow
        Its question was in shadow when it was given; reviewers see it.
    OwnViewDue
        The analyst's own view is due first.
    NeedToKnow
        The person is restricted, or outside the areas of whoever asks.
    """
    entry, payload = kept_score(ledger, score_id)
    if not may_see(principal.role, payload["stage"]):
        raise InShadow(payload["question"])
    require_own_view(ledger, payload["question"], principal, on_behalf_of)
    load, person = payload["load"]["fingerprint"], payload["nominal_id"]
    require_need(ledger, load, principal, [person], on_behalf_of)
    return entry, payload


def one_score(
    stock: Stock,
    ledger: Ledger,
    score_id: str,
    *,
    actor: str,
    role: str,
    purpose: str,
    on_behalf_of: str | None = None,
) -> dict[str, Any]:
    """Return a score as it was given; the look at it is recorded.

    Records behind the reasons of a batch's scores are looked up now, in the load the score names;
    where that load or the score's model is gone, `records_unavailable` says so.

    Raises
    ------
    PrecursorError
        As `readable`.
    """
    who = Principal(actor, Role(role))
    entry, payload = readable(ledger, score_id, who, on_behalf_of)
    answer = explained(stock, payload)
    answer["since_last"] = _since_last(stock, ledger, payload, who, on_behalf_of)
    answer = without_name(answer) if pseudonymous(role) else answer
    ledger.append(
        Action.VIEW,
        actor=actor,
        role=role,
        purpose=purpose,
        question=entry.question,
        body={"what": "GET /v1/scores", "entry": entry.seq, "on_behalf_of": on_behalf_of},
        people=[Leaf(payload["nominal_id"], None, {"viewed": score_id})],
    )
    return answer


def _since_last(
    stock: Stock,
    ledger: Ledger,
    payload: Mapping[str, Any],
    who: Principal,
    on_behalf_of: str | None,
) -> dict[str, Any] | None:
    earlier = past_scores(ledger, payload, who, on_behalf_of=on_behalf_of, most=2)

    def pasts(days: Sequence[date]) -> Sequence[Past]:
        return stock.history_of(payload).pasts_on(str(payload["nominal_id"]), days)

    named = not pseudonymous(who.role)
    return since_last(earlier, lambda: stock.model_of(payload), pasts, named=named)


def explained(stock: Stock, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recorded score with the records behind each reason."""
    answer = {name: value for name, value in payload.items() if name not in INWARD}
    lacking = [reason for reason in answer["reasons"] if not reason["records"]]
    if lacking:
        try:
            history = stock.history_of(payload)
        except (NotFound, Conflict, RecordsRefused) as gone:
            answer["records_unavailable"] = gone.message
        else:
            at = date.fromisoformat(answer["as_of_date"])
            (past,) = history.pasts_on(answer["nominal_id"], [at])
            for reason in lacking:
                reason["records"] = records_behind(history, reason["features"], past)
    return _given(answer)


def list_page(
    ledger: Ledger,
    question: str,
    *,
    offset: int,
    limit: int,
    actor: str,
    role: str,
    purpose: str,
    on_behalf_of: str | None = None,
) -> dict[str, Any]:
    """Return a page of the published list; each person on it has a leaf in the entry.

    Raises
    ------
    NotFound
        No list is published for this question, or no model of it is in force.
    InShadow
        The question was in shadow when the list was scored; reviewers see it.
    """
    require_in_force(ledger, question)  # a list of what is out of force is nobody's to see
    found = published(question)
    info = found.run.info
    if not may_see(role, info["stage"]):
        raise InShadow(question)
    who = Principal(actor, Role(role))
    require_own_view(ledger, question, who, on_behalf_of)
    rows = found.page(offset, limit)
    people = [row["nominal_id"] for row in rows]
    hidden = withheld(ledger, info["load"]["fingerprint"], who, people, on_behalf_of)
    ledger.append(
        Action.LIST,
        actor=actor,
        role=role,
        purpose=purpose,
        question=question,
        body={
            "run_id": found.run.run_id,
            "offset": offset,
            "limit": limit,
            "on_behalf_of": on_behalf_of,
        },
        people=[
            Leaf(row["nominal_id"], None, {"listed": row["score_id"], "rank": row["rank"]})
            for row in rows
        ],
    )
    return {
        "question": question,
        "run_id": found.run.run_id,
        "published_at": found.said["published_at"],
        "as_of_date": info["as_of_dates"][0],
        "model": {**info["model"], "version": str(info["model"]["version"])},
        "load": info["load"],
        "expires_on": info["expires_on"],
        "people": len(found),
        "insufficient_history": info["insufficient_history"],
        "capacity": info["capacity"],
        "offset": offset,
        "limit": limit,
        "rows": [
            {**_known(row, hidden, role), "as_of_date": row["as_of_date"].isoformat()}
            for row in rows
        ],
    }


def _known(row: dict[str, Any], hidden: set[str], role: str) -> dict[str, Any]:
    """Return a line of a list, without what says who it is where the reader need not know."""
    if row["nominal_id"] not in hidden:
        return without_name(row) if pseudonymous(role) else row
    return {**row, "nominal_id": withheld_name(row["score_id"]), "reasons": []}


def _as_of(asked: date | None, latest: date) -> date:
    if asked is not None and asked > latest:
        raise UsageError(
            f"as_of_date: {asked} lies after {latest}, the day after the records end",
            remedy="Leave it out, or ask for that day or an earlier one.",
            field="as_of_date",
            code="after_the_records",
        )
    return asked or latest


def _given(answer: dict[str, Any]) -> dict[str, Any]:
    """Leave out of an answer what only the ledger needs."""
    reasons = [{key: reason[key] for key in IN_ANSWER} for reason in answer["reasons"]]
    return {**answer, "reasons": reasons}
