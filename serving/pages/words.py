"""Numbers, spans of time and codes as the pages say them; none is rounded into another band."""

from __future__ import annotations

import math
from collections.abc import Callable

Band = Callable[[float], str]

BAND_CLASSES = {
    "Lower": "lower",
    "Medium": "medium",
    "High": "high",
    "Very high": "very-high",
}
"""Names of bands in the style sheet."""

DAYS_PER_MONTH = 30.4375
FEW = 0.005


def horizon(days: int) -> str:
    """Return a length of time in whole months where it is one, else in days.

    Examples
    --------
    >>> horizon(365), horizon(90), horizon(28)
    ('12 months', '3 months', '28 days')
    """
    months = round(days / DAYS_PER_MONTH)
    if months and abs(months * DAYS_PER_MONTH - days) <= 1.5:
        return "1 month" if months == 1 else f"{months} months"
    return "1 day" if days == 1 else f"{days} days"


def count(number: int, one: str, many: str) -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> count(1, "person", "people"), count(1284, "person", "people")
    ('1 person', '1,284 people')
    """
    return f"{number:,} {one if number == 1 else many}"


def hundredth(probability: float, band: Band) -> str:
    """Return a probability per hundred, as a number that lies in the same band.

    Whole numbers, but one decimal where less than 1, or where rounding up would cross into the
    next band: 4.96 is shown as 4.9, not as the 5 at which the next band begins.

    Examples
    --------
    >>> cut = lambda p: "Medium" if p >= 0.05 else "Lower"
    >>> [hundredth(p, cut) for p in (0.0, 0.004, 0.0496, 0.05, 0.457, 0.998, 1.0)]
    ['0', '0.4', '4.9', '5', '46', '99.8', '100']
    """
    share = probability * 100
    whole = math.floor(share + 0.5)
    if probability in (0.0, 1.0):
        return str(whole)
    if share < 1:
        return f"{max(share, 0.1):.1f}" if share < 0.95 else "1"
    if whole >= 100 or band(whole / 100) != band(probability):
        return f"{math.floor(share * 10) / 10:.1f}"
    return str(whole)


def in_hundred(probability: float, band: Band) -> str:
    """Return a probability as a frequency for a list: people are whole.

    Examples
    --------
    >>> cut = lambda p: "Medium" if p >= 0.05 else "Lower"
    >>> [in_hundred(p, cut) for p in (0.0, 0.004, 0.457, 0.998)]
    ['0 in 100', 'fewer than 1 in 100', '46 in 100', 'more than 99 in 100']
    """
    return f"{_people(probability, band)} in 100"


def _people(probability: float, band: Band) -> str:
    if 0 < probability < FEW:
        return "fewer than 1"
    if 1 - FEW < probability < 1:
        return "more than 99"
    return hundredth(probability, band) if probability >= 0.01 else str(round(probability * 100))


def percent(probability: float, band: Band) -> str:
    """Return a probability in percent.

    Examples
    --------
    >>> percent(0.004, lambda p: "Lower")
    '0.4%'
    """
    return f"{hundredth(probability, band)}%"


def span(low: float, high: float, band: Band) -> str:
    """Return an interval per hundred.

    Examples
    --------
    >>> span(0.32, 0.61, lambda p: "High")
    '32 to 61'
    """
    return f"{hundredth(low, band)} to {hundredth(high, band)}"


def of_hundred(probability: float, band: Band) -> tuple[str, str]:
    """Return how many of 100 people had the outcome, and how many had not, for the sentence.

    Examples
    --------
    >>> of_hundred(0.12, lambda p: "Medium"), of_hundred(0.001, lambda p: "Lower")
    (('about 12', 'About 88'), ('fewer than 1', 'More than 99'))
    """
    with_it = _people(probability, band)
    if not with_it[0].isdigit():
        return (with_it, "More than 99" if with_it.startswith("fewer") else "Fewer than 1")
    rest = 100 - float(with_it)
    without = f"{rest:.1f}" if "." in with_it else f"{rest:.0f}"
    exact = probability in (0.0, 1.0)
    return (with_it, without) if exact else (f"about {with_it}", f"About {without}")


def change(rank: int | None, before: int | None, compared: bool) -> str:
    """Return how a rank moved since the list before; empty where there is no such list.

    Examples
    --------
    >>> change(2, 16, True), change(3, 1, True), change(4, None, True), change(5, 5, True)
    ('Up 14', 'Down 2', 'New', 'No change')
    >>> change(1, None, False)
    ''
    """
    if not compared or rank is None:
        return ""
    if before is None:
        return "New"
    if rank == before:
        return "No change"
    return f"Up {before - rank}" if rank < before else f"Down {rank - before}"


def spoken(code: str) -> str:
    """Return a code of the records as words.

    Examples
    --------
    >>> spoken("released_under_investigation")
    'released under investigation'
    """
    return code.replace("_", " ")


def first_large(said: str) -> str:
    """Return a text with a capital first letter.

    Examples
    --------
    >>> first_large("a person's page was looked at")
    "A person's page was looked at"
    """
    return f"{said[:1].upper()}{said[1:]}"


def whole_number(given: str, digits: int = 15) -> int | None:
    """Return the number that an address or a form gives; None where it gives none, or a huge one.

    Examples
    --------
    >>> whole_number("12"), whole_number("-1"), whole_number("1" * 40)
    (12, None, None)
    """
    plain = given.isascii() and given.isdecimal() and len(given) <= digits
    return int(given) if plain else None


def entry_number(given: object) -> int:
    """Return the ledger entry that an address names; -1, which none has, where it names none.

    Examples
    --------
    >>> entry_number("12"), entry_number("twelve")
    (12, -1)
    """
    number = whole_number(str(given))
    return -1 if number is None else number
