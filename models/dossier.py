"""What training told of each registered version, as plain files that need no MLflow to be shown.

``HOME/versions/QUESTION/VERSION/`` holds report.json, which the model's manifest names by its
SHA-256, and entry.json: under which run it was registered, when, and what the gate said then. Both
are written at registration, and at promotion where the version was trained elsewhere. Nothing in
them is about one person.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from features.files import plain, replacing, write_json
from features.home import home
from models.manifest import sha256_of

REPORT, ENTRY = "report.json", "entry.json"
SEALED = "report_sha256"
"""Entry of a manifest's training record: the SHA-256 of the version's report."""


@dataclass(frozen=True)
class Dossier:
    """What is kept of one version; `report` is empty where none is here, or not the one sealed.

    Attributes
    ----------
    version : int
    entry : mapping
        sha256, run_id, experiment_id, store (an address, or empty), registered_at, gate.
    report : mapping
    fault : str
        Why there is no report, in words; empty where there is one.
    """

    version: int
    entry: Mapping[str, Any]
    report: Mapping[str, Any]
    fault: str


def packed(report: Mapping[str, Any]) -> bytes:
    """Return a report as the bytes that are kept; what is no number becomes null.

    Examples
    --------
    >>> packed({"auc": 0.7, "slope": float("nan")})
    b'{"auc":0.7,"slope":null}'
    """
    text = json.dumps(plain(report), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def folder(question: str) -> Path:
    """Return where a question's versions are told of.

    Examples
    --------
    >>> folder("domestic_abuse_high_harm").name
    'domestic_abuse_high_harm'
    """
    return home() / "versions" / question


def put(question: str, version: int, report: bytes | None, entry: Mapping[str, Any]) -> Path:
    """Keep what is told of a version; what is kept already is written over."""
    place = folder(question) / str(version)
    place.mkdir(parents=True, exist_ok=True)
    if report is not None:
        with replacing(place / REPORT) as part:
            part.write_bytes(report)
    write_json(place / ENTRY, entry, durable=False)
    return place


def versions(question: str) -> list[int]:
    """Return the versions that something is told of, the newest first."""
    found = [path.parent.name for path in folder(question).glob(f"*/{ENTRY}")]
    return sorted((int(name) for name in found if name.isdecimal()), reverse=True)


def questions() -> list[str]:
    """Return the questions that some version is told of, by name."""
    return sorted({path.parent.parent.name for path in (home() / "versions").glob(f"*/*/{ENTRY}")})


def read(question: str, version: int, named: str | None = None) -> Dossier:
    """Return what is told of a version.

    Parameters
    ----------
    question : str
    version : int
    named : str, optional
        The SHA-256 that the model's manifest names; by default the one noted at registration.
    """
    place = folder(question) / str(version)
    entry = _object(place / ENTRY)
    wanted = named or entry.get(SEALED)
    try:
        content = (place / REPORT).read_bytes()
    except OSError:
        return Dossier(version, entry, {}, "The report of this version is not kept here.")
    if wanted is None or sha256_of(content) != wanted:
        fault = "The report that is kept here is not the one that the model was registered with."
        return Dossier(version, entry, {}, fault)
    return Dossier(version, entry, json.loads(content), "")


def _object(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
