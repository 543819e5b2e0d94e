"""From the long form to the columns of a matrix: windows unite age buckets, filters are bits.

The database has grouped each person's visible events by (row, source, marks, age bucket). Whatever
the number of features, that is done once; a column costs a pass over these few cells in NumPy.
Sums are of integers below 2**53, so their order, and the number of threads, change nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.declare import BUCKETS, FeatureColumn, FeatureSet, Window
from features.events import OFFENCE_MARKS
from features.sources import SOURCES

YEAR = 365.25
N_BUCKETS = len(BUCKETS) + 1  # the last holds what is older, and what has no date

VARIETY_OF = tuple(
    mark
    for mark in OFFENCE_MARKS[: OFFENCE_MARKS.index("high_harm")]
    if mark not in ("injury", "homicide", "threats")
)
"""Kinds of offence over which variety is the entropy, without those that another contains."""

Array = np.ndarray


@dataclass(frozen=True)
class Cells:
    """Cells of the long form for one source, as parallel arrays.

    `rows` are row numbers of the spine, `buckets` age buckets, `amounts` sums and maxima by name.
    """

    height: int
    rows: Array
    marks: Array
    buckets: Array
    amounts: dict[str, Array]

    @classmethod
    def read(cls, long: pa.Table, source: str, height: int) -> Cells:
        """Return the cells of one source out of a chunk's long form."""
        frame = long.filter(pc.equal(long["source"], source))
        arrays = {
            name: frame[name].to_numpy()
            for name in frame.column_names
            if name not in ("source", "row", "marks", "bucket")
        }
        key = {name: frame[name].to_numpy().astype(np.int64) for name in ("row", "marks", "bucket")}
        return cls(height, key["row"], key["marks"], key["bucket"], arrays)

    def having(self, bits: int) -> Cells:
        """Return the cells whose events carry all these marks."""
        keep = (self.marks & bits) == bits
        amounts = {name: values[keep] for name, values in self.amounts.items()}
        return Cells(self.height, self.rows[keep], self.marks[keep], self.buckets[keep], amounts)

    def sums(self, amount: str) -> Array:
        """Return sums of an amount for every row and window, shortest window first (int64)."""
        values = np.nan_to_num(self.amounts[amount].astype(np.float64))
        flat = np.bincount(
            self.rows * N_BUCKETS + self.buckets, values, minlength=self.height * N_BUCKETS
        )
        return flat.reshape(self.height, N_BUCKETS).cumsum(axis=1).astype(np.int64)

    def maxima(self, amount: str) -> Array:
        """Return maxima for every row and window; NaN where there is none."""
        values = self.amounts[amount].astype(np.float64)
        known = ~np.isnan(values)
        dense = np.full((self.height, N_BUCKETS), -np.inf)
        np.maximum.at(dense, (self.rows[known], self.buckets[known]), values[known])
        dense = np.maximum.accumulate(dense, axis=1)
        return np.where(np.isinf(dense), np.nan, dense)

    @cached_property
    def nearest(self) -> Array:
        """Days since the most recent dated event of each row; NaN where there is none."""
        return self._extreme("nearest", np.minimum, np.inf)

    @cached_property
    def farthest(self) -> Array:
        """Days since the first dated event of each row; NaN where there is none."""
        return self._extreme("farthest", np.maximum, -np.inf)

    def _extreme(self, amount: str, pick: np.ufunc, start: float) -> Array:
        values = self.amounts[amount].astype(np.float64)
        known = ~np.isnan(values)
        found = np.full(self.height, start)
        pick.at(found, self.rows[known], values[known])
        return np.where(np.isinf(found), np.nan, found)


def _distinct(pairs: pa.Table, source: str, bits: int, height: int) -> Array:
    """Count different persons by window: each counts from the most recent event with them."""
    frame = pairs.filter(pc.equal(pairs["source"], source)).to_pandas()
    frame = frame[(frame["marks"] & bits) == bits]
    if frame.empty:
        return np.zeros((height, N_BUCKETS), np.int64)
    recent = frame.groupby(["row", "who"], sort=False)["nearest"].min().reset_index()
    # an undated event has no age and belongs to the last bucket
    ages = recent["nearest"].to_numpy(np.float64, na_value=np.inf)
    cells = recent["row"].to_numpy() * N_BUCKETS + np.searchsorted(BUCKETS, ages)
    flat = np.bincount(cells, minlength=height * N_BUCKETS)
    return flat.reshape(height, N_BUCKETS).cumsum(axis=1).astype(np.int64)


def _variety(cells: Cells, source: str) -> Array:
    """Entropy, in nats, of the kinds of offence; NaN where there is none."""
    bits = SOURCES[source].bits
    counts = np.stack(
        [cells.having(bits((mark,))).sums("n")[:, -1] for mark in VARIETY_OF], axis=1
    ).astype(np.float64)
    total = counts.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = counts / total
        terms = np.where(counts > 0, share * np.log(share), 0.0)
    return np.where(total[:, 0] > 0, np.abs(terms.sum(axis=1)), np.nan)


def _gap(cells: Cells) -> Array:
    """Mean days between consecutive dated events; NaN with fewer than two."""
    number = cells.sums("dated")[:, -1].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(number > 1, (cells.farthest - cells.nearest) / (number - 1), np.nan)


def column_of(window: Window) -> int:
    """Return the position of a window among the cumulated buckets.

    Examples
    --------
    >>> column_of(30), column_of(None)
    (0, 5)
    """
    return N_BUCKETS - 1 if window is None else BUCKETS.index(window)


def assemble(
    feature_set: FeatureSet, long: pa.Table | None, pairs: pa.Table | None, age_days: Array
) -> dict[str, Array]:
    """Return every column of the feature set for one chunk of rows.

    Parameters
    ----------
    feature_set : FeatureSet
    long : pyarrow.Table, optional
        Cells: row, source, marks, bucket, n, dated, nearest, farthest, and sums and maxima; not
        needed where no column is made from them.
    pairs : pyarrow.Table, optional
        For distinct counts: row, source, marks, who, nearest.
    age_days : ndarray of float, shape (rows,)
        The person's age in days; NaN without a date of birth.

    Returns
    -------
    dict of str to ndarray
        int64 for counts and sums (0 when empty), float64 for the rest (NaN when empty).
    """
    height = len(age_days)
    cells: dict[tuple[str, int], Cells] = {}
    windowed: dict[tuple[str, int, str, str], Array] = {}

    def of(column: FeatureColumn) -> Cells:
        bits = SOURCES[column.source].bits(column.of)
        if (column.source, 0) not in cells:
            cells[column.source, 0] = Cells.read(long, column.source, height)
        if (column.source, bits) not in cells:
            cells[column.source, bits] = cells[column.source, 0].having(bits)
        return cells[column.source, bits]

    def in_window(column: FeatureColumn, compute: Callable[[], Array]) -> Array:
        bits = SOURCES[column.source].bits(column.of)
        key = (column.source, bits, column.measure, column.amount)
        if key not in windowed:
            windowed[key] = compute()
        return windowed[key][:, column_of(column.window)]

    def values(column: FeatureColumn) -> Array:
        match column.measure:
            case "count":
                return in_window(column, lambda: of(column).sums("n"))
            case "sum":
                return in_window(column, lambda: of(column).sums(f"{column.amount}_sum"))
            case "decayed":
                return in_window(column, lambda: of(column).sums(f"{column.amount}_decayed"))
            case "max":
                return in_window(column, lambda: of(column).maxima(f"{column.amount}_max"))
            case "distinct":
                bits = SOURCES[column.source].bits(column.of)
                return in_window(column, lambda: _distinct(pairs, column.source, bits, height))
            case "recency":
                return of(column).nearest
            case "first":
                return of(column).farthest
            case "gap":
                return _gap(of(column))
            case "variety":
                return _variety(of(column), column.source)
            case "age":
                return age_days / YEAR
            case "onset":
                years: Array = (age_days - of(column).farthest) / YEAR
                return years
        raise KeyError(f"{column.name}: no such measure: {column.measure}")

    return {column.name: values(column) for column in feature_set.columns}
