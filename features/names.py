"""What an id of a person and the name of a question may be, wherever one comes in."""

from __future__ import annotations

import re

NAME = r"^[a-z][a-z0-9_]{2,62}$"
"""A question's or a study's name: 3 to 63 small letters, digits and underscores."""

ID = r"^\S{1,128}$"
"""A person record's id, for programs; :func:`is_id` also refuses what cannot be seen."""

ID_WORDS = "1 to 128 visible characters, without spaces"
"""What an id is, as it is told to whoever gave another."""


def is_id(value: str) -> bool:
    r"""Return whether a text can be the id of a person record: visible characters of any script.

    None may be a control character, invisible, or turn the direction of writing.

    Examples
    --------
    >>> [is_id(text) for text in ("N1", "Müller-1", "N 1", "N\u202e1", "")]
    [True, True, False, False, False]
    """
    return re.fullmatch(ID, value) is not None and value.isprintable()
