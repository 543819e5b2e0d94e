"""A disputed record: the person is scored without it, beside the score as it was given.

First the score's inputs are made again from the person's own part of the load, whole: only where
they are the recorded ones, to the last bit, does leaving one record out say what that record did.
Nothing in the load, the list or the score is changed by it; what follows is for people to decide.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from features.catalogue import catalogue
from features.errors import Conflict
from features.excerpt import excerpt
from features.history import History
from features.loads import Load
from models.contract import same_definitions
from models.risk_model import RiskModel
from serving.answers import readable
from serving.kept import find_load, find_model
from serving.ledger import Action, Leaf, Ledger
from serving.permissions import Principal
from serving.schema import ChallengeRequest
from serving.scoring import Rejected, Score, score_people

FIGURES = ("probability", "interval", "band", "insufficient_history")
"""What is shown of both scores, side by side."""


def challenge(ledger: Ledger, request: ChallengeRequest, principal: Principal) -> dict[str, Any]:
    """Score a person without a disputed record, and put both scores on the ledger.

    Returns
    -------
    dict
        `challenge` (the entry's number), `original`, `without` (the same figures, or why no score
        could be given), `change` in probability, `inputs` that differ, and `left_out`: rows by
        table that went with the record.

    Raises
    ------
    NotFound
        No such score, no such record about the person, or the model or the load are gone.
    Conflict
        The score cannot be made again from the load, so that no comparison would be honest.
    PrecursorError
        As `serving.answers.readable`.
    """
    _, payload = readable(ledger, request.score_id, principal)
    model = find_model(
        payload["question"], int(payload["model"]["version"]), payload["model"]["sha256"]
    )
    same_definitions(model.feature_set, catalogue(model.question.harm))
    load = find_load(payload["load"]["fingerprint"])
    again, _ = _scored(payload, model, load, None)
    if _differs(payload, again):
        raise Conflict(
            "the score cannot be made again from its load, so nothing can be set beside it",
            remedy=f"Ask for its replay first: GET /v1/replays/{request.score_id}.",
            field="score_id",
            code="not_reproduced",
        )
    found, left_out = _scored(payload, model, load, (request.table, request.record_id))
    original = {name: payload[name] for name in FIGURES}
    without = _figures(found)
    inputs = {
        name: {"original": payload["inputs"].get(name), "without": value}
        for name, value in (found.inputs if isinstance(found, Score) else {}).items()
        if payload["inputs"].get(name) != value
    }
    change = (
        without["probability"] - original["probability"]
        if original["probability"] is not None and without.get("probability") is not None
        else None
    )
    record = {"table": request.table, "record_id": request.record_id}
    said = {
        "score_id": request.score_id,
        "record": record,
        "reason": request.reason,
        "original": original,
        "without": without,
        "change": change,
        "inputs": inputs,
        "left_out": left_out,
    }
    entry = ledger.append(
        Action.CHALLENGE,
        actor=principal.actor,
        role=principal.role,
        purpose=request.purpose,
        question=payload["question"],
        body={"table": request.table, "version": int(payload["model"]["version"])},
        people=[Leaf(payload["nominal_id"], None, {"challenged": said})],
    )
    return {"challenge": entry.seq, "question": payload["question"], "at": entry.at, **said}


def _scored(
    payload: Mapping[str, Any], model: RiskModel, load: Load, without: tuple[str, str] | None
) -> tuple[Score | Rejected, dict[str, int]]:
    """Score the person as the payload was, from their own part of the load."""
    spine = pd.DataFrame(
        {
            "nominal_id": [payload["nominal_id"]],
            "as_of_date": [date.fromisoformat(payload["as_of_date"])],
        }
    )
    with tempfile.TemporaryDirectory(prefix="precursor-challenge-") as folder:
        part = excerpt(load, payload["nominal_id"], Path(folder) / "part", without=without)
        history = History(part.load, harm=model.question.harm)
        version = int(payload["model"]["version"])
        scores, rejected = score_people(model, version, history, spine)
    return (scores[0] if scores else rejected[0]), part.left_out


def _differs(payload: Mapping[str, Any], again: Score | Rejected) -> bool:
    if isinstance(again, Rejected):
        return True
    if again.insufficient_history or payload["insufficient_history"]:
        return bool(again.insufficient_history != payload["insufficient_history"])
    return bool(again.inputs != payload["inputs"] or again.probability != payload["probability"])


def _figures(found: Score | Rejected) -> dict[str, Any]:
    if isinstance(found, Rejected):
        return {"rejected": found.reason}
    said = found.answer()
    return {name: said[name] for name in FIGURES}
