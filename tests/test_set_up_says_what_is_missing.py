"""The first minute on a fresh machine: a set-up that explains itself, a package that is whole."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from house import FLOORS, ROOT, files


def set_up(python: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the set-up with an interpreter."""
    return subprocess.run(
        [ROOT / ".ci" / "set-up", "requirements.lock"],
        env=os.environ | {"PYTHON": str(python)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def pretender(folder: Path, version: str, has_venv: bool) -> Path:
    """An interpreter that is of another version, or lacks the module for environments."""
    script = folder / f"python{version}"
    answers = f"*version_info*) echo {version};; *venv*) exit {0 if has_venv else 1};;"
    script.write_text(f'#!/bin/sh\ncase "$2" in {answers} esac\n')
    script.chmod(0o755)
    return script


@pytest.mark.parametrize("version", ["2.7", "3.10", "3.14"])
def test_another_python_is_refused_by_its_version(tmp_path: Path, version: str) -> None:
    run = set_up(pretender(tmp_path, version, has_venv=True))
    assert run.returncode == 2
    assert f"is Python {version}" in run.stderr
    assert "make PYTHON=" in run.stderr


def test_a_python_that_is_not_there_is_named(tmp_path: Path) -> None:
    run = set_up(tmp_path / "python3")
    assert run.returncode == 2
    assert f"no '{tmp_path / 'python3'}' here" in run.stderr


def test_a_python_without_venv_is_told_what_to_install(tmp_path: Path) -> None:
    run = set_up(pretender(tmp_path, "3.12", has_venv=False))
    assert run.returncode == 2
    assert "python3-venv" in run.stderr


def test_the_built_package_holds_every_file_of_the_floors(tmp_path: Path) -> None:
    for path in files():
        (tmp_path / "tree" / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / "tree" / path)
    pip = [sys.executable, "-m", "pip", "-q", "wheel", "--no-build-isolation", "--no-deps"]
    build = [*pip, "-w", tmp_path, tmp_path / "tree"]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    ours = {str(path) for path in files() if path.parts[0] in FLOORS}
    left_out = {path for path in ours - packed if "static-src/" not in path}
    assert not left_out
    assert "precursor.py" in packed
