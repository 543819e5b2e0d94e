"""Intervals, close calls, sub-cohorts, abstention, explanations and mitigation are all told."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pandas as pd
import pytest
from made_up_matrix import FEATURES, QUICK, matrix, question

from features.matrix import Matrix
from training.cohorts import abstained, calibrated, unfamiliar
from training.coverage import close_calls, coverage
from training.evaluation import Judged
from training.experiment import Result, train
from training.mitigation import AS_IT_IS, OPTIONS, options


@cache
def trained() -> Result:
    made = matrix(1500, seed=8)
    rng = np.random.default_rng(8)
    frame = made.frame.assign(cohort_domestic=rng.random(len(made.frame)) < 0.5)
    people = pd.DataFrame({"sex": rng.choice(["female", "male"], len(frame))})
    asked = question(abstain={"source": "suspected", "fewer_than": 1, "known_for_days": 90})
    rows = Matrix(frame, FEATURES, made.manifest)
    return train(asked, rows, protected=people, register=False, origins=1, **QUICK)


def test_the_report_holds_all_of_it_and_is_plain_data() -> None:
    found = trained().report
    json.dumps(found, allow_nan=False)
    assert [one["name"] for one in found["sub_cohorts"]] == ["domestic"]
    assert 0 <= found["close_calls"]["listed"] <= 1
    assert found["explanations"]["additivity"] < 1e-9
    assert found["coverage"] == []
    assert {one["option"] for one in found["mitigation"]} == set(OPTIONS)
    for said in ("Sub-cohort domestic", "Close calls", "Explanations of", "none is applied"):
        assert said in trained().text


def test_strong_groups_matter_more_than_groups_by_lot_and_reseeding_keeps_them() -> None:
    found = trained().report["explanations"]
    assert found["deleted"] > found["deleted_by_lot"]
    assert found["top_again"] > 0.8
    assert found["reseeded"] > 0.5


def test_coverage_counts_values_inside_and_names_the_side_they_miss_on() -> None:
    p = np.linspace(0.01, 0.6, 2000)
    best = np.where(np.arange(2000) % 10 == 0, p * 2, p)
    found = coverage(p * 0.9, p * 1.1, p, best, {"odd": np.arange(2000) % 2 == 1})
    by_part = {one["part"]: one for one in found}
    assert by_part["all"]["covered"] == pytest.approx(0.9)
    assert by_part["all"]["above"] == pytest.approx(0.1)
    assert by_part["odd"]["covered"] == 1
    assert by_part["all"]["held"] is True
    assert by_part["odd"]["held"] is False
    assert sum(part.startswith("tenth") for part in by_part) == 10


def test_nobody_is_close_to_a_line_far_away() -> None:
    p = np.array([0.9, 0.8, 0.1, 0.05])
    rows = Judged(np.zeros(4, np.int64), np.arange(4).astype(str), capacity=2)
    assert close_calls(rows, p - 0.01, p + 0.01, p) == {"listed": 0.0, "unlisted": 0.0}
    assert close_calls(rows, p * 0, p * 0 + 1, p) == {"listed": 1.0, "unlisted": 1.0}


def test_a_sub_cohort_that_parts_from_its_records_fails_and_small_ones_are_not_shown() -> None:
    rng = np.random.default_rng(0)
    p = np.full(4000, 0.3)
    y = (rng.random(4000) < np.where(np.arange(4000) < 2000, 0.15, 0.3)).astype(np.int64)
    rows = Judged(y, np.arange(4000).astype(str), capacity=10)
    masks = {"wrong": np.arange(4000) < 2000, "right": np.arange(4000) >= 2000}
    masks["few"] = np.arange(4000) < 5
    found = {one["name"]: one for one in calibrated(rows, p, masks, draws=100, seed=0)}
    assert found["wrong"]["fails"] is True
    assert found["right"]["fails"] is False
    assert found["few"]["people"] is None
    assert found["few"]["calibration"] is None


def test_abstention_is_told_by_group_and_small_groups_are_suppressed() -> None:
    people = np.arange(300).astype(str)
    sex = np.repeat(["female", "male", "other"], [100, 195, 5])
    without = np.arange(300) < 50
    strange = unfamiliar(np.array([[1.0], [5.0]]), np.arange(300)[:, None] / 50, np.array([0]))
    found = abstained(without, strange, people, pd.DataFrame({"sex": sex}))
    assert found["insufficient"] == pytest.approx(50 / 300)
    shown = {one["who"]["sex"]: one["insufficient"] for one in found["by_group"]}
    assert shown["other"] is None
    assert shown["female"] is None or shown["male"] is None  # it would give the small one away


def test_remedies_reach_what_they_say_and_their_cost_is_told() -> None:
    rng = np.random.default_rng(2)
    n = 6000
    group = rng.choice(["a", "b"], n)
    risk = np.where(group == "a", 0.1, 0.3) * rng.uniform(0.2, 1.8, n)
    y = (rng.random(n) < risk).astype(np.int64)
    told = np.clip(np.where(group == "a", risk * 2, risk), 0.001, 0.999)
    rows = Judged(y, np.arange(n).astype(str), capacity=600)
    found = {o.name: o for o in options(rows, told, pd.DataFrame({"g": group}), draws=50)}
    assert set(found) == set(OPTIONS)
    assert found[AS_IT_IS].cost.value == 0
    assert found["equal selection"].selected < 0.01 < found[AS_IT_IS].selected
    assert found["calibrated by group"].recall.value > found[AS_IT_IS].recall.value
    assert found["calibrated by group"].cost.value < 0
    shares = pd.DataFrame({"g": group})
    fair = {o.name: o for o in options(rows, risk, shares, draws=20)}
    assert fair["equal shares found"].missed < fair[AS_IT_IS].missed
    assert fair["equal shares found"].cost.value > -0.02


def test_one_group_alone_has_no_gap_to_close() -> None:
    rows = Judged(np.array([0, 1] * 50), np.arange(100).astype(str), capacity=5)
    assert options(rows, np.full(100, 0.5), pd.DataFrame({"sex": ["male"] * 100})) == []
