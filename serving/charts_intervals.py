"""Charts of figures with their intervals: predicted against recorded, and groups beside each other.

The words around a chart say the same as it does, and each has a table beside it on its page.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from serving.charts import svg, text

WIDTHS = {"wide": 560, "narrow": 340}
"""The wide one stands in half of a page."""


@dataclass(frozen=True)
class Point:
    """Assessments alike: what was estimated, how often it was recorded, and its interval."""

    predicted: float
    rate: float
    low: float
    high: float
    rows: int


def calibration_chart(points: Sequence[Point], words: Callable[[float], str]) -> Markup:
    """Draw what was estimated against what was recorded, with the line of a perfect match.

    Parameters
    ----------
    points : sequence of Point
        From the lowest estimate to the highest.
    words : callable
        Writes a share.

    Examples
    --------
    >>> points = [Point(0.02, 0.01, 0.0, 0.03, 900), Point(0.2, 0.18, 0.13, 0.24, 300)]
    >>> drawn = calibration_chart(points, lambda share: f"{share:.0%}")
    >>> drawn.count('role="img"'), "20% estimated, 18% recorded (13% to 24%)" in drawn
    (2, True)
    """
    return Markup("").join(
        _calibration(points, words, kind, width) for kind, width in WIDTHS.items()
    )


def _calibration(
    points: Sequence[Point], words: Callable[[float], str], kind: str, width: int
) -> Markup:
    furthest = max(max(point.high, point.predicted) for point in points)
    step = tick(furthest)
    end = step * math.ceil(round(furthest / step, 6))
    left, right, top, bottom = 44, width - 14, 12, round(width * 0.72)

    def x(share: float) -> float:
        return round(left + (right - left) * share / end, 1)

    def y(share: float) -> float:
        return round(bottom - (bottom - top) * share / end, 1)

    parts = []
    for number in range(round(end / step) + 1):
        share = number * step
        parts.append(
            Markup('<line class="ink-rule" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
                left, right, y(share), y(share)
            )
        )
        parts.append(text(left - 6, y(share) + 5, words(share), "end"))
        parts.append(text(min(x(share), right - 8), bottom + 20, words(share), "middle"))
    parts.append(
        Markup(
            '<path class="ink-line" stroke-width="2" stroke-dasharray="6 4" d="M{} {}L{} {}"/>'
        ).format(x(0), y(0), x(end), y(end))
    )
    for point in points:
        at = x(point.predicted)
        parts.append(
            Markup(
                '<path class="ink-line" stroke-width="2" d="M{0} {1}V{2}"/>'
                '<circle class="ink-mark" cx="{0}" cy="{3}" r="6"/>'
            ).format(at, y(point.low), y(point.high), y(point.rate))
        )
    parts.append(text((left + right) / 2, bottom + 44, "What the model estimated", "middle"))
    said = "; ".join(
        f"{words(point.predicted)} estimated, {words(point.rate)} recorded"
        f" ({words(point.low)} to {words(point.high)})"
        for point in points
    )
    return svg(
        f"calibration-{kind}",
        kind,
        width,
        bottom + 54,
        "What was recorded against what the model estimated",
        f"{said}. The dashed line is a perfect match.",
        parts,
    )


def tick(furthest: float) -> float:
    """Return the distance of a scale's lines, so that there are three to six of them.

    Examples
    --------
    >>> tick(0.37), tick(0.09), tick(1.0), tick(0.0)
    (0.1, 0.02, 0.2, 0.01)
    """
    for step in (0.01, 0.02, 0.05, 0.1):
        if furthest <= 5 * step:
            return step
    return 0.2


def interval_strip(
    value: float, low: float, high: float, reference: float | None, end: float
) -> Markup:
    """Draw one figure with its interval on a line from nought, and what it is held against.

    The words beside it say the same, so it is hidden from screen readers.

    Parameters
    ----------
    reference : float or None
        Where the dashed line stands.
    end : float
        Where the scale ends; the same for all that are compared.

    Examples
    --------
    >>> interval_strip(0.03, 0.02, 0.05, 0.029, 0.1).count("<circle")
    1
    """
    width, middle = 220, 11

    def x(share: float) -> float:
        return round(6 + (width - 12) * min(max(share / end, 0.0), 1.0), 1) if end > 0 else 6

    dashed = (
        Markup("")
        if reference is None
        else Markup(
            '<line class="ink-line" stroke-width="2" stroke-dasharray="4 3" x1="{0}" x2="{0}"'
            ' y1="1" y2="21"/>'
        ).format(x(reference))
    )
    return Markup(
        '<svg class="strip" width="{0}" height="22" viewBox="0 0 {0} 22" aria-hidden="true"'
        ' focusable="false">{1}<path class="ink-line" stroke-width="2" d="M{2} {5}H{3}"/>'
        '<circle class="ink-mark" cx="{4}" cy="{5}" r="5"/></svg>'
    ).format(width, dashed, x(low), x(high), x(value), middle)
