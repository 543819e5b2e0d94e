"""What changed since a person's last score, in words that add up to the difference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from features.errors import Conflict, NotFound, RecordsRefused
from features.trail import Past
from models.difference import difference
from models.risk_model import RiskModel
from models.words import MOST_REASONS, SMALLEST, date_words
from serving.between import between
from serving.score import given

MANY = (
    "A score is made of many things together: one line can point down although there is more on"
    " record, or up although there is less."
)

Pasts = Callable[[Sequence[date]], Sequence[Past]]
"""Returns the person's visible past on some dates, from the load of the later score."""


def since_last(
    scores: Sequence[Mapping[str, Any]],
    model: Callable[[], RiskModel],
    pasts: Pasts | None = None,
    *,
    named: bool = True,
) -> dict[str, Any] | None:
    """Return what lies between a person's last score and the one before it.

    Parameters
    ----------
    scores : sequence of mapping
        As `serving.past_scores.past_scores` returns them, the latest last.
    model : callable
        Returns the model that gave the last of them; asked only where both are its.
    pasts : callable, optional
        Lets it be told which records came, went or were corrected.
    named : bool
        Whether references of records may be told.

    Returns
    -------
    dict or None
        `score_id`, `as_of_date` and `probability` of the score before, `sentences`, `records`
        (sentences about what came and went), and `note` where lines seem to contradict each other.
        None where there is no score before.
    """
    if len(scores) < 2:
        return None
    before, now = scores[-2:]
    said = {name: before[name] for name in ("score_id", "as_of_date", "probability")}
    sentences, ways = _sentences(before, now, model)
    records, came = ([], False) if pasts is None else _records(before, now, pasts, named)
    mixed = len(ways) > 1 or (came and _fell(before, now))
    return {**said, "sentences": sentences, "records": records, "note": MANY if mixed else None}


def _records(
    before: Mapping[str, Any], now: Mapping[str, Any], pasts: Pasts, named: bool
) -> tuple[list[str], bool]:
    try:
        old, new = pasts([date.fromisoformat(score["as_of_date"]) for score in (before, now)])
    except (NotFound, Conflict, RecordsRefused):  # load or model gone: scores can be told without
        return [], False
    return between(old, new, named=named)


def _fell(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Return whether a score is lower than the one before, by the same model."""
    same = before["model"]["sha256"] == now["model"]["sha256"]
    old, new = before["probability"], now["probability"]
    return same and None not in (old, new) and bool(new < old)


def _sentences(
    before: Mapping[str, Any], now: Mapping[str, Any], model: Callable[[], RiskModel]
) -> tuple[list[str], set[bool]]:
    """Return what is told, and which ways its lines point: up is True."""
    days = date.fromisoformat(before["as_of_date"]), date.fromisoformat(now["as_of_date"])
    if before["probability"] is None:
        said = f"On {date_words(days[0])} there was too little on record to give a number."
        return [said], set()
    if now["probability"] is None:
        return [f"The score of {date_words(days[0])} was {before['probability']:.1%}."], set()
    if before["model"]["sha256"] != now["model"]["sha256"]:
        said = (
            f"The score of {date_words(days[0])}, {before['probability']:.1%}, is of model version"
            f" {before['model']['version']}. What lies between two models is no change of this"
            " person, so none is told."
        )
        return [said], set()
    try:
        theirs = model()
    except (NotFound, Conflict):  # the scores can be told without; where it lay is nobody's concern
        gone = now["model"]["version"]
        return [f"What changed since cannot be told: model version {gone} is gone."], set()
    rows = [given(theirs.feature_set.names, score["inputs"]) for score in (before, now)]
    found = difference(theirs, *rows, on=days)
    same = abs(found.log_odds) < SMALLEST
    now_words = "it is the same" if same else f"it is now {found.after:.1%}"
    first = f"On {date_words(days[0])} the score was {found.before:.1%}; {now_words}."
    told = [change for change in found.changes if change.text][:MOST_REASONS]
    ways = {change.contribution > 0 for change in told}
    return [first, *found.sentences[1:]], ways
