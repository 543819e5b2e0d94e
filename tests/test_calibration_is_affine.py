"""Calibration keeps the order, moves log-odds along a line, and recovers a line that is there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_matrix import matrix, question, result
from scipy.special import expit

from features.errors import PrecursorError
from models import calibration
from models.calibration import Calibration
from training.metrics import Ranking
from training.recalibration import SLOPE_POSITIVES, final
from training.splits import temporal

slopes = st.floats(0.2, 3.0)
levels = st.floats(-4.0, 2.0)
seeds = st.integers(0, 2**32 - 1)


@given(slopes, levels, seeds)
def test_it_recovers_the_line_that_is_there(slope: float, level: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    margin = rng.normal(0, 1.5, 40_000)
    true = expit(slope * margin + level)
    y = rng.random(40_000) < true
    found = calibration.fit(margin, y)
    # within six standard errors of a logistic regression, by the information at the truth
    design = np.stack([margin, np.ones_like(margin)])
    errors = np.sqrt(np.diag(np.linalg.inv(design * (true * (1 - true)) @ design.T)))
    assert abs(found.slope - slope) < 6 * errors[0]
    assert abs(found.intercept - level) < 6 * errors[1]
    assert found.probability(margin).mean() == pytest.approx(y.mean(), abs=1e-4)


@given(slopes, levels, st.lists(st.floats(-30, 30), min_size=2, max_size=20))
def test_log_odds_lie_on_a_line_and_keep_their_order(
    slope: float, level: float, margins: list[float]
) -> None:
    line = Calibration(slope, level)
    ordered = np.sort(np.array(margins))
    assert np.allclose(line.log_odds(ordered), slope * ordered + level)
    p = line.probability(ordered)
    assert (np.diff(p) >= 0).all()
    assert ((p >= 0) & (p <= 1)).all()
    assert np.allclose(p, expit(line.log_odds(ordered)))


def test_the_level_follows_the_newest_rows_and_the_slope_all_of_them() -> None:
    rng = np.random.default_rng(1)
    margin = rng.normal(size=60_000)
    newest = np.arange(60_000) >= 50_000
    y = rng.random(60_000) < expit(0.8 * margin - np.where(newest, 2.0, 1.0))
    found = calibration.fit(margin, y, newest=newest)
    assert found.slope == pytest.approx(calibration.fit(margin, y).slope)
    assert found.probability(margin[newest]).mean() == pytest.approx(y[newest].mean(), abs=1e-6)


def test_whole_weights_count_as_repeated_rows() -> None:
    rng = np.random.default_rng(2)
    margin, times = rng.normal(size=3000), rng.integers(0, 4, 3000)
    y = rng.random(3000) < expit(margin - 1)
    weighted = calibration.fit(margin, y, times)
    repeated = calibration.fit(np.repeat(margin, times), np.repeat(y, times))
    assert weighted.slope == pytest.approx(repeated.slope, abs=1e-6)
    assert weighted.intercept == pytest.approx(repeated.intercept, abs=1e-6)


@given(seeds)
def test_margins_that_rank_backwards_get_the_right_level_and_a_note(seed: int) -> None:
    rng = np.random.default_rng(seed)
    margin = rng.normal(size=5000)
    y = rng.random(5000) < expit(-margin - 1)
    found = calibration.fit(margin, y)
    assert found.slope == 1
    assert "left at 1" in found.note
    assert found.probability(margin).mean() == pytest.approx(y.mean(), abs=1e-9)


def test_one_outcome_only_cannot_be_calibrated_on() -> None:
    with pytest.raises(PrecursorError, match="all of 5 rows have the same outcome"):
        calibration.fit(np.arange(5.0), np.zeros(5))
    with pytest.raises(PrecursorError, match="newest rows"):
        calibration.fit(np.arange(4.0), [0, 1, 1, 0], newest=[False, True, True, False])


@pytest.mark.parametrize("slope", [0.0, -1.0, float("nan")])
def test_a_slope_that_loses_the_order_is_refused(slope: float) -> None:
    with pytest.raises(PrecursorError, match="do not keep the order"):
        Calibration(slope, 0.0)


def test_the_registered_model_follows_the_rate_of_the_test_part_and_ranks_as_judged() -> None:
    found = result()
    given = matrix()
    split = temporal(given.frame, question())
    test = given.frame[split.test]
    p = found.model.probability(found.model.check(test))
    assert p.mean() == pytest.approx(test["label"].mean(), abs=1e-6)
    auc = float(Ranking(test["label"], p).auc(np.ones((1, len(p))))[0])
    assert auc == pytest.approx(found.evaluation.figures["model"]["auc"].value, abs=1e-12)
    halves = found.report["calibration"]["by_halves"]
    assert halves["expected"] == pytest.approx(halves["observed"], rel=0.2)


def test_with_few_outcomes_only_the_level_is_fitted_to_the_test_part() -> None:
    rng = np.random.default_rng(4)
    margin = rng.normal(size=2000)
    trained = Calibration(0.7, -1.0)
    for rate, kept in ((-4.0, True), (-1.0, False)):
        y = (rng.random(2000) < expit(margin + rate)).astype(int)
        assert bool(y.sum() < SLOPE_POSITIVES) is kept
        found = final(margin, y, trained)
        assert (found.slope == trained.slope) is kept
        assert found.probability(margin).mean() == pytest.approx(y.mean(), abs=1e-6)
