"""What reviewers say of people near the line whose score and side they do not know.

Where they would list as many of those below the line as of those above it, the line divides people
that a professional cannot tell apart, and what is done to those above it rests on chance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
from scipy.stats import binomtest, fisher_exact

from features.kept_reports import Told
from training.metrics import Figure

SIDES = {"listed": "above the line", "unlisted": "below it"}
LEVEL = 0.95
CHANCE = 0.05
"""How rare a difference has to be, were the two sides alike, before it is called one."""


@dataclass(frozen=True)
class Reviews:
    """What was said of people on either side of the line.

    Attributes
    ----------
    shares : mapping of side to Figure
        Of those reviewed, how many the reviewer would list, with a 95 % interval (Wilson).
    counts : mapping of side to mapping
        drawn, reviewed, would_list.
    chance : float or None
        How often sides that are alike differ at least so much (Fisher's exact test); None where
        one side has no review.
    """

    shares: Mapping[str, Figure]
    counts: Mapping[str, Mapping[str, int]]
    chance: float | None

    def to_data(self) -> dict[str, Any]:
        """Return it as plain data; nothing in it is about one person."""
        return {
            "shares": {side: figure.to_data() for side, figure in self.shares.items()},
            "counts": {side: dict(counts) for side, counts in self.counts.items()},
            "chance": self.chance,
        }


def reviews(rows: pd.DataFrame) -> Reviews:
    """Hold what was said of people above the line against what was said of those below it.

    Parameters
    ----------
    rows : DataFrame
        `side` (listed or unlisted) and `would_list` (True, False, or None where nothing was said).

    Examples
    --------
    >>> said = reviews(pd.DataFrame({"side": ["listed"] * 2 + ["unlisted"] * 2,
    ...                              "would_list": [True, None, False, False]}))
    >>> said.counts["listed"]
    {'drawn': 2, 'reviewed': 1, 'would_list': 1}
    """
    counts, shares, table = {}, {}, []
    for side in SIDES:
        said = rows.loc[rows["side"] == side, "would_list"]
        given = said.dropna().astype(bool)
        some, number = int(given.sum()), len(given)
        counts[side] = {"drawn": len(said), "reviewed": number, "would_list": some}
        table.append([some, number - some])
        if number:
            interval = binomtest(some, number).proportion_ci(LEVEL, "wilson")
            shares[side] = Figure(some / number, float(interval.low), float(interval.high))
    chance = float(fisher_exact(table).pvalue) if len(shares) == len(SIDES) else None
    return Reviews(shares, counts, chance)


def beside(told: Told, found: Reviews) -> Told:
    """Return what was said of records, and with it what reviewers said.

    Examples
    --------
    >>> rows = pd.DataFrame({"side": ["listed", "unlisted"] * 10, "would_list": [True, False] * 10})
    >>> print(beside(Told("Nothing was found."), reviews(rows)).after[0])
    Reviewers who knew neither score nor side tell those above the line from those below it.
    """
    if found.chance is None:
        said = "Nobody was reviewed on one side of the line, so nothing is told of reviews."
    elif found.chance < CHANCE:
        said = "Reviewers who knew neither score nor side tell those above the line from those"
        said += " below it."
    else:
        said = "Reviewers who knew neither score nor side do not tell those above the line from"
        said += " those below it, beyond chance."
    listed = []
    for side, words in SIDES.items():
        counts, share = found.counts[side], found.shares.get(side)
        line = f"{counts['would_list']} of {counts['reviewed']} reviewed would be listed"
        if share is not None:
            line += f" ({share.value:.0%}; {share.low:.0%} to {share.high:.0%})"
        lacking = counts["drawn"] - counts["reviewed"]
        listed.append((words, line + (f"; {lacking} not reviewed" if lacking else "")))
    return replace(told, listed=(*told.listed, *listed), after=(said, *told.after))
