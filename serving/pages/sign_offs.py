"""Decisions that wait for a supervisor, and the supervisor's word on one of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from features.errors import Conflict, NotFound
from models.words import date_words
from serving.access import Forbidden, Permission, require
from serving.chain import Action, Leaf
from serving.decisions import Taken, sign_off, signed, told
from serving.need_to_know import require_need, withheld
from serving.pages import words
from serving.pages.case_words import decision_line, graded, local_day, step_words
from serving.pages.door import Visitor
from serving.pages.forms import Form, blank, done, long, refusal
from serving.pages.over_lists import FormPages
from serving.pages.recorded import viewed
from serving.permissions import same_person
from serving.schema import SignOffRequest

LABELS = {"agreed": "Select whether you agree", "reason": "Enter your reason"}


class SignOffs(FormPages):
    """The pages of sign-offs."""

    def index(self, request: Request, visitor: Visitor) -> Response:
        """Answer with the decisions that wait, the one that waits longest first."""
        require(visitor.principal, Permission.SIGN_OFF)
        groups = []
        for at in self._lists.in_force():
            rows = told(self._lists.ledger, at.question.name)
            due = rows[rows["sign_off_due"].astype(bool)].to_dict("records")
            load, asked = at.load.fingerprint, [str(row["nominal_id"]) for row in due]
            hidden = withheld(self._lists.ledger, load, visitor.principal, asked)
            shown = [row for row in due if row["nominal_id"] not in hidden]
            people = [
                Leaf(str(row["nominal_id"]), None, {"seen": int(row["decision"])}) for row in shown
            ]
            name = at.question.name
            viewed(self._lists, visitor, "sign-offs page", name, people=people, due=len(due))
            lines = [_line(row, visitor.principal.actor) for row in shown]
            groups.append((at.question.title, lines, len(due) - len(shown)))
        saved = request.query_params.get("saved") == "sign-off"
        return self._answer(request, "sign_offs.html", {"groups": groups, "saved": saved})

    def show(self, request: Request, visitor: Visitor) -> Response:
        """Answer with one decision and the form for a word on it."""
        require(visitor.principal, Permission.SIGN_OFF)
        form = blank(self._drafts, visitor, request)
        return self._page(request, visitor, form, status=200)

    def take(self, request: Request, visitor: Visitor, form: Form) -> Response:
        """Record the word and lead back to what still waits."""
        require(visitor.principal, Permission.SIGN_OFF)
        number = _number(request)
        self._need(number, visitor)
        errors = {name: text for name, text in LABELS.items() if not form[name]}
        errors |= long(form, "reason")
        if form["agreed"] not in ("", "yes", "no"):
            errors["agreed"] = LABELS["agreed"]
        if not errors:
            asked = SignOffRequest(
                agreed=form["agreed"] == "yes", reason=form["reason"], purpose=visitor.purpose
            )
            try:
                sign_off(self._lists.ledger, number, asked, visitor.principal)
            except Forbidden as refused:
                errors = {"agreed": refusal(refused)}
            except Conflict as refused:
                if not self._mine(number, visitor):  # else sent twice
                    errors = {"agreed": refusal(refused)}
        if errors:
            return self._page(request, visitor, form.wrong(errors), status=400)
        return done(self._drafts, visitor, request, "/sign-offs?saved=sign-off")

    def _mine(self, number: int, visitor: Visitor) -> bool:
        entry = self._lists.ledger.entry(number, sealed=True)
        said = signed(self._lists.ledger, str(entry.question)).get(number)
        return said is not None and said[1] == visitor.principal.actor

    def _need(self, number: int, visitor: Visitor) -> tuple[Taken, str, str]:
        """Return a decision, whom it is about and its question, for who may see the person."""
        missing = NotFound("there is no such decision", remedy="Choose one from the list.")
        try:
            entry = self._lists.ledger.entry(number, sealed=True)
        except NotFound:
            raise missing from None
        leaves = self._lists.ledger.people(number) if entry.action == Action.DECISION else []
        if not leaves or leaves[0].nominal_id is None or leaves[0].payload is None:
            raise missing
        person, said = leaves[0].nominal_id, leaves[0].payload["decided"]
        _, payload = self._lists.ledger.score(said["score_id"])
        if payload is not None:
            load = payload["load"]["fingerprint"]
            require_need(self._lists.ledger, load, visitor.principal, [person])
        taken = Taken(number, entry.at, entry.actor, said, bool(entry.body["sign_off_due"]))
        return taken, person, str(entry.question)

    def _page(self, request: Request, visitor: Visitor, form: Form, *, status: int) -> Response:
        number = _number(request)
        taken, person, question = self._need(number, visitor)
        seen = [Leaf(person, None, {"seen": number})]
        viewed(self._lists, visitor, "sign-off page", question, people=seen, decision=number)
        word = signed(self._lists.ledger, question).get(number)
        context = {
            "number": number,
            "name": person,
            "decision": decision_line(taken, str(taken.said["score_id"]), question, word is None),
            "own": same_person(taken.actor, visitor.principal.actor),
            "word": None if word is None else ("agreed" if word[0] else "did not agree", word[1]),
            "form": form,
        }
        return self._answer(request, "sign_off.html", context, status=status)


def _number(request: Request) -> int:
    return words.entry_number(request.path_params["decision"])


def _line(row: Mapping[Any, Any], actor: str) -> dict[str, Any]:
    return {
        "number": int(row["decision"]),
        "name": row["nominal_id"],
        "what": step_words({"step": row["step"], "decision": row["kind"]}),
        "grade": graded(
            {"decision": row["kind"], "judged_band": row["judged_band"], "band": row["band"]}
        ),
        "reason": row["reason"],
        "who": row["actor"],
        "when": date_words(local_day(row["at"])),
        "own": same_person(row["actor"], actor),
    }
