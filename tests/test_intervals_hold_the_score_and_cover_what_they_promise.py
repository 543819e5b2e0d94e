"""The stored interval table: around the score, rising with it, as wide as the evidence makes it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_matrix import QUICK, matrix, question, result, truth
from scipy.special import expit

from features.errors import PrecursorError
from models.interval import IntervalTable, table
from training.experiment import train

seeds = st.integers(0, 2**32 - 1)


def made(seed: int, rows: int = 400, refits: int = 12) -> IntervalTable:
    rng = np.random.default_rng(seed)
    own = np.round(rng.normal(-2, 1.5, rows), 1)  # ties, as real scores have
    width = rng.uniform(0, 1, rows)
    again = own + width * rng.normal(size=(refits, rows)) + rng.normal(0, 0.3)
    # recorded in fact: often far from what was predicted
    recorded, people = rng.random(rows) < rng.random(), rng.integers(0, rows // 2, rows)
    return table(own, again, recorded=recorded, people=people, unlearnt=rng.uniform(0, 1, 10))


@given(seeds, st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_the_score_lies_inside_and_both_ends_rise_with_it(
    seed: int, probabilities: list[float]
) -> None:
    p = np.sort(np.array([0.0, *probabilities, 1.0]))
    low, high = made(seed).ends(p)
    assert ((low >= 0) & (low <= p) & (p <= high) & (high <= 1)).all()
    assert (np.diff(low) >= -1e-15).all()
    assert (np.diff(high) >= -1e-15).all()


@given(seeds)
def test_a_table_survives_its_manifest(seed: int) -> None:
    before = made(seed)
    assert IntervalTable.from_data(before.to_data()) == before


def test_one_score_is_looked_up_as_well_as_many() -> None:
    found = result().model
    p = found.probability(matrix(seed=6).X[:50])
    low, high = found.interval_for(p)
    one_low, one_high = found.interval_for(float(p[3]))
    assert (float(one_low), float(one_high)) == (low[3], high[3])
    assert found.interval.level == 0.9


def test_nine_in_ten_intervals_hold_the_true_mean_risk() -> None:
    """An estimate of known error, many times over: the truth lies inside as often as it says."""
    rng = np.random.default_rng(3)
    true, error, held = rng.normal(-2, 1, 300), 0.25, []
    for _ in range(120):
        estimate = true + rng.normal(0, error)
        refits = estimate + rng.normal(0, error, (12, 1))
        low, high = table(estimate, refits).ends(expit(estimate))
        held.append(((low <= expit(true)) & (expit(true) <= high)).mean())
    assert 0.8 < np.mean(held) < 0.97


def test_a_training_covers_the_known_risk_of_people_it_has_not_seen() -> None:
    """From refits to the table, on rows whose true risk given their columns is known."""
    model, new = result(seed=2, people=1200).model, matrix(3000, seed=77)
    low, high = model.interval_for(model.probability(new.X))
    true = expit(truth(new.frame, twist=2.5))
    held = ((low <= true) & (true <= high)).mean()
    assert 0.85 < held < 0.98


def test_an_error_beside_the_scatter_makes_no_end_narrower() -> None:
    own = np.linspace(-3, 0, 600)
    refits = own + np.random.default_rng(1).normal(0, 0.2, (12, 600))
    plain, wide = table(own, refits), table(own, refits, unlearnt=0.3)
    at = expit(own)
    assert (wide.ends(at)[0] <= plain.ends(at)[0]).all()
    assert (wide.ends(at)[1] >= plain.ends(at)[1]).all()


def test_each_part_of_the_scores_has_its_own_error_beside_the_scatter() -> None:
    own = np.linspace(-3, 0, 6000)
    refits = own + np.random.default_rng(1).normal(0, 0.2, (12, 6000))
    plain, wide = table(own, refits), table(own, refits, unlearnt=(0.0, 0.5))
    lowest, highest = expit(own[60]), expit(own[-60])
    assert wide.ends(lowest)[1] == pytest.approx(plain.ends(lowest)[1], rel=0.05)
    grown = (wide.ends(highest)[1] - highest) / (plain.ends(highest)[1] - highest)
    assert 2 < grown < 3.5


def test_the_interval_reaches_to_where_records_show_the_score_to_be_off() -> None:
    rng = np.random.default_rng(4)
    own = np.linspace(-3, 0, 20_000)
    refits, people = own + rng.normal(0, 0.1, (12, len(own))), np.arange(len(own))
    plain = table(own, refits)
    as_predicted = rng.random(len(own)) < expit(own)
    same = table(own, refits, recorded=as_predicted, people=people)
    more = rng.random(len(own)) < expit(own + np.where(own > -1, 0.8, 0))
    reaches = table(own, refits, recorded=more, people=people)
    for at in (-2.5, -0.5):
        p = expit(at)
        assert same.ends(p)[1] == pytest.approx(plain.ends(p)[1], rel=0.1)
        assert same.ends(p)[0] == pytest.approx(plain.ends(p)[0], rel=0.1)
    assert reaches.ends(expit(-0.5))[1] > expit(-0.5 + 0.7)
    assert reaches.ends(expit(-2.5))[1] < expit(-2.5 + 0.4)
    assert reaches.ends(expit(-0.5))[0] == pytest.approx(plain.ends(expit(-0.5))[0], rel=0.1)


def test_few_people_with_many_rows_are_no_proof_that_a_score_is_off() -> None:
    rng = np.random.default_rng(5)
    own = np.sort(rng.normal(-1, 0.3, 4000))
    refits = own + rng.normal(0, 0.1, (12, len(own)))
    recorded = np.zeros(len(own))
    recorded[::2] = 1  # far more than predicted
    many = table(own, refits, recorded=recorded, people=np.arange(len(own)))
    few = table(own, refits, recorded=recorded, people=recorded)
    assert few.ends(0.27)[1] < many.ends(0.27)[1] - 0.05


def test_more_people_make_narrower_intervals_where_the_model_can_learn_the_risk() -> None:
    """Where it cannot, more people show that, and the interval reaches further instead."""
    widths = []
    for people in (300, 1200):
        made = [matrix(people, seed=seed, twist=0.3) for seed in (2, 3)]
        models = [train(question(), rows, register=False, **QUICK).model for rows in made]
        ends = [model.interval_for(np.array([0.05, 0.1, 0.2])) for model in models]
        widths.append(np.mean([high - low for low, high in ends], axis=(0, 1)))
    assert widths[1] < widths[0]


@pytest.mark.parametrize("shape", [(1, 5), (12, 4), (5,)])
def test_refits_that_do_not_fit_the_rows_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(PrecursorError, match="refits of shape"):
        table(np.arange(5.0), np.zeros(shape))


@pytest.mark.parametrize(
    ("grid", "low", "high"),
    [
        ((1.0, 0.0), (0, 0), (0, 0)),
        ((0.0,), (0.1,), (0.0,)),
        ((0.0,), (0.0,), (-0.1,)),
        ((), (), ()),
    ],
)
def test_a_table_that_is_none_is_refused(
    grid: tuple[float, ...], low: tuple[float, ...], high: tuple[float, ...]
) -> None:
    with pytest.raises(PrecursorError, match="grid must increase"):
        IntervalTable(grid, low, high)
