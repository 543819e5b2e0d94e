"""What was found each time a question was looked at, kept as small files that a page can show.

``HOME/KIND/QUESTION/TIME.json`` holds one report of one kind: drift, shadow or feedback. Nothing in
it is about one person.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from features.errors import Conflict, NotFound
from features.files import write_json
from features.home import home

DRIFT, SHADOW, FEEDBACK = "drift", "shadow", "feedback"
KINDS = (DRIFT, SHADOW, FEEDBACK)


@dataclass(frozen=True)
class Told:
    """What a look found, in words: its verdict, sentences before and after what is listed, points.

    A command prints it, a report keeps it, and a page shows what is listed as a table.

    Examples
    --------
    >>> print(Told("All is well.", ("3 scores.",), (("ranking", "0.7"),)).text())
    All is well.
    3 scores.
      ranking: 0.7
    """

    verdict: str
    before: tuple[str, ...] = ()
    listed: tuple[tuple[str, str], ...] = ()
    after: tuple[str, ...] = ()
    points: tuple[str, ...] = ()

    def text(self) -> str:
        """Return all of it as lines to print."""
        listed = (f"  {what}: {found}" for what, found in self.listed)
        points = (f"  {point}" for point in self.points)
        return "\n".join([self.verdict, *self.before, *listed, *self.after, *points])


def folder(kind: str, question: str) -> Path:
    """Return where a question's reports of a kind lie.

    Examples
    --------
    >>> folder(SHADOW, "stalking_escalation").parts[-2:]
    ('shadow', 'stalking_escalation')
    """
    return home() / kind / question


def keep(
    kind: str, question: str, said: Mapping[str, Any], told: Told, at: datetime | None = None
) -> Path:
    """Keep a report; no two are kept under one time.

    Parameters
    ----------
    kind : str
    question : str
    said : mapping
        Plain data.
    told : Told
        The same in words.
    at : datetime, optional
        Now by default.
    """
    when = at or datetime.now(UTC)
    place = folder(kind, question)
    place.mkdir(parents=True, exist_ok=True)
    file = place / f"{when:%Y%m%dT%H%M%S%f}.json"
    report = {**said, "told": asdict(told), "question": question, "at": when.isoformat()}
    write_json(file, report, durable=False)
    return file


def names(kind: str, question: str) -> list[str]:
    """Return what a question's reports of a kind are called, by time; the earliest first."""
    return sorted(file.stem for file in folder(kind, question).glob("*.json"))


def read(kind: str, question: str, name: str) -> dict[str, Any]:
    """Return one report of those that `names` tells.

    Raises
    ------
    NotFound
        There is none of this name.
    Conflict
        It is not what was written.
    """
    if name not in names(kind, question):
        raise NotFound(
            f"question '{question}': there is no report of this name",
            remedy="Open one from the list of reports.",
        )
    file = folder(kind, question) / f"{name}.json"
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict) or "at" not in found:
        raise Conflict(
            f"{file}: this is not the report that was written",
            remedy="Restore it from a back-up, or move it away.",
        )
    return found
