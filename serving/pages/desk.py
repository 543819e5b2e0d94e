"""What every dashboard needs: whose records and scores, who may see them, and the ledger first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pandas as pd
from starlette.requests import Request
from starlette.responses import Response

from features.dashboards.periods import Period, periods
from features.errors import NotFound
from features.loads import Load
from models.words import date_words
from serving.access import Permission, allows
from serving.chain import Action, Leaf
from serving.dashboards import Opened
from serving.need_to_know import withheld
from serving.pages import words
from serving.pages.dashboard_view import Cell, View, file
from serving.pages.door import Visitor
from serving.pages.lists import Lists, OpenList
from serving.pages.paging import PAGE, Filter, pages_of
from serving.pages.render import Answer, Settings
from serving.safe_csv import MEDIA

HIGH = ("High", "Very high")
"""Bands that count as a high score here."""

BOARDS = (
    (
        "stalking",
        "Stalking",
        Permission.DASHBOARDS,
        "What kinds of stalking and harassment are"
        " recorded, and how high those people's scores are.",
    ),
    (
        "volumes",
        "Monthly volumes",
        Permission.DASHBOARDS,
        "How much stalking and harassment is"
        " recorded each month, and how often there is an outcome.",
    ),
    (
        "custody",
        "Custody outcomes",
        Permission.DASHBOARDS,
        "How stays in custody ended for"
        " stalking and harassment, rape, and domestic abuse; bail and its conditions.",
    ),
    (
        "outstanding",
        "Outstanding offenders",
        Permission.CASELOAD,
        "Who is wanted, or named and not dealt with, and what the reports say.",
    ),
    (
        "orders",
        "Orders and bail",
        Permission.CASELOAD,
        "What expires soon, what has no end date,"
        " who is under investigation for long, and who has no protection in force.",
    ),
    (
        "dangerous",
        "PDP scoping",
        Permission.CASELOAD,
        "Whose file to read first for a potentially dangerous person outside MAPPA and MARAC.",
    ),
    (
        "interventions",
        "Interventions",
        Permission.DASHBOARDS,
        "What programmes and orders are estimated to have done.",
    ),
)
"""The dashboards: name, words, who may open it, and the question it answers."""


@dataclass(frozen=True)
class Scored:
    """A published list as dashboards use it: each person's rank, band and address."""

    found: OpenList
    rows: pd.DataFrame

    @classmethod
    def of(cls, found: OpenList) -> Scored:
        """Read the columns of a list."""
        names = ("nominal_id", "score_id", "rank", "band", "insufficient_history")
        rows = found.rows.select(list(names)).to_pandas()
        return cls(found, rows.drop_duplicates("nominal_id").set_index("nominal_id"))

    def beside(self, people: pd.DataFrame) -> pd.DataFrame:
        """Return people with score_id, rank, band and insufficient_history, where on the list."""
        return people.join(self.rows, on="nominal_id")

    @property
    def high(self) -> list[str]:
        """People whose score is high, by rank."""
        own = self.rows[self.rows["band"].isin(HIGH)].sort_values("rank")
        return [str(person) for person in own.index]


class Desk:
    """What the dashboards share.

    Parameters
    ----------
    answer : callable
        Renders a template.
    lists : Lists
    settings : Settings
    """

    def __init__(self, answer: Answer, lists: Lists, settings: Settings) -> None:
        self._answer = answer
        self.lists = lists
        self._settings = settings

    def load(self, scored: Scored | None = None) -> Load:
        """Return the load in force: of the list's question, else the one that reaches furthest.

        Raises
        ------
        NotFound
            No question is in force, so no records are served.
        """
        if scored is not None:
            return self.lists.stock.get(scored.found.question.name).load
        loads = [at.load for at in self.lists.in_force()]
        if not loads:
            raise NotFound(
                "no records are served from here yet",
                remedy="Promote a model for a question: precursor promote QUESTION challenger"
                " --reason TEXT.",
            )
        return max(loads, key=lambda load: (load.data_to, load.number))

    def records(self, load: Load) -> Opened:
        """Return a load's records, opened."""
        return self.lists.records.of(load)

    def lists_of(self, visitor: Visitor) -> list[tuple[str, str]]:
        """Return the lists whose scores somebody may see, as a filter offers them."""
        role = visitor.principal.role
        return [(each.name, each.title) for each in self.lists.questions(role)]

    def scored(
        self, request: Request, visitor: Visitor, preferred: str = ""
    ) -> tuple[Scored | None, Filter | None]:
        """Return the list whose scores are shown, and the filter that chooses it.

        Raises
        ------
        OwnViewDue
            The analyst's own view of that list is due first: no score of it is shown before.
        """
        offered = self.lists_of(visitor)
        names = [name for name, _ in offered]
        if not names:
            return None, None
        chosen = request.query_params.get("list", "")
        if chosen not in names:
            chosen = preferred if preferred in names else names[0]
        found = Scored.of(self.lists.open(chosen, visitor.principal))
        return found, Filter("list", "Scores of", offered, chosen)

    def unseen(self, load: Load, visitor: Visitor, people: Sequence[str]) -> set[str]:
        """Return whom somebody may not see."""
        return withheld(self.lists.ledger, load.fingerprint, visitor.principal, people)

    def show(
        self,
        request: Request,
        visitor: Visitor,
        view: View,
        load: Load,
        *,
        scored: Scored | None = None,
        people: Sequence[str] = (),
    ) -> Response:
        """Answer with a dashboard, or with its file, once that is on the ledger.

        Parameters
        ----------
        people : sequence of str
            Everybody who is shown by name.
        """
        as_file = request.url.path.endswith(".csv")
        run = None if scored is None else scored.found.published.run.run_id
        body = {
            "what": f"dashboard {view.name}{' as CSV' if as_file else ''}",
            "load": load.fingerprint,
            "run_id": run,
            "asked": view.query,
            **({"page": view.page} if view.pages > 1 else {}),
        }
        leaf = {"dashboard": view.name, "load": load.fingerprint}
        self.lists.ledger.append(
            Action.EXPORT if as_file else Action.LIST if people else Action.VIEW,
            actor=visitor.principal.actor,
            role=visitor.principal.role,
            purpose=visitor.purpose,
            question=None if scored is None else scored.found.question.name,
            body=body,
            people=[Leaf(person, None, leaf) for person in dict.fromkeys(people)],
        )
        if as_file:
            return self._file(view, load)
        others = [
            (text, f"/dashboards/{name}", name == view.name.partition("/")[0])
            for name, text, permission, _ in BOARDS
            if allows(visitor.principal.role, permission)
        ]
        synthetic = load.synthetic or bool(
            scored is not None and scored.found.info["model"]["synthetic"]
        )
        context = {"view": view, "others": others}
        return self._answer(request, "dashboard.html", context, made_up=synthetic)

    def _file(self, view: View, load: Load) -> Response:
        chosen = [
            f"{each.label}: {dict(each.options).get(each.chosen, each.chosen)}"
            for each in view.filters
        ]
        said = [
            self._settings.marking,
            f"{view.title}. Records as known up to {date_words(load.data_to)}.",
            *(["Synthetic people: made-up records, for testing only"] if load.synthetic else []),
            *chosen,
        ]
        name = f"{self._settings.marking} {view.name.replace('/', ' ')} {load.data_to}.csv"
        disposition = f"attachment; filename*=UTF-8''{quote(name)}"
        headers = {"content-disposition": disposition}
        return Response(file(view, said), media_type=MEDIA, headers=headers)


def chosen(request: Request, name: str, options: Mapping[str, str] | Sequence[str]) -> str:
    """Return what an address chooses, if it is offered; else nothing."""
    said = request.query_params.get(name, "")
    return said if said in options else ""


def period_of(request: Request, load: Load) -> tuple[Period, Filter]:
    """Return the period that is asked for, by default the last one, and its filter."""
    offered = periods(load.data_to)
    asked = request.query_params.get("period", "")
    found = next((each for each in offered if each.name == asked), offered[0])
    options = [(each.name, each.words) for each in offered]
    return found, Filter("period", "Period", options, found.name)


def area_filter(areas: Sequence[str], area: str) -> Filter:
    """Return the filter by area."""
    return Filter("area", "Area", [("", "All areas"), *((each, each) for each in areas)], area)


def page_of(request: Request, number: int) -> tuple[int, int, slice]:
    """Return which page is asked for, how many there are, and its part of so many lines."""
    said = request.query_params.get("page", "1")
    pages = pages_of(number)
    asked = words.whole_number(said, digits=6) or 1
    page = min(max(asked, 1), pages)
    whole = request.url.path.endswith(".csv")
    return page, pages, slice(None) if whole else slice((page - 1) * PAGE, page * PAGE)


def as_known(load: Load) -> str:
    """Return until when the records are known, in a sentence."""
    last = load.default_as_of - timedelta(days=1)
    return f"From the force’s records as they were known up to {date_words(last)}."


def person_cell(row: pd.Series, scored: Scored | None) -> Cell:
    """Return who it is, with a link to the page of their score where they have one."""
    area = row["area"] if isinstance(row["area"], str) else "Area not recorded"
    if scored is None or not isinstance(row.get("score_id"), str):
        return Cell(str(row["nominal_id"]), note=area)
    href = f"/lists/{scored.found.question.name}/{row['score_id']}"
    return Cell(str(row["nominal_id"]), href, note=area)


def score_cell(row: pd.Series, scored: Scored | None) -> Cell:
    """Return a person's band and rank; what is missing is said to be."""
    if scored is None or not isinstance(row.get("score_id"), str):
        return Cell("Not on this list")
    if not isinstance(row["band"], str):
        return Cell("Insufficient history", band="none", note="That is not a low score.")
    return Cell(
        row["band"], band=words.BAND_CLASSES[row["band"]], note=f"Rank {int(row['rank']):,}"
    )


def on(day: Any) -> str:
    """Return a day in words; said where it is missing."""
    return "date not recorded" if pd.isna(day) else date_words(pd.Timestamp(day).date())
