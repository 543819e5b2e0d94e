"""A fit held to directions is the same to the last bit on any number of threads."""

from __future__ import annotations

import numpy as np

from benchmarks.fitting import columns, made
from features.catalogue import catalogue
from training import constraints, fit


def part(rows: int = 1600) -> fit.Rows:
    """Every column of the catalogue, so that each kind of constraint is in force."""
    feature_set = columns(len(catalogue().columns))
    X, y = made(rows, feature_set, seed=4)
    people = np.array([f"N{at // 4:06d}" for at in range(rows)])
    dates = np.datetime64("2020-01-01") + np.arange(rows) % 4 * np.timedelta64(91, "D")
    return fit.Rows(X, y, people, dates, feature_set)


def test_text_margins_and_calibration_are_equal_to_the_bit() -> None:
    rows = part()
    held = constraints.parameters(rows.feature_set)
    assert {-1, 0, 1} == set(held["monotone_constraints"])
    assert 0.0 in held["feature_contri"]
    quick = {"learning_rate": 0.1, "min_data_in_leaf": 20}
    one = fit.fit(rows, threads=1, **quick)
    assert one.trees >= fit.FEWEST_TREES
    for threads in (2, 3):
        other = fit.fit(rows, threads=threads, **quick)
        assert other.text == one.text
        assert other.calibration == one.calibration
        assert np.array_equal(other.unseen, one.unseen)
