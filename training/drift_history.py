"""What the drift monitor found each time, kept as small files, so that a page can show how it went.

``HOME/drift/QUESTION/TIME.json`` holds one report: its level, the period, every check that was not
stable, by group, and what was done. Nothing in it is about one person.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from features.errors import Conflict
from features.home import home
from training.drift import Drift


def folder(question: str) -> Path:
    """Return where a question's drift reports lie."""
    return home() / "drift" / question


def keep(question: str, found: Drift, about: Mapping[str, Any], at: datetime | None = None) -> Path:
    """Keep a report; no two are kept under one time.

    Parameters
    ----------
    question : str
    found : Drift
    about : mapping
        version, load and what was done.
    at : datetime, optional
        Now by default.
    """
    when = at or datetime.now(UTC)
    said = found.to_data()
    said["checks"] = [check for check in said["checks"] if check["level"] != "stable"]
    said |= {"question": question, "compared": len(found.checks), "at": when.isoformat(), **about}
    place = folder(question)
    place.mkdir(parents=True, exist_ok=True)
    file = place / f"{when:%Y%m%dT%H%M%S%f}.json"
    part = file.with_name(f".{file.name}.part")
    part.write_text(json.dumps(said, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return part.replace(file)


def history(question: str) -> list[dict[str, Any]]:
    """Return a question's drift reports, the earliest first.

    Raises
    ------
    Conflict
        Where one of them is not what was written.
    """
    found = []
    for file in sorted(folder(question).glob("*.json")):
        try:
            found.append(json.loads(file.read_text(encoding="utf-8")))
        except ValueError as broken:
            raise Conflict(
                f"{file}: this is not the report that was written",
                remedy="Restore it from a back-up, or move it away.",
            ) from broken
    return found
