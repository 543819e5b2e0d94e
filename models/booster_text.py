"""Is a booster's text sound? Asked before LightGBM reads it, which takes every text at its word.

A tree whose branches run in a circle, or lead out of it, ends the process that scores with it; one
whose counts do not add up gives reasons that are made up, though they add up to the score.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from features.errors import Conflict

Integers = npt.NDArray[np.int64]

DEEPEST = 500
"""Splits on a path; LightGBM walks trees in recursion."""

_NUMERIC = (0, 2, 4, 6, 8, 10)
"""Decisions on a number: bit 1 says which way what is missing goes, bits 2 and 3 what that is."""


def require_sound(text: str, columns: int, where: str) -> None:
    """Refuse a booster's text whose trees LightGBM or a reader of reasons could trip over.

    Parameters
    ----------
    text : str
        As ``Booster.model_to_string`` returns it.
    columns : int
        How many the model has.
    where : str
        What the error is about.

    Raises
    ------
    Conflict
        With the first tree that is not sound, and why.

    Examples
    --------
    >>> require_sound("tree", 3, "model of 'q'")
    Traceback (most recent call last):
    ...
    features.errors.Conflict: model of 'q': its booster is not sound (it does not say where ...
    """
    try:
        for number, block in enumerate(_blocks(text.encode())):
            wrong = _wrong(block, columns)
            if wrong:
                raise _Unsound(f"tree {number}: {wrong}")
    except (_Unsound, ValueError, OverflowError) as unsound:
        raise Conflict(
            f"{where}: its booster is not sound ({unsound})",
            remedy="Do not use it; train the model again.",
            code="model_refused",
        ) from None


class _Unsound(Exception):
    pass


def _blocks(text: bytes) -> list[bytes]:
    """Return the text of every tree, where the head says that it lies, as LightGBM finds it."""
    said = re.search(rb"^tree_sizes=([0-9 ]*)$", text, re.MULTILINE)
    start = text.find(b"Tree=0\n")
    if said is None or start < said.end():
        raise _Unsound("it does not say where its trees are")
    found = []
    for number, size in enumerate(map(int, said[1].split())):
        block = text[start : start + size]
        if not block.startswith(b"Tree=%d\n" % number) or block.count(b"Tree=") != 1:
            raise _Unsound(f"tree {number} is not where it is said to be")
        found.append(block)
        start += size
    if not text[start:].startswith(b"end of trees"):
        raise _Unsound("there are more trees than it says")
    return found


def _wrong(block: bytes, columns: int) -> str | None:
    """Return what is wrong with one tree."""
    lines = [line.partition(b"=") for line in block.splitlines() if line]
    said = {name.decode(): value for name, _, value in lines}
    if len(said) != len(lines):
        return "it says something twice"
    leaves = int(said.get("num_leaves", b"0"))
    splits = leaves - 1
    if leaves < 1 or int(said.get("num_cat", b"0")) or int(said.get("is_linear", b"0")):
        return "it is not of plain numeric splits"
    values = _numbers(said, "leaf_value")
    if len(values) != leaves or not np.isfinite(values).all():
        return "its leaves do not all have a value"
    if not splits:
        return None
    whole = ("split_feature", "decision_type", "left_child", "right_child", "internal_count")
    found = {name: _integers(said, name) for name in whole}
    rows, threshold = _integers(said, "leaf_count"), _numbers(said, "threshold")
    if {len(one) for one in (*found.values(), threshold)} != {splits} or len(rows) != leaves:
        return "its splits are not all told"
    column = found["split_feature"]
    if ((column < 0) | (column >= columns)).any():
        return "it splits on a column that there is not"
    if np.isnan(threshold).any() or not np.isin(found["decision_type"], _NUMERIC).all():
        return "it splits in a way that is not known"
    return _wrong_branches(found, rows)


def _wrong_branches(found: Mapping[str, Integers], rows: Integers) -> str | None:
    """Return what is wrong with the way from the root to the leaves, and with who went it."""
    children = np.stack([found["left_child"], found["right_child"]])
    splits = children.shape[1]
    # a split is named by its number, a leaf by -1, -2 and so on; the root is nobody's child
    if sorted(children.ravel().tolist()) != [*range(-splits - 1, 0), *range(1, splits)]:
        return "its branches do not lead to every leaf once"
    inner = children > 0
    if (inner & (children <= np.arange(splits))).any():
        return "its branches run in a circle"
    depth = np.ones(splits, np.int64)
    for split in range(splits):
        below = children[:, split]
        depth[below[below > 0]] = depth[split] + 1
    if (depth > DEEPEST).any():
        return f"a path has more than {DEEPEST} splits"
    went = np.where(
        inner, found["internal_count"][children.clip(0)], rows[~children.clip(None, -1)]
    )
    if (rows < 0).any() or not np.array_equal(went.sum(axis=0), found["internal_count"]):
        return "its counts of training rows do not add up"
    return None


def _numbers(said: Mapping[str, bytes], name: str) -> npt.NDArray[np.float64]:
    return np.array(said.get(name, b"").split(), dtype=np.float64)


def _integers(said: Mapping[str, bytes], name: str) -> Integers:
    return np.array([int(one) for one in said.get(name, b"").split()], dtype=np.int64)
