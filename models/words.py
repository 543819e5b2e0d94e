"""Reasons in plain words: what in the records is associated with a higher or a lower score.

Rules, all of them tested:

- A reason says "associated with", never "because": the model knows no causes.
- Only what is on record gives a reason. A count of 0 or an empty value never does, whichever way it
  pulls: silence is no evidence. Its contribution is still among the groups, so they add up.
- Feature words name the legal status (report, arrest, charge, conviction), and each status is a
  group of its own, so that no sentence mixes them.
- At most six reasons, the largest contributions first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from math import isnan
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from features.declare import FeatureColumn
from models.risk_model import RiskModel

Direction = Literal["raises", "lowers"]

MOST_REASONS = 6
MOST_FEATURES = 2
SMALLEST = 0.01  # log-odds: below about one percent of the odds there is nothing to tell
SHARE_OF_FIRST = 0.25
DATED = ("recency", "first")


@dataclass(frozen=True)
class Reason:
    """One reason for a score: a sentence, which way it pulls and how far, and what it rests on.

    Parameters
    ----------
    text : str
    direction : {"raises", "lowers"}
    contribution : float
        Of the whole group, in log-odds.
    group : str
    features : tuple of str
        Names of the features in the sentence; the records behind them can be listed.
    """

    text: str
    direction: Direction
    contribution: float
    group: str
    features: tuple[str, ...] = field(default=())

    def data(self) -> dict[str, Any]:
        """Return the reason as plain data, ready for JSON."""
        return {
            "text": self.text,
            "direction": self.direction,
            "contribution": self.contribution,
            "group": self.group,
            "features": list(self.features),
        }


def date_words(day: date) -> str:
    """Return a date as it is written in a sentence.

    Examples
    --------
    >>> date_words(date(2026, 6, 4))
    '4 June 2026'
    """
    return f"{day.day} {day:%B %Y}"


def on_record(column: FeatureColumn, value: float | None) -> bool:
    """Return whether a value speaks of something that is in the records.

    A recency of 0 days speaks of today; every other measure of 0 speaks of nothing, and neither
    do all days of a window at liberty.

    Examples
    --------
    >>> from features.declare import COUNT, Feature
    >>> count = Feature("custody", COUNT, "arrests", "{value}", ("", "")).columns()[0]
    >>> on_record(count, 2.0), on_record(count, 0.0), on_record(count, None)
    (True, False, False)
    """
    if value is None or isnan(value):
        return False
    return value != column.silent or column.measure in DATED


def phrase(column: FeatureColumn, value: float, as_of_date: date | None = None) -> str:
    """Return a feature's value in words, with the date itself where the value is an age in days.

    Examples
    --------
    >>> from features.declare import RECENCY, Feature
    >>> latest = Feature("custody", RECENCY, "arrests", "most recent arrest {value} ago",
    ...                  ("day", "days")).columns()[0]
    >>> phrase(latest, 12, date(2026, 6, 16))
    'most recent arrest 12 days ago, on 4 June 2026'
    """
    words = column.phrase(value)
    if column.measure not in DATED or as_of_date is None:
        return words
    day = date_words(as_of_date - timedelta(days=round(value)))
    before, status, after = words.partition(" (")
    return f"{before}, on {day}{status}{after}"


def reasons(
    model: RiskModel,
    values: npt.ArrayLike,
    contributions: npt.ArrayLike,
    *,
    as_of_date: date | None = None,
    most: int = MOST_REASONS,
    groups: Sequence[float] | None = None,
) -> list[Reason]:
    """Return one row's reasons in words, the largest contributions first.

    Parameters
    ----------
    model : RiskModel
        Whose feature words are used.
    values, contributions : array, shape (columns,)
        The row as `RiskModel.check` returned it, and what each column contributes.
    as_of_date : date, optional
        Lets a recency be told as a date too.
    most : int
        At most six, whatever is asked for.
    groups : sequence of float, optional
        What each group contributes, if that was added up already, in the feature set's order.

    Returns
    -------
    list of Reason
        Possibly empty, where nothing on record pulls the score noticeably.
    """
    row: list[float] = np.asarray(values, dtype=np.float64).tolist()
    parts: list[float] = np.asarray(contributions, dtype=np.float64).tolist()
    if groups is None:
        groups = [_added(parts[place] for place in places) for places in model.members.values()]
    sums = dict(zip(model.members, groups, strict=True))
    found: list[Reason] = []
    for group in sorted(sums, key=lambda name: -abs(sums[name])):
        if len(found) == min(most, MOST_REASONS) or abs(sums[group]) < SMALLEST:
            break
        told = _told(model.members[group], model.feature_set.columns, row, parts, sums[group])
        if told:
            columns = [model.feature_set.columns[place] for place in told]
            phrases = [
                phrase(column, row[place], as_of_date)
                for column, place in zip(columns, told, strict=True)
            ]
            found.append(_reason(group, sums[group], columns, phrases))
    return found


def _added(parts: Iterable[float]) -> float:
    """Add one by one, as `explanation.group_contributions` does, for the same bits.

    The built-in sum compensates its rounding from Python 3.12 on.
    """
    total = 0.0
    for part in parts:
        total += part
    return total


def _told(
    places: Sequence[int],
    columns: Sequence[FeatureColumn],
    row: Sequence[float],
    parts: Sequence[float],
    pull: float,
) -> list[int]:
    """Places of the features on record that pull the way their group pulls, the strongest first."""
    told = [
        place
        for place in places
        if parts[place] * pull > 0 and on_record(columns[place], row[place])
    ]
    told.sort(key=lambda place: -abs(parts[place]))
    return [
        place
        for place in told[:MOST_FEATURES]
        if abs(parts[place]) >= SHARE_OF_FIRST * abs(parts[told[0]])
    ]


def _reason(
    group: str, contribution: float, columns: Sequence[FeatureColumn], phrases: Sequence[str]
) -> Reason:
    said = "; ".join(dict.fromkeys(phrases))
    direction: Direction = "raises" if contribution > 0 else "lowers"
    higher = "higher" if direction == "raises" else "lower"
    return Reason(
        text=f"{said[:1].upper()}{said[1:]}: associated with {higher} risk.",
        direction=direction,
        contribution=contribution,
        group=group,
        features=tuple(column.name for column in columns),
    )
