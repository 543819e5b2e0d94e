"""What changed since a person's last score, in words that add up to the difference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from features.errors import Conflict, NotFound
from models.difference import difference
from models.risk_model import RiskModel
from models.words import SMALLEST, date_words


def since_last(
    scores: Sequence[Mapping[str, Any]], model: Callable[[], RiskModel]
) -> dict[str, Any] | None:
    """Return what lies between a person's last score and the one before it.

    Parameters
    ----------
    scores : sequence of mapping
        As `serving.past_scores.past_scores` returns them, the latest last.
    model : callable
        Returns the model that gave the last of them; asked only where both are its.

    Returns
    -------
    dict or None
        `score_id`, `as_of_date` and `probability` of the score before, and `sentences`; None where
        there is none before.
    """
    if len(scores) < 2:
        return None
    before, now = scores[-2:]
    said = {name: before[name] for name in ("score_id", "as_of_date", "probability")}
    return {**said, "sentences": _sentences(before, now, model)}


def _sentences(
    before: Mapping[str, Any], now: Mapping[str, Any], model: Callable[[], RiskModel]
) -> list[str]:
    days = date.fromisoformat(before["as_of_date"]), date.fromisoformat(now["as_of_date"])
    if before["probability"] is None:
        return [f"On {date_words(days[0])} there was too little on record to give a number."]
    if now["probability"] is None:
        return [f"The score of {date_words(days[0])} was {before['probability']:.1%}."]
    if before["model"]["sha256"] != now["model"]["sha256"]:
        return [
            f"The score of {date_words(days[0])}, {before['probability']:.1%}, is of model version"
            f" {before['model']['version']}. What lies between two models is no change of this"
            " person, so none is told."
        ]
    try:
        theirs = model()
    except (NotFound, Conflict) as gone:  # the scores themselves can be told without it
        return [f"What changed since cannot be told: {gone.message}."]
    rows = [_row(theirs, score["inputs"]) for score in (before, now)]
    found = difference(theirs, *rows, on=days)
    same = abs(found.log_odds) < SMALLEST
    now_words = "it is the same" if same else f"it is now {found.after:.1%}"
    first = f"On {date_words(days[0])} the score was {found.before:.1%}; {now_words}."
    return [first, *found.sentences[1:]]


def _row(model: RiskModel, inputs: Mapping[str, float | None]) -> npt.NDArray[np.float64]:
    given = [inputs[name] for name in model.feature_set.names]
    return np.array([np.nan if value is None else value for value in given])
