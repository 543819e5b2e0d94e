"""The one way to a score: the same steps for one person asked for online and for a whole force.

Who may be scored, their history as known on the date, the model's contract, exact contributions,
the sum checked, interval, band and reasons. What is done for many rows is done in columns, so that
a batch asks the records once, not once a person.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.cohort import Rules
from features.declare import FeatureSet
from features.errors import PrecursorError
from features.history import History, dates
from features.trail import Past, behind
from features.visible import NEVER, days
from models.explanation import group_contributions
from models.risk_model import TOLERANCE, RiskModel
from models.words import Reason
from models.words import reasons as reasons_in_words
from serving.ledger import new_score_id

Progress = Callable[[int, int], None]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Score:
    """One person's score as it leaves, and the inputs it was computed from.

    `probability`, `interval`, `band`, `base` and `raw` are None where the history is insufficient.
    Contributions and `raw` are in log-odds; `inputs` maps feature names to values (None: empty).
    """

    score_id: str
    question: str
    nominal_id: str
    as_of_date: date
    horizon_days: int
    expires_on: date
    stage: str
    model: Mapping[str, Any]
    load: Mapping[str, Any]
    insufficient_history: bool = False
    probability: float | None = None
    interval: Mapping[str, float] | None = None
    band: str | None = None
    base: float | None = None
    raw: float | None = None
    groups: Mapping[str, float] = field(default_factory=dict)
    reasons: Sequence[Mapping[str, Any]] = ()
    inputs: Mapping[str, float | None] = field(default_factory=dict)

    def answer(self) -> dict[str, Any]:
        """Return the score as JSON-ready data, in the shape of the API's answers."""
        return {
            "score_id": self.score_id,
            "question": self.question,
            "nominal_id": self.nominal_id,
            "as_of_date": self.as_of_date.isoformat(),
            "probability": self.probability,
            "interval": None if self.interval is None else dict(self.interval),
            "band": self.band,
            "horizon_days": self.horizon_days,
            "insufficient_history": self.insufficient_history,
            "reasons": [dict(reason) for reason in self.reasons],
            "groups": dict(self.groups),
            "base": self.base,
            "raw": self.raw,
            "model": dict(self.model),
            "load": dict(self.load),
            "expires_on": self.expires_on.isoformat(),
        }

    def payload(self) -> dict[str, Any]:
        """Return what the ledger keeps: the answer, the question's stage, inputs for a replay."""
        return {**self.answer(), "stage": self.stage, "inputs": dict(self.inputs)}


@dataclass(frozen=True, slots=True)
class Rejected:
    """A person who may not be scored, and why: a key of `features.cohort.REASONS`."""

    nominal_id: str
    as_of_date: date
    reason: str

    def answer(self) -> dict[str, Any]:
        """Return the rejection as JSON-ready data."""
        return {
            "nominal_id": self.nominal_id,
            "as_of_date": self.as_of_date.isoformat(),
            "reason": self.reason,
        }


def score_people(
    model: RiskModel,
    version: int,
    history: History,
    spine: pd.DataFrame,
    *,
    reasons: bool = True,
    records: bool = False,
    progress: Progress | None = None,
) -> tuple[list[Score], list[Rejected]]:
    """Score everybody on a spine, or say why not.

    Parameters
    ----------
    model : RiskModel
    version : int
        The model's version in the registry; each score names it.
    history : History
        The records' history; whoever opens it has compared its features with the model's.
    spine : DataFrame
        `nominal_id` and `as_of_date`.
    reasons : bool
        Put contributions into words.
    records : bool
        List the records behind each reason; one more query for the whole spine.
    progress : callable, optional
        Called with (people done, people in all).

    Returns
    -------
    scores : list of Score
        In the spine's order; people with insufficient history are in it, without a number.
    rejected : list of Rejected
        Also in the spine's order.

    Raises
    ------
    PrecursorError
        Where an input breaks the model's contract, or contributions do not add up to a score.
    """
    return score_rows(
        model,
        version,
        history,
        spine["nominal_id"].to_numpy(object),
        days(dates(spine["as_of_date"]), NEVER),
        reasons=reasons,
        records=records,
        progress=progress,
    )


def score_rows(
    model: RiskModel,
    version: int,
    history: History,
    nominal_ids: Sequence[str] | npt.NDArray[Any],
    at: npt.NDArray[np.int64],
    *,
    reasons: bool = True,
    records: bool = False,
    progress: Progress | None = None,
) -> tuple[list[Score], list[Rejected]]:
    """Do what :func:`score_people` does, from ids and as-of dates in days from 1970.

    One pass over the history gives the model's columns and those that the question's rules about
    whom to score need; no frame stands between, which for one person would cost more than the rest.
    """
    asked = _asked(model)
    subjects = history.asked(nominal_ids, at)
    found = history.dense(subjects, asked.columns)
    judged = asked.rules.judged(subjects, asked.of_rules(found))
    enough = np.flatnonzero((judged.reason == "") & ~judged.insufficient)
    inputs = model.checked(np.ascontiguousarray(found[enough, : asked.inputs]))
    dates_asked = [_day(number) for number in at.tolist()]
    figures = iter(
        _scored(
            model,
            inputs,
            [dates_asked[row] for row in enough.tolist()],
            reasons=reasons,
            progress=progress,
        )
    )
    said = _common(model, version, history)
    scores, rejected = [], []
    rows = zip(nominal_ids, dates_asked, judged.reason, judged.insufficient.tolist(), strict=True)
    for nominal_id, day, reason, lacking in rows:
        if reason:
            rejected.append(Rejected(str(nominal_id), day, reason))
            continue
        scores.append(
            Score(
                score_id=new_score_id(),
                nominal_id=str(nominal_id),
                as_of_date=day,
                expires_on=day + timedelta(days=model.question.expires_after_days),
                insufficient_history=lacking,
                **said,
                **({} if lacking else next(figures)),
            )
        )
    if records and reasons:
        return with_records(history, scores), rejected
    return scores, rejected


@dataclass(frozen=True)
class _Asked:
    """What is asked of a history for one model: its own columns, and its question's rules' after.

    `inputs` is how many columns are the model's; `places` where the columns of the rules stand.
    """

    columns: FeatureSet
    inputs: int
    rules: Rules
    places: Mapping[str, int]

    def of_rules(self, found: Floats) -> dict[str, Floats]:
        """Return the columns of the rules among those that were found."""
        return {name: found[:, place] for name, place in self.places.items()}


@lru_cache(maxsize=16)
def _asked(model: RiskModel) -> _Asked:
    own, rules = model.feature_set, Rules(model.question)
    known = set(own.names)
    more = tuple(column for column in rules.columns.columns if column.name not in known)
    columns = FeatureSet((*own.columns, *more), own.definitions)
    places = {name: place for place, name in enumerate(columns.names)}
    return _Asked(
        columns, len(own.columns), rules, {name: places[name] for name in rules.columns.names}
    )


def _common(model: RiskModel, version: int, history: History) -> dict[str, Any]:
    """What all scores of one call have in common."""
    load = history.load
    return {
        "question": model.question.name,
        "horizon_days": model.question.horizon_days,
        "stage": model.question.stage,
        "model": {
            "name": model.question.name,
            "version": str(version),
            "sha256": model.sha256,
            "synthetic": model.synthetic or load.synthetic,
        },
        "load": {
            "number": load.number,
            "data_to": load.data_to.isoformat(),
            "fingerprint": load.fingerprint,
        },
    }


def _scored(
    model: RiskModel,
    inputs: Floats,
    at: Sequence[date],
    *,
    reasons: bool,
    progress: Progress | None,
) -> list[dict[str, Any]]:
    """Return the fields of each row's score, from inputs that were checked."""
    if not len(inputs):
        return []
    found = computed(model, inputs)
    names = model.feature_set.names
    results = []
    for row, day in enumerate(at):
        said = (
            reasons_in_words(model, inputs[row], found.contributions[row], as_of_date=day)
            if reasons
            else []
        )
        results.append(
            {
                "probability": float(found.probability[row]),
                "interval": {
                    "low": float(found.low[row]),
                    "high": float(found.high[row]),
                    "level": model.interval.level,
                },
                "band": model.question.band(float(found.probability[row])),
                "base": found.base,
                "raw": float(found.raw[row]),
                "groups": found.by_group(row),
                "reasons": [_reason(reason) for reason in said],
                "inputs": stored(names, inputs[row]),
            }
        )
        if progress is not None and (row % 1_000 == 999 or row + 1 == len(at)):
            progress(row + 1, len(at))
    return results


@dataclass(frozen=True)
class Computed:
    """The figures of many rows at once; `groups` has one column for each name in `group_names`."""

    base: float
    raw: Floats
    probability: Floats
    low: Floats
    high: Floats
    contributions: Floats
    groups: Floats
    group_names: tuple[str, ...]

    def by_group(self, row: int) -> dict[str, float]:
        """Return one row's contribution of every group by name."""
        return dict(zip(self.group_names, self.groups[row].tolist(), strict=True))


def computed(model: RiskModel, inputs: Floats) -> Computed:
    """Compute every figure of a score from checked inputs, and assert that the groups add up.

    Parameters
    ----------
    inputs : ndarray, shape (rows, columns)
        As `RiskModel.check` returns it, or as a ledger stored it.

    Raises
    ------
    PrecursorError
        Where base and groups miss the log-odds by 1e-9 or more; no such score may leave.
    """
    base, contributions = model.contributions(inputs)
    raw = model.log_odds(inputs)
    groups = group_contributions(model.feature_set, contributions)
    total = np.full(len(raw), base)
    for position in range(groups.shape[1]):
        total += groups[:, position]
    if not bool((np.abs(total - raw) < TOLERANCE).all()):
        raise PrecursorError(
            f"question '{model.question.name}': groups miss a score's log-odds by"
            f" {np.abs(total - raw).max():.3g}",
            remedy="Do not use this model; train it again and report the fault.",
            code="reasons_do_not_add_up",
        )
    probability = model.probability(inputs)
    low, high = model.interval_for(probability)
    return Computed(
        base, raw, probability, low, high, contributions, groups, tuple(model.feature_set.groups)
    )


def stored(names: Sequence[str], row: Floats) -> dict[str, float | None]:
    """Return a row of inputs by name, None where empty, as the ledger keeps it.

    Examples
    --------
    >>> stored(["a", "b"], np.array([2.0, np.nan]))
    {'a': 2.0, 'b': None}
    """
    values: list[float] = row.tolist()
    return {
        name: None if math.isnan(value) else value
        for name, value in zip(names, values, strict=True)
    }


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


def _reason(reason: Reason) -> dict[str, Any]:
    return {**reason.data(), "records": []}


_EPOCH = date(1970, 1, 1).toordinal()


def _day(number: int) -> date:
    return date.fromordinal(_EPOCH + number)


def _number(day: date) -> int:
    return day.toordinal() - _EPOCH
