"""The history compiler: everybody's past as it was known on a date, once for all features.

Records become dated events in order of person (`features.compile`, `features.compiled`). For a
spine of (nominal, as_of_date) rows the events of its people are placed on the rows by what was
known when (`features.visible`, `features.sweep`) and made into columns (`features.assemble`).
An online request supplies a short spine, a batch a long one: there is no second definition.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from features.assemble import assemble
from features.backends import open_backend
from features.catalogue import catalogue
from features.compile import needs
from features.compiled import Compiled, Database
from features.declare import FeatureSet
from features.loads import Load, contents
from features.prepared import Prepared
from features.subjects import Subjects
from features.taxonomy import HARM
from features.trail import Past, behind, past_of
from features.types import Progress
from features.visible import NEVER, Array, days

CHUNK = 50_000
"""Rows of the spine worked on at a time; memory is bounded by this, not by the force's size."""


class History:
    """Everybody's history in one load of records, ready to be asked as of any date.

    Parameters
    ----------
    load : Load
        Opened read-only.
    feature_set : FeatureSet, optional
        The columns to compute; the whole catalogue by default.
    harm : str
        The list of harm weights (`features.taxonomy`), as a question names it.
    backend : str or Database
        What compiles the history: ``duckdb``, ``postgres``, or one that was opened already.

    Raises
    ------
    RecordsRefused
        Where a file of the load is not the one that was written: a load never changes.
    """

    def __init__(
        self,
        load: Load,
        feature_set: FeatureSet | None = None,
        *,
        harm: str = HARM,
        backend: str | Database = "duckdb",
    ) -> None:
        self.load = load
        self.contents = contents(load)  # first: an erasure after this shows
        self.feature_set = feature_set or catalogue(harm)
        database = open_backend(backend, load, harm) if isinstance(backend, str) else backend
        sources, _ = needs(self.feature_set.columns)
        self.compiled = Compiled(database, sources)
        self._prepared: dict[str, Prepared] = {}

    def subjects(self, spine: pd.DataFrame) -> Subjects:
        """Return whose rows these are, with the date of birth known on each."""
        return self.asked(spine["nominal_id"], days(dates(spine["as_of_date"]), NEVER))

    def asked(self, nominal_ids: Any, at: Array) -> Subjects:
        """Return the same as :meth:`subjects` from ids and as-of dates in days from 1970."""
        asked = pd.Index(np.asarray(nominal_ids, dtype=object), dtype=object)
        numbers = self.compiled.ids.get_indexer(asked)
        unknown = numbers < 0
        if unknown.any():  # each has a number of their own, below 0
            numbers[unknown] = -1 - pd.factorize(asked[unknown])[0]
        return Subjects.of(numbers, at, self.compiled.births)

    @property
    def latest(self) -> int:
        """The day after the records end, in days from 1970: the usual as-of date."""
        return int(np.datetime64(self.load.default_as_of, "D").astype(np.int64))

    def born_on(self, spine: pd.DataFrame) -> tuple[Array, Array]:
        """Return who is known and when they were born, as visible on each row's date.

        Returns
        -------
        known : ndarray of bool, shape (rows,)
        born_on : ndarray of datetime64[D], shape (rows,)
            NaT where the person is unknown or has no date of birth.
        """
        subjects = self.subjects(spine)
        known, born = np.empty(len(spine), bool), np.empty(len(spine), "datetime64[D]")
        known[subjects.order] = subjects.known
        unknown = subjects.born_on == NEVER
        born[subjects.order] = subjects.born_on.astype("datetime64[D]")
        born[subjects.order[unknown]] = np.datetime64("NaT", "D")
        return known, born

    def matrix(
        self,
        spine: pd.DataFrame,
        *,
        feature_set: FeatureSet | None = None,
        progress: Progress | None = None,
    ) -> pd.DataFrame:
        """Return the history of each row of a spine as columns, in the spine's order.

        Parameters
        ----------
        spine : DataFrame
            `nominal_id` and `as_of_date`; other columns are ignored.
        feature_set : FeatureSet, optional
            Other columns than the history's own.
        progress : callable, optional
            Called with (rows done, rows in all).

        Returns
        -------
        DataFrame
            `nominal_id`, `as_of_date`, then the feature set's columns: int64 for counts and sums,
            float64 (NaN where there is nothing) for the rest. An unknown nominal has no history.
        """
        spine, wanted = keyed(spine), feature_set or self.feature_set
        # one block for each type: a frame of 200 separate columns costs more than their values
        names = {
            dtype: [column.name for column in wanted.columns if column.nullable == nullable]
            for dtype, nullable in ((np.int64, False), (np.float64, True))
        }
        blocks = {dtype: np.empty((len(of), len(spine)), dtype) for dtype, of in names.items()}
        done = 0
        for order, part in self.parts(self.subjects(spine), wanted):
            for dtype, of in names.items():
                for block, name in zip(blocks[dtype], of, strict=True):
                    block[order] = part[name]
            done += len(order)
            if progress is not None:
                progress(done, len(spine))
        frames = [pd.DataFrame(blocks[d].T, columns=of, copy=False) for d, of in names.items()]
        return pd.concat([spine, *frames], axis=1)[[*spine.columns, *wanted.names]]

    def dense(self, subjects: Subjects, wanted: FeatureSet) -> Array:
        """Return columns as numbers alone, shape (rows, columns), in the spine's order.

        The same figures as :meth:`matrix`, NaN where empty, without a frame around them: for one
        person a frame costs more than their history.
        """
        for prepared in self._prepared.values():
            if prepared.wanted is wanted and (rows := prepared.dense(subjects)) is not None:
                return rows
        found = np.empty((len(subjects.rows), len(wanted.columns)))
        if not wanted.columns:  # a question's rules about whom to score may need none
            return found
        for order, part in self.parts(subjects, wanted):
            found[order] = np.stack(list(part.values()), axis=1)
        return found

    def prepare(self, name: str, nominal_ids: Array, wanted: FeatureSet) -> None:
        """Work out people's columns on the usual date now, so that asking for one is a look-up.

        Parameters
        ----------
        name : str
            What it is for; what was prepared under it before is let go.
        nominal_ids : ndarray of str
        wanted : FeatureSet
            Asked for with this very object, `dense` looks up what is prepared.
        """
        if not len(nominal_ids):
            return
        subjects = self.asked(nominal_ids, np.full(len(nominal_ids), self.latest))
        parts = self.parts(subjects, wanted)
        prepared = Prepared(wanted, subjects, parts, len(self.compiled.ids))
        # a new mapping: others may be looking through this one
        self._prepared = {**self._prepared, name: prepared}

    def parts(
        self, subjects: Subjects, wanted: FeatureSet
    ) -> Iterator[tuple[Array, dict[str, Array]]]:
        """Compute columns chunk by chunk: where its rows stood in the spine, and their columns."""
        using = needs(wanted.columns)
        for chunk in subjects.chunks(CHUNK):
            records = self.compiled.events(np.unique(chunk.person), *using)
            yield chunk.order, assemble(wanted, chunk, records)

    def people(self, source: str, bits: int) -> Array:
        """Return everybody with an event of a source that carries all these marks, at any time."""
        return np.asarray(self.compiled.ids[self.compiled.having(source, bits)])

    def events(self, nominal_id: str, as_of_date: date) -> pd.DataFrame:
        """Return one person's visible past, most recent first: what every figure was made from.

        Returns
        -------
        DataFrame
            source, occurred_on, known_on, age (days), marks, harm (hundredths of a day), who, and
            the columns that lead to the record: record_table, record_id, reference, status, detail.
        """
        return self.pasts_on(nominal_id, [as_of_date])[0].frame()

    def pasts_on(self, nominal_id: str, as_of_dates: Sequence[date]) -> list[Past]:
        """Return one person's visible past on each of several dates, all asked for at once."""
        at = days(dates(as_of_dates), NEVER)
        return self.pasts(self.asked([nominal_id] * len(at), at))

    def pasts(self, subjects: Subjects) -> list[Past]:
        """Return the visible past of each row, ready to be asked what lies behind a column."""
        return past_of(subjects, self.compiled.told(np.unique(subjects.person)))

    def warm(self) -> None:
        """Do now what would else be done when the first person is asked for and explained."""
        first = self.compiled.ids[:1]
        asked = self.asked(first, np.full(len(first), self.latest))
        self.dense(asked, self.feature_set)
        self.pasts(asked)

    def records(
        self, nominal_id: str, as_of_date: date, names: Sequence[str]
    ) -> dict[str, list[dict[str, Any]]]:
        """Return the records behind some columns, for one person on one date.

        Returns
        -------
        dict of str to list of dict
            For each name: table, record_id, reference, occurred_on, known_on, status, role, detail;
            the most recent first. A recency names the latest record only, a first date the first.
        """
        (past,) = self.pasts_on(nominal_id, [as_of_date])
        return {name: behind(self.feature_set[name], past) for name in names}


def keyed(spine: pd.DataFrame) -> pd.DataFrame:
    """Return only the keys of a spine, with dates as dates, rows numbered from 0.

    Examples
    --------
    >>> keyed(pd.DataFrame({"nominal_id": ["N1"], "as_of_date": ["2026-02-01"], "x": [1]})).shape
    (1, 2)
    """
    keys = spine[["nominal_id", "as_of_date"]].reset_index(drop=True)
    return keys.assign(as_of_date=dates(keys["as_of_date"]))


def dates(column: Any) -> Array:
    """Return a column of dates, timestamps or ISO texts as datetime64[D].

    Examples
    --------
    >>> dates(["2026-01-31"])
    array(['2026-01-31'], dtype='datetime64[D]')
    """
    return pd.to_datetime(pd.Series(column)).to_numpy().astype("datetime64[D]")
