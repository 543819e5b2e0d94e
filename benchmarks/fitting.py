"""Fitting beside bare LightGBM on the same matrix, in turns; and a matrix of millions of rows.

Both sides do the same work with the same parameters: cross-validation over the same folds of people
with early stopping, then one booster on all rows. What is ours besides is the calibration and the
text without its number of threads. The ratio of the medians is the figure. A machine that does
other work beside it makes times of either side longer, so the processor's time is told as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import lightgbm as lgb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.asked import Figure
from benchmarks.child import peak_gb
from features.catalogue import catalogue
from features.declare import FeatureSet
from features.errors import PrecursorError
from training import fit
from training.splits import folds

TRUE = 6  # columns that the made-up outcome depends on
PIECE = 100_000
AIM = "≤ 1.1"


def columns(number: int) -> FeatureSet:
    """Return the first columns of the catalogue."""
    return FeatureSet(catalogue().columns[:number])


def made(rows: int, feature_set: FeatureSet, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return made-up counts, some of them empty, and an outcome that some of them bear on."""
    drawn = np.random.default_rng(seed)
    X = drawn.poisson(drawn.gamma(0.5, 2.0, (rows, 1)), (rows, len(feature_set.columns)))
    X = X.astype(np.float64)
    for place, column in enumerate(feature_set.columns):
        if column.nullable:
            X[X[:, place] == 0, place] = np.nan
    pull = np.log1p(np.nan_to_num(X[:, :TRUE])).sum(axis=1) / TRUE
    return X, (drawn.random(rows) < 1 / (1 + np.exp(3.5 - pull))).astype(np.int64)


def run(
    rows: int, number: int, repeats: int, seed: int, tell: Callable[[str], None]
) -> list[Figure]:
    """Fit both ways in turns; return the times and their ratio."""
    feature_set = columns(number)
    X, y = made(rows, feature_set, seed)
    people = np.array([f"N{at // 4:08d}" for at in range(rows)])
    at = np.datetime64("2020-01-01") + np.arange(rows) % 4 * np.timedelta64(91, "D")
    part = fit.Rows(X, y, people, at, feature_set)
    times: dict[str, list[float]] = {"ours": [], "bare": []}
    worked: dict[str, list[float]] = {"ours": [], "bare": []}
    texts: dict[str, str] = {}
    for repeat in range(repeats):
        for name in ("bare", "ours") if repeat % 2 else ("ours", "bare"):
            tell(f"{name}, {repeat + 1} of {repeats}")
            begun, busy = time.perf_counter(), time.process_time()
            texts[name] = fit.fit(part).text if name == "ours" else bare(part)
            times[name].append(time.perf_counter() - begun)
            worked[name].append(time.process_time() - busy)
    if _trees(texts["ours"]) != _trees(texts["bare"]):
        raise PrecursorError(
            "bench fitting: the two sides did not make the same trees, so no figure is told",
            remedy="Let benchmarks.fitting.bare do what training.fit.fit does.",
        )
    middle = {name: median(taken) for name, taken in times.items()}
    busy = median(worked["ours"]) / median(worked["bare"])
    ratio = middle["ours"] / middle["bare"]
    return [
        Figure("fitting", "fitting here ÷ bare LightGBM", ratio, "×", AIM),
        Figure("fitting", "the same in processor time", busy, "×", AIM),
        Figure("fitting", "bare LightGBM", middle["bare"], "s", runs=tuple(times["bare"])),
        Figure("fitting", "fitting here", middle["ours"], "s", runs=tuple(times["ours"])),
    ]


def bare(part: fit.Rows) -> str:
    """Do with LightGBM alone what fitting does."""
    chosen = fit.parameters_for(part.feature_set, {"num_threads": fit.threads_for(part)})
    seen = fit.as_read(part.X, part.feature_set)
    data = lgb.Dataset(seen, part.y, params=dict(chosen))
    fold = folds(part.people, fit.FOLDS)
    pairs = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(fit.FOLDS)]
    found = lgb.cv(
        chosen,
        data,
        num_boost_round=fit.MOST_TREES,
        folds=pairs,
        callbacks=[lgb.early_stopping(fit.PATIENCE, verbose=False)],
        return_cvbooster=True,
    )
    together: Any = found["cvbooster"]
    for booster, (_, held) in zip(together.boosters, pairs, strict=True):
        booster.predict(seen[held], raw_score=True)
    trees = max(fit.FEWEST_TREES, int(together.best_iteration))
    return str(lgb.train(chosen, data, num_boost_round=trees).model_to_string())


def _trees(text: str) -> str:
    return text[text.index("Tree=0") : text.index("end of trees")]


def write_large(path: Path, rows: int, number: int, seed: int) -> None:
    """Write a matrix of made-up rows piece by piece, as a force of millions would have it."""
    from features.matrix_file import writing

    feature_set = columns(number)
    manifest = {"format": 1, "feature_set": feature_set.to_data(), "rows": rows}
    manifest["feature_fingerprint"] = feature_set.fingerprint
    with writing(path, manifest) as write:
        for begins in range(0, rows, PIECE):
            size = min(PIECE, rows - begins)
            X, y = made(size, feature_set, seed + begins)
            table = {
                "nominal_id": [f"N{(begins + at) // 12:08d}" for at in range(size)],
                "as_of_date": np.full(size, np.datetime64("2020-01-01", "D")),
                "label": y.astype(np.float64),
            }
            named = {name: X[:, place] for place, name in enumerate(feature_set.names)}
            write(pa.table(table | named))


def large(path: Path, rows: int, number: int, seed: int) -> list[Figure]:
    """Fit on a matrix file of millions of rows; return seconds, trees and peak memory."""
    from training.large import fit_file

    if not path.exists() or pq.ParquetFile(path).metadata.num_rows != rows:
        write_large(path, rows, number, seed)
    begun = time.perf_counter()
    found = fit_file(path, date(2021, 1, 1))
    return [
        Figure("large", "fitting from the file", time.perf_counter() - begun, "s"),
        Figure("large", "trees", float(found.trees), ""),
        Figure("large", "peak memory", peak_gb(), "GB", "≤ 24"),
    ]
