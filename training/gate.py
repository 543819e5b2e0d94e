"""The gate: each check that a model has to pass, what it found, and the limits.

A check never raises because a model is bad: it says what it found, so that all reasons are told at
once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from features.catalogue import catalogue
from features.errors import Conflict, NotFound, PrecursorError
from features.question import Provided
from models import registry
from models.contract import same_definitions
from models.registry import CHAMPION
from models.risk_model import RiskModel
from training.baselines import WORDS
from training.fairness import CAPACITY
from training.metrics import Figure

SLOPES = (0.8, 1.25)
RATES = (0.8, 1.25)
TOO_GOOD = 0.95
WORSE_BY = 0.02
MISSED_BY = 0.10
"""More of a group's outcomes missed at capacity than under the champion, beyond which it fails."""
CALIBRATION_BY = 1.10
"""A group's predicted outcomes for each recorded one, further from 1 than under the champion."""


@dataclass(frozen=True)
class Check:
    """One check of the gate: its name, whether it passed, and what was found."""

    name: str
    passed: bool
    found: str


def columns(model: RiskModel) -> Check:
    """Return whether every column is defined as in this release."""
    try:
        same_definitions(model.feature_set, catalogue(model.question.harm))
    except PrecursorError as different:
        return Check("columns", False, different.message)
    return Check("columns", True, "defined as in this release")


def baselines(model: RiskModel) -> list[Check]:
    """Return whether it ranks above each baseline beyond chance and is no worse at capacity."""
    differences = model.training["evaluation"]["differences"]
    found = []
    for name, by_metric in _by_name(differences):
        if name == CHAMPION:  # it is asked for itself: no worse will do
            continue
        low = by_metric["auc"]["low"]
        words = f"AUC differs from {WORDS[name]} by {_shown(by_metric['auc'])}"
        found.append(Check(f"beats {name}", bool(low is not None and low > 0), words))
        if name != "base_rate":
            found.append(_at_capacity(f"{name} at capacity", WORDS[name], by_metric))
    return found or [Check("baselines", False, "no baseline could be fitted beside it")]


def _at_capacity(name: str, rival: str, by_metric: Mapping[str, Mapping[str, Any]]) -> Check:
    """Not worse where the list ends: neither beyond chance nor by more than is tolerated."""
    gap = by_metric["recall"]
    known = gap["value"] is not None and gap["high"] is not None
    passed = bool(known and gap["high"] >= 0 and gap["value"] > -WORSE_BY)
    words = f"share of outcomes on the list differs from {rival} by {_shown(gap)}"
    return Check(name, passed, words)


def calibrated(model: RiskModel) -> Check:
    """Return whether predicted and recorded agree on test people it was not calibrated on."""
    found = model.training["calibration"]["by_halves"]
    if found is None:
        return Check("calibration", False, "too few outcomes in the test part to judge calibration")
    ratio = found["expected"] / found["observed"]
    passed = SLOPES[0] <= found["slope"] <= SLOPES[1] and RATES[0] <= ratio <= RATES[1]
    return Check(
        "calibration",
        passed,
        f"calibration slope {found['slope']:.2f}, predicted {found['expected']:.1%} against"
        f" recorded {found['observed']:.1%}, by halves of the test people",
    )


def plausible(model: RiskModel) -> Check:
    """Return whether the ranking is not too good to be true."""
    auc = model.training["evaluation"]["figures"]["model"]["auc"]["value"]
    return Check(
        "plausible",
        auc < TOO_GOOD,
        f"AUC {auc:.3f}"
        + ("" if auc < TOO_GOOD else ": too good to be true; look for what leaked"),
    )


def champion_kept_up_with(model: RiskModel, question: str, number: int) -> list[Check]:
    """Return whether it is no worse than the champion, in all and for each group of people."""
    name = "not worse than the champion"
    try:
        champion, _ = registry.fetch(question, number)
    except (Conflict, NotFound) as unreadable:
        # it must not stand in the way of its own successor, nor go unsaid
        return [Check(name, False, f"champion {number} cannot be read: {unreadable.message}")]
    groups = _groups_kept_up_with(model, champion, number)
    paired = model.training["evaluation"]["differences"].get(CHAMPION)
    if paired is not None:
        return [_at_capacity(name, f"champion {number}", paired), *groups]
    own, other = (m.training["evaluation"]["figures"]["model"]["auc"] for m in (model, champion))
    same = ("matrix_fingerprint", "split")
    if any(model.training[key] != champion.training[key] for key in same):
        words = f"champion {number} was judged on other rows: not comparable"
        return [Check(name, True, words), *groups]
    gap = own["value"] - other["value"]
    words = f"AUC differs from champion {number} by {gap:+.3f}"
    return [Check(name, gap > -WORSE_BY, words), *groups]


def _groups_kept_up_with(model: RiskModel, champion: RiskModel, number: int) -> list[Check]:
    """Whether any group of people fares worse than under the champion by more than its limit."""
    name = "no group worse off"
    own, other = (m.training.get("fairness") for m in (model, champion))
    if other is None:
        return [Check(name, True, f"champion {number} was not audited: nothing to compare")]
    if own is None:
        return [Check(name, False, f"not audited by group, and champion {number} was")]
    before = {_who(group): group for table in other["tables"].values() for group in table}
    worse = []
    for group in (group for _, table in _by_name(own["tables"]) for group in table):
        old = before.get(_who(group))
        if old is not None:
            worse += [f"{', '.join(_who(group))}: {words}" for words in _worsened(group, old)]
    return [Check(name, not worse, "; ".join(worse) or "within the limits for every group shown")]


def _who(group: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(f"{name} {value}" for name, value in _by_name(group["who"]))


def _by_name(said: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return entries in a manifest's order: what was just trained is judged as if read again."""
    return sorted(said.items())


def _worsened(group: Mapping[str, Any], old: Mapping[str, Any]) -> list[str]:
    """What became worse for a group beyond chance and beyond its limit, in words."""
    found = []
    missed, before = (g["at"][CAPACITY]["miss_rate"] for g in (group, old))
    worse = missed and before and missed["value"] - before["value"] > MISSED_BY
    if worse and missed["low"] is not None and missed["low"] > before["value"]:
        words = f"{missed['value']:.0%} of outcomes missed at capacity, {before['value']:.0%}"
        found.append(f"{words} by the champion")
    now, then = (g["calibration"] for g in (group, old))
    if now and then and min(now["value"], then["value"]) > 0:
        distance, was = abs(math.log(now["value"])), abs(math.log(then["value"]))
        ends = [now["low"], now["high"]]
        sure = None not in ends and not ends[0] <= 1 <= ends[1]
        if sure and distance - was > math.log(CALIBRATION_BY):
            found.append(
                f"{now['value']:.2f} outcomes predicted for each one recorded, {then['value']:.2f}"
                " by the champion"
            )
    return found


def proved(model: RiskModel) -> Check:
    """Return whether the leakage proof was made and passed."""
    name, found = "leakage proof", model.training.get("leakage")
    if found is not None:
        words = (
            f"{found['rows']:,} histories of {found['as_of_date']} are the same without what was"
            " known later"
            if found["passed"]
            else f"histories change with what was known later: {', '.join(found['differ'][:5])}"
            if found["differ"]
            else f"nothing could be compared on {found['as_of_date']}"
        )
        return Check(name, bool(found["passed"]), words)
    if isinstance(model.question.cohort, Provided):
        return Check(name, True, "rows and labels came from elsewhere: nothing to recompile here")
    words = "no proof was made: train from the records, or name them with --audit beside --matrix"
    return Check(name, False, words)


def fresh(model: RiskModel, today: date) -> Check:
    """Return whether the records are fresh by the question's clock.

    By the clock of the records today is the day after they end.
    """
    name, upto = "fresh data", model.training["load"].get("data_to")
    if model.question.clock == "records":
        return Check(name, True, f"by the clock of the records, which end on {upto}")
    if upto is None:
        return Check(name, False, "nobody knows when the records end")
    age = (today - date.fromisoformat(upto)).days
    most = model.question.expires_after_days
    return Check(name, 0 <= age <= most, f"records end on {upto}, {age} days ago; at most {most}")


def _shown(figure: Mapping[str, float | None]) -> str:
    if any(value is None for value in figure.values()):
        return "an unknown amount"
    return str(Figure.from_data(figure))
