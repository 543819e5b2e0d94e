"""Fitting across machines: on Spark, each worker learns from its parts of the matrix, none has all.

`precursor matrix --backend spark` leaves a matrix as a folder of parts, each of them of its own
people. Here as many workers as are asked for read a share of the parts each and grow the same trees
together: LightGBM's own data-parallel learning, in which histograms are added up over the network
and rows stay where they are. Workers talk over ports that LightGBM opens for the time of the fit,
so this belongs on the network of a cluster that nobody else reaches.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, cast

import lightgbm as lgb
import pandas as pd
import pyarrow as pa

from features.declare import FeatureSet
from features.errors import PrecursorError
from features.matrix_file import read_manifest
from features.spark import session
from features.spine import KEYS
from training import fit
from training.large import SAMPLE, labelled

ALONE = {"machines": "", "num_machines": 1, "local_listen_port": 12400}
"""How a booster's text names a fit on one machine; who took part is nobody's business later."""


def fit_parts(
    folder: Path, before: date, *, workers: int = 2, sample: int = SAMPLE, **changes: Any
) -> fit.Fit:
    """Fit a booster on the rows of a matrix in parts that lie before a date, on several workers.

    The trees come close to those of one machine, and are not the same to the bit: bins are found by
    the workers together, and columns are held to their directions by LightGBM's basic method, the
    only one it has for several machines.

    Parameters
    ----------
    folder : Path
        As ``precursor matrix --backend spark`` writes it, under one path for every worker.
    before : date
        Rows on or after it are left out; so are rows without a label.
    workers : int
        As many parts at least, and as many free places on the cluster.
    sample : int
        Rows, of whole parts, on which trees are counted and the calibration fitted.
    **changes
        LightGBM parameters other than the house's.

    Returns
    -------
    Fit
        `unseen` holds the margins of the sample.

    Raises
    ------
    PrecursorError
        Where a worker would have no part, or no row is left.
    UsageError
        Where Spark is not installed.
    """
    folder = Path(folder)
    feature_set = FeatureSet.from_data(read_manifest(folder)["feature_set"])
    files = sorted(folder.glob("*.parquet"))
    if not 1 <= workers <= len(files):
        raise PrecursorError(
            f"{folder}: {len(files)} parts cannot be shared among {workers} workers",
            remedy="Ask for fewer workers, or make the matrix with --backend spark.",
        )
    decided = fit.fit(_rows(files, before, feature_set, sample), **changes)
    chosen = fit.parameters_for(feature_set, changes)
    chosen |= {"tree_learner": "data", "pre_partition": True, "num_machines": workers}
    if "monotone_constraints" in chosen:
        chosen["monotone_constraints_method"] = "basic"
    task = partial(_fitted, files, before, feature_set, chosen, decided.trees)
    asked = session().range(0, workers, 1, workers)
    found = asked.mapInArrow(task, "text string", barrier=True).toArrow()
    return replace(decided, text=_as_of_one(found["text"][0].as_py()), parameters=chosen)


def _rows(
    files: Sequence[Path], before: date, feature_set: FeatureSet, most: int | None = None
) -> fit.Rows:
    """Return rows of whole parts: all of them, or as many as hold so many rows; at least one."""
    taken: list[pd.DataFrame] = []
    for file in files:
        if taken and most is not None and sum(map(len, taken)) >= most:
            break
        taken.append(labelled(file, before, feature_set))
    frame = pd.concat(taken).sort_values(list(KEYS), kind="stable")
    if frame.empty:
        raise PrecursorError(
            f"{files[0].parent}: no labelled row lies before {before}",
            remedy="Name a later date, or make the matrix from longer records.",
        )
    return fit.Rows.of(frame, feature_set)


def _fitted(
    files: Sequence[Path],
    before: date,
    feature_set: FeatureSet,
    chosen: dict[str, Any],
    trees: int,
    batches: Iterator[pa.RecordBatch],
) -> Iterator[pa.RecordBatch]:
    """Learn from a share of the parts together with the other workers; runs on each of them."""
    from pyspark import BarrierTaskContext

    numbers = [int(at) for batch in batches for at in batch["id"].to_pylist()]
    context = cast("Any", BarrierTaskContext.get())
    number, count = numbers[0], chosen["num_machines"]
    place = context.getTaskInfos()[context.partitionId()].address.rsplit(":", 1)[0]
    host = socket.gethostbyname(place)  # LightGBM looks for its own machine by number, not by name
    with socket.socket() as free:  # LightGBM takes a port by number and cannot ask for a free one
        free.bind((host, 0))
        port = free.getsockname()[1]
        places = context.allGather(f"{host}:{port}")
    share = _rows(files[number::count], before, feature_set)
    mine = chosen | {"machines": ",".join(places), "local_listen_port": port, "num_threads": 1}
    booster = lgb.train(mine, fit.dataset(share, mine), num_boost_round=trees)
    if number == 0:
        yield pa.RecordBatch.from_pydict({"text": [fit.text_of(booster)]})


def _as_of_one(text: str) -> str:
    """Return a booster's text without who took part in fitting it."""
    for name, value in ALONE.items():
        text = re.sub(rf"\[{name}: [^\]]*\]", f"[{name}: {value}]", text)
    return text
