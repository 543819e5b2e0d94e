"""The page of one person on a list: the score that the ledger holds, why, and what is unknown."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from serving.access import Permission, require
from serving.answers import Gone
from serving.chain import Action, Leaf
from serving.need_to_know import require_need
from serving.pages.door import Visitor
from serving.pages.identity import identity
from serving.pages.list_view import stale
from serving.pages.lists import Lists
from serving.pages.person_view import person_view
from serving.pages.priority_list import made_up, pseudonymous, today
from serving.pages.render import Answer

AT_ONCE = 15
"""Records shown at once; the earlier ones are a click away."""


class Person:
    """The page of one person.

    Parameters
    ----------
    answer : callable
        Renders a template.
    lists : Lists
    """

    def __init__(self, answer: Answer, lists: Lists) -> None:
        self._answer = answer
        self._lists = lists

    def show(self, request: Request, visitor: Visitor) -> Response:
        """Answer with a person's page.

        Raises
        ------
        NotFound
            No such score is on the list.
        Gone
            The person was erased.
        """
        require(visitor.principal, Permission.VIEW)
        name, score_id = request.path_params["question"], request.path_params["score_id"]
        found, at = self._lists.open(name, visitor.principal.role), self._lists.stock.get(name)
        position = found.position(score_id)
        (row,) = found.lines(found.at(position))
        entry, payload = self._lists.ledger.score(score_id)
        if payload is None:
            raise Gone(
                "this score cannot be read: the person was erased",
                remedy=f"The ledger's entry {entry.seq} still says that it was given, and when.",
                field="score_id",
            )
        load = found.info["load"]["fingerprint"]
        require_need(self._lists.ledger, load, visitor.principal, [payload["nominal_id"]])
        view = person_view(
            found,
            row,
            position,
            payload,
            identity(found, row, position, pseudonymous(visitor)),
            pseudonymous=pseudonymous(visitor),
        )
        self._lists.ledger.append(
            Action.VIEW,
            actor=visitor.principal.actor,
            role=visitor.principal.role,
            purpose=visitor.purpose,
            question=name,
            body={"what": "person page", "run_id": found.published.run.run_id},
            people=[Leaf(payload["nominal_id"], None, {"viewed": score_id})],
        )
        context = {
            "view": view,
            "back": f"/lists/{name}" if view.score else f"/lists/{name}/not-scored",
            "stale": stale(found, today=today(at), records_to=at.load.data_to, version=at.version),
            "at_once": AT_ONCE,
        }
        return self._answer(request, "person.html", context, made_up=made_up(found))
