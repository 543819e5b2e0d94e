"""Replay: a reviewer gets to the bottom of a score, step by step, under the person's pseudonym."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from models.words import date_words
from serving import trail
from serving.access import Permission, require
from serving.chain import Action, Leaf, stamp
from serving.fields import LONGEST_PURPOSE
from serving.need_to_know import require_need
from serving.pages import words
from serving.pages.door import Visitor
from serving.pages.forms import Form, blank, done
from serving.pages.over_lists import FormPages
from serving.pages.said import moment, title
from serving.replay import Replay, Step, replayed

KNOWN_FOR = timedelta(hours=8)
"""How long a reviewer who asked who somebody is sees it."""

IDENTITY = "identity of a person"
HEADINGS = {
    "equal": "Equal, to the last bit",
    "differs": "Differs: an incident",
    "not_replayable": "Cannot be replayed",
}
NOW = {
    "same": "The same: what was recorded since changes nothing.",
    "arrived_late": "Other records have arrived since that were known earlier by their date. The"
    " score was right by the records that there were.",
    "corrected": "Records that the score was made from are not in the later load: they were"
    " corrected or taken out.",
    "rejected": "The person would not be scored any more",
    "not_available": "It cannot be told",
}


class Replays(FormPages):
    """The pages that compute a past score again."""

    def ask(self, request: Request, visitor: Visitor) -> Response:
        """Answer with the form that a score is looked for by."""
        require(visitor.principal, Permission.REPLAY)
        return self._form(request, blank(self._drafts, visitor, request))

    def find(self, request: Request, visitor: Visitor, form: Form) -> Response:
        """Lead to a score's replay, or say that there is no such score."""
        require(visitor.principal, Permission.REPLAY)
        wanted = form["score_id"]
        if not wanted:
            errors = {"score_id": "Enter the id of a score"}
        elif self._lists.ledger.subject(trail.printable(wanted)) is None:
            errors = {"score_id": "No score on the ledger has this id: check it"}
        else:
            address = f"/replays/{quote(trail.printable(wanted), safe='')}"
            return done(self._drafts, visitor, request, address)
        return self._form(request, form.wrong(errors), status=400)

    def show(self, request: Request, visitor: Visitor) -> Response:
        """Answer with both steps of a replay, and what the score would be now."""
        return self._page(request, visitor, blank(self._drafts, visitor, request))

    def identify(self, request: Request, visitor: Visitor, form: Form) -> Response:
        """Record why a reviewer has to know who it is, and lead back to the page that says it."""
        require(visitor.principal, Permission.IDENTITY)
        score_id, ledger = trail.printable(request.path_params["score_id"]), self._lists.ledger
        if not form["reason"] or len(form["reason"]) > LONGEST_PURPOSE:
            said = f"Say why you have to know who it is, in {LONGEST_PURPOSE} characters at most"
            return self._page(request, visitor, form.wrong({"reason": said}), status=400)
        _, payload = ledger.score(score_id)
        if payload is None:
            return RedirectResponse(request.url.path, status_code=303)
        load, person = payload["load"]["fingerprint"], payload["nominal_id"]
        require_need(ledger, load, visitor.principal, [person])
        entry = ledger.append(
            Action.VIEW,
            actor=visitor.principal.actor,
            role=visitor.principal.role,
            purpose=visitor.purpose,
            question=payload["question"],
            body={"what": IDENTITY},
            people=[Leaf(person, None, {"identified": score_id, "reason": form["reason"]})],
        )
        return done(self._drafts, visitor, request, f"{request.url.path}?identified={entry.seq}")

    def _form(self, request: Request, form: Form, status: int = 200) -> Response:
        return self._answer(request, "replay_find.html", {"form": form}, status=status)

    def _page(self, request: Request, visitor: Visitor, form: Form, status: int = 200) -> Response:
        require(visitor.principal, Permission.REPLAY)
        score_id, ledger = trail.printable(request.path_params["score_id"]), self._lists.ledger
        entry, payload = ledger.score(score_id)
        found = replayed(
            score_id,
            entry,
            payload,
            stock=self._lists.stock,
            ledger=ledger,
            actor=visitor.principal.actor,
            role=visitor.principal.role,
            purpose=visitor.purpose,
        )
        subject = ledger.subject(score_id)
        context = {
            "form": form,
            "score_id": score_id,
            "pseudonym": trail.person_pseudonym(subject),
            "known_as": self._known_as(request, visitor, subject, payload),
            "given": {
                "entry": entry.seq,
                "at": moment(entry.at),
                "actor": entry.actor,
                "purpose": entry.purpose,
            },
            "score": None if payload is None else _score(payload, self._lists.titles()),
            "verdict": verdict(found),
            "steps": [
                ("1", "From the stored inputs to the score", _step(found.score_from_inputs)),
                ("2", "From the records to the inputs", _step(found.inputs_from_records)),
            ],
            "now": None if found.now is None else _now(found.now),
            "erased": payload is None,
        }
        made_up = None if payload is None else bool(payload["model"].get("synthetic", False))
        return self._answer(request, "replay.html", context, made_up=made_up or None, status=status)

    def _known_as(
        self,
        request: Request,
        visitor: Visitor,
        subject: bytes | None,
        payload: Mapping[str, Any] | None,
    ) -> str:
        """Return who it is, to whoever asked a short while ago with a reason; else nothing."""
        number = request.query_params.get("identified", "")
        if payload is None or not re.fullmatch(r"[0-9]{1,15}", number):
            return ""
        ledger = self._lists.ledger
        asked = ledger.entries(
            action=Action.VIEW,
            actor=visitor.principal.actor,
            since=stamp(ledger.now() - KNOWN_FOR),
            before=int(number) + 1,
            limit=1,
            sealed=True,
        )
        if not asked or asked[0].seq != int(number) or asked[0].body.get("what") != IDENTITY:
            return ""
        whom = [who for who, _ in ledger.subjects(asked[0].seq)]
        return str(payload["nominal_id"]) if whom == [subject] else ""


def verdict(found: Replay) -> tuple[str, str]:
    """Return how a replay came out as a class and a headline.

    Examples
    --------
    >>> same = Step("equal")
    >>> verdict(Replay("s1", same, same))
    ('equal', 'The score is what its records and its model give, to the last bit')
    """
    results = {found.score_from_inputs.result, found.inputs_from_records.result}
    if "differs" in results:
        return "differs", "The score cannot be reproduced: treat it as an incident"
    if results == {"equal"}:
        return "equal", "The score is what its records and its model give, to the last bit"
    if "equal" in results:
        return "partly", "One step was reproduced, the other cannot be replayed"
    return "not-replayable", "The score cannot be replayed"


def _score(payload: Mapping[str, Any], titles: Mapping[str, str]) -> dict[str, Any]:
    """Return what was said then, in words."""
    said: dict[str, Any] = {
        "question": payload["question"],
        "title": title(payload["question"], titles),
        "as_of": date_words(date.fromisoformat(payload["as_of_date"])),
        "model": f"version {payload['model']['version']}",
        "sha256": payload["model"]["sha256"],
        "load": payload["load"]["number"],
        "fingerprint": payload["load"]["fingerprint"],
        "data_to": date_words(date.fromisoformat(payload["load"]["data_to"])),
        "inputs": len(payload["inputs"]),
        "reasons": [reason["text"] for reason in payload["reasons"]],
        "band": payload["band"],
        "css": words.BAND_CLASSES.get(payload["band"] or "", "none"),
    }
    return said | _chance(payload)


def _chance(said: Mapping[str, Any]) -> dict[str, str]:
    """Return probability and interval, exactly as they were given."""
    if said.get("probability") is None:
        return {"probability": "No number: the history was insufficient", "range": ""}
    low, high = said["interval"]["low"], said["interval"]["high"]
    return {
        "probability": f"{said['probability']:.2%}",
        "range": f"{low:.2%} to {high:.2%}",
    }


def _step(step: Step) -> dict[str, Any]:
    different = step.details.get("different", {})
    return {
        "result": step.result,
        "heading": HEADINGS[step.result],
        "detail": step.detail,
        "different": [
            (words.spoken(name), _exact(each["recorded"]), _exact(each["recomputed"]))
            for name, each in different.items()
        ],
        "words_differ": step.details.get("same_words") is False,
    }


def _exact(value: Any) -> str:
    """Return a figure with all its digits: a difference may be in the last one."""
    if isinstance(value, Mapping):
        return "; ".join(f"{words.spoken(name)} {_exact(one)}" for name, one in value.items())
    return (
        "Not recorded" if value is None else repr(value) if isinstance(value, float) else f"{value}"
    )


def _now(found: Mapping[str, Any]) -> dict[str, Any]:
    said = NOW[found["result"]]
    if found.get("reason"):
        said = f"{said.rstrip('.')}: {found['reason']}"
    return {
        "result": found["result"],
        "said": said if said.endswith(".") else f"{said}.",
        "load": found.get("load", {}).get("number"),
        **(_chance(found) if "probability" in found else {"probability": "", "range": ""}),
        "band": found.get("band"),
        "css": words.BAND_CLASSES.get(found.get("band") or "", "none"),
        "arrived": _counted(found.get("arrived", [])),
        "gone": _counted(found.get("gone", [])),
    }


def _counted(records: list[Mapping[str, Any]]) -> list[tuple[str, str, int]]:
    """Return records by table and the day they became known, without what names them."""
    number = Counter((one["table"], one["known_on"]) for one in records)
    return [
        (words.spoken(table), date_words(date.fromisoformat(day)), many)
        for (table, day), many in sorted(number.items())
    ]
