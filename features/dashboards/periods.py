"""Periods that figures are asked for: whole financial years, which never overlap.

Periods of one's own choosing could be subtracted from one another until a single case is left, so
only these are offered; a later load still adds to the last one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

YEARS = 5
"""Financial years offered at most."""


@dataclass(frozen=True)
class Period:
    """A financial year, or the part of it that the records reach.

    Examples
    --------
    >>> Period(2025, date(2026, 1, 31)).words
    'April 2025 to January 2026'
    """

    first: int
    data_to: date

    @property
    def name(self) -> str:
        """As it stands in an address."""
        return f"{self.first}-{(self.first + 1) % 100:02d}"

    @property
    def since(self) -> date:
        """The first day."""
        return date(self.first, 4, 1)

    @property
    def until(self) -> date:
        """The day after the last."""
        return min(date(self.first + 1, 4, 1), self.data_to + timedelta(days=1))

    @property
    def whole(self) -> bool:
        """Whether the records reach its end."""
        return self.until == date(self.first + 1, 4, 1)

    @property
    def words(self) -> str:
        """As it stands in a sentence."""
        last = self.until - timedelta(days=1)
        return f"April {self.first} to {last:%B %Y}"


def periods(data_to: date, first: date | None = None) -> list[Period]:
    """Return the financial years up to the last day of the records, the latest first.

    Parameters
    ----------
    data_to : date
    first : date, optional
        No year that ends before this day.

    Examples
    --------
    >>> [period.name for period in periods(date(2026, 1, 31), date(2024, 5, 1))]
    ['2025-26', '2024-25']
    """
    last = data_to.year if (data_to.month, data_to.day) >= (4, 1) else data_to.year - 1
    found = [Period(year, data_to) for year in range(last, last - YEARS, -1)]
    kept = [period for period in found if first is None or period.until > first]
    return kept or found[:1]
