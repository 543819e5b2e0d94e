"""Recency, frequency, gravity as forces' spreadsheets have them: bands of practice, added up.

What a person is ranked by today, shown beside a score so that the two can be compared. Training
tunes bandings of its own as baselines (`training.rfg`); these need no training part.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.declare import COUNT, EVER, RECENCY, Feature, FeatureSet, Measure, days
from features.history import History

Whole = npt.NDArray[np.int64]

RECENT_DAYS = (30.0, 90.0, 180.0, 365.0)
REPORTS = (1.0, 2.0, 4.0, 8.0)
GRAVE_DAYS = (10.0, 182.0, 365.0, 1825.0)
"""Lower ends of the bands of practice; gravity in days of harm, beginning with any."""

MOST_POINTS = len(RECENT_DAYS) + len(REPORTS) + len(GRAVE_DAYS)

HUNDREDTHS = 100  # harm is kept in hundredths of a day
_COLUMNS = FeatureSet(
    tuple(
        Feature("suspected", measure, "", "", ("", ""), windows=(window,)).columns()[0]
        for measure, window in (
            (RECENCY, EVER),
            (COUNT, days(730)),
            (Measure("max", "harm"), EVER),
        )
    )
)


def points(history: History, spine: pd.DataFrame) -> Whole:
    """Return each row's points, from 0 to 12: how recent, how many, how grave the reports are.

    Recency is of the latest report naming the person as suspect, frequency the number of them in
    two years, gravity the harm of the gravest; each earns up to four points.

    Parameters
    ----------
    spine : DataFrame
        `nominal_id` and `as_of_date`.
    """
    recency, number, harm = history.dense(history.subjects(spine), _COLUMNS).T
    return banded(recency, number, harm)


def banded(recency: npt.ArrayLike, number: npt.ArrayLike, harm: npt.ArrayLike) -> Whole:
    """Return points for days since the latest report, number of reports, and hundredths of harm.

    Examples
    --------
    >>> banded([10.0, 400.0, np.nan], [9, 1, 0], [200_000, 0, np.nan]).tolist()
    [12, 1, 0]
    """
    recent = np.nan_to_num(np.asarray(recency, np.float64), nan=np.inf)
    return np.asarray(
        # up to so many days ago earns a point each; number and harm from so much on
        (len(RECENT_DAYS) - np.searchsorted(RECENT_DAYS, recent, side="left"))
        + np.searchsorted(REPORTS, np.nan_to_num(np.asarray(number, np.float64)), side="right")
        + np.searchsorted(
            np.array(GRAVE_DAYS) * HUNDREDTHS,
            np.nan_to_num(np.asarray(harm, np.float64)),
            side="right",
        ),
        dtype=np.int64,
    )


def ranks(found: npt.ArrayLike) -> tuple[Whole, Whole]:
    """Return the first and the last rank that each row may have: rows with equal points share them.

    Examples
    --------
    >>> first, last = ranks([5, 9, 5])
    >>> first.tolist(), last.tolist()
    ([2, 1, 2], [3, 1, 3])
    """
    values = np.asarray(found, np.int64)
    rising = np.sort(-values)
    first = np.searchsorted(rising, -values, side="left") + 1
    last = np.searchsorted(rising, -values, side="right")
    return first.astype(np.int64), last.astype(np.int64)
