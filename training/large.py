"""Fitting on more rows than fit into memory twice: from Parquet to LightGBM's bins through Arrow.

A matrix as a frame is copied several times on its way to a booster. Here columns go from the file
to bins of one byte a value through single precision, and then only the bins stay. How
many trees there are, and their calibration, is decided on a sample of people that does fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.declare import FeatureSet
from features.errors import PrecursorError
from features.matrix_file import read_manifest
from training import constraints, fit
from training.splits import folds

SAMPLE = 500_000
"""Rows of the sample of people on which the number of trees is decided."""

BATCH = 100_000


def fit_file(
    path: Path, before: date, *, sample: int = SAMPLE, threads: int | None = None, **changes: Any
) -> fit.Fit:
    """Fit a booster on the rows of a matrix file that lie before a date.

    Parameters
    ----------
    path : Path
        As :func:`features.matrix.write_matrix` writes it: sorted by person and date.
    before : date
        Rows on or after it are left out; so are rows without a label.
    sample : int
        Rows, of whole people, on which trees are counted and the calibration fitted.
    threads : int, optional
    **changes
        LightGBM parameters other than the house's.

    Returns
    -------
    Fit
        `unseen` holds the margins of the sample.

    Raises
    ------
    PrecursorError
        Where no row is left.
    """
    path = Path(path)
    feature_set = FeatureSet.from_data(read_manifest(path)["feature_set"])
    people = _people(path, before)
    if not len(people):
        raise PrecursorError(
            f"{path}: no labelled row lies before {before}",
            remedy="Name a later date, or make the matrix from longer records.",
        )
    parts = max(1, -(-len(people) // sample))
    some = labelled(path, before, feature_set, folds(people, parts, lot="sample") == 0)
    decided = fit.fit(fit.Rows.of(some, feature_set), threads=threads, **changes)
    chosen = fit.parameters_for(feature_set, {"num_threads": threads or 0, **changes})
    booster = lgb.train(
        chosen, dataset(path, before, feature_set, chosen), num_boost_round=decided.trees
    )
    return replace(decided, text=fit.text_of(booster), parameters=chosen)


def dataset(
    path: Path, before: date, feature_set: FeatureSet, chosen: dict[str, Any]
) -> lgb.Dataset:
    """Return the binned rows of a matrix file before a date; the file's values do not stay."""
    empty = constraints.empty(feature_set)
    single = [
        pa.RecordBatch.from_arrays(
            [_single(batch[name], empty.get(name)) for name in feature_set.names],
            names=feature_set.names,
        )
        for batch in _batches(path, before, feature_set.names)
    ]
    made = lgb.Dataset(
        pa.Table.from_batches(single),
        _labels(path, before),
        feature_name=feature_set.names,
        params=dict(chosen),
    )
    return made.construct()


def _batches(path: Path, before: date, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    names = _names(columns)
    for batch in pq.ParquetFile(path).iter_batches(BATCH, columns=names):
        days = pc.cast(batch["as_of_date"], pa.date32())
        kept = pc.and_(pc.less(days, pa.scalar(before, pa.date32())), pc.is_valid(batch["label"]))
        yield batch.filter(pc.and_(kept, pc.invert(pc.is_nan(pc.cast(batch["label"], "float64")))))


def _names(columns: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*columns, "as_of_date", "label"]))


def _labels(path: Path, before: date) -> npt.NDArray[np.float32]:
    parts = [batch["label"].to_numpy(zero_copy_only=False) for batch in _batches(path, before, ())]
    return np.concatenate(parts).astype(np.float32)


def _people(path: Path, before: date) -> npt.NDArray[Any]:
    parts = [
        batch["nominal_id"].to_numpy(zero_copy_only=False)
        for batch in _batches(path, before, ("nominal_id",))
    ]
    return np.concatenate(parts).astype(str) if parts else np.zeros(0, str)


def labelled(
    path: Path,
    before: date,
    feature_set: FeatureSet,
    chosen: npt.NDArray[np.bool_] | None = None,
) -> pd.DataFrame:
    """Return the labelled rows of a file before a date: all, or the chosen."""
    columns = ["nominal_id", *feature_set.names]
    at, tables = 0, []
    for batch in _batches(path, before, columns):
        kept = slice(at, at + len(batch))
        tables.append(batch if chosen is None else batch.filter(pa.array(chosen[kept])))
        at += len(batch)
    # a part may hold nobody: without a batch nothing else would tell its columns
    schema = pq.read_schema(path)
    taken = pa.schema([schema.field(name) for name in _names(columns)])
    frame: pd.DataFrame = pa.Table.from_batches(tables, taken).to_pandas()
    return frame


def _single(column: pa.Array, empty: float | None) -> pa.Array:
    """A column in single precision, empty values as the booster reads them."""
    found = pc.cast(column, pa.float32(), safe=False)
    if empty is None:
        return found
    missing = pc.or_(pc.is_null(found), pc.is_nan(pc.fill_null(found, 0.0)))
    return pc.if_else(missing, pa.scalar(empty, pa.float32()), found)
