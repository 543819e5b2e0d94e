"""What the published predictors ask of a history: sanctions as they were known on each date.

A force's records hold convictions and cautions one offence at a time; all of one day are one
sanction. Where there are none, days of arrest stand for them: days on which a report names the
person as suspect. Both are worked out, and every report says which one was used.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.adult import whole_years
from features.attributes import UNKNOWN, attributes
from features.history import CHUNK, History, keyed
from features.sources import SOURCES
from features.subjects import Subjects
from features.sweep import Events
from features.visible import NEVER
from training.predictors import Sanctions, whole_months

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Basis:
    """What is counted as a sanction: sources of events, and what a report says of it."""

    sources: tuple[str, ...]
    words: str


BASES = {
    "sanctions": Basis(("convicted", "diverted"), "sanctions are convictions and cautions"),
    "arrests": Basis(
        ("suspected",),
        "sanctions are approximated by arrests: days on which a report names the person as suspect",
    ),
}
"""By name; a report uses the one that does best."""

_COLUMNS = ("age", "age_at_first", "age_at_current", "occasions", "violent", "category", "months")


def beside(history: History, spine: pd.DataFrame) -> pd.DataFrame:
    """Return what stands beside a matrix for the baselines that need more than its columns.

    Parameters
    ----------
    history : History
    spine : DataFrame
        `nominal_id` and `as_of_date`.

    Returns
    -------
    DataFrame
        In the spine's order: `sex` as told by the person records (for published predictors that
        need it; it is no column of a matrix), and for each basis with any event at all
        ``<basis>_age`` and the other columns that :func:`sanctions` reads.
    """
    spine = keyed(spine)
    found = attributes(history.load, spine)[["sex"]]
    for name, basis in BASES.items():
        columns = _counted(history, basis, spine)
        if (columns["occasions"] > 0).any():
            found = pd.concat([found, columns.add_prefix(f"{name}_")], axis=1)
    return found


def bases(rows: pd.DataFrame) -> list[str]:
    """Return the names of the bases that rows of :func:`beside` have.

    Examples
    --------
    >>> bases(pd.DataFrame({"sex": ["male"], "arrests_occasions": [2.0]}))
    ['arrests']
    """
    return [name for name in BASES if f"{name}_occasions" in rows]


def sanctions(rows: pd.DataFrame, basis: str) -> Sanctions:
    """Return rows of :func:`beside` as the predictors ask for them.

    Somebody without a sanction on record is taken as if at their first one on the day, of an
    unknown offence: the predictors are made for people who have one.
    """
    column = {name: rows[f"{basis}_{name}"].to_numpy() for name in _COLUMNS}
    return Sanctions(
        female=rows["sex"].astype("str").str.casefold().str.startswith("f").to_numpy(bool),
        age=column["age"].astype(np.float64),
        age_at_first=column["age_at_first"].astype(np.float64),
        age_at_current=column["age_at_current"].astype(np.float64),
        sanctions=np.maximum(column["occasions"].astype(np.float64), 1),
        violent=column["violent"].astype(np.float64),
        category=column["category"].astype(object),
        months_free=column["months"].astype(np.float64),
    )


def told(rows: pd.DataFrame, basis: str) -> str:
    """Return in words what the predictors' sanctions are, and for whom something was not known."""
    none = float((rows[f"{basis}_occasions"] == 0).mean())
    sexless = float((rows["sex"] == UNKNOWN).mean())
    parts = [BASES[basis].words, "nothing is fitted", "the follow-up begins with the last one"]
    if none:
        parts.append(f"{none:.0%} of rows have none and are taken as at their first")
    if sexless:
        parts.append(f"sex is not recorded for {sexless:.0%}, taken as men")
    return "; ".join(parts)


def _counted(history: History, basis: Basis, spine: pd.DataFrame) -> pd.DataFrame:
    """Return a basis's columns for the rows of a spine."""
    found: dict[str, npt.NDArray[np.object_] | npt.NDArray[np.float64]] = {
        name: np.empty(len(spine), object if name == "category" else np.float64)
        for name in _COLUMNS
    }
    for chunk in history.subjects(spine).chunks(CHUNK):
        for name, values in _chunk(history, basis, chunk).items():
            found[name][chunk.order] = values
    return pd.DataFrame(found, index=spine.index)


def _chunk(
    history: History, basis: Basis, chunk: Subjects
) -> dict[str, npt.NDArray[np.float64] | npt.NDArray[np.object_]]:
    height = len(chunk.rows)
    row, day, rank, violent = _seen(history, basis, chunk)
    at = chunk.rows.at
    occasions: npt.NDArray[Any] = np.zeros(height, np.int64)
    often: npt.NDArray[Any] = np.zeros(height)
    first, last = at.copy(), at.copy()
    gravest = np.full(height, len(_categories()) - 1)
    if len(row):
        order = np.lexsort((day, row))
        row, day, rank, violent = row[order], day[order], rank[order], violent[order]
        new = np.append(True, (row[1:] != row[:-1]) | (day[1:] != day[:-1]))
        occasion = np.cumsum(new) - 1
        owner = row[new]
        occasions = np.bincount(owner, minlength=height)
        serious = np.zeros(len(owner), bool)
        np.logical_or.at(serious, occasion, violent)
        often = np.bincount(owner, weights=serious, minlength=height)
        begins = np.append(True, row[1:] != row[:-1])
        ends = np.append(row[1:] != row[:-1], True)
        first[row[begins]], last[row[ends]] = day[begins], day[ends]
        on_last = day == last[row]
        np.minimum.at(gravest, row[on_last], rank[on_last])
    born = np.where(chunk.born_on == NEVER, np.iinfo(np.int64).min, chunk.born_on)
    then = {name: values.astype("datetime64[D]") for name, values in
            (("born", born), ("first", first), ("last", last), ("at", at))}  # fmt: skip
    names = np.array([name for _, name, _ in _categories()], dtype=object)
    return {
        "age": whole_years(then["born"], then["last"]),
        "age_at_first": whole_years(then["born"], then["first"]),
        "age_at_current": whole_years(then["born"], then["last"]),
        "occasions": occasions.astype(np.float64),
        "violent": often,
        "category": np.where(occasions > 0, names[gravest], UNKNOWN),
        "months": whole_months(then["last"], then["at"]),
    }


def _seen(
    history: History, basis: Basis, chunk: Subjects
) -> tuple[Numbers, Numbers, Numbers, npt.NDArray[np.bool_]]:
    """Return every pair of a row and a dated event that it sees: row, day, category, violent."""
    rows, days, ranks, violents = [], [], [], []
    for source in basis.sources:
        records = history.compiled.events(np.unique(chunk.person), (source,), ())[source]
        events = Events.place(chunk.rows, chunk.person, chunk.adult_on, records)
        row, event, age = events.each(np.arange(len(events.records.marks)))
        marks = events.records.marks[event]
        rank, violent = _of_marks(marks, source)
        rows.append(row)
        days.append(chunk.rows.at[row] - age)
        ranks.append(rank)
        violents.append(violent)
    return (
        np.concatenate(rows),
        np.concatenate(days),
        np.concatenate(ranks),
        np.concatenate(violents),
    )


def _of_marks(marks: Numbers, source: str) -> tuple[Numbers, npt.NDArray[np.bool_]]:
    """Return the gravest category among an event's marks, and whether any is violent."""
    rank = np.full(len(marks), len(_categories()) - 1)
    violent = np.zeros(len(marks), bool)
    for place, (mark, _, serious) in reversed(list(enumerate(_categories()))):
        carried = (marks & SOURCES[source].bits((mark,))) > 0
        rank[carried] = place
        if serious:
            violent |= carried
    return rank, violent


@lru_cache(maxsize=1)
def _categories() -> tuple[tuple[str, str, bool], ...]:
    """Return mark, category and whether it is violent, the gravest first."""
    table = pd.read_csv(str(files("training") / "data" / "categories-v1.csv"))
    serious = table["violent"].astype(bool)
    return tuple(zip(table["mark"], table["category"], serious, strict=True))
