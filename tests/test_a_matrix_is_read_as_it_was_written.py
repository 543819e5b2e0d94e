"""A matrix is read as it was written, and never as two halves of two."""

from __future__ import annotations

import random
from pathlib import Path

import pandas as pd
import pytest

from features.errors import NotFound, PrecursorError
from features.history import History
from features.matrix import Matrix, build, manifest_path
from features.question import Question
from tests.worlds import load, world

QUESTION = Question(
    name="again",
    title="Again",
    outcome_words="named again",
    cohort={"source": "suspected", "within_days": 730},
    outcome={"source": "suspected"},
    horizon_days=90,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Matrix, Matrix]:
    rows = world(random.Random(1), people=6, events=60)
    history = History(load(rows, tmp_path_factory.mktemp("made") / "records"))
    spine = pd.DataFrame({"nominal_id": ["N001", "N002"], "as_of_date": ["2025-01-01"] * 2})
    return build(history, QUESTION, spine), build(history, QUESTION, spine[:1])


def test_rows_manifest_and_fingerprint_come_back(
    made: tuple[Matrix, Matrix], tmp_path: Path
) -> None:
    made[0].write(tmp_path / "rows.parquet")
    found = Matrix.read(tmp_path / "rows.parquet")
    pd.testing.assert_frame_equal(found.frame, made[0].frame, check_dtype=False)
    assert found.feature_set == made[0].feature_set
    assert found.manifest == made[0].manifest


def test_rows_under_another_matrix_s_manifest_are_refused(
    made: tuple[Matrix, Matrix], tmp_path: Path
) -> None:
    made[0].write(tmp_path / "rows.parquet")
    made[1].write(tmp_path / "other.parquet")
    manifest_path(tmp_path / "other.parquet").replace(manifest_path(tmp_path / "rows.parquet"))
    with pytest.raises(PrecursorError, match="not the ones that rows"):
        Matrix.read(tmp_path / "rows.parquet")


def test_a_missing_half_is_named(made: tuple[Matrix, Matrix], tmp_path: Path) -> None:
    made[0].write(tmp_path / "rows.parquet")
    manifest_path(tmp_path / "rows.parquet").unlink()
    with pytest.raises(NotFound, match=r"rows\.parquet\.json"):
        Matrix.read(tmp_path / "rows.parquet")
