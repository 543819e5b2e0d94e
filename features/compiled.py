"""A compiled history: everybody's events as flat arrays in order of person, on disk, in reach.

The arrays are mapped into memory, not read: one person's events are a slice found in microseconds,
a force's are walked from front to back, and the system keeps in memory what it can spare. Their
files have no name once they are open, so that nothing is left behind however the process ends.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from tempfile import NamedTemporaryFile, TemporaryFile
from typing import IO, Any, Protocol, runtime_checkable

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

from features.compile import CODES, DATES, NUMBERS, OWN, TOLD_TYPES
from features.errors import PrecursorError
from features.subjects import Births
from features.sweep import MISSING, Records, nothing, spread
from features.visible import FOREVER, NEVER, Array, Dates, days

_STORED: dict[str, np.dtype[Any]] = {
    **dict.fromkeys(NUMBERS, np.dtype(np.int64)),
    **dict.fromkeys(("person", "who", "occurred_on", "offence_on", "known_on"), np.dtype(np.int32)),
    "superseded_on": np.dtype(np.int32),
    "source": np.dtype(np.int8),
}
_EMPTY = {
    **dict.fromkeys(NUMBERS, MISSING),
    **dict.fromkeys(("occurred_on", "offence_on", "known_on"), NEVER),
    "superseded_on": FOREVER,
    "who": -1,
}


_ALWAYS = ("person", "source", "marks", *DATES, "who")
_WALK = 1 << 20


class Database(Protocol):
    """What a history is compiled by: it has run the queries of `features.compile`."""

    def people(self) -> pa.Table:
        """Return everybody's id, `nominal_id`, in the order of their numbers from 0."""

    def births(self) -> pa.Table:
        """Return person, born_on, known_on, superseded_on."""

    def numbers(self, sources: tuple[str, ...]) -> Iterable[pa.RecordBatch]:
        """Return the events of some sources as numbers, in order of person."""


@runtime_checkable
class Telling(Database, Protocol):
    """A database of a whole load, which can also tell what lies behind a figure."""

    def known(self) -> pa.Table:
        """Return known_on and number: how many records became known on each day, in order."""

    def told(self) -> Iterable[pa.RecordBatch]:
        """Return all events with what is told of them, in order of person."""


class Compiled:
    """Everybody's events, by person.

    Parameters
    ----------
    database : Database
    sources : tuple of str, optional
        Those to compile at once; any other is compiled when it is first asked for.

    Attributes
    ----------
    ids : pandas.Index
        Everybody's id; the place is the person's number.
    births : Births
    """

    def __init__(self, database: Database, sources: tuple[str, ...] = OWN) -> None:
        self._database = database
        ids = database.people()["nominal_id"].to_numpy(zero_copy_only=False)
        self.ids = pd.Index(ids, dtype=object)
        births = database.births().sort_by("person")
        self.births = Births(
            births["person"].to_numpy(),
            days(births["born_on"].to_numpy(), NEVER),
            days(births["known_on"].to_numpy(), NEVER),
            days(births["superseded_on"].to_numpy(), FOREVER),
        )
        self._lock = threading.Lock()
        self._flat = {sources: _Flat(database.numbers(sources), len(self.ids))}
        self._trail: _Trail | None = None  # made when something is first explained

    def __len__(self) -> int:
        return sum(len(flat) for flat in self._flat.values())

    def _of(self, source: str) -> _Flat:
        """Return the events among which a source's are; others than the first when asked for."""
        with self._lock:
            for sources, flat in self._flat.items():
                if source in sources:
                    return flat
            flat = self._flat[source,] = _Flat(self._database.numbers((source,)), len(self.ids))
            return flat

    def events(
        self, people: Array, sources: Sequence[str], amounts: Sequence[str]
    ) -> dict[str, Records]:
        """Return all events of some people by source, whenever they were known.

        Parameters
        ----------
        people : ndarray of int64
            Numbers in ascending order; those of nobody here, below 0, have no events.
        """
        people = people[people >= 0]
        found: dict[str, Records] = {}
        fetched: dict[_Flat, dict[str, Array]] = {}
        for name in sources:
            flat = self._of(name)
            if flat not in fetched:
                fetched[flat] = flat.of(people, (*_ALWAYS, *amounts))
            columns = fetched[flat]
            of = (columns["source"] == CODES[name]).nonzero()[0]
            if not len(of):  # most sources, of one person
                found[name] = nothing(tuple(amounts))
                continue
            own = {key: values[of].astype(np.int64) for key, values in columns.items()}
            found[name] = _records(own, amounts)
        return found

    def having(self, source: str, bits: int) -> Array:
        """Return the numbers of everybody with an event of a source that has all these marks."""
        columns = self._of(source).columns
        found = np.zeros(len(self.ids), bool)
        for start in range(0, len(columns["person"]), _WALK):
            piece = slice(start, start + _WALK)
            marked = (columns["marks"][piece] & bits) == bits
            marked &= columns["source"][piece] == CODES[source]
            found[columns["person"][piece][marked]] = True
        return np.flatnonzero(found)

    def known(self) -> pa.Table:
        """Return known_on and number: how many records became known on each day, in order."""
        return self._whole().known()

    def _whole(self) -> Telling:
        if not isinstance(self._database, Telling):
            raise PrecursorError(
                "a part of a force's people tells nothing of the whole",
                remedy="Open the load on one machine.",
            )
        return self._database

    def told(self, people: Array) -> pa.Table:
        """Return all events of some people with what is told of them."""
        with self._lock:
            if self._trail is None:
                self._trail = _Trail(self._whole(), len(self.ids))
        return self._trail.of(people[people >= 0])


class _Flat:
    """Events as one flat file for each column, in order of person, mapped into memory."""

    def __init__(self, batches: Iterable[pa.RecordBatch], people: int) -> None:
        numbers = np.zeros(people, np.int64)
        with ExitStack() as opened:
            files = {name: opened.enter_context(TemporaryFile()) for name in NUMBERS}
            for batch in batches:
                for name, file in files.items():
                    column = batch[name]
                    if pa.types.is_date32(column.type):
                        column = column.cast(pa.int32())
                    filled = column.fill_null(_EMPTY[name]) if column.null_count else column
                    file.write(np.ascontiguousarray(filled.to_numpy(), _STORED[name]).data)
                numbers += np.bincount(batch["person"].to_numpy(), minlength=people)
            self.columns = {
                name: memory_mapped(file, _STORED[name]) for name, file in files.items()
            }
        self._starts = np.concatenate([[0], np.cumsum(numbers)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def of(self, people: Array, names: Iterable[str]) -> dict[str, Array]:
        """Return some columns for people in ascending order."""
        place: Any = slice(0, 0)
        if len(people) and people[-1] - people[0] + 1 == len(people):  # neighbours, side by side
            place = slice(self._starts[people[0]], self._starts[people[-1] + 1])
        elif len(people):
            place = spread(self._starts[people], self._starts[people + 1])[0]
        return {name: self.columns[name][place] for name in names}


class _Trail:
    """What is told of all events, as one file in order of person."""

    def __init__(self, database: Telling, people: int) -> None:
        numbers = np.zeros(people, np.int64)
        heights = [0]
        schema = ibis.schema(TOLD_TYPES).to_pyarrow()
        with NamedTemporaryFile() as file:
            with pa.ipc.new_file(file, schema) as writer:
                for batch in database.told():
                    writer.write_batch(batch.cast(schema))
                    numbers += np.bincount(batch["person"].to_numpy(), minlength=people)
                    heights.append(heights[-1] + len(batch))
            file.flush()
            self._file = pa.ipc.open_file(pa.memory_map(file.name))
        self._starts = np.concatenate([[0], np.cumsum(numbers)])
        self._heights = np.array(heights)

    def of(self, people: Array) -> pa.Table:
        pieces = [piece for person in people for piece in self._pieces(int(person))]
        return pa.Table.from_batches(pieces, self._file.schema)

    def _pieces(self, person: int) -> Iterator[pa.RecordBatch]:
        start, end = (int(place) for place in self._starts[person : person + 2])
        while start < end:
            batch = int(np.searchsorted(self._heights, start, side="right")) - 1
            offset = start - int(self._heights[batch])
            piece = self._file.get_batch(batch).slice(offset, end - start)
            yield piece
            start += len(piece)


def memory_mapped(file: IO[bytes], dtype: np.dtype[Any]) -> Array:
    """Return what was written to a file as an array that is read when it is looked at."""
    file.flush()
    if not file.tell():
        return np.empty(0, dtype)
    # an array like any other: a memmap makes each slice of itself dear
    return np.memmap(file, dtype, mode="r").view(np.ndarray)


def _records(columns: dict[str, Array], amounts: Sequence[str]) -> Records:
    return Records(
        columns["person"],
        Dates(*(columns[name] for name in DATES)),
        columns["marks"],
        {name: columns[name] for name in amounts},
        columns["who"],
    )
