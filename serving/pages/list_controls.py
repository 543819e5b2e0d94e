"""What a list offers to a reader who moves about it: its filters, and its addresses."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from features.question import BANDS
from features.strands import by_mark
from serving.pages import words
from serving.pages.lists import ORDERS, Asked, OpenList
from serving.pages.paging import Filter
from serving.pages.standing import FILTERS


def filters_of(found: OpenList, asked: Asked, others: Sequence[tuple[str, str]]) -> list[Filter]:
    """Return the filters that a list offers, each with what is chosen."""
    filters = []
    if len(others) > 1:
        filters.append(Filter("list", "List", others, found.question.name))
    filters.append(
        Filter("band", "Band", [("", "All"), *((b, b) for b in reversed(BANDS))], asked.band)
    )
    parts = found.question.sub_cohorts if found.history is not None else {}
    if parts:
        named = [(name, words.spoken(name).capitalize()) for name in parts]
        filters.append(Filter("cohort", "Part of the cohort", [("", "All"), *named], asked.cohort))
    if found.history is not None:
        strands = [(name, said[:1].upper() + said[1:]) for name, said in by_mark().items()]
        filters.append(
            Filter("strand", "Reports of two years", [("", "Any strand"), *strands], asked.strand)
        )
    if found.standing is not None:
        areas = found.standing.areas
        if areas:
            filters.append(
                Filter("area", "Area", [("", "All"), *((a, a) for a in areas)], asked.area)
            )
        filters.append(
            Filter("status", "Status now", [("", "Any"), *FILTERS.items()], asked.status)
        )
    if found.compared:
        filters.append(Filter("order", "Order by", list(ORDERS.items()), asked.order))
    return filters


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
