"""A matrix on disk: rows as Parquet, written piece by piece, and a manifest as JSON beside them.

The rows get their name last. A run that was killed leaves the name free, or what stood there
before, and the next run writes over what it had begun.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import NotFound, PrecursorError
from features.files import sha256
from features.unfinished import unfinished_file

AGAIN = "Make the matrix again: 'precursor matrix QUESTION RECORDS OUT'."


def manifest_path(path: Path) -> Path:
    """Return where a matrix's manifest lies.

    Examples
    --------
    >>> manifest_path(Path("rows.parquet")).name
    'rows.parquet.json'
    """
    return path.with_name(path.name + ".json")


@contextmanager
def writing(
    path: Path,
    manifest: Mapping[str, Any],
    naming: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Iterator[Callable[[pa.Table], None]]:
    """Open a matrix for writing; what is given out takes one piece of rows after the other.

    Pieces are encoded beside the computing of the next one, each as a row group of its own. The
    file and its manifest appear together when all is written, or not at all.

    Parameters
    ----------
    path : Path
    manifest : mapping
    naming : callable
        Opens what the two get their names in, or refuses it (`features.turns.Turns.turn`).

    Examples
    --------
    >>> import tempfile
    >>> out = Path(tempfile.mkdtemp()) / "rows.parquet"
    >>> with writing(out, {"format": 1}) as write:
    ...     write(pa.table({"nominal_id": ["N1"]}))
    >>> read_manifest(out)
    {'format': 1}
    """
    path = Path(path)
    writers: list[pq.ParquetWriter] = []
    encoding: list[Future[None]] = []

    with unfinished_file(path) as part, ThreadPoolExecutor(1) as beside:

        def encode(piece: pa.Table) -> None:
            if not writers:
                writers.append(pq.ParquetWriter(part, piece.schema, compression="zstd"))
            writers[0].write_table(piece)

        def write(piece: pa.Table) -> None:
            if encoding:
                encoding.pop().result()
            encoding.append(beside.submit(encode, piece))

        try:
            yield write
            for last in encoding:
                last.result()
            for writer in writers:
                writer.close()
        except BaseException:
            beside.shutdown()
            for writer in writers:
                writer.close()
            raise
        with naming():
            write_manifest(path, manifest, part)
            part.replace(path)


def write_manifest(path: Path, manifest: Mapping[str, Any], rows: Path) -> None:
    """Write a matrix's manifest, bound to its rows, which do not bear their name yet."""
    said = {**manifest, "rows_sha256": _hashed(rows)}
    manifest_path(path).write_text(json.dumps(said, indent=1, sort_keys=True) + "\n", "utf-8")


def _hashed(rows: Path) -> str:
    """Return the SHA-256 of a file, or of a folder's Parquet files in order."""
    if rows.is_file():
        return sha256(rows)
    each = "".join(sha256(file) for file in sorted(rows.glob("*.parquet")))
    return hashlib.sha256(each.encode()).hexdigest()


def table_of(frame: pd.DataFrame) -> pa.Table:
    """Return rows of a matrix as they are written, with dates as dates."""
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
    for name, kind in (("nominal_id", pa.string()), ("as_of_date", pa.date32())):
        index = table.column_names.index(name)
        table = table.set_column(index, name, table[name].cast(kind))
    return table


def read_manifest(path: Path) -> dict[str, Any]:
    """Return the manifest of a matrix whose two files are there and belong together.

    Raises
    ------
    NotFound
        Where the file or its manifest is missing.
    PrecursorError
        Where the manifest is none, or rows and manifest do not belong together.
    """
    for needed in (path, manifest_path(path)):
        if not needed.exists():
            raise NotFound(
                f"{needed}: there is no such file",
                remedy="Make it with 'precursor matrix QUESTION RECORDS OUT'.",
            )
    try:
        manifest: dict[str, Any] = dict(json.loads(manifest_path(path).read_text(encoding="utf-8")))
    except (TypeError, ValueError, RecursionError) as broken:
        raise PrecursorError(
            f"{manifest_path(path)} is no manifest ({broken})", remedy=AGAIN
        ) from broken
    # a process killed while it wrote over an older matrix leaves two halves of two
    if manifest.pop("rows_sha256", None) != _hashed(path):
        raise PrecursorError(
            f"{path}: its rows are not the ones that {manifest_path(path).name} speaks of",
            remedy=AGAIN,
        )
    return manifest
