"""Our figures equal scikit-learn's, weights and ties included, and cannot contradict each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from training.evaluation import Judged, evaluate, gain
from training.metrics import (
    Ranking,
    brier,
    calibration_line,
    figure,
    in_parts,
    person_samples,
    reliability,
)


@st.composite
def scored(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels with both outcomes, tied probabilities, whole weights with some of each outcome."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = draw(st.integers(4, 80))
    y = (rng.random(rows) < draw(st.floats(0.1, 0.9))).astype(int)
    y[:2] = [0, 1]
    score = np.round(rng.random(rows) * 0.98 + 0.01, draw(st.integers(1, 3)))
    weight = rng.integers(0, 4, rows).astype(float)
    weight[:2] = 1
    return y, score, weight


@given(scored())
def test_ranking_figures_are_scikit_learns(case: tuple[np.ndarray, ...]) -> None:
    y, score, weight = case
    ranking = Ranking(y, score)
    both = np.stack([np.ones(len(y)), weight])
    for found, each in zip(ranking.auc(both), both, strict=True):
        assert found == pytest.approx(roc_auc_score(y, score, sample_weight=each), abs=1e-12)
    for found, each in zip(ranking.average_precision(both), both, strict=True):
        theirs = average_precision_score(y, score, sample_weight=each)
        assert found == pytest.approx(theirs, abs=1e-12)
    for found, each in zip(brier(y, score)(both), both, strict=True):
        assert found == pytest.approx(brier_score_loss(y, score, sample_weight=each), abs=1e-12)


@given(st.integers(0, 2**32 - 1), st.floats(0.3, 2), st.floats(-2, 1))
def test_the_calibration_line_is_scikit_learns(seed: int, slope: float, level: float) -> None:
    rng = np.random.default_rng(seed)
    p = expit(rng.normal(-1, 1, 600))
    y = (rng.random(600) < expit(slope * logit(p) + level)).astype(int)
    weight = np.stack([np.ones(600), rng.integers(0, 3, 600).astype(float)])
    slopes, levels = calibration_line(y, p, weight)
    for place, each in enumerate(weight):
        used = each > 0
        line = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
        line.fit(logit(p[used])[:, None], y[used], sample_weight=each[used])
        assert slopes[place] == pytest.approx(line.coef_[0, 0], abs=1e-4)
        assert levels[place] == pytest.approx(line.intercept_[0], abs=1e-4)


def test_there_is_no_line_through_one_prediction_or_through_outcomes_told_apart() -> None:
    ones = np.ones((1, 6))
    for p in (np.full(6, 0.3), np.array([0.1, 0.2, 0.3, 0.7, 0.8, 0.9])):
        slope, level = calibration_line(np.array([0, 0, 0, 1, 1, 1]), p, ones)
        assert np.isnan(slope).all()
        assert np.isnan(level).all()


@given(scored(), st.integers(1, 100))
def test_a_list_that_ends_among_ties_takes_their_expected_share(
    case: tuple[np.ndarray, ...], capacity: int
) -> None:
    y, score, _ = case
    ones = np.ones((1, len(y)))
    found = float(Ranking(y, score).at_capacity(ones, capacity, y)[0])
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(300):
        order = np.lexsort((rng.random(len(y)), -score))
        drawn.append(y[order][:capacity].sum())
    spread = np.std(drawn) / np.sqrt(len(drawn))
    assert found == pytest.approx(np.mean(drawn), abs=5 * spread + 1e-9)


@given(scored(), st.integers(1, 60))
def test_figures_at_capacity_come_from_one_confusion_matrix(
    case: tuple[np.ndarray, ...], capacity: int
) -> None:
    y, score, _ = case
    people = np.arange(len(y)).astype(str)
    judged = Judged(y, people, capacity, harm=y * 3.0)
    found = evaluate(judged, {"model": score, "other": 1 - score}, draws=5)
    for method, cells in found.confusion.items():
        assert sum(cells.values()) == pytest.approx(len(y))
        assert min(cells.values()) > -1e-9
        own = found.figures[method]
        precision = cells["tp"] / (cells["tp"] + cells["fp"])
        recall = cells["tp"] / (cells["tp"] + cells["fn"])
        assert own["precision"].value == pytest.approx(precision)
        assert own["recall"].value == pytest.approx(recall)
        assert own["harm_captured"].value == pytest.approx(recall)
        top = np.prod([cells["tp"] + cells["fp"], cells["tp"] + cells["fn"]])
        rest = np.prod([cells["tn"] + cells["fp"], cells["tn"] + cells["fn"]])
        if top * rest > 1e-9:
            both = cells["tp"] * cells["tn"] - cells["fp"] * cells["fn"]
            assert both / np.sqrt(top * rest) <= np.sqrt(precision * recall) + 1e-9
    gap = found.figures["model"]["auc"].value - found.figures["other"]["auc"].value
    assert found.differences["other"]["auc"].value == pytest.approx(gap)


def test_each_date_has_a_list_of_its_own() -> None:
    y = np.array([1, 0, 0, 1, 0, 0])
    score = np.array([0.9, 0.8, 0.7, 0.3, 0.2, 0.1])
    dates = np.array([1, 1, 1, 2, 2, 2])
    people = np.arange(6).astype(str)
    one = evaluate(Judged(y, people, 2), {"model": score}, draws=2)
    two = evaluate(Judged(y, people, 2, lists=dates), {"model": score}, draws=2)
    assert one.confusion["model"] == {"tp": 1.0, "fp": 1.0, "fn": 1.0, "tn": 3.0}
    assert two.confusion["model"] == {"tp": 2.0, "fp": 2.0, "fn": 0.0, "tn": 2.0}


def test_samples_are_of_people_not_of_rows() -> None:
    people = np.repeat(np.arange(40).astype(str), np.arange(40) % 5 + 1)
    weights = person_samples(people, 50, seed=1)
    assert (weights[0] == 1).all()
    for name in np.unique(people):
        of_one = weights[:, people == name]
        assert (of_one == of_one[:, :1]).all()
    drawn = weights[1:][:, np.unique(people, return_index=True)[1]].sum(axis=1)
    assert (drawn == 40).all()


def test_many_rows_of_one_person_widen_the_interval() -> None:
    rng = np.random.default_rng(5)
    score = np.round(rng.random(60), 2)
    y = (rng.random(60) < score).astype(int)
    widths = []
    for people in (np.arange(600), np.tile(np.arange(60), 10)):
        judged = Judged(np.tile(y, 10), people.astype(str), 50)
        auc = evaluate(judged, {"model": np.tile(score, 10)}, draws=200).figures["model"]["auc"]
        widths.append(auc.high - auc.low)
    assert widths[1] > 2 * widths[0]


def test_the_interval_of_a_difference_is_paired() -> None:
    rng = np.random.default_rng(6)
    score = rng.random(800)
    y = (rng.random(800) < score).astype(int)
    close = np.clip(score + rng.normal(0, 0.01, 800), 0.001, 0.999)
    judged = Judged(y, np.arange(800).astype(str), 50)
    found = evaluate(judged, {"model": score, "close": close}, draws=200)
    alone, gap = found.figures["model"]["auc"], found.differences["close"]["auc"]
    assert gap.high - gap.low < 0.2 * (alone.high - alone.low)
    again = evaluate(judged, {"model": score, "close": close}, draws=200)
    assert again.to_data() == found.to_data()


def test_samples_in_parts_are_the_samples_in_one() -> None:
    weight = person_samples(np.arange(30).astype(str), 70, seed=0)
    y = (np.arange(30) % 3 == 0).astype(int)
    ranking = Ranking(y, np.cos(np.arange(30)))
    whole = ranking.auc(weight)
    import training.metrics as metrics

    found = in_parts(weight, lambda part: {"auc": ranking.auc(part)})["auc"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "CELLS", 100)
        parts = in_parts(weight, lambda part: {"auc": ranking.auc(part)})["auc"]
    assert (found == whole).all()
    assert (parts == whole).all()


def test_a_figure_that_does_not_exist_says_so() -> None:
    assert figure([np.nan, 1.0, 2.0]).to_data() == {"value": None, "low": None, "high": None}


def test_bands_and_gain_hold_every_row_and_outcome() -> None:
    rng = np.random.default_rng(7)
    p = rng.random(503)
    y = (rng.random(503) < p).astype(int)
    bands = reliability(y, p)
    assert sum(band["rows"] for band in bands) == 503
    assert sum(band["recorded"] for band in bands) == y.sum()
    judged = Judged(y, np.arange(503).astype(str), 50)
    found = gain(judged, {"model": p, "none": np.full(503, 0.2)})
    assert found["captured"]["none"] == pytest.approx(found["taken"])
    assert found["captured"]["model"][0] == 0
    assert found["captured"]["model"][-1] == 1
    assert (np.diff(found["captured"]["model"]) >= 0).all()
    assert found["capacity"] == pytest.approx(50 / 503)
