"""Pictures for the pages, as inline SVG made on the server: they need no script, and they print.

Each chart has a name, a description and a table beside it on the page. It is drawn for a wide page
and for a phone, because a scaled SVG makes its letters too small to read; the style sheet shows one
of the two. Colours come from classes, and shape or position always says the same as colour.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

WIDTHS = {"wide": 720, "narrow": 340}
LETTER = 7.6
"""Width of a letter at 14 px Arial, on average, and a little more."""


@dataclass(frozen=True)
class ScaleBand:
    """One band on a scale: its name, class, and where it begins, as a share."""

    name: str
    css: str
    start: float


@dataclass(frozen=True)
class Scale:
    """What a score's scale shows; shares from 0 to 1, and how figures are written."""

    score: float
    low: float
    high: float
    average: float | None
    bands: Sequence[ScaleBand]
    score_words: str
    range_words: str
    average_words: str
    band_words: str

    @property
    def end(self) -> float:
        """Where the scale ends: past the interval and the last cut, at a whole ten percent.

        Examples
        --------
        >>> bands = (ScaleBand("Lower", "lower", 0.0), ScaleBand("High", "high", 0.3))
        >>> Scale(0.1, 0.05, 0.2, None, bands, "", "", "", "").end
        0.6
        """
        furthest = max(self.high * 1.1, self.score * 1.1, 2 * self.bands[-1].start, 0.1)
        return min(1.0, math.ceil(round(furthest * 10, 6)) / 10)


def score_scale(scale: Scale) -> Markup:
    """Draw a score with its range on the scale of bands, wide and narrow.

    Examples
    --------
    >>> bands = (ScaleBand("Lower", "lower", 0.0), ScaleBand("High", "high", 0.3))
    >>> drawn = score_scale(Scale(0.46, 0.32, 0.61, 0.03, bands, "46%", "32% to 61%", "3%", "High"))
    >>> drawn.count('role="img"')
    2
    """
    return Markup("").join(_scale(scale, kind, width) for kind, width in WIDTHS.items())


def _scale(scale: Scale, kind: str, width: int) -> Markup:
    left, right, top, thick = 8, width - 8, 44, 18

    def x(share: float) -> float:
        return round(left + (right - left) * share / scale.end, 1)

    parts = []
    ends = [band.start for band in scale.bands[1:]] + [scale.end]
    free = 0.0
    for band, end in zip(scale.bands, ends, strict=True):
        start, room = x(band.start), x(min(end, scale.end)) - x(band.start)
        parts.append(
            Markup('<rect class="ink-{}" x="{}" y="{}" width="{}" height="{}"/>').format(
                band.css, start, top, max(room, 0), thick
            )
        )
        if room >= LETTER * len(band.name):
            parts.append(text(start + room / 2, top + thick + 18, band.name, "middle"))
        if band.start > 0:
            cut = f"{band.start * 100:g}%"
            if start - LETTER * len(cut) / 2 > free:
                parts.append(text(start, top + thick + 38, cut, "middle"))
                free = start + LETTER * len(cut) / 2
    if scale.average is not None and scale.average <= scale.end:
        at = x(scale.average)
        parts.append(
            Markup(
                '<line class="ink-line" stroke-width="2" stroke-dasharray="4 3"'
                ' x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>'
            ).format(at, top - 8, top + thick + 6)
        )
    low, high, at, line = x(scale.low), x(scale.high), x(scale.score), top - 14
    parts.append(
        Markup(
            '<path class="ink-line" stroke-width="2" d="M{0} {2}v12M{0} {3}H{1}M{1} {2}v12"/>'
            '<circle class="ink-mark" cx="{4}" cy="{3}" r="5"/>'
        ).format(low, high, line - 6, line, at)
    )
    label = f"{scale.score_words} ({scale.range_words})"
    half = LETTER * 1.08 * len(label) / 2
    parts.append(text(min(max(at, left + half), right - half), 18, label, "middle", weight="bold"))
    height = top + thick + 48
    if scale.average is not None:
        parts.append(text(left, height + 8, f"Dashed line: average {scale.average_words}", "start"))
        height += 14
    return svg(
        f"scale-{kind}",
        kind,
        width,
        height,
        f"Score on the scale of bands: {scale.score_words}",
        f"{scale.score_words}, range {scale.range_words}, in the band {scale.band_words}. "
        + "Bands begin at "
        + ", ".join(f"{band.name} {band.start * 100:g}%" for band in scale.bands)
        + (f". Average {scale.average_words}." if scale.average is not None else "."),
        parts,
    )


@dataclass(frozen=True)
class Kind:
    """One kind of mark: its code, its name in a key, and its shape."""

    code: str
    name: str
    path: str


KINDS = {
    kind.code: kind
    for kind in (
        Kind("conviction", "Conviction", "M-5 -5h10v10h-10z"),
        Kind("charge", "Charge, not convicted", "M0 -7l6 7l-6 7l-6 -7z"),
        Kind("report", "Report, not proven", "M-6 0a6 6 0 1 0 12 0a6 6 0 1 0 -12 0z"),
        Kind("diverted", "Caution or out of court", "M-7 0h14M0 -7v14"),
        Kind("arrest", "Arrest, not proven", "M0 -8v16"),
        Kind("order", "Order made", "M0 -7l7 12h-14z"),
        Kind("breach", "Breach of an order recorded, not proven", "M0 7l7 -12h-14z"),
        Kind("victim", "Was the victim", "M-5 -5l10 10M5 -5l-10 10"),
    )
}
"""Kinds of mark in a history, told apart by shape."""


@dataclass(frozen=True)
class Mark:
    """One record in a history: its day and its kind, a key of `KINDS`."""

    day: date
    kind: str


@dataclass(frozen=True)
class Lane:
    """One line of a history: its name and its marks."""

    name: str
    marks: Sequence[Mark]


def history_lanes(lanes: Sequence[Lane], start: date, end: date) -> Markup:
    """Draw records as marks in lanes over the years, wide and narrow.

    Parameters
    ----------
    lanes : sequence of Lane
        Marks outside of the dates are left out.
    start, end : date
        The first day drawn, and the day after the last.

    Examples
    --------
    >>> lane = Lane("Orders", (Mark(date(2025, 5, 1), "order"),))
    >>> "Orders: 1 of" in history_lanes([lane], date(2024, 1, 1), date(2026, 1, 1))
    True
    """
    return Markup("").join(_lanes(lanes, start, end, kind, width) for kind, width in WIDTHS.items())


def _lanes(lanes: Sequence[Lane], start: date, end: date, kind: str, width: int) -> Markup:
    wide = kind == "wide"
    left, right, row = (190 if wide else 12), width - 12, (34 if wide else 52)
    top = 8 if wide else 24
    bottom = top + row * len(lanes)
    length = max((end - start).days, 1)

    def x(day: date) -> float:
        return round(left + (right - left) * (day - start).days / length, 1)

    parts = []
    free = -math.inf
    for year in range(start.year, end.year + 1):
        first = date(year, 1, 1)
        if not start <= first < end:
            continue
        at = x(first)
        parts.append(
            Markup('<line class="ink-rule" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>').format(
                at, top - 4, bottom
            )
        )
        if at - 18 > free and at + 18 <= width:
            parts.append(text(max(at, 18), bottom + 18, str(year), "middle"))
            free = max(at, 18) + 18
    for place, lane in enumerate(lanes):
        y = top + row * place + row // 2
        if wide:
            parts.append(text(left - 14, y + 5, lane.name, "end"))
        else:
            parts.append(text(left, y - 12, lane.name, "start"))
            y += 6
        parts.append(
            Markup('<line class="ink-rule" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
                left, right, y, y
            )
        )
        for mark in lane.marks:
            if start <= mark.day < end:
                parts.append(_mark(mark.kind, x(mark.day), y))
    return svg(
        f"history-{kind}",
        kind,
        width,
        bottom + 28,
        f"Records from {start.year} to {end.year} by kind",
        "; ".join(f"{lane.name}: {_counted(lane.marks)}" for lane in lanes) + ".",
        parts,
    )


def _counted(marks: Sequence[Mark]) -> str:
    found = {code: sum(mark.kind == code for mark in marks) for code in KINDS}
    return ", ".join(
        f"{number} of '{KINDS[code].name}'" for code, number in found.items() if number
    )


def _mark(kind: str, x: float, y: float) -> Markup:
    return Markup(
        '<path class="ink-{}" stroke-width="2" transform="translate({} {})" d="{}"/>'
    ).format(kind, x, y, KINDS[kind].path)


def key_mark(kind: str) -> Markup:
    """Draw one mark for a key; its name stands beside it, so it is hidden from screen readers."""
    return Markup(
        '<svg width="18" height="18" viewBox="-9 -9 18 18" aria-hidden="true" focusable="false">'
        "{}</svg>"
    ).format(_mark(kind, 0, 0))


LARGE, MEDIUM = math.log(2), math.log(4 / 3)
"""Contributions from which an effect is called large (the odds doubled or halved) or medium."""


def effect_size(contribution: float) -> str:
    """Return how large a contribution in log-odds is, in a word.

    Examples
    --------
    >>> effect_size(0.8), effect_size(-0.3), effect_size(0.1)
    ('large', 'medium', 'small')
    """
    size = abs(contribution)
    return "large" if size >= LARGE else "medium" if size >= MEDIUM else "small"


def effect_bar(contribution: float, largest: float) -> Markup:
    """Draw a contribution as a bar: filled to the right raises, open to the left lowers.

    The words beside it say the same, so it is hidden from screen readers.
    """
    length = max(round(46 * min(abs(contribution) / largest, 1.0)), 2) if largest else 2
    raises = contribution >= 0
    return Markup(
        '<svg class="effect" width="100" height="14" viewBox="0 0 100 14" aria-hidden="true"'
        ' focusable="false"><rect class="ink-{}" x="{}" y="2" width="{}" height="10"/>'
        '<line class="ink-line" stroke-width="2" x1="50" x2="50" y1="0" y2="14"/></svg>'
    ).format("raises" if raises else "lowers", 50 if raises else 50 - length, length)


def text(x: float, y: float, words: str, anchor: str, weight: str = "normal") -> Markup:
    """Return words as they stand in a chart, at 14 px."""
    return Markup(
        '<text x="{}" y="{}" font-size="14" font-weight="{}" text-anchor="{}">{}</text>'
    ).format(round(x, 1), y, weight, anchor, words)


def svg(
    name: str,
    kind: str,
    width: int,
    height: int,
    title: str,
    description: str,
    parts: Sequence[Markup],
) -> Markup:
    """Return a chart as one named and described picture, for a wide page or a narrow one."""
    return Markup(
        '<svg class="chart chart--{1}" role="img" aria-labelledby="{0}-name"'
        ' aria-describedby="{0}-words" focusable="false"'
        ' width="{2}" height="{3}" viewBox="0 0 {2} {3}">'
        '<title id="{0}-name">{4}</title><desc id="{0}-words">{5}</desc>{6}</svg>'
    ).format(name, kind, width, height, title, description, Markup("").join(parts))
