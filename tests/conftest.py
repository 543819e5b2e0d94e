"""What every test shares: quiet libraries, its own state folder, real histories where they lie."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from postgres import postgres_cluster, postgres_database  # noqa: F401 - fixtures, one cluster

ROOT = Path(__file__).resolve().parent.parent

# Set before any library is imported: no telemetry, one thread for each worker, and a state folder
# that is nobody's, for what runs outside a test (doctests, fixtures of a module).
os.environ.update(
    BENTOML_DO_NOT_TRACK="true",
    MLFLOW_DISABLE_TELEMETRY="true",
    MPLBACKEND="agg",
    OMP_NUM_THREADS="1",
    OPENBLAS_NUM_THREADS="1",
)
for elsewhere in (
    "MLFLOW_TRACKING_URI",
    "PRECURSOR_DATABASE_URL",
    "PRECURSOR_KEYS_URL",
    "PRECURSOR_MASTER_KEY",
):
    os.environ.pop(elsewhere, None)
_outside = tempfile.TemporaryDirectory(prefix="precursor-tests-")
os.environ["PRECURSOR_HOME"] = str(Path(_outside.name) / "home")


def pytest_configure() -> None:
    """Let Hypothesis take its time, and repeat itself exactly where a run must be comparable."""
    from hypothesis import settings

    settings.register_profile("here", deadline=None)
    settings.register_profile("ci", deadline=None, derandomize=True, database=None)
    settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture(autouse=True)
def precursor_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the test's own state folder, which ``PRECURSOR_HOME`` names."""
    home = tmp_path / "precursor-home"
    monkeypatch.setenv("PRECURSOR_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real histories, or skip: they are never part of the project."""
    folder = Path(os.environ.get("PRECURSOR_REAL_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real histories at {folder}; PRECURSOR_REAL_DATA names their folder")
    return folder
