"""The records behind the reasons of scores, looked up for all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from features.history import History
from features.trail import Past, behind
from serving.score import Score


def with_records(history: History, scores: Sequence[Score]) -> list[Score]:
    """Return scores with the records behind each of their reasons, all asked for at once."""
    told = [score for score in scores if score.reasons]
    if not told:
        return list(scores)
    at = np.array([_number(score.as_of_date) for score in told])
    pasts = iter(history.pasts(history.asked([score.nominal_id for score in told], at)))
    return [
        _with_records(history, score, next(pasts)) if score.reasons else score for score in scores
    ]


def _with_records(history: History, score: Score, events: Past) -> Score:
    reasons = [
        {**reason, "records": records_behind(history, reason["features"], events)}
        for reason in score.reasons
    ]
    return replace(score, reasons=reasons)


def records_behind(
    history: History, names: Sequence[str], events: Past | pd.DataFrame
) -> list[dict[str, Any]]:
    """Return the records behind some features, each once, those of the first feature first.

    Parameters
    ----------
    events : Past or DataFrame
        What `History.pasts` or `History.events` says of the person on the score's date.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for name in names:
        for record in behind(history.feature_set[name], events):
            found.setdefault((record["table"], record["record_id"]), record)
    return list(found.values())


_EPOCH = date(1970, 1, 1).toordinal()


def _number(day: date) -> int:
    return day.toordinal() - _EPOCH
