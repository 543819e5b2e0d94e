"""The assurance page: whether a model is fair and accurate, still fits, and is followed."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from features.errors import PrecursorError
from features.kept_reports import DRIFT
from models.words import date_words
from serving.access import Permission, allows, require
from serving.agreement import few_known, mature_from, overrides, seeing
from serving.decisions import told
from serving.outcomes import reviewed
from serving.pages import assurance_view as view
from serving.pages import words
from serving.pages.chosen import choose, one
from serving.pages.door import Visitor
from serving.pages.over_lists import ListPages
from serving.pages.recorded import viewed
from serving.pages.report_words import lines_of
from serving.runs import pointed, published
from serving.stock import InForce

KINDS = {"agree": "Agreed with the score", "higher": "Graded higher", "lower": "Graded lower"}


class Assurance(ListPages):
    """The pages that say how fair and accurate a model is."""

    def index(self, request: Request, visitor: Visitor) -> Response:
        """Lead to the only question, or show which there are."""
        require(visitor.principal, Permission.ASSURANCE)
        heading = "Are the models fair and accurate?"
        return choose(self._answer, self._lists, request, visitor, heading, "/assurance")

    def show(self, request: Request, visitor: Visitor) -> Response:
        """Answer with the figures of a question's champion, and what people made of its scores."""
        require(visitor.principal, Permission.ASSURANCE)
        name, role = request.path_params["question"], visitor.principal.role
        at = one(self._lists, role, name)
        measure = request.query_params.get("measure", "")
        measure = measure if measure in view.MEASURES else "false_alarms"
        viewed(self._lists, visitor, "assurance", name)
        training = at.model.training
        drawn = view.calibration(training)
        judges = allows(role, Permission.OUTCOMES)
        context = {
            "name": name,
            "title": at.question.title,
            "outcome": at.question.outcome_words,
            "horizon": words.horizon(at.question.horizon_days),
            "capacity": at.question.capacity,
            "version": at.version,
            "judged": _judged(training),
            "headline": view.headline(training, drawn),
            "verdict": training.get("verdict", ""),
            "calibration": drawn,
            "groups": view.groups(training, measure),
            "measures": [(one.name, one.heading) for one in view.MEASURES.values()],
            "measure": measure,
            "findings": view.findings(training),
            "tested": (training.get("fairness") or {}).get("tested", 0),
            "drift": view.drift(self._drift(name)),
            "looked_again": next(iter(lines_of(DRIFT, name)), None),
            "conduct": self._conduct(at, visitor) if judges else None,
            "reviews": judges,
            "questions": allows(role, Permission.QUESTIONS),
        }
        return self._answer(
            request, "assurance.html", context, made_up=at.model.synthetic or at.load.synthetic
        )

    def _drift(self, question: str) -> float | None:
        if pointed(question) is None:
            return None
        with contextlib.suppress(PrecursorError):  # the list's own page says what is wrong
            found = published(question).run.info.get("score_drift_psi")
            return None if found is None else float(found)
        return None

    def _conduct(self, at: InForce, visitor: Visitor) -> dict[str, Any]:
        """Return what people made of scores, and what followed; the look is recorded."""
        ledger = self._lists.ledger
        decisions = told(ledger, at.question.name)
        found = reviewed(
            ledger, at.question, at.history, decisions, visitor.principal, purpose=visitor.purpose
        )
        lines = view.override_lines(overrides(found["groups"]))
        before_after = seeing(decisions)
        everybody = [cell for cell in found["groups"] if cell["attribute"] == "everybody"]
        return {
            "decisions": found["decisions"],
            "few": 0 < found["decisions"] < view.FEWEST,
            "everybody": lines[:1],
            "groups": lines[1:],
            "seeing": None
            if before_after is None
            else {
                "number": before_after.number,
                "before": view.share_words(before_after.before),
                "after": view.share_words(before_after.after),
            },
            "followed": _followed(everybody),
            "by_group": _followed(
                [cell for cell in found["groups"] if cell["attribute"] != "everybody"]
            ),
            "mature_from": _mature(mature_from(at.question, decisions), at.load.data_to),
        }


def _judged(training: Mapping[str, Any]) -> dict[str, str] | None:
    """Return on whom a model was judged, in words; None where it was not."""
    found, split = training.get("evaluation"), training.get("split")
    if not found or not split:
        return None
    since = date.fromisoformat(str(split["test_from"])[:10])
    return {
        "from": date_words(since),
        "rows": words.count(found["rows"], "assessment", "assessments"),
        "people": words.count(found["people"], "person", "people"),
        "positives": f"{found['positives']:,}",
    }


def _followed(cells: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return what followed decisions as lines of a table; those too few are said to be so."""
    lines = []
    for cell, hide in zip(cells, few_known(cells), strict=True):
        group = "not recorded" if cell["group"] == "unknown" else cell["group"]
        attribute = view.ATTRIBUTES.get(cell["attribute"], "Everybody")
        line = {
            "name": attribute if cell["attribute"] == "everybody" else f"{attribute}: {group}",
            "decision": KINDS[cell["decision"]],
            "mature": "",
            "expected": "",
        }
        if hide:
            line["followed"] = "Too few to show"
        elif not cell["mature"]:
            line["followed"] = "Not known yet"
        else:
            ends = f"{view.percent(cell['low'])} to {view.percent(cell['high'])}"
            line |= {
                "mature": f"{cell['mature']:,}",
                "expected": "" if cell["expected"] is None else view.percent(cell["expected"]),
                "followed": f"{view.percent(cell['followed'])} ({ends})",
            }
        lines.append(line)
    return lines


def _mature(first: date | None, data_to: date) -> str:
    """Return from when on outcomes can be known, where they cannot yet; else nothing."""
    return "" if first is None or first <= data_to else date_words(first)
