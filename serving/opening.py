"""Lists and records are opened as soon as they are in force, before somebody waits for it.

A large list takes seconds to open: its columns, the standing of everybody on it, RFG's ranks, each
filter; and so do the records behind the dashboards. A thread of each worker does it when the worker
starts, and again whenever a list was published, a load taken up, or somebody erased.
"""

from __future__ import annotations

import threading
from typing import Protocol

from serving.middleware import note_fault

EVERY = 5.0
"""Seconds between two looks; where nothing is new, one costs a few small files."""

PATIENCE = 10.0
"""Seconds that a worker which stops waits for what is being opened."""


class Openable(Protocol):
    """What can be opened before somebody asks."""

    def open_all(self) -> None:
        """Open whatever is in force and not open yet."""


class Opening:
    """The thread that opens what is in force, until it is told to stop.

    Parameters
    ----------
    lists : Openable
    every : float
        Seconds between two looks.
    """

    def __init__(self, lists: Openable, every: float = EVERY) -> None:
        self._lists = lists
        self._every = every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="opening", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                self._lists.open_all()
            except Exception as fault:  # whoever asks for the page is told; the others go on
                note_fault(fault, "opening")
            if self._stop.wait(self._every):
                return

    def stop(self) -> None:
        """Open nothing more; what is being opened is waited for."""
        self._stop.set()
        self._thread.join(PATIENCE)
