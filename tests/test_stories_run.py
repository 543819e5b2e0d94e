"""The notebooks are runnable stories: in order, in one state folder, from records to a replay."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from house import ROOT

FOLDER = ROOT / "notebooks"
LONGEST = 200
STORIES = {
    "data_scientist.py": "the gate is what decides",
    "explore_a_force.py": "a lane says what kind of record",
    "add_a_feature.py": "It cannot see the future",
    "analyst.py": "Reasons describe the model",
    "reviewer.py": "the chain holds",
}
"""Stories about one small force, in the order in which they need one another, and how they end."""

OTHERS = {
    "audit_fairness.py": "An audit of records cannot see what is wrong with the records",
    "evaluate_an_intervention.py": "what moves reporting moves it too",
    "synthetic_force.py": "Every picture says synthetic",
}
"""Stories with forces of their own."""

REAL = "broward.py"


def run(name: str, home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a story as it would be typed."""
    return subprocess.run(
        [sys.executable, Path("notebooks") / name],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PRECURSOR_HOME": str(home)} | more,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("story")


@pytest.fixture(scope="module")
def told(home: Path) -> dict[str, subprocess.CompletedProcess[str]]:
    """Every story of the one force with what it printed."""
    return {name: run(name, home) for name in STORIES}


@pytest.mark.parametrize(("name", "ends_with"), STORIES.items())
def test_a_story_runs_to_its_end(
    told: dict[str, subprocess.CompletedProcess[str]], name: str, ends_with: str
) -> None:
    assert told[name].returncode == 0, told[name].stderr
    assert ends_with in told[name].stdout


@pytest.mark.parametrize(("name", "ends_with"), OTHERS.items())
def test_a_story_with_its_own_force_runs_to_its_end(home: Path, name: str, ends_with: str) -> None:
    found = run(name, home)
    assert found.returncode == 0, found.stderr
    assert ends_with in found.stdout


@pytest.mark.real
@pytest.mark.slow
def test_the_real_histories_go_from_raw_to_report(home: Path, real_data: Path) -> None:
    found = run(REAL, home, PRECURSOR_REAL_DATA=str(real_data))
    assert found.returncode == 0, found.stderr
    assert "Arrests are not offences" in found.stdout


def test_without_real_histories_their_story_says_why_it_ends(home: Path, tmp_path: Path) -> None:
    found = run(REAL, home, PRECURSOR_REAL_DATA=str(tmp_path))
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith("Skipped: PRECURSOR_REAL_DATA names no folder")


def test_every_notebook_is_told() -> None:
    assert {path.name for path in FOLDER.glob("*.py")} == {*STORIES, *OTHERS, REAL}


@pytest.mark.parametrize("name", sorted([*STORIES, *OTHERS, REAL]))
def test_every_notebook_opens_as_a_notebook_and_is_short(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert text.count("\n") <= LONGEST
    assert text.startswith("# %% [markdown]\n# # ")
    headings = re.findall(r"^# %%.*$", text, re.MULTILINE)
    assert set(headings) == {"# %%", "# %% [markdown]"}
