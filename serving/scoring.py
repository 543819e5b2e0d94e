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
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.cohort import eligible
from features.errors import PrecursorError
from features.history import History
from features.trail import behind
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
    accepted, refused = eligible(history, model.question, spine)
    rejected = [
        Rejected(str(row.nominal_id), _day(row.as_of_date), str(row.reason))
        for row in refused.itertuples()
    ]
    few = accepted["insufficient_history"].to_numpy(bool)
    enough = accepted[~few].reset_index(drop=True)
    found = iter(_scored(model, history, enough, reasons=reasons, progress=progress))
    said = _common(model, version, history)
    scores = []
    for row, lacking in zip(accepted.itertuples(), few, strict=True):
        at = _day(row.as_of_date)
        scores.append(
            Score(
                score_id=new_score_id(),
                nominal_id=str(row.nominal_id),
                as_of_date=at,
                expires_on=at + timedelta(days=model.question.expires_after_days),
                insufficient_history=bool(lacking),
                **said,
                **({} if lacking else next(found)),
            )
        )
    if records and reasons:
        return with_records(history, scores), rejected
    return scores, rejected


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
    history: History,
    spine: pd.DataFrame,
    *,
    reasons: bool,
    progress: Progress | None,
) -> list[dict[str, Any]]:
    """Return the fields of each row's score; rows are numbered as in the spine."""
    if spine.empty:
        return []
    frame = history.matrix(spine, feature_set=model.feature_set)
    inputs = model.check(frame)  # computed from the model's own feature set
    found = computed(model, inputs)
    names = model.feature_set.names
    days = pd.to_datetime(spine["as_of_date"]).dt.date.to_list()
    results = []
    for row, at in enumerate(days):
        said = (
            reasons_in_words(model, inputs[row], found.contributions[row], as_of_date=at)
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
        if progress is not None and (row % 1_000 == 999 or row + 1 == len(days)):
            progress(row + 1, len(days))
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
    spine = pd.DataFrame(
        {
            "nominal_id": [score.nominal_id for score in told],
            "as_of_date": [score.as_of_date for score in told],
        }
    )
    pasts = iter(history.events_of(spine) if told else [])
    return [
        _with_records(history, score, next(pasts)) if score.reasons else score for score in scores
    ]


def _with_records(history: History, score: Score, events: pd.DataFrame) -> Score:
    reasons = [
        {**reason, "records": records_behind(history, reason["features"], events)}
        for reason in score.reasons
    ]
    return replace(score, reasons=reasons)


def records_behind(
    history: History, names: Sequence[str], events: pd.DataFrame
) -> list[dict[str, Any]]:
    """Return the records behind some features, each once, those of the first feature first.

    Parameters
    ----------
    events : DataFrame
        What `History.events` says of the person on the score's date.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for name in names:
        for record in behind(history.feature_set[name], events):
            found.setdefault((record["table"], record["record_id"]), record)
    return list(found.values())


def _reason(reason: Reason) -> dict[str, Any]:
    return {**reason.data(), "records": []}


def _day(value: Any) -> date:
    return pd.Timestamp(value).date()
