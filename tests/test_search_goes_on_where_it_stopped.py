"""A search of parameters is nested in MLflow, never sees the test part, and survives a kill."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from made_up_matrix import QUICK, matrix, question

from features.errors import UsageError
from models import registry
from training.experiment import train
from training.splits import temporal
from training.tuning import SPACE, tune

needs_optuna = pytest.mark.skipif(
    importlib.util.find_spec("optuna") is None, reason="the extra `science` is not installed"
)
SEARCH = """
import sys
sys.path.insert(0, sys.argv[1])
from made_up_matrix import matrix, question
from training.splits import temporal
from training.tuning import tune
from training.experiment import _ordered
work, _ = _ordered(matrix(300))
tune(question(), work, temporal(work.frame, question()), 60, threads=1,
     progress=lambda line: print(line, flush=True))
"""


def children(run_id: str) -> list[str]:
    client = registry.connect()
    place = [client.get_run(run_id).info.experiment_id]
    found = client.search_runs(place, filter_string=f"tags.`mlflow.parentRunId` = '{run_id}'")
    return sorted(run.info.status for run in found)


@needs_optuna
def test_trials_are_runs_below_the_search_and_more_of_them_add_up() -> None:
    work = matrix(300)
    split = temporal(work.frame, question())
    first = tune(question(), work, split, 3, threads=1)
    more = tune(question(), work, split, 8, threads=1)
    assert first.finished + first.pruned == 3
    assert more.finished + more.pruned == 8
    assert more.run_id == first.run_id
    assert children(more.run_id) == ["FINISHED"] * 8
    assert more.loss <= first.loss <= float(first.house or 1)
    assert set(more.parameters) == set(SPACE)
    assert tune(question(), work, split, 8, threads=1) == more


@pytest.mark.slow
@needs_optuna
def test_the_test_part_is_never_looked_at() -> None:
    work = matrix(300)
    split = temporal(work.frame, question())
    found = tune(question(), work, split, 3, threads=1)
    changed = matrix(300)
    y = changed.frame["label"].to_numpy(copy=True)
    y[split.test] = 1 - y[split.test]
    changed.frame["label"] = y
    other = tune(question(), changed, split, 3, threads=1)
    assert (other.loss, other.parameters) == (found.loss, found.parameters)


@pytest.mark.slow
@needs_optuna
def test_a_killed_search_goes_on_where_it_stopped(precursor_home: Path) -> None:
    here = Path(__file__).parent
    started = subprocess.Popen(
        [sys.executable, "-c", SEARCH, str(here)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{here.parent}:{os.environ.get('PYTHONPATH', '')}"},
    )
    assert started.stdout is not None
    told = [started.stdout.readline() for _ in range(2)]
    time.sleep(0.05)  # well into the third trial
    started.send_signal(signal.SIGKILL)
    started.wait()
    assert all(line.startswith("trial ") for line in told)
    from training.experiment import _ordered

    work, _ = _ordered(matrix(300))
    found = tune(question(), work, temporal(work.frame, question()), 6, threads=1)
    assert found.finished + found.pruned == 6
    runs = children(found.run_id)
    assert "RUNNING" not in runs
    assert runs.count("FINISHED") == 6


@pytest.mark.slow
@needs_optuna
def test_a_training_takes_what_the_search_found() -> None:
    found = train(question(), matrix(), register=False, origins=1, tune=3, **QUICK)
    search = found.report["search"]
    used = found.model.training["parameters"]
    assert all(used[name] == value for name, value in search["parameters"].items())
    assert "Search: " in found.text
    assert np.isfinite(search["loss"])


def test_no_trials_at_all_is_refused() -> None:
    work = matrix(300)
    with pytest.raises(UsageError, match="at least one trial"):
        tune(question(), work, temporal(work.frame, question()), 0)
