"""Boosters of few rows and many shapes, and texts of boosters that nobody would train."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import lightgbm as lgb
import numpy as np

QUIET = {"objective": "binary", "verbose": -1, "num_threads": 1, "deterministic": True, "seed": 1}


def rows(seed: int, columns: int, *, number: int = 300, few: bool = False) -> np.ndarray:
    """Rows with empty values, zeros and, where few, many that are alike."""
    rng = np.random.default_rng(seed)
    found = rng.normal(size=(number, columns))
    if few:
        found = np.round(found)
    found[rng.random(found.shape) < 0.15] = np.nan
    found[rng.random(found.shape) < 0.1] = 0.0
    return found


def fitted(
    X: np.ndarray, seed: int = 0, trees: int = 5, *, kinds: Sequence[int] = (), **more: Any
) -> lgb.Booster:
    rng = np.random.default_rng(seed)
    pull = np.nan_to_num(X) @ rng.normal(size=X.shape[1]) + np.isnan(X).sum(axis=1)
    y = rng.random(len(X)) < 1 / (1 + np.exp(-pull))
    data = lgb.Dataset(X, y, categorical_feature=list(kinds))
    booster = lgb.train({**QUIET, "min_data_in_leaf": 3, **more}, data, trees)
    return lgb.Booster(model_str=booster.model_to_string())


def chain(splits: int) -> str:
    """A booster's text with one tree whose every split goes on at the right."""
    booster = fitted(rows(6, 2), trees=1, num_leaves=2).model_to_string()
    head, _, rest = booster.partition("Tree=0\n")
    after = rest[rest.index("end of trees") :]
    numbers = range(splits)
    lines = {
        "num_leaves": [splits + 1],
        "num_cat": [0],
        "split_feature": [0 for _ in numbers],
        "split_gain": [1 for _ in numbers],
        "threshold": list(numbers),
        "decision_type": [2 for _ in numbers],
        "left_child": [-number - 1 for number in numbers],
        "right_child": [*range(1, splits), -splits - 1],
        "leaf_value": [0.5 * number for number in range(splits + 1)],
        "leaf_weight": [1] * (splits + 1),
        "leaf_count": [1] * (splits + 1),
        "internal_value": [0 for _ in numbers],
        "internal_weight": [1 for _ in numbers],
        "internal_count": [splits + 1 - number for number in numbers],
        "is_linear": [0],
        "shrinkage": [1],
    }
    told = (f"{name}={' '.join(map(str, values))}\n" for name, values in lines.items())
    tree = "Tree=0\n" + "".join(told) + "\n\n"
    head = re.sub(r"tree_sizes=.*", f"tree_sizes={len(tree)}", head)
    return head + tree + after


def resized(text: str) -> str:
    """Say anew where the trees of a changed text are."""
    trees = re.split(r"(?=Tree=\d+\n)", text[: text.index("end of trees")])[1:]
    return re.sub(r"tree_sizes=.*", f"tree_sizes={' '.join(str(len(one)) for one in trees)}", text)
