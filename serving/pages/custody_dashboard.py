"""Custody outcomes as a board is told them; every column makes 100."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from features.dashboards import custody, stalking
from features.dashboards.cube import ALL, Cube
from serving.access import Permission, require
from serving.pages.dashboard_view import (
    SUPPRESSED,
    Cell,
    Section,
    Table,
    View,
    number,
)
from serving.pages.desk import (
    Desk,
    area_filter,
    as_known,
    chosen,
    period_of,
)
from serving.pages.door import Visitor


def show(desk: Desk, request: Request, visitor: Visitor) -> Response:
    """Answer with how stays in custody ended."""
    require(visitor.principal, Permission.DASHBOARDS)
    load = desk.load()
    records = desk.records(load)
    period, chooser = period_of(request, load)
    stays = records.counted(("stays", period), lambda: custody.stays(records.known, period))
    areas = list(stalking.with_areas(stays)[1])
    area = chosen(request, "area", areas)
    columns = {
        kind: records.counted(("custody", period, kind), partial(custody.counted, stays, kind))
        for kind in custody.KINDS
    }
    recorded = custody.bail_is_recorded(records.known)
    table = _custody(columns, area, recorded, bool(len(stays)))
    view = View(
        name="custody",
        title="Custody outcomes",
        lead=[
            f"{as_known(load)} Stays in police custody that began in {period.words}, for"
            " three kinds of offence that overlap, so the columns must not be added up.",
        ],
        filters=[chooser, area_filter(areas, area)],
        sections=[
            Section(
                "How stays ended",
                table,
                empty="No stay in custody is recorded in this period. That is not nought.",
                lead=[
                    "Each column makes 100%. “Other or no outcome” is what the other rows do"
                    " not name, and stays whose end is not recorded yet."
                ],
                after=[
                    SUPPRESSED,
                    *(["Rows about bail are told for all areas only."] if area else []),
                ],
            )
        ],
    )
    return desk.show(request, visitor, view, load)


def _custody(
    columns: dict[str, Cube], area: str, recorded: dict[str, bool], any_stay: bool
) -> Table | None:
    if not any_stay:
        return None
    rows = [
        [
            Cell("Stays in custody"),
            *(number(each.count(area, ALL, ALL, ALL)) for each in columns.values()),
        ]
    ]
    parts = {kind: _ends(found, area) for kind, found in columns.items()}
    sub = []
    for end, text in custody.ENDS.items():
        rows.append([Cell(text), *(parts[kind][end] for kind in columns)])
        if end != "bailed" or area:
            continue
        for conditions, said in custody.CONDITIONS.items():
            sub.append(len(rows))
            told = recorded["conditions"] or conditions == "not_recorded"
            rows.append(
                [
                    Cell(f"of these {said}"),
                    *(_of(each, told, 2, conditions) for each in columns.values()),
                ]
            )
        sub.append(len(rows))
        rows.append(
            [
                Cell("of these with a breach on record"),
                *(_of(each, recorded["breach"], 3, "breached") for each in columns.values()),
            ]
        )
    return Table(
        "Stays in custody by how they ended",
        ["How the stay ended", *custody.KINDS.values()],
        rows,
        strong=frozenset([0]),
        sub=frozenset(sub),
    )


def _ends(found: Cube, area: str) -> dict[str, Cell]:
    """Return a column's cells: numbers with whole percentages that make 100."""
    counts = {end: found.count(area, end, ALL, ALL) for end in custody.ENDS}
    if found.count(area, ALL, ALL, ALL) == 0:
        return {end: Cell("No stays") for end in custody.ENDS}
    if any(count is None for count in counts.values()):
        # a whole percentage beside others would tell too much of what is withheld
        return {end: number(count) for end, count in counts.items()}
    shares = custody.per_cent([count or 0 for count in counts.values()])
    return {
        end: Cell(f"{percent}%", note=f"{count:,}", number=count)
        for (end, count), percent in zip(counts.items(), shares, strict=True)
    }


def _of(found: Cube, recorded: bool, place: int, value: str) -> Cell:
    if not recorded:
        return Cell("Not recorded")
    cell = [ALL, "bailed", ALL, ALL]
    cell[place] = value
    return number(found.count(*cell))
