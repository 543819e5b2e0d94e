"""Loads: folders of canonical records, each written whole or not at all, and never changed after.

A load holds the twelve canonical tables as Parquet, a list of the records that were set aside, the
labels that came with the records (if any), and ``load.json``, which says what the folder is and
carries the SHA-256 of every file. Two loads of the same records are the same files, byte for byte.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.canonical import canonical
from features.errors import Conflict, NotFound, RecordsRefused
from features.files import sha256
from features.records import TABLES
from features.unfinished import unfinished_folder

FORMAT = 1

SET_ASIDE = pa.schema(
    [
        ("table", pa.string()),
        ("row", pa.int64()),
        ("column", pa.string()),
        ("value", pa.string()),
        ("rule", pa.string()),
        ("problem", pa.string()),
        ("remedy", pa.string()),
        ("done", pa.string()),
    ]
)
"""Columns of ``set_aside.parquet``; `row` is the row number in the source, counted from 1."""

LABELS = pa.schema(
    [
        ("nominal_id", pa.string()),
        ("as_of_date", pa.date32()),
        ("outcome", pa.string()),
        ("label", pa.int64()),
    ]
)
"""Columns of ``labels.parquet``."""

SPINE = pa.schema([("nominal_id", pa.string()), ("as_of_date", pa.date32())])
"""Columns of ``spine.parquet``."""

_ROWS = 122_880
"""Rows of a row group at most."""

_EXTRAS = {"set_aside": SET_ASIDE, "labels": LABELS, "spine": SPINE}

FILES = tuple(f"{name}.parquet" for name in (*TABLES, *_EXTRAS))
"""Names of the tables in a load's folder; others beside them are somebody else's."""


@dataclass(frozen=True)
class Load:
    """One load of canonical records on disk: what it is, and how to read it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     out = Path(folder) / "records"
    ...     load = write_load(out, {}, kind="folder", data_to=date(2026, 1, 31), synthetic=False)
    ...     (load.default_as_of.isoformat(), load.connect().table("offence").count().execute())
    ('2026-02-01', 0)
    """

    path: Path
    number: int
    kind: str
    synthetic: bool
    data_to: date
    fingerprint: str
    tables: Mapping[str, Path]

    @property
    def default_as_of(self) -> date:
        """The first date on which everything in the load is known: the day after `data_to`."""
        return self.data_to + timedelta(days=1)

    def connect(self) -> Any:
        """Return an in-memory DuckDB backend of Ibis with one view for each canonical table."""
        backend = ibis.duckdb.connect()
        for name, file in self.tables.items():
            backend.con.execute(TABLES[name].view_sql(file))
        return backend

    def labels(self) -> pd.DataFrame | None:
        """Return the labels that came with the records, or None where none came.

        Returns
        -------
        DataFrame or None
            `nominal_id`, `as_of_date`, `outcome`, `label`; one row for each of the first three.
        """
        return self._extra("labels")

    def spine(self) -> pd.DataFrame | None:
        """Return the rows that the source itself proposes to score, or None.

        Returns
        -------
        DataFrame or None
            `nominal_id` and `as_of_date`.
        """
        return self._extra("spine")

    def set_aside(self) -> pd.DataFrame:
        """Return what was set aside when the records were taken in, and what was done about it."""
        found = self._extra("set_aside")
        return SET_ASIDE.empty_table().to_pandas() if found is None else found

    def _extra(self, name: str) -> pd.DataFrame | None:
        file = self.path / f"{name}.parquet"
        return pd.read_parquet(file) if file.exists() else None


def manifest(path: Path) -> dict[str, Any]:
    """Return what a load's ``load.json`` says.

    Raises
    ------
    NotFound
        Where the folder or its ``load.json`` does not exist.
    RecordsRefused
        Where ``load.json`` is not one that this version can read.
    """
    file = path / "load.json"
    if not file.is_file():
        what = "is no folder" if not path.is_dir() else "holds no load.json, so it is no load"
        raise NotFound(
            f"{path} {what}",
            remedy="Name the folder that 'precursor ingest' or 'precursor synthesise' wrote.",
        )
    remedy = "Ingest the source again into a new folder."
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise RecordsRefused(f"{file} cannot be read: {error}", remedy=remedy) from error
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        found = said.get("format") if isinstance(said, dict) else type(said).__name__
        raise RecordsRefused(f"{file}: format is {found!r}, not {FORMAT}", remedy=remedy)
    return said


def open_load(path: str | Path) -> Load:
    """Open a folder of canonical records, without reading the records themselves.

    Parameters
    ----------
    path : str or Path
        A folder that :func:`write_load` wrote.

    Raises
    ------
    NotFound
        Where there is no load.
    RecordsRefused
        Where the load is broken: unreadable ``load.json``, one that does not fit together, or a
        table missing.

    Examples
    --------
    >>> open_load("nowhere")
    Traceback (most recent call last):
    ...
    features.errors.NotFound: nowhere is no folder. Name the folder that ...
    """
    path = Path(path)
    said = manifest(path)
    files = {name: path / f"{name}.parquet" for name in TABLES}
    missing = [file.name for file in files.values() if not file.is_file()]
    remedy = "Ingest the source again into a new folder."
    if missing:
        raise RecordsRefused(f"{path}: no {', '.join(missing)}", remedy=remedy)
    try:
        # where somebody was forgotten since, the load keeps the name that it was written with
        written = said.get("as_written", said["tables"])
        if said["fingerprint"] != _fingerprint(written) or not _hashes(said):
            raise ValueError("fingerprint is not that of its tables")
        return Load(
            path=path,
            number=int(said["number"]),
            kind=str(said["kind"]),
            synthetic=bool(said["synthetic"]),
            data_to=date.fromisoformat(said["data_to"]),
            fingerprint=str(said["fingerprint"]),
            tables=files,
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RecordsRefused(f"{path / 'load.json'}: {error!r}", remedy=remedy) from error


def changed_files(path: Path) -> list[str]:
    """Return the names of a load's files that are not the ones that were written, by their hash.

    A file that ``load.json`` does not speak of is one of them: labels that were laid beside records
    later did not come with them.
    """
    written = _hashes(manifest(path))
    files = {name: path / f"{name}.parquet" for name in (*TABLES, *_EXTRAS, *written)}
    return [
        name
        for name, file in files.items()
        if (sha256(file) if file.is_file() else None) != written.get(name)
    ]


def _hashes(said: Mapping[str, Any]) -> dict[str, str]:
    """Return the SHA-256 of each file that a load's ``load.json`` speaks of."""
    files = {**said["tables"], **said.get("extras", {})}
    return {name: about["sha256"] for name, about in files.items()}


def _fingerprint(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the SHA-256 over the hashes of a load's tables, in order."""
    hashes = json.dumps({name: about["sha256"] for name, about in tables.items()})
    return hashlib.sha256(hashes.encode()).hexdigest()


def contents(load: Load) -> str:
    """Return the SHA-256 over what a load's tables hold now: another one after an erasure."""
    return _fingerprint(manifest(load.path)["tables"])


def unchanged(load: Load) -> None:
    """Refuse a load of which a file was changed since it was written.

    Raises
    ------
    RecordsRefused
        Naming every such file.
    """
    changed = changed_files(load.path)
    if changed:
        raise RecordsRefused(
            f"{load.path}: changed since they were written: {', '.join(changed)}",
            remedy="A load never changes. Take the records in as a new one: precursor ingest"
            f" folder {load.path} OUT.",
        )


def refuse_existing(out: Path) -> None:
    """Refuse to write into a folder that holds something already.

    Raises
    ------
    Conflict
        Where `out` is a file or a folder that is not empty.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Conflict(
            f"{out} exists already and is left as it is",
            remedy="Name another folder; a load is never overwritten.",
        )


def write_load(
    out: str | Path,
    tables: Mapping[str, pa.Table] | Iterable[Mapping[str, pa.Table]],
    *,
    kind: str,
    data_to: date,
    synthetic: bool,
    set_aside: pa.Table | None = None,
    labels: pa.Table | None = None,
    spine: pa.Table | None = None,
    notes: Sequence[str] = (),
    number: int = 1,
    naming: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Load:
    """Write canonical records as a load: everything, or nothing.

    Parameters
    ----------
    out : str or Path
        The folder to write; it must not exist, or be empty.
    tables : mapping of table name to pyarrow.Table, or iterable of such
        Missing tables are written empty, missing columns that may be empty are filled with nulls,
        and `load` is filled with `number`. Of several pieces one is held in memory at a time; they
        are written one after another, so the ids of each must come after those before.
    kind : str
        The kind of source.
    data_to : date
        The last day on which the source recorded anything.
    synthetic : bool
        Whether these are made-up people.
    set_aside, labels, spine : pyarrow.Table, optional
        With the columns of :data:`SET_ASIDE`, :data:`LABELS` and :data:`SPINE`.
    notes : sequence of str
        What a reader must know about how the records came to be.
    naming : callable
        Opens what `out` gets its name in, or refuses it (`features.turns.Turns.turn`).

    Returns
    -------
    Load

    Raises
    ------
    Conflict
        Where `out` holds something already, or another process is writing it.
    UsageError
        Where a table is not canonical.
    RecordsRefused
        Where a table lacks a column, or a column has gaps or another type; nothing is written.
    """
    out = Path(out)
    refuse_existing(out)
    pieces = iter([tables] if isinstance(tables, Mapping) else tables)
    ready = canonical(next(pieces, {}), number)
    with unfinished_folder(out) as part:
        described = _write_pieces(part, ready, (canonical(piece, number) for piece in pieces))
        given = {"set_aside": set_aside, "labels": labels, "spine": spine}
        if set_aside is None:
            given["set_aside"] = SET_ASIDE.empty_table()
        extras = {
            name: _write(part, name, table.select(_EXTRAS[name].names).cast(_EXTRAS[name]))
            for name, table in given.items()
            if table is not None
        }
        said = {
            "format": FORMAT,
            "number": number,
            "kind": kind,
            "synthetic": synthetic,
            "data_to": data_to.isoformat(),
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "tables": described,
            "extras": extras,
            "set_aside": extras["set_aside"]["rows"],
            "fingerprint": _fingerprint(described),
            "notes": list(notes),
        }
        text = json.dumps(said, indent=2, ensure_ascii=False) + "\n"
        (part / "load.json").write_text(text, encoding="utf-8")
        with naming():
            _rename(part, out)
    return open_load(out)


def _rename(part: Path, out: Path) -> None:
    try:
        os.rename(part, out)
    except OSError:
        refuse_existing(out)  # somebody else was faster
        raise


def _write_pieces(
    folder: Path, first: dict[str, pa.Table], others: Iterator[dict[str, pa.Table]]
) -> dict[str, dict[str, Any]]:
    rows = dict.fromkeys(first, 0)
    files = {name: folder / f"{name}.parquet" for name in first}
    with ExitStack() as stack:
        writers = {
            name: stack.enter_context(
                pq.ParquetWriter(files[name], table.schema.remove_metadata(), compression="zstd")
            )
            for name, table in first.items()
        }
        for piece in chain([first], others):
            for name, table in piece.items():
                plain = table.replace_schema_metadata(None)
                writers[name].write_table(plain, row_group_size=_ROWS)
                rows[name] += table.num_rows
            piece.clear()
    return {name: {"rows": rows[name], "sha256": sha256(file)} for name, file in files.items()}


def _write(folder: Path, name: str, table: pa.Table) -> dict[str, Any]:
    file = folder / f"{name}.parquet"
    # Types and order are the contract's own, and nothing of the writing process is stored.
    pq.write_table(
        table.replace_schema_metadata(None), file, compression="zstd", row_group_size=_ROWS
    )
    return {"rows": table.num_rows, "sha256": sha256(file)}
