"""A batch under way: what of it is scored lies in a folder until all of it is, part by part.

Whoever starts the same batch again, after it was killed, goes on where it ended. A part is written,
then recorded, then marked; a part that was recorded but not marked is known by its score ids.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from typing import IO, Any

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import Conflict
from features.files import replacing, write_json
from features.home import home
from features.turns import turn
from features.unfinished import drop
from serving.runs import REJECTED, SCORED, new_run_id

MEMORY = "1GB"
"""What putting the lines in order of rank may take, unless told otherwise; beyond it is on disk."""

_PLAN, _LOCK = "plan.json", ".lock"
_LINES_AT_ONCE = 50_000


class Unfinished:
    """The folder of one batch that is under way.

    Attributes
    ----------
    path : Path
    run_id : str
        The run's name, the same when the batch is taken up again.
    parts : int
    """

    def __init__(self, path: Path, run_id: str, lock: IO[str]) -> None:
        self.path = path
        self.run_id = run_id
        self.parts = 1
        self._lock = lock

    def counts(self, part: int) -> dict[str, Any] | None:
        """Return what a part holds, if it was finished: scored, recorded and marked."""
        file = self.path / f"{part:05}.json"
        return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else None

    def write(self, part: int, scored: pa.Table, rejected: pa.Table) -> None:
        """Write a part's lines, not ranked yet, and those that were rejected."""
        for table, kind in ((rejected, "rejected"), (scored, "scored")):
            file = self._file(part, kind)
            with replacing(file, durable=True) as new:
                pq.write_table(table, new, compression="zstd")

    def written(self, part: int) -> tuple[pa.Table, pa.Table] | None:
        """Return a part's lines and its rejected ones, if both were written whole."""
        files = [self._file(part, kind) for kind in ("scored", "rejected")]
        if not all(file.is_file() for file in files):
            return None
        return pq.read_table(files[0]), pq.read_table(files[1])

    def mark(self, part: int, counts: Mapping[str, Any]) -> None:
        """Say that a part is on the ledger."""
        write_json(self.path / f"{part:05}.json", counts)

    def ranked(self) -> Iterator[pa.Table]:
        """Return all lines by as-of date and rank, in pieces.

        1 is the highest probability; equal ones are ordered by id, so that a rank is nobody's
        twice. People with insufficient history have no rank and come last.
        """
        columns = ", ".join(name for name in SCORED.names if name != "rank")
        order = "as_of_date, insufficient_history, probability DESC NULLS LAST, nominal_id"
        place = "row_number() OVER (PARTITION BY as_of_date ORDER BY "
        place += "insufficient_history, probability DESC NULLS LAST, nominal_id)"
        with duckdb.connect(
            config={
                "memory_limit": os.environ.get("PRECURSOR_MEMORY") or MEMORY,
                "temp_directory": str(self.path / "order"),
                "threads": 2,
                "autoinstall_known_extensions": False,
            }
        ) as database:
            found = database.execute(
                f"SELECT {columns}, CASE WHEN NOT insufficient_history THEN {place} END AS rank"
                f" FROM read_parquet(?) ORDER BY {order}",
                [str(self.path / "*.scored.parquet")],
            )
            for batch in found.to_arrow_reader(_LINES_AT_ONCE):
                yield pa.Table.from_batches([batch]).select(SCORED.names).cast(SCORED)

    def probabilities(self) -> npt.NDArray[np.float64]:
        """Return the probability of everybody who has one, in no particular order."""
        files = sorted(self.path.glob("*.scored.parquet"))
        found = [pq.read_table(file, columns=["probability"])["probability"] for file in files]
        numbers = [column.drop_null().to_numpy() for column in found]
        return np.concatenate(numbers) if numbers else np.zeros(0)

    def rejected(self) -> Iterator[pa.RecordBatch]:
        """Return those who were rejected by as-of date and id, in pieces."""
        files = sorted(self.path.glob("*.rejected.parquet"))
        found = pa.concat_tables([REJECTED.empty_table(), *map(pq.read_table, files)])
        order = [(name, "ascending") for name in ("as_of_date", "nominal_id", "reason")]
        yield from found.sort_by(order).to_batches()

    def drop(self) -> None:
        """Remove the folder: the batch is finished, or not worth going on with.

        Where an erasure did, the same batch may lie there anew, of another process.
        """
        try:
            ours = os.path.samestat(os.fstat(self._lock.fileno()), (self.path / _LOCK).stat())
        except FileNotFoundError:
            return
        if ours:
            shutil.rmtree(self.path, ignore_errors=True)

    def _file(self, part: int, kind: str) -> Path:
        return self.path / f"{part:05}.{kind}.parquet"


@contextmanager
def under_way(plan: Mapping[str, Any], last: date) -> Iterator[Unfinished]:
    """Open the folder of a batch, new or as it was left; nobody else works on it meanwhile.

    Parameters
    ----------
    plan : mapping
        All that decides what the batch says, and who asks for it.
    last : date
        The last as-of date, which names the run.

    Raises
    ------
    Conflict
        Another process is working on the same batch.
    """
    text = json.dumps(plan, sort_keys=True)
    path = _folder() / hashlib.sha256(text.encode()).hexdigest()[:32]
    with ExitStack() as held:
        with turn():
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = held.enter_context((path / _LOCK).open("w"))
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Conflict(
                    "the very same batch is being scored by another process",
                    remedy="Wait for it, or end it; a second one would say the same.",
                    code="under_way",
                ) from None
            said = path / _PLAN
            if not said.is_file():
                write_json(said, {**plan, "run_id": new_run_id(last)})
            run_id = json.loads(said.read_text(encoding="utf-8"))["run_id"]
        yield Unfinished(path, run_id, lock)


def part_of(path: Path, run_id: str) -> Path:
    """Return the name that a batch's file has until it is on the ledger.

    Examples
    --------
    >>> part_of(Path("scores.csv"), "2026-02-01-0a1b2c3d").name
    '.scores.2026-02-01-0a1b2c3d.part.csv'
    """
    return path.with_name(f".{path.stem}.{run_id}.part{path.suffix}")


def drop_all() -> tuple[int, list[str]]:
    """Remove what lies of every batch under way, as an erasure must.

    Whoever calls has the turn (`features.turns.erasing`), so that none of them is writing.

    Returns
    -------
    count : int
        How many there were.
    missed : list of str
        Those of which files beside their output may be left, each with the reason.

    Examples
    --------
    >>> import tempfile
    >>> from unittest import mock
    >>> with tempfile.TemporaryDirectory() as place:
    ...     with mock.patch.dict("os.environ", PRECURSOR_HOME=place):
    ...         (home() / "unfinished" / "a batch").mkdir(parents=True)
    ...         print(drop_all(), drop_all())
    (1, []) (0, [])
    """
    found = list(_folder().glob("*"))
    missed = []
    for folder in found:
        if (folder / _PLAN).is_file():
            try:
                said = json.loads((folder / _PLAN).read_text(encoding="utf-8"))
                out = Path(said.get("out", folder / "out.csv"))
                beside = beside_of(out)
                for path in (out, beside):  # of one that was killed while its files were written
                    part_of(path, said["run_id"]).unlink(missing_ok=True)
            except (OSError, ValueError, LookupError, TypeError, AttributeError) as wrong:
                missed.append(f"{folder / _PLAN}: {wrong}; look for .part files beside its output")
        drop(folder)
    for run in (home() / "runs").glob("*/.*.part"):
        drop(run)
    return len(found), missed


def beside_of(out: Path) -> Path:
    """Return where the rejected rows of a scored file lie.

    Examples
    --------
    >>> beside_of(Path("scores.csv")).name
    'scores.rejected.csv'
    """
    return out.with_name(f"{out.stem}.rejected{out.suffix}")


def _folder() -> Path:
    return home() / "unfinished"


def digest(rows: pd.DataFrame) -> str:
    """Return one hash for the rows of a spine, in their order.

    Examples
    --------
    >>> rows = pd.DataFrame({"nominal_id": ["N1"], "as_of_date": pd.to_datetime(["2026-02-01"])})
    >>> len(digest(rows))
    64
    """
    found = hashlib.sha256()
    days = pd.to_datetime(rows["as_of_date"]).to_numpy().astype("datetime64[D]")
    for start in range(0, len(rows), _LINES_AT_ONCE):
        piece = slice(start, start + _LINES_AT_ONCE)
        ids = "\0".join(rows["nominal_id"].iloc[piece].astype(str))
        found.update(ids.encode("utf-8", "surrogatepass"))
        found.update(days[piece].tobytes())
    return found.hexdigest()
