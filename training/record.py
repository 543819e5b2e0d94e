"""The transparency record of one model: written from its own run and a few answers of people.

It follows the Algorithmic Transparency Recording Standard, tier 1 and 2, in the order of its
template, with model card, notice and annexes. It is stored beside the model when it is promoted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from features import approvals
from features.errors import Conflict
from features.files import replacing
from models import champions, registry
from models.risk_model import RiskModel
from training import record_changes, record_pages
from training.answers import NOT_ANSWERED, fields, missing, read_answers, standard
from training.consistency_tables import check_evaluation, check_fairness
from training.evaluation import MODEL
from training.record_annexes import data_protection, equality, model_card, notice
from training.record_facts import SHOWN, Facts
from training.record_fields import GENERATED


def record(
    model: RiskModel,
    version: int,
    answers: Mapping[str, str],
    *,
    given: Mapping[str, approvals.Approval] | None = None,
    against: Mapping[str, Any] | None = None,
    written_on: date | None = None,
) -> dict[str, Any]:
    """Return a model's record as plain data.

    Parameters
    ----------
    model : RiskModel
    version : int
    answers : mapping
        As `training.answers.read_answers` returns them.
    given : mapping, optional
        A force's approvals of feature groups.
    against : mapping, optional
        The record of the last release, to tell what changed.
    written_on : date, optional
        Today by default.

    Raises
    ------
    Conflict
        Where the model's own figures cannot be true together.
    """
    facts = Facts(model, version)
    # a capacity for each date makes several lists, and no one threshold of the score
    faults = check_evaluation(model.training["evaluation"], one_list=False)
    if facts.fairness is not None:
        faults += check_fairness(facts.fairness)
    if faults:
        raise Conflict(
            f"version {version} tells figures that cannot be true: {'; '.join(map(str, faults))}",
            remedy="Train it again; no record is written of such figures.",
            code="impossible_figures",
        )
    lacking = missing(dict(answers))
    used = set(model.feature_set.groups)
    entries = [e for e in approvals.entries(given) if e.kind == "input" and e.group in used]
    found: dict[str, Any] = {
        "standard": standard()["standard"],
        "question": model.question.name,
        "title": model.question.title,
        "version": version,
        "sha256": model.sha256,
        "written_on": (written_on or date.today()).isoformat(),
        "synthetic": model.synthetic,
        "sections": _sections(facts, answers),
        "card": model_card(facts),
        "notice": notice(facts, answers),
        "dpia": data_protection(facts, answers),
        "equality": equality(facts, answers),
        "register": [
            {"group": e.group, "reason": e.reason, "bias": e.bias, "approved": e.approved}
            for e in entries
        ],
        "figures": figures(facts),
        "missing": [{"number": f.number, "key": f.key, "title": f.title} for f in lacking],
        "not_yet_approved": approvals.missing(entries),
        "changes": None,
    }
    if against is not None:
        found["changes"] = record_changes.changes(against, found)
    return found


def _sections(facts: Facts, answers: Mapping[str, str]) -> list[dict[str, Any]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for field in fields():
        if field.section == "Annexes":
            continue
        text = answers.get(field.key, NOT_ANSWERED) if field.asked else GENERATED[field.key](facts)
        found.setdefault(field.section, []).append(
            {
                "number": field.number,
                "key": field.key,
                "title": field.title,
                "text": text,
                "from": "people" if field.asked else "the model's run",
                "answered": not field.asked or field.key in answers,
            }
        )
    return [{"title": title, "fields": fields} for title, fields in found.items()]


def figures(facts: Facts) -> dict[str, Any]:
    """Return the figures that releases are compared by; each comes from a stored table."""
    own = facts.evaluation["figures"][MODEL]
    return {
        "metrics": {metric: dict(own[metric]) for metric in SHOWN if metric in own},
        "confusion_at_capacity": dict(facts.cells()),
        "rows": facts.evaluation["rows"],
        "people": facts.evaluation["people"],
        "positives": facts.evaluation["positives"],
        "training": dict(facts.part),
        "trees": facts.training["trees"],
        "groups": facts.groups,
        "data_to": None if facts.ends is None else facts.ends.isoformat(),
        "question": facts.model.question.to_data(),
    }


def of_version(
    question: str,
    which: str | int,
    *,
    answers: Path | None = None,
    approved: Path | None = None,
    against: str | int | None = None,
) -> dict[str, Any]:
    """Return the record of a registered version.

    Parameters
    ----------
    question : str
    which : str or int
        A number or an alias.
    answers, approved : Path, optional
        Files of the force.
    against : str or int, optional
        The release to tell changes against: as it was stored, or else written anew.
    """
    model, number = registry.fetch(question, which)
    said, given = read_answers(question, answers), approvals.read_approvals(approved)
    before = None
    if against is not None:
        other = registry.find(question, against).number
        before = stored(question, other)
        if before is None:
            old, _ = registry.fetch(question, other)
            before = record(old, other, said, given=given)
    return record(model, number, said, given=given, against=before)


def stored(question: str, version: int) -> dict[str, Any] | None:
    """Return the record that was stored when a version was promoted, or None."""
    file = champions.folder(question) / str(version) / champions.RECORD[0]
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as broken:
        raise Conflict(
            f"{file}: this is not the record that was written",
            remedy="Promote the version again; its record is written anew.",
        ) from broken
    return found


def at_promotion(model: RiskModel, version: int, replaced: int | None = None) -> dict[str, Any]:
    """Return the record of a version that is about to be promoted, against the one it follows.

    Raises
    ------
    UsageError
        Where the force's answers or approvals cannot be read.
    Conflict
        Where the version's own figures cannot be true together.
    """
    question, before = model.question.name, None
    if replaced is not None and replaced != version:
        try:
            before = stored(question, replaced)
        except Conflict:
            before = None  # what was changed by hand is no reason to leave the next unrecorded
    given = approvals.read_approvals()
    return record(model, version, read_answers(question), given=given, against=before)


def write(said: Mapping[str, Any], out: Path) -> list[Path]:
    """Write a record as JSON, HTML and Markdown into a folder, each in one step."""
    out.mkdir(parents=True, exist_ok=True)
    texts = (
        json.dumps(said, ensure_ascii=False, indent=1) + "\n",
        record_pages.page(said),
        record_pages.markdown(said),
    )
    written = []
    for name, text in zip(champions.RECORD, texts, strict=True):
        with replacing(out / name) as part:
            part.write_text(text, encoding="utf-8")
        written.append(out / name)
    return written
