"""The model record: what a model is for, was made from and may not do, and who put it in force."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from features.errors import NotFound
from models import champions
from models.words import date_words
from serving.access import Permission, allows, require
from serving.approvals_trail import approvals
from serving.pages import words
from serving.pages.chosen import choose, one
from serving.pages.door import Visitor
from serving.pages.over_lists import ListPages
from serving.pages.recorded import viewed
from serving.pages.said import moment
from serving.stock import InForce

FILES = {
    "record.json": "application/json",
    "record.md": "text/markdown; charset=utf-8",
    "record.html": "text/html; charset=utf-8",
}
"""What is written of a model when it is promoted, beside its own files."""


class ModelRecord(ListPages):
    """The pages of the models' records."""

    def index(self, request: Request, visitor: Visitor) -> Response:
        """Lead to the only model, or show which there are."""
        require(visitor.principal, Permission.MODEL_RECORD)
        place = "/model-record"
        return choose(self._answer, self._lists, request, visitor, "Model records", place)

    def show(self, request: Request, visitor: Visitor) -> Response:
        """Answer with what is on record about the model in force."""
        require(visitor.principal, Permission.MODEL_RECORD)
        name, role = request.path_params["question"], visitor.principal.role
        at = one(self._lists, role, name)
        viewed(self._lists, visitor, "model record", name)
        record = stored(at)
        context = {
            "name": name,
            "title": at.question.title,
            "description": at.question.description,
            "verdict": at.model.training.get("verdict", ""),
            "facts": facts(at),
            "record": record,
            "written_on": None if record is None else date.fromisoformat(record["written_on"]),
            "files": [file for file in FILES if (_folder(at) / file).is_file()],
            "approvals": [
                (approval, moment(approval.at)) for approval in approvals(self._lists.ledger, name)
            ],
            "reviews": allows(role, Permission.AUDIT),
            "assures": allows(role, Permission.ASSURANCE),
            "questions": allows(role, Permission.QUESTIONS),
        }
        return self._answer(
            request, "model_record.html", context, made_up=at.model.synthetic or at.load.synthetic
        )

    def download(self, request: Request, visitor: Visitor) -> Response:
        """Answer with the record as the file that was written at the promotion."""
        require(visitor.principal, Permission.MODEL_RECORD)
        name, file = request.path_params["question"], request.path_params["file"]
        at = one(self._lists, visitor.principal.role, name)
        place = _folder(at) / file
        if file not in FILES or not place.is_file():
            raise NotFound(
                "there is no such file beside this model",
                remedy=f"Write the record: precursor record {name} --out DIR.",
            )
        viewed(self._lists, visitor, f"download of {file}", name)
        headers = {"content-disposition": f'attachment; filename="{name}-{file}"'}
        return Response(place.read_bytes(), media_type=FILES[file], headers=headers)


def _folder(at: InForce) -> Any:
    return champions.folder(at.question.name) / str(at.version)


def stored(at: InForce) -> Mapping[str, Any] | None:
    """Return the transparency record of a model in force; None where none is, or another's."""
    try:
        found = json.loads((_folder(at) / "record.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(found, dict) or found.get("sha256") != at.model.sha256:
        return None
    return found


def facts(at: InForce) -> list[tuple[str, str]]:
    """Return what the model's own manifest says, as pairs of words."""
    model, training, question = at.model, at.model.training, at.question
    load, part = training.get("load", {}), training.get("part")
    found = [
        ("Model", f"version {at.version}"),
        ("SHA-256", model.sha256),
        ("Stage", question.stage),
        (
            "Made-up people",
            "yes: no figure here is performance on people" if model.synthetic else "no",
        ),
        (
            "Predicts",
            f"being {question.outcome_words}, over {words.horizon(question.horizon_days)}",
        ),
        ("Inputs", f"{len(model.feature_set.columns)} in {len(model.feature_set.groups)} groups"),
        (
            "Learned from",
            "Not recorded"
            if part is None
            else f"{part['rows']:,} assessments of {part['people']:,} people,"
            f" {part['positives']:,} with the outcome",
        ),
        ("Records end on", _day(load.get("data_to"))),
        ("Records, SHA-256", str(load.get("fingerprint", "Not recorded"))),
        ("Matrix, SHA-256", str(training.get("matrix_fingerprint", "Not recorded"))),
        ("Features, SHA-256", model.feature_set.fingerprint),
        ("Leakage proof", _proof(training.get("leakage"))),
        ("Interval", f"{model.interval.level:.0%}, for the mean of people with such records"),
        ("Made with", ", ".join(f"{name} {at_}" for name, at_ in sorted(model.versions.items()))),
    ]
    return found


def _day(text: Any) -> str:
    return date_words(date.fromisoformat(str(text)[:10])) if text else "Not recorded"


def _proof(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "None was made"
    told = "passed" if found["passed"] else "failed"
    return f"{told}: {found['rows']:,} histories compiled again without what was known later"
