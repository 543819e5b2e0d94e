"""Taking turns: an erasure never runs beside what reads or writes down something about people.

A batch, or whoever makes a list, a matrix or a load of another one, takes a turn for each thing it
writes, and every request takes one from its first look at the records to its entry; turns run
beside each other. An erasure waits until those under way have ended, and all others wait for it. It
is queued for first, so that a batch of many turns does not keep it waiting for longer than one of
them. Who has a turn takes no second one: an erasure may stand between the two.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from features.errors import Conflict
from features.files import write_json
from features.home import home
from features.loads import Load, contents

_QUEUE, _ROOM = "erasure.queue", "erasure.room"

ERASURES = "erasures.json"

CHANGES_WITHIN = 120.0
"""Seconds that a change of what is in force waits for the one before it."""


@contextmanager
def erasing() -> Iterator[None]:
    """Wait until nobody writes about people, and keep everybody from it while the block runs."""
    with _locked(_QUEUE, fcntl.LOCK_EX), _locked(_ROOM, fcntl.LOCK_EX):
        yield


@contextmanager
def turn() -> Iterator[None]:
    """Write about people in the block; an erasure comes before it or after it."""
    with taken():
        yield


def taken(how: int = 0) -> ExitStack:
    """Return a turn, which ends when it is closed; who waits to erase is let in first.

    Parameters
    ----------
    how : int
        `fcntl.LOCK_NB` raises BlockingIOError instead of waiting.
    """
    with ExitStack() as held:
        with _locked(_QUEUE, fcntl.LOCK_SH | how):
            held.enter_context(_locked(_ROOM, fcntl.LOCK_SH | how))
        return held.pop_all()


@contextmanager
def _locked(name: str, how: int) -> Iterator[None]:
    file = _opened(name)
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


@contextmanager
def changing(question: str) -> Iterator[None]:
    """Change in the block which model is in force for a question, or which list; nobody else does.

    One at a time, so that what the ledger says last is what is served.

    Raises
    ------
    Conflict
        Another process, which may hang, has been at it for two minutes.
    """
    until = time.monotonic() + CHANGES_WITHIN
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(_locked(f"{question}.changing", fcntl.LOCK_EX | fcntl.LOCK_NB))
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise Conflict(
                        f"another command is changing what is in force for '{question}'",
                        remedy="Wait until it has ended, or end it; then give this one again.",
                        code="under_way",
                    ) from None
                time.sleep(0.02)
        yield


def note_erasure(entry: int) -> None:
    """Say that files were rewritten for an erasure: what workers keep in memory is dropped."""
    write_json(home() / ERASURES, {"entry": entry})


def erasures() -> int:
    """Return what changes with each erasure, and never else; cheap to ask often."""
    try:
        return (home() / ERASURES).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


class Turns:
    """The turns of one piece of work; one after an erasure is refused: it would bring them back.

    Parameters
    ----------
    load : Load
        What the work is made from.
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
                "somebody was erased while this was under way; what lay of it was removed",
                remedy="Give the same command again: it starts anew, from the records as they are.",
                code="erased_meanwhile",
            )
