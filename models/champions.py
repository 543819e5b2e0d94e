"""The promoted model of each question as plain files, from which a service reads it without MLflow.

``HOME/champions/QUESTION/VERSION/`` holds booster.txt and manifest.json of a promoted version, and
``HOME/champions/QUESTION/champion.json`` says which version is in force. That pointer is replaced
in one step, so a worker that reads it sees the old champion or the new one, never half of each.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from features.errors import Conflict, NotFound
from features.files import replacing, write_json
from features.home import home
from models.risk_model import RiskModel

POINTER = "champion.json"
RECORD = ("record.json", "record.html", "record.md")
"""The transparency record of a promoted version, beside its files."""


@dataclass(frozen=True)
class Champion:
    """The model in force for a question, and under which version and SHA-256 it was promoted."""

    model: RiskModel
    version: int
    sha256: str


def folder(question: str) -> Path:
    """Return where a question's promoted models lie.

    Examples
    --------
    >>> folder("domestic_abuse_high_harm").name
    'domestic_abuse_high_harm'
    """
    return home() / "champions" / question


def lay(question: str, version: int, model: RiskModel) -> Path:
    """Copy a model to a question's folder, where it can be put in force.

    Raises
    ------
    Conflict
        Where another model already lies there under this version, or it is of another question.
    """
    require_question(model, question)
    place = folder(question) / str(version)
    model.save_whole(place)
    return place


def require_question(model: RiskModel, question: str) -> None:
    """Refuse a model that was trained for another question than it is to answer.

    Raises
    ------
    Conflict
    """
    if model.question.name != question:
        raise Conflict(
            f"question '{question}': the model is of question '{model.question.name}'",
            remedy=f"Train one of it: precursor train {question} RECORDS.",
            code="model_refused",
        )


def point(question: str, version: int) -> None:
    """Put a version in force whose files lie in the question's folder."""
    model = RiskModel.load(folder(question) / str(version))
    said = {
        "question": question,
        "version": version,
        "sha256": model.sha256,
        "synthetic": model.synthetic,
    }
    write_json(folder(question) / POINTER, said, mode=0o644)  # a service may be another user


def put(question: str, version: int, model: RiskModel) -> Path:
    """Copy a model to a question's folder and put it in force.

    Raises
    ------
    Conflict
        As `lay` does.
    """
    place = lay(question, version, model)
    point(question, version)
    return place


def pointer(question: str) -> dict[str, Any]:
    """Return which version is in force (question, version, sha256, synthetic); cheap to ask often.

    Raises
    ------
    NotFound
        Where none was promoted.
    Conflict
        Where the file that says so cannot be read.
    """
    path = folder(question) / POINTER
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as missing:
        raise NotFound(
            f"question '{question}' has no promoted model here ({path} does not exist)",
            remedy=f"Promote one: precursor promote {question} challenger --reason TEXT.",
            field="question",
            code="no_champion",
        ) from missing
    except (ValueError, RecursionError) as broken:
        raise _unreadable(path) from broken
    if not isinstance(found, dict) or not isinstance(found.get("version"), int):
        raise _unreadable(path)
    return found


def _unreadable(path: Path) -> Conflict:
    return Conflict(
        f"{path} does not say which version is in force",
        remedy="Restore it from a back-up, or promote the model again.",
        code="model_changed",
    )


def read(question: str) -> Champion:
    """Read the model in force, refusing files that were changed since the promotion.

    Raises
    ------
    NotFound
        Where none was promoted.
    Conflict
        Where a file differs from what was promoted.
    """
    said = pointer(question)
    version, sha256 = int(said["version"]), str(said["sha256"])
    model = RiskModel.load(folder(question) / str(version), sha256=sha256)
    return Champion(model, version, sha256)


def carry_record(here: Path, there: Path) -> list[Path]:
    """Copy a version's transparency record to where its model was taken; return what was copied.

    What lies there already stays as it is.
    """
    wanted = [name for name in RECORD if (here / name).is_file() and not (there / name).exists()]
    for name in wanted:
        with replacing(there / name) as part:
            shutil.copyfile(here / name, part)
    return [there / name for name in wanted]


def questions() -> list[str]:
    """Return the questions that have a model in force, by name."""
    return sorted(path.parent.name for path in (home() / "champions").glob(f"*/{POINTER}"))


def ever_in_force() -> set[str]:
    """Return the questions that have or had a model in force, by name."""
    return {path.name for path in (home() / "champions").glob("*")}


def withdraw(question: str, version: int | None = None) -> None:
    """Take a question's model out of force; the files stay where they are.

    Parameters
    ----------
    question : str
    version : int, optional
        Only this one: where another is in force it stays so.
    """
    if version is not None:
        try:
            named = pointer(question)["version"]
        except (NotFound, Conflict):  # nothing that could be served
            return
        if named != version:
            return
    (folder(question) / POINTER).unlink(missing_ok=True)
