"""Processes and what they hold in memory, with all that they started."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

EVERY_S = 0.5


def children(parent: int, *, recursive: bool = False) -> list[int]:
    """Return the processes that a process started and that still run, in order of their numbers."""
    try:
        found = psutil.Process(parent).children(recursive)
        return sorted(one.pid for one in found if one.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return []


def held_gb(*roots: int) -> float:
    """Return what processes and all that they started hold now, in GB.

    Memory that several of them share is counted once (proportional set size).
    """
    held = 0
    for root in roots:
        for process in (root, *children(root, recursive=True)):
            with contextlib.suppress(psutil.Error):
                held += psutil.Process(process).memory_full_info().pss
    return held / 1e9


class Peak:
    """The most that was held at any moment somebody looked; 0 where it cannot be looked at."""

    gb = 0.0


@contextmanager
def watched(*roots: int) -> Iterator[Peak]:
    """Look at what processes hold, twice a second, until the block is left.

    Examples
    --------
    >>> import os
    >>> with watched(os.getpid()) as peak:
    ...     pass
    >>> peak.gb >= 0
    True
    """
    peak, done = Peak(), threading.Event()

    def look() -> None:
        while True:
            peak.gb = max(peak.gb, held_gb(*roots))
            if done.wait(EVERY_S):
                return

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()
