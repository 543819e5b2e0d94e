"""Replay: a past score computed again in two steps, and compared to the last bit.

From the stored inputs to the score, with the model that gave it; and from the records of the load
it names to the inputs. Each step is *equal*, *differs* (an incident) or *not replayable*, with the
reason. Words may be changed by a release; figures may not.

Beside them stands what the score would be now: same person, date and model, but with what a later
load has brought. What it brings with an earlier date of knowledge *arrived late*; the score was
right by the records that there were, so that is no mismatch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pandas as pd

from features.catalogue import catalogue
from features.cohort import eligible
from features.errors import Conflict, NotFound
from features.history import History
from models.contract import same_definitions
from models.explanation import explain
from models.risk_model import RiskModel
from models.words import reasons_of_rows
from serving.kept import find_model, serving_from
from serving.ledger import Action, Entry, Leaf, Ledger
from serving.need_to_know import require_need
from serving.permissions import Principal, Role
from serving.score import given, stored
from serving.scoring import score_people
from serving.stock import Stock

EQUAL, DIFFERS, NOT_REPLAYABLE = "equal", "differs", "not_replayable"
FIGURES = ("probability", "interval", "band", "base", "raw", "groups")


@dataclass(frozen=True)
class Step:
    """What one step of a replay found; `reason` says why it could not be done or what differs."""

    result: str
    reason: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def detail(self) -> str:
        """What was found, as one sentence."""
        return "All figures are the same, to the last bit." if self.reason is None else self.reason

    def answer(self) -> dict[str, Any]:
        """Return the step as JSON-ready data."""
        return {"result": self.result, "reason": self.reason, "details": dict(self.details)}


@dataclass(frozen=True)
class Replay:
    """Both steps of one score's replay."""

    score_id: str
    score_from_inputs: Step
    inputs_from_records: Step
    now: Mapping[str, Any] | None = None

    def answer(self) -> dict[str, Any]:
        """Return the replay as JSON-ready data."""
        return {
            "score_id": self.score_id,
            "score_from_inputs": self.score_from_inputs.answer(),
            "inputs_from_records": self.inputs_from_records.answer(),
            "now": None if self.now is None else dict(self.now),
        }


def replay(
    score_id: str, *, stock: Stock, ledger: Ledger, actor: str, role: str, purpose: str
) -> Replay:
    """Compute a past score again, compare it, and put the result on the ledger.

    Raises
    ------
    NotFound
        No score has this id.
    NeedToKnow
        The person is restricted, or outside the areas of whoever asks.
    """
    entry, payload = ledger.score(score_id)
    who = {"actor": actor, "role": role, "purpose": purpose}
    return replayed(score_id, entry, payload, stock=stock, ledger=ledger, **who)


def replayed(
    score_id: str,
    entry: Entry,
    payload: Mapping[str, Any] | None,
    *,
    stock: Stock,
    ledger: Ledger,
    actor: str,
    role: str,
    purpose: str,
) -> Replay:
    """Replay a score that was opened already, as `replay` does.

    Parameters
    ----------
    entry, payload
        As `Ledger.score` returns them.
    """
    if payload is None:
        found = _erased(score_id, entry.seq, ledger.erasure_of(score_id))
    else:
        load, person = payload["load"]["fingerprint"], payload["nominal_id"]
        require_need(ledger, load, Principal(actor, Role(role)), [person])
        found = _both(payload, stock)
    results = {
        "score_from_inputs": found.score_from_inputs.result,
        "inputs_from_records": found.inputs_from_records.result,
        "now": None if found.now is None else found.now["result"],
    }
    ledger.append(
        Action.REPLAY,
        actor=actor,
        role=role,
        purpose=purpose,
        question=entry.question,
        body={"entry": entry.seq, **results},
        people=[]
        if payload is None
        else [Leaf(payload["nominal_id"], None, {"replayed": score_id, **results})],
    )
    return found


def _erased(score_id: str, entry: int, erasure: int | None) -> Replay:
    step = Step(
        NOT_REPLAYABLE,
        f"The person was erased by entry {erasure}: entry {entry} still says that the score was"
        " given, no longer what it was.",
        {"erased_by": erasure},
    )
    return Replay(score_id, step, step)


def _both(payload: Mapping[str, Any], stock: Stock) -> Replay:
    named = payload["model"]
    try:  # from its files, not from memory: whoever comes in years has those alone
        model = find_model(payload["question"], int(named["version"]), named["sha256"])
    except (NotFound, Conflict) as missing:
        step = Step(NOT_REPLAYABLE, _sentence(missing.message))
        return Replay(payload["score_id"], step, step)
    return Replay(
        payload["score_id"],
        from_inputs(payload, model),
        _from_records(payload, model, stock),
        now(payload, model, stock),
    )


def from_inputs(payload: Mapping[str, Any], model: RiskModel) -> Step:
    """Return whether a score follows from its stored inputs, by the model that gave it."""
    if payload["insufficient_history"]:
        return Step(NOT_REPLAYABLE, "No number was given: the history was insufficient.")
    row = given(model.feature_set.names, payload["inputs"])[None, :]
    found = explain(model, row)
    probability = float(found.probability[0])
    again = {
        "probability": probability,
        "interval": {
            "low": float(found.low[0]),
            "high": float(found.high[0]),
            "level": model.interval.level,
        },
        "band": model.question.band(probability),
        "base": found.base,
        "raw": float(found.raw[0]),
        "groups": found.by_group(0),
    }
    different = {
        name: {"recorded": payload[name], "recomputed": again[name]}
        for name in FIGURES
        if payload[name] != again[name]
    }
    day = date.fromisoformat(payload["as_of_date"])
    words = reasons_of_rows(model, row, found.contributions, found.groups, [day])
    same_words = [r.text for r in words[0]] == [r["text"] for r in payload["reasons"]]
    details = {"compared": list(FIGURES), "different": different, "same_words": same_words}
    if different:
        return Step(DIFFERS, f"Recomputed otherwise: {', '.join(different)}.", details)
    return Step(EQUAL, None, details)


def _from_records(payload: Mapping[str, Any], model: RiskModel, stock: Stock) -> Step:
    try:
        same_definitions(model.feature_set, catalogue(model.question.harm))
        history = stock.history(payload["load"]["fingerprint"], model.question.harm)
    except (NotFound, Conflict) as missing:
        return Step(NOT_REPLAYABLE, _sentence(missing.message))
    spine = _spine(payload)
    accepted, rejected = eligible(history, model.question, spine)
    if len(rejected):
        return Step(DIFFERS, f"The person would be rejected: {rejected['reason'].iloc[0]}.")
    few = bool(accepted["insufficient_history"].iloc[0])
    if few != payload["insufficient_history"]:
        return Step(DIFFERS, "The history would be judged otherwise: sufficient or not.")
    if few:
        return Step(EQUAL, None, {"compared": ["insufficient_history"], "different": {}})
    # worked out anew: `History.dense` may look a row up that was prepared, which proves less
    frame = history.matrix(spine, feature_set=model.feature_set)
    names = model.feature_set.names
    again = stored(names, model.check(frame)[0].tolist())
    different = {
        name: {"recorded": payload["inputs"].get(name), "recomputed": again[name]}
        for name in names
        if payload["inputs"].get(name) != again[name]
    }
    details = {"compared": len(names), "different": different}
    if different:
        return Step(DIFFERS, f"{len(different)} of {len(names)} inputs differ.", details)
    return Step(EQUAL, None, details)


def now(payload: Mapping[str, Any], model: RiskModel, stock: Stock) -> dict[str, Any] | None:
    """Return what the score would be with the records of the load that is served from now.

    Returns
    -------
    dict or None
        None where the load is still the one that the score was made from. Otherwise `load`, and
        `result`: "same", "arrived_late", "corrected" (records that were known then and are not in
        the later load), "rejected" or "not_available"; with the figures, and `arrived` and `gone`,
        records by table and id with the day on which they became known.
    """
    try:
        fingerprint = str(serving_from(payload["question"])["fingerprint"])
        if fingerprint == payload["load"]["fingerprint"]:
            return None
        current = stock.history(fingerprint, model.question.harm)
        load = current.load
        said: dict[str, Any] = {"load": {"number": load.number, "fingerprint": load.fingerprint}}
        if load.data_to < date.fromisoformat(payload["load"]["data_to"]):
            return None  # an earlier load is served from: it has nothing to add
        same_definitions(model.feature_set, current.feature_set)
    except (NotFound, Conflict) as missing:
        return {"result": "not_available", "reason": _sentence(missing.message)}
    spine = _spine(payload)
    scores, rejected = score_people(model, int(payload["model"]["version"]), current, spine)
    changed = _changed_records(payload, model, stock, current)
    if rejected:
        return said | {"result": "rejected", "reason": rejected[0].reason, **changed}
    figures = {name: scores[0].answer()[name] for name in ("probability", "interval", "band")}
    same = scores[0].insufficient_history == payload["insufficient_history"]
    same = same and scores[0].inputs == payload["inputs"]
    result = "same" if same else "corrected" if changed.get("gone") else "arrived_late"
    return said | {"result": result, **figures, **changed}


def _changed_records(
    payload: Mapping[str, Any], model: RiskModel, stock: Stock, current: History
) -> dict[str, Any]:
    """Return the records visible on the score's date in one of two loads and not in the other."""
    try:
        then = stock.history(payload["load"]["fingerprint"], model.question.harm)
    except (NotFound, Conflict) as missing:
        return {"reason": _sentence(missing.message)}
    at = date.fromisoformat(payload["as_of_date"])
    before, after = (
        {
            (str(row.record_table), str(row.record_id), str(row.known_on)[:10])
            for row in history.events(payload["nominal_id"], at).itertuples()
        }
        for history in (then, current)
    )
    names = ("table", "record_id", "known_on")
    return {
        "arrived": [dict(zip(names, one, strict=True)) for one in sorted(after - before)],
        "gone": [dict(zip(names, one, strict=True)) for one in sorted(before - after)],
    }


def _spine(payload: Mapping[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(
        {"nominal_id": [payload["nominal_id"]], "as_of_date": [payload["as_of_date"]]}
    )


def _sentence(message: str) -> str:
    return f"{message[:1].upper()}{message[1:]}."
