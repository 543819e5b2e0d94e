"""The audit pages: who saw, decided and took out what, and why; and whether the chain holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from features.errors import NotFound, PrecursorError
from models.words import date_words
from serving import safe_csv, trail
from serving.access import Permission, require
from serving.chain import SCORE_ID, Action, Entry, Leaf, plain_json
from serving.leaves import SHARED
from serving.ledger_export import public_key
from serving.need_to_know import withheld
from serving.pages import words
from serving.pages.door import Visitor
from serving.pages.forms import Form
from serving.pages.over_lists import ListPages
from serving.pages.said import facts, moment, title

MOST = 2**53
"""No ledger is as long; a larger number is more than a database takes."""

READ_OUT = 20
"""People of one entry whose part of it is read out."""

SCORE = re.compile(f'"({SCORE_ID})"')
"""A score's id as what is said about somebody names it: a decision, a view, an own view."""

NOT_SAID = frozenset({"nominal_id", "inputs", "groups", "reasons", SHARED})
"""Parts of what was said that name somebody or are shown on the page of the score."""


class Audit(ListPages):
    """The pages over the ledger."""

    def show(self, request: Request, visitor: Visitor) -> Response:
        """Answer with one page of entries, the latest first."""
        require(visitor.principal, Permission.AUDIT)
        ledger = self._lists.ledger
        asked, errors = trail.Asked.of(request.query_params)
        before = request.query_params.get("before", "")
        start = words.whole_number(before)
        self._record(visitor, {"what": "audit trail", "before": start, "asked": _said(asked)})
        found, more = ([], None) if errors else trail.page(ledger, asked, start)
        query, titles = asked.query(), self._lists.titles()
        context = {
            "form": Form({name: [value] for name, value in request.query_params.items()}, errors),
            "asked": asked,
            "lines": [_line(entry, titles) for entry in found],
            "actions": [(one.value, words.first_large(words.spoken(one.value))) for one in Action],
            "questions": [(name, title(name, titles)) for name in trail.questions(ledger)],
            "filtered": bool(query),
            "newest": f"/audit?{urlencode(query)}" if start is not None else "",
            "older": f"/audit?{urlencode({**query, 'before': more})}" if more else "",
            "download": f"/audit.csv?{urlencode(query)}",
            "most": trail.MOST_LINES,
            "chain": self._chain(),
        }
        return self._answer(request, "audit.html", context, status=400 if errors else 200)

    def download(self, request: Request, visitor: Visitor) -> Response:
        """Answer with the entries that were asked for as a CSV file."""
        require(visitor.principal, Permission.AUDIT)
        asked, errors = trail.Asked.of(request.query_params)
        if errors:
            return RedirectResponse(f"/audit?{request.url.query}", status_code=303)
        content = trail.download(self._lists.ledger, asked, visitor.principal, visitor.purpose)
        name = 'attachment; filename="audit.csv"'
        return Response(content, media_type=safe_csv.MEDIA, headers={"content-disposition": name})

    def entry(self, request: Request, visitor: Visitor) -> Response:
        """Answer with one entry: its fields, and the people it is about, under pseudonyms."""
        require(visitor.principal, Permission.AUDIT)
        number = request.path_params["entry"]
        if number >= MOST:
            raise NotFound("there is no such entry", remedy="Open it from the audit trail.")
        found = self._lists.ledger.entry(number)
        said, of_scores = self._read_out(found, visitor)
        people = [
            {
                "pseudonym": trail.person_pseudonym(subject),
                "score_id": score_id or of_scores.get(place),
                "said": said.get(place),
            }
            for place, (subject, score_id) in enumerate(
                self._lists.ledger.subjects(number, trail.MOST_PEOPLE)
            )
        ]
        context = {
            "line": _line(found, self._lists.titles()),
            "entry": found,
            "facts": list(facts(found.body, NOT_SAID)),
            "people": people,
            "more": max(found.leaf_count - len(people), 0),
        }
        return self._answer(request, "audit_entry.html", context)

    def verify(self, _: Request, visitor: Visitor, form: Form) -> Response:
        """Walk the chain, put what was found on the ledger, and lead back to the trail."""
        require(visitor.principal, Permission.AUDIT)
        if sum(trail.size(self._lists.ledger)) <= trail.MOST_WALKED:
            trail.verify(self._lists.ledger, visitor.principal, visitor.purpose)
        return RedirectResponse("/audit#chain-name", status_code=303)

    def _chain(self) -> dict[str, Any]:
        ledger = self._lists.ledger
        head, last = ledger.head(), trail.last_verified(ledger)
        entries, leaves = trail.size(ledger)
        return {
            "entries": words.count(entries, "entry", "entries"),
            "leaves": words.count(leaves, "part", "parts"),
            "head": None if head is None else f"{head.seq}:{head.hash}",
            "public_key": public_key(ledger),
            "last": last,
            "last_at": "" if last is None else moment(last.at),
            "at_once": entries + leaves <= trail.MOST_WALKED,
        }

    def _read_out(self, entry: Entry, visitor: Visitor) -> tuple[dict[int, Any], dict[int, str]]:
        """Return what an entry says about each person, and of which score, where they are few.

        Of whoever may not be seen it is said that it is withheld.
        """
        ledger = self._lists.ledger
        leaves = ledger.people(entry.seq, sealed=False) if entry.leaf_count <= READ_OUT else []
        named = {leaf.nominal_id for leaf in leaves if leaf.nominal_id is not None}
        hidden = withheld(ledger, self._load(entry), visitor.principal, named)
        seen = sorted(named - hidden)
        self._record(
            visitor,
            {"what": "entry", "entry": entry.seq},
            [Leaf(who, None, {"read": entry.seq}) for who in seen],
        )
        said: dict[int, Any] = {}
        of_scores: dict[int, str] = {}
        for place, leaf in enumerate(leaves):
            if leaf.payload is None:
                said[place] = "erased"
            elif leaf.nominal_id in hidden:
                said[place] = "withheld"
            else:
                said[place] = list(facts(leaf.payload, NOT_SAID))
                named_in = SCORE.search(plain_json(leaf.payload))
                if named_in is not None:
                    of_scores[place] = named_in[1]
        return said, of_scores

    def _load(self, entry: Entry) -> str:
        try:
            return self._lists.stock.get(str(entry.question)).load.fingerprint
        except PrecursorError:  # no areas are known then, and whoever works in one sees nobody
            return ""

    def _record(
        self, visitor: Visitor, body: Mapping[str, Any], people: list[Leaf] | None = None
    ) -> None:
        self._lists.ledger.append(
            Action.AUDIT,
            actor=visitor.principal.actor,
            role=visitor.principal.role,
            purpose=visitor.purpose,
            body=body,
            people=people or [],
        )


def _said(asked: trail.Asked) -> dict[str, str]:
    """What was asked, as the ledger keeps it: of a person it says only that one was asked for."""
    said = asked.query()
    return said | {"score": "one person"} if "score" in said else said


def _line(entry: Entry, titles: Mapping[str, str]) -> dict[str, Any]:
    """Return an entry as a line of the trail."""
    said = {action.value: action.words for action in Action}
    return {
        "seq": entry.seq,
        "day": date_words(date.fromisoformat(entry.at[:10])),
        "time": f"{entry.at[11:19]} UTC",
        "moment": moment(entry.at),
        "actor": entry.actor,
        "role": words.spoken(entry.role),
        "action": words.spoken(entry.action).capitalize(),
        "words": words.first_large(said.get(entry.action, entry.action)),
        "question": title(entry.question, titles) if entry.question else "",
        "what": str(entry.body.get("what", "")),
        "purpose": entry.purpose,
        "people": words.count(entry.leaf_count, "person", "people") if entry.leaf_count else "",
    }
