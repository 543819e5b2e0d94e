"""A list as a file for a spreadsheet: the same people, figures and words as on the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from features.errors import Conflict
from serving.access import Permission, require
from serving.chain import Action, Leaf
from serving.pages import words
from serving.pages.case_words import DecisionLine
from serving.pages.door import Visitor
from serving.pages.list_view import Line, lines_at, matching_for
from serving.pages.lists import OpenList
from serving.pages.priority_list import PriorityList, asked, filters
from serving.safe_csv import MEDIA, written

MOST = 10_000
"""People in one file at most: more is a batch's work."""

HEAD = (
    "Rank",
    "Moved since the list before",
    "Person",
    "Born",
    "Area",
    "Band",
    "Chance in 100",
    "Range from",
    "Range to",
    "Close call",
    "Main record 1",
    "Main record 2",
    "Main record 3",
    "Status now",
    "RFG rank",
    "RFG far apart",
    "Decision",
    "Decided by",
    "Decided on",
    "Score reference",
)


class Export:
    """The download of a list.

    Parameters
    ----------
    listed : PriorityList
        Whose people, filters and rules it shares.
    marking : str
        Protective marking, in the file's name.
    """

    def __init__(self, listed: PriorityList, marking: str) -> None:
        self._listed = listed
        self._marking = marking

    def show(self, request: Request, visitor: Visitor) -> Response:
        """Answer with a CSV file of everybody who matches, once it is on the ledger.

        Raises
        ------
        Conflict
            More match than one file holds.
        """
        require(visitor.principal, Permission.EXPORT)
        name, lists = request.path_params["question"], self._listed.lists
        found = lists.open(name, visitor.principal)
        wanted = asked(request)
        veil = self._listed.veil(visitor, found)
        positions = matching_for(found, wanted, veil)
        if len(positions) > MOST:
            raise Conflict(
                f"{len(positions):,} people match, and a file holds {MOST:,} at most",
                remedy="Set a filter, for example an area, and download again.",
                code="too_many",
            )
        rows = found.lines(positions)
        decisions = self._listed.decisions(name, rows)
        lines = lines_at(found, rows, positions, veil, decisions)
        content = written(HEAD, (_cells(found, *both) for both in zip(lines, rows, strict=True)))
        lists.ledger.append(
            Action.EXPORT,
            actor=visitor.principal.actor,
            role=visitor.principal.role,
            purpose=visitor.purpose,
            question=name,
            body={
                "what": "list as CSV",
                "run_id": found.published.run.run_id,
                "people": len(rows),
                **filters(wanted),
            },
            people=[
                Leaf(row["nominal_id"], None, {"exported": row["score_id"], "rank": row["rank"]})
                for row in rows
            ],
        )
        file = f"{self._marking} {name} {found.as_of_date}.csv"
        disposition = f"attachment; filename*=UTF-8''{quote(file)}"
        return Response(content, media_type=MEDIA, headers={"content-disposition": disposition})


def _cells(found: OpenList, line: Line, row: Mapping[str, Any]) -> Sequence[Any]:
    """Return one person's cells; figures are the page's own, as numbers."""
    band, decision = found.question.band, line.decision
    reasons = [f"{'Lowers: ' if told.lowers else ''}{told.text}" for told in line.reasons]
    return (
        line.rank,
        line.change,
        line.person.name,
        line.person.born,
        line.person.area,
        row["band"],
        *(float(words.hundredth(row[part], band)) for part in ("probability", "low", "high")),
        line.close,
        *(reasons + ["Withheld" if line.withheld else ""] * 3)[:3],
        "Withheld"
        if line.withheld
        else "; ".join(tag.text for tag in line.tags)
        if line.tags is not None
        else "Not known: records cannot be read",
        line.rfg,
        "far apart" if line.far_apart else "",
        *(("Withheld", "", "") if line.withheld else _decision(decision)),
        row["score_id"],
    )


def _decision(decision: DecisionLine | None) -> tuple[str, str, str]:
    if decision is None:
        return ("None", "", "")
    return (f"{decision.what}, {decision.grade}", decision.who, decision.when)
