"""Names, texts and days as they stand in a database's SQL, whatever they hold."""

from __future__ import annotations

from datetime import date


def quoted_name(name: str) -> str:
    """Return a column's or a table's name as SQL.

    Examples
    --------
    >>> print(quoted_name("Crime No"))
    "Crime No"
    """
    return '"' + name.replace('"', '""') + '"'


def quoted_text(text: str) -> str:
    """Return a text as a literal of SQL.

    Examples
    --------
    >>> quoted_text("O'Brien")
    "'O''Brien'"
    """
    return "'" + text.replace("'", "''") + "'"


def day(value: date) -> str:
    """Return a date as a literal of SQL.

    Examples
    --------
    >>> day(date(2026, 3, 29))
    "DATE '2026-03-29'"
    """
    return f"DATE '{value.isoformat()}'"
