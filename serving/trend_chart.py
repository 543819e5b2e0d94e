"""A person's scores over time, as a line that is broken wherever the model changed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from markupsafe import Markup

from serving.charts import LETTER, WIDTHS, svg, text

Across = Callable[[date], float]
Up = Callable[[float], float]


@dataclass(frozen=True)
class Point:
    """One score: its day, the share and its range (None where there was no score), its model."""

    day: date
    score: float | None
    low: float | None
    high: float | None
    model: str
    day_words: str
    score_words: str


@dataclass(frozen=True)
class Cut:
    """Where a band begins, for a line across the chart."""

    share: float
    words: str


def score_trend(points: Sequence[Point], cuts: Sequence[Cut]) -> Markup:
    """Draw scores over time, wide and narrow; no line joins scores of different models.

    Examples
    --------
    >>> seen = [Point(date(2026, m, 1), 0.1 * m, 0.1, 0.4, f"version {m // 2}", "", "")
    ...         for m in (1, 2, 3)]
    >>> score_trend(seen, []).count("ink-trend")  # two models: one line of two points, twice drawn
    2
    """
    return Markup("").join(_trend(points, cuts, kind, width) for kind, width in WIDTHS.items())


def _trend(points: Sequence[Point], cuts: Sequence[Cut], kind: str, width: int) -> Markup:
    left, right, top, bottom = 44, width - 28, 34, 190
    highest = max((point.high or 0.0 for point in points), default=0.1)
    end = min(1.0, math.ceil(max(highest * 1.1, 0.1) * 10) / 10)
    first, last = points[0].day, points[-1].day
    days = max((last - first).days, 1)

    def x(day: date) -> float:
        return round(left + (right - left) * (day - first).days / days, 1)

    def y(share: float) -> float:
        return round(bottom - (bottom - top) * share / end, 1)

    parts = []
    free = bottom + 20.0
    for cut in (Cut(0.0, "0%"), *cuts):
        if cut.share <= end:
            at = y(cut.share)
            parts.append(_line("ink-rule", left, right, at, at))
            if free - at >= 16:  # cuts that lie close keep their line and lose their figure
                parts.append(text(left - 6, at + 5, cut.words, "end"))
                free = at
    parts += _breaks(points, x, top, bottom)
    parts += _joined(points, x, y)
    for point in points:
        if point.score is None or point.low is None or point.high is None:
            parts.append(text(x(point.day), bottom - 6, "no score", "middle"))
            continue
        at = x(point.day)
        parts.append(_line("ink-line", at, at, y(point.low), y(point.high), thick=2))
        parts.append(
            Markup('<circle class="ink-mark" cx="{}" cy="{}" r="4"/>').format(at, y(point.score))
        )
    parts += _labels(points, x, y, bottom, width)
    described = "; ".join(f"{p.day_words}: {p.score_words}, {p.model}" for p in points)
    return svg(f"trend-{kind}", kind, width, bottom + 30, "Score over time", f"{described}.", parts)


def _joined(points: Sequence[Point], x: Across, y: Up) -> list[Markup]:
    """Draw a line through each run of scores that one model gave one after the other."""
    lines: list[list[Point]] = [[]]
    for point in points:
        own = lines[-1]
        if point.score is None or (own and own[-1].model != point.model):
            lines.append([])
        if point.score is not None:
            lines[-1].append(point)
    return [
        Markup('<path class="ink-trend" stroke-width="2" d="M{}"/>').format(
            "L".join(f"{x(p.day)} {y(p.score or 0.0)}" for p in own)
        )
        for own in lines
        if len(own) > 1
    ]


def _breaks(points: Sequence[Point], x: Across, top: int, bottom: int) -> list[Markup]:
    """Draw a dashed line between two scores of different models."""
    return [
        Markup(
            '<line class="ink-line ink-break" stroke-width="2" stroke-dasharray="4 3"'
            ' x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>'
        ).format(
            round((x(before.day) + x(after.day)) / 2, 1),
            top,
            bottom,
        )
        for before, after in pairwise(points)
        if before.model != after.model
    ]


def _labels(points: Sequence[Point], x: Across, y: Up, bottom: int, width: int) -> list[Markup]:
    """Write figures and days, leaving out what would lie over another; the table has them all."""
    parts, free_score, free_day = [], math.inf, math.inf
    for point in reversed(points):  # the latest is never left out
        at = x(point.day)
        if point.score is not None:
            half = LETTER * 1.08 * len(point.score_words) / 2
            place = min(max(at, half), width - half)
            if place + half < free_score:
                above = y(point.high or point.score) - 8
                parts.append(text(place, above, point.score_words, "middle", weight="bold"))
                free_score = place - half - 4
        half = LETTER * len(point.day_words) / 2
        place = min(max(at, half), width - half)
        if place + half < free_day:
            parts.append(text(place, bottom + 22, point.day_words, "middle"))
            free_day = place - half - 6
    return parts


def _line(css: str, x1: float, x2: float, y1: float, y2: float, thick: int = 1) -> Markup:
    return Markup('<line class="{}" stroke-width="{}" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
        css, thick, x1, x2, y1, y2
    )
