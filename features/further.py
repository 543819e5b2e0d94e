"""What else followed a row: the same outcome within other horizons, and days at liberty.

Labels of other horizons let one training answer for 6, 12 and 24 months. Days at liberty say who
could hardly offend because they were in prison: a competing event, kept in with what was recorded,
and dropped in a sensitivity. Deaths and departures are not among the records, so they cannot be.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.declare import AT_LIBERTY, BUCKETS, Feature, FeatureSet
from features.history import History, dates
from features.labels import label
from features.question import OutcomeRule, Question

HORIZONS = (182, 365, 730)
"""Six, twelve and twenty-four months, in days."""

DAYS_FREE = "outcome_days_free"
"""Share of the outcome window spent neither in prison nor on remand, from 0 to 1."""


def label_of(horizon: int) -> str:
    """Return the name of the column that holds the label of a further horizon.

    Examples
    --------
    >>> label_of(730)
    'label_730d'
    """
    return f"label_{horizon}d"


def horizon_of(column: str) -> int | None:
    """Return the horizon whose label a column holds, or None where it holds something else.

    Examples
    --------
    >>> horizon_of("label_730d"), horizon_of("label_charged")
    (730, None)
    """
    number = column.removeprefix("label_").removesuffix("d")
    return int(number) if number.isdigit() and label_of(int(number)) == column else None


def further(history: History, question: Question, rows: pd.DataFrame) -> pd.DataFrame:
    """Return labelled rows with labels of further horizons and how free people were to offend.

    Parameters
    ----------
    history : History
    question : Question
        Where its labels came with the records, there is nothing to add.
    rows : DataFrame
        As :func:`features.labels.label` returns them.
    """
    if not isinstance(question.outcome, OutcomeRule):
        return rows
    found = rows.copy(deep=False)
    for horizon in HORIZONS:
        if horizon != question.horizon_days:
            other = question.model_copy(update={"horizon_days": horizon, "sub_cohorts": {}})
            found[label_of(horizon)] = label(history, other, rows)["label"].to_numpy()
    found[DAYS_FREE] = _share_free(history, question, rows)
    return found


def _share_free(history: History, question: Question, rows: pd.DataFrame) -> np.ndarray:
    """Return the share of the window at liberty; the longest bucket within the horizon stands."""
    window = max((days for days in BUCKETS if days <= question.horizon_days), default=BUCKETS[0])
    measured = Feature("imprisonment", AT_LIBERTY, "", "", ("", ""), windows=(window,)).columns()
    ends = rows.assign(as_of_date=dates(rows["as_of_date"]) + np.timedelta64(window, "D"))
    free = history.matrix(ends, feature_set=FeatureSet(tuple(measured)))[measured[0].name]
    share = free.to_numpy(np.float64) / window
    return np.where(rows["label"].isna(), np.nan, share)
