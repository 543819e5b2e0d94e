"""Who people are, for audits alone: sex, ethnicity and age band as they were known on a date.

None of it is an input of a model. It is read from the person records of a load when an audit asks,
stands beside the rows for as long as the audit lasts, and goes into no matrix and no score.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.adult import YEAR, whole_years
from features.history import dates, keyed
from features.loads import Load
from features.matrix import Matrix
from features.sweep import spread
from features.visible import FOREVER, NEVER, Dates, Rows, days

UNKNOWN = "unknown"
ATTRIBUTES = ("sex", "ethnicity", "age_band")
BANDS = ((18, "under 18"), (25, "18-24"), (35, "25-34"), (50, "35-49"), (200, "50 and over"))
"""Upper ends of the age bands, in years, and what each is called."""

_RECORDED = ("sex", "ethnicity")
AUDIT = "audit.parquet"
"""Beside a ready matrix whose people came with sex and ethnicity."""


def attributes(load: Load, spine: pd.DataFrame) -> pd.DataFrame:
    """Return sex, ethnicity and age band of each row of a spine, as known on its date.

    Parameters
    ----------
    load : Load
        Its person records hold them; a correction counts from the day it was known.
    spine : DataFrame
        `nominal_id` and `as_of_date`.

    Returns
    -------
    DataFrame
        `sex`, `ethnicity`, `age_band`, in the spine's order; what nobody recorded is "unknown".

    Examples
    --------
    >>> import tempfile
    >>> from datetime import date
    >>> from pathlib import Path
    >>> from features.synthetic import synthesise
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     load = synthesise(Path(folder) / "records", nominals=40, years=1, seed=7)
    ...     at = {"nominal_id": ["N000001", "nobody"], "as_of_date": [date(2026, 2, 1)] * 2}
    ...     attributes(load, pd.DataFrame(at)).iloc[1].tolist()
    ['unknown', 'unknown', 'unknown']
    """
    spine = keyed(spine)
    names = ("nominal_id", "born_on", *_RECORDED, "known_on", "superseded_on")
    records = load.connect().table("nominal").select(*names).to_pandas()
    records = records[records["nominal_id"].isin(spine["nominal_id"])].reset_index(drop=True)
    row, record = _visible(spine, records)
    found = {name: np.full(len(spine), UNKNOWN, dtype=object) for name in ATTRIBUTES}
    for name in _RECORDED:
        told = records[name].astype("str").where(records[name].notna(), "").str.strip()
        found[name][row] = told.where(told != "", UNKNOWN).to_numpy(object)[record]
    born = np.full(len(spine), np.datetime64("NaT", "D"))
    born[row] = pd.to_datetime(records["born_on"]).to_numpy().astype("datetime64[D]")[record]
    found["age_band"] = age_band(born, spine["as_of_date"].to_numpy().astype("datetime64[D]"))
    return pd.DataFrame(found)


def of_matrix(path: Path, matrix: Matrix) -> tuple[pd.DataFrame | None, str]:
    """Return what a matrix alone tells of its people, and what it would need to tell the rest.

    Parameters
    ----------
    path : Path
        The matrix's file. A ready one may have ``audit.parquet`` beside it: `nominal_id`, `sex`,
        `ethnicity`.
    matrix : Matrix
        Its column of age, where it has one, gives the age band.

    Returns
    -------
    DataFrame or None
        As :func:`attributes`, in the matrix's order; None where nothing at all is told.
    str
        What is not audited and how it could be; empty where everything is.
    """
    found = pd.DataFrame(UNKNOWN, index=range(len(matrix.frame)), columns=list(ATTRIBUTES))
    beside = Path(path).parent / AUDIT
    known = []
    if beside.is_file():
        people = pd.read_parquet(beside).drop_duplicates("nominal_id").set_index("nominal_id")
        for name in (one for one in _RECORDED if one in people):
            told = matrix.frame["nominal_id"].map(people[name]).astype("object")
            found[name] = told.where(told.notna(), UNKNOWN).to_numpy(object)
            known.append(name)
    ages = [column.name for column in matrix.feature_set.columns if column.measure == "age"]
    if ages:
        found["age_band"] = _band_of(_whole(matrix.frame, ages[0]))
        known.append("age_band")
    missing = [name.replace("_", " ") for name in ATTRIBUTES if name not in known]
    if not missing:
        return found, ""
    words = f"Not audited by {' and '.join(missing)}: the matrix does not tell. Name the records"
    words += f" with --audit, or put {AUDIT} (nominal_id, sex, ethnicity) beside a ready matrix.\n"
    return (found if known else None), words


def _visible(
    spine: pd.DataFrame, records: pd.DataFrame
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return pairs of a row and the person record that was visible on its date."""
    people = pd.Index(spine["nominal_id"].unique())
    subject = people.get_indexer(pd.Index(spine["nominal_id"]))
    at = days(spine["as_of_date"].to_numpy(), NEVER)
    order = np.lexsort((at, subject))
    known = pd.to_datetime(records["known_on"]).to_numpy()
    corrected = pd.to_datetime(records["superseded_on"]).to_numpy()
    nothing = np.full(len(records), NEVER)
    dates = Dates(nothing, nothing, days(known, NEVER), days(corrected, FOREVER))
    owner = people.get_indexer(pd.Index(records["nominal_id"]))
    runs = Rows(subject[order], at[order]).between(owner, *dates.visible())
    row, record = spread(*runs)
    return order[row], record


def _whole(frame: pd.DataFrame, column: str) -> npt.NDArray[np.float64]:
    """Return a matrix's ages in whole years, by the day of birth that an age counted in days tells.

    An age that came with a ready matrix need not be counted so; its whole part is taken then.
    """
    years, at = frame[column].to_numpy(np.float64), dates(frame["as_of_date"])
    days = years * YEAR
    counted = np.abs(days - np.round(days)) < 1e-6
    born = at - np.where(counted, np.round(days), 0).astype("timedelta64[D]")
    return np.where(counted, whole_years(born, at), np.floor(years))


def _band_of(years: npt.NDArray[np.float64]) -> npt.NDArray[np.object_]:
    uppers, words = zip(*BANDS, strict=True)
    place = np.searchsorted(np.array(uppers), years, side="right").clip(max=len(words) - 1)
    bands = np.array(words, dtype=object)[place]
    return np.where(np.isnan(years), UNKNOWN, bands).astype(object)


def age_band(
    born_on: npt.NDArray[np.datetime64], at: npt.NDArray[np.datetime64]
) -> npt.NDArray[np.object_]:
    """Return the age band on a date, by whole years; "unknown" without a date of birth.

    Examples
    --------
    >>> born = np.array(["2001-02-01", "2001-02-02", "NaT"], "datetime64[D]")
    >>> age_band(born, np.full(3, np.datetime64("2026-02-01"))).tolist()
    ['25-34', '18-24', 'unknown']
    """
    return _band_of(whole_years(born_on, at))
