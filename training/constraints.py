"""Which way a column may pull: more and graver on record never lowers a score.

Where the field demands it, and nowhere else: a further report of high harm, of a breach or of
strangulation must not make anybody look safer, whatever chance put into the training rows. Every
column that such a report moves is held to the direction in which it moves; columns that it cannot
move (theft, driving, convictions, custody) are free. Free are also the age at the first report and
the time since it, which it moves only for those with nothing on record, and how many different
people complained and how often the same ones did: that tells kinds of harm apart as much as it
counts, and a report that brings a new victim moves all that is held besides. The gap between
reports and their variety, which it may move either way, are left out of the trees. An empty value
of a held column stands for "never", so that the first record of its kind moves it in the same
direction.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from features.declare import FeatureColumn, FeatureSet
from features.sources import SOURCES
from features.taxonomy import MARKS, taxonomy
from models.empty import LONGEST_AGO

RISES = frozenset({"count", "sum", "max", "decayed", "change", "distinct", "repeated"})
FALLS = frozenset({"recency"})
EITHER = frozenset({"gap", "variety"})
"""Measures of reports that a further one may move either way: no tree splits on them."""
BREACHES = ("orders", "bail")
"""Sources that record breaches; only their columns of breaches are held to a direction."""

METHOD = "intermediate"
"""LightGBM's "advanced" breaks its own constraints where values are missing."""


@lru_cache(maxsize=1)
def grave_marks() -> frozenset[str]:
    """Return the marks that a report of high harm or of a breach can carry.

    Examples
    --------
    >>> "violence" in grave_marks(), "strangulation" in grave_marks(), "fraud" in grave_marks()
    (True, True, False)
    """
    codes = taxonomy().to_pandas()
    grave = codes[codes["high_harm"] | codes["order_breach"]]
    by_code = {mark for mark in MARKS if grave[mark].any()}
    by_record = set(SOURCES["suspected"].marks) - set(MARKS)
    return frozenset(by_code | by_record)


def direction(column: FeatureColumn) -> int:
    """Return 1 where more of a column may only raise a score, -1 where only lower it, else 0.

    Examples
    --------
    >>> from features.catalogue import catalogue
    >>> names = ("suspected_high_harm_n_90d", "suspected_recency", "person_age")
    >>> [direction(catalogue()[name]) for name in names]
    [1, -1, 0]
    """
    touched = (
        (column.source == "suspected" and set(column.of) <= grave_marks())
        or (column.source in BREACHES and "breached" in column.of)
        or (column.source == "victims" and column.measure == "count")
    )
    if not touched:
        return 0
    return 1 if column.measure in RISES else -1 if column.measure in FALLS else 0


def empty(feature_set: FeatureSet) -> dict[str, float]:
    """Return what an empty value of a held column stands for: "never" is longest ago.

    Examples
    --------
    >>> from features.catalogue import catalogue
    >>> empty(catalogue().subset(["suspected_recency", "custody_detained_recency"]))
    {'suspected_recency': 36525.0}
    """
    held = {column.name: direction(column) for column in feature_set.columns if column.nullable}
    return {name: LONGEST_AGO if way < 0 else 0.0 for name, way in held.items() if way}


def parameters(feature_set: FeatureSet) -> Mapping[str, Any]:
    """Return LightGBM's parameters that hold a feature set to its directions; none where free.

    A column that a grave record may move either way gets no split: whatever was learnt from it
    could make such a record lower a score.

    Examples
    --------
    >>> from features.catalogue import catalogue
    >>> parameters(catalogue().subset(["person_age"]))
    {}
    """
    directions = [direction(column) for column in feature_set.columns]
    if not any(directions):
        return {}
    found = {"monotone_constraints": directions, "monotone_constraints_method": METHOD}
    either = [
        column.source == "suspected" and column.measure in EITHER for column in feature_set.columns
    ]
    if any(either):
        found["feature_contri"] = [0.0 if unused else 1.0 for unused in either]
    return found
