"""Who is scored: a question's cohort on given dates, and why somebody asked for is not scored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from features.adult import adulthood
from features.declare import COUNT, EVER, FIRST, Feature, FeatureSet
from features.history import History, dates, keyed
from features.question import CohortRule, Question
from features.sources import SOURCES

REASONS = {
    "unknown": "Not in the records as known on that date.",
    "no_date_of_birth": "No date of birth on record, so it cannot be told whether they are adult.",
    "under_18": "Under 18 on that date; nobody under 18 is scored.",
    "outside_cohort": "Outside the question's cohort on that date.",
}
"""Why a person is rejected, by code."""


def _measured(feature: Feature) -> tuple[FeatureSet, str]:
    columns = tuple(feature.columns())
    return FeatureSet(columns), columns[0].name


def _in_cohort(history: History, rule: CohortRule, spine: pd.DataFrame) -> np.ndarray:
    """Membership is one count of the compiler, so it sees time exactly as a feature does."""
    mark = "+".join(rule.of)
    counted = Feature(rule.source, COUNT, "", "", ("", ""), of=(mark,), windows=(rule.within_days,))
    feature_set, name = _measured(counted)
    return history.matrix(spine, feature_set=feature_set)[name].to_numpy() > 0


def adult(born_on: np.ndarray, as_of_date: np.ndarray) -> np.ndarray:
    """Return who is at least 18, by the calendar; born on 29 February is 18 on 1 March.

    Examples
    --------
    >>> from features.history import dates
    >>> adult(dates(["2008-02-29", "2008-02-29"]), dates(["2026-02-28", "2026-03-01"]))
    array([False,  True])
    """
    return np.asarray(adulthood(born_on) <= as_of_date)


def eligible(
    history: History, question: Question, spine: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tell who of a spine can be scored, and give the others their reason.

    Parameters
    ----------
    spine : DataFrame
        `nominal_id` and `as_of_date`.

    Returns
    -------
    accepted : DataFrame
        `nominal_id`, `as_of_date` and `insufficient_history` (bool), in the spine's order.
    rejected : DataFrame
        `nominal_id`, `as_of_date` and `reason`, a key of `REASONS`.
    """
    spine = keyed(spine)
    known, born = history.born_on(spine)
    reason = np.full(len(spine), "", dtype=object)
    if isinstance(question.cohort, CohortRule):
        reason[~_in_cohort(history, question.cohort, spine)] = "outside_cohort"
    with np.errstate(invalid="ignore"):
        reason[~adult(born, dates(spine["as_of_date"]))] = "under_18"
    reason[np.isnat(born)] = "no_date_of_birth"
    reason[~known] = "unknown"
    accepted = spine[reason == ""].reset_index(drop=True)
    accepted["insufficient_history"] = _insufficient(history, question, accepted)
    rejected = spine[reason != ""].assign(reason=reason[reason != ""]).reset_index(drop=True)
    return accepted, rejected


def _insufficient(history: History, question: Question, spine: pd.DataFrame) -> np.ndarray:
    rule = question.abstain
    if rule == "never" or spine.empty:
        return np.zeros(len(spine), bool)
    count = Feature(rule.source, COUNT, "", "", ("", ""), windows=(EVER,)).columns()
    first = Feature(rule.source, FIRST, "", "", ("", "")).columns()
    found = history.matrix(spine, feature_set=FeatureSet((*count, *first)))
    few = found[count[0].name].to_numpy() < rule.fewer_than
    since = found[first[0].name].to_numpy()
    return few & ~(since >= rule.known_for_days)


def cohort(history: History, question: Question, as_of_dates: Sequence[date]) -> pd.DataFrame:
    """Return the spine of a question: everybody in its cohort on each of the dates.

    Raises
    ------
    TypeError
        For a question whose rows come with the records.
    """
    rule = question.cohort
    if not isinstance(rule, CohortRule):
        raise TypeError(f"question '{question.name}': its rows come with the records")
    bits = SOURCES[rule.source].bits(rule.of)
    people = history.people(rule.source, bits)
    spine = pd.DataFrame(
        {
            "nominal_id": np.repeat(people, len(as_of_dates)),
            "as_of_date": np.tile(dates(list(as_of_dates)), len(people)),
        }
    )
    accepted, _ = eligible(history, question, spine)
    return accepted[["nominal_id", "as_of_date"]]
