"""Rows that are asked for most, worked out before anybody asks: many people's, on one date.

They are what :meth:`features.history.History.dense` returns for these people on that date, kept in
a file without a name; whoever else or whatever other date is asked for is worked out then.
"""

from __future__ import annotations

from collections.abc import Iterable
from tempfile import TemporaryFile

import numpy as np

from features.compiled import memory_mapped
from features.declare import FeatureSet
from features.subjects import Subjects
from features.visible import Array


class Prepared:
    """Columns of some people on one date, found by a person's number.

    Parameters
    ----------
    wanted : FeatureSet
    subjects : Subjects
        One row for each person, all on one date.
    parts : iterable of tuple
        Where rows stood in the spine, and their columns, as `History.parts` yields them.
    people : int
        How many there are in the whole history.
    """

    def __init__(
        self,
        wanted: FeatureSet,
        subjects: Subjects,
        parts: Iterable[tuple[Array, dict[str, Array]]],
        people: int,
    ) -> None:
        self.wanted = wanted
        self._at = int(subjects.rows.at[0])
        self._place = np.full(people, -1, np.int64)
        person = np.empty(len(subjects.rows), np.int64)
        person[subjects.order] = subjects.person[subjects.rows.subject]
        done = 0
        with TemporaryFile() as file:
            for order, columns in parts:
                file.write(np.stack(list(columns.values()), axis=1, dtype=np.float64).data)
                self._place[person[order]] = np.arange(done, done + len(order))
                done += len(order)
            self._rows = memory_mapped(file, np.dtype(np.float64)).reshape(
                done, len(wanted.columns)
            )

    def dense(self, subjects: Subjects) -> Array | None:
        """Return the rows in the spine's order; None if any of them is not prepared."""
        person = subjects.person[subjects.rows.subject]
        if (person < 0).any() or (subjects.rows.at != self._at).any():
            return None
        place = self._place[person]
        if (place < 0).any():
            return None
        found = np.empty((len(place), self._rows.shape[1]))
        found[subjects.order] = self._rows[place]
        return found
