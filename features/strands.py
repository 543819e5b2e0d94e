"""Whom reports name in a strand of violence against women and girls, as known on a date."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.declare import COUNT, Feature, FeatureSet, days
from features.history import History
from features.sources import SOURCES
from features.taxonomy import STRANDS, strands

WITHIN = 730
"""Days before the as-of date in which a report counts."""


@lru_cache(maxsize=4)
def by_mark(version: str = STRANDS) -> dict[str, str]:
    """Return the strands that a mark of a report tells by itself, each with its words.

    Examples
    --------
    >>> by_mark()["stalking"]
    'stalking'
    """
    marks = SOURCES["suspected"].marks
    return {
        strand.name: strand.words
        for strand in strands(version).values()
        if strand.default and strand.of in marks and not strand.codes and not strand.victim_sex
    }


def named_in(history: History, spine: pd.DataFrame, strand: str) -> npt.NDArray[np.bool_]:
    """Return whom a report of two years names as suspect in a strand; a report is not proven.

    Parameters
    ----------
    spine : DataFrame
        `nominal_id` and `as_of_date`.
    strand : str
        One of `by_mark`.
    """
    of = strands()[strand].of
    feature = Feature("suspected", COUNT, "", "", ("", ""), of=(of,), windows=(days(WITHIN),))
    counted = history.dense(history.subjects(spine), FeatureSet(tuple(feature.columns())))
    return np.asarray(counted[:, 0] > 0)
