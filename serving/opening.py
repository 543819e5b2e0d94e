"""Lists and records are opened as soon as they are in force, before somebody waits for it.

A large list takes seconds to open: its columns, the standing of everybody on it, RFG's ranks, each
filter; and so do the records behind the dashboards. Rows for scores can be looked up instead of
worked out. A thread of each worker does it when the worker starts, and again whenever a list was
published, a load taken up, a model promoted, or somebody erased.
"""

from __future__ import annotations

import threading
from typing import Protocol

from features.cohort import candidates
from features.errors import PrecursorError
from features.history import History
from features.question import CohortRule
from serving.asked import Asked, asked_of
from serving.middleware import note_fault
from serving.stock import InForce, Stock

EVERY = 5.0
"""Seconds between two looks; where nothing is new, one costs a few small files."""

PATIENCE = 10.0
"""Seconds that a worker which stops waits for what is being opened."""


MOST_BYTES = 1 << 30
"""Rows that would take more of the disk than this are worked out when they are asked for."""


class Openable(Protocol):
    """What can be opened before somebody asks."""

    def open_all(self) -> None:
        """Open whatever is in force and not open yet."""


class Opening:
    """The thread that opens what is in force, until it is told to stop.

    Parameters
    ----------
    openables : Openable
        One after the other.
    every : float
        Seconds between two looks.
    """

    def __init__(self, *openables: Openable, every: float = EVERY) -> None:
        self._openables = openables
        self._every = every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="opening", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            for openable in self._openables:
                try:
                    openable.open_all()
                except Exception as fault:  # whoever asks for it is told; the others go on
                    note_fault(fault, "opening")
            if self._stop.wait(self._every):
                return

    def stop(self) -> None:
        """Open nothing more; what is being opened is waited for."""
        self._stop.set()
        self._thread.join(PATIENCE)


class PreparedRows:
    """Rows of whoever may be in a cohort today, worked out before somebody asks for one.

    Parameters
    ----------
    stock : Stock
        Its champions and loads; a promotion or a new load is taken up at the next look.
    """

    def __init__(self, stock: Stock) -> None:
        self._stock = stock
        self._done: dict[str, tuple[History, Asked]] = {}

    def open_all(self) -> None:
        """Work out the rows of each question whose champion or load is new."""
        before, self._done = self._done, {}
        for question in self._stock.questions():
            try:
                in_force = self._stock.get(question)
            except PrecursorError:  # whoever asks is told, and /readyz says it
                continue
            now = in_force.history, asked_of(in_force.model)
            self._done[question] = now  # first: what fails, on a full disk say, is not tried again
            if before.get(question) != now:
                _prepare(in_force, now[1])


def _prepare(in_force: InForce, asked: Asked) -> None:
    rule, history = in_force.question.cohort, in_force.history
    if isinstance(rule, CohortRule):
        people = candidates(history, rule)
        if people.size * len(asked.columns.columns) * 8 <= MOST_BYTES:
            history.prepare(in_force.question.name, people, asked.columns)
