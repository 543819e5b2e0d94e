"""Runs: scored lists kept under the state folder, and the one of them that is published.

A run is written once and never changed: ``run.json`` says what it is and carries the SHA-256 of the
rows. Publishing makes a run *the list*: its rows are compared with the list before, frozen beside
it, and a pointer names it. Lists are read in row groups, so that a page costs the same whatever the
number of people.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import Conflict, NotFound
from features.files import replacing, sha256, sync, write_json
from features.home import home
from features.names import NAME

SCORED = pa.schema(
    [
        ("score_id", pa.string()),
        ("nominal_id", pa.string()),
        ("as_of_date", pa.date32()),
        ("rank", pa.int64()),
        ("probability", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("band", pa.string()),
        ("insufficient_history", pa.bool_()),
        ("reasons", pa.string()),
        ("expires_on", pa.date32()),
    ]
)
"""Columns of a scored file; `reasons` is JSON: text, direction, contribution, group."""

REJECTED = pa.schema(
    [("nominal_id", pa.string()), ("as_of_date", pa.date32()), ("reason", pa.string())]
)
"""Columns of the file of those who were not scored."""

CHANGES = ("new", "up", "down", "same")
ROW_GROUP = 1_000
LINES_GROUP = 100  # of a published list: a filtered page takes its lines from all over it
ROWS, INFO, FROZEN, POINTER = "scores.parquet", "run.json", "list.parquet", "list.json"


@dataclass(frozen=True)
class Run:
    """One scored list on disk; `info` is what ``run.json`` says of it."""

    path: Path
    info: Mapping[str, Any]

    @property
    def run_id(self) -> str:
        """The run's name, unique within its question."""
        return self.path.name

    @property
    def question(self) -> str:
        """Name of the question."""
        return str(self.info["question"])

    @property
    def rows(self) -> Path:
        """The scored rows, by as-of date and rank."""
        return self.path / ROWS


def folder(question: str) -> Path:
    """Return where the runs of a question lie."""
    return home() / "runs" / question


def new_run_id(as_of_date: date) -> str:
    """Return a name for a new run, which sorts by date.

    Examples
    --------
    >>> new_run_id(date(2026, 2, 1))[:11]
    '2026-02-01-'
    """
    return f"{as_of_date.isoformat()}-{secrets.token_hex(4)}"


@dataclass(frozen=True)
class UnkeptRun:
    """A run that is written but not yet in force: nobody finds it before :meth:`keep`."""

    part: Path
    run: Run

    def keep(self) -> Run:
        """Give the run its name, after the ledger has it.

        Where it has it already, it was killed right after; then nothing is left to do.

        Raises
        ------
        Conflict
            Another run has this name.
        """
        if self.run.path.exists():
            there = Run(self.run.path, _read(self.run.path / INFO))
            if there.info["sha256"] != self.run.info["sha256"]:
                raise Conflict(f"{self.run.path}: another run lies here", remedy="Move it away.")
            return there
        os.rename(self.part, self.run.path)
        return self.run

    def drop(self) -> None:
        """Remove what was written."""
        shutil.rmtree(self.part, ignore_errors=True)


def write_run(
    scored: pa.Table | Iterable[pa.Table],
    info: Mapping[str, Any],
    *,
    run_id: str,
) -> UnkeptRun:
    """Write a run's rows and description under a temporary name.

    Parameters
    ----------
    scored : pyarrow.Table or iterable of them
        Columns of `SCORED`, sorted by as-of date and rank.
    info : mapping
        question, as_of_dates, model, load and so on, ready for JSON; nothing about one person.
    """
    path = folder(str(info["question"])) / run_id
    part = path.with_name(f".{run_id}.part")
    shutil.rmtree(part, ignore_errors=True)  # of the same batch, killed while it was written
    part.mkdir(parents=True)
    write_rows(scored, part / ROWS)
    said = {**info, "run_id": run_id, "sha256": sha256(part / ROWS)}
    write_json(part / INFO, said)
    return UnkeptRun(part, Run(path, said))


def write_rows(tables: pa.Table | Iterable[pa.Table], path: Path, group: int = ROW_GROUP) -> None:
    """Write rows as Parquet in row groups of one size, and wait until they are on disk."""
    tables = [tables] if isinstance(tables, pa.Table) else tables
    writer: pq.ParquetWriter | None = None
    rest: pa.Table | None = None
    try:
        for table in tables:
            writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
            rest = table if rest is None else pa.concat_tables([rest, table])
            whole = len(rest) - len(rest) % group
            if whole:  # nothing would be written as a row group of its own
                writer.write_table(rest.slice(0, whole), row_group_size=group)
                rest = rest.slice(whole)
        writer = writer or pq.ParquetWriter(path, SCORED, compression="zstd")
        if rest is not None and len(rest):
            writer.write_table(rest, row_group_size=group)
    finally:
        if writer is not None:
            writer.close()
    sync(path)


def find_run(question: str, run_id: str | None = None) -> Run:
    """Return one run of a question, by default the one made last.

    Raises
    ------
    NotFound
        There is no such run.
    Conflict
        Its rows were changed after they were written.
    """
    runs = {
        path.parent.name: path.parent
        for path in folder(question).glob(f"*/{INFO}")
        if not path.parent.name.startswith(".")
    }
    if not runs or (run_id is not None and run_id not in runs):
        raise NotFound(
            f"question '{question}': there is no run{'' if run_id is None else f' {run_id!r}'}",
            remedy=f"Make one: precursor score {question} RECORDS --out FILE.",
        )
    if run_id is None:
        run_id = max(runs, key=lambda name: str(_read(runs[name] / INFO)["created_at"]))
    run = Run(runs[run_id], _read(runs[run_id] / INFO))
    _unchanged(run.rows, str(run.info["sha256"]))
    return run


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, RecursionError) as broken:
        raise Conflict(
            f"{path} cannot be read",
            remedy="Restore it from a back-up, or score again.",
            code="run_changed",
        ) from broken


def _unchanged(path: Path, expected: str) -> None:
    if sha256(path) != expected:
        raise Conflict(
            f"{path}: the rows of this list were changed after they were written",
            remedy="Score again; the ledger still has every score of this run.",
            code="run_changed",
        )


def compared(rows: pa.Table, before: pa.Table | None) -> pa.Table:
    """Return ranked rows with the rank each person had before, and new, up, down or same.

    A person without a rank now has no change; without a rank before, they are new.

    Examples
    --------
    >>> now = pa.table({"nominal_id": ["B", "A", "C"], "rank": [1, 2, 3]})
    >>> last = pa.table({"nominal_id": ["A", "B"], "rank": [1, 2]})
    >>> compared(now, last)["change"].to_pylist()
    ['up', 'down', 'new']
    """
    had: dict[str, int | None] = {}
    if before is not None:
        had = dict(zip(before["nominal_id"].to_pylist(), before["rank"].to_pylist(), strict=True))
    earlier = [had.get(person) for person in rows["nominal_id"].to_pylist()]
    change = [
        None if now is None else _change(now, was)
        for now, was in zip(rows["rank"].to_pylist(), earlier, strict=True)
    ]
    return rows.append_column("previous_rank", pa.array(earlier, pa.int64())).append_column(
        "change", pa.array(change, pa.string())
    )


def _change(now: int, was: int | None) -> str:
    if was is None:
        return "new"
    return "up" if now < was else "down" if now > was else "same"


def freeze(run: Run) -> dict[str, Any]:
    """Write a run's rows, compared with the list before, beside it; return how they compare.

    The list before is the one in force, unless that is of the same day or a later one: then it is
    the one before that, so that nobody's movement is lost by publishing again.

    Raises
    ------
    Conflict
        The run holds several as-of dates: a list is of one day.
    """
    days = list(run.info["as_of_dates"])
    if len(days) != 1:
        raise Conflict(
            f"run {run.run_id} holds {len(days)} as-of dates; a list is of one day",
            remedy="Score one day: precursor score QUESTION RECORDS --as-of DATE --out FILE.",
            code="not_a_list",
        )
    last = pointed(run.question)
    if last is not None and last["run_id"] == run.run_id:
        return dict(last)
    made, previous, before = folder(run.question), None, None
    if last is not None:
        replaced = _read(made / last["run_id"] / INFO)["as_of_dates"] >= days
        previous = last["previous"] if replaced else last["run_id"]
    if previous is not None and not (made / previous / ROWS).is_file():
        previous = None  # its run was removed
    if previous is not None:
        before = pq.read_table(made / previous / ROWS, columns=["nominal_id", "rank"])
    rows = compared(pq.read_table(run.rows), before)
    with replacing(run.path / FROZEN) as part:
        write_rows(rows, part, LINES_GROUP)
    counts = Counter(rows["change"].to_pylist())
    people = set() if before is None else set(before["nominal_id"].to_pylist())
    return {
        "run_id": run.run_id,
        "previous": previous,
        "sha256": sha256(run.path / FROZEN),
        **{change: counts[change] for change in CHANGES},
        "gone": len(people - set(rows["nominal_id"].to_pylist())),
    }


def point(run: Run, said: Mapping[str, Any]) -> None:
    """Make a frozen run the list, after the ledger has it."""
    published_at = datetime.now(UTC).isoformat(timespec="seconds")
    write_json(folder(run.question) / POINTER, {"published_at": published_at, **said})


def pointed(question: str) -> dict[str, Any] | None:
    """Return what the pointer of a question says; None before the first list."""
    if re.fullmatch(NAME, question) is None:  # it comes from outside, and names a folder here
        return None
    path = folder(question) / POINTER
    return _read(path) if path.is_file() else None


@dataclass(frozen=True)
class PublishedList:
    """The list in force of a question: the run, how it was published, and its rows by page.

    The file is held in memory as it is, compressed; any number of threads may ask.
    """

    run: Run
    said: Mapping[str, Any]
    content: pa.Buffer
    metadata: pq.FileMetaData

    def __len__(self) -> int:
        return int(self.metadata.num_rows)

    @cached_property
    def _starts(self) -> np.ndarray:
        """Where each row group begins; a list of an earlier release has larger ones."""
        sizes = [self.metadata.row_group(n).num_rows for n in range(self.metadata.num_row_groups)]
        return np.cumsum([0, *sizes[:-1]])

    def _file(self) -> pq.ParquetFile:
        # one for each call: a reader is not made for several threads
        return pq.ParquetFile(pa.BufferReader(self.content), metadata=self.metadata)

    def columns(self, *names: str) -> pa.Table:
        """Return whole columns of the list, for filters and figures."""
        return self._file().read(columns=list(names), use_threads=False)

    def page(self, offset: int = 0, limit: int = 100) -> list[dict[str, Any]]:
        """Return lines of the list by rank, reasons as data; those without a rank come last."""
        return self.take(np.arange(offset, min(offset + limit, len(self))))

    def take(self, positions: np.ndarray) -> list[dict[str, Any]]:
        """Return the lines at some positions (from 0, rising), reading their row groups only."""
        found: list[dict[str, Any]] = []
        file = self._file()
        groups = np.searchsorted(self._starts, positions, side="right") - 1
        for group in np.unique(groups).tolist():
            table = file.read_row_group(group, use_threads=False)
            found += table.take(positions[groups == group] - self._starts[group]).to_pylist()
        for line in found:
            line["reasons"] = json.loads(line["reasons"])
            line.pop("expires_on", None)  # the list says it, once for all
        return found


def published(question: str) -> PublishedList:
    """Return the list in force of a question; opened once for each list, whoever asks.

    Raises
    ------
    NotFound
        No list was published for this question.
    Conflict
        The list's rows were changed after it was published.
    """
    said = pointed(question)
    if said is None:
        raise NotFound(
            f"question '{question}': no list is published",
            remedy=f"Publish a run: precursor publish {question}.",
            field="question",
            code="no_list",
        )
    return _opened(folder(question) / said["run_id"], json.dumps(said, sort_keys=True))


@lru_cache(maxsize=16)
def _opened(path: Path, said: str) -> PublishedList:
    about = json.loads(said)
    _unchanged(path / FROZEN, about["sha256"])
    content = pa.py_buffer((path / FROZEN).read_bytes())
    metadata = pq.read_metadata(pa.BufferReader(content))
    return PublishedList(Run(path, _read(path / INFO)), about, content, metadata)
