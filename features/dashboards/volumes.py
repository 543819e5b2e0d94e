"""Stalking and harassment month by month, domestic or not, and how many crimes had an outcome."""

from __future__ import annotations

from datetime import date

import pandas as pd

from features.dashboards.cube import Cube, cube
from features.dashboards.known import POSITIVE, Known
from features.dashboards.periods import Period
from features.dashboards.stalking import GROUPS, with_areas

OUTCOMES = {"outcome": "Charge, caution or out-of-court disposal", "none": "None of these so far"}

_CRIMES = f"""
SELECT area, strftime(recorded_on, '%Y-%m') AS month,
    CASE WHEN stalking THEN 'stalking' ELSE 'harassment' END
        || CASE WHEN domestic THEN '_domestic' ELSE '_other' END AS "group",
    CASE WHEN EXISTS (SELECT 1 FROM known_outcome r WHERE r.offence_id = c.offence_id
        AND r.result IN {POSITIVE}) THEN 'outcome' ELSE 'none' END AS outcome,
    count(*) AS n
FROM crime c
WHERE (stalking OR harassment) AND recorded_on >= $since AND recorded_on < $until
GROUP BY ALL ORDER BY ALL
"""


def crimes(known: Known, period: Period) -> pd.DataFrame:
    """Return the crimes recorded in a period: area, month, group, outcome, and their number `n`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from features.dashboards.periods import periods
    >>> from features.synthetic import synthesise
    >>> force = synthesise(Path(tempfile.mkdtemp()) / "records", nominals=300, years=1, seed=7)
    >>> with Known(force) as known:
    ...     found = crimes(known, periods(force.data_to)[0])
    >>> list(found.columns)
    ['area', 'month', 'group', 'outcome', 'n']
    """
    return known.ask(_CRIMES, {"since": period.since, "until": period.until})


def months(period: Period) -> list[str]:
    """Return the months of a period that the records reach.

    Examples
    --------
    >>> months(Period(2025, date(2025, 5, 20)))
    ['2025-04', '2025-05']
    """
    found = [date(period.first + (m > 12), (m - 1) % 12 + 1, 1) for m in range(4, 16)]
    return [f"{month:%Y-%m}" for month in found if month < period.until]


def counted(found: pd.DataFrame, period: Period) -> Cube:
    """Return crimes by area, group and month, and by area, group and outcome."""
    own, areas = with_areas(found)
    values = {
        "area": areas,
        "group": tuple(GROUPS),
        "month": tuple(months(period)),
        "outcome": tuple(OUTCOMES),
    }
    told = [
        (),
        ("area",),
        ("group",),
        ("month",),
        ("area", "group"),
        ("area", "month"),
        ("group", "month"),
        ("group", "outcome"),
    ]
    return cube(own, values, told)
