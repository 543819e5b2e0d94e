"""The rows of a study, from the records: eligible people, who was treated, what they were like.

Each row is one eligible person on one date. What they were like is their history as known on that
date; it is wider than what a score may use, since the task is to compare like with like.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.attributes import ATTRIBUTES, attributes
from features.cohort import adult, candidates, holds
from features.errors import PrecursorError
from features.history import History, dates
from features.labels import followed
from features.loads import Load
from features.matrix import running_since
from features.question import OutcomeRule
from features.rfg import HUNDREDTHS
from features.sources import SOURCES
from features.types import Floats, Progress
from training.study import STARTS, Study

FEWEST_TREATED = 50
_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True)
class Trial:
    """Who was compared, and what came of it.

    Attributes
    ----------
    people : ndarray of str, shape (rows,)
    at : ndarray of datetime64[D]
    treated : ndarray of bool
    X, before : ndarray, shape (rows, columns)
        What was known at time zero, and half a year earlier: finite and standardised.
    outcome, placebo, earlier : mapping of measure to ndarray
        What is counted after the window; what the intervention cannot touch; and the outcome in the
        half-year before time zero, which it cannot have touched either.
    eligible : int
        Rows before those were left out who had the intervention already.
    """

    people: npt.NDArray[Any]
    at: npt.NDArray[np.datetime64]
    treated: npt.NDArray[np.bool_]
    X: Floats
    before: Floats
    outcome: dict[str, Floats]
    placebo: dict[str, Floats]
    earlier: dict[str, Floats]
    eligible: int


EARLIER = 182
QUIET = 30
"""The half-year before time zero, less the days in which people become eligible."""


def trial(history: History, study: Study, progress: Progress | None = None) -> Trial:
    """Return the rows of a study.

    Raises
    ------
    PrecursorError
        Where the records are too short, nobody is eligible, or too few were treated or were not.
    """
    spine, eligible = _eligible(history, study)
    started = _starts(history.load, study)
    begun, treated = _treated(spine, started, study)
    spine, treated = spine[~begun].reset_index(drop=True), treated[~begun]
    fewest = min(treated.sum(), (~treated).sum()) if len(treated) else 0
    if fewest < FEWEST_TREATED:
        raise PrecursorError(
            f"study '{study.name}': of {len(spine):,} eligible rows {int(treated.sum()):,} started"
            f" within {study.window_days} days; both groups need {FEWEST_TREATED}",
            remedy="Load more years or more people, or widen who is eligible.",
            field="study",
        )
    counted = spine.assign(as_of_date=spine["as_of_date"] + pd.Timedelta(days=study.window_days))
    past = spine.assign(as_of_date=spine["as_of_date"] - pd.Timedelta(days=EARLIER))
    terms = (study.horizon_days, study.lag_days)
    return Trial(
        people=spine["nominal_id"].to_numpy(dtype=str),
        at=dates(spine["as_of_date"]),
        treated=treated,
        X=_like(history, spine, progress),
        before=_like(history, past, progress),
        outcome=_measured(history, study.outcome, counted, *terms),
        placebo=_measured(history, study.placebo, counted, *terms),
        earlier=_measured(history, study.outcome, past, EARLIER - QUIET, QUIET),
        eligible=eligible,
    )


def _eligible(history: History, study: Study) -> tuple[pd.DataFrame, int]:
    load = history.load
    matures = study.window_days + study.horizon_days + study.lag_days
    last = np.datetime64(load.data_to + timedelta(days=1)) - matures * _DAY
    begun = np.datetime64(running_since(history.compiled.known(), load))
    first = begun + max(study.history_days, EARLIER) * _DAY
    if last < first:
        raise PrecursorError(
            f"{load.path}: too short for study '{study.name}': from {begun} to {load.data_to} there"
            f" is no date with {study.history_days} days before it and {matures} after it",
            remedy="Load more years, or shorten the study's horizon, lag or history_days.",
        )
    rows = _on_dates if study.time_zero == "dates" else _after_events
    spine = rows(history, study, first, last)
    for rule in study.eligible:
        spine = spine[holds(history, rule, spine)].reset_index(drop=True)
    _, born = history.born_on(spine)
    with np.errstate(invalid="ignore"):
        grown = adult(born, dates(spine["as_of_date"]))
    # under an id that was merged away meanwhile, what followed is on record under another one
    arrived = spine["as_of_date"] + pd.Timedelta(days=matures)
    standing, _ = history.born_on(spine.assign(as_of_date=arrived))
    spine = spine[grown & standing].sort_values(["nominal_id", "as_of_date"], kind="stable")
    return spine.reset_index(drop=True), len(spine)


def _on_dates(
    history: History, study: Study, first: np.datetime64, last: np.datetime64
) -> pd.DataFrame:
    """Return everybody who may ever be eligible on every regular date."""
    at = np.arange(last, first - _DAY, -study.every_days * _DAY)[::-1]
    people = candidates(history, study.eligible[0])
    return pd.DataFrame(
        {"nominal_id": np.repeat(people, len(at)), "as_of_date": np.tile(at, len(people))}
    )


def _after_events(
    history: History, study: Study, first: np.datetime64, last: np.datetime64
) -> pd.DataFrame:
    """Return each person on the days after an event that may make them eligible became known."""
    rule, compiled = study.eligible[0], history.compiled
    bits = SOURCES[rule.source].bits(rule.of)
    found = compiled.events(compiled.having(rule.source, bits), (rule.source,), ())[rule.source]
    found = found.take(np.flatnonzero((found.marks & bits) == bits))
    at = found.dates.known_on.astype("datetime64[D]") + _DAY
    within = (at >= first) & (at <= last)
    ids = np.asarray(compiled.ids)[found.person[within]]
    spine = pd.DataFrame({"nominal_id": ids, "as_of_date": at[within].astype("datetime64[s]")})
    return spine.drop_duplicates(ignore_index=True)


def _starts(load: Load, study: Study) -> pd.DataFrame:
    """Return who started when, by all that is known today: it says who was treated."""
    event, column = STARTS[study.treatment.table]
    table = load.connect().table(study.treatment.table)
    rows = table.filter(table.event == event, table.superseded_on.isnull())
    rows = rows.filter(rows.occurred_on.notnull())
    if study.treatment.kinds:
        rows = rows.filter(rows[column].isin(list(study.treatment.kinds)))
    found: pd.DataFrame = rows.select("nominal_id", start=rows.occurred_on).to_pandas()
    return found


def _treated(
    spine: pd.DataFrame, started: pd.DataFrame, study: Study
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return who had the intervention before, and who starts it within the window.

    Rows must be sorted by person and date.
    """
    number = pd.Index(spine["nominal_id"].unique())
    owner = number.get_indexer(pd.Index(started["nominal_id"]))
    days = dates(started["start"]).astype(np.int64)[owner >= 0] if len(started) else np.zeros(0)
    stride = 1 << 24
    starts = np.sort(owner[owner >= 0] * stride + days)
    at = dates(spine["as_of_date"]).astype(np.int64)
    row = number.get_indexer(pd.Index(spine["nominal_id"])) * stride + at
    first, last = (np.searchsorted(starts, row + d) for d in (-study.washout_days, 0))
    closes = row + study.window_days
    if study.time_zero == "events":
        # what starts after a further such event answers that one, whose row it then treats
        closes[:-1] = np.minimum(closes[:-1], row[1:])
    until = np.searchsorted(starts, closes)
    return last > first, until > last


def _like(history: History, spine: pd.DataFrame, progress: Progress | None) -> Floats:
    """Return what people were like: history, sex, ethnicity, age band and date, standardised."""
    columns = history.feature_set
    found = history.matrix(spine, feature_set=columns, progress=progress)
    values = found[columns.names].to_numpy(np.float64)
    empty = np.isnan(values)
    values = np.sign(values) * np.log1p(np.abs(values))
    middle = np.nanmean(np.where(empty.all(axis=0), 0.0, values), axis=0)
    values = np.where(empty, middle, values)
    told = pd.get_dummies(attributes(history.load, spine)[list(ATTRIBUTES)], dtype=np.float64)
    at = dates(spine["as_of_date"]).astype(np.int64)[:, None] / 365.25
    together = np.hstack([values, empty.astype(np.float64), told.to_numpy(), at])
    spread = together.std(axis=0)
    kept = spread > 1e-9
    return np.asarray((together[:, kept] - together[:, kept].mean(axis=0)) / spread[kept])


def _measured(
    history: History, rule: OutcomeRule, spine: pd.DataFrame, horizon: int, lag: int
) -> dict[str, Floats]:
    """Return how often, whether at all, and with how many days of harm an outcome followed."""
    count, harm = followed(history, rule.source, rule.of, spine, horizon, lag)
    return {"count": count, "any": (count > 0).astype(np.float64), "harm": harm / HUNDREDTHS}
