"""The naive oracle: every column of the catalogue, for one person and date, in plain loops."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any

from worlds import Rows

from features.assemble import DECAY, VARIETY_OF
from features.declare import FeatureColumn
from features.taxonomy import MARKS, taxonomy

CODES = {row["offence_code"]: row for row in taxonomy().to_pylist()}
MARKERS = ("domestic", "online", "strangulation", "weapon", "threats_to_kill", "separation")
MARKERS += ("child_present", "following", "unwanted_contact")


def known(record: dict[str, Any], at: date) -> bool:
    ended = record.get("superseded_on")
    return record["known_on"] < at and (ended is None or ended >= at)


def offence_event(offence: dict[str, Any], **extra: Any) -> dict[str, Any]:
    code = CODES.get(offence["offence_code"], {})
    marks = {mark for mark in (*MARKS, "high_harm") if code.get(mark)}
    marks |= {mark for mark in MARKERS if offence.get(mark)}
    if offence.get("grade") == "indictable":
        marks.add("indictable")
    event = {"occurred_on": offence["occurred_on"], "marks": marks, "harm": code.get("harm")}
    return event | {"offence_on": offence["occurred_on"]} | extra


def both_known(*records: dict[str, Any]) -> dict[str, date]:
    return {"known_on": max(record["known_on"] for record in records)}


def adult_on(born: date) -> date:
    try:
        return born.replace(year=born.year + 18)
    except ValueError:
        return date(born.year + 18, 3, 1)


def events_of(rows: Rows, source: str, who: str, at: date) -> list[dict[str, Any]]:
    """Return what a source says of a person, from the records known at a date."""
    standing = {name: [r for r in rows[name] if known(r, at)] for name in rows}
    offences = {r["record_id"]: r for r in standing["offence"]}
    parts = [r for r in standing["involvement"] if r["offence_id"] in offences]
    mine = [r for r in parts if r["nominal_id"] == who and r["role"] == "suspect"]
    if source == "suspected":
        pairs = [(offences[r["offence_id"]], r) for r in mine]
        return [offence_event(o, **both_known(o, r)) for o, r in pairs]
    if source == "victimised":
        parts_of = [r for r in parts if r["nominal_id"] == who and r["role"] == "victim"]
        pairs = [(offences[r["offence_id"]], r) for r in parts_of]
        return [offence_event(o, **both_known(o, r)) for o, r in pairs]
    if source == "co_offenders":
        suspects = [r for r in parts if r["role"] == "suspect"]
        found = []
        for own in mine:
            for theirs in suspects:
                if theirs["offence_id"] != own["offence_id"] or theirs["nominal_id"] == who:
                    continue
                for later in suspects:
                    if later["nominal_id"] == theirs["nominal_id"]:
                        shared, offence = offences[own["offence_id"]], offences[later["offence_id"]]
                        dates = both_known(own, theirs, shared, later, offence)
                        found.append(offence_event(offence, who=later["nominal_id"], **dates))
        return found
    if source == "victims":
        return [
            {
                "occurred_on": offences[v["offence_id"]]["occurred_on"],
                "offence_on": offences[v["offence_id"]]["occurred_on"],
                **both_known(offences[v["offence_id"]], r, v),
                "marks": {v.get("relationship")}
                | {m for m in ("domestic", "child_present") if offences[v["offence_id"]].get(m)},
                "who": v["nominal_id"],
            }
            for r in mine
            for v in parts
            if v["role"] == "victim"
            and v["offence_id"] == r["offence_id"]
            and v["nominal_id"] != who
        ]
    results = {
        "charged": ("charged",),
        "convicted": ("convicted",),
        "diverted": ("cautioned", "out_of_court"),
    }
    if source in results:
        found = []
        for r in standing["outcome"]:
            if r["nominal_id"] != who or r["result"] not in results[source]:
                continue
            counts = {k: r.get(f"counts_{k}") for k in ("indictable", "summary")}
            if r.get("offence_id") is None:
                marks = {"indictable"} if (counts["indictable"] or 0) > 0 else set()
                event = {"occurred_on": r["occurred_on"], "offence_on": r["occurred_on"]}
                found.append(event | {"marks": marks, "harm": None} | both_known(r) | counts)
            elif r["offence_id"] in offences:
                offence = offences[r["offence_id"]]
                event = offence_event(offence, **counts)
                found.append(event | {"occurred_on": r["occurred_on"]} | both_known(offence, r))
        return found
    table = {"orders": "protective_order", "assessed": "risk_assessment"}.get(source, source)
    found = []
    for r in standing[table]:
        if r["nominal_id"] != who:
            continue
        marks = {r.get(c) for c in ("event", "disposal", "kind", "grade", "scheme")}
        if (r.get("counts_indictable") or 0) > 0:
            marks.add("indictable")
        counts = {k: r.get(f"counts_{k}") for k in ("indictable", "summary")}
        amounts = {"days": r.get("days_served"), "ticks": r.get("ticks")}
        event = {"occurred_on": r["occurred_on"], "offence_on": r["occurred_on"]}
        found.append(event | both_known(r) | {"marks": marks} | counts | amounts)
    return found


def change(past: list[dict[str, Any]], column: FeatureColumn, at: date) -> int:
    """Events of a window, less those of the window before it."""
    difference = 0
    for event in past:
        if event["occurred_on"] is not None and set(column.of) <= event["marks"]:
            age = (at - event["occurred_on"]).days
            if age <= column.window:
                difference += 1
            elif age <= 2 * column.window:
                difference -= 1
    return difference


def at_liberty(past: list[dict[str, Any]], column: FeatureColumn, at: date) -> int:
    """Days of the window that are left when those between reception and release are taken off."""
    inside = 0
    for event in past:
        if event["occurred_on"] is not None:
            days = min((at - event["occurred_on"]).days, column.window)
            inside += days * (("received" in event["marks"]) - ("released" in event["marks"]))
    return column.window - min(max(inside, 0), column.window)


def standing(past: list[dict[str, Any]], column: FeatureColumn, at: date) -> int:
    """Episodes begun, less those ended; other marks than the first have to be the same."""
    begun, ended = set(column.of), {column.amount, *column.of[1:]}
    number = sum(begun <= e["marks"] for e in past) - sum(ended <= e["marks"] for e in past)
    return max(number, 0)


def run(past: list[dict[str, Any]], column: FeatureColumn, at: date) -> int:
    """Events of a series since the last one that was different."""
    series = [e for e in past if column.amount in e["marks"] and e["occurred_on"] is not None]
    alike = [e for e in series if set(column.of) <= e["marks"]]
    broken = [e["occurred_on"] for e in series if not set(column.of) <= e["marks"]]
    return sum(not broken or e["occurred_on"] > max(broken) for e in alike)


SERIES = {"change": change, "at_liberty": at_liberty, "standing": standing, "run": run}
"""Measures that look at more events of the source than those that carry the marks."""


def value(rows: Rows, column: FeatureColumn, who: str, at: date) -> float | None:
    """Return what a column must hold for a person on a date; None where it is empty."""
    person = next((r for r in rows["nominal"] if r["nominal_id"] == who and known(r, at)), None)
    born = person["born_on"] if person else None
    if column.measure == "age":
        return None if born is None else (at - born).days / 365.25
    past = [
        e
        for e in events_of(rows, column.source, who, at)
        if e["occurred_on"] is None or e["occurred_on"] < at
    ]
    if born is not None:
        past = [e for e in past if (e["offence_on"] or e["known_on"]) >= adult_on(born)]
    if column.measure in SERIES:
        return SERIES[column.measure](past, column, at)
    events = [e for e in past if set(column.of) <= e["marks"]]
    if column.window is not None:
        start = at - timedelta(days=column.window)
        events = [e for e in events if e["occurred_on"] is not None and e["occurred_on"] >= start]
    ages = [(at - e["occurred_on"]).days for e in events if e["occurred_on"] is not None]
    amounts = [e[column.amount] for e in events if e.get(column.amount) is not None]
    match column.measure:
        case "count":
            return len(events)
        case "sum":
            return sum(amounts)
        case "max":
            return max(amounts, default=None)
        case "distinct":
            return len({e["who"] for e in events})
        case "repeated":
            met = [e["who"] for e in events]
            return sum(met.count(other) > 1 for other in set(met))
        case "decayed":
            return sum(
                e["harm"] * int(DECAY[(at - e["occurred_on"]).days])
                for e in events
                if e["harm"] is not None and e["occurred_on"] is not None
            )
        case "recency":
            return min(ages, default=None)
        case "first":
            return max(ages, default=None)
        case "gap":
            return (max(ages) - min(ages)) / (len(ages) - 1) if len(ages) > 1 else None
        case "onset":
            return ((at - born).days - max(ages)) / 365.25 if ages and born is not None else None
        case "variety":
            counts = [sum(kind in e["marks"] for e in events) for kind in VARIETY_OF]
            total = sum(counts)
            return abs(sum(n / total * math.log(n / total) for n in counts if n)) if total else None
    raise AssertionError(f"the oracle does not know measure {column.measure}")
