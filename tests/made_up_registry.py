"""A registry with two versions of a made-up model, made once a process and copied for each test."""

from __future__ import annotations

import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

import pytest
from made_up_matrix import QUICK, matrix, question

from training.experiment import Result, train


@cache
def _made() -> tuple[tempfile.TemporaryDirectory[str], tuple[Result, ...]]:
    """Two registered trainings; the folder is kept open because artifacts stay in it."""
    folder = tempfile.TemporaryDirectory(prefix="precursor-registry-")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRECURSOR_HOME", folder.name)
        # both go and come back together: one alone would look like a wish for another store
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.delenv("PRECURSOR_MLFLOW_STORE", raising=False)
        first = train(question(), matrix(people=2500, seed=12, twist=3.0), **QUICK)
        second = train(question(), matrix(people=900, seed=11, twist=0.0), **QUICK)
    return folder, (first, second)


def registry_in(home: Path) -> tuple[Result, ...]:
    """Put a copy of the registry into a state folder; return its two trainings, oldest first.

    The first one beats its baselines, the second does not.
    """
    folder, results = _made()
    (home / "mlflow").mkdir(parents=True)
    shutil.copy(Path(folder.name) / "mlflow" / "mlflow.db", home / "mlflow" / "mlflow.db")
    assert os.environ["PRECURSOR_HOME"] == str(home)
    return results
