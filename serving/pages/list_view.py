"""What a page of the priority list shows, apart from HTML: every figure already in its words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from features.cohort import REASONS
from models.words import ENDINGS, date_words
from serving.pages import words
from serving.pages.case_words import DecisionLine
from serving.pages.identity import Identity, Veil, identity
from serving.pages.list_controls import filters_of, href
from serving.pages.lists import Asked, OpenList
from serving.pages.other_ranks import CLOSE
from serving.pages.paging import PAGE, Filter, links, pages_of
from serving.pages.standing import Tag

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
    close: str = ""
    rfg: str = ""
    far_apart: bool = False
    decision: DecisionLine | None = None
    withheld: bool = False


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
    filters: Sequence[Filter]
    filtered: bool
    clear_href: str
    shown: str
    lines: Sequence[Line]
    capacity_after: int | None
    capacity_href: str | None
    capacity: str
    capacity_rank: int
    compared: bool
    pages: Mapping[str, Any] | None
    csv_href: str
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
    >>> facts({"text": "2 arrests (not proven); aged 31 years: associated with lower risk.",
    ...        "direction": "lowers"})
    '2 arrests (not proven); aged 31 years'
    """
    return str(reason["text"]).removesuffix(ENDINGS[reason["direction"]])


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
    veil: Veil,
    today: date,
    records_to: date,
    version: int,
    decisions: Decisions | None = None,
) -> ListView:
    """Return what one page of a list shows.

    Parameters
    ----------
    found : OpenList
    asked : Asked
    others : sequence of (name, title)
        The questions this reader can choose from, this one among them.
    veil : Veil
        What the reader does not see.
    today : date
        By the question's clock.
    records_to, version
        Last day of the newest records, and the version of the model in force.
    decisions : callable, optional
        Looks the last decisions about some people up.
    """
    info, question = found.info, found.question
    matching = matching_for(found, asked, veil)
    pages = pages_of(len(matching))
    page = min(max(asked.page, 1), pages)
    positions = matching[(page - 1) * PAGE : page * PAGE]
    rows = found.lines(positions)
    last = decisions(rows) if decisions is not None else {}
    lines = lines_at(found, rows, positions, veil, last)
    by_rank = asked.order != "risen" or not found.compared
    average = info["mean_probability"]
    return ListView(
        question=question.name,
        title=question.title,
        outcome=question.outcome_words,
        summary=(
            f"{words.count(info['scored'], 'person', 'people')} scored from records up to"
            f" {date_words(found.known_to)}."
        ),
        average="" if average is None else words.in_hundred(average, question.band),
        published=_moment(found.published.said["published_at"]),
        not_scored=_not_scored(info),
        not_scored_href=f"/lists/{question.name}/not-scored",
        warnings=stale(found, today=today, records_to=records_to, version=version),
        filters=filters_of(found, asked, others),
        filtered=asked.filtered,
        clear_href=href(question.name, Asked(order=asked.order)),
        shown=_shown(len(matching), page, len(lines)),
        lines=lines,
        capacity_after=_capacity_after(found, lines, matching[page * PAGE :]) if by_rank else None,
        capacity_href=_capacity_href(found, asked, page) if by_rank else None,
        capacity=(
            f"The teams can take on {words.count(info['capacity'], 'person', 'people')}."
            " People below the line are not safe, and not low risk."
            f"{_swaps(found)}"
        ),
        capacity_rank=info["capacity"],
        compared=found.compared,
        pages=links(
            "Pages of the list",
            page,
            pages,
            lambda number: href(question.name, replace(asked, page=number)),
        ),
        csv_href=href(question.name, replace(asked, page=1), "/list.csv"),
        positions=positions.tolist(),
    )


Decisions = Callable[[Sequence[Mapping[str, Any]]], Mapping[str, DecisionLine]]
"""Returns the last decision about each person of some lines, by person."""


def close_call(share: float) -> str:
    """Return where somebody near the capacity line would stand in re-runs; empty where it is plain.

    Examples
    --------
    >>> close_call(0.58), close_call(0.97), close_call(float("nan"))
    ('above the line in about 58 of 100 re-runs', '', '')
    """
    if not CLOSE <= share <= 1 - CLOSE:
        return ""
    return f"above the line in about {share * 100:.0f} of 100 re-runs"


def _swaps(found: OpenList) -> str:
    """Return which ranks may change sides when the model is fitted again, in a sentence."""
    if found.swaps is None:
        return ""
    first, last = found.swaps
    return f" Ranks {first:,} to {last:,} may change sides in re-runs."


def rfg_words(found: OpenList, position: int) -> str:
    """Return somebody's rank by RFG; empty where there are no records to rank by."""
    if found.rfg is None:
        return ""
    first, last = found.rfg.at(position)
    return "" if not first else f"{first:,}" if first == last else f"{first:,} to {last:,}"


def lines_at(
    found: OpenList,
    rows: Sequence[Mapping[str, Any]],
    positions: np.ndarray,
    veil: Veil,
    decisions: Mapping[str, DecisionLine],
) -> list[Line]:
    """Return lines of a list as they are told, at some positions."""
    return [
        _line(found, row, position, veil, decisions.get(row["nominal_id"]))
        for row, position in zip(rows, positions.tolist(), strict=True)
    ]


def _line(
    found: OpenList,
    row: Mapping[str, Any],
    position: int,
    veil: Veil,
    decision: DecisionLine | None = None,
) -> Line:
    rank = row["rank"]
    line = Line(
        rank=rank,
        change=words.change(rank, row["previous_rank"], found.compared),
        person=identity(found, row, position, veil.pseudonymous),
        href=f"/lists/{found.question.name}/{row['score_id']}",
        chance=chance(row, found),
        reasons=[told(reason) for reason in row["reasons"][:MOST_REASONS]],
        tags=None if found.standing is None else found.standing.tags(position),
        above_line=rank is not None and rank <= found.info["capacity"],
        close=close_call(float(found.above[position])),
        rfg=rfg_words(found, position),
        far_apart=found.rfg is not None and found.rfg.far_apart(position),
        decision=decision,
    )
    if row["nominal_id"] not in veil.withheld:
        return line
    who = Identity(line.person.name, "", "")
    nothing: dict[str, Any] = {"reasons": (), "tags": (), "rfg": "", "far_apart": False}
    return replace(line, person=who, decision=None, withheld=True, **nothing)


def matching_for(found: OpenList, asked: Asked, veil: Veil) -> np.ndarray:
    """Return the positions of those who match; no filter tells what the withheld have on record."""
    matching = found.select(asked)
    if not (veil.withheld and asked.by_records):
        return matching
    people = found.rows["nominal_id"].take(pa.array(matching))
    return matching[[person not in veil.withheld for person in people.to_pylist()]]


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
    whole = not asked.filtered
    elsewhere = whole and where != page and capacity < found.info["scored"]
    return href(found.question.name, replace(asked, page=where)) if elsewhere else None


def stale(
    found: OpenList, *, today: date, records_to: date, version: int, what: str = "list"
) -> list[str]:
    """Return what is out of date about a list, or about one score, in sentences."""
    said = []
    expires = date.fromisoformat(found.info["expires_on"])
    if today > expires:
        said.append(
            f"This {what} expired on {date_words(expires)}. Do not rely on it; score again first."
        )
    if records_to > found.known_to:
        said.append(
            f"Newer records are here, up to {date_words(records_to)}. This {what} knows nothing"
            f" after {date_words(found.known_to)}."
        )
    if int(found.info["model"]["version"]) != version:
        said.append(
            f"This {what} was made with model version {found.info['model']['version']};"
            f" version {version} is in force now."
        )
    if found.standing is None:
        said.append(
            f"The records that this {what} was made from cannot be read at the moment. Dates of"
            " birth, areas and status are missing below; that they are missing says nothing about"
            " anyone."
        )
    return said


def _moment(text: str) -> str:
    """Return when something happened, in the server's own time zone."""
    moment = datetime.fromisoformat(text).astimezone()
    hour = moment.hour % 12 or 12
    return f"{date_words(moment.date())} at {hour}:{moment:%M}{'am' if moment.hour < 12 else 'pm'}"


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


def insufficient_lines(found: OpenList, page: int, veil: Veil) -> tuple[list[Line], list[int], int]:
    """Return one page of the people with insufficient history, their positions, and the pages."""
    pages = pages_of(len(found.insufficient))
    page = min(max(page, 1), pages)
    positions: np.ndarray = found.insufficient[(page - 1) * PAGE : page * PAGE]
    rows = found.lines(positions)
    lines = [
        _line(found, row, position, veil)
        for row, position in zip(rows, positions.tolist(), strict=True)
    ]
    return lines, positions.tolist(), pages
