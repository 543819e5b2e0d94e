"""What a page of the priority list shows, apart from HTML: every figure already in its words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

import numpy as np

from features.cohort import REASONS
from features.question import BANDS
from serving.pages import words
from serving.pages.identity import Identity, identity
from serving.pages.lists import ORDERS, Asked, OpenList
from serving.pages.standing import FILTERS, Tag

PAGE = 30
MOST_REASONS = 3


@dataclass(frozen=True)
class Chance:
    """A score in the words of a list, or that there is none."""

    band: str
    css: str
    in_hundred: str
    span: str


@dataclass(frozen=True)
class Told:
    """One reason in the words of a list."""

    text: str
    lowers: bool


@dataclass(frozen=True)
class Line:
    """One person on the list."""

    rank: int | None
    change: str
    person: Identity
    href: str
    chance: Chance | None
    reasons: Sequence[Told]
    tags: Sequence[Tag] | None
    above_line: bool


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


@dataclass(frozen=True)
class ListView:
    """One page of a priority list."""

    question: str
    title: str
    outcome: str
    summary: str
    average: str
    published: str
    not_scored: str
    not_scored_href: str
    warnings: Sequence[str]
    choices: Sequence[Choice]
    filtered: bool
    clear_href: str
    shown: str
    lines: Sequence[Line]
    capacity_after: int | None
    capacity_href: str | None
    capacity: str
    capacity_rank: int
    compared: bool
    pages: Pages | None
    positions: Sequence[int] = field(default=())


def chance(row: Mapping[str, Any], found: OpenList) -> Chance | None:
    """Return a line's score in words; None where the history is insufficient."""
    if row["probability"] is None:
        return None
    band = found.question.band
    return Chance(
        band=row["band"],
        css=words.BAND_CLASSES[row["band"]],
        in_hundred=words.in_hundred(row["probability"], band),
        span=words.span(row["low"], row["high"], band),
    )


def facts(reason: Mapping[str, Any]) -> str:
    """Return a reason's facts without the ending that a heading says for all of them.

    Examples
    --------
    >>> facts({"text": "2 arrests (not proven); aged 31 years: associated with lower risk."})
    '2 arrests (not proven); aged 31 years'
    """
    text = str(reason["text"])
    for ending in (": associated with higher risk.", ": associated with lower risk."):
        text = text.removesuffix(ending)
    return text


def told(reason: Mapping[str, Any]) -> Told:
    """Return the strongest fact of a reason.

    A row has room for one fact a reason; the person's page tells the others.

    Examples
    --------
    >>> told({"text": "2 arrests (not proven); aged 31 years: associated with lower risk.",
    ...       "direction": "lowers"})
    Told(text='2 arrests (not proven)', lowers=True)
    """
    return Told(facts(reason).split("; ")[0], reason["direction"] == "lowers")


def list_view(
    found: OpenList,
    asked: Asked,
    *,
    others: Sequence[tuple[str, str]],
    pseudonymous: bool,
    today: date,
    records_to: date,
    version: int,
) -> ListView:
    """Return what one page of a list shows.

    Parameters
    ----------
    found : OpenList
    asked : Asked
    others : sequence of (name, title)
        The questions this reader can choose from, this one among them.
    pseudonymous : bool
        Whether the reader sees people without what identifies them.
    today : date
        By the question's clock.
    records_to, version
        Last day of the newest records, and the version of the model in force.
    """
    info, question = found.info, found.question
    matching = found.select(asked)
    pages = max(1, -(-len(matching) // PAGE))
    page = min(max(asked.page, 1), pages)
    positions = matching[(page - 1) * PAGE : page * PAGE]
    lines = [
        _line(found, row, position, pseudonymous)
        for row, position in zip(found.lines(positions), positions.tolist(), strict=True)
    ]
    by_rank = asked.order != "risen" or not found.compared
    average = info["mean_probability"]
    return ListView(
        question=question.name,
        title=question.title,
        outcome=question.outcome_words,
        summary=(
            f"{words.count(info['scored'], 'person', 'people')} scored from records up to"
            f" {words.day(found.known_to)}."
        ),
        average="" if average is None else words.in_hundred(average, question.band),
        published=_moment(found.published.said["published_at"]),
        not_scored=_not_scored(info),
        not_scored_href=f"/lists/{question.name}/not-scored",
        warnings=stale(found, today=today, records_to=records_to, version=version),
        choices=_choices(found, asked, others),
        filtered=bool(asked.band or asked.area or asked.status),
        clear_href=_href(question.name, Asked(order=asked.order)),
        shown=_shown(len(matching), page, len(lines)),
        lines=lines,
        capacity_after=_capacity_after(found, lines, matching[page * PAGE :]) if by_rank else None,
        capacity_href=_capacity_href(found, asked, page) if by_rank else None,
        capacity=(
            f"The teams can take on {words.count(info['capacity'], 'person', 'people')}."
            " People below the line are not safe, and not low risk."
        ),
        capacity_rank=info["capacity"],
        compared=found.compared,
        pages=_pages(question.name, asked, page, pages),
        positions=positions.tolist(),
    )


def _line(found: OpenList, row: Mapping[str, Any], position: int, pseudonymous: bool) -> Line:
    rank = row["rank"]
    return Line(
        rank=rank,
        change=words.change(rank, row["previous_rank"], found.compared),
        person=identity(found, row, position, pseudonymous),
        href=f"/lists/{found.question.name}/{row['score_id']}",
        chance=chance(row, found),
        reasons=[told(reason) for reason in row["reasons"][:MOST_REASONS]],
        tags=None if found.standing is None else found.standing.tags(position),
        above_line=rank is not None and rank <= found.info["capacity"],
    )


def _capacity_after(found: OpenList, lines: Sequence[Line], after: np.ndarray) -> int | None:
    """After how many of these lines the capacity line runs; None where it is on another page."""
    above = [line.above_line for line in lines]
    if len(after):
        above.append(found.rows["rank"][int(after[0])].as_py() <= found.info["capacity"])
    return sum(above) if 0 < sum(above) < len(above) else None


def _capacity_href(found: OpenList, asked: Asked, page: int) -> str | None:
    """Where the capacity line is, if it is on another page of the whole list."""
    capacity = found.info["capacity"]
    where = -(-capacity // PAGE)
    whole = not (asked.band or asked.area or asked.status)
    elsewhere = whole and where != page and capacity < found.info["scored"]
    return _href(found.question.name, replace(asked, page=where)) if elsewhere else None


def stale(found: OpenList, *, today: date, records_to: date, version: int) -> list[str]:
    """Return what is out of date about a list, in sentences."""
    said = []
    expires = date.fromisoformat(found.info["expires_on"])
    if today > expires:
        said.append(
            f"This list expired on {words.day(expires)}. Do not rely on it; score again first."
        )
    if records_to > found.known_to:
        said.append(
            f"Newer records are here, up to {words.day(records_to)}. This list knows nothing after"
            f" {words.day(found.known_to)}."
        )
    if int(found.info["model"]["version"]) != version:
        said.append(
            f"This list was made with model version {found.info['model']['version']};"
            f" version {version} is in force now."
        )
    if found.standing is None:
        said.append(
            "The records that this list was made from cannot be read at the moment. Dates of birth,"
            " areas and status are missing below; that they are missing says nothing about anyone."
        )
    return said


def _moment(text: str) -> str:
    """Return when something happened, in the server's own time zone."""
    moment = datetime.fromisoformat(text).astimezone()
    hour = moment.hour % 12 or 12
    return f"{words.day(moment.date())} at {hour}:{moment:%M}{'am' if moment.hour < 12 else 'pm'}"


def _not_scored(info: Mapping[str, Any]) -> str:
    """Return how many people have no score; empty where everybody has one."""
    number = info["insufficient_history"] + sum(info["rejected"].values())
    if not number:
        return ""
    return words.count(number, "person", "people")


def rejected_words(info: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Return why people were not scored at all, with numbers; the rule of the house in words."""
    return [(REASONS[code], number) for code, number in info["rejected"].items()]


def _shown(matching: int, page: int, lines: int) -> str:
    if not matching:
        return "No one matches"
    first = (page - 1) * PAGE + 1
    if lines == matching:
        return f"{words.count(matching, 'person', 'people')} shown"
    return f"{first:,} to {first + lines - 1:,} of {words.count(matching, 'person', 'people')}"


def _choices(found: OpenList, asked: Asked, others: Sequence[tuple[str, str]]) -> list[Choice]:
    choices = []
    if len(others) > 1:
        choices.append(Choice("list", "List", others, found.question.name))
    choices.append(
        Choice("band", "Band", [("", "All"), *((b, b) for b in reversed(BANDS))], asked.band)
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


def _href(question: str, asked: Asked) -> str:
    said = {
        "band": asked.band,
        "area": asked.area,
        "status": asked.status,
        "order": "" if asked.order == "score" else asked.order,
        "page": "" if asked.page == 1 else str(asked.page),
    }
    query = urlencode({name: value for name, value in said.items() if value})
    return f"/lists/{question}" + (f"?{query}" if query else "")


def _pages(question: str, asked: Asked, page: int, pages: int) -> Pages | None:
    if pages == 1:
        return None

    def href(number: int) -> str:
        return _href(question, replace(asked, page=number))

    near = sorted({1, pages, *range(max(1, page - 1), min(pages, page + 1) + 1)})
    items: list[dict[str, Any]] = []
    for place, number in enumerate(near):
        if place and number - near[place - 1] > 1:
            items.append({"ellipsis": True})
        items.append({"number": number, "href": href(number), "current": number == page})
    return Pages(
        previous=href(page - 1) if page > 1 else None,
        next=href(page + 1) if page < pages else None,
        items=items,
    )


def insufficient_lines(
    found: OpenList, page: int, pseudonymous: bool
) -> tuple[list[Line], list[int], int]:
    """Return one page of the people with insufficient history, their positions, and the pages."""
    pages = max(1, -(-len(found.insufficient) // PAGE))
    page = min(max(page, 1), pages)
    positions: np.ndarray = found.insufficient[(page - 1) * PAGE : page * PAGE]
    rows = found.lines(positions)
    lines = [
        _line(found, row, position, pseudonymous)
        for row, position in zip(rows, positions.tolist(), strict=True)
    ]
    return lines, positions.tolist(), pages
