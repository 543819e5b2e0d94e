"""The page of one person on a list: the score that the ledger holds, why, and what is unknown."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from serving.access import Permission, require
from serving.expiry import today_of
from serving.pages.beside import beside
from serving.pages.door import Visitor
from serving.pages.list_view import stale
from serving.pages.look import look, looked_at
from serving.pages.over_lists import ListPages
from serving.pages.person_view import person_view
from serving.pages.priority_list import made_up
from serving.pseudonyms import pseudonymous

NOT_LISTED = (
    "This score is not on the list in force: it was asked for on its own, or is an earlier one."
)
SAVED = {
    "decision": "The decision is on record.",
    "selection": "It is on record.",
}
AT_ONCE = 15
"""Records shown at once; the earlier ones are a click away."""


class Person(ListPages):
    """The page of one person."""

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
        looked, name = look(self._lists, request, visitor), request.path_params["question"]
        found, payload = looked.found, looked.payload
        view = person_view(
            found,
            looked.row,
            looked.position,
            payload,
            looked.person,
            pseudonymous=pseudonymous(visitor.principal.role),
        )
        about = beside(self._lists, looked, visitor)
        run = {"run_id": found.published.run.run_id} if looked.listed else {}
        looked_at(self._lists, visitor, looked, "person page", **run)
        at = self._lists.in_force_of(name)
        warnings = [] if looked.listed else [NOT_LISTED]
        if at is not None:
            warnings += stale(
                found,
                today=today_of(at.question, at.load),
                records_to=at.load.data_to,
                version=at.version,
                what="score",
            )
        back = f"/lists/{name}" if view.score else f"/lists/{name}/not-scored"
        context = {
            "view": view,
            "looked": looked,
            "about": about,
            "back": back if looked.listed else "/scores",
            "back_words": "Priority list" if looked.listed else "Scores asked for",
            "stale": warnings,
            "at_once": AT_ONCE,
            "saved": SAVED.get(request.query_params.get("saved", "")),
        }
        return self._answer(request, "person.html", context, made_up=made_up(found))
