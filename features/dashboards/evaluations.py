"""Evaluations of interventions, kept as they were made: what a page shows without fitting anything.

Each is a JSON file under the state folder: the estimate, its ifs in words, the day and the load.
Nothing in it is about one person.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from features.files import write_json
from features.home import home
from features.loads import Load

FOLDER = "evaluations"


def keep(found: Mapping[str, Any], words: str, load: Load) -> Path:
    """Keep an evaluation in place of the one before of the same study.

    Parameters
    ----------
    found : mapping
        The evaluation as plain data; ``found["study"]["name"]`` names it.
    words : str
        The same in sentences, as the command tells it.
    load : Load
        The records that it was made from.
    """
    folder = home() / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{found['study']['name']}.json"
    said = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "load": {"fingerprint": load.fingerprint, "data_to": load.data_to.isoformat()},
        "words": words,
        "evaluation": found,
    }
    write_json(file, said, durable=False)
    return file


def kept() -> list[dict[str, Any]]:
    """Return the evaluations that are kept, by name; what cannot be read is named as such.

    Returns
    -------
    list of dict
        made_at, load, words and evaluation; or `file` alone where it cannot be read.
    """
    found: list[dict[str, Any]] = []
    for file in sorted((home() / FOLDER).glob("[!.]*.json")):
        try:
            said = json.loads(file.read_text(encoding="utf-8"))
            ready = {name: said[name] for name in ("made_at", "load", "words", "evaluation")}
            datetime.fromisoformat(ready["made_at"])
            study, effect = ready["evaluation"]["study"], ready["evaluation"]["effects"]
            _ = study["title"], study["name"], effect[study["measure"]]["ratio"]["value"]
        except (OSError, ValueError, KeyError, TypeError):
            found.append({"file": file.name})
        else:
            found.append(ready)
    return found
