"""The catalogue: every feature, each as one declaration. To add one, write one more.

A declaration names a source, a measure, marks, windows and words; the compiler supplies time. Its
group must stand in `register.yaml`, which is the allow-list of what may enter a score and why.
`docs/features.md` lists the groups.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from features.catalogue import beside, complainants, custody, harm, justice, reports
from features.declare import BUCKETS, MEASURES, TIMELESS, Feature, FeatureColumn, FeatureSet
from features.errors import PrecursorError
from features.events import AMOUNTS
from features.register import ALLOWED, not_allowed, register
from features.sources import OTHERS, SOURCES
from features.taxonomy import HARM, HIGH_HARM, STRANDS, harm_name, harm_words

__all__ = ["catalogue", "context", "feature_set", "register"]

DECLARED = (
    *reports.FEATURES,
    *harm.FEATURES,
    *complainants.FEATURES,
    *custody.FEATURES,
    *justice.FEATURES,
)


def feature_set(declarations: Iterable[Feature], *, harm: str | Path = HARM) -> FeatureSet:
    """Return the feature set of some declarations; all that is wrong with them is listed at once.

    Parameters
    ----------
    declarations : iterable of Feature
    harm : str or Path
        The harm weights: a version of ours, or a file of a force's own (`features.taxonomy`).

    Raises
    ------
    PrecursorError
        A group is not in the register, a source is context; a source, mark, amount or window does
        not exist or does not fit the measure.

    Examples
    --------
    >>> from features.declare import COUNT
    >>> feature_set((Feature("wanted", COUNT, "astrology", "{value}", ("", "")),))
    Traceback (most recent call last):
    ...
    features.errors.PrecursorError: catalogue: wanted_n_ever: source 'wanted' is context and never \
an input; wanted_n_ever: group 'astrology' is not in the register. Enter the group in \
features/catalogue/register.yaml with its reason, and use sources and marks of \
features/sources.py.
    """
    columns = _columns(declarations, harm)
    _refuse([fault for column in columns for fault in (*not_allowed(column), *_faults(column))])
    return FeatureSet(columns, _definitions(harm))


def catalogue(harm: str | Path = HARM) -> FeatureSet:
    """Return every column that the catalogue declares, in order.

    Parameters
    ----------
    harm : str or Path
        The harm weights; the words and the fingerprint follow them.

    Examples
    --------
    >>> len(catalogue().columns) > 200
    True
    >>> catalogue("harm-ons-v1")["suspected_harm_max_ever"].phrase(66_500)
    '665 days of harm in the gravest report on record (ONS weights, not proven)'
    """
    return _catalogue(harm, harm_name(harm))


@lru_cache(maxsize=8)
def _catalogue(harm: str | Path, name: str) -> FeatureSet:
    # the name says which content of a file was read: another content is another catalogue
    return feature_set(DECLARED, harm=harm)


def context(harm: str | Path = HARM) -> FeatureSet:
    """Return the columns that are shown beside a score and can be an input to none.

    Examples
    --------
    >>> context().groups
    ['own_victimisation', 'co_offenders', 'management', 'wanted']
    >>> catalogue().subset(groups=["wanted"])
    Traceback (most recent call last):
    ...
    features.errors.PrecursorError: feature set: no such column or group: wanted. ...
    """
    columns = _columns(beside.FEATURES, harm)
    known = register()["context"]
    wrong = [
        f"{column.name}: group '{column.group}' is not among the context of the register"
        for column in columns
        if column.group not in known
    ]
    _refuse(wrong + [fault for column in columns for fault in _faults(column)])
    return FeatureSet(columns, _definitions(harm))


def _columns(declarations: Iterable[Feature], harm: str | Path) -> tuple[FeatureColumn, ...]:
    weights = harm_words(harm)
    return tuple(
        column
        for feature in declarations
        for column in replace(feature, words=feature.words.replace("{weights}", weights)).columns()
    )


def _refuse(wrong: list[str]) -> None:
    if wrong:
        raise PrecursorError(f"catalogue: {'; '.join(wrong)}", remedy=ALLOWED)


def _faults(column: FeatureColumn) -> list[str]:
    """Return what about a column could not be computed."""
    if column.source == "person":
        return [] if column.measure == "age" else [f"{column.name}: of a person there is only age"]
    if column.source not in SOURCES:
        return [f"{column.name}: there is no source '{column.source}'"]
    marks, kind, window = SOURCES[column.source].marks, column.measure, column.window
    found = [f"no mark '{mark}'" for mark in column.of if mark not in marks]
    if kind not in MEASURES:
        found.append(f"no measure '{kind}'")
    if kind in ("standing", "run"):
        if column.amount not in marks:
            found.append(f"no mark '{column.amount}'")
        if not column.of:
            found.append(f"a {kind} needs a mark of its own")
    elif kind in ("sum", "max", "decayed") and column.amount not in AMOUNTS:
        found.append(f"no amount '{column.amount}'")
    if kind == "change" and (window is None or 2 * window not in BUCKETS):
        compared = [str(days) for days in BUCKETS if 2 * days in BUCKETS]
        found.append(f"a change compares windows of {' or '.join(compared)} days")
    if kind == "at_liberty" and (window is None or column.source != "imprisonment" or column.of):
        found.append("days at liberty are of imprisonment, in a window, without marks")
    if kind in ("distinct", "repeated") and column.source not in OTHERS:
        found.append("no other person is told of")
    if window is not None and (kind in TIMELESS or window not in BUCKETS):
        found.append(f"there is no window of {window} days of it")
    return [f"{column.name}: {fault}" for fault in found]


def _definitions(harm: str | Path) -> dict[str, Any]:
    marks = {name: list(source.marks) for name, source in SOURCES.items()}
    return {
        "buckets": list(BUCKETS),
        "register": register()["version"],
        "harm": harm_name(harm),
        "high_harm": HIGH_HARM,
        "strands": STRANDS,
        "marks": hashlib.sha256(repr(marks).encode()).hexdigest(),
    }
