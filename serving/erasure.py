"""A lawful erasure, all the way: keys, records, runs, the list in force, matrices and other files.

The ledger comes first: the erasure is recorded and the person's key destroyed. Then every file that
this installation knows of is rewritten without the person. What was scored for others can still be
replayed, and the chain still verifies. Copies outside, and back-ups, are for whoever keeps them.
"""

from __future__ import annotations

import csv
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.backends.postgres import drop_copies
from features.errors import NotFound, PrecursorError
from features.files import all_there, replacing, sha256, sync
from features.forget import forget
from features.home import home
from features.loads import manifest, open_load
from features.matrix_file import manifest_path, write_manifest
from features.unfinished import drop, left_behind
from serving.drafts import drop_drafts
from serving.kept import note_erasure
from serving.ledger import Action, Ledger
from serving.runs import (
    FROZEN,
    INFO,
    LINES_GROUP,
    POINTER,
    ROW_GROUP,
    ROWS,
    write_json,
    write_rows,
)
from serving.turns import erasing
from serving.unfinished import drop_all


def erase(
    nominal_id: str,
    *,
    ledger: Ledger,
    actor: str,
    role: str,
    purpose: str,
    also: Iterable[Path] = (),
) -> dict[str, Any]:
    """Erase a person from the ledger, the records, and every file made from them.

    Parameters
    ----------
    also : iterable of Path
        Scored files, matrices or loads that lie outside the state folder.

    Returns
    -------
    dict
        `entry`, the erasure's number (None where the ledger knew nobody of this id), how many
        rows went from `loads`, `runs` and `files`, by place, and how many batches under way were
        dropped (`unfinished`); they start anew.

    Raises
    ------
    NotFound
        Neither the ledger nor any file knows the person.
    PrecursorError
        A file cannot be rewritten; the key is gone by then, and running it again goes on.
    """
    further = all_there(also, field="also")
    with erasing():  # nobody writes about people meanwhile, or puts them back
        return _erased(nominal_id, ledger, actor, role, purpose, further)


def _erased(
    nominal_id: str, ledger: Ledger, actor: str, role: str, purpose: str, further: Sequence[Path]
) -> dict[str, Any]:
    try:
        entry: int | None = ledger.erase(nominal_id, actor=actor, role=role, purpose=purpose).seq
    except NotFound:  # recorded nowhere, or an erasure was interrupted: files may still have it
        entry = None
    found: dict[str, dict[str, int]] = {"loads": {}, "runs": {}, "files": {}}
    runs: dict[str, str] = {}
    try:
        for path in loads(further):
            if forgotten := forget(path, nominal_id):
                found["loads"][str(path)] = sum(forgotten.values())
                drop_copies(open_load(path))
        for path in sorted((home() / "runs").glob(f"*/*/{INFO}")):
            gone, rows = _from_run(path.parent, nominal_id)
            if rows is not None:
                found["runs"][path.parent.name] = gone
                runs[path.parent.name] = rows
        for path in files(further):
            if lines := _from_file(path, nominal_id):
                found["files"][str(path)] = lines
        for part in left_behind(home()):
            drop(part)
    except OSError as failed:
        raise PrecursorError(
            f"{failed.filename}: {failed.strerror}; the erasure is not finished",
            remedy="Let this user write there and run it again.",
        ) from failed
    if entry is None and not any(found.values()):
        raise NotFound(
            f"NOMINAL '{nominal_id}': neither the ledger nor any file here knows such a person, or"
            " they were erased before",
            remedy="Check the id, as the column nominal_id of the records has it; name files"
            " elsewhere with --also.",
            field="nominal_id",
        )
    drop_drafts()  # what somebody wrote in a form may name anybody
    unfinished = drop_all()  # taken up again, a batch would record the person under a new key
    done = ledger.append(
        Action.ERASURE_REACH,
        actor=actor,
        role=role,
        purpose=purpose,
        body={
            "erasure": entry,
            "rows": {kind: sum(places.values()) for kind, places in found.items()},
            "runs": runs,
            "unfinished": unfinished,
        },
    )
    note_erasure(done.seq)
    return {"entry": entry, "reach": done.seq, **found, "unfinished": unfinished}


def loads(further: Iterable[Path] = ()) -> list[Path]:
    """Return the folders of all loads that this installation knows of."""
    paths = {file.parent for file in (home() / "records").glob("*/load.json")}
    for file in (home() / "loads").glob("*.json"):
        paths.add(Path(json.loads(file.read_text(encoding="utf-8"))["path"]))
    paths |= {path for path in further if path.is_dir()}
    found = []
    for path in sorted(paths):
        try:
            manifest(path)
        except PrecursorError:  # it was moved or removed since
            continue
        found.append(path)
    return found


def _from_run(run: Path, nominal_id: str) -> tuple[int, str | None]:
    """Take a person out of a run and, where it was published, out of the list made of it.

    Returns
    -------
    gone : int
    rows : str or None
        The SHA-256 of the rows if they are others than the run said.
    """
    gone = 0
    for name in (ROWS, FROZEN):
        file = run / name
        if file.is_file():
            kept, rows = _less(pq.read_table(file), nominal_id)
            if rows:
                with replacing(file) as part:
                    write_rows(kept, part, LINES_GROUP if name == FROZEN else ROW_GROUP)
                gone = max(gone, rows)
    info = json.loads((run / INFO).read_text(encoding="utf-8"))
    now = sha256(run / ROWS)
    if info["sha256"] != now:
        people = pq.read_metadata(run / ROWS).num_rows
        write_json(run / INFO, {**info, "sha256": now, "people": people})
    pointer = run.parent / POINTER
    if pointer.is_file():
        said = json.loads(pointer.read_text(encoding="utf-8"))
        if said["run_id"] == run.name and said["sha256"] != (frozen := sha256(run / FROZEN)):
            write_json(pointer, {**said, "sha256": frozen})
    return gone, now if info["sha256"] != now else None


def files(further: Iterable[Path]) -> Iterator[Path]:
    """Yield tables outside loads and runs: scored files, matrices, whatever has a nominal_id."""
    apart = {*loads(further), *(home() / "runs").glob("*/*")}
    for path in sorted(home().rglob("*")):
        if path.suffix in (".parquet", ".csv") and path.is_file() and path.parent not in apart:
            yield path
    yield from (path for path in further if path.is_file())


def _from_file(path: Path, nominal_id: str) -> int:
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        if path.suffix.lower() == ".csv":
            gone = _lines_without(path, part, nominal_id)
        else:
            gone = 0
            if "nominal_id" in pq.read_schema(path).names:
                kept, gone = _less(pq.read_table(path), nominal_id)
                pq.write_table(kept, part, compression="zstd")
        if gone:
            sync(part)
            os.replace(part, path)
            for matrix in (path, path.parent):  # its manifest names its rows, or its parts
                if manifest_path(matrix).is_file():
                    said = json.loads(manifest_path(matrix).read_text(encoding="utf-8"))
                    write_manifest(matrix, {**said, "rows": said.get("rows", gone) - gone}, matrix)
        return gone
    except (pa.ArrowInvalid, csv.Error, UnicodeDecodeError):  # no table of ours
        return 0
    finally:
        part.unlink(missing_ok=True)


def _lines_without(path: Path, part: Path, nominal_id: str) -> int:
    """Write a CSV file without a person's lines; all others say what they said."""
    gone = 0
    with path.open(encoding="utf-8", newline="") as source, part.open("w", newline="") as target:
        rows = csv.reader(source)
        writer = csv.writer(target, lineterminator="\n")
        names = next(rows, [])
        if "nominal_id" not in names:
            return 0
        place = names.index("nominal_id")
        writer.writerow(names)
        for row in rows:
            if len(row) > place and row[place] == nominal_id:
                gone += 1
            else:
                writer.writerow(row)
    return gone


def _less(table: pa.Table, nominal_id: str) -> tuple[pa.Table, int]:
    own = pc.equal(pc.cast(table["nominal_id"], pa.string()), nominal_id).fill_null(False)
    kept = table.filter(pc.invert(own))
    return kept, table.num_rows - kept.num_rows
