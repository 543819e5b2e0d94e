"""What changed between two scores of one person, in words that add up.

The groups' contributions of both scores are exact, so their differences are exact too: they sum to
the difference of the log-odds. The same words tell what would be otherwise if nothing further came
on record: the history of a later day with today's records is such a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from features.declare import FeatureColumn
from features.errors import PrecursorError
from features.types import Floats
from models.explanation import explain
from models.risk_model import TOLERANCE, RiskModel
from models.words import DATED, MOST_REASONS, SMALLEST, date_words, on_record, phrase


@dataclass(frozen=True)
class Change:
    """What one feature group adds to the difference of two scores, in log-odds and in words."""

    group: str
    contribution: float
    text: str


@dataclass(frozen=True)
class Difference:
    """Two scores of one person by one model, and what lies between them.

    Attributes
    ----------
    before, after : float
        Probabilities.
    log_odds : float
        After less before.
    changes : tuple of Change
        Every group, the largest first; their contributions sum to `log_odds`. Groups that changed
        too little to be told have no text.
    """

    before: float
    after: float
    log_odds: float
    changes: tuple[Change, ...]

    def __post_init__(self) -> None:
        total = sum(change.contribution for change in self.changes)
        if not abs(total - self.log_odds) < TOLERANCE:
            raise PrecursorError(
                f"difference: groups make {total}, the scores differ by {self.log_odds}",
                remedy="Do not show it; compute it again with models.difference.difference.",
                code="reasons_do_not_add_up",
            )

    @property
    def sentences(self) -> list[str]:
        """What changed, in words: the score first, then at most six groups."""
        way = "unchanged at" if abs(self.log_odds) < SMALLEST else "now"
        first = f"The score was {self.before:.1%} and is {way} {self.after:.1%}."
        return [first, *[change.text for change in self.changes if change.text][:MOST_REASONS]]

    def data(self) -> dict[str, Any]:
        """Return it as plain data, ready for JSON."""
        return {
            "before": self.before,
            "after": self.after,
            "log_odds": self.log_odds,
            "changes": [vars(change) for change in self.changes],
            "sentences": self.sentences,
        }


def difference(
    model: RiskModel,
    before: npt.ArrayLike,
    after: npt.ArrayLike,
    *,
    on: tuple[date, date] | None = None,
) -> Difference:
    """Return what lies between two scores of one person by the same model.

    Parameters
    ----------
    model : RiskModel
        A difference between two models is no difference of the person; compare those apart.
    before, after : array, shape (columns,)
        The rows as `RiskModel.check` returned them.
    on : tuple of date, optional
        Their as-of dates; lets a recency be told as a date.

    Returns
    -------
    Difference
    """
    rows = np.vstack([np.asarray(before, np.float64), np.asarray(after, np.float64)])
    told = explain(model, rows)
    moved, by_group = (values[1] - values[0] for values in (told.contributions, told.groups))
    found = []
    for place, (group, members) in enumerate(model.members.items()):
        size = float(by_group[place])
        text = ""
        if abs(size) >= SMALLEST:
            text = _words(model.feature_set.columns, members, rows, moved, size, on)
        found.append(Change(group, size, text))
    return Difference(
        before=float(told.probability[0]),
        after=float(told.probability[1]),
        log_odds=float(told.raw[1] - told.raw[0]),
        changes=tuple(sorted(found, key=lambda change: -abs(change.contribution))),
    )


def _words(
    columns: tuple[FeatureColumn, ...],
    members: list[int],
    rows: Floats,
    moved: Floats,
    size: float,
    on: tuple[date, date] | None,
) -> str:
    """A group's change as one line about what moved it most; empty where nothing on record did.

    What is a day older with each day, and nothing else, is no change of the record; nor is what
    reads the same.
    """
    passed = float("nan") if on is None else float((on[1] - on[0]).days)
    for place in sorted(members, key=lambda place: -abs(moved[place])):
        column, (old, new) = columns[place], rows[:, place]
        if moved[place] * size <= 0 or (column.measure in DATED and new - old == passed):
            continue
        if told := _changed(column, old, new, on):
            return f"Associated with a {'higher' if size > 0 else 'lower'} score: {told}."
    return ""


def _changed(column: FeatureColumn, old: float, new: float, on: tuple[date, date] | None) -> str:
    """What a feature says now and what it said before; empty where that is the same."""
    was, is_now = (on_record(column, value) for value in (old, new))
    if not was and not is_now:
        return ""
    if not is_now:
        return f"no longer {phrase(column, float(old), on[0] if on else None)}"
    now = phrase(column, float(new), on[1] if on else None)
    if not was:
        return f"{now}; before: none on record"
    if column.measure in DATED and on is not None:
        days = [day - timedelta(days=round(age)) for day, age in zip(on, (old, new), strict=True)]
        return "" if days[0] == days[1] else f"{now}; before: {date_words(days[0])}"
    before = column.figure(float(old))
    return "" if before == column.figure(float(new)) else f"{now}; before: {before}"


def if_nothing_further(found: Difference, until: date) -> str:
    """Return in words what the score would be if nothing further came on record until a day.

    Parameters
    ----------
    found : Difference
        From today's row to the row of the later day with today's records.
    until : date

    Examples
    --------
    >>> quiet = Difference(0.12, 0.05, -0.5, (Change("reports", -0.5, ""),))
    >>> if_nothing_further(quiet, date(2027, 6, 4))
    'If nothing further came on record until 4 June 2027, the score would be 5.0% instead of 12.0%.'
    """
    if abs(found.after - found.before) < 0.0005:
        return f"If nothing further came on record until {date_words(until)}, the score would stay."
    return (
        f"If nothing further came on record until {date_words(until)}, the score would be"
        f" {found.after:.1%} instead of {found.before:.1%}."
    )
