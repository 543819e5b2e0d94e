"""Text that goes into a spreadsheet and comes back: nothing in it may run as a formula."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

import pandas as pd

from features.errors import UsageError

_SIGNS = "=+-@|%"
_LINES = "\t\r\n"

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
"""Numbers begin like formulas, and stay numbers."""


def is_formula(text: str) -> bool:
    r"""Return whether a spreadsheet may run a text.

    It takes text for a formula by its first sign, in its full-width and other forms too, and some
    pass over what cannot be seen before it.

    Examples
    --------
    >>> [is_formula(text) for text in ("=1+1", "\u200b@SUM(A1)", "\uff1d1", "O'Brien")]
    [True, True, True, False]
    """
    head = "".join(takewhile(_unseen, text))
    # the plain form of a full-width or small sign is what a spreadsheet takes it for
    first = unicodedata.normalize("NFKC", text[len(head) : len(head) + 1])[:1]
    return bool(first and first in _SIGNS) or any(letter in _LINES for letter in head)


def _unseen(letter: str) -> bool:
    """Return whether a character takes no ink: blanks, controls, marks of direction, zero-width."""
    return unicodedata.category(letter) in ("Cc", "Cf", "Zs", "Zl", "Zp", "Mn")


def disarmed(text: str) -> str:
    """Return text with an apostrophe before it where a spreadsheet would run it.

    Text that looks as if it had been disarmed gets one too, so that `armed` gives back all of it.

    Examples
    --------
    >>> disarmed("=1+1"), disarmed("O'Brien"), disarmed("-2"), disarmed("'=x")
    ("'=1+1", "O'Brien", '-2', "''=x")
    """
    bare = text.lstrip("'")
    return f"'{text}" if is_formula(bare) and not _NUMBER.fullmatch(text) else text


def armed(text: str) -> str:
    """Return what :func:`disarmed` made harmless as it was.

    Examples
    --------
    >>> armed("'=1+1"), armed("'twas")
    ('=1+1', "'twas")
    """
    return text[1:] if text.startswith("'") and disarmed(text[1:]) == text else text


def filled_in(file: Path, columns: Sequence[str], *, field: str, remedy: str) -> pd.DataFrame:
    """Return what somebody filled in, every cell as text.

    Parameters
    ----------
    file : Path
        CSV in UTF-8.
    columns : sequence of str
        Those it must have.
    field : str
        Which option named it.
    remedy : str
        Where a column is missing.

    Raises
    ------
    UsageError
        It cannot be read, or a column is missing.

    Examples
    --------
    >>> filled_in(Path("no.csv"), ["reason"], field="reviewed", remedy="Add it.")
    Traceback (most recent call last):
    ...
    features.errors.UsageError: no.csv cannot be read: [Errno 2] No such file or directory: \
'no.csv'. Save it as CSV in UTF-8.
    """
    try:
        rows = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as wrong:
        raise UsageError(
            f"{file} cannot be read: {wrong}", remedy="Save it as CSV in UTF-8.", field=field
        ) from wrong
    lacking = [name for name in columns if name not in rows]
    if lacking:
        raise UsageError(f"{file}: no column {', '.join(lacking)}", remedy=remedy, field=field)
    return rows
