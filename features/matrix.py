"""The matrix: one row a nominal and as-of date, history as columns, a manifest beside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.cohort import cohort, eligible
from features.declare import FeatureSet
from features.errors import NotFound, PrecursorError
from features.history import History
from features.labels import label, provided_labels, training_dates
from features.loads import sha256
from features.question import Provided, Question

KEYS = ("nominal_id", "as_of_date")
FORMAT = 1


@dataclass
class Matrix:
    """Rows of a question with their history, and labels where they are known.

    Attributes
    ----------
    frame : DataFrame
        `nominal_id`, `as_of_date`, labels if any, then the columns of `feature_set`.
    feature_set : FeatureSet
    manifest : dict
        The question, the load and the feature set it was made from, as data.
    """

    frame: pd.DataFrame
    feature_set: FeatureSet
    manifest: dict[str, Any] = field(default_factory=dict)

    @property
    def X(self) -> np.ndarray:
        """The columns as float64, shape (rows, columns), NaN where a value is empty."""
        return self.frame[self.feature_set.names].to_numpy(np.float64)

    @property
    def y(self) -> np.ndarray:
        """The labels as 0 and 1; rows without a mature label must have been left out."""
        if "label" not in self.frame or self.frame["label"].isna().any():
            raise PrecursorError(
                "matrix: some rows have no label",
                remedy="Keep the labelled rows only: matrix.labelled().",
            )
        return self.frame["label"].to_numpy(np.int64)

    def labelled(self) -> Matrix:
        """Return the rows whose label is known and mature."""
        kept = (
            self.frame[self.frame["label"].notna()].reset_index(drop=True)
            if "label" in self.frame
            else self.frame.iloc[:0]
        )
        return Matrix(kept, self.feature_set, self.manifest)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over every value, in order: equal matrices have equal fingerprints."""
        hashed = hashlib.sha256(self.feature_set.fingerprint.encode())
        hashed.update(pd.util.hash_pandas_object(self.frame, index=False).to_numpy().tobytes())
        return hashed.hexdigest()

    def write(self, path: Path) -> None:
        """Write the rows as Parquet, in one step, and the manifest as JSON beside it."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        part, beside = path.with_name(path.name + ".part"), manifest_path(path)
        table = pa.Table.from_pandas(self.frame, preserve_index=False).replace_schema_metadata()
        index = table.column_names.index("as_of_date")
        table = table.set_column(index, "as_of_date", table["as_of_date"].cast(pa.date32()))
        pq.write_table(table, part, compression="zstd")
        said = self.manifest | {"rows_sha256": sha256(part)}
        beside.write_text(json.dumps(said, indent=1, sort_keys=True) + "\n", "utf-8")
        part.replace(path)

    @classmethod
    def read(cls, path: Path) -> Matrix:
        """Read what :meth:`write` wrote.

        Raises
        ------
        NotFound
            Where the file or its manifest is missing.
        PrecursorError
            Where rows and manifest do not belong together.
        """
        path = Path(path)
        for needed in (path, manifest_path(path)):
            if not needed.is_file():
                raise NotFound(
                    f"{needed}: there is no such file",
                    remedy="Make it with 'precursor matrix QUESTION RECORDS OUT'.",
                )
        manifest = json.loads(manifest_path(path).read_text(encoding="utf-8"))
        # a process killed while it wrote over an older matrix leaves two halves of two
        if manifest.pop("rows_sha256", None) != sha256(path):
            raise PrecursorError(
                f"{path}: its rows are not the ones that {manifest_path(path).name} speaks of",
                remedy="Make the matrix again: 'precursor matrix QUESTION RECORDS OUT'.",
            )
        frame = pq.read_table(path).to_pandas()
        frame["as_of_date"] = pd.to_datetime(frame["as_of_date"])
        feature_set = FeatureSet.from_data(manifest["feature_set"])
        missing = [n for n in (*KEYS, *feature_set.names) if n not in frame]
        if missing:
            raise PrecursorError(
                f"{path}: columns {', '.join(missing)} are missing",
                remedy="Make the matrix again: 'precursor matrix QUESTION RECORDS OUT'.",
            )
        return cls(frame, feature_set, manifest)


def manifest_path(path: Path) -> Path:
    """Return where a matrix's manifest lies.

    Examples
    --------
    >>> manifest_path(Path("rows.parquet")).name
    'rows.parquet.json'
    """
    return path.with_name(path.name + ".json")


def question_features(question: Question, feature_set: FeatureSet) -> FeatureSet:
    """Return the columns a question uses: all groups, or those it names."""
    return feature_set.subset(groups=question.feature_groups or None)


def training_spine(history: History, question: Question) -> pd.DataFrame:
    """Return the rows to learn from: those that came with the records, or the cohort over time."""
    if isinstance(question.cohort, Provided):
        given = provided_labels(history.load, question.cohort)
        accepted, _ = eligible(history, question, given)
        return accepted[list(KEYS)]
    at = training_dates(history.load, question, history.first_known())
    if not at:
        raise PrecursorError(
            f"{history.load.path}: too short for question '{question.name}': no as-of date has"
            f" {question.history_days} days of records before it and a mature label after it",
            remedy="Load more years, or shorten the question's horizon, lag or history_days.",
        )
    return cohort(history, question, at)


def build(
    history: History,
    question: Question,
    spine: pd.DataFrame | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Matrix:
    """Return the matrix of a question: for a given spine, or for its training rows with labels.

    Parameters
    ----------
    spine : DataFrame, optional
        `nominal_id`, `as_of_date`; then no row is left out, whoever it is, and no label is sought.
    """
    feature_set = question_features(question, history.feature_set)
    rows = training_spine(history, question) if spine is None else spine[list(KEYS)]
    rows = rows.sort_values(list(KEYS), kind="stable") if spine is None else rows
    rows = rows.reset_index(drop=True)
    columns = history.matrix(rows, feature_set=feature_set, progress=progress)
    if spine is None:
        labels = label(history, question, rows).drop(columns=list(KEYS))
        columns = pd.concat([columns[list(KEYS)], labels, columns[feature_set.names]], axis=1)
    return Matrix(columns, feature_set, _manifest(history, question, feature_set, len(columns)))


def _manifest(
    history: History, question: Question, feature_set: FeatureSet, rows: int
) -> dict[str, Any]:
    load: Mapping[str, Any] = {
        "number": history.load.number,
        "kind": history.load.kind,
        "synthetic": history.load.synthetic,
        "data_to": history.load.data_to.isoformat(),
        "fingerprint": history.load.fingerprint,
    }
    return {
        "format": FORMAT,
        "question": question.to_data(),
        "load": dict(load),
        "feature_set": feature_set.to_data(),
        "feature_fingerprint": feature_set.fingerprint,
        "rows": rows,
    }
