"""Kept reports of drift, shadow and feedback as pages show them, in their commands' words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from features import kept_reports
from features.errors import PrecursorError
from features.kept_reports import DRIFT, FEEDBACK, SHADOW
from serving.pages import words
from serving.pages.said import dated, moment

COMMANDS = {
    DRIFT: ("Drift since the training", "drift"),
    SHADOW: ("Scores in shadow beside RFG", "shadow"),
    FEEDBACK: ("Whether being listed adds to the records", "watch"),
}
"""Each kind of report: what it tells, and the command that looks."""

UNREADABLE = "It cannot be read: the file is not what was written"


@dataclass(frozen=True)
class Line:
    """One report in a list of them."""

    name: str
    href: str
    when: str
    verdict: str
    version: str


@dataclass(frozen=True)
class Told:
    """A report in words: its verdict, sentences before and after a table, and what it cannot show.

    The table is what the command lists.
    """

    verdict: str
    before: Sequence[str]
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    after: Sequence[str]
    points: Sequence[str]


def lines_of(kind: str, question: str) -> list[Line]:
    """Return a question's reports of a kind, the latest first; a broken one is said to be so."""
    found = []
    for name in reversed(kept_reports.names(kind, question)):
        try:
            report = kept_reports.read(kind, question, name)
        except PrecursorError:
            found.append(Line(name, "", name, UNREADABLE, ""))
            continue
        href = f"/questions/{question}/reports/{kind}/{name}"
        version = f"version {report['version']}"
        when = moment(report["at"])
        found.append(Line(name, href, when, told(kind, report).verdict, version))
    return found


def told(kind: str, report: Mapping[str, Any]) -> Told:
    """Return a report as its command told it: what is listed there is a table here.

    Examples
    --------
    >>> said = {"verdict": "They cannot be told apart yet.", "listed": [["ranking", "model 0.7"]]}
    >>> found = told("shadow", {"told": said})
    >>> found.verdict, found.rows
    ('They cannot be told apart yet.', [('Ranking', 'model 0.7')])
    """
    said = report.get("told", {})
    verdict = dated(said.get("verdict", ""))
    before, after = ([dated(line) for line in said.get(part, ())] for part in ("before", "after"))
    if kind == DRIFT:
        return _drift(report, verdict, before, after)
    rows = [(words.first_large(what), dated(found)) for what, found in said.get("listed", ())]
    points = [str(point) for point in report.get("cannot_show", ())]
    if points:
        after.append("What this cannot show:")
    return Told(verdict, before, ("What", "Found"), rows, after, points)


def _drift(report: Mapping[str, Any], advice: str, before: list[str], after: Sequence[str]) -> Told:
    """Return a drift report: its level first, then every check that was not stable."""
    level = words.first_large(str(report["level"]))
    rows = [
        (
            words.first_large(check["level"]),
            words.first_large(words.spoken(check["kind"])),
            words.first_large(check["words"]),
            f"{check['p']:.1g}",
        )
        for check in report["checks"]
    ]
    return Told(
        verdict=f"{level}: {advice}" if advice else level,
        before=[*(before or [_period(report)]), *report.get("done", ())],
        heads=("Level", "Kind", "What", "p"),
        rows=rows,
        after=after,
        points=[_event(event) for event in report.get("events", ())] if rows else [],
    )


def _period(report: Mapping[str, Any]) -> str:
    """Return what a report of an earlier release, which kept no sentences, was about."""
    since, until = (words.day(date.fromisoformat(report[end])) for end in ("since", "until"))
    people = words.count(report["people"], "person", "people")
    return (
        f"{report['rows']:,} rows of {people}, as of {since} to {until}. The outcome of"
        f" {report['mature_rows']:,} of them is known. {report['compared']:,} things were compared."
    )


def _event(event: Mapping[str, Any]) -> str:
    """Return something that is known to have happened, with its days."""
    first, last = (words.day(date.fromisoformat(event[end])) for end in ("first", "last"))
    rule = " (counting rule)" if event["kind"] == "counting rule" else ""
    return f"{first}{'' if last == first else f' to {last}'}: {event['name']}{rule}"


def facts(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return of which model, of which records and when a report is."""
    return [
        ("Looked at", moment(report["at"])),
        ("Model", f"version {report['version']}"),
        ("Records", str(report["load"])),
    ]
