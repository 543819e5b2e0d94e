"""Replay: a past score computed again in two steps, and compared to the last bit.

From the stored inputs to the score, with the model that gave it; and from the records of the load
it names to the inputs. Each step is *equal*, *differs* (an incident) or *not replayable*, with the
reason. Words may be changed by a release; figures may not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from features.catalogue import catalogue
from features.cohort import eligible
from features.errors import Conflict, NotFound
from models.contract import same_definitions
from models.risk_model import RiskModel
from models.words import reasons as reasons_in_words
from serving.kept import find_model
from serving.ledger import Action, Leaf, Ledger
from serving.scoring import computed, stored
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

    def answer(self) -> dict[str, Any]:
        """Return the replay as JSON-ready data."""
        return {
            "score_id": self.score_id,
            "score_from_inputs": self.score_from_inputs.answer(),
            "inputs_from_records": self.inputs_from_records.answer(),
        }


def replay(
    score_id: str, *, stock: Stock, ledger: Ledger, actor: str, role: str, purpose: str
) -> Replay:
    """Compute a past score again, compare it, and put the result on the ledger.

    Raises
    ------
    NotFound
        No score has this id.
    """
    entry, payload = ledger.score(score_id)
    found = _erased(score_id, entry.seq) if payload is None else _both(payload, stock)
    results = {
        "score_from_inputs": found.score_from_inputs.result,
        "inputs_from_records": found.inputs_from_records.result,
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


def _erased(score_id: str, entry: int) -> Replay:
    step = Step(
        NOT_REPLAYABLE,
        f"The person was erased: entry {entry} still says that the score was given, no longer what"
        " it was.",
    )
    return Replay(score_id, step, step)


def _both(payload: Mapping[str, Any], stock: Stock) -> Replay:
    named = payload["model"]
    try:
        model = find_model(payload["question"], int(named["version"]), named["sha256"])
    except (NotFound, Conflict) as missing:
        step = Step(NOT_REPLAYABLE, _sentence(missing.message))
        return Replay(payload["score_id"], step, step)
    return Replay(
        payload["score_id"], _from_inputs(payload, model), _from_records(payload, model, stock)
    )


def _from_inputs(payload: Mapping[str, Any], model: RiskModel) -> Step:
    if payload["insufficient_history"]:
        return Step(NOT_REPLAYABLE, "No number was given: the history was insufficient.")
    row = np.array(
        [[_number(payload["inputs"][name]) for name in model.feature_set.names]], np.float64
    )
    found = computed(model, row)
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
    words = reasons_in_words(
        model, row[0], found.contributions[0], as_of_date=date.fromisoformat(payload["as_of_date"])
    )
    same_words = [r.text for r in words] == [r["text"] for r in payload["reasons"]]
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
    spine = pd.DataFrame(
        {"nominal_id": [payload["nominal_id"]], "as_of_date": [payload["as_of_date"]]}
    )
    accepted, rejected = eligible(history, model.question, spine)
    if len(rejected):
        return Step(DIFFERS, f"The person would be rejected: {rejected['reason'].iloc[0]}.")
    few = bool(accepted["insufficient_history"].iloc[0])
    if few != payload["insufficient_history"]:
        return Step(DIFFERS, "The history would be judged otherwise: sufficient or not.")
    if few:
        return Step(EQUAL, None, {"compared": ["insufficient_history"], "different": {}})
    frame = history.matrix(spine, feature_set=model.feature_set)
    names = model.feature_set.names
    again = stored(names, model.check(frame)[0])
    different = {
        name: {"recorded": payload["inputs"].get(name), "recomputed": again[name]}
        for name in names
        if payload["inputs"].get(name) != again[name]
    }
    details = {"compared": len(names), "different": different}
    if different:
        return Step(DIFFERS, f"{len(different)} of {len(names)} inputs differ.", details)
    return Step(EQUAL, None, details)


def _sentence(message: str) -> str:
    return f"{message[:1].upper()}{message[1:]}."


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
