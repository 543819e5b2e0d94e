"""Subject access: all that this installation holds about one person, from records to ledger.

For whoever answers a request under section 45 of the Data Protection Act 2018. Records, scores,
views, decisions and challenges are gathered; other people are struck out, and who used the product
is told by role. Free text that somebody wrote is marked to be read before it is handed over: no
program can tell what in it is about somebody else. The export is on the ledger before it exists.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.errors import NotFound, PrecursorError
from features.excerpt import excerpt
from features.files import all_there, folder_stands, is_new
from features.home import home
from features.loads import Load, open_load
from features.records import TABLES
from features.unfinished import unfinished_folder
from serving.chain import stamp
from serving.files_of_people import files, loads
from serving.leaves import Recorded
from serving.ledger import Action, Leaf, Ledger
from serving.permissions import Principal
from serving.subject_page import as_page
from serving.table_of_people import DAMAGED, rows_of, why

ANOTHER = "[another person]"
"""What stands where somebody else was named."""

KINDS: dict[str, tuple[str, ...]] = {
    "scores": (Action.SCORE, Action.BATCH),
    "views": (Action.VIEW, Action.LIST, Action.BREAK_GLASS, Action.REPLAY, Action.AUDIT),
    "copies": (Action.EXPORT,),
    "decisions": (Action.OWN_VIEW, Action.DECISION, Action.SIGN_OFF, Action.SELECTION),
    "challenges": (Action.CHALLENGE, Action.SETTLEMENT),
}
"""Sections of the export and what of the ledger goes into each; the rest is under `other`."""

FREE_TEXT = frozenset({"reason", "purpose", "note", "remarks", "comment", "found"})
"""Keys under which somebody wrote in their own words."""

BEFORE_HANDING_OVER = (
    "Read every free text marked here: it may name or describe other people.",
    "Decide, and record, whether anything is withheld under section 45(4) of the Data Protection"
    " Act 2018, for example while an investigation goes on. Nothing is withheld here for that.",
    "Check that whoever asks is this person.",
    "Copies outside this installation, back-ups and the source of the records are not in it.",
)

_WORD = re.compile(r"[^\s,;:\"'()\[\]<>]+")


@dataclass(frozen=True)
class Held:
    """What is held about a person, ready to be written.

    Attributes
    ----------
    said : dict
        Plain data: `records` by table, one list for each of `KINDS`, `other`, `files`, and what
        to do before it is handed over.
    counts : dict of str to int
        Lines in each part, for the ledger.
    """

    said: dict[str, Any]
    counts: dict[str, int]


def gather(
    nominal_id: str, *, ledger: Ledger, also: Iterable[Path] = (), staff: bool = False
) -> Held:
    """Gather what the records, the ledger and the files here say about a person.

    Parameters
    ----------
    also : iterable of Path
        Loads and tables outside the state folder.
    staff : bool
        Name who used the product, instead of their role alone.

    Raises
    ------
    NotFound
        Nothing here is about such a person, or they were erased.
    LedgerDamaged
        What the ledger says was altered.
    """
    further = all_there(also, field="also")
    missed: list[str] = []
    folders = _folders(further, missed)
    others = _others(folders, nominal_id)
    records = _records(folders, nominal_id, others)
    told = ledger.person(nominal_id)
    apart = [load.path for load in folders]
    tables = _tables(files(further, apart), nominal_id, others, missed)
    if not (records or told or tables):
        raise NotFound(
            f"NOMINAL '{nominal_id}': nothing here is about such a person, or they were erased",
            remedy="Check the id, as the column nominal_id of the records has it; name loads and"
            " files elsewhere with --also." + "".join(f" {one}" for one in missed),
            field="nominal_id",
        )
    said: dict[str, Any] = {
        "nominal_id": nominal_id,
        "made_at": stamp(ledger.now()),
        "records_up_to": {str(load.path): load.data_to.isoformat() for load in folders},
        "records": records,
    }
    kinds = {action: kind for kind, actions in KINDS.items() for action in actions}
    sections: dict[str, list[dict[str, Any]]] = {kind: [] for kind in (*KINDS, "other")}
    for one in told:
        sections[kinds.get(one.entry.action, "other")].append(_line(one, others, staff))
    said |= sections | {"files": tables, "before_handing_over": [*BEFORE_HANDING_OVER, *missed]}
    counts = {"records": sum(len(rows) for rows in records.values())}
    counts |= {kind: len(lines) for kind, lines in sections.items()}
    counts["files"] = sum(len(rows) for rows in tables.values())
    return Held(said | {"free_text": _free(sections)}, counts)


def export(
    held: Held, out: Path, *, ledger: Ledger, who: Principal, purpose: str
) -> tuple[Path, Path]:
    """Write what is held as JSON and as a page, on the ledger first.

    Parameters
    ----------
    out : Path
        A new folder.

    Raises
    ------
    Conflict
        The folder exists.
    """
    is_new(out)
    folder_stands(out, field="out")
    entry = ledger.append(
        Action.EXPORT,
        actor=who.actor,
        role=who.role,
        purpose=purpose,
        body={"what": "subject access", "lines": held.counts},
        people=[Leaf(held.said["nominal_id"], None, {"subject_access": held.counts})],
    )
    said = held.said | {"entry": entry.seq, "purpose": purpose}
    text = json.dumps(said, ensure_ascii=False, indent=1, default=str) + "\n"
    with unfinished_folder(out) as part:
        part.chmod(0o700)
        (part / "held.json").write_text(text, encoding="utf-8")
        (part / "held.html").write_text(as_page(json.loads(text)), encoding="utf-8")
        part.rename(out)
    return out / "held.html", out / "held.json"


def _folders(further: Iterable[Path], missed: list[str]) -> list[Load]:
    """Return the loads that can be opened; note the others."""
    found: list[Load] = []
    refused: list[str] = []
    for path in loads(further, refused):
        try:
            found.append(open_load(path))
        except PrecursorError as broken:
            refused.append(f"{path}: {why(broken)}")
    missed += [
        f"Not all could be read of {one.rstrip('.')}. Look into it by hand: the person may be in"
        " it, and people who are in no other load are not struck out."
        for one in refused
    ]
    return found


def _others(folders: Iterable[Load], nominal_id: str) -> frozenset[str]:
    """Return the ids of everybody else that any table here names."""
    found: set[str] = set()
    for load in folders:
        for name, file in load.tables.items():
            if "nominal_id" in TABLES[name]:
                column = pq.read_table(file, columns=["nominal_id"])["nominal_id"]
                found |= set(pc.unique(column).to_pylist())
    return frozenset(found - {nominal_id, None})


def _records(
    folders: Iterable[Load], nominal_id: str, others: frozenset[str]
) -> dict[str, list[dict[str, Any]]]:
    """Return each record about the person once, and which loads have it; others struck out."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for load in folders:
        with tempfile.TemporaryDirectory(prefix="precursor-subject-") as folder:
            part = excerpt(load, nominal_id, Path(folder) / "part").load
            for name, file in part.tables.items():
                rows = pq.read_table(file).drop_columns(["load"])
                if name == "nominal":  # of others only that they are there
                    rows = rows.filter(pc.equal(rows["nominal_id"], nominal_id))
                for row in rows.to_pylist():
                    kept = {key: value for key, value in row.items() if value is not None}
                    if kept.get("nominal_id", nominal_id) != nominal_id:
                        kept |= {"record_id": ANOTHER, "nominal_id": ANOTHER}
                        kept.pop("relationship", None)
                    kept = _struck(kept, others)
                    key = json.dumps(kept, sort_keys=True, default=str)
                    line = found.setdefault(name, {}).setdefault(key, kept | {"loads": []})
                    if str(load.path) not in line["loads"]:
                        line["loads"].append(str(load.path))
    return {name: list(rows.values()) for name, rows in found.items()}


def _tables(
    paths: Iterable[Path], nominal_id: str, others: frozenset[str], missed: list[str]
) -> dict[str, list[dict[str, Any]]]:
    """Return the person's lines of all other tables here; note which of these cannot be read."""
    found = {}
    runs = sorted((home() / "runs").glob("*/*/*.parquet"))
    for path in (*paths, *runs):
        try:
            rows = rows_of(path, nominal_id)
        except (*DAMAGED, OSError) as broken:
            missed.append(f"{path} cannot be read ({why(broken)}): look into it by hand.")
            continue
        if rows:
            found[str(path)] = [_struck(row, others) for row in rows]
    return found


def _line(one: Recorded, others: frozenset[str], staff: bool) -> dict[str, Any]:
    """Return what one entry says about the person, as it is told to them."""
    entry = one.entry
    line = {
        "entry": entry.seq,
        "at": entry.at,
        "what": entry.action,
        "in_words": {action.value: action.words for action in Action}[entry.action],
        "by": f"{entry.actor} ({entry.role})" if staff else entry.role,
        "question": entry.question,
        "purpose": entry.purpose,
        "score_id": one.score_id,
        "said": one.payload,
    }
    struck: dict[str, Any] = _struck(line, others)
    return struck if staff else _by_role(struck, entry.actor)


def _by_role(value: Any, actor: str) -> Any:
    """Return a value without the names of those who used the product."""
    named = ("actor", "reviewer", "signed_by", "analyst", "supervisor")
    if isinstance(value, Mapping):
        return {
            key: "[a member of staff]"
            if key in named and isinstance(each, str)
            else _by_role(each, actor)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [_by_role(each, actor) for each in value]
    return "[a member of staff]" if value == actor else value


def _struck(value: Any, others: frozenset[str]) -> Any:
    """Return a value with the ids of others struck out, wherever they stand.

    Examples
    --------
    >>> _struck({"reason": "seen with N2, not N1"}, frozenset({"N2"}))
    {'reason': 'seen with [another person], not N1'}
    """
    if isinstance(value, Mapping):
        return {key: _struck(each, others) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_struck(each, others) for each in value]
    if not isinstance(value, str):
        return value
    if value in others:
        return ANOTHER
    return _WORD.sub(lambda found: ANOTHER if found[0].rstrip(".!?") in others else found[0], value)


def _free(sections: Mapping[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return every text that somebody wrote in their own words, and where it stands."""
    found = []

    def walk(value: Any, entry: int, place: str) -> None:
        if isinstance(value, Mapping):
            for key, each in value.items():
                if key in FREE_TEXT and isinstance(each, str):
                    found.append({"entry": entry, "place": f"{place}.{key}", "text": each})
                else:
                    walk(each, entry, f"{place}.{key}")
        elif isinstance(value, list):
            for each in value:
                walk(each, entry, place)

    for kind, lines in sections.items():
        for line in lines:
            if isinstance(line["said"], Mapping):
                walk(line["said"], line["entry"], kind)
            found.append(
                {"entry": line["entry"], "place": f"{kind}.purpose", "text": line["purpose"]}
            )
    return found


def in_words(held: Held) -> str:
    """Return what is held in numbers, and what is to be done before it is handed over."""
    lines = [f"  {name}: {number:,}" for name, number in held.counts.items() if number]
    return "\n".join(["Held about this person:", *lines, *BEFORE_HANDING_OVER])
