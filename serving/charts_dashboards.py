"""Charts of the dashboards: shares with their intervals, and numbers by month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from serving.charts import WIDTHS, svg, text


@dataclass(frozen=True)
class Share:
    """A share of some people with its interval; all from 0 to 1, None where it is withheld."""

    name: str
    value: float | None
    low: float = 0.0
    high: float = 0.0

    @property
    def words(self) -> str:
        """The share as it is written everywhere."""
        if self.value is None:
            return "withheld"
        return f"{self.value:.0%} ({self.low * 100:.0f} to {self.high * 100:.0f})"


def share_chart(title: str, shares: Sequence[Share]) -> Markup:
    """Draw shares as dots with their intervals, one line each, wide and narrow.

    Examples
    --------
    >>> drawn = share_chart("High scores", [Share("Partner", 0.2, 0.1, 0.3), Share("Other", None)])
    >>> drawn.count('role="img"'), "Partner 20% (10 to 30); Other withheld." in drawn
    (2, True)
    """
    return Markup("").join(_shares(title, shares, kind, width) for kind, width in WIDTHS.items())


def _shares(title: str, shares: Sequence[Share], kind: str, width: int) -> Markup:
    wide = kind == "wide"
    left, right, row = (230 if wide else 12), width - 24, (30 if wide else 48)
    top = 6
    bottom = top + row * len(shares)
    furthest = max((share.high for share in shares if share.value is not None), default=0.1)
    step = next((step for step in (0.02, 0.05, 0.1) if furthest <= 5 * step), 0.2)
    end = min(1.0, step * (int(furthest / step) + 1))

    def x(share: float) -> float:
        return round(left + (right - left) * min(share / end, 1.0), 1)

    parts = []
    for number in range(round(end / step) + 1):
        at = x(number * step)
        parts.append(
            Markup('<line class="ink-rule" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>').format(
                at, top, bottom
            )
        )
        parts.append(text(at, bottom + 18, f"{number * step:.0%}", "middle"))
    for place, share in enumerate(shares):
        y = top + row * place + (row // 2 if wide else row - 14)
        if wide:
            parts.append(text(left - 12, y + 5, share.name, "end"))
        else:
            parts.append(text(left, y - 12, share.name, "start"))
        if share.value is None:
            parts.append(text(left + 4, y + 5, "withheld", "start"))
            continue
        parts.append(
            Markup(
                '<path class="ink-line" stroke-width="2" d="M{0} {2}H{1}"/>'
                '<circle class="ink-mark" cx="{3}" cy="{2}" r="5"/>'
            ).format(x(share.low), x(share.high), y, x(share.value))
        )
    said = "; ".join(f"{share.name} {share.words}" for share in shares)
    return svg(f"shares-{kind}", kind, width, bottom + 28, title, f"{said}.", parts)


def month_chart(title: str, months: Sequence[tuple[str, int | None]]) -> Markup:
    """Draw numbers by month as bars, wide and narrow; a month that is withheld has none.

    Parameters
    ----------
    title : str
    months : sequence of (name, number)

    Examples
    --------
    >>> drawn = month_chart("Crimes", [("April 2025", 40), ("May 2025", None)])
    >>> "April 2025 40; May 2025 withheld." in drawn
    True
    """
    return Markup("").join(_months(title, months, kind, width) for kind, width in WIDTHS.items())


def _months(title: str, months: Sequence[tuple[str, int | None]], kind: str, width: int) -> Markup:
    left, right, top, row = 92, width - 60, 4, 24
    most = max((number or 0 for _, number in months), default=0) or 1
    parts = []
    for place, (name, number) in enumerate(months):
        y = top + row * place
        parts.append(text(left - 8, y + 16, _short(name), "end"))
        if number is None:
            parts.append(text(left + 4, y + 16, "withheld", "start"))
            continue
        length = round((right - left) * number / most, 1)
        parts.append(
            Markup('<rect class="ink-very-high" x="{}" y="{}" width="{}" height="16"/>').format(
                left, y + 3, length
            )
        )
        parts.append(text(left + length + 6, y + 16, f"{number:,}", "start"))
    said = "; ".join(
        f"{name} {'withheld' if number is None else f'{number:,}'}" for name, number in months
    )
    height = top + row * len(months) + 4
    return svg(f"months-{kind}", kind, width, height, title, f"{said}.", parts)


def _short(name: str) -> str:
    month, _, year = name.partition(" ")
    return f"{month[:3]} {year}"
