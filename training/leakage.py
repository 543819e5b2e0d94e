"""The leakage proof: histories are the same when nothing is there that was known later.

On one date in the middle of the training, the records are cut: whatever became known on or after
it is taken away, and what was superseded from then on is not superseded yet. The histories compiled
from what is left must equal, to the bit, those the model learned from.
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

from features.history import History
from features.loads import Load, write_load
from features.matrix import Matrix
from features.records import TABLES

MOST_ROWS = 2_000


@dataclass(frozen=True)
class Proof:
    """What a leakage proof found.

    Attributes
    ----------
    as_of_date : str
        The date at which the records were cut.
    rows, columns : int
        Compared.
    records_left, records_cut : int
    differ : tuple of str
        Columns that were not the same; none of them should be.
    """

    as_of_date: str
    rows: int
    columns: int
    records_left: int
    records_cut: int
    differ: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether something was compared, something was cut, and all was the same."""
        return self.rows > 0 and self.records_cut > 0 and not self.differ

    def to_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self) | {"differ": list(self.differ), "passed": self.passed}

    @property
    def text(self) -> str:
        """The proof in one sentence."""
        if self.differ:
            shown = ", ".join(self.differ[:5])
            return (
                f"Leakage proof FAILED: without what was known from {self.as_of_date} on,"
                f" {len(self.differ)} columns differ: {shown}."
            )
        if not self.passed:
            return f"Leakage proof: nothing to compare on {self.as_of_date}."
        return (
            f"Leakage proof: {self.rows:,} histories of {self.as_of_date} are the same to the bit"
            f" without the {self.records_cut:,} records known from then on."
        )


def prove(load: Load, matrix: Matrix, *, harm: str, most: int = MOST_ROWS) -> Proof:
    """Cut the records at a date and compare the histories before and after.

    Parameters
    ----------
    load : Load
        The records that the matrix was made from.
    matrix : Matrix
    harm : str
        The list of harm weights, as the question names it.
    most : int
        Rows to compare.
    """
    labelled = matrix.labelled().frame
    days = np.unique(labelled["as_of_date"].to_numpy().astype("datetime64[D]"))
    if not len(days):
        return Proof(str(load.data_to), 0, 0, 0, 0, ())
    cut: date = days[len(days) // 2].astype(object)
    rows = labelled[labelled["as_of_date"] == pd.Timestamp(cut)]
    rows = rows.sort_values("nominal_id", kind="stable").head(most).reset_index(drop=True)
    names = matrix.feature_set.names
    with tempfile.TemporaryDirectory() as folder:
        left, counts = _cut(load, cut)
        before = write_load(
            Path(folder) / "cut",
            left,
            kind=load.kind,
            data_to=cut - timedelta(days=1),
            synthetic=load.synthetic,
        )
        history = History(before, harm=harm)
        again = history.matrix(rows, feature_set=matrix.feature_set)
        differ = [
            name
            for name in names
            if not np.array_equal(
                rows[name].to_numpy(np.float64), again[name].to_numpy(np.float64), equal_nan=True
            )
        ]
    return Proof(cut.isoformat(), len(rows), len(names), counts[0], counts[1], tuple(differ))


def _cut(load: Load, cut: date) -> tuple[dict[str, pa.Table], tuple[int, int]]:
    """Return the records as they stood before a day, and how many were kept and taken away."""
    connection = load.connect()
    found, kept, all_ = {}, 0, 0
    for name in TABLES:
        table = connection.table(name)
        all_ += int(table.count().execute())
        known = table.filter(table.known_on < ibis.literal(cut))
        standing = known.superseded_on < ibis.literal(cut)
        empty = ibis.null("date")
        known = known.mutate(superseded_on=ibis.ifelse(standing, known.superseded_on, empty))
        found[name] = (
            known.drop("load").to_pyarrow() if "load" in table.columns else known.to_pyarrow()
        )
        kept += len(found[name])
    return found, (kept, all_ - kept)
