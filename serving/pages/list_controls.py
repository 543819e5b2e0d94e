"""How a reader moves about a list: filters, orders and pages, all of them in the address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from features.question import BANDS
from features.strands import by_mark
from serving.pages import words
from serving.pages.lists import ORDERS, Asked, OpenList
from serving.pages.standing import FILTERS

PAGE = 30
"""People on one page."""


@dataclass(frozen=True)
class Choice:
    """One filter: its name in the address, its label, and what can be chosen."""

    name: str
    label: str
    options: Sequence[tuple[str, str]]
    chosen: str


@dataclass(frozen=True)
class Pages:
    """Links to the other pages of a list."""

    previous: str | None
    next: str | None
    items: Sequence[Mapping[str, Any]]


def choices_of(found: OpenList, asked: Asked, others: Sequence[tuple[str, str]]) -> list[Choice]:
    """Return the filters that a list offers, each with what is chosen."""
    choices = []
    if len(others) > 1:
        choices.append(Choice("list", "List", others, found.question.name))
    choices.append(
        Choice("band", "Band", [("", "All"), *((b, b) for b in reversed(BANDS))], asked.band)
    )
    parts = found.question.sub_cohorts if found.history is not None else {}
    if parts:
        named = [(name, words.spoken(name).capitalize()) for name in parts]
        choices.append(Choice("cohort", "Part of the cohort", [("", "All"), *named], asked.cohort))
    if found.history is not None:
        strands = [(name, said[:1].upper() + said[1:]) for name, said in by_mark().items()]
        choices.append(
            Choice("strand", "Reports of two years", [("", "Any strand"), *strands], asked.strand)
        )
    if found.standing is not None:
        areas = found.standing.areas
        if areas:
            choices.append(
                Choice("area", "Area", [("", "All"), *((a, a) for a in areas)], asked.area)
            )
        choices.append(
            Choice("status", "Status now", [("", "Any"), *FILTERS.items()], asked.status)
        )
    if found.compared:
        choices.append(Choice("order", "Order by", list(ORDERS.items()), asked.order))
    return choices


def href(question: str, asked: Asked, more: str = "") -> str:
    """Return the address of a list, or of what belongs to it, with what is asked of it."""
    said = {
        "band": asked.band,
        "cohort": asked.cohort,
        "area": asked.area,
        "strand": asked.strand,
        "status": asked.status,
        "order": "" if asked.order == "score" else asked.order,
        "page": "" if asked.page == 1 else str(asked.page),
    }
    query = urlencode({name: value for name, value in said.items() if value})
    return f"/lists/{question}{more}" + (f"?{query}" if query else "")


def pages_of(question: str, asked: Asked, page: int, pages: int) -> Pages | None:
    """Return the links to the other pages; None where there is one page only."""
    if pages == 1:
        return None

    def at(number: int) -> str:
        return href(question, replace(asked, page=number))

    near = sorted({1, pages, *range(max(1, page - 1), min(pages, page + 1) + 1)})
    items: list[dict[str, Any]] = []
    for place, number in enumerate(near):
        if place and number - near[place - 1] > 1:
            items.append({"ellipsis": True})
        items.append({"number": number, "href": at(number), "current": number == page})
    return Pages(
        previous=at(page - 1) if page > 1 else None,
        next=at(page + 1) if page < pages else None,
        items=items,
    )
