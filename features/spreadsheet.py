"""Text that goes into a spreadsheet and comes back: nothing in it may run as a formula."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from features.errors import UsageError

FORMULA = r"^[\s\x{FEFF}\x{200B}-\x{200D}\x{2060}]*[=+\-@\t\r\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]"
"""What a spreadsheet would run, past blanks and marks that cannot be seen; for the database."""

NUMBER = r"[+-]?\d+(\.\d+)?"
"""Numbers begin like formulas, and stay numbers."""

_FORMULA = re.compile(re.sub(r"\\x\{(\w+)\}", r"\\u\1", FORMULA))
_NUMBER = re.compile(NUMBER)


def disarmed(text: str) -> str:
    """Return text with an apostrophe before it where a spreadsheet would run it.

    Examples
    --------
    >>> disarmed("=1+1"), disarmed("O'Brien"), disarmed("-2")
    ("'=1+1", "O'Brien", '-2')
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


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
