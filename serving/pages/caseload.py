"""Lists of people for managers: outstanding, orders and bail, PDP scoping, and stalkers by kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from starlette.requests import Request
from starlette.responses import Response

from features.dashboards import dangerous, orders, outstanding, stalking
from features.loads import Load
from serving.access import Permission, allows, require
from serving.dashboards import Opened
from serving.pages import words
from serving.pages.caseload_lines import Row, bail_line, order_line, rui_line, unprotected_line
from serving.pages.dashboard_view import Cell, Section, Table, View
from serving.pages.desk import (
    Desk,
    Scored,
    area_filter,
    as_known,
    chosen,
    on,
    page_of,
    period_of,
    person_cell,
    score_cell,
)
from serving.pages.door import Visitor
from serving.pages.paging import Filter

ORDERS = {
    "orders": "Protective orders",
    "bail": "Bail",
    "rui": "Released under investigation",
    "unprotected": "High score, nothing in force",
}
DAYS = {
    "none": "No end date: check",
    "7": "7 days or fewer",
    "28": "28 days or fewer",
    "90": "90 days or fewer",
}
LEFT_OUT = "People who are restricted, or outside the areas of your work, are left out."


@dataclass(frozen=True)
class Asked:
    """Who asks for a page of people, and with which scores and records it is answered."""

    request: Request
    visitor: Visitor
    scored: Scored | None
    lists: Sequence[Filter]
    load: Load
    records: Opened

    def choice(self, name: str, options: Mapping[str, str] | Sequence[str]) -> str:
        """Return what the address chooses, if it is offered; else nothing."""
        return chosen(self.request, name, options)

    def beside(self, people: pd.DataFrame) -> pd.DataFrame:
        """Return people with their score beside them, where they have one."""
        if self.scored is None:
            return people.assign(score_id=None, rank=float("nan"), band=None)
        return self.scored.beside(people)


class Caseload:
    """The pages that name people; for those who can act on them.

    Parameters
    ----------
    desk : Desk
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def outstanding(self, request: Request, visitor: Visitor) -> Response:
        """Answer with who is wanted, or named and not dealt with."""
        asked = self._asked(request, visitor)
        records = asked.records
        people = records.counted("outstanding", lambda: outstanding.people(records.known))
        why = asked.choice("why", ("wanted", "named"))
        tag = asked.choice("tag", outstanding.TAGS)
        if why == "wanted":
            people = people[people["wanted"]]
        elif why == "named":
            people = people[~people["wanted"]]
        if tag:
            people = people[people[tag]]
        weight = people[list(outstanding.TAGS)[:5]].sum(axis=1)
        people = asked.beside(people.assign(weight=weight))
        people = people.sort_values(
            ["rank", "weight", "last_on"], ascending=[True, False, False], kind="stable"
        )
        filters = [
            Filter(
                "why",
                "Why",
                [("", "All"), ("wanted", "Wanted"), ("named", "Named, not dealt with")],
                why,
            ),
            Filter("tag", "Risk tag", [("", "Any"), *outstanding.TAGS.items()], tag),
        ]

        def line(row: pd.Series) -> Row:
            sought = f"Wanted since {on(row['wanted_since'])}" if row["wanted"] else ""
            reason = str(row["wanted_for"]) if isinstance(row["wanted_for"], str) else ""
            reports = ""
            if row["reports"]:
                told = words.count(int(row["reports"]), "report", "reports")
                reports = f"named in {told} not dealt with, last on {on(row['last_on'])}"
            tags = [(text, "order") for text in outstanding.tags(row)]
            if row["in_prison"]:
                tags.append(("In prison", "custody"))
            beside = "; ".join(filter(None, [reason, reports if sought else ""]))
            return (
                Cell(sought or words.first_large(reports), note=words.first_large(beside)),
                Cell("" if tags else "None recorded", tags=tags),
            )

        return self._answer(
            asked,
            people,
            line,
            name="outstanding",
            title="Outstanding offenders",
            heads=(
                "Why outstanding",
                "What the reports say (not proven), and status now",
            ),
            lead=[
                f"{as_known(asked.load)} Wanted, or named as suspect within two years with neither"
                " an arrest nor a result for it. Highest rank first; then by risk tags.",
            ],
            filters=[*asked.lists, *filters],
        )

    def orders(self, request: Request, visitor: Visitor) -> Response:
        """Answer with orders, bail and investigations in force, and who has none."""
        asked = self._asked(request, visitor)
        records = asked.records
        what = asked.choice("show", ORDERS) or "orders"
        left = asked.choice("left", DAYS) if what == "orders" else ""
        conditions = asked.choice("conditions", ("yes", "no", "none")) if what == "bail" else ""
        filters = [Filter("show", "Show", list(ORDERS.items()), what)]
        if what == "orders":
            people = records.counted("orders", lambda: orders.orders(records.known))
            if left == "none":
                people = people[people["days_left"].isna()]
            elif left:
                people = people[people["days_left"] <= int(left)]
            filters.append(Filter("left", "Days left", [("", "Any"), *DAYS.items()], left))
        elif what == "bail":
            people = records.counted("bail", lambda: orders.bail(records.known))
            if conditions == "none":
                people = people[people["conditions"].isna()]
            elif conditions:
                people = people[people["conditions"] == conditions]
            offered = [
                ("", "Any"),
                ("yes", "With conditions"),
                ("no", "Without conditions"),
                ("none", "Not recorded"),
            ]
            filters.append(Filter("conditions", "Conditions", offered, conditions))
        elif what == "rui":
            people = records.counted("rui", lambda: orders.under_investigation(records.known))
        else:
            scored = asked.scored
            high = scored.high if scored is not None else []
            run = None if scored is None else scored.found.published.run.run_id
            people = records.counted(
                ("unprotected", run), lambda: orders.unprotected(records.known, high)
            )
        people = asked.beside(people)
        if what == "unprotected":
            people = people.sort_values("rank", kind="stable")
        lines: Mapping[str, tuple[Sequence[str], Callable[[pd.Series], Row], str]] = {
            "orders": (
                ("Kind", "Made", "Ends", "Breaches on record"),
                order_line,
                "Orders in force, those without an end date first, then by their ends.",
            ),
            "bail": (
                ("Conditions", "Granted", "Days", "Breaches on record"),
                bail_line,
                "Bail in force before charge, the longest first. Records hold no place for the"
                " victim’s view: not recorded.",
            ),
            "rui": (
                ("Released", "Days"),
                rui_line,
                "Released under investigation without a result for the offence, the longest first.",
            ),
            "unprotected": (
                ("In force",),
                unprotected_line,
                "People with a high or very high score whom no order and no bail condition binds,"
                " and who are not in prison. Whether one is needed is for people to decide.",
            ),
        }
        heads, line, said = lines[what]
        return self._answer(
            asked,
            people,
            line,
            name="orders",
            title=f"Orders and bail: {ORDERS[what][:1].lower()}{ORDERS[what][1:]}",
            heads=heads,
            lead=[f"{as_known(asked.load)} {said}"],
            filters=[*asked.lists, *filters],
            warnings=["No list is published for you, so nobody’s score is known here."]
            if what == "unprotected" and asked.scored is None
            else [],
        )

    def dangerous(self, request: Request, visitor: Visitor) -> Response:
        """Answer with whose file to read first outside MAPPA and MARAC."""
        asked = self._asked(request, visitor, "pdp_screen")
        records = asked.records
        people = asked.beside(records.counted("dangerous", lambda: dangerous.people(records.known)))
        people = people.sort_values(
            ["rank", "reports", "last_on"], ascending=[True, False, False], kind="stable"
        )

        def line(row: pd.Series) -> Row:
            kinds = {
                "domestic": "Domestic",
                "sexual": "Sexual",
                "stalking": "Stalking",
                "strangulation": "Strangulation",
                "weapon": "Weapon",
                "threats": "Threats",
            }
            tags = [(text, "order") for kind, text in kinds.items() if row[kind]]
            now = [("In prison", "custody")] if row["in_prison"] else []
            now += [(text, "bail") for name, text in (("pdp", "PDP"), ("iom", "IOM")) if row[name]]
            reports = words.count(int(row["reports"]), "report", "reports")
            convicted = words.count(int(row["convictions"]), "conviction", "convictions")
            return (
                Cell(f"{reports}, last on {on(row['last_on'])}", tags=tags),
                Cell(
                    words.count(int(row["complainants"]), "complainant", "complainants"),
                    note=f"{convicted} for high harm",
                ),
                Cell("" if now else "None recorded", tags=now),
            )

        return self._answer(
            asked,
            people,
            line,
            name="dangerous",
            title="Potentially dangerous persons: whose file to read first",
            heads=(
                "High harm within two years (not proven)",
                "Complainants and convictions",
                "Managed now",
            ),
            lead=[
                f"{as_known(asked.load)} Adults named as suspect of high harm within two years whom"
                " neither MAPPA nor MARAC manages. Highest rank first.",
                "Whether somebody is one needs reasonable grounds for a present likelihood of"
                " serious harm. No score says that; a score is rarely “more likely than not”.",
            ],
            filters=asked.lists,
        )

    def stalking(self, request: Request, visitor: Visitor) -> Response:
        """Answer with the people behind a cell of the stalking dashboard."""
        asked = self._asked(request, visitor, "stalking_escalation")
        records = asked.records
        period, chooser = period_of(request, asked.load)
        people = records.counted(
            ("stalkers", period), lambda: stalking.people(records.known, period)
        )
        filters = [*asked.lists, chooser]
        for name, label, options in (
            ("group", "Group", stalking.GROUPS),
            ("type", "Type", stalking.TYPES),
            ("nature", "Gravest behaviour", stalking.NATURES),
        ):
            value = asked.choice(name, options)
            if value:
                people = people[people[name] == value]
            filters.append(Filter(name, label, [("", "All"), *options.items()], value))
        people = asked.beside(people)
        people = people.sort_values(["rank", "reports"], ascending=[True, False], kind="stable")

        def line(row: pd.Series) -> Row:
            seen = [text for name, text in list(stalking.NATURES.items())[:-1] if row[name]]
            reports = words.count(int(row["reports"]), "report", "reports")
            many = words.count(int(row["complainants"]), "complainant", "complainants")
            return (
                Cell(
                    stalking.GROUPS[row["group"]], note=f"{reports}, last on {on(row['last_on'])}"
                ),
                Cell(
                    stalking.TYPES[row["type"]],
                    note=many if row["complainants"] else "Complainant not recorded",
                ),
                Cell("; ".join(seen) or "Not recorded"),
            )

        return self._answer(
            asked,
            people,
            line,
            name="stalking/people",
            title="Stalking and harassment: the people",
            heads=("Group", "Type", "Recorded behaviour (not proven)"),
            lead=[
                f"{as_known(asked.load)} Named as suspect in {period.words}. Highest rank first."
            ],
            filters=filters,
            back=("Stalking dashboard", "/dashboards/stalking"),
        )

    def _asked(self, request: Request, visitor: Visitor, preferred: str = "") -> Asked:
        require(visitor.principal, Permission.CASELOAD)
        if request.url.path.endswith(".csv"):
            require(visitor.principal, Permission.EXPORT)
        scored, lists = self._desk.scored(request, visitor, preferred)
        load = self._desk.load(scored)
        offered = [lists] if lists else []
        return Asked(request, visitor, scored, offered, load, self._desk.records(load))

    def _answer(
        self,
        asked: Asked,
        people: pd.DataFrame,
        line: Callable[[pd.Series], Row],
        *,
        name: str,
        title: str,
        heads: Sequence[str],
        lead: Sequence[str],
        filters: Sequence[Filter],
        warnings: Sequence[str] = (),
        back: tuple[str, str] | None = None,
    ) -> Response:
        """Answer with one page of people: by area, without those whom the reader may not see.

        Who it is and their score stand first in each line; `line` and `heads` say the rest.
        """
        visitor, scored = asked.visitor, asked.scored
        unseen = self._desk.unseen(asked.load, visitor, people["nominal_id"].tolist())
        people = people[~people["nominal_id"].isin(unseen)]
        areas = [*sorted(people["area"].dropna().unique()), stalking.NO_AREA]
        area = asked.choice("area", areas)
        if area:
            own = people["area"].isna() if area == stalking.NO_AREA else people["area"] == area
            people = people[own]
        page, pages, part = page_of(asked.request, len(people))
        shown = people.iloc[part]
        rows = [
            (person_cell(row, scored), score_cell(row, scored), *line(row))
            for _, row in shown.iterrows()
        ]
        first = (part.start or 0) + 1
        number = words.count(len(people), "line", "lines")
        heading = f"{first:,} to {first + len(rows) - 1:,} of {number}" if pages > 1 else number
        view = View(
            name=name,
            title=title,
            lead=lead,
            warnings=[*warnings, *([LEFT_OUT] if unseen else [])],
            filters=[*filters, area_filter(areas, area)],
            sections=[
                Section(
                    heading if rows else "No one matches",
                    Table(title, ("Person", "Score", *heads), rows, people=True),
                    empty="No one matches these filters. This does not mean no one is at risk.",
                )
            ],
            csv=allows(visitor.principal.role, Permission.EXPORT),
            back=back,
            page=page,
            pages=pages,
        )
        named = shown["nominal_id"].tolist()
        return self._desk.show(
            asked.request, visitor, view, asked.load, scored=scored, people=named
        )
