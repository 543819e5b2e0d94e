"""Who a person on a page is; for reviewers without what identifies them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from models.words import date_words
from serving.pages.lists import OpenList
from serving.pseudonyms import score_pseudonym


@dataclass(frozen=True)
class Veil:
    """What a reader of a list does not see.

    Attributes
    ----------
    pseudonymous : bool
        Nobody's name.
    withheld : frozenset of str
        Nothing of these people but rank and score: neither reasons nor status nor decisions.
    """

    pseudonymous: bool
    withheld: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Identity:
    """How a person is named on a page, and the facts beside the name."""

    name: str
    born: str
    area: str

    @property
    def facts(self) -> list[str]:
        """The facts that there are."""
        return [fact for fact in (self.born, self.area) if fact]


def identity(
    found: OpenList, row: Mapping[str, Any], position: int, pseudonymous: bool
) -> Identity:
    """Return how a person is shown: by id, birth and area, or by a pseudonym and age."""
    born = None if found.standing is None else found.standing.born_on(position)
    area = None if found.standing is None else found.standing.area(position)
    if pseudonymous:
        known = "Age not recorded" if born is None else f"Aged {age(born, found.as_of_date)}"
        return Identity(score_pseudonym(row["score_id"]), known, "")
    if found.standing is None:
        return Identity(str(row["nominal_id"]), "", "")
    return Identity(
        name=str(row["nominal_id"]),
        born="Date of birth not recorded" if born is None else f"Born {date_words(born)}",
        area=area or "Area not recorded",
    )


def age(born_on: date, on: date) -> int:
    """Return somebody's age in whole years on a day.

    Examples
    --------
    >>> age(date(2000, 2, 29), date(2026, 2, 28)), age(date(2000, 2, 29), date(2026, 3, 1))
    (25, 26)
    """
    return on.year - born_on.year - ((on.month, on.day) < (born_on.month, born_on.day))
