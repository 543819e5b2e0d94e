"""Whom a reader knows by name, and what stands in a name's place for everybody else.

Reviewers judge what was said about people without knowing who they are; to learn that takes a
reason (`permissions.Permission.IDENTITY`). A pseudonym is made of a score's own id, so that whoever
has the score finds it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serving.permissions import Role

KNOW_NAMES = frozenset({Role.ANALYST, Role.SUPERVISOR, Role.SERVICE, Role.OPERATOR})
"""Who works with people, and so with their names."""

REFERENCE = "reference withheld"
_LETTERS = 8  # of a score's id: enough to tell the people of a list apart


def pseudonymous(role: str) -> bool:
    """Return whether people are shown to a role without what identifies them.

    Examples
    --------
    >>> pseudonymous("reviewer"), pseudonymous("analyst")
    (True, False)
    """
    return role not in KNOW_NAMES


def score_pseudonym(score_id: str) -> str:
    """Return what stands in the place of somebody's name on lists: another with each score.

    Examples
    --------
    >>> score_pseudonym("s0a1b2c3d4e5f")
    'Person s0a1b2c3'
    """
    return f"Person {score_id[:_LETTERS]}"


def withheld_name(score_id: str) -> str:
    """Return what stands in the place of somebody whom the reader need not know.

    Examples
    --------
    >>> withheld_name("s0a1b2c3d4e5f")
    'Withheld s0a1b2c3'
    """
    return f"Withheld {score_id[:_LETTERS]}"


def reference(text: str, hidden: bool) -> str:
    """Return a record's reference, or that it is withheld."""
    return REFERENCE if hidden else text


def without_name(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is said about one person with a pseudonym and without references of records.

    Parameters
    ----------
    line : mapping
        With `nominal_id` and `score_id`; the records of its `reasons`, if there are any, are
        still named by the ids with which one of them can be disputed.

    Examples
    --------
    >>> without_name({"nominal_id": "N1", "score_id": "s0a1b2c3d4"})["nominal_id"]
    'Person s0a1b2c3'
    """
    told = {**line, "nominal_id": score_pseudonym(line["score_id"])}
    if "reasons" in line:
        told["reasons"] = [_without_references(reason) for reason in line["reasons"]]
    return told


def _without_references(reason: Mapping[str, Any]) -> dict[str, Any]:
    if "records" not in reason:  # as in a list, whose lines name none
        return dict(reason)
    return {**reason, "records": [{**one, "reference": REFERENCE} for one in reason["records"]]}
