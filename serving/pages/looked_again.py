"""The pages of what looking at a question again found, and of retired models.

The commands keep what they find (`precursor drift`, `shadow`, `watch`, `retire`); these pages show
it and compute nothing.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from features import kept_reports
from features.errors import NotFound
from models.words import date_words
from serving.access import Permission, allows, require
from serving.pages.chosen import registered
from serving.pages.door import Visitor
from serving.pages.over_lists import ListPages
from serving.pages.recorded import viewed
from serving.pages.report_words import COMMANDS, facts, lines_of, told
from serving.pages.said import title
from serving.retirement import AFTERWARDS, NEVER, Retired, register


class LookedAgain(ListPages):
    """The pages of kept reports and of retired models."""

    def index(self, request: Request, visitor: Visitor) -> Response:
        """Answer with a question's reports by kind, the latest first."""
        name, title = self._question(request, visitor)
        viewed(self._lists, visitor, "reports", name)
        kinds = [
            {"heading": heading, "command": command, "lines": lines_of(kind, name)}
            for kind, (heading, command) in COMMANDS.items()
        ]
        context = {"name": name, "title": title, "kinds": kinds}
        return self._answer(request, "reports.html", context)

    def show(self, request: Request, visitor: Visitor) -> Response:
        """Answer with one report."""
        name, title = self._question(request, visitor)
        kind = request.path_params["kind"]
        if kind not in COMMANDS:
            raise NotFound(
                f"question '{name}': there are no reports of this kind",
                remedy="Open one from the list of reports.",
            )
        found = kept_reports.read(kind, name, request.path_params["report"])
        viewed(self._lists, visitor, f"{kind} report of {found['at']}", name)
        heading, command = COMMANDS[kind]
        context = {
            "name": name,
            "title": title,
            "heading": heading,
            "command": command,
            "told": told(kind, found),
            "facts": facts(found),
        }
        return self._answer(request, "report.html", context)

    def retired(self, request: Request, visitor: Visitor) -> Response:
        """Answer with the register of retired models."""
        require(visitor.principal, Permission.QUESTIONS)
        viewed(self._lists, visitor, "retired models")
        titles = self._lists.titles()
        found = [
            retired_line(one, title(one.question, titles)) for one in register(self._lists.ledger)
        ]
        context = {
            "lines": found,
            "afterwards": AFTERWARDS,
            "audits": allows(visitor.principal.role, Permission.AUDIT),
        }
        return self._answer(request, "retired.html", context)

    def _question(self, request: Request, visitor: Visitor) -> tuple[str, str]:
        """Return the question of an address and its title; it need not be in force any more."""
        require(visitor.principal, Permission.QUESTIONS)
        titles = self._lists.titles()
        name = registered(str(request.path_params["question"]), titles)
        return name, title(name, titles)


def retired_line(one: Retired, title: str) -> dict[str, Any]:
    """Return a retired model as a line of the register."""
    expires = one.last_expires_on
    return {
        "title": title,
        "version": one.version,
        "sha256": one.sha256,
        "entry": one.entry,
        "retired_on": date_words(date.fromisoformat(one.retired_on)),
        "by": one.retired_by,
        "reason": one.reason,
        "in_force": "In force until then" if one.was_in_force else "Not in force then",
        "since": date_words(date.fromisoformat(one.in_force_since)) if one.in_force_since else "",
        "scores": f"{one.scores:,} given",
        "expires": date_words(date.fromisoformat(expires)) if expires else NEVER,
        "list_stood": one.its_list_stood,
    }
