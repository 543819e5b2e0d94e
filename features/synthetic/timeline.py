"""The weeks of a simulated world, and what changed from year to year."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from features.synthetic.columns import Array
from features.synthetic.parameters import HISTORY_WEEKS, RECORDED
from features.synthetic.switches import drifts

STRANGULATION_ACT = date(2022, 6, 7)
"""From this day strangulation is an offence of its own in England and Wales."""
COUNTING_RULE = date(2023, 6, 1)
"""From this day a stalking or harassment beside a more serious crime is not counted again."""
CONCEPT_DRIFT = date(2024, 4, 1)
EASI_START = date(2021, 4, 1)
DAPO_START = date(2024, 11, 27)
SYSTEM_CHANGE = (date(2021, 4, 1), date(2022, 1, 1))
"""Months after the change of records system in which many details went missing."""
LOCKDOWNS = (
    (date(2020, 3, 24), date(2020, 6, 15)),
    (date(2020, 11, 5), date(2020, 12, 2)),
    (date(2021, 1, 5), date(2021, 4, 12)),
)
LOCKDOWN_RATIO = np.array([1.08, 0.95, 1.10, 0.75, 0.65, 0.62])

# Recording relative to 2021/22, by the October in the middle of each financial year from 2014/15.
# Domestic abuse: published yearly crimes of 17, 22.5, 34, 41.5, 57.7 and 94 thousand. Harassment:
# published monthly and yearly volumes. Later years and the gaps between are assumed.
_FIRST_OCTOBER = 2014
_DRIFT = np.array(
    [
        [0.145, 0.168, 0.195, 0.247, 0.312, 0.365, 0.465, 1.00, 1.00, 1.00],
        [0.14, 0.16, 0.19, 0.24, 0.29, 0.37, 0.76, 1.00, 1.00, 1.00],
        [0.12, 0.14, 0.17, 0.21, 0.26, 0.32, 0.66, 1.00, 1.00, 1.00],
        [0.50, 0.56, 0.62, 0.70, 0.78, 0.82, 0.85, 1.00, 1.00, 1.00],
        [0.55, 0.60, 0.66, 0.72, 0.80, 0.86, 0.92, 1.00, 1.00, 1.00],
        [0.90, 0.92, 0.95, 0.98, 1.00, 1.00, 0.98, 1.00, 1.00, 1.00],
    ]
)


@dataclass(frozen=True)
class Timeline:
    """The days of a simulated world, counted from its first.

    Parameters
    ----------
    weeks : int
        Weeks simulated, the two years of history before the years asked for included.
    data_to : date
        The last day, of which the last week ends.

    Examples
    --------
    >>> timeline = Timeline.of(years=6, data_to=date(2026, 1, 31))
    >>> timeline.weeks, timeline.start, timeline.last_day
    (417, datetime.date(2018, 2, 4), 2918)
    """

    weeks: int
    data_to: date

    @classmethod
    def of(cls, years: int, data_to: date) -> Timeline:
        """Return the timeline of so many years, with two years of history before them."""
        return cls(round(years * 365.25 / 7) + HISTORY_WEEKS, data_to)

    @property
    def last_day(self) -> int:
        """The number of the last day."""
        return self.weeks * 7 - 1

    @property
    def start(self) -> date:
        """The first day, number 0."""
        return self.data_to - timedelta(days=self.last_day)

    @property
    def months(self) -> int:
        """Months of four weeks, the last of which may be short."""
        return -(-self.weeks // 4)

    def day(self, on: date) -> int:
        """Return the number of a date."""
        return (on - self.start).days

    def recorded(self, drift: bool | tuple[str, ...]) -> Array:
        """Return the chance, by week and group, that an offence is reported and recorded."""
        if not drifts(drift, "recording"):
            return np.broadcast_to(RECORDED, (self.weeks, 6))
        octobers = [self.day(date(_FIRST_OCTOBER + i, 10, 1)) for i in range(_DRIFT.shape[1])]
        middles = np.arange(self.weeks) * 7 + 3
        relative = np.stack([np.interp(middles, octobers, row) for row in _DRIFT], axis=1)
        return np.asarray(relative * RECORDED)

    def circumstances(self, drift: bool | tuple[str, ...]) -> Array:
        """Return the factor, by week and group, that lockdowns put on offending."""
        factors = np.ones((self.weeks, 6))
        if drifts(drift, "lockdown"):
            middles = np.arange(self.weeks) * 7 + 3
            for first, after in LOCKDOWNS:
                inside = (middles >= self.day(first)) & (middles < self.day(after))
                factors[inside] = LOCKDOWN_RATIO
        return factors

    def missing(self, days: Array, drift: bool | tuple[str, ...]) -> Array:
        """Return the chance, for each day, that a detail of a record was not filled in."""
        if not drifts(drift, "go-live"):
            return np.full(days.shape, 0.15)
        first, after = (self.day(on) for on in SYSTEM_CHANGE)
        return np.where(days < first, 0.25, np.where(days < after, 0.45, 0.15))
