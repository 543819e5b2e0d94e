"""Exact Shapley values of a booster's trees, looked up in tables.

LightGBM's `pred_contrib` walks every tree anew for every row (TreeSHAP). But all that a row changes
is which conditions hold in it: a part of a tree with 8 conditions knows 256 cases. So each case is
worked out once for a model, and a row only looks its cases up: the same values, to rounding, in a
small part of the time (`precursor bench score` measures a whole batch beside `pred_contrib`).

A table costs memory, two to the power of the conditions on a path. A booster with longer paths than
`models.tree_parts` takes, or with more tables than `MOST_BYTES`, has none; LightGBM explains it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import factorial
from threading import Lock
from typing import NamedTuple
from weakref import WeakValueDictionary

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from features.errors import PrecursorError
from features.types import Floats
from models.tree_parts import MOST_CONDITIONS, Condition, Leaf, NoParts, Part, parts_of_trees

Places = npt.NDArray[np.intp]
Cases = npt.NDArray[np.uint8]

MOST_BYTES = 256 << 20
"""Of all tables of one model, which every worker keeps. Which boosters have tables belongs to the
format of a manifest: another bound here makes it another format."""

_AT_ONCE = 1 << 19  # values that few rows take together; more rows go through the trees together
_ROWS = 1024  # so that what is added up stays in the processor's cache
_LEAVES = 1024
_TRIED = 64
_SHARED: WeakValueDictionary[str, ShapleyTables] = WeakValueDictionary()
_MAKING = Lock()


class _Tree(NamedTuple):
    """The tables of one tree: a row for each case of each part, a column for each of its own."""

    columns: Places
    tables: tuple[Floats, ...]


class ShapleyTables:
    """What each case of each part of a booster's trees adds to each column's contribution.

    Parameters
    ----------
    parts : sequence of sequence of Part
        By tree.
    columns : int
        How many the booster has.

    Examples
    --------
    >>> X = np.arange(100.0)[:, None] % [7, 10]
    >>> settings = {"objective": "binary", "num_leaves": 4, "verbose": -1, "min_data_in_leaf": 5}
    >>> booster = lgb.train(settings, lgb.Dataset(X, X[:, 0] > X[:, 1]), 3)
    >>> found = ShapleyTables.of(booster).contributions(X)
    >>> bool(np.allclose(found, booster.predict(X, pred_contrib=True)[:, :-1], rtol=0, atol=1e-12))
    True
    """

    def __init__(self, parts: Sequence[Sequence[Part]], columns: int) -> None:
        self._width = columns
        flat = [part for tree in parts for part in tree]
        self._conditions = sorted({c for part in flat for c in part.conditions})
        self._asks = np.array([c.column for c in self._conditions], np.intp)
        self._thresholds = np.array([c.threshold for c in self._conditions])
        self._if_empty = np.array([c.holds_if_empty for c in self._conditions], bool)
        self._bits = _bits(flat, self._conditions)
        self._trees, self._values = _tables(parts)
        self._lay_down_slots()

    @classmethod
    def of(cls, booster: lgb.Booster) -> ShapleyTables | None:
        """Return a booster's tables, or None where it has none.

        Raises
        ------
        PrecursorError
            On rows that are tried they do not give what LightGBM gives; that contributions add up
            would not show it.
        """
        parts, size = [], 0
        try:
            for tree in parts_of_trees(booster):
                parts.append(tree)
                size += _values_in(tree) * 8
                if size > MOST_BYTES:
                    return None
        except NoParts:
            return None
        found = cls(parts, booster.num_feature())
        tried = found._to_be_tried()
        wanted = np.asarray(booster.predict(tried, pred_contrib=True, num_threads=1))[:, :-1]
        together, alone = found._of_many(tried).T, np.array([found._of_one(row) for row in tried])
        same = np.array_equal(together, alone)
        if not (same and np.allclose(together, wanted, rtol=1e-9, atol=1e-9)):
            raise PrecursorError(
                "tables of contributions: they do not give what LightGBM gives",
                remedy="Do not use this model; keep its files and report the fault.",
                code="reasons_do_not_add_up",
            )
        return found

    @classmethod
    def shared(cls, text: str, booster: lgb.Booster) -> ShapleyTables | None:
        """Return the tables of a booster, made once for all models in memory that have its text."""
        with _MAKING:
            found = _SHARED.get(text)
            if found is None:
                found = cls.of(booster)
                if found is not None:
                    _SHARED[text] = found
        return found

    def _to_be_tried(self) -> Floats:
        """Return rows that go many ways: each column at a threshold, past it, or empty."""
        lot = np.random.default_rng(0)
        rows = np.zeros((_TRIED, self._width))
        for column in np.unique(self._asks):
            own = self._thresholds[self._asks == column]
            values = np.concatenate([own, np.nextafter(own, np.inf), [np.nan]])
            rows[:, column] = lot.choice(values, _TRIED)
        return rows

    def contributions(self, X: Floats) -> Floats:
        """Return what each column adds to each row's margin.

        A row has the same bits alone as among a million: values are added tree by tree, in a tree
        part by part.

        Parameters
        ----------
        X : ndarray, shape (rows, columns)
            NaN where empty.

        Returns
        -------
        ndarray, shape (rows, columns)
            With the booster's expected margin they add up to its margin.
        """
        found = np.zeros((len(X), self._width))
        if not self._trees:
            return found
        if len(X) * len(self._part_of_slot) <= _AT_ONCE:
            for row, values in enumerate(X):
                found[row] = self._of_one(values)
            return found
        for start in range(0, len(X), _ROWS):
            rows = slice(start, start + _ROWS)
            found[rows] = self._of_many(X[rows]).T
        return found

    def _of_one(self, row: Floats) -> Floats:
        """Return one row's contributions: all values at once, added up in their order."""
        asked = row[self._asks]
        held = np.zeros(len(asked) + 1, np.uint8)
        held[:-1] = (asked <= self._thresholds) | (np.isnan(asked) & self._if_empty)
        first = self._first + self._cases(held) * self._widths
        values = self._values.take(first[self._part_of_slot] + self._place_in_part)
        by_tree = np.bincount(self._sum_of_slot, values)
        return np.bincount(self._column_of_sum, by_tree, self._width).astype(np.float64)

    def _of_many(self, X: Floats) -> Floats:
        """Return many rows' contributions, shape (columns, rows): case by case of each part."""
        cases = self._cases(self._held(np.ascontiguousarray(X.T)))
        found = np.zeros((self._width, len(X)))
        part = 0
        for columns, tables in self._trees:
            added = np.zeros((len(X), len(columns)))
            values = np.empty_like(added)
            for table in tables:
                table.take(cases[part], axis=0, out=values, mode="clip")
                added += values
                part += 1
            found[columns] += added.T
        return found

    def _held(self, X: Floats) -> Cases:
        """Return which conditions hold, shape (conditions + 1, rows); the last never does."""
        held = np.zeros((len(self._conditions) + 1, X.shape[1]), bool)
        edges = np.searchsorted(self._asks, range(self._width + 1))
        for column, (start, end) in enumerate(pairwise(edges.tolist())):
            if start == end:
                continue
            here = held[start:end]
            np.less_equal(X[column], self._thresholds[start:end, None], out=here)
            empty = np.isnan(X[column])
            if empty.any():
                here |= empty & self._if_empty[start:end, None]
        return held.view(np.uint8)

    def _cases(self, held: Cases) -> Cases:
        """Return which case each part is in, shape (parts, ...), by which conditions hold."""
        found: Cases = held[self._bits[-1]]
        for bit in self._bits[-2::-1]:
            found <<= 1
            found |= held[bit]
        return found

    def _lay_down_slots(self) -> None:
        """Lay down where one row finds its values: a slot for each column of each part."""
        parts = np.array([len(tree.tables) for tree in self._trees], np.intp)
        widths = np.array([len(tree.columns) for tree in self._trees], np.intp)
        sizes = np.array([table.size for tree in self._trees for table in tree.tables], np.intp)
        self._widths = np.repeat(widths, parts)
        self._first = np.cumsum(sizes) - sizes
        self._part_of_slot = np.repeat(np.arange(len(self._widths)), self._widths)
        before = np.cumsum(self._widths) - self._widths
        self._place_in_part = np.arange(len(self._part_of_slot)) - before[self._part_of_slot]
        sums = np.repeat(np.cumsum(widths) - widths, parts)
        self._sum_of_slot = sums[self._part_of_slot] + self._place_in_part
        self._column_of_sum = np.array([c for tree in self._trees for c in tree.columns], np.intp)


def values_by_case(value: Floats, shares: Floats) -> Floats:
    """Return what leaves add to the contributions of their columns, for every case of these.

    Parameters
    ----------
    value : ndarray, shape (leaves,)
    shares : ndarray, shape (leaves, columns)
        The share of training rows that each column's splits sent towards the leaf.

    Returns
    -------
    ndarray, shape (leaves, 2 ** columns, columns)
        Bit k of a case says whether a row's column k leads to the leaf.

    Notes
    -----
    Where only the columns S of a row are known, a leaf gives its value times 1 or 0 for each column
    in S and times the share for each other one (Lundberg, Erion and Lee 2018, arXiv:1802.03888,
    algorithm 1). Of m columns, column k's Shapley value is the mean gain by knowing it too, over
    all S, of which those of s columns weigh s! (m - s - 1)! / m!. The sum over all S of one size is
    a coefficient of a product of polynomials. To keep the values of every case is the idea of Yang
    2021, "Fast TreeSHAP", arXiv:2109.09847, second algorithm.

    Examples
    --------
    >>> values_by_case(np.array([8.0]), np.array([[0.5, 0.5]]))[0].tolist()
    [[-1.0, -1.0], [1.0, -3.0], [-3.0, 1.0], [3.0, 3.0]]
    """
    leaves, columns = shares.shape
    leads = (np.arange(1 << columns)[:, None] >> np.arange(columns) & 1).astype(np.float64)
    weights = [
        factorial(known) * factorial(columns - known - 1) / factorial(columns)
        for known in range(columns)
    ]
    found = np.empty((leaves, 1 << columns, columns))
    for column in range(columns):
        by_size = [np.ones((leaves, 1 << columns))]
        for other in (place for place in range(columns) if place != column):
            unknown, known = shares[:, other, None], leads[:, other]
            more = [np.zeros_like(by_size[0]), *(sums * known for sums in by_size)]
            for size, sums in enumerate(by_size):
                more[size] += sums * unknown
            by_size = more
        mean = np.zeros_like(by_size[0])
        for weight, sums in zip(weights, by_size, strict=True):
            mean += weight * sums
        gain = leads[:, column] - shares[:, column, None]
        found[:, :, column] = value[:, None] * gain * mean
    return found


def _bits(parts: Sequence[Part], conditions: Sequence[Condition]) -> Places:
    """Return which condition is each bit of each part, shape (bits, parts)."""
    place = {condition: number for number, condition in enumerate(conditions)}
    found = np.full((MOST_CONDITIONS, len(parts)), len(conditions), np.intp)
    for number, part in enumerate(parts):
        found[: len(part.conditions), number] = [place[c] for c in part.conditions]
    return found


def _columns(tree: Sequence[Part]) -> list[int]:
    return sorted({condition.column for part in tree for condition in part.conditions})


def _cases_of(part: Part) -> int:
    return 1 << len(part.conditions)


def _values_in(tree: Sequence[Part]) -> int:
    return len(_columns(tree)) * sum(map(_cases_of, tree))


def _tables(trees: Sequence[Sequence[Part]]) -> tuple[list[_Tree], Floats]:
    """Return every tree's tables, and the one array in which they lie one after another."""
    values = np.zeros(sum(map(_values_in, trees)))
    leaf_values = _of_leaves([leaf for tree in trees for part in tree for leaf in part.leaves])
    found, start, leaf = list[_Tree](), 0, 0
    for tree in trees:
        columns = _columns(tree)
        tables = []
        for part in tree:
            end = start + _cases_of(part) * len(columns)
            table = values[start:end].reshape(-1, len(columns))
            for own in part.leaves:
                places = np.searchsorted(columns, own.columns)
                table[:, places] += leaf_values[leaf][_case_of_leaf(own, len(table))]
                leaf += 1
            tables.append(table)
            start = end
        found.append(_Tree(np.array(columns, np.intp), tuple(tables)))
    return found, values


def _case_of_leaf(leaf: Leaf, rows: int) -> Places:
    """Return for every case of a part which case of its own columns a leaf is in."""
    leads = np.arange(rows)[:, None] & np.array(leaf.asked) == np.array(leaf.held)
    return np.packbits(leads, axis=1, bitorder="little")[:, 0].astype(np.intp)


def _of_leaves(leaves: Sequence[Leaf]) -> list[Floats]:
    """Return every leaf's values by case; leaves with as many columns are worked out together."""
    found: list[Floats] = [np.empty(0)] * len(leaves)
    for columns in {len(leaf.columns) for leaf in leaves}:
        alike = [place for place, leaf in enumerate(leaves) if len(leaf.columns) == columns]
        for start in range(0, len(alike), _LEAVES):
            some = alike[start : start + _LEAVES]
            values = np.array([leaves[place].value for place in some])
            shares = np.array([leaves[place].shares for place in some])
            for place, own in zip(some, values_by_case(values, shares), strict=True):
                found[place] = own
    return found
