"""Who is managed: people taken on from a list, each with a review, and the form that says so."""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from features.errors import Conflict
from models.words import date_words
from serving.access import Permission, require
from serving.pages.case_words import local_day
from serving.pages.door import Visitor
from serving.pages.forms import (
    Form,
    blank,
    date_items,
    date_of,
    done,
    in_order,
    long,
    problems,
    refusal,
)
from serving.pages.look import Looked, look, looked_at
from serving.pages.over_lists import FormPages
from serving.pages.priority_list import made_up
from serving.schema import SelectionRequest
from serving.selections import LONGEST_REVIEW_DAYS, select, selected, state

LABELS = {
    "action": "Select whether to keep this person on or let them go",
    "review_on": "Enter the day of the next review, for example 27 3 2027",
    "reason": "Enter your reason",
}


class Selecting(FormPages):
    """The pages of who is managed."""

    def index(self, request: Request, visitor: Visitor) -> Response:
        """Answer with who is managed now, by question, the next review first."""
        require(visitor.principal, Permission.SELECTION)
        groups = []
        for question in self._lists.questions(visitor.principal.role):
            found = selected(
                self._lists.ledger, question.name, visitor.principal, purpose=visitor.purpose
            )
            rows = [_managed(question.name, row) for row in found["rows"]]
            groups.append((question.title, rows))
        return self._answer(request, "selections.html", {"groups": groups})

    def show(self, request: Request, visitor: Visitor) -> Response:
        """Answer with the form: take somebody on, keep them on, or let them go."""
        require(visitor.principal, Permission.SELECTION)
        looked = look(self._lists, request, visitor)
        form = blank(self._drafts, visitor, request)
        return self._page(request, visitor, looked, form, status=200)

    def take(self, request: Request, visitor: Visitor, form: Form) -> Response:
        """Record it and lead back to the person; what is wrong is said all at once."""
        require(visitor.principal, Permission.SELECTION)
        looked = look(self._lists, request, visitor)
        errors = {name: LABELS[name] for name in ("action", "reason") if not form[name]}
        errors |= long(form, "reason")
        review_on = None
        if form["action"] != "deselect":
            review_on, _ = date_of(form, "review_on")
            if review_on is None:
                errors["review_on"] = LABELS["review_on"]
        if not errors:
            try:
                asked = SelectionRequest.model_validate(
                    {
                        "score_id": looked.score_id,
                        "action": form["action"],
                        "reason": form["reason"],
                        "review_on": review_on,
                        "purpose": visitor.purpose,
                    }
                )
                select(self._lists.ledger, asked, visitor.principal)
            except ValidationError as wrong:
                errors = problems(wrong, LABELS, "action")
            except Conflict as refused:
                field = "review_on" if refused.code == "review_date" else "action"
                errors = {field: refusal(refused)}
        if errors:
            wrongly = form.wrong(in_order(errors, LABELS))
            return self._page(request, visitor, looked, wrongly, status=400)
        return done(self._drafts, visitor, request, f"{looked.href}?saved=selection")

    def _page(
        self, request: Request, visitor: Visitor, looked: Looked, form: Form, *, status: int
    ) -> Response:
        person = str(looked.payload["nominal_id"])
        managed = state(self._lists.ledger, looked.question, person)
        looked_at(self._lists, visitor, looked, "selection page")
        context = {
            "looked": looked,
            "form": form,
            "managed": managed_words(managed),
            "longest": LONGEST_REVIEW_DAYS,
            "dates": date_items(form, "review_on"),
        }
        synthetic = made_up(looked.found)
        return self._answer(request, "selection.html", context, made_up=synthetic, status=status)


def managed_words(managed: dict[str, Any] | None) -> str:
    """Return since when somebody is managed and when it is looked at again; empty for nobody."""
    if managed is None:
        return ""
    review = date_words(date.fromisoformat(managed["review_on"]))
    since = managed["since"]
    begun = "Managed" if since is None else f"Managed since {date_words(local_day(since))}"
    return f"{begun}. Next review: {review}."


def _managed(question: str, row: dict[str, Any]) -> dict[str, Any]:
    """Return one line of who is managed; it leads nowhere for whoever need not know who it is."""
    return {
        "name": row["nominal_id"],
        "href": "" if row["withheld"] else f"/lists/{question}/{row['score_id']}",
        "since": "Not recorded" if row["since"] is None else date_words(local_day(row["since"])),
        "by": row["by"],
        "reason": "Withheld" if row["withheld"] else row["reason"],
        "review_on": date_words(date.fromisoformat(row["review_on"])),
        "overdue": row["overdue"],
    }
