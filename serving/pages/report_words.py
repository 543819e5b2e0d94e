"""Kept reports of drift, shadow and feedback as pages show them, in their commands' words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from features import kept_reports
from features.errors import PrecursorError
from features.kept_reports import DRIFT, FEEDBACK, SHADOW
from models.words import date_words
from serving.pages import words
from serving.pages.said import dated, moment

Row = tuple[str, ...]

COMMANDS = {
    DRIFT: ("Drift since the training", "drift"),
    SHADOW: ("Scores in shadow beside RFG", "shadow"),
    FEEDBACK: ("Whether being listed adds to the records", "watch"),
}
"""Each kind of report: what it tells, and the command that looks."""

LISTED: Row = ("What", "Found")
CHECKED: Row = ("Level", "Kind", "What", "p")

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
class Shown:
    """A report in words: its verdict, sentences before and after a table, and points at the end.

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


def told(kind: str, report: Mapping[str, Any]) -> Shown:
    """Return a report as its command told it: what is listed there is a table here.

    Examples
    --------
    >>> said = {"verdict": "Not known yet.", "before": [], "after": [], "points": []}
    >>> found = told("shadow", {"told": said | {"listed": [["ranking", "0.7"]]}})
    >>> found.verdict, found.rows
    ('Not known yet.', [('Ranking', '0.7')])
    """
    said = report.get("told") or _untold(report)
    before, after, points = (
        [dated(line) for line in said[part]] for part in ("before", "after", "points")
    )
    verdict, heads = dated(said["verdict"]), LISTED
    rows: list[Row]
    rows = [(words.first_large(what), dated(found)) for what, found in said["listed"]]
    if kind == DRIFT:  # its level first, then every check that was not stable
        verdict = ": ".join(filter(None, (words.first_large(report["level"]), verdict)))
        before += report["done"]
        heads, rows = CHECKED, [_check(check) for check in report["checks"]]
    return Shown(verdict, before, heads, rows, after, points)


def _untold(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands for the words of a drift report of an earlier release, which kept none."""
    since, until = (date_words(date.fromisoformat(report[end])) for end in ("since", "until"))
    people = words.count(report["people"], "person", "people")
    period = (
        f"{report['rows']:,} rows of {people}, as of {since} to {until}. The outcome of"
        f" {report['mature_rows']:,} of them is known. {report['compared']:,} things were compared."
    )
    return {"verdict": "", "before": [period], "listed": [], "after": [], "points": []}


def _check(check: Mapping[str, Any]) -> tuple[str, ...]:
    told = (check["level"], words.spoken(check["kind"]), check["words"])
    return (*map(words.first_large, told), f"{check['p']:.1g}")


def facts(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return of which model, of which records and when a report is."""
    return [
        ("Looked at", moment(report["at"])),
        ("Model", f"version {report['version']}"),
        ("Records", str(report["load"])),
    ]
