"""The records behind the dashboards: opened once for each load, and what was counted kept beside.

Whatever is kept goes with an erasure, and with the load.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from features.dashboards.known import Known
from features.loads import Load
from features.turns import erasures

MOST = 2
"""Loads kept open; nearly always all questions are served from one."""

Counted = TypeVar("Counted")


class Opened:
    """One load's records as known on its last day, and what was counted in them."""

    def __init__(self, load: Load) -> None:
        self.known = Known(load)
        self._lock = threading.Lock()
        self._found: dict[Hashable, Any] = {}

    def counted(self, name: Hashable, count: Callable[[], Counted]) -> Counted:
        """Return what was counted under this name, counting it where it was not yet."""
        with self._lock:  # counted once, however many ask
            if name not in self._found:
                self._found[name] = count()
            found: Counted = self._found[name]
            return found


class Records:
    """Loads opened for dashboards, for all threads of a worker."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._opened: OrderedDict[tuple[str, int], Opened] = OrderedDict()

    @property
    def opened(self) -> list[str]:
        """Fingerprints of the loads that are open."""
        with self._lock:
            return [fingerprint for fingerprint, _ in self._opened]

    def of(self, load: Load) -> Opened:
        """Return a load's records; opened anew after an erasure."""
        key = (load.fingerprint, erasures())
        with self._lock:
            for old in [each for each in self._opened if each[1] != key[1]]:
                del self._opened[old]
            if key not in self._opened:
                self._opened[key] = Opened(load)
            self._opened.move_to_end(key)
            while len(self._opened) > MOST:
                self._opened.popitem(last=False)
            return self._opened[key]
