"""The backtest asks the same at earlier dates, each with what had matured by then, and pools it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_matrix import QUICK, history, question

from training.backtest import splits
from training.decomposition import brier_parts, net_benefit
from training.evaluation import Judged, evaluate
from training.experiment import Result, train
from training.splits import temporal
from training.stability import stability


@cache
def trained() -> Result:
    return train(question(), history(900), register=False, origins=3, **QUICK)


@settings(max_examples=20)
@given(st.integers(100, 500), st.sampled_from([0, 100, 183]), st.sampled_from([0.1, 0.25, 0.4]))
def test_no_origin_learns_from_a_label_that_had_not_matured(
    horizon: int, lag: int, share: float
) -> None:
    asked = question(horizon_days=horizon, lag_days=lag, split={"test_share": share})
    frame = history().frame
    last = temporal(frame, asked)
    found, _ = splits(frame, asked, last, most=5)
    later = last
    for split in found:
        at = frame["as_of_date"]
        matured = at[split.train] + pd.Timedelta(days=horizon + lag)
        assert (matured <= at[split.test].min()).all()
        assert at[split.test].max() < at[later.test].min()
        assert at[split.test].nunique() == at[last.test].nunique()
        assert not (split.train & split.test).any()
        later = split


def test_earlier_origins_are_reported_and_pooled() -> None:
    found = trained().report["backtest"]
    assert len(found["origins"]) == 3
    tested = [origin["test_from"] for origin in found["origins"]]
    assert tested == sorted(tested)
    rows = [origin["evaluation"]["rows"] for origin in found["origins"]]
    assert found["pooled"]["rows"] == sum(rows)
    pooled = found["pooled"]["figures"]
    assert set(pooled) == set(trained().evaluation.figures)
    for metric in ("auc", "brier", "precision", "calibration_slope", "net_benefit_high"):
        figure = pooled["model"][metric]
        assert figure["low"] <= figure["value"] <= figure["high"]
    assert "pooled" in trained().text
    assert found["origins"][-1]["evaluation"] == trained().evaluation.to_data()


def test_one_origin_is_a_backtest_that_says_so() -> None:
    found = train(question(), history(900), register=False, origins=1, **QUICK)
    assert len(found.report["backtest"]["origins"]) == 1
    assert "Backtest: one origin only; at most 1 are tried." in found.text


def test_the_registered_model_does_not_depend_on_the_backtest() -> None:
    alone = train(question(), history(900), register=False, origins=1, **QUICK)
    assert alone.model.text == trained().model.text


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_the_parts_of_the_brier_score_are_those_counted_by_hand(seed: int, bands: int) -> None:
    rng = np.random.default_rng(seed)
    p, weight = rng.random(90), rng.integers(0, 4, 90).astype(float)
    y = (rng.random(90) < p).astype(int)
    found = brier_parts(y, p, weight[None, :], bands)
    rate, reliability, resolution = np.average(y, weights=weight), 0.0, 0.0
    for band in np.array_split(np.argsort(p), bands):
        size = weight[band].sum()
        if size:
            predicted = np.average(p[band], weights=weight[band])
            recorded = np.average(y[band], weights=weight[band])
            reliability += size / weight.sum() * (predicted - recorded) ** 2
            resolution += size / weight.sum() * (recorded - rate) ** 2
    assert found["reliability"][0] == pytest.approx(reliability)
    assert found["resolution"][0] == pytest.approx(resolution)
    assert found["uncertainty"][0] == pytest.approx(rate * (1 - rate))
    score = np.average((p - y) ** 2, weights=weight)
    made = found["reliability"] - found["resolution"] + found["uncertainty"] + found["within"]
    assert made[0] == pytest.approx(score)


def test_where_each_band_has_one_prediction_nothing_is_left_within_it() -> None:
    p = np.repeat([0.1, 0.4, 0.7, 0.9], 25)
    y = (np.random.default_rng(1).random(100) < p).astype(int)
    found = brier_parts(y, p, np.ones((1, 100)), bands=4)
    assert found["within"][0] == pytest.approx(0, abs=1e-12)


def test_acting_on_everybody_or_nobody_has_the_net_benefit_it_must() -> None:
    y = np.array([1, 0, 0, 0])
    one = np.ones((1, 4))
    assert net_benefit(y, np.ones(4), one, 0.2)[0] == pytest.approx(0.25 - 0.75 * 0.25)
    assert net_benefit(y, np.zeros(4), one, 0.2)[0] == 0
    rows = Judged(y, np.arange(4).astype(str), capacity=1, thresholds={"high": 0.2})
    found = evaluate(rows, {"model": y.astype(float), "all": np.ones(4)}, draws=5)
    assert found.figures["model"]["net_benefit_high"].value == 0.25
    assert found.differences["all"]["net_benefit_high"].value == pytest.approx(0.1875)


def test_a_list_that_never_changes_is_steady_and_one_drawn_by_lot_is_not() -> None:
    rng = np.random.default_rng(4)
    people = np.tile(np.arange(1000).astype(str), 3)
    at = np.repeat(np.array(["2026-01-01", "2026-02-01", "2026-03-01"], "datetime64[D]"), 1000)
    fixed = np.tile(rng.random(1000), 3)
    found = stability(people, at, {"model": fixed, "lot": rng.random(3000)}, capacity=100)
    assert [pair["stays"]["model"] for pair in found] == [1.0, 1.0]
    assert all(pair["stays"]["lot"] < 0.3 and abs(pair["order"]["lot"]) < 0.2 for pair in found)


def test_leaving_the_cohort_is_no_unsteadiness() -> None:
    at = np.array(["2026-01-01"] * 3 + ["2026-02-01"] * 2, "datetime64[D]")
    found = stability(np.array(list("ABCBC")), at, {"model": np.array([3, 2, 1, 2, 1.0])}, 2)
    assert (found[0]["in_both"], found[0]["stays"]["model"]) == (2, 1.0)
