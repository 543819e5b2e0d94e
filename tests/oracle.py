"""The naive oracle: every column of the catalogue, for one person and date, in plain loops."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any

from features.assemble import VARIETY_OF
from features.declare import FeatureColumn
from features.history import DECAY
from features.taxonomy import MARKS, taxonomy
from tests.worlds import Rows

CODES = {row["offence_code"]: row for row in taxonomy().to_pylist()}
MARKERS = ("domestic", "online", "strangulation", "weapon", "threats_to_kill", "separation")


def known(record: dict[str, Any], at: date) -> bool:
    ended = record.get("superseded_on")
    return record["known_on"] < at and (ended is None or ended >= at)


def offence_event(offence: dict[str, Any], **extra: Any) -> dict[str, Any]:
    code = CODES.get(offence["offence_code"], {})
    marks = {mark for mark in (*MARKS, "high_harm") if code.get(mark)}
    marks |= {mark for mark in (*MARKERS, "child_present") if offence.get(mark)}
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
    if source == "victims":
        return [
            {
                "occurred_on": offences[v["offence_id"]]["occurred_on"],
                "offence_on": offences[v["offence_id"]]["occurred_on"],
                **both_known(offences[v["offence_id"]], r, v),
                "marks": {v.get("relationship")}
                | ({"domestic"} if offences[v["offence_id"]].get("domestic") else set()),
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


def value(rows: Rows, column: FeatureColumn, who: str, at: date) -> float | None:
    """Return what a column must hold for a person on a date; None where it is empty."""
    person = next((r for r in rows["nominal"] if r["nominal_id"] == who and known(r, at)), None)
    born = person["born_on"] if person else None
    if column.measure == "age":
        return None if born is None else (at - born).days / 365.25
    events = [
        e
        for e in events_of(rows, column.source, who, at)
        if set(column.of) <= e["marks"] and (e["occurred_on"] is None or e["occurred_on"] < at)
    ]
    if born is not None:
        events = [e for e in events if (e["offence_on"] or e["known_on"]) >= adult_on(born)]
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
