"""The priority list of a question, and the people on it who have no score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from features.question import BANDS
from features.strands import by_mark
from serving.access import Permission, allows, require
from serving.chain import Action, Leaf
from serving.decisions import signed, taken_by_person
from serving.expiry import today_of
from serving.need_to_know import policy, withheld
from serving.pages import words
from serving.pages.case_words import DecisionLine, decision_line
from serving.pages.door import Visitor
from serving.pages.identity import Veil
from serving.pages.list_view import insufficient_lines, list_view, rejected_words
from serving.pages.lists import ORDERS, Asked, Lists, OpenList
from serving.pages.paging import links
from serving.pages.render import Answer
from serving.pages.standing import FILTERS
from serving.pseudonyms import pseudonymous


def asked(request: Request) -> Asked:
    """Return what an address asks of a list; what no filter offers counts as not asked."""
    said = request.query_params
    return Asked(
        band=said.get("band", "") if said.get("band") in BANDS else "",
        cohort=said.get("cohort", "")[:100],
        area=said.get("area", "")[:100],
        strand=said.get("strand", "") if said.get("strand") in by_mark() else "",
        status=said.get("status", "") if said.get("status") in FILTERS else "",
        order=said.get("order", "score") if said.get("order") in ORDERS else "score",
        page=words.whole_number(said.get("page", "1"), digits=6) or 1,
    )


def not_offered(request: Request, wanted: Asked) -> list[str]:
    """Return what an address asks for that no filter offers, in words."""
    said = {name: request.query_params.get(name) for name in ("band", "strand", "status", "order")}
    return [
        f"There is no {name} \u2018{value[:50]}\u2019; the list is shown without it."
        for name, value in said.items()
        if value and getattr(wanted, name) != value
    ]


def record(
    lists: Lists,
    visitor: Visitor,
    found: OpenList,
    body: dict[str, object],
    positions: Sequence[int],
) -> None:
    """Put on the ledger who is shown on a page, before it is shown."""
    rows = found.rows
    lists.ledger.append(
        Action.LIST,
        actor=visitor.principal.actor,
        role=visitor.principal.role,
        purpose=visitor.purpose,
        question=found.question.name,
        body={"run_id": found.published.run.run_id, **body},
        people=[
            Leaf(
                rows["nominal_id"][position].as_py(),
                None,
                {
                    "listed": rows["score_id"][position].as_py(),
                    "rank": rows["rank"][position].as_py(),
                },
            )
            for position in positions
        ],
    )


def filters(asked: Asked) -> dict[str, object]:
    """Return what was asked of a list, as the ledger keeps it."""
    return {
        "band": asked.band,
        "cohort": asked.cohort,
        "area": asked.area,
        "strand": asked.strand,
        "status": asked.status,
        "order": asked.order,
    }


class PriorityList:
    """The pages of the lists.

    Parameters
    ----------
    answer : callable
        Renders a template.
    lists : Lists
    """

    def __init__(self, answer: Answer, lists: Lists) -> None:
        self._answer = answer
        self.lists = lists

    def index(self, request: Request, visitor: Visitor) -> Response:
        """Lead to the list that was chosen, or to the only one; show which there are."""
        require(visitor.principal, Permission.LIST)
        found = self.lists.questions(visitor.principal.role)
        names = [question.name for question in found]
        chosen = request.query_params.get("list", names[0] if len(names) == 1 else "")
        if chosen in names:
            rest = [(k, v) for k, v in request.query_params.multi_items() if k != "list" and v]
            query = f"?{urlencode(rest)}" if rest else ""
            return RedirectResponse(f"/lists/{chosen}{query}", status_code=303)
        context = {"lists": [(question.name, question.title) for question in found]}
        return self._answer(request, "lists.html", context)

    def show(self, request: Request, visitor: Visitor) -> Response:
        """Answer with one page of a list."""
        require(visitor.principal, Permission.LIST)
        name, role = request.path_params["question"], visitor.principal.role
        found, at, wanted = (
            self.lists.open(name, visitor.principal),
            self.lists.stock.get(name),
            asked(request),
        )
        others = [(question.name, question.title) for question in self.lists.questions(role)]
        view = list_view(
            found,
            wanted,
            others=others,
            veil=self.veil(visitor, found),
            today=today_of(at.question, at.load),
            records_to=at.load.data_to,
            version=at.version,
            decisions=partial(self.decisions, name),
        )
        body: dict[str, object] = {"page": wanted.page, **filters(wanted)}
        record(self.lists, visitor, found, body, view.positions)
        context = {
            "view": view,
            "not_offered": not_offered(request, wanted),
            "page": wanted.page,
            "action": "/lists" if len(others) > 1 else f"/lists/{name}",
            "may_decide": allows(role, Permission.DECISION),
            "may_export": allows(role, Permission.EXPORT),
        }
        return self._answer(request, "priority_list.html", context, made_up=made_up(found))

    def decisions(
        self, question: str, rows: Sequence[Mapping[str, Any]]
    ) -> dict[str, DecisionLine]:
        """Return the last decision about each person of some lines, by person."""
        scores = {row["nominal_id"]: row["score_id"] for row in rows}
        taken = taken_by_person(self.lists.ledger, scores, question)
        done_with = signed(self.lists.ledger, question) if taken else {}
        return {
            person: decision_line(
                last[0],
                scores[person],
                question,
                last[0].sign_off_due and last[0].number not in done_with,
            )
            for person, last in taken.items()
        }

    def veil(self, visitor: Visitor, found: OpenList) -> Veil:
        """Return what somebody does not see: whoever need not know all on a list sees no names."""
        people = found.people if policy() is not None else ()
        load, ledger = found.info["load"]["fingerprint"], self.lists.ledger
        unseen = frozenset(withheld(ledger, load, visitor.principal, people))
        return Veil(pseudonymous(visitor.principal.role) or bool(unseen), unseen)

    def not_scored(self, request: Request, visitor: Visitor) -> Response:
        """Answer with who has no score, and why."""
        require(visitor.principal, Permission.LIST)
        name = request.path_params["question"]
        found = self.lists.open(name, visitor.principal)
        page = asked(request).page
        lines, positions, pages = insufficient_lines(found, page, self.veil(visitor, found))
        page = min(max(page, 1), pages)
        record(self.lists, visitor, found, {"page": page, "part": "not scored"}, positions)
        others = links(
            "Pages of people with insufficient history",
            page,
            pages,
            lambda number: f"/lists/{name}/not-scored?page={number}",
        )
        if others is not None:  # who has no score is in no order: nobody jumps to a page of them
            others["items"] = [item for item in others["items"] if item.get("current")]
        context = {
            "title": found.question.title,
            "data_to": found.known_to,
            "back": f"/lists/{name}",
            "lines": lines,
            "insufficient": found.info["insufficient_history"],
            "rejected": rejected_words(found.info),
            "pages": others,
        }
        return self._answer(request, "not_scored.html", context, made_up=made_up(found))


def made_up(found: OpenList) -> bool:
    """Return whether a list is about made-up people, or from a model trained on them."""
    return bool(found.info["model"]["synthetic"])
