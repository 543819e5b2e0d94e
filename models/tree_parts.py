"""A booster's trees in parts, each of so few conditions that all their cases can be listed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import lightgbm as lgb
import numpy as np

MOST_CONDITIONS = 8
"""Of one part, so that a case of it fits a byte. As with the bytes of all tables
(`models.shapley`), another bound makes it another format of the manifest."""

NEARLY_ZERO = float(np.float32(1e-35))
"""LightGBM reads every value that is no further from 0 as 0 (its ``kZeroThreshold``)."""

ENDLESS = 1e300
"""What LightGBM tells of a threshold that is infinite."""

Node = Mapping[str, Any]


class NoParts(ValueError):
    """A booster whose trees cannot be taken apart, and why."""


class Condition(NamedTuple):
    """A split of a tree: it holds where a column is at most a threshold, or empty, if said so."""

    column: int
    threshold: float
    holds_if_empty: bool


@dataclass(frozen=True)
class Leaf:
    """A leaf of a tree by the columns of its path, each once, in the order of the path.

    Parameters
    ----------
    value : float
        What it adds to the margin.
    columns : tuple of int
    shares : tuple of float
        By column, the share of training rows that its splits sent this way.
    asked, held : tuple of int
        By column, which conditions of the part are on the path, and which of them hold there: bits.
    """

    value: float
    columns: tuple[int, ...]
    shares: tuple[float, ...]
    asked: tuple[int, ...]
    held: tuple[int, ...]


@dataclass(frozen=True)
class Part:
    """Some leaves of one tree and all conditions on their paths; bit 0 is the first condition."""

    conditions: tuple[Condition, ...]
    leaves: tuple[Leaf, ...]


class _Step(NamedTuple):
    """One split of a path: which way it goes, and the share of training rows that went it."""

    node: Node
    held: bool
    share: float


def parts_of_trees(booster: lgb.Booster) -> Iterator[list[Part]]:
    """Yield the parts of every tree that splits at all.

    A part is a subtree with the path to it; a row's conditions say what all its leaves give.

    Raises
    ------
    NoParts
        A path is longer than `MOST_CONDITIONS`, or a tree is not of plain numeric splits.
    """
    try:
        told = booster.dump_model()
    except RecursionError as deep:
        raise NoParts("a path is too long to be told") from deep
    if told["num_tree_per_iteration"] != 1 or told.get("average_output"):
        raise NoParts("its margin is not the sum of its trees")
    for tree in told["tree_info"]:
        root = tree["tree_structure"]
        if _splits(root):
            yield [_part(*found) for found in _subtrees(root, ())]


def _subtrees(node: Node, path: tuple[_Step, ...]) -> Iterator[tuple[Node, tuple[_Step, ...]]]:
    """Yield the largest subtrees whose splits, with those of their paths, are few enough."""
    room = MOST_CONDITIONS - len(path)
    if room < 0:
        raise NoParts(f"a path has more than {MOST_CONDITIONS} splits")
    if _inner(node, room + 1) <= room:
        yield node, path
    else:
        for step, child in _branches(node):
            yield from _subtrees(child, (*path, step))


def _part(node: Node, path: tuple[_Step, ...]) -> Part:
    bits: dict[int, int] = {}
    conditions = []
    leaves = []
    for value, steps in _leaves(node, path):
        shares: dict[int, float] = {}
        asked: dict[int, int] = {}
        held: dict[int, int] = {}
        for step in steps:
            number, column = step.node["split_index"], step.node["split_feature"]
            if number not in bits:
                bits[number] = 1 << len(bits)
                conditions.append(_condition(step.node))
            shares[column] = shares.get(column, 1.0) * step.share
            asked[column] = asked.get(column, 0) | bits[number]
            held[column] = held.get(column, 0) | (bits[number] if step.held else 0)
        leaves.append(
            Leaf(
                value,
                columns=tuple(shares),
                shares=tuple(shares.values()),
                asked=tuple(asked.values()),
                held=tuple(held.values()),
            )
        )
    return Part(tuple(conditions), tuple(leaves))


def _leaves(node: Node, path: Sequence[_Step]) -> Iterator[tuple[float, Sequence[_Step]]]:
    if _splits(node):
        for step, child in _branches(node):
            yield from _leaves(child, (*path, step))
    elif "leaf_const" in node:
        raise NoParts("a leaf is a line, not a value")
    else:
        yield float(node["leaf_value"]), path


def _branches(node: Node) -> Iterator[tuple[_Step, Node]]:
    """Yield both ways on from a split; the condition holds on the left."""
    for side, held in (("left_child", True), ("right_child", False)):
        child = node[side]
        rows = child["internal_count"] if _splits(child) else child.get("leaf_count")
        if not rows or not node["internal_count"]:
            raise NoParts("it is not said how many training rows went a way")
        yield _Step(node, held, rows / node["internal_count"]), child


def _condition(node: Node) -> Condition:
    asks, missing = node["decision_type"], node["missing_type"]
    if asks != "<=" or missing not in ("None", "NaN"):
        raise NoParts(f"a split is '{asks}', missing '{missing}'")
    threshold = float(node["threshold"])
    # without a way for what is missing, LightGBM reads an empty value as 0
    if_empty = node["default_left"] if missing == "NaN" else threshold >= 0
    return Condition(node["split_feature"], _as_compared(threshold), bool(if_empty))


def _as_compared(threshold: float) -> float:
    """Return the threshold that parts all values, tiny ones too, as LightGBM parts them."""
    if threshold >= ENDLESS:
        return math.inf
    if 0 <= threshold < NEARLY_ZERO:
        return NEARLY_ZERO
    return math.nextafter(-NEARLY_ZERO, -math.inf) if -NEARLY_ZERO <= threshold < 0 else threshold


def _inner(node: Node, most: int) -> int:
    """Return how many splits a subtree has; of many, only that there are at least so many."""
    if not most or not _splits(node):
        return 0
    left = 1 + _inner(node["left_child"], most - 1)
    return left + _inner(node["right_child"], most - left)


def _splits(node: Node) -> bool:
    return "split_index" in node
