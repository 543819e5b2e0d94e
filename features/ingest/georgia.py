"""Taking in the Georgia parole pack: one row a person, as a ready matrix with its list of columns.

What is data about the pack stands in ``georgia.yaml``: every column it has, those that become
inputs with group and reason, those that stay out with the reason why.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from features.breaches import Violation
from features.errors import UsageError
from features.ingest.folder import refuse
from features.ingest.packs import described, no_mapping
from features.loads import refuse_existing
from features.ready import COLUMNS, SPLIT, read_ready
from features.rules import RULES
from features.unfinished import unfinished_folder

MATRIX = "matrix.parquet"
AUDIT = "audit.parquet"
"""Sex and ethnicity, for audits only; they are no columns of the matrix."""

_BAND = re.compile(r"(\d+)( or more)?")


@dataclass(frozen=True)
class ReadyMatrix:
    """A ready matrix that was written: where it lies, how many rows and columns it has."""

    matrix: Path
    rows: int
    columns: int


def ingest_georgia(
    source: Path,
    out: Path,
    *,
    mapping: Path | None = None,
    data_to: date | None = None,
    set_aside: bool = False,
) -> ReadyMatrix:
    """Take in the pack; see :func:`features.ingest.ingest`.

    Writes ``matrix.parquet``, ``columns.yaml``, ``audit.parquet`` (sex and ethnicity) and
    ``split.parquet`` (the official one).
    """
    no_mapping("georgia", mapping)
    if data_to is not None or set_aside:
        raise UsageError(
            "a source of kind 'georgia' takes neither --data-to nor --set-aside",
            remedy="Leave them out; it is one table without dates.",
        )
    said = described("georgia")
    given = _read(source, said)
    keys = {"nominal_id": given[said["person"]], "as_of_date": [said["as_of_date"]] * len(given)}
    label = {"label": given[said["label"]].astype("int64")} if said["label"] in given else {}
    values, entries = _inputs(given, said["columns"])
    audit = {ours: given[column] for ours, column in said["audit"].items()}
    tables = {
        MATRIX: pa.table({**_arrow(keys), **_arrow(label), **_arrow(values)}),
        AUDIT: pa.table(_arrow({"nominal_id": keys["nominal_id"], **audit})),
        SPLIT: pa.table(_arrow({"nominal_id": keys["nominal_id"], "split": given[said["split"]]})),
    }
    return _write(out, tables, entries)


def _arrow(columns: Mapping[str, Any]) -> dict[str, pa.Array]:
    return {name: pa.array(values, from_pandas=True) for name, values in columns.items()}


def _read(source: Path, said: Mapping[str, Any]) -> pd.DataFrame:
    """Return the pack's rows, refused where it is not the pack; all that is wrong is told."""
    file = source / said["file"]
    table = Path(said["file"]).stem
    if not file.is_file():
        refuse(source, [RULES["missing_table"].violation(table, value=file.name, file=table)])
    try:
        given: pd.DataFrame = pq.read_table(file).to_pandas()
    except (pa.ArrowException, OSError) as error:
        why = str(error).splitlines()[0]
        refuse(source, [RULES["unreadable"].violation(table, value=file.name, why=why)])
        raise
    refuse(source, _faults(table, given, said), "Name the folder of the whole pack, as it came.")
    return given


def _faults(table: str, given: pd.DataFrame, said: Mapping[str, Any]) -> Iterator[Violation]:
    left_out = {column for entry in said["left_out"] for column in entry["columns"]}
    needed = [said["person"], said["split"], *said["audit"].values(), *said["columns"]]
    known = {*needed, *left_out, said["label"]}
    for column in needed:
        if column not in given:
            yield RULES["missing_column"].violation(table, None, column)
    for column in map(str, given):
        if column not in known:
            yield Violation(
                table,
                None,
                column,
                "",
                "unused_column",
                "has no entry in georgia.yaml",
                "Enter it there with group and reason, or with the reason why it stays out.",
            )
    if said["person"] in given:
        people = given[said["person"]]
        for row in people.index[people.isna()]:
            yield RULES["empty"].violation(table, row + 1, said["person"])
        for row in people.index[people.duplicated() & people.notna()]:
            yield _wrong(table, row, said["person"], people[row], "is there twice")
    if said["label"] in given:
        label = given[said["label"]]
        for row in label.index[~label.isin([0, 1])]:
            yield _wrong(table, row, said["label"], label[row], "is neither 0 nor 1")
    for column, entry in said["columns"].items():
        if column in given:
            read = _numbers(given[column], entry)
            for row in given.index[read.isna() & given[column].notna()]:
                yield _wrong(table, row, column, given[column][row], "is no value of the pack")


def _wrong(table: str, row: int, column: str, value: object, problem: str) -> Violation:
    return Violation(table, row + 1, column, str(value), "value", problem, "Correct the value.")


def _numbers(column: pd.Series, entry: Mapping[str, Any]) -> pd.Series:
    """Return a column as numbers in order: bands by their order, "3 or more" as 3."""
    if "bands" in entry:
        return column.map(entry["bands"]).astype("float64")
    if "kinds" in entry:
        order = {kind: place for place, kind in enumerate(entry["kinds"])}
        return column.map(order).astype("float64")
    if pd.api.types.is_numeric_dtype(column):
        return column.astype("float64")
    return column.map(_band).astype("float64")


def _band(value: object) -> float | None:
    found = _BAND.fullmatch(str(value))
    return float(found[1]) if found else None


def _inputs(
    given: pd.DataFrame, inputs: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return the columns of the matrix and their entries; kinds without order get one each."""
    values: dict[str, Any] = {}
    entries: dict[str, dict[str, Any]] = {}
    for column, entry in inputs.items():
        about = {key: entry[key] for key in ("group", "reason", "words", "unit") if key in entry}
        read = _numbers(given[column], entry)
        if "kinds" not in entry:
            values[column], entries[column] = _whole(read), about
            continue
        for place, (kind, words) in enumerate(entry["kinds"].items()):
            name = f"{column}_{re.sub('[^A-Za-z]+', '_', kind)}"
            values[name] = _whole(read.eq(place).where(read.notna()).astype("float64"))
            entries[name] = about | {"words": f"{entry['words']} {words}: {{value}}"}
    return values, entries


def _whole(read: pd.Series) -> pd.Series:
    return read.astype("Int64")


def _write(
    out: Path, tables: Mapping[str, pa.Table], entries: Mapping[str, Mapping[str, Any]]
) -> ReadyMatrix:
    """Write the files together, or none of them; the matrix is read once to be sure of it."""
    with unfinished_folder(out) as part:
        for name, table in tables.items():
            pq.write_table(table, part / name, compression="zstd")
        text = yaml.safe_dump(dict(entries), sort_keys=False, allow_unicode=True, width=100)
        (part / COLUMNS).write_text(text, encoding="utf-8")
        made = read_ready(part / MATRIX)
        if out.exists():
            refuse_existing(out)
            out.rmdir()
        os.rename(part, out)
    return ReadyMatrix(out / MATRIX, len(made.frame), len(made.feature_set.columns))
