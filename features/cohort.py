"""Who is scored: a question's cohort on given dates, and why somebody asked for is not scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from features.adult import adulthood
from features.declare import COUNT, EVER, FIRST, Feature, FeatureSet, Measure
from features.history import History, dates, keyed
from features.question import CohortRule, Question, SubCohort, Without
from features.sources import SOURCES
from features.subjects import Subjects
from features.visible import NEVER, Array

REASONS = {
    "unknown": "Not in the records as known on that date.",
    "no_date_of_birth": "No date of birth on record, so it cannot be told whether they are adult.",
    "under_18": "Under 18 on that date; nobody under 18 is scored.",
    "outside_cohort": "Outside the question's cohort on that date.",
}
"""Why a person is rejected, by code."""


class Rules:
    """A question's rules about whom it scores, as columns and what to make of them.

    Membership and abstention are counts of the compiler, so they see time exactly as a feature
    does; whoever computes a matrix anyway computes them in the same pass.

    Attributes
    ----------
    columns : FeatureSet
    """

    def __init__(self, question: Question) -> None:
        self._question = question
        wanted: list[Feature] = []
        if isinstance(question.cohort, CohortRule):
            wanted += _counted_for(question.cohort)
        if question.abstain != "never":
            wanted.append(_rule(question.abstain.source, COUNT, windows=(EVER,)))
            wanted.append(_rule(question.abstain.source, FIRST))
        columns = [feature.columns()[0] for feature in wanted]
        self.columns = FeatureSet(tuple({column.name: column for column in columns}.values()))
        self._names = [column.name for column in columns]

    def judged(self, subjects: Subjects, values: Mapping[str, Array]) -> Judged:
        """Return what the rules say of each row, given the columns in the spine's order."""
        reason = np.full(len(subjects.rows), "", dtype=object)
        names = iter(self._names)
        if isinstance(self._question.cohort, CohortRule):
            counts = [values[next(names)] for _ in _counted_for(self._question.cohort)]
            reason[~_holding(counts)] = "outside_cohort"
        young = subjects.rows.at < subjects.adult_on[subjects.rows.subject]
        reason[subjects.order[young]] = "under_18"
        reason[subjects.order[subjects.born_on == NEVER]] = "no_date_of_birth"
        reason[subjects.order[~subjects.known]] = "unknown"
        few = np.zeros(len(reason), bool)
        if self._question.abstain != "never":
            few = values[next(names)] < self._question.abstain.fewer_than
            few &= ~(values[next(names)] >= self._question.abstain.known_for_days)
        return Judged(reason, few & (reason == ""))


@dataclass(frozen=True)
class Judged:
    """What a question's rules say of each row.

    Attributes
    ----------
    reason : ndarray of str
        Why a row is rejected, a key of `REASONS`; empty where it is not.
    insufficient : ndarray of bool
        Who is in the cohort and gets no number.
    """

    reason: Array
    insufficient: Array

    @property
    def accepted(self) -> Array:
        """Who is in the cohort, with or without a number."""
        return np.asarray(self.reason == "")

    @property
    def numbered(self) -> Array:
        """Who gets a number: who is in the cohort with enough history."""
        return np.asarray(self.accepted & ~self.insufficient)


def _rule(source: str, measure: Measure, **more: Any) -> Feature:
    return Feature(source, measure, "", "", ("", ""), **more)


def _counted(rule: CohortRule | Without | SubCohort, also: tuple[str, ...] = ()) -> Feature:
    """Return what counts a rule's events, or those of its episodes that still last."""
    measure = COUNT if rule.until is None else Measure("standing", rule.until)
    return _rule(rule.source, measure, of=("+".join((*rule.of, *also)),), windows=(rule.window,))


def _counted_for(rule: CohortRule) -> list[Feature]:
    """Return what a rule counts: its own events first, then those it is without."""
    return [_counted(rule), *(_counted(other) for other in rule.without)]


def _holding(counts: Sequence[Array]) -> Array:
    """Return where a rule holds, given its counts in order: some of its own, none of the others."""
    own, *others = counts
    return np.asarray((own > 0) & ~np.any([other > 0 for other in others], axis=0))


def holds(history: History, rule: CohortRule, spine: pd.DataFrame) -> Array:
    """Return for which rows of a spine a rule about whom to take holds, as known on their dates.

    Parameters
    ----------
    spine : DataFrame
        `nominal_id` and `as_of_date`.

    Returns
    -------
    ndarray of bool
        In the spine's order.
    """
    columns = [feature.columns()[0] for feature in _counted_for(rule)]
    distinct = FeatureSet(tuple({column.name: column for column in columns}.values()))
    counts = history.matrix(keyed(spine), feature_set=distinct)
    return _holding([counts[column.name].to_numpy() for column in columns])


def sub_cohorts(history: History, question: Question, spine: pd.DataFrame) -> pd.DataFrame:
    """Return which rows belong to each of a question's sub-cohorts; a row may belong to several.

    Returns
    -------
    DataFrame
        A bool column ``cohort_<name>`` for each, in the spine's order; none for a question
        without sub-cohorts.
    """
    spine = keyed(spine)
    found = {}
    for name, rule in question.sub_cohorts.items():
        wanted = [_counted(rule), *([_counted(rule, (rule.unless,))] if rule.unless else [])]
        columns = FeatureSet(tuple(feature.columns()[0] for feature in wanted))
        counts = history.matrix(spine, feature_set=columns)[columns.names].to_numpy()
        found[f"cohort_{name}"] = counts[:, 0] > counts[:, 1:].sum(axis=1)
    return pd.DataFrame(found, index=spine.index)


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
    spine, rules = keyed(spine), Rules(question)
    subjects = history.subjects(spine)
    found = history.dense(subjects, rules.columns)
    judged = rules.judged(subjects, dict(zip(rules.columns.names, found.T, strict=True)))
    kept = judged.accepted
    accepted = spine[kept].reset_index(drop=True)
    accepted["insufficient_history"] = judged.insufficient[kept]
    rejected = spine[~kept].assign(reason=judged.reason[~kept]).reset_index(drop=True)
    return accepted, rejected


def candidates(history: History, rule: CohortRule) -> Array:
    """Return everybody who may be in a cohort on some day: all others never are."""
    return history.people(rule.source, SOURCES[rule.source].bits(rule.of))


def cohort(history: History, question: Question, as_of_dates: Sequence[date]) -> pd.DataFrame:
    """Return the spine of a question: everybody in its cohort on each of the dates.

    Raises
    ------
    TypeError
        For a question whose rows come with the records.
    """
    return members(history, question, as_of_dates)[["nominal_id", "as_of_date"]]


def members(history: History, question: Question, as_of_dates: Sequence[date]) -> pd.DataFrame:
    """Return the same rows, each with whether the person gets a number.

    Returns
    -------
    DataFrame
        As the accepted rows of :func:`eligible`.

    Raises
    ------
    TypeError
        For a question whose rows come with the records.
    """
    if not isinstance(question.cohort, CohortRule):
        raise TypeError(f"question '{question.name}': its rows come with the records")
    people = candidates(history, question.cohort)
    spine = pd.DataFrame(
        {
            "nominal_id": np.repeat(people, len(as_of_dates)),
            "as_of_date": np.tile(dates(list(as_of_dates)), len(people)),
        }
    )
    accepted, _ = eligible(history, question, spine)
    return accepted
