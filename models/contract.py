"""The contract between model and matrix: exactly these columns, empty only where training was.

LightGBM scores a reordered column, an unexpected empty value or an infinite one without a word, so
every frame passes here first. All that is wrong is listed at once.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.declare import FeatureSet
from features.errors import Conflict, PrecursorError
from features.spine import KEYS

ROW_COLUMNS = frozenset(
    {*KEYS, "label", "outcome_harm", "outcome_days_free", "insufficient_history"}
)
"""Columns of a matrix that say which row it is or what followed; they never reach a booster."""

RETRAIN = "Make the matrix again with this model's feature set, or train a model on this one."


def names_row(column: str) -> bool:
    """Return whether a column identifies or labels a row rather than describing its history.

    Examples
    --------
    >>> names_row("label_charged"), names_row("age")
    (True, False)
    """
    return column in ROW_COLUMNS or column.startswith(("label_", "cohort_"))


def inputs(
    frame: pd.DataFrame, feature_set: FeatureSet, nullable: Collection[str]
) -> npt.NDArray[np.float64]:
    """Return a frame's columns as the booster takes them, or refuse the frame.

    Parameters
    ----------
    frame : DataFrame
        The feature set's columns in any order, found by name; keys and labels may stand beside.
    feature_set : FeatureSet
    nullable : collection of str
        Columns that were empty in some training row, so that an empty value means something.

    Returns
    -------
    ndarray of float64, shape (rows, columns)
        In the feature set's order, NaN where empty.

    Raises
    ------
    PrecursorError
        Columns missing, unknown or not numeric; values infinite, or empty where training had none.

    Examples
    --------
    >>> from features.declare import AGE, Feature
    >>> age = FeatureSet(tuple(Feature("person", AGE, "age", "aged {value}", ("", "")).columns()))
    >>> inputs(pd.DataFrame({"person_age": [31]}), age, ()).tolist()
    [[31.0]]
    >>> inputs(pd.DataFrame({"person_age": [None, 31.0]}), age, ())
    Traceback (most recent call last):
    ...
    features.errors.PrecursorError: matrix: column 'person_age' is empty in 1 of 2 rows (it never \
was in training). Leave these rows out, or train the model on rows where it is empty.
    """
    names = feature_set.names
    wrong, remedies = _columns(frame, names)
    if wrong:
        raise PrecursorError(f"matrix: {'; '.join(wrong)}", remedy=" ".join(remedies))
    values = np.ascontiguousarray(frame[names].to_numpy(np.float64, na_value=np.nan))
    return checked(values, names, nullable)


def checked(
    values: npt.NDArray[np.float64], names: list[str], nullable: Collection[str]
) -> npt.NDArray[np.float64]:
    """Return values that stand in the feature set's order as they are, or refuse them.

    Raises
    ------
    PrecursorError
        Values infinite, or empty where training had none.
    """
    wrong, remedies = _values(values, names, nullable)
    if wrong:
        raise PrecursorError(f"matrix: {'; '.join(wrong)}", remedy=" ".join(remedies))
    return values


def _columns(frame: pd.DataFrame, names: list[str]) -> tuple[list[str], list[str]]:
    twice = sorted({str(c) for c in frame.columns[frame.columns.duplicated()]})
    kinds = dict(zip(frame.columns, frame.dtypes, strict=True))
    known = set(names)
    missing = [name for name in names if name not in kinds]
    unknown = [str(c) for c in kinds if c not in known and not names_row(str(c))]
    texts = [
        f"{name} ({kinds[name]})"
        for name in names
        if name in kinds and name not in twice and not _numeric(kinds[name])
    ]
    found = (
        (missing, "missing columns: ", RETRAIN),
        (unknown, "columns the model does not know: ", RETRAIN),
        (twice, "columns that stand twice: ", "Keep one of each."),
        (texts, "columns that are not numeric: ", "Give them as int64 or float64."),
    )
    wrong = [f"{what}{', '.join(columns)}" for columns, what, _ in found if columns]
    return wrong, list(dict.fromkeys(remedy for columns, _, remedy in found if columns))


def _numeric(kind: Any) -> bool:
    return pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_complex_dtype(kind)


def _values(
    values: npt.NDArray[np.float64], names: list[str], nullable: Collection[str]
) -> tuple[list[str], list[str]]:
    rows = len(values)
    empty, endless = np.isnan(values).sum(axis=0), np.isinf(values).sum(axis=0)
    unexpected = [
        f"column '{name}' is empty in {count} of {rows} rows (it never was in training)"
        for name, count in zip(names, empty, strict=True)
        if count and name not in nullable
    ]
    infinite = [
        f"column '{name}' is infinite in {count} of {rows} rows"
        for name, count in zip(names, endless, strict=True)
        if count
    ]
    remedies = []
    if unexpected:
        remedies.append("Leave these rows out, or train the model on rows where it is empty.")
    if infinite:
        remedies.append("Mend the records behind it; no history yields an infinite value.")
    return unexpected + infinite, remedies


def same_definitions(model: FeatureSet, other: FeatureSet) -> None:
    """Refuse a feature set that is not, to the last definition, the one a model was trained on.

    `other` may hold further columns: the model's own are picked out of it by name.

    Raises
    ------
    Conflict
        Naming every column that is missing or defined differently.
    """
    missing = [name for name in model.names if name not in set(other.names)]
    picked = FeatureSet(
        tuple(other[name] for name in model.names if name not in missing), other.definitions
    )
    if not missing and picked.fingerprint == model.fingerprint:
        return
    changed = [c.name for c in picked.columns if c != model[c.name]]
    terms = sorted(
        key
        for key in {*model.definitions, *other.definitions}
        if model.definitions.get(key) != other.definitions.get(key)
    )
    listed = (("missing", missing), ("defined differently", changed), ("other terms", terms))
    differences = "; ".join(f"{what}: {_shortened(names)}" for what, names in listed if names)
    raise Conflict(
        f"feature set: fingerprint {picked.fingerprint[:12]} is not the model's"
        f" {model.fingerprint[:12]} ({differences or 'columns in another order'})",
        remedy="Train the question again with this release, or serve the release it was trained"
        " with.",
        code="feature_fingerprint",
    )


def _shortened(names: list[str], most: int = 6) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
