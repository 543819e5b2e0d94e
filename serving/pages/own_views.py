"""Give your view first: an analyst judges a few people by their records before the list opens.

Nothing on this page comes from a score: people are in the order of their ids, one at a time, with
what the records say of them and nothing else.
"""

from __future__ import annotations

from urllib.parse import quote

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from features.errors import NotFound
from serving.access import Permission, require
from serving.ledger import Leaf
from serving.own_view import give, waiting
from serving.pages.door import Visitor, local
from serving.pages.forms import Form, blank, done, long, problems
from serving.pages.history_view import history_view
from serving.pages.how import band_cuts
from serving.pages.identity import identity
from serving.pages.over_lists import FormPages
from serving.pages.person_view import unknown
from serving.pages.priority_list import made_up
from serving.pages.recorded import viewed
from serving.schema import OwnViewRequest

LABELS = {
    "band": "Select how you would grade this person",
    "would_select": "Select whether you would take this person on",
    "nominal_id": "Select whom your view is about",
}
SKIP = "Say why this cannot wait"


class OwnViews(FormPages):
    """The page of own views."""

    def show(self, request: Request, visitor: Visitor) -> Response:
        """Answer with the next person whom a view is due of, or lead on where none is."""
        require(visitor.principal, Permission.OWN_VIEW)
        after = local(request.query_params.get("next") or self._list(request))
        form = blank(self._drafts, visitor, request, next=after)
        return self._page(request, visitor, form, status=200)

    def due(self, request: Request, visitor: Visitor) -> Response:
        """Answer in place of a page that is not shown before the own view is given."""
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return self._page(request, visitor, Form({"next": [local(asked)]}), status=409)

    def take(self, request: Request, visitor: Visitor, form: Form) -> Response:
        """Record a view, or that all are skipped as urgent, and go on."""
        require(visitor.principal, Permission.OWN_VIEW)
        question = request.path_params["question"]
        after = local(form["next"] or self._list(request))
        asked: dict[str, object] = {"question": question, "purpose": visitor.purpose}
        errors = long(form, "reason", "skip_as_urgent")
        if form["skip"]:
            asked["skip_as_urgent"] = form["skip_as_urgent"]
            if not form["skip_as_urgent"]:
                errors["skip_as_urgent"] = SKIP
        else:
            asked |= {"nominal_id": form["nominal_id"], "reason": form["reason"] or None}
            asked |= {"band": form["band"] or None, "would_select": _yes(form["would_select"])}
            errors |= {name: LABELS[name] for name in LABELS if asked.get(name) in (None, "")}
        if not errors:
            try:
                said = OwnViewRequest.model_validate(asked)
            except ValidationError as wrong:
                errors = problems(wrong, LABELS | {"skip_as_urgent": SKIP}, "band")
        if errors:
            return self._page(request, visitor, form.wrong(errors), status=400)
        try:
            left = give(self._lists.ledger, said, visitor.principal)["left"]
        except NotFound:  # sent twice: it was taken the first time
            left = 1
        back = f"{request.url.path}?next={quote(after, safe='')}"
        return done(self._drafts, visitor, request, back if left else after)

    def _list(self, request: Request) -> str:
        return f"/lists/{request.path_params['question']}"

    def _page(self, request: Request, visitor: Visitor, form: Form, *, status: int) -> Response:
        question, ledger = request.path_params["question"], self._lists.ledger
        found = self._lists.before_own_view(question, visitor.principal.role)
        due = waiting(ledger, found.published, visitor.principal.actor)
        if not due:
            return RedirectResponse(local(form["next"] or self._list(request)), status_code=303)
        person = form["nominal_id"] if form["nominal_id"] in due else min(due)
        position = due[person]
        events = None
        if found.history is not None:
            events = found.history.events(person, found.as_of_date)
        run = found.published.run.run_id
        seen = [Leaf(person, None, {"asked": run})]
        what = "own view page"
        viewed(self._lists, visitor, what, question, people=seen, run_id=run, due=len(due))
        (row,) = found.lines(found.at(position))
        context = {
            "title": found.question.title,
            "outcome": found.question.outcome_words,
            "action": f"/lists/{question}/own-view",
            "form": form,
            "nominal_id": person,
            "person": identity(found, row, position, False),
            "tags": None if found.standing is None else found.standing.tags(position),
            "unknown": unknown(found, events),
            "history": None
            if events is None
            else history_view(events, found.as_of_date, pseudonymous=False),
            "bands": [(band, band, cut) for band, _, cut in band_cuts(found.question)],
            "left": len(due),
        }
        return self._answer(
            request, "own_view.html", context, made_up=made_up(found), status=status
        )


def _yes(text: str) -> bool | None:
    return {"yes": True, "no": False}.get(text)
