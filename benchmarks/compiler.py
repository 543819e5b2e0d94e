"""What is measured of the history compiler; `benchmarks.child` does one in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ibis.backends.duckdb  # noqa: F401 - libraries are loaded before the clock starts
import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from benchmarks.force import spine
from benchmarks.wanted import columns
from features import check as records_check
from features.backends.duckdb import DuckDB
from features.catalogue import catalogue
from features.declare import FeatureSet
from features.history import History
from features.loads import manifest, open_load
from features.matrix import write_matrix
from features.question import Provided, Question

QUESTION = Question(
    name="benchmark",
    title="All columns, for given rows",
    outcome_words="not asked here",
    cohort=Provided(provided="given"),
    outcome=Provided(provided="given"),
    horizon_days=365,
)
"""The rows are given, so nothing of it is asked; a matrix is always some question's."""


def feature_set(name: str) -> FeatureSet:
    """Return a set of columns by its name here: all, every second one, or those asked of the peer.

    Examples
    --------
    >>> len(feature_set("peer").columns)
    42
    """
    if name == "peer":
        return columns()
    whole = catalogue()
    return whole if name == "all" else whole.subset(whole.names[::2])


def whole(
    load: str,
    out: str,
    *,
    dates: int = 12,
    wanted: str = "all",
    memory: str | None = None,
) -> dict[str, Any]:
    """Open, compile, make the spine, assemble and write, as a matrix command does it."""
    asked = feature_set(wanted)
    began = time.perf_counter()
    opened = open_load(load)
    history = History(opened, asked, backend=DuckDB(opened, memory=memory))
    compiled = time.perf_counter()
    rows = spine(opened, dates)
    listed = time.perf_counter()
    write_matrix(history, QUESTION, Path(out), rows)
    written = time.perf_counter()
    dense = len(rows) * len(asked.columns) * 8
    return {
        "total_s": written - began,
        "relational_s": compiled - began,
        "spine_s": listed - compiled,
        "assembling_s": written - listed,
        "gigabytes_per_s": dense / 1e9 / (written - listed),
        "dense_gb": dense / 1e9,
        "events": len(history.compiled),
        "rows": len(rows),
        "columns": len(asked.columns),
        "written_gb": Path(out).stat().st_size / 1e9,
    }


def on_spark(load: str, out: str, *, dates: int = 12) -> dict[str, Any]:
    """Write the same matrix on Spark, on the machines that its environment variable names."""
    from features import spark

    began = time.perf_counter()
    spark.session()
    started = time.perf_counter()
    opened = open_load(load)
    rows = spine(opened, dates)
    spark.write_matrix(opened, QUESTION, Path(out), rows)
    written = time.perf_counter()
    return {"total_s": written - started, "start_s": started - began, "rows": len(rows)}


def one(load: str, *, people: int = 200, seed: int = 1) -> dict[str, Any]:
    """One person's row, for so many different people one after the other, as a request asks it."""
    opened = open_load(load)
    history = History(opened)
    known = spine(opened, 1)
    drawn = np.random.default_rng(seed).choice(len(known), min(people, len(known)), replace=False)
    taken = []
    for place in drawn:
        row = known.iloc[[place]]
        began = time.perf_counter()
        history.matrix(row)
        taken.append(1_000 * (time.perf_counter() - began))
    return {
        "events": len(history.compiled),
        "people": len(taken),
        "first_ms": taken[0],
        "median_ms": float(np.median(taken)),
        "p99_ms": float(np.quantile(taken, 0.99)),
    }


def check(load: str) -> dict[str, Any]:
    """Hold a load against every rule, as the command does it."""
    began = time.perf_counter()
    report = records_check.check(load)
    taken = time.perf_counter() - began
    assert report.ok
    tables = manifest(report.path)["tables"].values()
    return {"total_s": taken, "rows": sum(table["rows"] for table in tables)}


def agreement(
    ours: str, sample: str, totals: dict[str, int], names: dict[str, str]
) -> dict[str, Any]:
    """Compare a written matrix with what the peer found: sums over all rows, and some rows whole.

    Returns
    -------
    dict
        `rows` and `values` compared one by one, and `differences` in words: none, it is hoped.
    """
    theirs = pd.read_csv(sample)
    theirs["nominal_id"] = "N" + theirs.pop("entity_id").map("{:09d}".format)
    theirs["as_of_date"] = pd.to_datetime(theirs["as_of_date"])
    file = pq.ParquetFile(ours)
    sums = dict.fromkeys(names, 0)
    kept = []
    chosen = set(theirs["nominal_id"])
    for batch in file.iter_batches():
        part = batch.to_pandas()
        for name in names:
            sums[name] += int(part[name].fillna(0).sum())
        kept.append(part[part["nominal_id"].isin(chosen)])
    differences = []
    if file.metadata.num_rows != totals["rows"]:
        differences.append(f"{file.metadata.num_rows} rows here, {totals['rows']} there")
    for ours_name, their_name in names.items():
        if sums[ours_name] != totals[their_name]:
            differences.append(f"sum of {ours_name}: {sums[ours_name]} and {totals[their_name]}")
    mine = pd.concat(kept)
    mine["as_of_date"] = pd.to_datetime(mine["as_of_date"])
    both = mine.merge(theirs, on=["nominal_id", "as_of_date"], how="outer", indicator=True)
    if not (both["_merge"] == "both").all():
        differences.append("the rows of the sample are not the same")
    for ours_name, their_name in names.items():
        unlike = int((both[ours_name].fillna(0) != both[their_name].fillna(0)).sum())
        if unlike:
            differences.append(f"{ours_name}: {unlike} rows of the sample differ")
    return {"rows": len(both), "values": len(both) * len(names), "differences": differences}


MEASURES: dict[str, Callable[..., dict[str, Any]]] = {
    "whole": whole,
    "on_spark": on_spark,
    "one": one,
    "check": check,
    "agreement": agreement,
}
"""What a child process can be asked to do, by name."""
