"""The catalogue: every feature, each as one declaration. To add one, write one more.

A declaration names a source, a measure, marks, windows and words; the compiler supplies time. Its
group must stand in `register.yaml`, which is the allow-list of what may enter a score and why.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.resources import files
from typing import Any

import yaml

from features.catalogue import custody, justice, reports
from features.declare import BUCKETS, Feature, FeatureSet
from features.errors import PrecursorError
from features.sources import CONTEXT, SOURCES
from features.taxonomy import HARM, HIGH_HARM, STRANDS


@lru_cache(maxsize=1)
def register() -> dict[str, Any]:
    """Return the register of feature groups: what may be an input to a score, and why.

    Examples
    --------
    >>> register()["groups"]["age"]["source"]
    'date of birth'
    """
    text = files("features.catalogue").joinpath("register.yaml").read_text(encoding="utf-8")
    entries: dict[str, Any] = yaml.safe_load(text)
    return entries


def feature_set(declarations: tuple[Feature, ...]) -> FeatureSet:
    """Return the feature set of some declarations; all that is wrong with them is listed at once.

    Examples
    --------
    >>> from features.declare import COUNT
    >>> feature_set((Feature("wanted", COUNT, "astrology", "{value}", ("", "")),))
    Traceback (most recent call last):
    ...
    features.errors.PrecursorError: catalogue: wanted_n_ever: group 'astrology' is not in the \
register; wanted_n_ever: source 'wanted' is context and never an input. Enter the group in \
features/catalogue/register.yaml with its reason, and use sources and marks of \
features/sources.py.
    """
    allowed = register()["groups"]
    columns = tuple(column for feature in declarations for column in feature.columns())
    wrong = []
    for column in columns:
        if column.group not in allowed:
            wrong.append(f"{column.name}: group '{column.group}' is not in the register")
        if column.source in CONTEXT:
            wrong.append(f"{column.name}: source '{column.source}' is context and never an input")
        if column.source != "person" and column.source not in SOURCES:
            wrong.append(f"{column.name}: there is no source '{column.source}'")
        elif column.source in SOURCES:
            known = SOURCES[column.source].marks
            wrong += [f"{column.name}: no mark '{m}'" for m in column.of if m not in known]
    if wrong:
        raise PrecursorError(
            f"catalogue: {'; '.join(wrong)}",
            remedy="Enter the group in features/catalogue/register.yaml with its reason, and use"
            " sources and marks of features/sources.py.",
        )
    marks = {name: list(source.marks) for name, source in SOURCES.items()}
    definitions = {
        "buckets": list(BUCKETS),
        "register": register()["version"],
        "harm": HARM,
        "high_harm": HIGH_HARM,
        "strands": STRANDS,
        "marks": hashlib.sha256(repr(marks).encode()).hexdigest(),
    }
    return FeatureSet(columns, definitions)


@lru_cache(maxsize=1)
def catalogue() -> FeatureSet:
    """Return every column that the catalogue declares, in order.

    Examples
    --------
    >>> len(catalogue().columns) > 90
    True
    """
    return feature_set((*reports.FEATURES, *custody.FEATURES, *justice.FEATURES))
