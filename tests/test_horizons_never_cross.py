"""One training answers for several horizons, and a longer one never has the lower probability."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from pathlib import Path

import lightgbm as lgb
import numpy as np
import small_force
import worlds
from hypothesis import given
from hypothesis import strategies as st
from made_up_matrix import FEATURES, QUICK, matrix, question

from features.further import DAYS_FREE, further
from features.history import History
from features.labels import label
from features.loads import write_load
from features.matrix import Matrix, build
from models.calibration import Calibration
from models.horizons import ordered
from models.risk_model import RiskModel
from training.experiment import Result, train

seeds = st.integers(0, 2**32 - 1)


def with_horizons(people: int = 900, seed: int = 5, newest_mature: bool = True) -> Matrix:
    made = matrix(people, seed=seed)
    rng = np.random.default_rng(seed)
    y = made.frame["label"].to_numpy()
    shorter = np.where(rng.random(len(y)) < 0.6, y, 0.0)
    longer = np.maximum(y, rng.random(len(y)) < 0.1)
    if not newest_mature:
        longer[(made.frame["as_of_date"] > "2021-01-01").to_numpy()] = np.nan
    frame = made.frame.assign(label_182d=shorter, label_730d=longer)
    return Matrix(frame, FEATURES, made.manifest)


@cache
def trained(newest_mature: bool = True) -> Result:
    given_rows = with_horizons(newest_mature=newest_mature)
    return train(question(), given_rows, register=False, origins=1, **QUICK)


@given(seeds, st.floats(-3, 3), st.floats(0.05, 3))
def test_maps_keep_their_order_over_all_that_a_booster_can_give(
    seed: int, level: float, slope: float
) -> None:
    rng = np.random.default_rng(seed)
    margin = rng.normal(size=300)
    labels = {
        h: (margin, (rng.random(300) < rng.random()).astype(np.int64)) for h in (90, 182, 730)
    }
    reach = (-6.0, 7.0)
    maps = ordered(365, Calibration(slope, level), labels, reach)
    assert list(maps) == [90, 182, 365, 730]
    at = np.linspace(*reach, 50)
    lines = np.array([maps[days].log_odds(at) for days in maps])
    assert (np.diff(lines, axis=0) >= 0).all()
    assert (np.diff(lines, axis=1) > 0).all()
    assert maps[365] == Calibration(slope, level)


@given(seeds)
def test_no_history_has_a_longer_horizon_with_a_lower_probability(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = np.exp(rng.normal(0, 4, (50, len(FEATURES.columns)))).round()
    for mature in (True, False):
        found = trained(mature).model.by_horizon(X)
        assert list(found) == [182, 365, 730]
        assert (found[182] <= found[365]).all()
        assert (found[365] <= found[730]).all()


def test_maps_are_fitted_out_of_time_where_labels_have_matured_and_say_so_where_not() -> None:
    bases = {h["days"]: h["basis"] for h in trained(True).report["horizons"]}
    assert bases == {182: "out of time", 730: "out of time"}
    bases = {h["days"]: h["basis"] for h in trained(False).report["horizons"]}
    assert bases == {182: "out of time", 730: "by folds of people"}
    for horizon in trained(True).report["horizons"]:
        assert abs(horizon["predicted"] / horizon["recorded"] - 1) < 0.02
    assert "Within 730 days" in trained(True).text


def test_the_question_s_own_probability_is_what_it_was(tmp_path: Path) -> None:
    model = trained().model
    X = with_horizons(50, seed=9).X
    assert np.array_equal(model.by_horizon(X)[365], model.probability(X))
    model.save(tmp_path)
    again = RiskModel.load(tmp_path)
    assert again.horizons == model.horizons
    assert all(np.array_equal(a, b) for a, b in zip(
        again.by_horizon(X).values(), model.by_horizon(X).values(), strict=True
    ))  # fmt: skip


def test_a_booster_s_bounds_hold_for_any_row() -> None:
    booster = lgb.Booster(model_str=trained().model.text)
    X = np.exp(np.random.default_rng(2).normal(0, 5, (5000, len(FEATURES.columns))))
    margin = booster.predict(X, raw_score=True)
    assert booster.lower_bound() <= margin.min() < margin.max() <= booster.upper_bound()


def test_labels_of_longer_horizons_hold_those_of_shorter_ones(tmp_path: Path) -> None:
    rows = small_force.rows(80)
    inside = date(2024, 1, 1)
    stay = {"nominal_id": "N0001", "episode_id": "S1", "kind": "prison"}
    for number, (event, day) in enumerate(
        (("received", inside), ("released", inside + timedelta(days=180)))
    ):
        rows["imprisonment"].append(
            stay
            | {"record_id": f"P{number}", "event": event, "occurred_on": day, "known_on": day}
            | {"days_served": 180 if event == "released" else None}
        )
    load = write_load(
        tmp_path / "load",
        worlds.tables(rows),
        kind="synthetic",
        data_to=small_force.DATA_TO,
        synthetic=True,
    )
    history, asked = History(load), small_force.QUESTION
    found = build(history, asked).frame
    assert {"label_365d", "label_730d", DAYS_FREE} <= set(found)
    both = found["label_730d"].notna()
    assert both.any()
    assert not both.all()
    assert (found.loc[both, "label"] <= found.loc[both, "label_365d"]).all()
    assert (found.loc[both, "label_365d"] <= found.loc[both, "label_730d"]).all()
    assert found[DAYS_FREE].between(0, 1).all()
    spine = found.loc[[0], ["nominal_id", "as_of_date"]]
    jailed = spine.assign(nominal_id="N0001", as_of_date=np.datetime64(inside, "ns"))
    free = further(history, asked, label(history, asked, jailed))[DAYS_FREE]
    assert free.tolist() == [0.0]
