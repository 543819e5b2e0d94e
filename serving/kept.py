"""Loads and models that scores were made from, found again by their fingerprints.

A score names its load and its model by hash, never by path. This is where a path is noted for each
load that was scored from, which load each question is served from, and where a model is kept that
was scored with without being in force.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from features.errors import Conflict, NotFound, PrecursorError
from features.files import write_json
from features.home import home
from features.loads import Load, manifest, open_load
from models import champions
from models.risk_model import RiskModel


def remember_load(load: Load) -> None:
    """Note where a load lies, so that its scores can be explained and replayed."""
    note, said = _loads() / f"{load.fingerprint}.json", {"path": str(load.path.absolute())}
    if note.is_file() and json.loads(note.read_text(encoding="utf-8")) == said:
        return  # asked at every score, and making a file durable costs as much as the score
    note.parent.mkdir(parents=True, exist_ok=True)
    write_json(note, said)


def serve_from(question: str, load: Load) -> None:
    """Make a load the one that a question's scores are made from, from the next request on."""
    remember_load(load)
    write_json(
        _named(question),
        {"path": str(load.path.absolute()), "fingerprint": load.fingerprint},
    )


def serving_named(question: str) -> bool:
    """Return whether a load was named for a question, rather than found."""
    return _named(question).is_file()


def serving_from(question: str) -> dict[str, Any]:
    """Return path and fingerprint of the load a question is served from; cheap to ask often.

    Where none was named, it is the one under ``HOME/records/`` that reaches furthest, of those
    whose ``load.json`` can be read: one that is being copied there stops none of the others.

    Raises
    ------
    NotFound
        No load was named and none lies there, or none that can be read.
    """
    named = _named(question)
    if named.is_file():
        return dict(json.loads(named.read_text(encoding="utf-8")))
    found = []
    refused: list[str] = []
    for path, said in _readable(_here(), refused):
        try:
            order = (str(said["data_to"]), int(said["number"]), str(said["created_at"]))
            found.append((order, {"path": str(path), "fingerprint": str(said["fingerprint"])}))
        except (KeyError, TypeError, ValueError) as lacking:
            refused.append(f"{path / 'load.json'}: {lacking!r}")
    if not found:
        mend = "Ingest the source again into a new folder. Or name" if refused else "Name"
        raise NotFound(
            f"question '{question}': there are no records to score from{_told(refused)}",
            remedy=f"{mend} a load: precursor serve --records RECORDS.",
            field="question",
            code="no_records",
        )
    return max(found, key=lambda item: item[0])[1]


def find_load(fingerprint: str) -> Load:
    """Return the load with this fingerprint; what cannot be read is passed over.

    Raises
    ------
    NotFound
        It was never scored from here, is no longer where it was, or cannot be read any more.
    """
    place = _loads() / f"{fingerprint}.json"
    paths = _here()
    if place.is_file():
        paths.insert(0, Path(json.loads(place.read_text(encoding="utf-8"))["path"]))
    refused: list[str] = []
    for path, said in _readable(paths, refused):
        if said.get("fingerprint") == fingerprint:
            try:
                return open_load(path)
            except PrecursorError as broken:  # the same load may lie elsewhere too
                refused.append(broken.message)
    raise NotFound(
        f"the load {fingerprint[:12]} is not where it was when it was scored from{_told(refused)}",
        remedy="Put it back, or ingest the same source again: equal loads are equal files.",
        code="no_records",
    )


def _here() -> list[Path]:
    return [file.parent for file in sorted((home() / "records").glob("*/load.json"))]


def _readable(paths: Iterable[Path], refused: list[str]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield each load whose ``load.json`` can be read, and what that says; note the others."""
    for path in paths:
        try:
            said = manifest(path)
        except NotFound:  # it was moved or removed since
            continue
        except PrecursorError as wrong:
            refused.append(wrong.message)
        except OSError as wrong:
            refused.append(f"{path / 'load.json'} cannot be read: {wrong.strerror}")
        else:
            yield path, said


def _told(refused: Iterable[str]) -> str:
    words = "; ".join(dict.fromkeys(refused))
    return f" (passed over: {words})" if words else ""


def keep_model(model: RiskModel) -> None:
    """Keep a model that is not in force, so that its scores can be replayed."""
    model.save_whole(home() / "models" / model.sha256)


def find_model(question: str, version: int, sha256: str) -> RiskModel:
    """Return the very model that gave a score.

    Raises
    ------
    NotFound
        Its files are gone.
    Conflict
        Its files were changed.
    """
    for place in (home() / "models" / sha256, champions.folder(question) / str(version)):
        if place.is_dir():
            model = RiskModel.load(place)
            if model.sha256 == sha256:
                return model
            raise Conflict(
                f"{place}: this is not the model that gave the score",
                remedy="Restore the files from the registry or from a back-up.",
                code="model_changed",
            )
    raise NotFound(
        f"question '{question}': the files of model version {version} are gone",
        remedy="Restore them from the registry or from a back-up.",
        code="no_model",
    )


def _named(question: str) -> Path:
    return _loads() / f"{question}.question.json"


def _loads() -> Path:
    return home() / "loads"
