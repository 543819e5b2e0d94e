"""The terms that people served in prison or on remand, without overlaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.synthetic.columns import Array, Columns, happened, take

REMAND, PRISON = 0, 1
_SPAN = 10**6


@dataclass(frozen=True)
class Terms:
    """Terms in order of person and day; where one ends on the day the next begins, they adjoin.

    Attributes
    ----------
    person, start, end, kind : integer arrays
    """

    person: Array
    start: Array
    end: Array
    kind: Array

    def inside(self, person: Array, day: Array) -> Array:
        """Return where a person was inside on a day.

        Examples
        --------
        >>> terms = Terms(np.array([4]), np.array([10]), np.array([20]), np.array([PRISON]))
        >>> terms.inside(np.array([4, 4, 5]), np.array([10, 20, 15]))
        array([ True, False, False])
        """
        if not len(self.person):
            return np.zeros(len(person), dtype=bool)
        starts = self.person * _SPAN + self.start
        place = np.searchsorted(starts, person * _SPAN + np.maximum(day, 0), side="right") - 1
        found = np.maximum(place, 0)
        held: Array = (
            (place >= 0)
            & (self.person[found] == person)
            & (self.start[found] <= day)
            & (day < self.end[found])
        )
        return held


def serve(reports: Columns, exit_day: Array) -> Terms:
    """Return the terms that the sentences and remands of all reports make together.

    Remand ends in court; what is left of the term is served as a sentence. A term that begins
    inside another begins when that one ends, and adds only what exceeds it.

    Parameters
    ----------
    reports : Columns
        With person, prison_from, prison_to, court, remanded.
    exit_day : integer array (n,)
        No term begins or lasts beyond it.
    """
    jailed = take(reports, happened(reports["prison_from"]))
    pieces: list[tuple[int, int, int, int]] = []
    for person, start, end, court, remanded in zip(
        *(jailed[c].tolist() for c in ("person", "prison_from", "prison_to", "court", "remanded")),
        strict=True,
    ):
        turn = min(max(court, start), end) if remanded else start
        pieces.extend(
            (person, first, last, kind)
            for first, last, kind in ((start, turn, REMAND), (turn, end, PRISON))
            if first < last
        )
    served: list[tuple[int, int, int, int]] = []
    inmate, free_on = -1, 0
    for person, start, end, kind in sorted(pieces):
        if person != inmate:
            inmate, free_on = person, 0
        start, end = max(start, free_on), min(end, int(exit_day[person]))
        if start < end:
            served.append((person, start, end, kind))
            free_on = end
    table = np.array(served, dtype=np.int64).reshape(-1, 4)
    return Terms(*table.T)
