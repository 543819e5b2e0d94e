"""The register: which groups of features may be an input to a score, and why; the rest stay out."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files
from typing import Any, Protocol

import yaml

from features.errors import PrecursorError
from features.sources import CONTEXT, SOURCES

ALLOWED = (
    "Enter the group in features/catalogue/register.yaml with its reason, and use sources and marks"
    " of features/sources.py."
)
"""The remedy for a column that the register does not allow."""


PROTECTED = frozenset(
    (
        "sex",
        "gender",
        "race",
        "ethnicity",
        "ethnic_group",
        "religion",
        "belief",
        "nationality",
        "disability",
        "sexual_orientation",
        "marital_status",
        "postcode",
        "name",
        "forename",
        "surname",
    )
)
"""Names that no column and no group of inputs may have, whatever a list or a manifest says."""


class Entered(Protocol):
    """What the register has to know of a column: its name, group and source."""

    @property
    def name(self) -> str:
        """The column's name."""

    @property
    def group(self) -> str:
        """The feature group it belongs to."""

    @property
    def source(self) -> str:
        """The source whose events it is made from."""


@lru_cache(maxsize=1)
def register() -> dict[str, Any]:
    """Return the register of feature groups: what may be an input to a score, and why.

    Returns
    -------
    dict
        `version`; `groups`, the inputs; `context`, groups that are shown and never an input. Each
        group has words, source, reason and sensitivity.

    Examples
    --------
    >>> register()["groups"]["age"]["source"]
    'date of birth'
    >>> sorted(set(register()["groups"]) & set(register()["context"]))
    []
    """
    text = (files("features") / "catalogue" / "register.yaml").read_text(encoding="utf-8")
    entries: dict[str, Any] = yaml.safe_load(text)
    return entries


def not_allowed(column: Entered) -> list[str]:
    """Return why a column may not be an input: its source is context, or its group unregistered.

    A column from no source of ours came with a ready matrix, which has its own list of columns and
    reasons; it can never be computed from records.
    """
    found = [
        f"{column.name}: '{word}' is protected and no input"
        for word in dict.fromkeys((column.name, column.group))
        if word.casefold() in PROTECTED
    ]
    if column.source in CONTEXT:
        found.append(f"{column.name}: source '{column.source}' is context and never an input")
    of_ours = column.source in SOURCES or column.source == "person"
    if of_ours and column.group not in register()["groups"]:
        found.append(f"{column.name}: group '{column.group}' is not in the register")
    return found


def require_allowed(columns: Iterable[Entered]) -> None:
    """Refuse columns that may not be an input, naming every one of them.

    Raises
    ------
    PrecursorError

    Examples
    --------
    >>> from features.catalogue import catalogue, context
    >>> require_allowed(catalogue().columns)
    >>> require_allowed(context().columns[-1:])
    Traceback (most recent call last):
    ...
    features.errors.PrecursorError: wanted_circulated_standing: source 'wanted' is context and \
never an input; wanted_circulated_standing: group 'wanted' is not in the register. Enter ...
    """
    refused = [fault for column in columns for fault in not_allowed(column)]
    if refused:
        raise PrecursorError("; ".join(refused), remedy=ALLOWED)
