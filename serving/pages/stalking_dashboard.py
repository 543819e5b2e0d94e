"""The stalking dashboard: four groups, types and natures, and how high the scores of each are."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from starlette.requests import Request
from starlette.responses import Response

from features.dashboards import stalking
from features.dashboards.cube import ALL, Cube
from features.dashboards.periods import Period
from serving.access import Permission, allows, require
from serving.charts_dashboards import Share, share_chart
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
    HIGH,
    Desk,
    Scored,
    area_filter,
    as_known,
    chosen,
    period_of,
)
from serving.pages.door import Visitor
from serving.pages.paging import Filter

SHARE = (
    "High means the bands High and Very high, which do not depend on capacity. The range is a 95%"
    " interval of the share."
)


def show(desk: Desk, request: Request, visitor: Visitor) -> Response:
    """Answer with types and natures of stalking and harassment, and the scores of each."""
    require(visitor.principal, Permission.DASHBOARDS)
    scored, lists = desk.scored(request, visitor, "stalking_escalation")
    load = desk.load(scored)
    records = desk.records(load)
    period, chooser = period_of(request, load)
    found = _stalkers(records, period, scored)
    areas = [value for value in stalking.with_areas(people_of(records, period))[1]]
    area = chosen(request, "area", areas)
    group = chosen(request, "group", stalking.GROUPS) or next(iter(stalking.GROUPS))
    groups = Filter("group", "Group in detail", list(stalking.GROUPS.items()), group)
    filters = [*([lists] if lists else []), chooser, area_filter(areas, area), groups]
    query = {"period": period.name, "group": group, "area": area}
    if lists:
        query["list"] = lists.chosen
    drill = allows(visitor.principal.role, Permission.CASELOAD)
    summary = _groups(found, area, query if drill else None)
    view = View(
        name="stalking",
        title="Stalking and harassment: what kinds, and how dangerous",
        lead=[
            f"{as_known(load)} People named as suspect in {period.words}; each counts once."
            " A report is not proven.",
            "Types and natures are recorded behaviour, not clinical types of stalker.",
        ],
        warnings=[] if scored else ["No list is published for you, so no scores are shown."],
        filters=filters,
        sections=[summary, *([] if area else _detail(found, group, query if drill else None))],
    )
    return desk.show(request, visitor, view, load, scored=scored)


def share(found: Cube, name: str, *cell: str) -> Share | None:
    """Return the share of high scores among those with a score; None where nobody has one."""
    high, other = found.count(*cell, "high"), found.count(*cell, "other")
    if high is None or other is None:
        return Share(name, None)
    if not high + other:
        return None
    ends = binomtest(high, high + other).proportion_ci(0.95, "wilson")
    return Share(name, high / (high + other), float(ends.low), float(ends.high))


def share_cell(found: Share | None) -> Cell:
    """Return a share in words."""
    if found is None:
        return Cell("No scores")
    return Cell(WITHHELD if found.value is None else found.words)


def people_of(records: Opened, period: Period) -> pd.DataFrame:
    """Return everybody named for stalking or harassment in a period, counted once for a load."""
    return records.counted(("stalkers", period), lambda: stalking.people(records.known, period))


def levels(people: pd.DataFrame, scored: Scored | None) -> pd.Series:
    """Return where each person's score stands, a key of `stalking.LEVELS`."""
    if scored is None:
        return pd.Series("none", index=people.index)
    band = scored.beside(people[["nominal_id"]])["band"]
    level = np.where(band.isin(HIGH), "high", np.where(band.isna(), "none", "other"))
    return pd.Series(level, index=people.index)


def _stalkers(records: Opened, period: Period, scored: Scored | None) -> Cube:
    run = None if scored is None else scored.found.published.run.run_id
    people = people_of(records, period)
    return records.counted(
        ("stalking", period, run), lambda: stalking.counted(people, levels(people, scored))
    )


def _href(query: dict[str, str] | None, **more: str) -> str:
    if query is None:
        return ""
    view = View("stalking/people", "", [], [], more={**query, **more})
    return view.href()


def _groups(found: Cube, area: str, query: dict[str, str] | None) -> Section:
    shares = {
        group: None if area else share(found, text, ALL, group, ALL, ALL)
        for group, text in stalking.GROUPS.items()
    }
    heads = ["Group", "People"] + ([] if area else ["With a score", "Share with a high score"])
    rows = []
    for group, text in stalking.GROUPS.items():
        row = [
            Cell(text),
            number(found.count(area, group, ALL, ALL, ALL), _href(query, group=group)),
        ]
        if not area:
            row += [_with_score(found, ALL, group, ALL, ALL), share_cell(shares[group])]
        rows.append(row)
    total = [Cell("All four"), number(found.count(area, ALL, ALL, ALL, ALL))]
    if not area:
        everybody = share(found, "All four", ALL, ALL, ALL, ALL)
        total += [_with_score(found, ALL, ALL, ALL, ALL), share_cell(everybody)]
    rows.append(total)
    drawn = [each for each in shares.values() if each is not None]
    return Section(
        "The four groups",
        Table("People by group", heads, rows, strong=frozenset([len(rows) - 1])),
        chart=share_chart("Share with a high score, by group", drawn) if _any(drawn) else None,
        after=[SUPPRESSED, *([] if area else [SHARE])]
        + (["For one area only the groups are told, not types and natures."] if area else []),
    )


def _any(shares: list[Share]) -> bool:
    """Return whether there is anything to draw."""
    return any(each.value is not None for each in shares)


def _with_score(found: Cube, *cell: str) -> Cell:
    high, other = found.count(*cell, "high"), found.count(*cell, "other")
    return number(None if high is None or other is None else high + other)


def _detail(found: Cube, group: str, query: dict[str, str] | None) -> list[Section]:
    heads = ["Type", "People", *stalking.NATURES.values(), "Share with a high score"]
    rows, drawn = [], []
    for kind, text in stalking.TYPES.items():
        own = share(found, text, ALL, group, kind, ALL)
        if own is not None:
            drawn.append(own)
        total = found.count(ALL, group, kind, ALL, ALL)
        row = [Cell(text), number(total, _href(query, type=kind) if total != 0 else "")]
        for nature in stalking.NATURES:
            count = found.count(ALL, group, kind, nature, ALL)
            row.append(number(count, _href(query, type=kind, nature=nature) if count != 0 else ""))
        rows.append([*row, share_cell(own)])
    title = stalking.GROUPS[group]
    return [
        Section(
            f"{title}: type and nature",
            Table(f"{title}, by type and nature", heads, rows),
            lead=[
                "The type is the bond to the complainant, or that there are several complainants."
                " The nature is the gravest behaviour recorded, in the order of the columns."
            ],
            chart=share_chart(f"{title}: share with a high score, by type", drawn)
            if _any(drawn)
            else None,
            after=[SHARE],
        )
    ]
