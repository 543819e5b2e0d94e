"""Stalking and harassment by month, and how many crimes had an outcome."""

from __future__ import annotations

from datetime import date

from starlette.requests import Request
from starlette.responses import Response

from features.dashboards import stalking, volumes
from features.dashboards.cube import ALL, Cube
from features.dashboards.periods import Period
from models.words import date_words
from serving.access import Permission, require
from serving.charts_dashboards import month_chart
from serving.dashboards import Opened
from serving.pages.dashboard_view import (
    SUPPRESSED,
    WITHHELD,
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
from serving.pages.paging import Filter


def show(desk: Desk, request: Request, visitor: Visitor) -> Response:
    """Answer with crimes by month, and how many had an outcome."""
    require(visitor.principal, Permission.DASHBOARDS)
    load = desk.load()
    records = desk.records(load)
    period, chooser = period_of(request, load)
    areas = crime_areas(records, period)
    area = chosen(request, "area", areas)
    group = chosen(request, "group", stalking.GROUPS)
    found = _crimes(records, period)
    before = Period(period.first - 1, load.data_to)
    earlier = _crimes(records, before)
    both = [("", "All four"), *stalking.GROUPS.items()]
    drawn = ALL if area else group
    months = [
        (_month(month), found.count(area, drawn, month, ALL)) for month in volumes.months(period)
    ]
    named = "All four groups" if drawn == ALL else stalking.GROUPS[drawn]
    title = f"{named}, crimes recorded by month{f', {area}' if area else ''}"
    view = View(
        name="volumes",
        title="Stalking and harassment by month",
        lead=[
            f"{as_known(load)} Crimes by the month in which they were first recorded.",
            *(
                []
                if period.whole
                else [
                    f"Records end on {date_words(load.data_to)},"
                    " so the last month may not be whole."
                ]
            ),
        ],
        filters=[
            chooser,
            area_filter(areas, area),
            *([] if area else [Filter("group", "Group drawn", both, group)]),
        ],
        sections=[
            Section(
                "Month by month",
                _by_month(found, period, area),
                chart=month_chart(title, months),
                after=[SUPPRESSED],
            ),
            Section(
                "On average a month, and outcomes",
                _rates(found, earlier, period, before, area),
                lead=[
                    "An outcome is a charge, a caution or an out-of-court disposal that is known"
                    " by now. Crimes of the last months have had less time for one."
                ],
                after=["For one area only numbers are shown, not outcomes."] if area else [],
            ),
        ],
    )
    return desk.show(request, visitor, view, load)


def crime_areas(records: Opened, period: Period) -> list[str]:
    """Return the areas of a period's crimes, the missing one as one of its own."""
    found = records.counted(("crimes", period), lambda: volumes.crimes(records.known, period))
    return list(stalking.with_areas(found)[1])


def _crimes(records: Opened, period: Period) -> Cube:
    found = records.counted(("crimes", period), lambda: volumes.crimes(records.known, period))
    return records.counted(("volumes", period), lambda: volumes.counted(found, period))


def _month(name: str) -> str:
    return f"{date.fromisoformat(f'{name}-01'):%B %Y}"


def _by_month(found: Cube, period: Period, area: str) -> Table:
    groups = {} if area else stalking.GROUPS
    rows = [
        [
            Cell(_month(month)),
            *(number(found.count(ALL, group, month, ALL)) for group in groups),
            number(found.count(area, ALL, month, ALL)),
        ]
        for month in volumes.months(period)
    ]
    heads = ["Month", *groups.values(), "All four"]
    return Table("Crimes recorded by month", heads, rows)


def _rates(found: Cube, earlier: Cube, period: Period, before: Period, area: str) -> Table:
    length, last = len(volumes.months(period)), len(volumes.months(before))
    rows = []
    for group, text in stalking.GROUPS.items():
        total, was = found.count(area, group, ALL, ALL), earlier.count(area, group, ALL, ALL)
        row = [
            Cell(text),
            number(total),
            _average(total, length),
            _average(was, last),
        ]
        if not area:
            done = found.count(ALL, group, ALL, "outcome")
            row.append(number(done))
            row.append(_rate(done, total))
        rows.append(row)
    heads = ["Group", "Crimes", "A month", f"A month, {before.name}"]
    return Table(
        "Averages and outcomes", heads + ([] if area else ["With an outcome", "Outcome rate"]), rows
    )


def _average(total: int | None, months: int) -> Cell:
    return Cell(WITHHELD) if total is None else Cell(f"{total / max(months, 1):,.1f}")


def _rate(done: int | None, total: int | None) -> Cell:
    if done is None or total is None:
        return Cell(WITHHELD)
    return Cell(f"{done / total:.1%}") if total else Cell("No crimes")
