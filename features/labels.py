"""What followed: labels with a fixed window and a fixed time for reports to arrive.

The outcome window is ``[as_of_date, as_of_date + horizon)``. An offence counts only if it was known
before ``as_of_date + horizon + lag``, the same for every row however old, so that old rows do not
look worse than new ones merely because more has come to light since.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd

from features.cohort import sub_cohorts
from features.errors import RecordsRefused
from features.history import CHUNK, History, dates, keyed
from features.loads import Load
from features.question import Provided, Question
from features.sources import SOURCES
from features.spine import walk_back
from features.sweep import Events
from features.visible import NEVER, Array


def latest_mature(load: Load, question: Question) -> date:
    """Return the last as-of date whose outcome window and reporting lag lie within the records.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> load = SimpleNamespace(data_to=date(2026, 1, 31))
    >>> latest_mature(load, SimpleNamespace(horizon_days=365, lag_days=183))
    datetime.date(2024, 8, 2)
    """
    return load.data_to + timedelta(days=1 - question.horizon_days - question.lag_days)


def training_dates(load: Load, question: Question, running_since: date) -> list[date]:
    """Return as-of dates for training, walking back from the last mature one, oldest first.

    Parameters
    ----------
    running_since : date
        When the records begin; the first date lies `history_days` after it.
    """
    earliest = running_since + timedelta(days=question.history_days)
    return walk_back(latest_mature(load, question), earliest, question.cadence_months)


def label(history: History, question: Question, spine: pd.DataFrame) -> pd.DataFrame:
    """Return a spine with what followed each row.

    Returns
    -------
    DataFrame
        The spine's rows in order with `label` (0 or 1: named as suspect, or as provided) and, for
        outcomes defined over records, `label_<also>` (for example `label_charged`) and
        `outcome_harm`, the harm of what followed in hundredths of a day, and `cohort_<name>` for
        each sub-cohort of the question, whether the row belongs to it. A row has an empty label
        where it is not mature, was not provided, or the person record no longer stands by then.

    Raises
    ------
    RecordsRefused
        Where the question's labels should have come with the records and did not.
    """
    spine = keyed(spine)
    if isinstance(question.outcome, Provided):
        return _provided(history.load, question.outcome, spine)
    rule = question.outcome
    as_of = dates(spine["as_of_date"])
    # under an id that was merged away meanwhile, what followed is on record under another one
    arrived = as_of + np.timedelta64(question.horizon_days + question.lag_days, "D")
    standing, _ = history.born_on(spine.assign(as_of_date=arrived))
    mature = (as_of <= np.datetime64(latest_mature(history.load, question))) & standing
    terms = (question.horizon_days, question.lag_days)
    count, harm = followed(history, rule.source, rule.of, spine, *terms)
    found = spine.assign(label=np.where(mature, count > 0, np.nan))
    if rule.also is not None:
        marks = rule.also_of or rule.of
        also, _ = followed(history, rule.also, marks, spine, *terms)
        found[f"label_{rule.also}"] = np.where(mature, also > 0, np.nan)
    found["outcome_harm"] = np.where(mature, harm, np.nan)
    return pd.concat([found, sub_cohorts(history, question, spine)], axis=1)


def followed(
    history: History,
    source: str,
    of: tuple[str, ...],
    spine: pd.DataFrame,
    horizon_days: int,
    lag_days: int,
) -> tuple[Array, Array]:
    """Return how often an outcome followed each row of a spine, and the harm of all that did.

    Parameters
    ----------
    source, of : str, tuple of str
        What counts: events of a source with all of these marks.
    spine : DataFrame
        `nominal_id` and `as_of_date`.
    horizon_days, lag_days : int
        How long it may take to occur, and then to become known.

    Returns
    -------
    count, harm : ndarray, shape (rows,)
        Harm in hundredths of a day.
    """
    bits = SOURCES[source].bits(of)
    count, harm = np.zeros(len(spine)), np.zeros(len(spine))
    for chunk in history.subjects(spine).chunks(CHUNK):
        records = history.compiled.events(np.unique(chunk.person), (source,), ("harm",))[source]
        events = Events.place(
            chunk.rows,
            chunk.person,
            np.full(len(chunk.person), NEVER),  # what followed counts at whatever age
            records,
            lambda dates: dates.following(horizon_days, lag_days),
        )
        chosen = events.having(bits)
        count[chunk.order] = events.sums(chosen, None)
        harm[chunk.order] = events.sums(chosen, None, "harm")
    return count, harm


def _provided(load: Load, outcome: Provided, spine: pd.DataFrame) -> pd.DataFrame:
    given = provided_labels(load, outcome)
    return spine.merge(given, on=["nominal_id", "as_of_date"], how="left", validate="many_to_one")


def provided_labels(load: Load, outcome: Provided) -> pd.DataFrame:
    """Return the labels that came with the records: nominal_id, as_of_date, label.

    Raises
    ------
    RecordsRefused
        Where none came for this outcome, or two came for one person and date.
    """
    labels = load.labels()
    if labels is None or outcome.provided not in set(labels["outcome"]):
        raise RecordsRefused(
            f"{load.path}: no labels for outcome '{outcome.provided}' came with these records",
            remedy="Ingest a source with labels, or score a spine: these records can be scored,"
            " not trained on.",
        )
    rows = labels[labels["outcome"] == outcome.provided]
    twice = rows[rows.duplicated(["nominal_id", "as_of_date"])]
    if len(twice):
        first = f"{twice['nominal_id'].iloc[0]} on {twice['as_of_date'].iloc[0]}"
        raise RecordsRefused(
            f"{load.path}: labels: {len(twice)} rows of outcome '{outcome.provided}' are there"
            f" twice, the first one {first}",
            remedy="Leave one label for each nominal_id and as_of_date, and ingest again.",
        )
    return pd.DataFrame(
        {
            "nominal_id": rows["nominal_id"].astype(str),
            "as_of_date": dates(rows["as_of_date"]),
            "label": rows["label"].astype(float),
        }
    ).reset_index(drop=True)
