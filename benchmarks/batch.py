"""How long a batch takes beside LightGBM's own contributions for the very same rows.

    python -m benchmarks.batch ROWS OUT.json

measures in this process, in the world that ``PRECURSOR_HOME`` names, with all cores.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import serving_world
from benchmarks.asked import EVENTS, PEOPLE, TREES, Figure
from benchmarks.child import peak_gb
from benchmarks.serving_world import QUESTION
from features.errors import PrecursorError
from features.history import History
from models.risk_model import RiskModel

BARE = 50_000
"""Rows that LightGBM is given at once."""


def run(
    cache: Path,
    *,
    rows: int,
    events: int = EVENTS,
    people: int = PEOPLE,
    trees: int = TREES,
    tell: Callable[[str], None] = lambda _: None,
) -> Iterator[Figure]:
    """Measure, and yield the figures.

    Raises
    ------
    PrecursorError
        The measure failed; its last words are told.
    """
    cache.mkdir(parents=True, exist_ok=True)
    tell("making or finding the records and the model")
    made = serving_world.world(cache, events=events, people=people, trees=trees)
    tell(f"{rows:,} rows")
    with serving_world.lent(made) as world, tempfile.TemporaryDirectory(dir=cache) as folder:
        out = Path(folder) / "found.json"
        environment = world.environment()
        environment.pop("OMP_NUM_THREADS")
        ran = subprocess.run(
            [sys.executable, "-m", "benchmarks.batch", str(rows), str(out)],
            env=environment,
            capture_output=True,
            text=True,
        )
        if ran.returncode:
            raise PrecursorError(
                f"bench: the batch failed: {ran.stderr[-400:]}", remedy="Mend what it says."
            )
        found = json.loads(out.read_text(encoding="utf-8"))
    yield Figure(
        "batch", "the batch ÷ LightGBM's contributions", found["batch_s"] / found["bare_s"], "×",
        "≤ 1.2",
    )  # fmt: skip
    yield Figure(
        "batch", "the same in processor time", found["batch_cpu"] / found["bare_cpu"], "×",
        "≤ 1.2",
    )  # fmt: skip
    yield Figure("batch", "rows scored with reasons, recorded", found["scored"], "")
    yield Figure("batch", "the batch, from records to file and ledger", found["batch_s"], "s")
    yield Figure("batch", "LightGBM's predict(pred_contrib=True)", found["bare_s"], "s")
    yield Figure("batch", "rows a second", found["scored"] / found["batch_s"], "")
    yield Figure("batch", "peak memory", found["peak_gb"], "GB")


def measure(rows: int) -> dict[str, Any]:
    """Score so many rows, and let LightGBM explain the same ones bare: half before, half after.

    A machine that is shared is now faster and now slower; what both are measured in is the same.
    """
    from features.cohort import cohort
    from features.home import home
    from features.loads import open_load
    from serving.batch import score_batch
    from serving.ledger import Ledger
    from serving.stock import Stock

    history = History(open_load(home() / "records" / "force"))
    with Ledger.open() as ledger:
        model, version = Stock(ledger).champion(QUESTION.name)
        spine = _spine(history, cohort, rows)
        first, second = spine.iloc[: len(spine) // 2], spine.iloc[len(spine) // 2 :]
        before = _bare(model, history, first)
        with tempfile.TemporaryDirectory(dir=home()) as folder:
            began, busy = time.perf_counter(), time.process_time()
            done = score_batch(
                model,
                version,
                history,
                Path(folder) / "scores.parquet",
                ledger=ledger,
                actor="benchmark",
                role="operator",
                spine=spine,
            )
            batch, batch_cpu = time.perf_counter() - began, time.process_time() - busy
        peak = peak_gb()
        bare, bare_cpu = np.add(before, _bare(model, history, second)).tolist()
    return {
        "scored": done.scored,
        "batch_s": batch,
        "batch_cpu": batch_cpu,
        "bare_s": bare,
        "bare_cpu": bare_cpu,
        "peak_gb": peak,
    }


def _bare(model: RiskModel, history: History, spine: pd.DataFrame) -> tuple[float, float]:
    """Return how long LightGBM takes to explain rows, by the clock and in processor time."""
    taken = busy = 0.0
    for start in range(0, len(spine), BARE):  # so that the peak of memory is the batch's own
        rows = history.subjects(spine.iloc[start : start + BARE])
        inputs = history.dense(rows, model.feature_set)
        began, worked = time.perf_counter(), time.process_time()
        model.booster.predict(inputs, pred_contrib=True)
        taken += time.perf_counter() - began
        busy += time.process_time() - worked
    return taken, busy


def _spine(history: Any, cohort: Callable[..., pd.DataFrame], rows: int) -> pd.DataFrame:
    """Return rows of the cohort, on as many dates as it takes."""
    latest, found = history.load.default_as_of, pd.DataFrame()
    for step in range(120):
        found = pd.concat([found, cohort(history, QUESTION, [latest - timedelta(days=30 * step)])])
        if len(found) >= rows:
            break
    return found.iloc[:rows].reset_index(drop=True)


if __name__ == "__main__":
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "true")
    Path(sys.argv[2]).write_text(json.dumps(measure(int(sys.argv[1]))), encoding="utf-8")
