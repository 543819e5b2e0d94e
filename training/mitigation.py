"""What could be done about a gap between groups, and what each remedy would cost. None is applied.

Each option changes who is listed, at the same capacity, on the rows the model was judged on. Who
people are is used here to measure; to act on it would treat people differently by a protected
characteristic, which needs a lawful basis and a decision that the ledger records. Applying one is
therefore a change of the question made in the open, never a default.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import logit

from features.attributes import UNKNOWN
from features.disclosure import FEWEST
from features.types import Floats
from models import calibration
from training.evaluation import Judged
from training.fairness import listed
from training.metrics import Figure, figure, person_samples
from training.splits import FEWEST_POSITIVES, folds

AS_IT_IS = "as it is"
STEPS = 40
REST = "all others"

OPTIONS = {
    AS_IT_IS: "one list by the score",
    "calibrated by group": "each group's scores moved to its own recorded rate (learnt on the"
    " other half of the people), then one list",
    "equal shares found": "so many places for each group that the same share of its predicted"
    " outcomes is listed",
    "equal selection": "places by each group's share of the cohort",
}
"""What is measured, in words."""


Places = Callable[[Sequence[npt.NDArray[np.int64]], Floats, int], list[float]]


@dataclass(frozen=True)
class Option:
    """One option for one attribute.

    Attributes
    ----------
    attribute, name : str
    recall : Figure
        Share of outcomes on the list.
    cost : Figure
        Recall lost against the list as it is; below zero it is a gain.
    missed, selected : float
        The largest difference between two groups in outcomes missed and in people selected.
    """

    attribute: str
    name: str
    recall: Figure
    cost: Figure
    missed: float
    selected: float

    def to_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "attribute": self.attribute,
            "option": self.name,
            "words": OPTIONS[self.name],
            "recall": self.recall.to_data(),
            "cost": self.cost.to_data(),
            "largest_gap_missed": self.missed,
            "largest_gap_selected": self.selected,
        }


def options(
    judged: Judged,
    probability: Floats,
    protected: pd.DataFrame,
    *,
    draws: int = 200,
    seed: int = 0,
) -> list[Option]:
    """Measure every option for every attribute.

    Parameters
    ----------
    judged : Judged
    probability : ndarray, shape (rows,)
        What people are told.
    protected : DataFrame, shape (rows, attributes)
    draws, seed : int
        Samples of people for intervals, with the lists held as they are.

    Returns
    -------
    list of Option
        None for an attribute with fewer than two groups that have enough outcomes.
    """
    weight = person_samples(judged.people, draws, seed)
    y = judged.y.astype(np.float64)
    found = []
    for name in protected.columns:
        group = _groups(protected[name], judged)
        if len(np.unique(group)) < 2:
            continue
        flags = {
            AS_IT_IS: listed(judged, probability),
            "calibrated by group": listed(judged, _calibrated(judged, probability, group)),
            "equal shares found": _placed(judged, probability, group, _found),
            "equal selection": _placed(judged, probability, group, _selected),
        }
        recorded = weight @ y
        base = weight @ (flags[AS_IT_IS] * y) / recorded
        for option, flag in flags.items():
            recall = weight @ (flag * y) / recorded
            found.append(
                Option(
                    attribute=str(name),
                    name=option,
                    recall=figure(recall),
                    cost=figure(base - recall),
                    missed=_gap((1 - flag) * y, y, group),
                    selected=_gap(flag, np.ones_like(y), group),
                )
            )
    return found


def _groups(attribute: pd.Series, judged: Judged) -> npt.NDArray[Any]:
    """Return each row's group; those with too few people or outcomes are put together."""
    group = attribute.fillna(UNKNOWN).astype("str").to_numpy(dtype=object)
    for one in np.unique(group):
        at = group == one
        few = len(np.unique(judged.people[at])) < FEWEST or judged.y[at].sum() < FEWEST_POSITIVES
        group[at] = REST if few else one
    rest = group == REST
    if rest.any() and judged.y[rest].sum() < FEWEST_POSITIVES:
        largest = pd.Series(group[~rest]).value_counts()
        if len(largest):
            group[rest] = largest.index[0]
    return group


def _calibrated(judged: Judged, probability: Floats, group: npt.NDArray[Any]) -> Floats:
    half = folds(judged.people, 2)
    log_odds = logit(probability)
    found = probability.copy()
    for one in np.unique(group):
        for part in (0, 1):
            learn, tell = (group == one) & (half != part), (group == one) & (half == part)
            if len(np.unique(judged.y[learn])) == 2:
                line = calibration.level(log_odds[learn], judged.y[learn], 1.0)
                found[tell] = line.probability(log_odds[tell])
    return found


def _placed(judged: Judged, probability: Floats, group: npt.NDArray[Any], share: Places) -> Floats:
    """Return who is listed when each group has places of its own on every list."""
    flag = np.zeros(len(probability))
    lists = np.zeros(len(probability)) if judged.lists is None else judged.lists
    for one in np.unique(lists):
        at = np.flatnonzero(lists == one)
        order = at[np.argsort(-probability[at], kind="stable")]
        members = [order[group[order] == name] for name in np.unique(group[order])]
        places = share(members, probability, min(judged.capacity, len(at)))
        for own, room in zip(members, places, strict=True):
            whole = int(room)
            flag[own[:whole]] = 1.0
            if whole < len(own):
                flag[own[whole]] = room - whole
    return flag


def _selected(
    members: Sequence[npt.NDArray[np.int64]], probability: Floats, capacity: int
) -> list[float]:
    total = sum(map(len, members))
    return [capacity * len(own) / total for own in members]


def _found(
    members: Sequence[npt.NDArray[np.int64]], probability: Floats, capacity: int
) -> list[float]:
    """Places at which every group has the same share of its predicted outcomes listed."""
    sums = [np.append(0.0, np.cumsum(probability[own])) for own in members]
    low, high = 0.0, 1.0
    for _ in range(STEPS):
        share = (low + high) / 2
        places = [float(np.interp(share * s[-1], s, np.arange(len(s)))) for s in sums]
        low, high = (share, high) if sum(places) < capacity else (low, share)
    return places


def _gap(amount: Floats, of: Floats, group: npt.NDArray[Any]) -> float:
    rates = [
        amount[group == one].sum() / of[group == one].sum()
        for one in np.unique(group)
        if of[group == one].sum() > 0
    ]
    return float(max(rates) - min(rates)) if len(rates) > 1 else 0.0


def in_words(found: Sequence[Option]) -> list[str]:
    """Return the options as lines to print.

    Examples
    --------
    >>> one, none = Figure(0.4, 0.3, 0.5), Figure(0, 0, 0)
    >>> print(in_words([Option("sex", AS_IT_IS, one, none, 0.2, 0.1)])[2].split("  ")[0])
    sex, as it is
    """
    if not found:
        return []
    heads = ("captured @C", "captured less", "gap missed", "gap selected")
    lines = [
        "What could be done about gaps between groups, at the same capacity; none is applied:",
        f"{'':<34}" + "".join(f"{head:>26}" for head in heads),
    ]
    for one in found:
        name = f"{one.attribute.replace('_', ' ')}, {one.name}"
        cells = (str(one.recall), str(one.cost), f"{one.missed:.3f}", f"{one.selected:.3f}")
        lines.append(f"{name:<34}" + "".join(f"{cell:>26}" for cell in cells))
    return lines
