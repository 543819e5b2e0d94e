"""A person's records in words and in lanes: what happened, and of what legal status it is.

Only what `History.events` returns is shown, so nothing that became known on or after the list's
date can be on a page. Allegations are named as such; nobody else's id is ever among the words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from features.sources import OTHERS, SOURCES
from models.words import date_words
from serving import charts
from serving.pages import words
from serving.pages.standing import order_words
from serving.pseudonyms import reference

LATE = 7
"""Days after which it is worth saying that something became known later than it happened."""

YEARS = 10
"""Years that the lanes go back at most; the list of records goes back as far as they do."""

STRANDS = (
    ("Sexual offences", ("sexual",)),
    ("Stalking, harassment", ("stalking", "harassment")),
    ("Domestic abuse", ("domestic",)),
    ("Violence", ("violence", "injury", "homicide")),
)
"""Lanes by mark, the first that fits; the rest is other offences."""

BEHAVIOUR = {
    "strangulation": "strangulation",
    "weapon": "a weapon",
    "threats_to_kill": "threats to kill",
    "separation": "a separation",
    "child_present": "a child present",
    "following": "following, watching or loitering",
    "unwanted_contact": "repeated unwanted contact",
}
_OFFENCES = {
    "suspected": ("Report, not proven", "report"),
    "charged": ("Charged, not convicted", "charge"),
    "convicted": ("Convicted", "conviction"),
    "diverted": ("Caution or out-of-court disposal", "diverted"),
    "victimised": ("Was the victim", "victim"),
}
_BAIL = {
    "granted": "Bail granted",
    "breached": "Breach of bail recorded, not proven",
    "ended": "Bail ended",
}
_CONDITIONS = {"yes": "With conditions.", "no": "Without conditions."}
_ORDERS = {
    "made": "{} made",
    "breached": "Breach recorded, not proven: {}",
    "ended": "{} ended",
}
_WHERE = {"prison": "prison", "remand": "prison on remand"}


@dataclass(frozen=True)
class Item:
    """One record on the timeline."""

    anchor: str
    title: str
    reference: str
    when: str
    words: str
    record: Mapping[str, str] | None = None
    """Table and id, by which the record can be reported as wrong."""


@dataclass(frozen=True)
class HistoryView:
    """A person's history: the lanes, their table, and every record, the latest first."""

    chart: str
    kinds: Sequence[charts.Kind]
    counts: Sequence[tuple[str, Sequence[int]]]
    before: int
    items: Sequence[Item]
    victim: int
    programmes: Sequence[str]
    anchors: Mapping[tuple[str, str], str]


def marks_of(source: str, bits: int) -> set[str]:
    """Return an event's marks by name.

    Examples
    --------
    >>> marks_of("imprisonment", 1)
    {'received'}
    """
    names = SOURCES[source].marks
    return {name for place, name in enumerate(names) if bits >> place & 1}


def history_view(events: pd.DataFrame, as_of_date: date, *, pseudonymous: bool) -> HistoryView:
    """Return a person's visible past as the page shows it.

    Parameters
    ----------
    events : DataFrame
        As `History.events` returns it.
    as_of_date : date
        The moment of knowledge, exclusive.
    pseudonymous : bool
        Whether references are withheld.
    """
    own = events[~events["source"].isin(OTHERS)]
    rows = [_plain(row) for row in own.to_dict("records")]
    items: list[Item] = []
    anchors: dict[tuple[str, str], str] = {}
    for number, row in enumerate(rows, start=1):
        item = _item(row, f"record-{number}", pseudonymous)
        items.append(item)
        anchors.setdefault((row["record_table"], row["record_id"]), item.anchor)
    start = date(max(as_of_date.year - YEARS, _first_year(rows, as_of_date)), 1, 1)
    lanes, before = _lanes(rows, start)
    kinds = [
        kind
        for code, kind in charts.KINDS.items()
        if any(mark.kind == code for lane in lanes for mark in lane.marks)
    ]
    return HistoryView(
        chart=charts.history_lanes(lanes, start, as_of_date) if lanes else "",
        kinds=kinds,
        counts=[
            (lane.name, [sum(m.kind == kind.code for m in lane.marks) for kind in kinds])
            for lane in lanes
        ],
        before=before,
        items=items,
        victim=sum(row["source"] == "victimised" for row in rows),
        programmes=_programmes(rows),
        anchors=anchors,
    )


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a row with dates as dates and nothing where there is nothing."""
    plain: dict[str, Any] = {
        name: None if value is None or value is pd.NaT or value != value else value
        for name, value in row.items()
    }
    for name in ("occurred_on", "known_on"):
        plain[name] = None if plain[name] is None else pd.Timestamp(plain[name]).date()
    plain["marks"] = marks_of(plain["source"], int(plain["marks"]))
    return plain


def _item(row: Mapping[str, Any], anchor: str, pseudonymous: bool) -> Item:
    title, said = _said(row)
    occurred, known = row["occurred_on"], row["known_on"]
    if occurred is None:
        when = f"Date not recorded; known since {date_words(known)}"
    elif (known - occurred).days > LATE:
        when = f"{date_words(occurred)}; known since {date_words(known)}"
    else:
        when = date_words(occurred)
    named = reference(row["reference"] or row["record_id"], pseudonymous)
    record = {"table": str(row["record_table"]), "record": str(row["record_id"])}
    return Item(anchor, title, named, when, said, record)


def _said(row: Mapping[str, Any]) -> tuple[str, str]:
    """Return a record's title and what else there is to say of it."""
    source, marks, detail = row["source"], row["marks"], row["detail"]
    if source in _OFFENCES:
        return _offence(source, marks, detail)
    if source == "custody":
        if "detained" in marks:
            return "Arrested, not proven", ""
        return f"Police custody ended: {words.spoken(detail or 'how is not recorded')}", ""
    if source == "bail":
        event = str(row["status"])
        said = _CONDITIONS.get(detail or "", "Whether with conditions is not recorded.")
        return _BAIL[event], said if event == "granted" else ""
    if source == "orders":
        return _ORDERS[str(row["status"])].format(order_words(detail or "other")), ""
    if source == "imprisonment":
        where = _WHERE.get(detail or "", "prison")
        said = f"Received into {where}" if "received" in marks else f"Released from {where}"
        return said, ""
    if source == "assessed":
        return f"Risk assessment: {detail or 'grade not recorded'}", "A judgement at the time."
    if source == "programme":
        return f"Programme {row['status']}: {detail}", ""
    if source == "management":
        return f"{detail} {row['status']}", "Context; it does not move the score."
    if source == "wanted":
        return f"Wanted marker {row['status']}", "Context; it does not move the score."
    return SOURCES[source].words.capitalize(), ""


def _offence(source: str, marks: set[str], detail: str | None) -> tuple[str, str]:
    status = _OFFENCES[source][0]
    if source == "charged" and "order_breach" in marks:
        status = "Charged with breach of an order, not convicted"
    title = f"{status}: {detail or 'offence not recorded'}"
    if source == "victimised":
        return title, (
            "Shown so that support can be considered. Being a victim does not raise the score."
        )
    if source != "suspected":
        return title, ""
    seen = [said for mark, said in BEHAVIOUR.items() if mark in marks]
    also = f" Also recorded: {', '.join(seen)}." if seen else ""
    domestic = " Flagged as domestic abuse." if "domestic" in marks else ""
    return title, f"Named as suspect.{domestic}{also}"


def _kind(row: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the lane and the mark of a record; None where it is only in the list."""
    source, marks = row["source"], row["marks"]
    if source == "victimised":
        return "As a victim", "victim"
    if source in _OFFENCES:
        lane = next((name for name, wanted in STRANDS if marks & set(wanted)), "Other offences")
        return lane, _OFFENCES[source][1]
    if source == "orders" and row["status"] in ("made", "breached"):
        return "Orders", "order" if row["status"] == "made" else "breach"
    if source == "custody" and "detained" in marks:
        return "Arrests", "arrest"
    return None


def _lanes(rows: Sequence[Mapping[str, Any]], start: date) -> tuple[list[charts.Lane], int]:
    names = [name for name, _ in STRANDS] + ["Other offences", "Arrests", "Orders", "As a victim"]
    found: dict[str, list[charts.Mark]] = {name: [] for name in names}
    before = 0
    for row in rows:
        place = _kind(row)
        if place is None or row["occurred_on"] is None:
            continue
        if row["occurred_on"] < start:
            before += 1
        else:
            found[place[0]].append(charts.Mark(row["occurred_on"], place[1]))
    return [charts.Lane(name, marks) for name, marks in found.items() if marks], before


def _first_year(rows: Sequence[Mapping[str, Any]], as_of_date: date) -> int:
    days = [row["occurred_on"] for row in rows if _kind(row) and row["occurred_on"] is not None]
    return min(days, default=as_of_date).year


def _programmes(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return each programme by the last thing recorded of it."""
    latest: dict[str, str] = {}
    for row in rows:
        if row["source"] == "programme":
            on = row["occurred_on"]
            when = "on a day not recorded" if on is None else date_words(on)
            latest.setdefault(str(row["detail"]), f"{row['detail']}: {row['status']} {when}")
    return list(latest.values())
