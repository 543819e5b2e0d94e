"""The retirement register: which models stopped for good, why, by whom, and what of their scores.

The ledger is the register; a page and a file are written from it. A retired version is never put in
force again, and nobody is scored by it. What it said stays on the ledger and can be read and
replayed: retiring a model takes back no decision that was made with it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from html import escape
from pathlib import Path
from typing import Any

from features.errors import Conflict
from features.files import write_as
from serving.chain import IN_FORCE
from serving.ledger import Action, Entry, Ledger
from serving.permissions import Principal
from serving.runs import pointed
from serving.safe_csv import written

NEVER = "none was given"


@dataclass(frozen=True)
class Retired:
    """One retired model, as the register has it.

    Attributes
    ----------
    question : str
    version : int
    sha256 : str
        Of the model's files.
    retired_on, retired_by, reason : str
    entry : int
        Its number on the ledger.
    was_in_force : bool
    in_force_since : str
        The day it last came into force; empty where it never did.
    scores : int
        That it gave, people with insufficient history left out.
    last_expires_on : str
        When the last of them expires; empty where there are none or nobody knows.
    its_list_stood : bool
        The list in force on that day was made by it.
    """

    question: str
    version: int
    sha256: str
    retired_on: str
    retired_by: str
    reason: str
    entry: int
    was_in_force: bool
    in_force_since: str
    scores: int
    last_expires_on: str
    its_list_stood: bool


COLUMNS = {
    "question": "Question",
    "version": "Version",
    "retired_on": "Retired on",
    "retired_by": "By",
    "reason": "Why",
    "was_in_force": "Was in force",
    "in_force_since": "In force since",
    "scores": "Scores given",
    "last_expires_on": "Last score expires",
    "its_list_stood": "Made the list in force",
    "sha256": "SHA-256 of its files",
    "entry": "Entry",
}
"""What the page shows of each, in this order."""

AFTERWARDS = (
    "Scores of a retired model stay on the ledger until the person is erased. They can be read and"
    " replayed, and expire on their own day; no new one is made. Decisions made with them stand."
)


def retire(
    ledger: Ledger,
    question: str,
    version: int,
    sha256: str,
    *,
    who: Principal,
    reason: str,
    stop: Callable[[], object],
) -> Retired:
    """Retire a version: on the ledger first, then out of force where it was the one in force.

    Parameters
    ----------
    sha256 : str
        Of its files, as the registry has it.
    stop : callable
        Takes the version out of force wherever it still is; called once the ledger has it, and
        again where it was retired before.

    Raises
    ------
    Conflict
        It was retired before; where an interruption left it in force, it is stopped now.
    """
    current = ledger.promoted_sha(question)
    before = [one for one in register(ledger, question) if one.version == version]
    if before:
        stop()
        raise Conflict(
            f"version {version} of '{question}' was retired on {before[0].retired_on} already",
            remedy="precursor retired shows the register.",
            field="version",
            code="retired",
        )
    in_force = current is not None and current.version == version
    body = {"version": version, "sha256": sha256, "in_force": in_force}
    entry = ledger.append(
        Action.RETIREMENT,
        actor=who.actor,
        role=who.role,
        purpose=reason,
        question=question,
        body=body | _scores(ledger, question, version),
    )
    stop()
    return _of(ledger, entry)


def require_not_retired(ledger: Ledger, question: str, version: int) -> None:
    """Refuse to put in force, or to score with, a version that was retired.

    Raises
    ------
    Conflict
        Naming the day, by whom and why.
    """
    for entry in ledger.entries(
        action=Action.RETIREMENT, question=question, limit=None, sealed=True
    ):
        if entry.body.get("version") == version:
            raise Conflict(
                f"version {version} of '{question}' was retired on {entry.at[:10]} by"
                f" {entry.actor}: {entry.purpose}",
                remedy="Train and promote another; a retired model stays retired.",
                field="version",
                code="retired",
            )


def register(ledger: Ledger, question: str | None = None) -> list[Retired]:
    """Return every retired model, the latest first, of one question or of all."""
    found = ledger.entries(action=Action.RETIREMENT, question=question, limit=None, sealed=True)
    return [_of(ledger, entry) for entry in found if "version" in entry.body]


def _scores(ledger: Ledger, question: str, version: int) -> dict[str, Any]:
    """Return what the ledger and the list in force say of a version's scores."""
    number, expires = 0, ""
    for entry in ledger.entries(
        action=(Action.SCORE, Action.BATCH), question=question, limit=None, sealed=True
    ):
        said = entry.body
        if said.get("model", {}).get("version") == version:
            number += int(said.get("scored", 0))
            expires = max(expires, str(said.get("expires_on") or ""))
    listed = pointed(question)
    made = listed is not None and any(
        entry.body.get("run_id") == listed["run_id"]
        and entry.body.get("model", {}).get("version") == version
        for entry in ledger.entries(action=Action.BATCH, question=question, limit=None, sealed=True)
    )
    return {"scores": number, "last_expires_on": expires, "its_list_stood": made}


def _of(ledger: Ledger, entry: Entry) -> Retired:
    question, said = str(entry.question), entry.body
    came = [
        earlier.at[:10]
        for earlier in ledger.entries(
            action=IN_FORCE, question=question, before=entry.seq, limit=None, sealed=True
        )
        if earlier.body["version"] == said["version"]
    ]
    return Retired(
        question=question,
        version=int(said["version"]),
        sha256=str(said.get("sha256", "")),
        retired_on=entry.at[:10],
        retired_by=entry.actor,
        reason=entry.purpose,
        entry=entry.seq,
        was_in_force=bool(said.get("in_force", True)),
        in_force_since=came[0] if came else "",
        scores=int(said.get("scores", 0)),
        last_expires_on=str(said.get("last_expires_on", "")),
        its_list_stood=bool(said.get("its_list_stood", False)),
    )


def in_words(found: Sequence[Retired]) -> str:
    """Return the register as text.

    Examples
    --------
    >>> print(in_words([]))
    No model was retired yet.
    """
    if not found:
        return "No model was retired yet."
    lines = []
    for one in found:
        lines.append(
            f"{one.retired_on}  {one.question} version {one.version}, by {one.retired_by}:"
            f" {one.reason}\n"
            f"  {'in force' if one.was_in_force else 'not in force'} when it was retired;"
            f" {one.scores:,} scores given, the last expires on {one.last_expires_on or NEVER}"
            f"{'; the list in force was made by it' if one.its_list_stood else ''}"
        )
    return "\n".join([*lines, AFTERWARDS])


def as_json(found: Sequence[Retired]) -> str:
    """Return the register as JSON."""
    said = {"retired": [asdict(one) for one in found], "afterwards": AFTERWARDS}
    return json.dumps(said, ensure_ascii=False, indent=1) + "\n"


def as_csv(found: Sequence[Retired]) -> str:
    """Return the register as CSV that a spreadsheet opens safely."""
    head = [field.name for field in fields(Retired)]
    return written(head, [list(asdict(one).values()) for one in found]).decode()


def as_page(found: Sequence[Retired]) -> str:
    """Return the register as one HTML page that needs nothing else."""
    head = "".join(f'<th scope="col">{words}</th>' for words in COLUMNS.values())
    rows = "".join(
        "<tr>" + "".join(f"<td>{_shown(getattr(one, key))}</td>" for key in COLUMNS) + "</tr>"
        for one in found
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Retired models'
        "</title><style>body{font-family:sans-serif;margin:2rem}table{border-collapse:collapse}"
        "th,td{border:1px solid #b1b4b6;padding:.4rem;text-align:left;vertical-align:top}</style>"
        f"</head><body><h1>Retired models</h1><p>{AFTERWARDS}</p>"
        f"{table if found else '<p>No model was retired yet.</p>'}</body></html>\n"
    )


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return escape(f"{value:,}" if isinstance(value, int) else str(value))


WRITERS = {".html": as_page, ".csv": as_csv, ".json": as_json}


def write_register(found: Sequence[Retired], file: Path) -> None:
    """Write the register to a file; its ending says how.

    Raises
    ------
    UsageError
        For any other ending.
    """
    write_as(found, file, WRITERS)
