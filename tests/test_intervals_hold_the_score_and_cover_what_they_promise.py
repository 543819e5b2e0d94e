"""The stored interval table: around the score, rising with it, as wide as the evidence makes it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_matrix import matrix, result, truth
from scipy.special import expit

from features.errors import PrecursorError
from models.interval import IntervalTable, table

seeds = st.integers(0, 2**32 - 1)


def made(seed: int, rows: int = 400, refits: int = 12) -> IntervalTable:
    rng = np.random.default_rng(seed)
    own = np.round(rng.normal(-2, 1.5, rows), 1)  # ties, as real scores have
    width = rng.uniform(0, 1, rows)
    return table(own, own + width * rng.normal(size=(refits, rows)) + rng.normal(0, 0.3))


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


def test_a_wider_scatter_makes_no_end_narrower() -> None:
    own = np.linspace(-3, 0, 600)
    refits = own + np.random.default_rng(1).normal(0, 0.2, (12, 600))
    plain, wide = table(own, refits), table(own, refits, wider=2.0)
    at = expit(own)
    assert (wide.ends(at)[0] <= plain.ends(at)[0]).all()
    assert (wide.ends(at)[1] >= plain.ends(at)[1]).all()


def test_more_people_make_narrower_intervals() -> None:
    widths = []
    for people in (300, 1200):
        low, high = result(seed=2, people=people).model.interval_for(0.2)
        widths.append(float(high - low))
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
