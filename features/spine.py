"""Who is to be scored as of when: regular dates, and files read with every fault named at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import NotFound, RecordsRefused, UsageError
from features.names import ID_WORDS, is_id

KEYS = ("nominal_id", "as_of_date")
MOST_SHOWN = 10
_DAY = r"\d{4}-\d{2}-\d{2}"


def walk_back(last: date, earliest: date, months: int) -> list[date]:
    """Return the dates from the last one back by so many months each, oldest first.

    Each is counted from the last one, so that a 31st stays one where the month has it.

    Examples
    --------
    >>> [day.isoformat() for day in walk_back(date(2026, 5, 31), date(2026, 1, 31), 2)]
    ['2026-01-31', '2026-03-31', '2026-05-31']
    """
    end, found = pd.Timestamp(last), list[date]()
    while (at := (end - pd.DateOffset(months=months * len(found))).date()) >= earliest:
        found.append(at)
    return found[::-1]


def read_spine(path: Path, latest: date) -> pd.DataFrame:
    r"""Return the people and dates of a spine file, or refuse it with all that is wrong.

    Parameters
    ----------
    path : Path
        Parquet or CSV (UTF-8) with `nominal_id` and `as_of_date`; other columns are ignored.
    latest : date
        The last as-of date allowed: the day after the records end.

    Returns
    -------
    DataFrame
        `nominal_id` (str) and `as_of_date` (datetime64), in the file's order.

    Raises
    ------
    NotFound
        There is no such file.
    UsageError
        It is neither Parquet nor CSV, or cannot be read as what its name says.
    RecordsRefused
        A column is missing, there are no rows, an id is none (`features.names.is_id`), a date
        cannot be read or lies too late, a row stands twice. `violations` lists every row.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "spine.csv"
    >>> _ = file.write_text("nominal_id,as_of_date\nN1,2026-02-01\nN1,2026-02-30\n")
    >>> read_spine(file, date(2026, 2, 1))
    Traceback (most recent call last):
    ...
    features.errors.RecordsRefused: spine.csv: 1 as_of_date that is no date YYYY-MM-DD
    (row 2: '2026-02-30'). Mend the file; rows are counted from 1 below the heading.
    """
    path = Path(path)
    raw = _raw(path)
    missing = [column for column in KEYS if column not in raw]
    faults = _Faults()
    for column in missing:
        faults.whole(f"column '{column}' is missing")
    if not missing and raw.empty:
        faults.whole("there are no rows")
    spine = pd.DataFrame(index=raw.index)
    if "nominal_id" in raw:
        spine["nominal_id"] = _ids(raw["nominal_id"], faults)
    if "as_of_date" in raw:
        spine["as_of_date"] = _days(raw["as_of_date"], latest, faults)
    if not missing:
        twice = spine.duplicated(list(KEYS))
        faults.rows("row that stands twice", twice, raw["nominal_id"])
    if faults.summary:
        raise RecordsRefused(
            f"{path.name}: {'; '.join(faults.summary)}",
            remedy="Mend the file; rows are counted from 1 below the heading.",
            violations=faults.each,
        )
    return spine


class _Faults:
    """All that is wrong with a file: in short for its reader, and row by row."""

    def __init__(self) -> None:
        self.summary: list[str] = []
        self.each: list[str] = []

    def whole(self, what: str) -> None:
        """Note something about the whole file."""
        self.summary.append(what)
        self.each.append(what)

    def rows(self, what: str, wrong: pd.Series, values: pd.Series) -> None:
        """Note the rows that are wrong in one way, with the values found there."""
        rows: Sequence[int] = np.flatnonzero(wrong.to_numpy(bool)).tolist()
        if not rows:
            return
        places = [f"row {row + 1}: {str(values.iloc[row])!a}" for row in rows]
        self.each += [f"{what} ({place})" for place in places]
        more = f" and {len(rows) - MOST_SHOWN} more" if len(rows) > MOST_SHOWN else ""
        self.summary.append(f"{len(rows)} {what} ({'; '.join(places[:MOST_SHOWN])}{more})")


def _raw(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise NotFound(f"{path}: there is no such file", remedy="Check the path of the spine.")
    suffix = path.suffix.lower()
    try:
        if suffix == ".csv":
            return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
        if suffix in (".parquet", ".pq"):
            schema = pq.read_schema(path)
            present = [column for column in KEYS if column in schema.names]
            table = pq.read_table(path, columns=present)
            found: pd.DataFrame = table.to_pandas(date_as_object=False)
            return found
    except (pa.ArrowInvalid, ValueError, OSError) as broken:
        raise UsageError(
            f"{path.name}: cannot be read as {suffix[1:]} ({type(broken).__name__})",
            remedy="Give a whole Parquet file, or CSV in UTF-8 with a heading.",
        ) from broken
    raise UsageError(
        f"{path.name}: a spine is a .csv or .parquet file",
        remedy="Name it by what it is.",
    )


def _ids(column: pd.Series, faults: _Faults) -> pd.Series:
    ids = column.astype("str").fillna("")
    faults.rows(f"nominal_id that is not {ID_WORDS}", ~ids.map(is_id).astype(bool), ids)
    return ids


def _days(column: pd.Series, latest: date, faults: _Faults) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(column):
        days = pd.to_datetime(column)
        whole = days.notna() & (days == days.dt.normalize())
    else:
        texts = column.astype(object).where(column.notna(), "").map(str)
        days = pd.to_datetime(texts, format="%Y-%m-%d", errors="coerce")
        whole = days.notna() & texts.str.fullmatch(_DAY).astype(bool)
    faults.rows("as_of_date that is no date YYYY-MM-DD", ~whole, column)
    late = whole & (days > pd.Timestamp(latest))
    faults.rows(f"as_of_date after {latest}, the day after the records end", late, column)
    return days
