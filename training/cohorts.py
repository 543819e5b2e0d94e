"""Parts of the cohort: whether each is calibrated, how often there is no answer, and for whom.

A sub-cohort whose outcomes are predicted too often or too seldom, beyond chance and by more than
the gate allows, should become a question of its own. Insufficient history gets no answer; an
unfamiliar history, with a value beyond anything in the training rows, is answered and counted,
since trees do not go on where their rows end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.declare import FeatureSet
from features.disclosure import FEWEST, suppressed
from features.question import Question
from features.types import Floats
from training.evaluation import Judged
from training.gate import RATES
from training.metrics import figure, person_samples
from training.splits import FEWEST_POSITIVES

PREFIX = "cohort_"

Mask = npt.NDArray[np.bool_]


def parts(frame: pd.DataFrame) -> dict[str, Mask]:
    """Return the sub-cohorts that a matrix tells, by name.

    Examples
    --------
    >>> parts(pd.DataFrame({"cohort_domestic": [True, False], "age": [30, 40]}))
    {'domestic': array([ True, False])}
    """
    return {
        str(name).removeprefix(PREFIX): frame[name].to_numpy(bool)
        for name in frame.columns
        if str(name).startswith(PREFIX)
    }


def calibrated(
    judged: Judged, probability: Floats, found: Mapping[str, Mask], *, draws: int, seed: int
) -> list[dict[str, Any]]:
    """Return each sub-cohort's predicted for each recorded outcome, and whether it fails.

    Examples
    --------
    >>> y = np.array([0, 1] * 100)
    >>> rows = Judged(y, np.arange(200).astype(str), capacity=5)
    >>> whole = {"domestic": np.ones(200, bool)}
    >>> calibrated(rows, np.full(200, 0.9), whole, draws=50, seed=0)[0]["fails"]
    True
    """
    weight = person_samples(judged.people, draws, seed)
    told = []
    for name, mask in found.items():
        at = np.flatnonzero(mask)
        people, positives = len(np.unique(judged.people[at])), int(judged.y[at].sum())
        entry: dict[str, Any] = {"name": name, "people": None, "rows": None, "positives": None}
        entry |= {"calibration": None, "fails": None}
        if people >= FEWEST:
            entry |= {"people": people, "rows": len(at)}
        if people >= FEWEST and positives >= FEWEST_POSITIVES:
            own = weight[:, at]
            with np.errstate(invalid="ignore", divide="ignore"):
                ratio = figure(own @ probability[at] / (own @ judged.y[at]))
            sure = not ratio.low <= 1 <= ratio.high
            fails = sure and not RATES[0] <= ratio.value <= RATES[1]
            entry |= {"positives": positives, "calibration": ratio.to_data(), "fails": bool(fails)}
        told.append(entry)
    return told


def insufficient(question: Question, X: Floats, feature_set: FeatureSet) -> Mask | None:
    """Return which rows would get no answer, or None where the columns do not tell."""
    rule = question.abstain
    if rule == "never":
        return np.zeros(len(X), dtype=bool)
    names = feature_set.names
    count, first = f"{rule.source}_n_ever", f"{rule.source}_first"
    if count not in names or first not in names:
        return None
    few = X[:, names.index(count)] < rule.fewer_than
    return np.asarray(few & ~(X[:, names.index(first)] >= rule.known_for_days))


def unfamiliar(train: Floats, X: Floats, used: npt.NDArray[np.int64]) -> Mask:
    """Return which rows have, in a column that trees use, a value beyond the training rows'.

    Examples
    --------
    >>> unfamiliar(np.array([[1.0], [2.0]]), np.array([[1.5], [3.0], [np.nan]]), np.array([0]))
    array([False,  True, False])
    """
    if not len(used) or not len(train):
        return np.zeros(len(X), dtype=bool)
    some = train[:, used]
    low = np.where(np.isnan(some), np.inf, some).min(axis=0)
    high = np.where(np.isnan(some), -np.inf, some).max(axis=0)
    with np.errstate(invalid="ignore"):
        return np.asarray(((X[:, used] < low) | (X[:, used] > high)).any(axis=1))


def abstained(
    without: Mask | None, strange: Mask, people: npt.NDArray[Any], protected: pd.DataFrame | None
) -> dict[str, Any]:
    """Return how often there is no answer or an unfamiliar history, in all and by group."""
    found: dict[str, Any] = {
        "insufficient": None if without is None else float(without.mean()),
        "unfamiliar": float(strange.mean()),
        "by_group": [],
    }
    if protected is None:
        return found
    for name in protected.columns:
        values = protected[name].astype("str").to_numpy()
        groups = pd.DataFrame({name: sorted(set(values))})
        members = [values == value for value in groups[name]]
        hidden = suppressed(groups, [len(np.unique(people[mask])) for mask in members])
        for value, mask, gone in zip(groups[name], members, hidden, strict=True):
            found["by_group"].append(
                {
                    "who": {str(name): value},
                    "insufficient": None
                    if gone or without is None
                    else float(without[mask].mean()),
                    "unfamiliar": None if gone else float(strange[mask].mean()),
                }
            )
    return found


def in_words(told: list[dict[str, Any]], rates: Mapping[str, Any]) -> list[str]:
    """Return sub-cohorts and abstention as lines to print.

    Examples
    --------
    >>> in_words([], {"insufficient": 0.1, "unfamiliar": 0.02, "by_group": []})
    ['No answer for insufficient history: 10.0% of the test rows. Unfamiliar, with a value beyond \
the training rows: 2.0%.']
    """
    lines = []
    for one in told:
        name = one["name"].replace("_", " ")
        if one["calibration"] is None:
            lines.append(f"Sub-cohort {name}: too few people or outcomes to be judged.")
            continue
        ratio = one["calibration"]
        line = (
            f"Sub-cohort {name}: {ratio['value']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})"
            f" outcomes predicted for each one recorded, {one['positives']:,} in {one['rows']:,}"
            " rows"
        )
        lines.append(line + ("; it should become a question of its own." if one["fails"] else "."))
    without = rates["insufficient"]
    said = "not told by these columns" if without is None else f"{without:.1%} of the test rows"
    lines.append(
        f"No answer for insufficient history: {said}. Unfamiliar, with a value beyond the training"
        f" rows: {rates['unfamiliar']:.1%}."
    )
    shown = [one for one in rates["by_group"] if one["insufficient"] is not None]
    if shown:
        each = ", ".join(
            f"{' '.join(one['who'].values())} {one['insufficient']:.0%} and {one['unfamiliar']:.0%}"
            for one in shown
        )
        lines.append(f"The same by group: {each}.")
    return lines
