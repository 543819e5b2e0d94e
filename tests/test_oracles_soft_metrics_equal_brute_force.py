"""Soft metrics: equal to their definitions, pair by pair, and to what follows on average."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.metrics import Ranking, person_samples
from training.oracles_soft import SoftRows, regret, soft_auc, soft_brier, soft_figures

chances = st.floats(0, 1, allow_nan=False, width=32)
rows = st.lists(st.tuples(chances, st.integers(0, 4), st.integers(0, 3)), min_size=2, max_size=12)


def by_pairs(score, p, weight) -> float:  # type: ignore[no-untyped-def]
    above = pairs = 0.0
    for i in range(len(p)):
        for j in range(len(p)):
            if i != j:
                both = weight[i] * weight[j] * p[i] * (1 - p[j])
                pairs += both
                above += both * ((score[i] > score[j]) + 0.5 * (score[i] == score[j]))
    return above / pairs if pairs > 1e-9 else float("nan")


@settings(max_examples=150)
@given(rows)
def test_soft_auc_is_the_sum_over_all_pairs_of_different_rows(drawn) -> None:  # type: ignore[no-untyped-def]
    p, score, times = (np.array(column, dtype=float) for column in zip(*drawn, strict=True))
    for weight in (np.ones(len(p)), times):
        expected = by_pairs(score, p, weight)
        if np.isfinite(expected):
            assert soft_auc(score, p, weight[None])[0] == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4)), min_size=2, max_size=12))
def test_with_certain_outcomes_soft_auc_is_the_usual_one(drawn) -> None:  # type: ignore[no-untyped-def]
    y, score = (np.array(column, dtype=float) for column in zip(*drawn, strict=True))
    if 0 < y.sum() < len(y):
        usual = Ranking(y, score).auc(np.ones((1, len(y))))[0]
        assert soft_auc(score, y)[0] == pytest.approx(usual)


def test_soft_metrics_are_what_drawn_outcomes_give_on_average() -> None:
    rng = np.random.default_rng(1)
    p, score = rng.beta(1, 6, 60), rng.random(60)
    y = (rng.random((40_000, 60)) < p).astype(float)
    drawn = ((score - y) ** 2).mean(axis=1)
    assert soft_brier(score, p)[0] == pytest.approx(
        drawn.mean(), abs=4 * drawn.std() / np.sqrt(len(drawn))
    )
    order = np.argsort(score)
    hits = (y[:, order] * np.cumsum(1 - y[:, order], axis=1)).sum()
    pairs = (y.sum(axis=1) * (1 - y).sum(axis=1)).sum()
    assert soft_auc(score, p)[0] == pytest.approx(hits / pairs, abs=2e-3)


def test_an_estimate_of_the_chance_leaves_no_bias() -> None:
    rng = np.random.default_rng(2)
    p, score = rng.beta(1, 4, 400), rng.random(400)
    noisy = [rng.binomial(1, p, (2, 400)).mean(axis=0) for _ in range(600)]
    halves = [rng.binomial(1, p, (2, 400)) for _ in range(600)]
    for exact, estimates in (
        (soft_auc(score, p)[0], [soft_auc(score, one)[0] for one in noisy]),
        (soft_brier(score, p)[0], [soft_brier(score, one)[0] for one in noisy]),
        (regret(score, p, p)[0], [regret(score, *pair)[0] for pair in halves]),
    ):
        error = np.std(estimates) / np.sqrt(len(estimates))
        assert np.mean(estimates) == pytest.approx(exact, abs=4 * error)


@settings(max_examples=60)
@given(rows, st.integers(1, 5))
def test_precision_at_capacity_is_the_mean_chance_on_the_lists(drawn, capacity: int) -> None:  # type: ignore[no-untyped-def]
    p = np.array([one[0] for one in drawn])
    lists = np.array([one[2] for one in drawn])
    score = np.arange(len(p), dtype=float)
    people = np.arange(len(p)).astype(str)
    found = soft_figures(SoftRows(p, p, people, capacity, lists), {"s": score}, draws=1)["s"]
    listed = np.concatenate(
        [np.flatnonzero(lists == one)[::-1][:capacity] for one in np.unique(lists)]
    )
    assert found["precision"][0] == pytest.approx(p[listed].mean())
    if p.sum() > 0:
        assert found["captured"][0] == pytest.approx(p[listed].sum() / p.sum())


def test_the_order_of_rows_and_their_number_do_not_matter() -> None:
    rng = np.random.default_rng(3)
    p, score = rng.random(200_000), rng.random(200_000)
    shuffled = rng.permutation(len(p))
    assert soft_auc(score, p)[0] == pytest.approx(soft_auc(score[shuffled], p[shuffled])[0])
    assert soft_auc(score, p)[0] == pytest.approx(0.5, abs=0.01)


def test_chances_that_leave_nothing_to_rank_have_no_auc() -> None:
    assert np.isnan(soft_auc([0.1, 0.2], [0.0, 0.0])[0])
    assert np.isnan(soft_auc([0.1, 0.2], [1.0, 1.0])[0])


def test_samples_of_people_are_the_same_for_every_method() -> None:
    rng = np.random.default_rng(4)
    p = rng.random(50)
    people = np.repeat(np.arange(25), 2).astype(str)
    found = soft_figures(
        SoftRows(p, p, people, 5, np.zeros(50)), {"one": p, "same": 2 * p}, draws=20, seed=9
    )
    assert np.array_equal(found["one"]["auc"], found["same"]["auc"])
    weight = person_samples(people, 20, 9)
    assert found["one"]["auc"][7] == pytest.approx(by_pairs(p, p, weight[7]))
