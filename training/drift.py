"""Drift monitor: how a later period differs from what a model learned from, and what to do.

Population, features, scores, recorded rates, calibration and ranking are held against the shares
and rates that the model's training record keeps, for everybody and by group. A difference counts
when it is both large enough to matter and, after Holm's correction for all that is looked at,
more than chance; people, not rows, are counted as evidence, since one person's rows are alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import chi2, norm

from features.declare import FeatureColumn
from features.errors import PrecursorError
from features.types import Floats
from models.risk_model import RiskModel
from training.events import Event, between
from training.limits import LEVELS, LIMITS, Limits
from training.metrics import holm
from training.reference import (
    EVERYBODY,
    Rate,
    Shares,
    groups_of,
    members,
    outcomes,
    shares_of_groups,
)

SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class Check:
    """One comparison of a period with the training.

    Attributes
    ----------
    kind : str
        population, feature, score, label, calibration or ranking.
    name : str
        The attribute, column or group.
    value : float
        PSI for a distribution, a ratio for rates and sizes, a difference for the AUC.
    ks : float or None
        The largest gap between the two cumulated distributions.
    p : float
        Adjusted for all that was looked at.
    level : str
        One of `LEVELS`.
    words : str
    """

    kind: str
    name: str
    value: float
    ks: float | None
    p: float
    level: str
    words: str


@dataclass(frozen=True)
class Drift:
    """What the monitor found.

    Attributes
    ----------
    level : str
        The gravest level of any check.
    checks : tuple of Check
        All of them, the gravest first.
    growing : int
        Columns that look back without end and have spread out differently. They do so wherever
        records grow longer, drift or no drift, so they are counted here and judged nowhere.
    events : tuple of Event
        Known events between the training and the end of the period.
    rows, people, mature : int
        Of the period; mature rows are those whose outcome is known.
    since, until : date
    """

    level: str
    checks: tuple[Check, ...]
    growing: int
    events: tuple[Event, ...]
    rows: int
    people: int
    mature: int
    since: date
    until: date

    @property
    def found(self) -> tuple[Check, ...]:
        """The checks that are not stable."""
        return tuple(check for check in self.checks if check.level != LEVELS[0])

    def to_data(self) -> dict[str, Any]:
        """Return it as plain data; nothing in it is about one person."""
        return {
            "level": self.level,
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "rows": self.rows,
            "people": self.people,
            "mature_rows": self.mature,
            "growing": self.growing,
            "checks": [vars(check) for check in self.checks],
            "events": [event.to_data() for event in self.events],
        }


def monitor(
    model: RiskModel,
    frame: pd.DataFrame,
    protected: pd.DataFrame | None = None,
    events: Sequence[Event] = (),
    limits: Limits = LIMITS,
) -> Drift:
    """Hold the rows of a period against a model's training.

    Parameters
    ----------
    model : RiskModel
        Its training record holds the reference.
    frame : DataFrame
        `nominal_id`, `as_of_date`, `label` (empty where not mature), and the model's columns.
    protected : DataFrame, optional
        Who the people are, for the population and for figures by group.
    events : sequence of Event
    limits : Limits
        From which difference on something is watched, reviewed, and so on.

    Returns
    -------
    Drift

    Raises
    ------
    PrecursorError
        Where the model keeps no reference, or the period is empty.
    """
    kept = model.training.get("reference")
    if kept is None:
        raise PrecursorError(
            f"model of '{model.question.name}': its training record holds no reference to compare",
            remedy="Train it again with this release.",
        )
    if frame.empty:
        raise PrecursorError(
            f"drift of '{model.question.name}': nobody is in the cohort in this period",
            remedy="Name another period, or records that reach into it.",
        )
    frame = frame.reset_index(drop=True)
    told = None if protected is None else protected.reset_index(drop=True)
    people = frame["nominal_id"].to_numpy(dtype=str)
    dates = frame["as_of_date"].to_numpy().astype("datetime64[D]")
    scores = model.probability(model.check(frame))
    known = frame["label"].notna().to_numpy() if "label" in frame else np.zeros(len(frame), bool)
    number = len(np.unique(people))
    checks = _adjusted(
        [
            *_population(kept, told, people, dates, limits),
            *_features(model, kept, frame, number, limits, growing=False),
            *_features_by_group(model, kept, frame, people, told, limits),
            *_scores(kept, scores, people, told, limits),
            *_outcomes(kept, frame, scores, people, told, known, limits),
        ]
    )
    since, until = dates.min().astype(object), dates.max().astype(object)
    begun = date.fromisoformat(kept["from"])
    return Drift(
        level=max((c.level for c in checks), key=LEVELS.index, default=LEVELS[0]),
        checks=checks,
        growing=sum(
            check.level != LEVELS[0]
            for check in _features(model, kept, frame, number, limits, growing=True)
        ),
        events=between(events, begun, until),
        rows=len(frame),
        people=number,
        mature=int(known.sum()),
        since=since,
        until=until,
    )


def psi(before: npt.ArrayLike, now: npt.ArrayLike, people: tuple[float, float]) -> float:
    """Return the population stability index of two sets of shares; half a person stands for none.

    Examples
    --------
    >>> psi([0.5, 0.5], [0.5, 0.5], (100, 100)), round(psi([0.5, 0.5], [0.7, 0.3], (1e9, 1e9)), 3)
    (0.0, 0.169)
    """
    a, b = (
        np.maximum(np.asarray(shares, dtype=np.float64), 0.5 / number)
        for shares, number in zip((before, now), people, strict=True)
    )
    return float(((b - a) * np.log(b / a)).sum())


def chance(before: npt.ArrayLike, now: npt.ArrayLike, people: tuple[float, float]) -> float:
    """Return how likely shares so different are by chance, counting people (chi-squared).

    Examples
    --------
    >>> chance([0.5, 0.5], [0.5, 0.5], (100, 100))
    1.0
    """
    a, b = np.asarray(before, dtype=np.float64), np.asarray(now, dtype=np.float64)
    n, m = people
    pooled = (n * a + m * b) / (n + m)
    used = pooled * min(n, m) >= 1  # a bin of nobody says nothing
    if used.sum() < 2:
        return 1.0
    statistic = ((a - b)[used] ** 2 / pooled[used]).sum() / (1 / n + 1 / m)
    return float(chi2.sf(statistic, int(used.sum()) - 1))


def _spread(
    kind: str,
    name: str,
    words: str,
    before: Sequence[float],
    now: Sequence[float],
    people: tuple[float, float],
    limits: Limits,
) -> Check:
    value = psi(before, now, people)
    gap = float(np.abs(np.cumsum(before) - np.cumsum(now)).max())
    said = f"{words}: PSI {value:.2f}, largest cumulated gap {gap:.2f}"
    return Check(
        kind, name, value, gap, chance(before, now, people), limits.level("psi", value), said
    )


def _population(
    kept: Mapping[str, Any],
    told: pd.DataFrame | None,
    people: npt.NDArray[Any],
    dates: npt.NDArray[np.datetime64],
    limits: Limits,
) -> list[Check]:
    number = float(len(np.unique(people)))
    each = len(people) / len(np.unique(dates))
    ratio = each / kept["rows_a_date"]
    error = np.sqrt(1 / each + 1 / kept["rows_a_date"])
    found = [
        Check(
            "population",
            "size of the cohort",
            ratio,
            None,
            float(2 * norm.sf(abs(np.log(ratio)) / error)),
            limits.level("size", max(ratio, 1 / ratio)),
            f"people in the cohort on a date: {ratio:.2f} times as many as in training",
        )
    ]
    if told is None or kept["groups"] is None:
        return found
    for name, now in shares_of_groups(told).items():
        before = kept["groups"].get(name, {})
        values = sorted({*before, *now})
        then = [before.get(value, 0.0) for value in values]
        found_now = [now.get(value, 0.0) for value in values]
        words = f"people by {name.replace('_', ' ')}"
        both = (kept["people"], number)
        found.append(_spread("population", name, words, then, found_now, both, limits))
    return found


def _features(
    model: RiskModel,
    kept: Mapping[str, Any],
    frame: pd.DataFrame,
    people: int,
    limits: Limits,
    *,
    growing: bool,
) -> list[Check]:
    found = []
    for name, (edges, before) in kept["features"].items():
        if _grows(model.feature_set[name]) is not growing:
            continue
        now = Shares.of(frame[name].to_numpy(np.float64), edges).shares
        both = (kept["people"], people)
        found.append(_spread("feature", name, name, before, now, both, limits))
    return found


def _features_by_group(
    model: RiskModel,
    kept: Mapping[str, Any],
    frame: pd.DataFrame,
    people: npt.NDArray[Any],
    told: pd.DataFrame | None,
    limits: Limits,
) -> list[Check]:
    """The columns most used, within each sex and ethnicity of at least ten people then and now."""
    found = []
    before = kept.get("features_by_group", {})  # models of earlier releases keep none
    for group, at in groups_of(told, people).items():
        if group not in before:
            continue
        both = (before[group]["people"], float(len(np.unique(people[at]))))
        for name, (edges, then) in before[group]["features"].items():
            if _grows(model.feature_set[name]):
                continue
            now = Shares.of(frame[name].to_numpy(np.float64)[at], edges).shares
            found.append(_spread("feature", name, f"{name}, {group}", then, now, both, limits))
    return found


def _grows(column: FeatureColumn) -> bool:
    """Whether a column looks back without end, so that it grows as records grow longer."""
    return column.window is None and column.measure != "age"


def _scores(
    kept: Mapping[str, Any],
    scores: Floats,
    people: npt.NDArray[Any],
    told: pd.DataFrame | None,
    limits: Limits,
) -> list[Check]:
    found = []
    edges, before = kept["scores"]["edges"], kept["scores"]["shares"]
    for name, at in members(told, people).items():
        if name in before:
            now = Shares.of(scores[at], edges).shares
            number = (kept["judged_people"][name], float(len(np.unique(people[at]))))
            words = f"scores of {name}"
            found.append(_spread("score", name, words, before[name], now, number, limits))
    return found


_WORDS = {
    "label": "the outcome of {name} is recorded {ratio:.2f} times as often as in training",
    "calibration": "predicted for each recorded outcome of {name}: {ratio:.2f} times as many as in"
    " training",
}


def _outcomes(
    kept: Mapping[str, Any],
    frame: pd.DataFrame,
    scores: Floats,
    people: npt.NDArray[Any],
    told: pd.DataFrame | None,
    known: npt.NDArray[np.bool_],
    limits: Limits,
) -> list[Check]:
    if not known.any():
        return []
    y = frame.loc[known, "label"].to_numpy(np.int64)
    who = None if told is None else told[known].reset_index(drop=True)
    groups = members(who, people[known])
    found = []
    for name, rates in outcomes(y, scores[known], people[known], groups).items():
        for kind, now in rates.items():
            if kind not in kept["outcomes"].get(name, {}):
                continue
            before = Rate(*kept["outcomes"][name][kind])
            change = now.value - before.value
            p = float(2 * norm.sf(abs(change) / np.hypot(now.error, before.error)))
            if kind == "ranking":
                words = f"AUC {now.value:.3f}, in training {before.value:.3f}"
                level = limits.level("auc_lost", -change)
                found.append(Check(kind, name, change, None, p, level, words))
                continue
            ratio = float(np.exp(change))
            limit = "recorded" if kind == "label" else "calibration"
            limit += "" if kind == "label" or name == EVERYBODY else "_by_group"
            level = limits.level(limit, max(ratio, 1 / ratio))
            words = _WORDS[kind].format(name=name, ratio=ratio)
            found.append(Check(kind, name, ratio, None, p, level, words))
    return found


def _adjusted(checks: Sequence[Check]) -> tuple[Check, ...]:
    """Holm's correction over all checks; what may be chance is stable, however large."""
    ordered = sorted(checks, key=lambda check: check.p)
    done = [
        replace(check, p=p, level=check.level if p < SIGNIFICANCE else LEVELS[0])
        for check, p in zip(ordered, holm([check.p for check in ordered]).tolist(), strict=True)
    ]
    return tuple(sorted(done, key=lambda check: -LEVELS.index(check.level)))
