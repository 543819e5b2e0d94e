"""The quality report as a page to read, print and hand on, and as JSON beside it.

The page stands alone: no script, nothing fetched from anywhere, so that it opens on any machine of
a force's network.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from features.breaches import ERROR, HANDLED, WARNING, shown
from features.check import errors_first
from features.files import replacing, write_json
from features.quality import LATE, Filled, Quality
from features.standing_page import template

MOST_ERRORS = 5
"""How many kinds of error are named at the top of the page."""

SPARSE = 0.9
"""A column that is empty in more than this share of rows is named at the top of the page."""


def write_quality(found: Quality, file: Path) -> None:
    """Write the report: ``FILE.html`` with ``FILE.json`` beside it, or ``FILE.json`` alone.

    Parameters
    ----------
    found : Quality
        From :func:`features.quality.quality`.
    file : Path
        Written over what was there, in one step.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(file.with_suffix(".json"), found.as_json(), durable=False)
    if file.suffix == ".html":
        with replacing(file) as part:
            part.write_text(page(found), encoding="utf-8")


def page(found: Quality) -> str:
    """Return the report as one HTML page that needs nothing else.

    Examples
    --------
    >>> from features.quality import Codes
    >>> none = Codes(0, 0, (), 0, ())
    >>> text = page(
    ...     Quality("a<b", None, date(2026, 1, 31), date(2026, 2, 1), True, [], [], none, [])
    ... )
    >>> "a&lt;b" in text, "<script" in text
    (True, False)
    """
    laid_out = template(
        "features",
        "quality.html",
        number=lambda value: f"{value:,}",
        share=percent,
        day=day_in_words,
        plain=lambda name: name.replace("_", " "),
        sentence=lambda words: words[:1].upper() + words[1:],
        shown=shown,
    )
    return laid_out.render(
        found=found,
        findings=errors_first(found.findings),
        first=what_to_look_at(found),
        late=LATE,
        kinds={ERROR: "Error", WARNING: "Warning", HANDLED: "Set aside"},
    )


def what_to_look_at(found: Quality) -> list[str]:
    """Return what an analyst should look at first, gravest first, each as a sentence.

    Examples
    --------
    >>> from features.quality import Code, Codes
    >>> codes = Codes(200, 50, (Code("X1", "", 50),), 0, ())
    >>> what_to_look_at(
    ...     Quality("r", None, date(2026, 1, 31), date(2026, 2, 1), True, [], [], codes, [])
    ... )
    ['50 of 200 offences (25%) carry a code that the taxonomy does not know: they bring no harm...']
    """
    errors = [one for one in found.findings if one.severity == ERROR]
    said = [
        f"{one.place}: {one.problem} ({one.count:,} {'time' if one.count == 1 else 'times'})."
        for one in sorted(errors, key=lambda one: -one.count)[:MOST_ERRORS]
    ]
    if len(errors) > MOST_ERRORS:
        said.append(f"{len(errors) - MOST_ERRORS} more kinds of error, all listed below.")
    codes = found.codes
    if codes.unknown:
        share = percent(codes.unknown / codes.rows)
        said.append(
            f"{codes.unknown:,} of {codes.rows:,} offences ({share}) carry a code that the"
            " taxonomy does not know: they bring no harm and no kind into a history."
        )
    for table in found.tables:
        about, delay = table.name.replace("_", " "), table.delay
        if delay.very_late:
            share = percent(delay.share(delay.very_late))
            said.append(
                f"{about}: {delay.very_late:,} rows ({share}) were recorded more than"
                f" {LATE[1]} days after the event."
            )
        if table.alike:
            said.append(f"{about}: {table.alike:,} rows look like second entries of another row.")
        sparse = [column for column in table.columns if notable(column) and table.rows]
        if sparse:
            names = ", ".join(f"{c.name} ({percent(c.share)})" for c in sparse)
            said.append(f"{about}: nearly always empty: {names}.")
    return said


def notable(column: Filled) -> bool:
    """Whether a column is in the source and nearly always empty."""
    return column.share > SPARSE and not column.absent


def percent(share: float) -> str:
    """Return a share as people read it: never 0% of something, never 100% short of all.

    Examples
    --------
    >>> percent(0), percent(0.0004), percent(0.034), percent(0.5), percent(0.9996), percent(1)
    ('0%', 'under 0.1%', '3.4%', '50%', 'over 99.9%', '100%')
    """
    if 0 < share < 0.001:
        return "under 0.1%"
    if 0.999 < share < 1:
        return "over 99.9%"
    return f"{share * 100:.1f}".removesuffix(".0") + "%"


def day_in_words(value: date | str | None) -> str:
    """Return a date as words; what is no date of the calendar stays as it is.

    Examples
    --------
    >>> day_in_words("2026-06-04"), day_in_words(None), day_in_words("12026-06-04")
    ('4 June 2026', 'none', '12026-06-04')
    """
    if value is None:
        return "none"
    try:
        at = value if isinstance(value, date) else date.fromisoformat(value)
    except ValueError:
        return str(value)
    return f"{at.day} {at:%B} {at.year}"
