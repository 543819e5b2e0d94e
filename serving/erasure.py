"""A lawful erasure, all the way: keys, records, runs, the list in force, matrices and other files.

The ledger comes first: the erasure is recorded and the person's key destroyed. Then every file that
this installation knows of is rewritten without the person. What was scored for others can still be
replayed, and the chain still verifies. Copies outside, and back-ups, are for whoever keeps them.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from features.backends.postgres import drop_copies
from features.errors import NotFound, PrecursorError, UsageError
from features.files import replacing, sha256, write_json
from features.forget import forget
from features.home import home
from features.loads import open_load
from features.names import ID_WORDS, is_id
from features.turns import erasing, note_erasure
from features.unfinished import drop, left_behind
from serving.begun_erasure import Begun
from serving.drafts import drop_drafts
from serving.files_of_people import files, loads, readable
from serving.ledger import Action, Ledger
from serving.runs import (
    FROZEN,
    INFO,
    LINES_GROUP,
    POINTER,
    ROW_GROUP,
    ROWS,
    write_rows,
)
from serving.table_of_people import DAMAGED, less, take_out, why
from serving.unfinished import drop_all
from serving.unlinked import NAMES_A_PERSON, NamesAPerson, named_in


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
        rows went from `loads`, `runs` and `files`, by place, how many batches under way were
        dropped (`unfinished`); they start anew; and `not_reached`: what cannot be read, each with
        the reason. One that was begun and did not reach its end is gone on with.

    Raises
    ------
    UsageError
        The id can be nobody's, the purpose names the person, or something of `also` cannot be
        searched for people; nothing is destroyed.
    NotFound
        Neither the ledger nor any file knows the person.
    PrecursorError
        A file cannot be rewritten; the key is gone by then, and running it again goes on.
    """
    if not is_id(nominal_id):
        raise UsageError(
            f"NOMINAL {nominal_id!r}: no id of a person; it has {ID_WORDS}",
            remedy="Give it as the column nominal_id of the records has it.",
            field="nominal_id",
        )
    if named_in(purpose, frozenset({nominal_id})):
        raise NamesAPerson(
            NAMES_A_PERSON, remedy="Say why without the id: 'request of 4 May'.", field="purpose"
        )
    further = readable(also)
    with erasing():  # nobody writes about people meanwhile, or puts them back
        return _erased(nominal_id, ledger, actor, role, purpose, further)


def _erased(
    nominal_id: str, ledger: Ledger, actor: str, role: str, purpose: str, further: Sequence[Path]
) -> dict[str, Any]:
    found: dict[str, dict[str, int]] = {"loads": {}, "runs": {}, "files": {}}
    missed: list[str] = []
    try:
        begun = Begun(ledger, nominal_id)
        with suppress(NotFound):  # nowhere on record, or interrupted: files may still have it
            ledger.erase(nominal_id, actor=actor, role=role, purpose=purpose, recorded=begun.at)
        if begun.entry is not None:
            note_erasure(begun.entry)  # however this ends, workers forget what is in memory
        _rewrite(nominal_id, further, begun, found, missed)
    except OSError as failed:
        raise PrecursorError(
            f"{failed.filename}: {failed.strerror}; the erasure is not finished",
            remedy="Let this user write there and run it again.",
        ) from failed
    if begun.entry is None and not begun.earlier and not any(found.values()):
        begun.finished()
        raise NotFound(
            f"NOMINAL '{nominal_id}': neither the ledger nor any file here knows such a person, or"
            " they were erased before",
            remedy="Check the id, as the column nominal_id of the records has it; name files"
            " elsewhere with --also.",
            field="nominal_id",
        )
    drop_drafts()  # what somebody wrote in a form may name anybody
    unfinished, left = drop_all()  # taken up again, a batch would record them under a new key
    missed += left
    note_erasure(begun.entry or 0)  # before the last step, which may fail
    done = ledger.append(
        Action.ERASURE_REACH,
        actor=actor,
        role=role,
        purpose=purpose,
        body={
            "erasure": begun.entry,
            "rows": begun.rows,
            "runs": begun.runs,
            "unfinished": unfinished,
            "not_reached": len(missed),  # a file may be named after somebody
        },
    )
    begun.finished()
    return {
        "entry": begun.entry,
        "reach": done.seq,
        **found,
        "unfinished": unfinished,
        "not_reached": missed,
    }


def _rewrite(
    nominal_id: str,
    further: Sequence[Path],
    begun: Begun,
    found: dict[str, dict[str, int]],
    missed: list[str],
) -> None:
    """Take a person out of all files; one that is broken keeps nobody from the others."""

    def each(kind: str, place: Path, name: str, work: Callable[[], int | None]) -> None:
        try:
            rows = work()
        except OSError as failed:
            if failed.errno not in (None, errno.ENOENT):  # somebody can allow it, or make room
                raise
            missed.append(f"{place}: {why(failed)}")  # what was packed does not come apart
        except (*DAMAGED, PrecursorError) as wrong:
            missed.append(f"{place}: {why(wrong)}")
        else:
            if rows is not None and (rows or kind == "runs"):  # a run may be one to describe anew
                found[kind][name] = rows
                begun.went(kind, rows)

    known = loads(further, missed)
    for path in known:
        each("loads", path, str(path), partial(_from_load, path, nominal_id))
    for path in sorted((home() / "runs").glob("*/*")):
        if any((path / name).is_file() for name in (ROWS, FROZEN, INFO)):
            each("runs", path, path.name, partial(_from_run, path, nominal_id, begun))
    for path in files(further, known):
        each("files", path, str(path), partial(take_out, path, nominal_id))
    for part in left_behind(home()):
        drop(part)


def _from_load(path: Path, nominal_id: str) -> int | None:
    forgotten = forget(path, nominal_id)
    if not forgotten:
        return None
    drop_copies(open_load(path))
    return sum(forgotten.values())


def _from_run(run: Path, nominal_id: str, begun: Begun) -> int | None:
    """Take a person out of a run and, where it was published, out of the list made of it.

    Returns
    -------
    int or None
        None if its rows are those that the run said.
    """
    gone = 0
    wrong: list[str] = []
    for name in (ROWS, FROZEN):
        file = run / name
        if file.is_file():
            try:
                kept, rows = less(pq.read_table(file), nominal_id)
            except DAMAGED as broken:  # the other may hold the person too
                wrong.append(f"{name}: {why(broken)}")
                continue
            if rows:
                with replacing(file) as part:
                    write_rows(kept, part, LINES_GROUP if name == FROZEN else ROW_GROUP)
                gone = max(gone, rows)
    if wrong:
        raise ValueError("; ".join(wrong))
    info, now = _said(run / INFO), sha256(run / ROWS)
    changed = info["sha256"] != now
    if changed:
        begun.left(run.name, now)
        people = pq.read_metadata(run / ROWS).num_rows
        write_json(run / INFO, {**info, "sha256": now, "people": people})
    pointer = run.parent / POINTER
    if pointer.is_file():
        said = _said(pointer)
        if said["run_id"] == run.name and said["sha256"] != (frozen := sha256(run / FROZEN)):
            write_json(pointer, {**said, "sha256": frozen})
    return gone if changed else None


def _said(file: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError, FileNotFoundError) as wrong:
        raise ValueError(f"{file.name} cannot be read: {wrong}") from wrong
