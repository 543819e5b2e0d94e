"""Contributions from tables are LightGBM's own; a model that has no tables is explained by it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import date
from pathlib import Path
from typing import Any
from weakref import ref

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_matrix import matrix, result
from odd_boosters import QUIET, chain, fitted, rows

from features.errors import PrecursorError
from models import shapley
from models.explanation import explain
from models.manifest import FORMAT
from models.risk_model import RiskModel
from models.shapley import ShapleyTables, values_by_case
from models.tree_parts import MOST_CONDITIONS, NEARLY_ZERO, parts_of_trees
from models.words import reasons_of_rows
from serving.asked import asked_of

SIZES = (0, 1, 2, 16, 1023, 1024, 1025)
WAYS = (0, 1 << 30)
"""Values taken at once: of many rows tree by tree, and of each row by itself."""


@contextmanager
def taking(at_once: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shapley, "_AT_ONCE", at_once)
        yield


def lightgbms(booster: lgb.Booster, X: np.ndarray) -> np.ndarray:
    return np.asarray(booster.predict(X, pred_contrib=True))[:, :-1]


def tables(booster: lgb.Booster) -> ShapleyTables:
    found = ShapleyTables.of(booster)
    assert found is not None
    return found


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    columns=st.integers(1, 9),
    leaves=st.integers(2, 60),
    depth=st.integers(1, MOST_CONDITIONS),
    few=st.booleans(),
    use_missing=st.booleans(),
)
def test_any_trees_give_what_lightgbm_gives(
    seed: int, columns: int, leaves: int, depth: int, few: bool, use_missing: bool
) -> None:
    X = rows(seed, columns, few=few)
    booster = fitted(X, seed, num_leaves=leaves, max_depth=depth, use_missing=use_missing)
    found, wanted = tables(booster), lightgbms(booster, X)
    for at_once in WAYS:
        with taking(at_once):
            given = found.contributions(X)
        assert np.abs(given - wanted).max() < 1e-12
        assert (given[:, (wanted == 0).all(axis=0)] == 0).all()


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), columns=st.integers(1, 6), leaves=st.integers(2, 40))
def test_a_row_has_the_same_bits_in_any_company(seed: int, columns: int, leaves: int) -> None:
    X = rows(seed, columns, number=max(SIZES))
    found = tables(fitted(X, seed, num_leaves=leaves, max_depth=6))
    whole = found.contributions(X)
    for at_once in WAYS:
        with taking(at_once):
            for size in SIZES:
                some = found.contributions(X[len(X) - size :])
                assert some.shape == (size, columns)
                assert some.tobytes() == whole[len(X) - size :].tobytes()
            assert found.contributions(np.asfortranarray(X)).tobytes() == whole.tobytes()


def test_values_that_no_row_of_training_had_go_the_same_way() -> None:
    X = rows(1, 3)
    booster = fitted(X, num_leaves=20, max_depth=6)
    tiny = [5e-324, 1e-36, NEARLY_ZERO, 2 * NEARLY_ZERO]
    strange = np.array([np.inf, np.nan, 1e300, 1.5e300, 0.0, *tiny])
    strange = np.concatenate([strange, -strange])
    thresholds = [
        c.threshold for tree in parts_of_trees(booster) for p in tree for c in p.conditions
    ]
    edges = np.nextafter(np.array(thresholds)[:, None], [-9, 0, 9]).ravel()
    for some in (strange, thresholds, edges):
        X = np.repeat(np.asarray(some)[:, None], 3, axis=1)
        found = tables(booster).contributions(X)
        assert np.abs(found - lightgbms(booster, X)).max() < 1e-12


def test_a_case_is_worth_what_its_definition_says() -> None:
    shares, value = np.array([0.3, 0.5, 0.9]), 2.0
    found = values_by_case(np.array([value]), shares[None, :])[0]
    for case, own in enumerate(found):
        leads = [case >> place & 1 for place in range(3)]
        # what a row gets beyond what anybody gets is shared out whole
        assert own.sum() == pytest.approx(value * (np.prod(leads) - np.prod(shares)), abs=1e-15)
    one = values_by_case(np.array([value]), shares[None, :1])[0]
    assert one[:, 0].tolist() == [value * (0 - 0.3), value * (1 - 0.3)]


def test_trees_that_never_split_contribute_nothing() -> None:
    X = rows(2, 2)
    booster = fitted(X, trees=2, min_data_in_leaf=len(X))
    assert not list(parts_of_trees(booster))
    for size in (1, 100):
        assert not tables(booster).contributions(X[:size]).any()


@pytest.mark.parametrize(
    "settings",
    [
        {"max_depth": MOST_CONDITIONS + 1, "num_leaves": 200, "min_data_in_leaf": 1},
        {"kinds": [0]},
        {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5},
        {"linear_tree": True},
        {"zero_as_missing": True},
        {"objective": "multiclass", "num_class": 2},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_trees_of_another_kind_have_no_tables(settings: dict[str, Any]) -> None:
    X = np.round(3 * np.abs(rows(3, 2, number=600)))
    assert ShapleyTables.of(fitted(X, **settings)) is None


def test_what_a_booster_says_oddly_of_its_trees_has_no_tables() -> None:
    X = np.array([[0.5, 0.0], [2.5, 0.0], [7.5, 0.0]])
    for splits in (3, MOST_CONDITIONS):
        booster = lgb.Booster(model_str=chain(splits))
        assert np.allclose(tables(booster).contributions(X), lightgbms(booster, X), atol=1e-12)
    for splits in (MOST_CONDITIONS + 1, 500, 2500):
        assert ShapleyTables.of(lgb.Booster(model_str=chain(splits))) is None
    uncounted = chain(3).replace("leaf_count=1 1 1 1", "leaf_count=1 0 1 1")
    assert ShapleyTables.of(lgb.Booster(model_str=uncounted)) is None


def test_which_boosters_have_tables_belongs_to_the_format() -> None:
    assert (FORMAT, MOST_CONDITIONS, shapley.MOST_BYTES) == (2, 8, 256 << 20)


def test_tables_are_made_once_for_all_models_of_a_booster() -> None:
    model = result().model
    again = RiskModel(**{one.name: getattr(model, one.name) for one in fields(model)})
    assert again.tables is model.tables
    assert model.at_stage("live").tables is model.tables


def test_nothing_that_was_told_keeps_a_model_in_memory() -> None:
    X = matrix(seed=3).X[:2]
    model = replace(result().model, interval=result().model.interval)
    found = explain(model, X)
    reasons_of_rows(model, X, found.contributions, found.groups, [date(2026, 6, 16)] * len(X))
    asked_of(model)
    alive = ref(model)
    del model
    gc.collect()
    assert alive() is None


def test_more_tables_than_a_worker_can_hold_are_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    booster = fitted(rows(4, 4), num_leaves=16, max_depth=5)
    held = tables(booster)._values.nbytes
    monkeypatch.setattr(shapley, "MOST_BYTES", held - 1)
    assert ShapleyTables.of(booster) is None
    monkeypatch.setattr(shapley, "MOST_BYTES", held)
    assert ShapleyTables.of(booster) is not None


def test_tables_that_share_a_leaf_out_otherwise_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    booster = fitted(rows(5, 4), num_leaves=16, max_depth=5)
    right = shapley.values_by_case

    def wrong(value: np.ndarray, shares: np.ndarray) -> np.ndarray:
        return right(value, shares)[:, :, ::-1]  # columns change places, and still add up

    monkeypatch.setattr(shapley, "values_by_case", wrong)
    with pytest.raises(PrecursorError, match="do not give what LightGBM gives"):
        ShapleyTables.of(booster)


def explained(model: RiskModel, X: np.ndarray) -> tuple[float, np.ndarray]:
    base, parts = model.contributions(X)
    assert np.abs(base + parts.sum(axis=1) - model.log_odds(X)).max() < 1e-9
    return base, parts


def test_a_model_of_the_first_format_is_explained_by_lightgbm(tmp_path: Path) -> None:
    model, X = result().model, matrix(seed=3).X[:300]
    assert model.format == 2
    old = replace(model, format=1)
    base, parts = explained(old, X)
    assert old.tables is None
    assert parts.tobytes() == (old.slope * lightgbms(old.booster, old.as_read(X))).tobytes()
    new_base, new = explained(model, X)
    assert new_base == base
    assert 0 < np.abs(new - parts).max() < 1e-12
    for saved in (old, model):  # and so it is by whoever reads it again
        folder = tmp_path / str(saved.format)
        saved.save(folder)
        again = RiskModel.load(folder)
        assert again.format == saved.format
        assert explained(again, X)[1].tobytes() == explained(saved, X)[1].tobytes()


def test_a_model_with_deep_trees_is_explained_by_lightgbm() -> None:
    model, X = result().model, matrix(seed=3).X
    y = model.as_read(X)[:, 0] * np.sin(np.nan_to_num(X).sum(axis=1))
    names = model.feature_set.names
    data = lgb.Dataset(model.as_read(X), y > np.median(y), feature_name=names)
    deep = {**QUIET, "num_leaves": 300, "min_data_in_leaf": 1, "max_depth": -1}
    model = replace(model, text=lgb.train(deep, data, 3).model_to_string())
    assert model.tables is None
    wanted = model.slope * lightgbms(model.booster, model.as_read(X))
    assert explained(model, X)[1].tobytes() == wanted.tobytes()
