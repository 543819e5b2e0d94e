"""CSV that a spreadsheet opens as text and numbers, and never as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any

from features.spreadsheet import is_formula

MEDIA = "text/csv; charset=utf-8"
BOM = "\ufeff"
"""At the head of the file, so that a spreadsheet reads UTF-8."""


def cell(value: Any) -> Any:
    r"""Return a value as it may stand in a cell: numbers as they are, text made harmless.

    Text that a spreadsheet might run gets an apostrophe in front, a number that came as text too.

    Examples
    --------
    >>> cell("=1+1"), cell("\u200b@SUM(A1)"), cell("\uff1d1"), cell(-3.5), cell("O'Brien")
    ("'=1+1", "'\u200b@SUM(A1)", "'\uff1d1", -3.5, "O'Brien")
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Real):
        return value
    text = str(value)
    return f"'{text}" if is_formula(text) else text


def written(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    r"""Return a CSV file: UTF-8 with its mark, text in quotation marks, lines as in RFC 4180.

    Examples
    --------
    >>> written(("Person", "Rank"), [("=cmd", 1)]).decode("utf-8-sig")
    '"Person","Rank"\r\n"\'=cmd",1\r\n'
    """
    out = io.StringIO(newline="")
    out.write(BOM)
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerow([cell(name) for name in head])
    writer.writerows([cell(value) for value in row] for row in rows)
    return out.getvalue().encode("utf-8")
