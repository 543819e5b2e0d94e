"""Processes and what they hold in memory, with all that they started."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROC = Path("/proc")
EVERY_S = 0.5


def children(parent: int) -> list[int]:
    """Return the processes that a process started and that still run."""
    return sorted(process for process, of in _parents().items() if of == parent)


def _parents() -> dict[int, int]:
    """Return every process that runs with the one that started it."""
    found = {}
    for folder in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
            if stat[0] != "Z":
                found[int(folder.name)] = int(stat[1])
    return found


def held_gb(*roots: int) -> float:
    """Return what processes and all that they started hold now, in GB.

    Memory that several of them share is counted once (proportional set size).
    """
    parents, held, known = _parents(), 0, list(roots)
    for process in known:  # grows by those who were started
        known += [child for child, parent in parents.items() if parent == process]
        with contextlib.suppress(OSError):
            for line in (PROC / str(process) / "smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    held += int(line.split()[1]) * 1024
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
