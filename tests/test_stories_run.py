"""The notebooks are runnable stories: in order, in one state folder, from records to a replay."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from house import ROOT

STORIES = {
    "data_scientist.py": "is in force",
    "analyst.py": "Reasons describe the model",
    "reviewer.py": "the chain holds",
    "synthetic_force.py": "Every picture says synthetic",
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, subprocess.CompletedProcess[str]]:
    """Every story with what it printed."""
    environment = os.environ | {"PRECURSOR_HOME": str(tmp_path_factory.mktemp("story"))}
    return {
        name: subprocess.run(
            [sys.executable, Path("notebooks") / name],
            cwd=ROOT,
            env=environment | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        for name in STORIES
    }


@pytest.mark.parametrize(("name", "ends_with"), STORIES.items())
def test_a_story_runs_to_its_end(
    told: dict[str, subprocess.CompletedProcess[str]], name: str, ends_with: str
) -> None:
    assert told[name].returncode == 0, told[name].stderr
    assert ends_with in told[name].stdout


def test_every_notebook_is_told() -> None:
    assert {path.name for path in (ROOT / "notebooks").glob("*.py")} == set(STORIES)
