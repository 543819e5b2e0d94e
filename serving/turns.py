"""Taking turns: an erasure never runs beside what writes down much about people.

A batch, or whoever makes a list, takes a turn for each thing it writes; turns run beside each
other. An erasure waits until those under way have ended, and all others wait for it. It is queued
for first, so that a batch of many turns does not keep it waiting for longer than one of them.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from features.errors import Conflict
from features.home import home
from features.loads import Load, contents
from serving.kept import erasures

_QUEUE, _ROOM = "erasure.queue", "erasure.room"


@contextmanager
def erasing() -> Iterator[None]:
    """Wait until nobody writes about people, and keep everybody from it while the block runs."""
    with ExitStack() as held:
        _held(held, _QUEUE, fcntl.LOCK_EX)
        _held(held, _ROOM, fcntl.LOCK_EX)
        yield


@contextmanager
def turn() -> Iterator[None]:
    """Write about people in the block; an erasure comes before it or after it."""
    with ExitStack() as held:
        with ExitStack() as queued:
            _held(queued, _QUEUE, fcntl.LOCK_SH)
            _held(held, _ROOM, fcntl.LOCK_SH)
        yield


def _held(stack: ExitStack, name: str, how: int) -> None:
    home().mkdir(mode=0o700, parents=True, exist_ok=True)
    file = stack.enter_context((home() / name).open("a"))  # closing it lets go of the lock
    fcntl.flock(file, how)


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
