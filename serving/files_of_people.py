"""Files with people in them: which ones are known of, and how one person is taken out of a table.

A line that stays in a CSV file stays to the byte: its mark, encoding, separator and quotation marks
are whatever wrote it. A table is read to its end before anything of it is replaced.
"""

from __future__ import annotations

import csv
import json
import shutil
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.errors import NotFound, PrecursorError, UsageError
from features.files import all_there, replacing
from features.home import home
from features.loads import manifest
from features.matrix_file import manifest_path, write_manifest
from features.spreadsheet import disarmed
from features.tabular import SEPARATORS
from serving.safe_csv import cell

HEADINGS = ("nominal_id", "nominal_id_1", "nominal_id_2", "person")
"""Over ids, in what the product writes: tables, pairs to be judged, lists from a page."""

DAMAGED = (pa.ArrowException, csv.Error, ValueError, LookupError, TypeError, AttributeError)
"""What reading a broken file ends in: cut short, of another encoding, JSON of another shape."""

_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_PARQUET = b"PAR1"


def why(error: Exception) -> str:
    """Return the first line of what was wrong, or its kind where it has no words.

    Examples
    --------
    >>> why(ValueError("cut short"))
    'cut short'
    """
    return (str(error).splitlines() or [type(error).__name__])[0]


def loads(further: Iterable[Path] = (), missed: list[str] | None = None) -> list[Path]:
    """Return the folders of all loads that this installation knows of.

    Parameters
    ----------
    missed : list of str, optional
        Takes what is there and cannot be read, with the reason.
    """
    missed = [] if missed is None else missed
    paths = {file.parent for file in (home() / "records").glob("*/load.json")}
    for file in (home() / "loads").glob("*.json"):
        try:
            paths.add(Path(json.loads(file.read_text(encoding="utf-8"))["path"]))
        except DAMAGED as wrong:
            missed.append(f"{file}: {why(wrong)}")
    paths |= {path for path in further if path.is_dir()}
    found = []
    for path in sorted(paths):
        try:
            manifest(path)
        except NotFound:  # it was moved or removed since, or is a folder of other tables
            continue
        except PrecursorError as wrong:
            missed.append(f"{path}: {why(wrong)}")
            continue
        found.append(path)
    return found


def files(further: Iterable[Path]) -> Iterator[Path]:
    """Yield tables outside loads and runs: scored files, matrices, whatever has ids."""
    further = list(further)
    apart = {*loads(further), *(home() / "runs").glob("*/*")}
    yield from (path for path in _tables(home()) if path.parent not in apart)
    for path in further:
        if path.is_file():
            yield path
        elif path not in apart:
            yield from _tables(path)


def _tables(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in (".parquet", ".csv") and path.is_file():
            yield path


def readable(also: Iterable[Path]) -> list[Path]:
    """Return what was named, if all of it can be searched for people; or refuse it, all at once.

    Raises
    ------
    UsageError
        Something is not there, cannot be read to its end, or has no column of ids.
    """
    further = all_there(also, field="also")
    wrong: list[str] = []
    for path in further:
        if path.is_dir():
            try:
                manifest(path)
            except NotFound:
                if not any(_tables(path)):
                    wrong.append(f"{path}: neither a load nor a folder with tables")
            except PrecursorError as broken:
                wrong.append(why(broken))
        for table in [path] if path.is_file() else _tables(path):
            try:
                if lines_of(table, "") is None and path.is_file():
                    wrong.append(f"{path}: no column {', '.join(HEADINGS[:3])}")
            except OSError as failed:
                wrong.append(f"{table}: {failed.strerror or why(failed)}")
            except DAMAGED as failed:
                wrong.append(f"{table}: {why(failed)}")
    if wrong:
        raise UsageError(
            "nobody was erased, for these cannot be searched: " + "; ".join(wrong),
            remedy="Give CSV (UTF-8, UTF-16 or Windows-1252) or Parquet with a column nominal_id,"
            " mend what is cut short, or leave them out and remove the person there by hand.",
            field="also",
        )
    return further


def lines_of(path: Path, nominal_id: str) -> int | None:
    """Return in how many lines a table names a person; None where it has no column of ids.

    Raises
    ------
    DAMAGED
        It cannot be read to its end.
    """
    if _is_parquet(path):
        columns = _columns(pq.read_schema(path).names)
        table = pq.read_table(path, columns=columns) if columns else None
        return None if table is None else less(table, nominal_id)[1]
    encoding = _encoding(path)
    separator = _separator(path, encoding)
    if separator is None:
        return None
    named = spellings(nominal_id, encoding)
    return sum(own for *_, own in _lines(path, encoding, separator, named))


def rows_of(path: Path, nominal_id: str) -> list[dict[str, Any]]:
    """Return the lines of a table that name a person, by heading, as JSON holds them.

    Raises
    ------
    DAMAGED
        It cannot be read to its end.
    """
    if _is_parquet(path):
        table = pq.read_table(path) if _columns(pq.read_schema(path).names) else pa.table({})
        own = table.filter(_names(table, nominal_id)).to_pandas()
        return list(json.loads(own.to_json(orient="records", date_format="iso")))
    encoding = _encoding(path)
    separator = _separator(path, encoding)
    if separator is None:
        return []
    found, headings = [], list[str]()
    for _, row, own in _lines(path, encoding, separator, spellings(nominal_id, encoding)):
        headings = headings or row
        if own:
            found.append(dict(zip(headings, row, strict=False)))
    return found


def take_out(path: Path, nominal_id: str) -> int:
    """Rewrite a table without a person; return how many lines went.

    Raises
    ------
    DAMAGED
        It cannot be read to its end, and is as it was.
    """
    path = path.resolve()  # a link stays one
    gone = lines_of(path, nominal_id)
    if not gone:
        return 0
    with replacing(path, durable=True) as part:
        if _is_parquet(path):
            pq.write_table(less(pq.read_table(path), nominal_id)[0], part, compression="zstd")
        else:
            encoding = _encoding(path)
            separator = _separator(path, encoding) or ","
            named = spellings(nominal_id, encoding)
            with part.open("w", encoding=encoding, newline="") as target:
                for text, _, own in _lines(path, encoding, separator, named):
                    if not own:
                        target.write(text)
        shutil.copymode(path, part)
    for matrix in (path, path.parent):  # its manifest names its rows, or its parts
        if manifest_path(matrix).is_file():
            said = json.loads(manifest_path(matrix).read_text(encoding="utf-8"))
            write_manifest(matrix, {**said, "rows": said.get("rows", gone) - gone}, matrix)
    return gone


def less(table: pa.Table, nominal_id: str) -> tuple[pa.Table, int]:
    """Return a table without the lines that name a person, and how many those are.

    Examples
    --------
    >>> kept, gone = less(pa.table({"nominal_id": ["N1", None, "N2"]}), "N1")
    >>> kept["nominal_id"].to_pylist(), gone
    ([None, 'N2'], 1)
    """
    kept = table.filter(pc.invert(_names(table, nominal_id)))
    return kept, table.num_rows - kept.num_rows


def _names(table: pa.Table, nominal_id: str) -> pa.Array:
    """Return which lines of a table name a person."""
    named = pa.array(sorted(spellings(nominal_id)), pa.string())
    found = pa.array(np.zeros(table.num_rows, bool))
    for column in _columns(table.column_names):
        ids = pc.utf8_trim_whitespace(pc.cast(table[column], pa.string()))
        found = pc.or_(found, pc.is_in(ids, value_set=named))
    return found


def spellings(nominal_id: str, encoding: str = "utf-8") -> frozenset[str]:
    """Return how an id may stand in a cell: as it is, or made harmless for a spreadsheet.

    Examples
    --------
    >>> sorted(spellings("=N1"))
    ["'=N1", '=N1']
    """
    found = {nominal_id, disarmed(nominal_id), str(cell(nominal_id))}
    if encoding == "cp1252":  # one wrong byte makes UTF-8 look like it
        found |= {text.encode().decode(encoding, "replace") for text in found}
    return frozenset(text.strip() for text in found)


def _columns(names: Iterable[str]) -> list[str]:
    return [name for name in names if name.strip().lower() in HEADINGS]


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(_PARQUET)) == _PARQUET or path.suffix.lower() == ".parquet"


def _encoding(path: Path) -> str:
    with path.open("rb") as stream:
        head = stream.read(3)
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    try:
        with path.open(encoding="utf-8") as text:
            while text.read(1 << 20):
                pass
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _separator(path: Path, encoding: str) -> str | None:
    """Return what stands between the headings, if one of them is over ids."""
    for separator in f",{SEPARATORS.replace(',', '')}":
        for _, names in _records(path, encoding, separator):
            if _columns(names):
                return separator
            break
    return None


def _lines(
    path: Path, encoding: str, separator: str, named: Collection[str]
) -> Iterator[tuple[str, list[str], bool]]:
    """Yield each line as it was written, its cells, and whether it names one of these."""
    places: Sequence[int] | None = None
    for text, row in _records(path, encoding, separator):
        if places is None:
            columns = set(_columns(row))
            places = [place for place, name in enumerate(row) if name in columns]
            yield text, row, False
        else:
            cells = (row[place].strip() for place in places if place < len(row))
            yield text, row, any(value in named for value in cells)


def _records(path: Path, encoding: str, separator: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the text of each line, which may go over several in the file, beside its cells."""
    taken: list[str] = []

    def physical(stream: Iterable[str]) -> Iterator[str]:
        for text in stream:
            taken.append(text)
            yield text.removeprefix("\ufeff")

    with path.open(encoding=encoding, newline="") as stream, _cells_of_any_length():
        for row in csv.reader(physical(stream), delimiter=separator, strict=True):
            yield "".join(taken), row
            taken.clear()


@contextmanager
def _cells_of_any_length() -> Iterator[None]:
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)
