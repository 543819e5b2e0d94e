"""The matrix: one row a nominal and as-of date, history as columns, a manifest beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.cohort import cohort, eligible
from features.declare import FeatureSet
from features.errors import PrecursorError
from features.further import further
from features.history import History, keyed
from features.labels import label, provided_labels, training_dates
from features.loads import Load
from features.matrix_file import AGAIN, read_manifest, table_of, writing
from features.question import Provided, Question
from features.register import require_allowed
from features.sources import SOURCES
from features.spine import KEYS
from features.turns import Turns
from features.types import Progress

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
        with writing(path, self.manifest) as write:
            write(table_of(self.frame))

    @classmethod
    def read(cls, path: Path) -> Matrix:
        """Read what :meth:`write` or :func:`write_matrix` wrote.

        Raises
        ------
        NotFound
            Where the file or its manifest is missing.
        PrecursorError
            Where rows and manifest do not belong together.
        """
        path = Path(path)
        manifest = read_manifest(path)
        try:
            feature_set = FeatureSet.from_data(manifest["feature_set"])
            frame = pq.read_table(path).to_pandas()
        except (AttributeError, KeyError, TypeError, ValueError) as broken:
            raise PrecursorError(
                f"{path}: it or its manifest is none of ours ({broken!r})", remedy=AGAIN
            ) from broken
        missing = [n for n in (*KEYS, *feature_set.names) if n not in frame]
        if missing:
            raise PrecursorError(f"{path}: columns {', '.join(missing)} are missing", remedy=AGAIN)
        text = [n for n in feature_set.names if not pd.api.types.is_numeric_dtype(frame[n])]
        if text:
            raise PrecursorError(f"{path}: columns {', '.join(text)} hold no numbers", remedy=AGAIN)
        if path.is_dir():  # several workers wrote it, each its part of the people
            frame = frame.sort_values(list(KEYS), kind="stable", ignore_index=True)
        frame["as_of_date"] = pd.to_datetime(frame["as_of_date"])
        return cls(frame, feature_set, manifest)


def question_features(question: Question, feature_set: FeatureSet) -> FeatureSet:
    """Return the columns a question uses: all groups, or those it names.

    Raises
    ------
    PrecursorError
        One of them may not be an input, by the register.
    """
    require_allowed(feature_set.columns)
    return feature_set.subset(groups=question.feature_groups or None)


def training_spine(
    history: History, question: Question, at: Sequence[date] | None = None
) -> pd.DataFrame:
    """Return the rows to learn from: those that came with the records, or the cohort over time.

    Parameters
    ----------
    at : sequence of date, optional
        The as-of dates of a cohort; by default :func:`learning_dates` tells them.
    """
    if isinstance(question.cohort, Provided):
        given = provided_labels(history.load, question.cohort)
        here = given[given["nominal_id"].isin(history.compiled.ids)]
        accepted, _ = eligible(history, question, here)
        return accepted[list(KEYS)]
    if at is None:
        at = learning_dates(history.load, question, history.compiled.known())
    return cohort(history, question, at)


def running_since(known: pa.Table, load: Load) -> date:
    """Return the day from which the records can be called running: a thousandth was known.

    Parameters
    ----------
    known : pyarrow.Table
        How many records (`number`) became known on each day (`known_on`), in order.
    """
    if not len(known):
        return load.data_to
    upto = np.cumsum(known["number"].to_numpy())
    found: date = known["known_on"][int(np.searchsorted(upto, upto[-1] * 0.001))].as_py()
    return found


def learning_dates(load: Load, question: Question, known: pa.Table) -> list[date]:
    """Return the as-of dates to learn from.

    Parameters
    ----------
    load : Load
    question : Question
    known : pyarrow.Table
        As for :func:`running_since`.

    Raises
    ------
    PrecursorError
        The records are too short to have any.
    """
    at = training_dates(load, question, running_since(known, load))
    if not at:
        raise PrecursorError(
            f"{load.path}: too short for question '{question.name}': no as-of date has"
            f" {question.history_days} days of records before it and a mature label after it",
            remedy="Load more years, or shorten the question's horizon, lag or history_days.",
        )
    return at


def _labelled_rows(
    history: History,
    question: Question,
    spine: pd.DataFrame | None,
    at: Sequence[date] | None = None,
) -> pd.DataFrame:
    """Return the rows of a given spine, or a question's own in order, with what followed each."""
    if spine is not None:
        return keyed(spine)
    rows = training_spine(history, question, at).sort_values(list(KEYS), kind="stable")
    return further(history, question, label(history, question, rows))


def build(
    history: History,
    question: Question,
    spine: pd.DataFrame | None = None,
    *,
    at: Sequence[date] | None = None,
    progress: Progress | None = None,
) -> Matrix:
    """Return the matrix of a question: for a given spine, or for its training rows with labels.

    Parameters
    ----------
    spine : DataFrame, optional
        `nominal_id`, `as_of_date`; then no row is left out, whoever it is, and no label is sought.
    at : sequence of date, optional
        Other as-of dates than the question's own.
    """
    feature_set = question_features(question, history.feature_set)
    rows = _labelled_rows(history, question, spine, at)
    columns = history.matrix(rows, feature_set=feature_set, progress=progress)
    frame = pd.concat([rows, columns[feature_set.names]], axis=1)
    return Matrix(frame, feature_set, manifest_of(history.load, question, feature_set, len(rows)))


def write_matrix(
    history: History,
    question: Question,
    path: Path,
    spine: pd.DataFrame | None = None,
    *,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write the matrix that :func:`build` would return, piece by piece, however large it is.

    Rows stand in order of person and date. Nothing is seen under the path's name until all is.

    Returns
    -------
    dict
        The manifest.

    Raises
    ------
    Conflict
        Somebody was erased since the history was compiled.
    """
    turns = Turns(history.load, history.contents)
    feature_set = question_features(question, history.feature_set)
    rows = _labelled_rows(history, question, spine)
    manifest = manifest_of(history.load, question, feature_set, len(rows))
    known, done = table_of(rows), 0
    with writing(path, manifest, turns.turn) as write:
        for order, columns in history.parts(history.subjects(rows), feature_set):
            piece = known.take(order)
            for name in feature_set.names:
                piece = piece.append_column(name, pa.array(columns[name]))
            write(piece)
            done += len(order)
            if progress is not None:
                progress(done, len(rows))
    return manifest


def manifest_of(
    load: Load, question: Question, feature_set: FeatureSet, rows: int
) -> dict[str, Any]:
    """Return what a matrix's manifest says: the question, the load, the columns."""
    return {
        "format": FORMAT,
        "question": question.to_data(),
        "load": {
            "number": load.number,
            "kind": load.kind,
            "synthetic": load.synthetic,
            "data_to": load.data_to.isoformat(),
            "fingerprint": load.fingerprint,
        },
        "feature_set": feature_set.to_data(),
        "feature_fingerprint": feature_set.fingerprint,
        "rows": rows,
    }


def sources_of(question: Question, feature_set: FeatureSet) -> tuple[str, ...]:
    """Return the sources that a question's rows, labels and columns are made from."""
    named = {column.source for column in feature_set.columns}
    rules = [question.cohort, question.outcome, question.abstain, *question.sub_cohorts.values()]
    rules += getattr(question.cohort, "without", ())
    for rule in rules:
        named |= {getattr(rule, "source", ""), getattr(rule, "also", None) or ""}
    return tuple(sorted(named & set(SOURCES)))
