"""A table with people in it: the lines that name one person, and the table without them.

A line that stays in a CSV file stays to the byte: its mark, encoding, separator and quotation marks
are whatever wrote it. A table is read to its end before anything of it is replaced.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.files import replacing
from features.matrix_file import manifest_path, write_manifest
from features.spreadsheet import disarmed
from features.tabular import SEPARATORS
from serving.safe_csv import cell

HEADINGS = ("nominal_id", "nominal_id_1", "nominal_id_2", "person")
"""Over ids, in what the product writes: tables, pairs to be judged, lists from a page."""

DAMAGED = (pa.ArrowException, csv.Error, ValueError, LookupError, TypeError, AttributeError)
"""What reading a broken file ends in: cut short, of another encoding, JSON of another shape."""

_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_PARQUET, _PACKED = b"PAR1", b"\x1f\x8b"
_PARQUETS = (".parquet", ".pq")

TABLES = (*_PARQUETS, ".csv", ".tsv", ".csv.gz", ".tsv.gz")
"""What the names of tables end in."""

_BEFORE_THE_HEADINGS = 10
"""Lines of a CSV file at most, `sep=;`, a comment or a marking, that stand over the headings."""

_UNNAMED = re.compile(r"__index_level_\d+__")
"""What pandas calls an index without a name in Parquet; text in it may be ids."""


def why(error: Exception) -> str:
    """Return the first line of what was wrong, or its kind where it has no words.

    Examples
    --------
    >>> why(ValueError("cut short"))
    'cut short'
    """
    return (str(error).splitlines() or [type(error).__name__])[0]


def lines_of(path: Path, nominal_id: str) -> int | None:
    """Return in how many lines a table names a person; None where it has no column of ids.

    Raises
    ------
    DAMAGED
        It cannot be read to its end.
    """
    if _is_parquet(path):
        columns = _over_ids(pq.read_schema(path))
        table = pq.read_table(path, columns=columns) if columns else None
        return None if table is None else less(table, nominal_id)[1]
    csv_file = _Csv.of(path)
    return None if csv_file is None else sum(own for *_, own in csv_file.lines(nominal_id))


def rows_of(path: Path, nominal_id: str) -> list[dict[str, Any]]:
    """Return the lines of a table that name a person, by heading, as JSON holds them.

    Raises
    ------
    DAMAGED
        It cannot be read to its end.
    """
    if _is_parquet(path):
        table = pq.read_table(path) if _over_ids(pq.read_schema(path)) else pa.table({})
        own = _plain(table).filter(_names(table, nominal_id)).to_pandas()
        return list(json.loads(own.to_json(orient="records", date_format="iso")))
    csv_file = _Csv.of(path)
    if csv_file is None:
        return []
    return [
        dict(zip(csv_file.headings, row, strict=False))
        for _, row, own in csv_file.lines(nominal_id)
        if own
    ]


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
        if csv_file := None if _is_parquet(path) else _Csv.of(path):
            with part.open("w", encoding=csv_file.encoding, newline="") as target:
                target.writelines(text for text, _, own in csv_file.lines(nominal_id) if not own)
        else:
            pq.write_table(less(pq.read_table(path), nominal_id)[0], part, compression="zstd")
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
    kept = _plain(table).filter(pc.invert(_names(table, nominal_id)))
    return kept, table.num_rows - kept.num_rows


def _plain(table: pa.Table) -> pa.Table:
    """Return a table without dictionaries: one lists values also of lines that are gone."""
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            kind = field.with_type(field.type.value_type)
            table = table.set_column(place, kind, pc.cast(table.column(place), kind.type))
    return table


def _names(table: pa.Table, nominal_id: str) -> pa.Array:
    """Return which lines of a table name a person."""
    named = pa.array(sorted(spellings(nominal_id)), pa.string())
    found = pa.array(np.zeros(table.num_rows, bool))
    for column in _over_ids(table.schema):
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
    return [name for name in names if name.strip().lower().replace(" ", "_") in HEADINGS]


def _over_ids(schema: pa.Schema) -> list[str]:
    """Return the columns of a Parquet file that are over ids."""
    unnamed = [
        field.name
        for field in schema
        if _UNNAMED.fullmatch(field.name)
        and any(kind in str(field.type) for kind in ("string", "binary"))
    ]
    return [*_columns(schema.names), *unnamed]


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(_PARQUET)) == _PARQUET or path.suffix.lower() in _PARQUETS


@dataclass(frozen=True)
class _Csv:
    """A CSV file with a column of ids, and how it is written."""

    path: Path
    encoding: str
    separator: str
    headings: Sequence[str] = ()
    over: int = 0  # lines above the headings

    @classmethod
    def of(cls, path: Path) -> _Csv | None:
        """Return how a file is written; None where no heading is over ids."""
        encoding, wrong = _encoding(path), []
        for separator in f",{SEPARATORS.replace(',', '')}":
            found = cls(path, encoding, separator)
            try:
                for over, (_, row) in enumerate(islice(found._records(), _BEFORE_THE_HEADINGS)):
                    if _columns(row):
                        return replace(found, headings=row, over=over)
            except csv.Error as error:  # quotation marks of another separator
                wrong.append(error)
        if len(wrong) == len(SEPARATORS):
            raise wrong[0]
        return None

    def lines(self, nominal_id: str) -> Iterator[tuple[str, list[str], bool]]:
        """Yield each line as it was written, its cells, and whether it names a person."""
        named = spellings(nominal_id, self.encoding)
        ids = set(_columns(self.headings))
        places = [place for place, name in enumerate(self.headings) if name in ids]
        for number, (text, row) in enumerate(self._records()):
            cells = (row[place].strip() for place in places if place < len(row))
            yield text, row, number > self.over and any(value in named for value in cells)

    def _records(self) -> Iterator[tuple[str, list[str]]]:
        """Yield the text of each line, which may go over several in the file, beside its cells."""
        taken: list[str] = []

        def physical(stream: Iterable[str]) -> Iterator[str]:
            for text in stream:
                taken.append(text)
                yield text.removeprefix("\ufeff")

        with self.path.open(encoding=self.encoding, newline="") as stream, _cells_of_any_length():
            for row in csv.reader(physical(stream), delimiter=self.separator, strict=True):
                yield "".join(taken), row
                taken.clear()


def _encoding(path: Path) -> str:
    with path.open("rb") as stream:
        head = stream.read(4096)
    if head.startswith(_PACKED):
        raise ValueError("it is packed; unpack it")
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    if b"\0" in head:
        raise ValueError("it is no text, or UTF-16 without its mark; save it as UTF-8")
    try:
        with path.open(encoding="utf-8") as text:
            while text.read(1 << 20):
                pass
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


@contextmanager
def _cells_of_any_length() -> Iterator[None]:
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)
