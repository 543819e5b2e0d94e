"""Rows that do not fit into memory twice are fitted from their file, with the same result."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks.fitting import columns, write_large
from features.errors import PrecursorError
from training import fit
from training.large import fit_file, labelled
from training.splits import folds

COLUMNS = 12
AFTER = date(2021, 1, 1)
QUICK = {"learning_rate": 0.2, "min_data_in_leaf": 20}


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "matrix.parquet"
    write_large(path, 6000, COLUMNS, seed=3)
    return path


def test_a_file_that_fits_is_fitted_as_a_frame_is(matrix: Path) -> None:
    feature_set = columns(COLUMNS)
    frame = labelled(matrix, AFTER, feature_set)
    whole = fit.fit(fit.Rows.of(frame, feature_set), threads=1, **QUICK)
    found = fit_file(matrix, AFTER, threads=1, **QUICK)
    assert (found.trees, found.calibration) == (whole.trees, whole.calibration)
    X = frame[feature_set.names].to_numpy(np.float64)
    assert np.allclose(found.margin(X), whole.margin(X), atol=1e-6)


@pytest.mark.parametrize("sample", [400, 750, 1500])
def test_trees_are_counted_on_a_sample_of_people_however_small_a_share_it_is(
    matrix: Path, sample: int
) -> None:
    found = fit_file(matrix, AFTER, sample=sample, threads=1, **QUICK)
    assert found.trees >= fit.FEWEST_TREES
    assert sample / 2 < len(found.unseen) < sample * 2
    assert np.count_nonzero(found.unseen) == len(found.unseen)


def test_people_drawn_by_another_lot_lie_in_every_fold() -> None:
    people = np.array([f"N{number:05d}" for number in range(4000)])
    drawn = people[folds(people, 16, lot="sample") == 0]
    assert (np.bincount(folds(drawn, 4), minlength=4) > len(drawn) / 8).all()


def test_a_date_before_all_rows_is_refused_with_the_file_s_name(matrix: Path) -> None:
    with pytest.raises(PrecursorError, match=r"matrix\.parquet: no labelled row lies before"):
        fit_file(matrix, date(2019, 1, 1))


def test_a_part_without_rows_has_the_columns_of_one_with_rows(matrix: Path, tmp_path: Path) -> None:
    some, none = labelled(matrix, AFTER, columns(COLUMNS)), tmp_path / "part-1.parquet"
    pq.write_table(pq.read_table(matrix).slice(0, 0), none)
    found = labelled(none, AFTER, columns(COLUMNS))
    assert found.empty
    assert found.dtypes.to_dict() == some.dtypes.to_dict()
