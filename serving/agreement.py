"""How often people follow a score: agreement, overrides by group, and what seeing it changes.

Every figure rests on decisions as the ledger has them; those about fewer than ten people, and those
from which such a one could be worked out, are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd
from scipy.stats import binomtest

from features.disclosure import suppressed
from features.question import Question
from serving.decisions import AGREE


@dataclass(frozen=True)
class Share:
    """A share with its number and its 95 % interval (Wilson)."""

    value: float
    low: float
    high: float
    number: int

    @classmethod
    def of(cls, some: int, number: int) -> Share:
        """Return the share of some among a number.

        Examples
        --------
        >>> found = Share.of(18, 24)
        >>> round(found.value, 2), round(found.low, 2), round(found.high, 2)
        (0.75, 0.55, 0.88)
        """
        interval = binomtest(some, number).proportion_ci(0.95, "wilson")
        return cls(some / number, float(interval.low), float(interval.high), number)


@dataclass(frozen=True)
class Overrides:
    """How one group of people was decided on; None where too few to be told."""

    attribute: str
    group: str
    overridden: Share | None
    higher: Share | None


def overrides(cells: Sequence[Mapping[str, Any]]) -> list[Overrides]:
    """Return the share of overrides in each group, from the cells of `serving.outcomes.by_group`.

    A group is told of only where all of its cells are: a hidden one could be worked out else.

    Examples
    --------
    >>> cell = {"attribute": "sex", "group": "male", "suppressed": False}
    >>> (found,) = overrides([{**cell, "decision": "agree", "decisions": 30},
    ...                       {**cell, "decision": "higher", "decisions": 10}])
    >>> found.overridden.value, found.higher.value
    (0.25, 0.25)
    """
    found = []
    for key in dict.fromkeys((str(cell["attribute"]), str(cell["group"])) for cell in cells):
        own = [cell for cell in cells if (cell["attribute"], cell["group"]) == key]
        if any(cell["suppressed"] for cell in own):
            found.append(Overrides(*key, None, None))
            continue
        number = {str(cell["decision"]): int(cell["decisions"]) for cell in own}
        total = sum(number.values())
        higher = number.get("higher", 0)
        changed = total - number.get(AGREE, 0)
        found.append(Overrides(*key, Share.of(changed, total), Share.of(higher, total)))
    return found


def few_known(cells: Sequence[Mapping[str, Any]]) -> list[bool]:
    """Return of which cells what followed is left out: too few are known, or it would tell of such.

    Parameters
    ----------
    cells : sequence of mapping
        As `serving.outcomes.by_group` returns them.

    Examples
    --------
    >>> cell = {"attribute": "sex", "decision": "agree", "suppressed": False}
    >>> few_known([{**cell, "group": group, "mature": mature}
    ...            for group, mature in (("female", 4), ("male", 30), ("unknown", 50))])
    [True, True, False]
    """
    hidden = [False] * len(cells)
    for attribute in dict.fromkeys(cell["attribute"] for cell in cells):
        places = [n for n, cell in enumerate(cells) if cell["attribute"] == attribute]
        own = [cells[n] for n in places]
        table = pd.DataFrame([{key: cell[key] for key in ("group", "decision")} for cell in own])
        number = [1 if cell["suppressed"] else cell["mature"] for cell in own]
        for place, hide in zip(places, suppressed(table, number), strict=True):
            hidden[place] = bool(hide)
    return hidden


@dataclass(frozen=True)
class Seeing:
    """What seeing a score changes: how often a person's own band is the score's, before and after.

    Both are of the same people's decisions on the same scores; None where too few to be told.
    """

    number: int
    before: Share | None
    after: Share | None


def seeing(decisions: pd.DataFrame) -> Seeing | None:
    """Return how own views and later decisions by the same analyst lie to the score.

    Parameters
    ----------
    decisions : DataFrame
        As `serving.decisions.told` returns them.

    Returns
    -------
    Seeing or None
        None where nobody gave an own view before deciding.

    Examples
    --------
    >>> rows = {"score_id": [f"s{n}" for n in range(40)], "band": ["High"] * 40}
    >>> rows |= {"own_band": ["High"] * 20 + ["Medium"] * 20}
    >>> rows |= {"judged_band": ["High"] * 30 + ["Medium"] * 10}
    >>> found = seeing(pd.DataFrame(rows))
    >>> found.before.value, found.after.value
    (0.5, 0.75)
    """
    own = decisions[decisions["own_band"].notna()].drop_duplicates("score_id", keep="last")
    if own.empty:
        return None
    return Seeing(
        len(own),
        _safe(int((own["own_band"] == own["band"]).sum()), len(own)),
        _safe(int((own["judged_band"] == own["band"]).sum()), len(own)),
    )


def _safe(some: int, number: int) -> Share | None:
    halves = pd.DataFrame({"half": ["with", "without"]})
    return None if suppressed(halves, [some, number - some]).any() else Share.of(some, number)


def mature_from(question: Question, decisions: pd.DataFrame) -> date | None:
    """Return the first day on which what followed some decision can be known, if there is one."""
    if decisions.empty:
        return None
    first = pd.to_datetime(decisions["as_of_date"]).min().date()
    days: date = first + timedelta(days=question.horizon_days + question.lag_days)
    return days
