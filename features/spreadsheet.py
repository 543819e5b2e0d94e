"""Text that goes into a spreadsheet and comes back: nothing in it may run as a formula."""

from __future__ import annotations

import re

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
