"""Asking for scores of people by their ids: the form, the answers checked, and the result."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from features.cohort import REASONS
from features.errors import NotFound, PrecursorError
from models.words import date_words
from serving.access import Permission, require
from serving.answers import scores
from serving.chain import Action, Leaf
from serving.fields import LONGEST_PURPOSE
from serving.need_to_know import withheld
from serving.own_view import require_own_view
from serving.pages import words
from serving.pages.case_words import local_day
from serving.pages.door import Visitor
from serving.pages.forms import Form, blank, date_items, date_of, done
from serving.pages.over_lists import FormPages
from serving.schema import MOST_PEOPLE, ScoreRequest
from serving.stock import InForce

LABELS = {
    "question": "Select a list",
    "nominal_ids": "Enter the ids of the people, each once and without blanks in them",
    "as_of_date": "Enter a day up to the end of the records, for example 27 3 2026",
    "purpose": "Say what the scores are for",
}


class RequestScores(FormPages):
    """The pages of scores that are asked for."""

    def show(self, request: Request, visitor: Visitor) -> Response:
        """Answer with the form."""
        require(visitor.principal, Permission.SCORE)
        form = blank(self._drafts, visitor, request, purpose=visitor.purpose)
        return self._form(request, visitor, form, status=200)

    def take(self, request: Request, visitor: Visitor, form: Form) -> Response:
        """Show the answers to be checked, or score and lead to the result."""
        require(visitor.principal, Permission.SCORE)
        if form["next_step"] == "change":
            return self._form(request, visitor, form, status=200)
        asked, errors = _read(form)
        if asked is None:
            return self._form(request, visitor, form.wrong(errors), status=400)
        try:
            require_own_view(self._lists.ledger, asked.question, visitor.principal)
            at = self._lists.stock.get(asked.question)
            if asked.as_of_date is not None and asked.as_of_date > at.load.default_as_of:
                latest = date_words(at.load.default_as_of)
                errors = {"as_of_date": f"Enter {latest} or an earlier day: the records end there"}
                return self._form(request, visitor, form.wrong(errors), status=400)
            if form["next_step"] != "ask":
                return self._check(request, form, asked, at)
            # not a mark on what is raised: the stock raises one failure to everybody who asks
            request.state.recorded = True  # scores, or their refusal, by what gives them
            entry, _ = scores(
                self._lists.stock,
                self._lists.ledger,
                asked,
                actor=visitor.principal.actor,
                role=visitor.principal.role,
            )
        except PrecursorError as refused:
            if refused.status == 403 or refused.code == "own_view_due":
                raise  # told on a page of its own, and on the ledger
            said = f"{words.first_large(refused.message)}. {self._last(asked)}"
            return self._form(request, visitor, form.wrong({"question": said}), status=400)
        return done(self._drafts, visitor, request, f"/scores/{entry.seq}")

    def result(self, request: Request, visitor: Visitor) -> Response:
        """Answer with what a request of one's own gave: scores, and who was rejected and why."""
        require(visitor.principal, Permission.SCORE)
        number = words.entry_number(request.path_params["entry"])
        missing = NotFound("you asked for no such scores", remedy="Ask for scores again.")
        try:
            entry = self._lists.ledger.entry(number, sealed=True)
        except NotFound:
            raise missing from None
        if entry.action != Action.SCORE or entry.actor != visitor.principal.actor:
            raise missing
        question = str(entry.question)
        require_own_view(self._lists.ledger, question, visitor.principal)
        leaves = [leaf for leaf in self._lists.ledger.people(number) if leaf.payload is not None]
        people = [str(leaf.nominal_id) for leaf in leaves]
        fingerprint = str(entry.body["load"]["fingerprint"])
        hidden = withheld(self._lists.ledger, fingerprint, visitor.principal, people)
        shown = [leaf for leaf in leaves if leaf.nominal_id not in hidden]
        self._lists.ledger.append(
            Action.VIEW,
            actor=visitor.principal.actor,
            role=visitor.principal.role,
            purpose=visitor.purpose,
            question=question,
            body={"what": "scores asked for", "entry": number},
            people=[Leaf(str(leaf.nominal_id), None, {"seen": number}) for leaf in shown],
        )
        at = self._lists.in_force_of(question)
        scored = [
            _scored(leaf.payload, question, at)
            for leaf in shown
            if leaf.score_id is not None and leaf.payload is not None
        ]
        context = {
            "title": question if at is None else at.question.title,
            "outcome": "" if at is None else at.question.outcome_words,
            "when": date_words(local_day(entry.at)),
            "as_of": date_words(date.fromisoformat(entry.body["as_of_date"])),
            "purpose": entry.purpose,
            "scored": scored,
            "rejected": [
                (leaf.nominal_id, REASONS[leaf.payload["rejected"]["reason"]])
                for leaf in shown
                if leaf.score_id is None and leaf.payload is not None
            ],
            "gone": entry.leaf_count - len(shown),
        }
        return self._answer(request, "scores_result.html", context)

    def _questions(self, visitor: Visitor) -> list[tuple[str, str]]:
        role = visitor.principal.role
        found = [(question.name, question.title) for question in self._lists.open_to(role)]
        return sorted(found, key=lambda one: one[1])

    def _form(self, request: Request, visitor: Visitor, form: Form, *, status: int) -> Response:
        questions = self._questions(visitor)
        chosen = form["question"] or (questions[0][0] if len(questions) == 1 else "")
        context = {
            "form": form,
            "questions": questions,
            "chosen": chosen,
            "ids": "\n".join(_ids(form)),
            "dates": date_items(form, "as_of_date"),
            "most": MOST_PEOPLE,
            "longest": LONGEST_PURPOSE,
        }
        return self._answer(request, "scores.html", context, status=status)

    def _check(self, request: Request, form: Form, asked: ScoreRequest, at: InForce) -> Response:
        latest = at.load.default_as_of
        context = {
            "form": form,
            "title": at.question.title,
            "ids": asked.nominal_ids,
            "as_of": date_words(asked.as_of_date or latest),
            "whole": asked.as_of_date in (None, latest),
            "purpose": asked.purpose,
        }
        return self._answer(request, "scores_check.html", context)

    def _last(self, asked: ScoreRequest) -> str:
        """Return when scores were last given, for when none can be given now."""
        made = (Action.SCORE, Action.BATCH)
        last = self._lists.ledger.entries(
            action=made, question=asked.question, limit=1, sealed=True
        )
        return "" if not last else f"The last scores are of {date_words(local_day(last[0].at))}."


def _ids(form: Form) -> list[str]:
    """Return the ids that were entered, one by one: blanks, commas and line ends part them."""
    return form["nominal_ids"].replace(",", " ").replace(";", " ").split()


def _read(form: Form) -> tuple[ScoreRequest | None, dict[str, str]]:
    """Return what is asked for, or all that is wrong with it."""
    errors: dict[str, str] = {}
    ids = _ids(form)
    at, wrong_day = date_of(form, "as_of_date")
    if wrong_day:
        errors["as_of_date"] = LABELS["as_of_date"]
    twice = sorted({one for one in ids if ids.count(one) > 1}) if len(ids) <= MOST_PEOPLE else []
    if twice:
        errors["nominal_ids"] = f"Enter each person once; more than once: {', '.join(twice[:5])}"
    if len(ids) > MOST_PEOPLE:
        errors["nominal_ids"] = f"Enter {MOST_PEOPLE:,} people at most; there are {len(ids):,}"
    asked = None
    try:
        asked = ScoreRequest(
            question=form["question"],
            nominal_ids=ids,
            purpose=form["purpose"],
            as_of_date=at,
        )
    except ValidationError as mistakes:
        for mistake in mistakes.errors(include_url=False, include_input=False):
            name = str(mistake["loc"][0]) if mistake["loc"] else "nominal_ids"
            errors.setdefault(name, LABELS.get(name, mistake["msg"]))
    if errors:
        return None, {name: errors[name] for name in LABELS if name in errors}
    return asked, {}


def _scored(payload: Mapping[str, Any], name: str, at: InForce | None) -> dict[str, Any]:
    """Return one score in the words of a list; an insufficient history is no low score."""
    line = {
        "name": payload["nominal_id"],
        "href": f"/lists/{name}/{payload['score_id']}",
        "band": payload["band"],
    }
    if payload["probability"] is None or at is None:
        return line | {"css": "none", "chance": "", "span": ""}
    interval, band = payload["interval"], at.question.band
    return line | {
        "css": words.BAND_CLASSES[payload["band"]],
        "chance": words.in_hundred(payload["probability"], band),
        "span": words.span(interval["low"], interval["high"], band),
    }
