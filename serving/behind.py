"""The records behind the reasons of scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from features.history import History
from features.trail import Past, behind
from serving.score import Score


def with_records(history: History, scores: Sequence[Score], pasts: Sequence[Past]) -> list[Score]:
    """Return scores with the records behind each of their reasons.

    Parameters
    ----------
    pasts : sequence of Past
        What was visible of each score's person, from `History.pasts`.
    """
    return [
        replace(
            score,
            reasons=[
                {**reason, "records": records_behind(history, reason["features"], past)}
                for reason in score.reasons
            ],
        )
        for score, past in zip(scores, pasts, strict=True)
    ]


def records_behind(history: History, names: Sequence[str], past: Past) -> list[dict[str, Any]]:
    """Return the records behind some features, each once, those of the first feature first.

    Parameters
    ----------
    past : Past
        What was visible of the person on the score's date.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for name in names:
        for record in behind(history.feature_set[name], past):
            found.setdefault((record["table"], record["record_id"]), record)
    return list(found.values())
