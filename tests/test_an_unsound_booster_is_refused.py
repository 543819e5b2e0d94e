"""A booster's text is checked before LightGBM reads it: nothing that ends a process is opened."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_matrix import result
from odd_boosters import chain, fitted, resized, rows

from features.errors import Conflict
from models.booster_text import DEEPEST, require_sound

SOUND = chain(3)

CHANGES = {
    "a circle": ("right_child=1 2 -4", "right_child=2 1 -4", "run in a circle"),
    "itself": ("right_child=1 2 -4", "right_child=1 0 -4", "every leaf once"),
    "both the same": ("right_child=1 2 -4", "right_child=1 1 -4", "every leaf once"),
    "a split that there is not": ("right_child=1 2 -4", "right_child=1 9 -4", "every leaf once"),
    "a leaf that there is not": ("right_child=1 2 -4", "right_child=1 2 -9", "every leaf once"),
    "a column that there is not": ("split_feature=0 0 0", "split_feature=0 5 0", "a column"),
    "a column below the first": ("split_feature=0 0 0", "split_feature=0 -1 0", "a column"),
    "an endless column": ("split_feature=0 0 0", f"split_feature=0 {10**30} 0", "int"),
    "an unknown decision": ("decision_type=2 2 2", "decision_type=2 14 2", "not known"),
    "a category": ("decision_type=2 2 2", "decision_type=2 1 2", "not known"),
    "no threshold": ("threshold=0 1 2", "threshold=0 nan 2", "not known"),
    "no value": ("leaf_value=0.0 0.5", "leaf_value=nan 0.5", "have a value"),
    "an endless value": ("leaf_value=0.0 0.5", "leaf_value=0.0 inf", "have a value"),
    "a leaf too many": ("num_leaves=4", "num_leaves=5", "have a value"),
    "a line too short": ("threshold=0 1 2", "threshold=0 1", "not all told"),
    "a line twice": ("num_leaves=4", "num_leaves=4\nnum_leaves=4", "twice"),
    "false counts": ("leaf_count=1 1 1 1", "leaf_count=1 1 1 2", "do not add up"),
    "counts below none": ("leaf_count=1 1 1 1", "leaf_count=-1 1 1 1", "do not add up"),
    "a word": ("num_leaves=4", "num_leaves=four", "invalid literal"),
    "lines as leaves": ("is_linear=0", "is_linear=1", "plain numeric"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_not_sound_is_refused_with_the_tree_and_why(change: str) -> None:
    require_sound(SOUND, 2, "it")
    before, after, why = CHANGES[change]
    assert before in SOUND
    with pytest.raises(Conflict, match=why) as refused:
        require_sound(resized(SOUND.replace(before, after)), 2, "it")
    assert refused.value.message.startswith("it: its booster is not sound (")


def test_trees_lie_where_the_head_says() -> None:
    for text in (
        SOUND.replace("tree_sizes=", "tree_sizes=1"),
        SOUND.replace("tree_sizes=", "sizes="),
        SOUND.replace("end of trees", "Tree=1\nnum_leaves=1\nend of trees"),
        SOUND[: SOUND.index("end of trees")],
        "",
    ):
        with pytest.raises(Conflict, match="not sound"):
            require_sound(text, 2, "it")


def test_paths_are_no_longer_than_can_be_walked() -> None:
    require_sound(chain(DEEPEST), 2, "it")
    with pytest.raises(Conflict, match=f"more than {DEEPEST} splits"):
        require_sound(chain(DEEPEST + 1), 2, "it")


SAMPLED = (
    {},
    {"bagging_freq": 1, "bagging_fraction": 0.6},
    {"data_sample_strategy": "goss"},
    {"extra_trees": True, "feature_fraction": 0.5},
)


@given(st.integers(0, 10_000), st.integers(2, 60), st.sampled_from(SAMPLED))
def test_whatever_lightgbm_trains_is_sound(seed: int, leaves: int, how: dict[str, Any]) -> None:
    booster = fitted(rows(seed, 4), seed, num_leaves=leaves, min_data_in_leaf=1, **how)
    require_sound(booster.model_to_string(), 4, "it")


def test_no_model_holds_one() -> None:
    model = result().model
    with pytest.raises(Conflict, match="model of 'made_up': its booster is not sound"):
        replace(model, text=model.text.replace("tree_sizes=", "tree_sizes=1"))
