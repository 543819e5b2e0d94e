"""The rows of a later period: who was in a question's cohort, with history and what followed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pandas as pd

from features.errors import UsageError
from features.history import History
from features.labels import label
from features.matrix import training_spine
from features.question import Provided
from features.spine import KEYS, walk_back
from features.types import Progress
from models.risk_model import RiskModel


def as_of_dates(model: RiskModel, history: History, since: date | None, until: date) -> list[date]:
    """Return the as-of dates of a period, at the question's cadence, walking back from its end.

    Where rows came with the records, the first and the last day of the period.

    Parameters
    ----------
    model : RiskModel
    history : History
    since : date, optional
        By default the day after the last date that the model was judged on.
    until : date

    Raises
    ------
    UsageError
        Where the period ends before it begins, or after the day following the last record.
    """
    begins = since or _after(model)
    last = history.load.default_as_of
    if until > last:
        raise UsageError(
            f"--to: {until} lies after {last}, the day after the records end",
            remedy="Name an earlier day, or newer records.",
            field="to",
        )
    if begins > until:
        raise UsageError(
            f"the period begins on {begins}, after it ends on {until}",
            remedy="Name the period with --from and --to, or give newer records.",
            field="from",
        )
    if isinstance(model.question.cohort, Provided):  # its rows have dates of their own
        return [begins, until]
    return walk_back(until, begins, model.question.cadence_months)


def _after(model: RiskModel) -> date:
    kept = model.training.get("reference") or {"to": "1900-01-01"}
    return (pd.Timestamp(kept["to"]) + pd.Timedelta(days=1)).date()


def period_rows(
    model: RiskModel, history: History, at: Sequence[date], progress: Progress | None = None
) -> pd.DataFrame:
    """Return the rows of a period: keys, label where it is mature, and the model's columns.

    Rows that came with the records are those between the first and the last of the dates.
    """
    question = model.question
    if isinstance(question.cohort, Provided):
        spine = training_spine(history, question)
        days = pd.to_datetime(spine["as_of_date"])
        inside = (days >= pd.Timestamp(min(at))) & (days <= pd.Timestamp(max(at)))
        spine = spine[inside].reset_index(drop=True)
    else:
        spine = training_spine(history, question, at)
    rows = label(history, question, spine)
    columns = history.matrix(rows, feature_set=model.feature_set, progress=progress)
    return pd.concat([rows[[*KEYS, "label"]], columns[model.feature_set.names]], axis=1)
