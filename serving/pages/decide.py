"""The decision about a person: what is to be done, how they are graded, on what basis and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from features.errors import Conflict
from features.question import BANDS
from serving.access import Permission, require
from serving.decisions import (
    DecidedMeanwhile,
    Taken,
    decide,
    sign_off_policy,
    signed,
    taken_by_person,
)
from serving.pages import words
from serving.pages.case_words import BASES, STEPS, DecisionLine, decision_line
from serving.pages.door import Visitor
from serving.pages.forms import Form, blank, done, in_order, long, problems, refusal
from serving.pages.lists import Lists
from serving.pages.look import Looked, look, looked_at
from serving.pages.over_lists import FormPages
from serving.pages.priority_list import made_up
from serving.schema import DecisionRequest

LABELS = {
    "step": "Select what is to be done",
    "judged_band": "Select your grade",
    "basis": "Select what it rests on from those shown",
    "reason": "Enter your reason",
}


class Decide(FormPages):
    """The page on which a decision is recorded."""

    def show(self, request: Request, visitor: Visitor) -> Response:
        """Answer with the form, and with what was decided before."""
        require(visitor.principal, Permission.DECISION)
        looked = look(self._lists, request, visitor)
        form = blank(self._drafts, visitor, request)
        return self._page(request, visitor, looked, form, status=200)

    def take(self, request: Request, visitor: Visitor, form: Form) -> Response:
        """Record a decision and lead back to the person; what is wrong is said all at once."""
        require(visitor.principal, Permission.DECISION)
        looked = look(self._lists, request, visitor)
        band = looked.payload["band"]
        errors = {
            name: LABELS[name] for name in ("step", "judged_band", "reason") if not form[name]
        }
        errors |= long(form, "reason")
        agrees = band is not None and form["judged_band"] == band
        try:
            asked = DecisionRequest.model_validate(
                {
                    "score_id": looked.score_id,
                    "decision": "agree" if agrees else "override",
                    "judged_band": None if agrees else form["judged_band"] or None,
                    "step": form["step"] or None,
                    "basis": form.all("basis"),
                    "after": words.whole_number(form["after"]) or 0,
                    "reason": form["reason"],
                    "purpose": visitor.purpose,
                }
            )
        except ValidationError as wrong:
            errors = problems(wrong, LABELS, "judged_band") | errors
        if errors:
            wrongly = form.wrong(in_order(errors, LABELS))
            return self._page(request, visitor, looked, wrongly, status=400)
        ledger = self._lists.ledger
        try:
            decide(
                ledger,
                asked,
                visitor.principal,
                sign_off=sign_off_policy(self._lists.stock, ledger, looked.score_id),
            )
        except DecidedMeanwhile as other:
            if not _same(other.taken, visitor.principal.actor, asked):  # else sent twice
                again = Form(dict(form.fields) | {"after": [str(other.taken.number)]})
                return self._page(
                    request, visitor, looked, again, status=409, meanwhile=other.taken
                )
        except Conflict as refused:
            return self._page(
                request,
                visitor,
                looked,
                form.wrong({"judged_band": refusal(refused)}),
                status=409,
            )
        return done(self._drafts, visitor, request, f"{looked.href}?saved=decision")

    def _page(
        self,
        request: Request,
        visitor: Visitor,
        looked: Looked,
        form: Form,
        *,
        status: int,
        meanwhile: Taken | None = None,
    ) -> Response:
        before = decided(self._lists, looked)
        looked_at(self._lists, visitor, looked, "decision page")
        context = {
            "looked": looked,
            "form": form,
            "after": form["after"] or str(before[0].number if before else 0),
            "before": before,
            "meanwhile": None
            if meanwhile is None
            else decision_line(meanwhile, looked.score_id, looked.question, False),
            "band": looked.payload["band"],
            "steps": [(code, text, "") for code, text in STEPS.items()],
            "bases": list(BASES.items()),
            "bands": [
                (band, band, "The band of the score" if band == looked.payload["band"] else "")
                for band in reversed(BANDS)
            ],
            "signed": sign_off_policy(self._lists.stock, self._lists.ledger, looked.score_id),
        }
        synthetic = made_up(looked.found)
        return self._answer(request, "decision.html", context, made_up=synthetic, status=status)


def decided(lists: Lists, looked: Looked) -> list[DecisionLine]:
    """Return all decisions about a person for this question, the latest first."""
    person = str(looked.payload["nominal_id"])
    taken = taken_by_person(lists.ledger, [person], looked.question).get(person, [])
    done_with = signed(lists.ledger, looked.question) if taken else {}
    return [
        decision_line(
            one, looked.score_id, looked.question, one.sign_off_due and one.number not in done_with
        )
        for one in taken
    ]


def _same(taken: Taken, actor: str, asked: DecisionRequest) -> bool:
    """Return whether the decision that came between is this one, sent before."""
    said: Mapping[str, Any] = taken.said
    return (
        taken.actor == actor
        and said["score_id"] == asked.score_id
        and said["reason"] == asked.reason
        and said.get("step") == asked.step
        and said.get("basis") == list(asked.basis)
        and said["decision"] == asked.decision
        and asked.judged_band in (None, said["judged_band"])
    )
