"""Taking turns: an erasure never runs beside what reads or writes down something about people.

A batch, or whoever makes a list, takes a turn for each thing it writes, and every request takes one
from its first look at the records to its entry; turns run beside each other. An erasure waits until
those under way have ended, and all others wait for it. It is queued for first, so that a batch of
many turns does not keep it waiting for longer than one of them.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager

from features.errors import Conflict, PrecursorError
from features.home import home
from features.loads import Load, contents
from serving.database import LedgerUnavailable
from serving.kept import erasures

_QUEUE, _ROOM = "erasure.queue", "erasure.room"

PATIENCE = 5.0
"""Seconds that a request waits while somebody is erased."""


class ErasureUnderWay(PrecursorError):
    """Somebody is being erased, and nobody is asked about meanwhile (status 503)."""

    code = "erasure_under_way"
    status = 503


@contextmanager
def erasing() -> Iterator[None]:
    """Wait until nobody writes about people, and keep everybody from it while the block runs."""
    with _locked(_QUEUE, fcntl.LOCK_EX), _locked(_ROOM, fcntl.LOCK_EX):
        yield


@contextmanager
def turn() -> Iterator[None]:
    """Write about people in the block; an erasure comes before it or after it."""
    with _taken():
        yield


@asynccontextmanager
async def request_turn() -> AsyncIterator[None]:
    """Answer a request in the block, as `turn`; nothing else waits meanwhile.

    Raises
    ------
    ErasureUnderWay
        An erasure lasted longer than a request waits.
    """
    until = time.monotonic() + PATIENCE
    while True:
        try:
            held = _taken(fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > until:
                raise ErasureUnderWay(
                    "somebody is being erased, and nobody is asked about until that is done",
                    remedy="Try again in a moment.",
                ) from None
            await asyncio.sleep(0.02)
    with held:
        yield


def _taken(how: int = 0) -> ExitStack:
    """Return a turn, which ends when it is closed; who waits to erase is let in first."""
    with ExitStack() as held:
        with _locked(_QUEUE, fcntl.LOCK_SH | how):
            held.enter_context(_locked(_ROOM, fcntl.LOCK_SH | how))
        return held.pop_all()


@contextmanager
def _locked(name: str, how: int) -> Iterator[None]:
    try:
        file = _opened(name)
    except OSError as failed:
        raise LedgerUnavailable(
            f"{home() / name}: {failed.strerror}, so nobody can be asked about",
            remedy="Make room, or let this user write there.",
        ) from failed
    try:
        fcntl.flock(file, how)
        yield
    finally:
        os.close(file)  # which lets go of the lock


def _opened(name: str) -> int:
    # for reading: where the disk is full or must not be written, a lock is still a lock
    how = os.O_RDONLY | os.O_CREAT
    try:
        return os.open(home() / name, how, 0o600)
    except FileNotFoundError:
        home().mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(home() / name, how, 0o600)


class Turns:
    """The turns of a batch; one after an erasure is refused, for it would bring the person back.

    Parameters
    ----------
    load : Load
        What the batch scores.
    compiled : str, optional
        What the load held when its history was compiled (`features.loads.contents`); by default
        what it holds now.
    """

    def __init__(self, load: Load, compiled: str | None = None) -> None:
        self._load, self._contents = load, compiled or contents(load)
        self._erasures = erasures()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Write about people in the block.

        Raises
        ------
        Conflict
            Somebody was erased since the records were read.
        """
        with turn():
            self.unchanged()
            yield

    def unchanged(self) -> None:
        """Refuse to go on if somebody was erased since the records were read."""
        if erasures() != self._erasures or contents(self._load) != self._contents:
            raise Conflict(
                "somebody was erased while this batch was under way; what lay of it was removed",
                remedy="Give the same command again: it starts anew, from the records as they are.",
                code="erased_meanwhile",
            )
