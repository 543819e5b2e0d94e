"""Splits: a test part later than the training part, so that nobody's future trains their past.

Both ends are half-open. A training row must have matured before the test part begins, that is
``as_of_date + horizon + lag <= test_from``. Inside the training part, folds are of people: rows of
one person share most of their history, so a fold of rows would be judged on what it has seen.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.errors import PrecursorError
from features.matrix import Matrix
from features.question import Question

Mask = npt.NDArray[np.bool_]

FEWEST_POSITIVES = 20
"""A part with fewer outcomes than this teaches nothing and judges nothing."""

CALIBRATION_POSITIVES = 500
"""Outcomes that a calibration is fitted to, where the training part has as many."""


@dataclass(frozen=True)
class Split:
    """Which rows of a matrix train and which test; the others are left out.

    Attributes
    ----------
    train, test : ndarray of bool, shape (rows,)
    train_before, test_from : date
        Training rows lie before the one, test rows on or after the other.
    people_apart : bool
    dropped : int
        Training rows left out because the person is in the test part too.
    folds : int
        Where rows are not split in time, into how many folds people are put; else 0.
    """

    train: Mask
    test: Mask
    train_before: date
    test_from: date
    people_apart: bool
    dropped: int
    folds: int = 0

    def to_data(self) -> dict[str, Any]:
        """Return what a manifest says of the split."""
        return {
            "train_before": self.train_before.isoformat(),
            "test_from": self.test_from.isoformat(),
            "people_apart": self.people_apart,
            "rows_dropped_to_keep_people_apart": self.dropped,
            "folds_of_people": self.folds,
            "train_rows": int(self.train.sum()),
            "test_rows": int(self.test.sum()),
        }


def temporal(frame: pd.DataFrame, question: Question) -> Split:
    """Split labelled rows in time, as the question says or backwards from the last mature label.

    Parameters
    ----------
    frame : DataFrame
        `nominal_id`, `as_of_date`, `label`; every label mature.
    question : Question
        Its horizon, lag and split. Without dates the last `test_share` of the as-of dates test.

    Returns
    -------
    Split

    Raises
    ------
    PrecursorError
        Where training labels would reach into the test part, or a part has too few outcomes.

    Examples
    --------
    >>> frame = pd.DataFrame({"nominal_id": ["A"] * 40 + ["B"] * 40, "label": [0, 1] * 40,
    ...     "as_of_date": pd.to_datetime(["2020-01-01"] * 40 + ["2022-01-01"] * 40)})
    >>> again = Question(name="again", title="Again", outcome_words="charged again",
    ...     cohort={"provided": "again"}, outcome={"provided": "again"}, horizon_days=365)
    >>> found = temporal(frame, again)
    >>> found.test_from.isoformat(), found.train_before.isoformat(), int(found.train.sum())
    ('2022-01-01', '2020-07-03', 40)
    """
    as_of = frame["as_of_date"].to_numpy().astype("datetime64[D]")
    train_before, test_from = cuts(as_of, question)
    train = as_of < np.datetime64(train_before)
    test = as_of >= np.datetime64(test_from)
    dropped = 0
    if question.split.people_apart:
        people = frame["nominal_id"].to_numpy()
        kept = train & ~np.isin(people, people[test])
        dropped = int(train.sum() - kept.sum())
        train = kept
    _enough(frame["label"].to_numpy(), train, test, question, train_before, test_from)
    return Split(train, test, train_before, test_from, question.split.people_apart, dropped)


def of_part(matrix: Matrix, question: Question) -> Matrix:
    """Return a matrix in which only rows of the question's part of the people have a label.

    Raises
    ------
    PrecursorError
        The people came without a split, or none of them is in that part.

    Examples
    --------
    >>> again = Question(name="again", title="Again", outcome_words="charged again",
    ...     cohort={"provided": "again"}, outcome={"provided": "again"}, horizon_days=365,
    ...     split={"part": "train", "folds": 5, "temporal": False})
    >>> frame = pd.DataFrame({"split": ["train", "test"], "label": [1.0, 0.0]})
    >>> from features.declare import FeatureSet
    >>> of_part(Matrix(frame, FeatureSet(())), again).frame["label"].tolist()
    [1.0, nan]
    """
    part = question.split.part
    if part is None:
        return matrix
    frame = matrix.frame
    if "split" not in frame or not (frame["split"] == part).any():
        held = sorted(set(frame["split"])) if "split" in frame else []
        raise PrecursorError(
            f"split of '{question.name}': it asks for the people of part '{part}', and the rows"
            + (f" have {', '.join(held)}" if held else " came without a split"),
            remedy="Take in the whole pack: its split.parquet belongs beside the matrix.",
            field="split",
        )
    kept = frame["label"].where(frame["split"] == part)
    return Matrix(frame.assign(label=kept), matrix.feature_set, matrix.manifest)


def everybody(frame: pd.DataFrame, question: Question) -> Split:
    """Return the split of a question that is judged by folds of people: all rows, in both parts.

    Raises
    ------
    PrecursorError
        Where there are too few outcomes.
    """
    label = frame["label"].to_numpy()
    whole = np.ones(len(label), bool)
    if len(label):
        first, last = frame["as_of_date"].min().date(), frame["as_of_date"].max().date()
    else:
        first = last = date.min
    before = min(last, date.max - timedelta(days=1)) + timedelta(days=1)
    _enough(label, whole, whole, question, before, first)
    return Split(whole, whole, before, first, True, 0, question.split.folds)


def cuts(as_of: npt.NDArray[np.datetime64], question: Question) -> tuple[date, date]:
    """Return before which date rows train, and from which date rows test.

    Parameters
    ----------
    as_of : ndarray of datetime64[D]
        As-of dates of the labelled rows, in any order and as often as they come.
    question : Question

    Raises
    ------
    PrecursorError
        There are none, or labels of training rows would reach into the test part.
    """
    rule = question.split
    matures = timedelta(days=question.horizon_days + question.lag_days)
    day = timedelta(days=1)
    if rule.test_from is not None:
        test_from = rule.test_from
    elif rule.train_before is not None:
        test_from = rule.train_before - day + matures
    else:
        dates = np.unique(as_of)
        if not len(dates):
            raise PrecursorError(
                f"split of '{question.name}': there are no labelled rows",
                remedy="Load records that reach further back, so that labels can mature.",
            )
        tests = max(1, round(len(dates) * rule.test_share))
        test_from = dates[-tests].astype(object)
    train_before = rule.train_before or test_from - matures + day
    if train_before - day + matures > test_from:
        raise PrecursorError(
            f"split of '{question.name}': labels of training rows just before {train_before}"
            f" mature on {train_before - day + matures}, after the test part begins ({test_from})",
            remedy=f"Set test_from to {train_before - day + matures} or later, or train_before to"
            f" {test_from - matures + day} or earlier.",
            field="split",
        )
    return train_before, test_from


def _enough(
    label: npt.NDArray[Any],
    train: Mask,
    test: Mask,
    question: Question,
    train_before: date,
    test_from: date,
) -> None:
    short = []
    for part, mask, where in (
        ("training", train, f"before {train_before}"),
        ("test", test, f"from {test_from}"),
    ):
        rows, positives = int(mask.sum()), int(label[mask].sum())
        if min(positives, rows - positives) < FEWEST_POSITIVES:
            short.append(f"the {part} part ({where}) has {rows} rows, {positives} with the outcome")
    if short:
        raise PrecursorError(
            f"split of '{question.name}': {'; '.join(short)}; each part needs"
            f" {FEWEST_POSITIVES} rows with the outcome and {FEWEST_POSITIVES} without",
            remedy="Load more years or more people, shorten the horizon or the lag, or ask for a"
            " commoner outcome.",
            field="split",
        )


def folds(people: npt.ArrayLike, count: int, *, lot: str = "") -> npt.NDArray[np.int64]:
    """Return a fold number for each row; all rows of a person are in one fold, on every machine.

    Parameters
    ----------
    people : array of str, shape (rows,)
    count : int
    lot : str
        Another one draws anew. People drawn by one lot must not be split by the same: a sixteenth
        of all people lies in one fold of four.

    Examples
    --------
    >>> folds(["A", "B", "A", "C"], 4).tolist()
    [1, 0, 1, 1]
    """
    names, place = np.unique(np.asarray(people, dtype=str), return_inverse=True)
    drawn = [
        int.from_bytes(hashlib.sha256(f"{lot}{name}".encode()).digest()[:8], "big") % count
        for name in names
    ]
    return np.asarray(drawn, dtype=np.int64)[place]


def recent(
    as_of_date: npt.ArrayLike, label: npt.ArrayLike, positives: int = CALIBRATION_POSITIVES
) -> Mask:
    """Return the newest rows, whole days at a time, that hold so many outcomes.

    A calibration is fitted to these: recorded rates drift, and the newest are nearest to the rate
    that the next scores will meet.

    Examples
    --------
    >>> recent(["2020-01-01", "2020-01-02", "2020-01-03"], [1, 1, 0], positives=1).tolist()
    [False, True, True]
    """
    days = np.asarray(as_of_date).astype("datetime64[D]")
    outcome = np.asarray(label)
    distinct, place = np.unique(days, return_inverse=True)
    by_day = np.bincount(place, weights=outcome, minlength=len(distinct))
    from_here_on = np.cumsum(by_day[::-1])[::-1]
    enough = np.flatnonzero(from_here_on >= positives)
    return np.asarray(place >= (enough[-1] if len(enough) else 0))
