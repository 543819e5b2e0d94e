"""How a reader moves about lists and dashboards alike: filters and pages, all in the address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

PAGE = 30
"""People on one page."""


@dataclass(frozen=True)
class Filter:
    """One filter: its name in the address, its label, and what can be chosen."""

    name: str
    label: str
    options: Sequence[tuple[str, str]]
    chosen: str


def pages_of(number: int) -> int:
    """Return how many pages so many people fill; nobody fills one, too.

    Examples
    --------
    >>> pages_of(0), pages_of(30), pages_of(31)
    (1, 1, 2)
    """
    return max(1, -(-number // PAGE))


def links(label: str, page: int, pages: int, href: Callable[[int], str]) -> dict[str, Any] | None:
    """Return links to the other pages as GOV.UK's pagination takes them; None for one page only.

    Parameters
    ----------
    label : str
        What the pages are of, for who does not see them.
    href : callable
        The address of a page by its number.

    Examples
    --------
    >>> found = links("Pages", 5, 9, "?page={}".format)
    >>> [item.get("number", "...") for item in found["items"]], found["previous"]
    ([1, '...', 4, 5, 6, '...', 9], {'href': '?page=4'})
    """
    if pages == 1:
        return None
    items: list[dict[str, Any]] = []
    last = 0
    for at in sorted({1, pages, *range(max(1, page - 1), min(pages, page + 1) + 1)}):
        if at - last > 1:
            items.append({"ellipsis": True})
        items.append({"number": at, "href": href(at), "current": at == page})
        last = at
    found: dict[str, Any] = {"landmarkLabel": label, "items": items}
    if page > 1:
        found["previous"] = {"href": href(page - 1)}
    if page < pages:
        found["next"] = {"href": href(page + 1)}
    return found
