"""Ready matrices: rows that came computed, with a file beside them that answers for every column.

A ready matrix is a Parquet file with `nominal_id`, `as_of_date`, `label` where it is known, and
columns of numbers. ``columns.yaml`` beside it gives each column's group and the reason for using
it: a column without an entry is refused, which is how what must be no input stays out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from features.declare import LONGEST_NAME, FeatureColumn, FeatureSet
from features.errors import NotFound, PrecursorError, UsageError
from features.files import sha256
from features.matrix import FORMAT, Matrix
from features.matrix_file import manifest_path
from features.register import PROTECTED
from features.spine import KEYS
from features.yaml_file import faults, read_yaml

COLUMNS = "columns.yaml"
SPLIT = "split.parquet"
"""Beside a ready matrix that came with a split of its people: `nominal_id` and `split`."""

GIVEN = "given"
"""The source and measure of a column that came computed."""

SHOWN = 5


class Entry(BaseModel):
    """What ``columns.yaml`` says of one column.

    Examples
    --------
    >>> Entry(group="age", reason="offending falls with age").words
    ''
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    group: str = Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")
    reason: str = Field(min_length=3)
    words: str = Field(default="", description="a sentence's part with {value} in it")
    unit: tuple[str, str] = ("", "")

    @field_validator("words")
    @classmethod
    def _with_its_value(cls, words: str) -> str:
        if words and words.count("{value}") != 1:
            raise ValueError("names {value} once")
        return words


def is_ready(path: Path) -> bool:
    """Return whether a matrix is a ready one: ``columns.yaml`` lies beside it, no manifest of ours.

    Examples
    --------
    >>> is_ready(Path("nowhere/matrix.parquet"))
    False
    """
    path = Path(path)
    return (path.parent / COLUMNS).is_file() and not manifest_path(path).is_file()


def read_ready(path: str | Path) -> Matrix:
    """Read a ready matrix and hold it against its list of columns.

    Parameters
    ----------
    path : str or Path
        The Parquet file; ``columns.yaml`` lies beside it.

    Returns
    -------
    Matrix
        Its columns in the file's order, rows by person and date. Where the people came with a split
        of their own (``split.parquet``), the rows have it as `split`.

    Raises
    ------
    NotFound
        Where one of the two files is missing.
    PrecursorError
        Where anything is wrong with them; all of it is listed.
    """
    path = Path(path)
    beside = path.parent / COLUMNS
    missing = [str(file) for file in (path, beside) if not file.is_file()]
    if missing:
        raise NotFound(
            f"{', '.join(missing)}: there is no such file",
            remedy=f"A ready matrix is a Parquet file with {COLUMNS} beside it.",
        )
    problems: list[str] = []
    entries = _entries(beside, problems)
    table = _table(path)
    frame = pd.DataFrame()
    if table is None:
        problems.append(f"{path.name} is no Parquet file")
    else:
        frame = _frame(table, entries, problems)
        problems += _split(path.parent / SPLIT, frame)
    if problems:
        raise PrecursorError(
            f"{path}: {'; '.join(problems)}",
            remedy=f"Nothing was read. Give each column of numbers its entry in {COLUMNS} (group,"
            " reason), and each person and date one row.",
            code="bad_matrix",
        )
    names = [name for name in frame.columns if name not in (*KEYS, "label", "split")]
    frame = frame.sort_values(list(KEYS), kind="stable", ignore_index=True)
    feature_set = FeatureSet(
        tuple(_column(name, entries[name], bool(frame[name].isna().any())) for name in names),
        {"reasons": {name: entries[name].reason for name in names}},
    )
    return Matrix(frame, feature_set, _manifest(path, feature_set, len(frame)))


def _entries(file: Path, problems: list[str]) -> dict[str, Entry]:
    try:
        said = read_yaml(file, "columns") or {}
    except UsageError as error:
        problems.append(error.message)
        return {}
    if not isinstance(said, dict):
        problems.append(f"{file.name} is no list of columns, each with group and reason")
        return {}
    entries: dict[str, Entry] = {}
    for name, given in said.items():
        try:
            entries[str(name)] = entry = Entry.model_validate(given)
        except ValidationError as error:
            problems += [f"{file.name}: {name}.{fault}" for fault in faults(error)]
            continue
        problems += [
            f"{file.name}: {name}: '{word}' is protected and no input"
            for word in (str(name), entry.group)
            if word.casefold() in PROTECTED
        ]
    return entries


def _table(path: Path) -> pa.Table | None:
    try:
        return pq.ParquetFile(path).read()  # a column that is there twice is still told
    except (pa.ArrowException, OSError):
        return None


def _frame(table: pa.Table, entries: dict[str, Entry], problems: list[str]) -> pd.DataFrame:
    """Return the rows with keys, label and numbers in their types, and note all that is wrong."""
    names = table.column_names
    problems += [
        f"column '{name}' is there twice" for name in sorted(set(names)) if names.count(name) > 1
    ]
    problems += [f"column '{name}' is missing" for name in KEYS if name not in names]
    if not table.num_rows:
        problems.append("it has no rows")
    features = [name for name in names if name not in (*KEYS, "label")]
    if not features:
        problems.append("it has no columns but its keys")
    read = {name for name in names if names.count(name) == 1}
    frame: dict[str, Any] = {}
    for key, kind in (("nominal_id", pa.string()), ("as_of_date", pa.date32())):
        if key in read:
            frame[key] = _key(table[key], key, kind, problems)
    if "label" in read:
        frame["label"] = _label(table["label"], problems)
    for name in features:
        problems += _unfit(name, table.schema.field(names.index(name)).type, entries)
        if name in read and _numeric(table.schema.field(name).type):
            frame[name] = values = table[name].cast(pa.float64(), safe=False).to_numpy()
            if np.isinf(values).any():
                problems.append(f"column '{name}' has infinite values")
    problems += [
        f"{COLUMNS} has '{name}', which is no column of the matrix"
        for name in entries
        if name not in features
    ]
    found = pd.DataFrame(frame)
    if set(KEYS) <= set(frame):
        twice = found[found.duplicated(list(KEYS)) & found[list(KEYS)].notna().all(axis=1)]
        if len(twice):
            shown = ", ".join(
                f"{row.nominal_id} on {row.as_of_date:%Y-%m-%d}"
                for row in twice[:SHOWN].itertuples()
            )
            problems.append(f"{len(twice):,} rows are there twice, such as {shown}")
    return found


def _unfit(name: str, kind: pa.DataType, entries: dict[str, Entry]) -> Iterator[str]:
    if name not in entries:
        yield f"column '{name}' has no entry in {COLUMNS}"
    if not _numeric(kind):
        yield f"column '{name}' holds {kind}, not numbers"
    if len(name.encode()) > LONGEST_NAME:
        yield f"column '{name}' has a name longer than {LONGEST_NAME} bytes"
    if name == "split" or name.startswith("label"):
        yield f"column '{name}' has a name that is no input's"


def _numeric(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    )


def _key(column: pa.ChunkedArray, name: str, kind: pa.DataType, problems: list[str]) -> Any:
    try:
        values = column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        problems.append(f"column '{name}' is no {kind}: {str(error).splitlines()[0]}")
        return pd.Series([None] * len(column), dtype=object)
    found = values.to_pandas()
    empty = int(found.isna().sum()) + int((found == "").sum() if kind == pa.string() else 0)
    if empty:
        problems.append(f"column '{name}' is empty in {empty:,} rows")
    return pd.to_datetime(found) if kind == pa.date32() else found.astype("str")


def _label(column: pa.ChunkedArray, problems: list[str]) -> Any:
    if not _numeric(column.type):
        problems.append(f"column 'label' holds {column.type}, not 0 and 1")
        return np.nan
    values = column.cast(pa.float64(), safe=False).to_pandas()
    other = values[values.notna() & ~values.isin([0, 1])]
    if len(other):
        problems.append(f"column 'label' is neither 0 nor 1 in {len(other):,} rows")
    return values


def _split(file: Path, frame: pd.DataFrame) -> list[str]:
    """Put the split that the people came with beside them."""
    if not file.is_file() or "nominal_id" not in frame:
        return []
    try:
        given = pq.read_table(file, columns=["nominal_id", "split"]).to_pandas()
    except (pa.ArrowException, OSError, KeyError) as error:
        return [f"{file.name} cannot be read: {str(error).splitlines()[0]}"]
    given = given.astype("str").drop_duplicates()
    twice = given["nominal_id"].duplicated().sum()
    if twice:
        return [f"{file.name} puts {twice:,} people into more than one part"]
    frame["split"] = frame["nominal_id"].map(given.set_index("nominal_id")["split"])
    lacking = int(frame["split"].isna().sum())
    return [f"{file.name} says nothing of {lacking:,} rows"] if lacking else []


def _column(name: str, entry: Entry, nullable: bool) -> FeatureColumn:
    return FeatureColumn(
        name=name,
        group=entry.group,
        words=entry.words or f"{name.replace('_', ' ')}: {{value}}",
        unit=entry.unit,
        source=GIVEN,
        of=(),
        window=None,
        measure=GIVEN,
        amount="",
        nullable=nullable,
    )


def _manifest(path: Path, feature_set: FeatureSet, rows: int) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "load": {"kind": "ready", "synthetic": False, "fingerprint": sha256(path)},
        "feature_set": feature_set.to_data(),
        "feature_fingerprint": feature_set.fingerprint,
        "rows": rows,
    }
