"""Reporting a wrong record, the score without it beside the score as given, and the settlement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from features.errors import Conflict, NotFound
from models.words import date_words
from serving.access import Forbidden, Permission, allows, require
from serving.chain import Leaf
from serving.challenges import challenge
from serving.disputes import OUTCOMES, Dispute, dispute, disputes_about, open_disputes, settle
from serving.need_to_know import withheld
from serving.pages import words
from serving.pages.case_words import local_day
from serving.pages.door import Visitor
from serving.pages.forms import Form, blank, done, long, problems, refusal
from serving.pages.history_view import history_view
from serving.pages.look import Looked, look, looked_at
from serving.pages.over_lists import FormPages
from serving.pages.priority_list import made_up
from serving.pages.recorded import viewed
from serving.permissions import same_person
from serving.pseudonyms import pseudonymous, score_pseudonym
from serving.schema import ChallengeRequest, SettlementRequest

LABELS = {"record": "Choose the record on the person’s page", "reason": "Say what is wrong with it"}
SETTLED = {"outcome": "Select what was found", "reason": "Enter your reason"}


class Disputing(FormPages):
    """The pages of disputed records."""

    def ask(self, request: Request, visitor: Visitor) -> Response:
        """Answer with the form about one record."""
        require(visitor.principal, Permission.CHALLENGE)
        looked, said = look(self._lists, request, visitor), request.query_params
        given = {name: said.get(name, "")[:200] for name in ("table", "record")}
        form = blank(self._drafts, visitor, request, **given)
        return self._form(request, visitor, looked, form, status=200)

    def bring(self, request: Request, visitor: Visitor, form: Form) -> Response:
        """Score the person without the record, and lead to both scores side by side."""
        require(visitor.principal, Permission.CHALLENGE)
        looked = look(self._lists, request, visitor)
        errors = {name: text for name, text in LABELS.items() if not form[name]}
        errors |= long(form, "reason")
        number = None
        if not errors:
            asked = {"score_id": looked.score_id, "purpose": visitor.purpose}
            asked |= {"table": form["table"], "record_id": form["record"]}
            try:
                said = ChallengeRequest.model_validate(asked | {"reason": form["reason"]})
                number = self._before(looked, said, visitor)
                if number is None:
                    found = challenge(self._lists.ledger, said, visitor.principal)
                    number = int(found["challenge"])
            except ValidationError as wrong:
                errors = problems(wrong, LABELS, "record")
            except (Conflict, NotFound) as refused:
                errors = {"record": words.first_large(refused.message)}
        if number is None:
            return self._form(request, visitor, looked, form.wrong(errors), status=400)
        return done(self._drafts, visitor, request, f"/disputes/{number}")

    def index(self, request: Request, visitor: Visitor) -> Response:
        """Answer with the disputes that nobody has settled, the first one first."""
        require(visitor.principal, Permission.SETTLEMENT)
        ledger, groups = self._lists.ledger, []
        for at in self._lists.in_force():
            name = at.question.name
            found = open_disputes(ledger, name)
            load = at.load.fingerprint
            hidden = withheld(ledger, load, visitor.principal, [one.nominal_id for one in found])
            shown = [one for one in found if one.nominal_id not in hidden]
            self._record(visitor, name, "disputes page", shown)
            lines = [_words(one, pseudonymous(visitor.principal.role)) for one in shown]
            groups.append((at.question.title, lines, len(found) - len(shown)))
        context = {"groups": groups, "saved": request.query_params.get("saved") == "settlement"}
        return self._answer(request, "disputes.html", context)

    def show(self, request: Request, visitor: Visitor) -> Response:
        """Answer with both scores, and with the form of the settlement for who may settle."""
        require(visitor.principal, Permission.CHALLENGE)
        form = blank(self._drafts, visitor, request)
        return self._outcome(request, visitor, form, status=200)

    def settle(self, request: Request, visitor: Visitor, form: Form) -> Response:
        """Record what was found and lead back to what is open."""
        require(visitor.principal, Permission.SETTLEMENT)
        found, _ = self._found(request, visitor)
        errors = {name: text for name, text in SETTLED.items() if not form[name]}
        errors |= long(form, "reason")
        if not errors:
            asked = {"outcome": form["outcome"], "reason": form["reason"]}
            try:
                said = SettlementRequest.model_validate(asked | {"purpose": visitor.purpose})
                settle(self._lists.ledger, found.number, said, visitor.principal)
            except ValidationError as wrong:
                errors = problems(wrong, SETTLED, "outcome")
            except (Conflict, Forbidden) as refused:
                again = found.settled_by == visitor.principal.actor  # sent twice
                errors = {} if again else {"outcome": refusal(refused)}
        if errors:
            return self._outcome(request, visitor, form.wrong(errors), status=400)
        return done(self._drafts, visitor, request, "/disputes?saved=settlement")

    def _before(self, looked: Looked, said: ChallengeRequest, visitor: Visitor) -> int | None:
        """Return the number of the same dispute by the same person, if it was sent before."""
        record = {"table": said.table, "record_id": said.record_id}
        for one in disputes_about(self._lists.ledger, looked.payload):
            mine = one.actor == visitor.principal.actor and one.reason == said.reason
            if mine and one.record == record:
                return one.number
        return None

    def _form(
        self, request: Request, visitor: Visitor, looked: Looked, form: Form, *, status: int
    ) -> Response:
        record = self._item(looked, form["table"], form["record"], visitor)
        if record is None and not form.errors:
            form = form.wrong({"record": LABELS["record"]})
        looked_at(self._lists, visitor, looked, "dispute form")
        context = {"looked": looked, "form": form, "record": record}
        synthetic = made_up(looked.found)
        return self._answer(request, "dispute.html", context, made_up=synthetic, status=status)

    def _item(self, looked: Looked, table: str, record: str, visitor: Visitor) -> Any:
        """Return a record of a person as the history shows it; None where there is none."""
        found = looked.found
        if found.history is None:
            return None
        events = found.history.events(str(looked.payload["nominal_id"]), found.as_of_date)
        view = history_view(
            events, found.as_of_date, pseudonymous=pseudonymous(visitor.principal.role)
        )
        wanted = {"table": table, "record": record}
        return next((item for item in view.items if item.record == wanted), None)

    def _found(self, request: Request, visitor: Visitor) -> tuple[Dispute, Looked]:
        """Return a dispute and its score, for whoever may see the person."""
        found = dispute(self._lists.ledger, words.entry_number(request.path_params["dispute"]))
        request.path_params.update(question=found.question, score_id=found.score_id)
        return found, look(self._lists, request, visitor)

    def _outcome(self, request: Request, visitor: Visitor, form: Form, *, status: int) -> Response:
        found, looked = self._found(request, visitor)
        self._record(visitor, found.question, "dispute page", [found])
        hidden, question = pseudonymous(visitor.principal.role), looked.found.question
        record = self._item(looked, found.record["table"], found.record["record_id"], visitor)
        context = {
            "looked": looked,
            "dispute": _words(found, hidden),
            "record": record,
            "rows": _beside(found, question),
            "form": form,
            "outcomes": [(code, text, "") for code, text in OUTCOMES.items()],
            "may_settle": allows(visitor.principal.role, Permission.SETTLEMENT)
            and not same_person(found.actor, visitor.principal.actor),
        }
        synthetic = made_up(looked.found)
        return self._answer(
            request, "dispute_outcome.html", context, made_up=synthetic, status=status
        )

    def _record(self, visitor: Visitor, question: str, what: str, seen: list[Dispute]) -> None:
        people = [Leaf(one.nominal_id, None, {"seen": one.number}) for one in seen]
        viewed(self._lists, visitor, what, question, people=people)


def _words(one: Dispute, hidden: bool) -> dict[str, Any]:
    """Return a dispute in words; without who it is about for whoever sees nobody by name."""
    return {
        "number": one.number,
        "name": score_pseudonym(one.score_id) if hidden else one.nominal_id,
        "reason": one.reason,
        "who": one.actor,
        "when": date_words(local_day(one.at)),
        "outcome": None if one.outcome is None else OUTCOMES[one.outcome],
        "found": one.found,
        "settled_by": one.settled_by,
        "settled_on": None if one.settled_at is None else date_words(local_day(one.settled_at)),
    }


def _beside(one: Dispute, question: Any) -> list[tuple[str, str, str]]:
    """Return both scores line by line: as given, and without the record."""

    def of(score: Mapping[str, Any]) -> tuple[str, str, str]:
        if "rejected" in score:
            return "No score: not in the cohort", "None", "None"
        if score["insufficient_history"]:
            return "No score: insufficient history", "None", "None"
        interval = score["interval"]
        return (
            words.percent(score["probability"], question.band),
            words.span(interval["low"], interval["high"], question.band) + " in 100",
            str(score["band"]),
        )

    given, without = of(one.original), of(one.without)
    return list(zip(("Chance", "Likely range", "Band"), given, without, strict=True))
