"""The turn of a request (`features.turns`): it waits for an erasure, and nothing waits for it."""

from __future__ import annotations

import asyncio
import fcntl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from features.errors import PrecursorError
from features.turns import taken
from serving.database import LedgerUnavailable

PATIENCE = 5.0
"""Seconds that a request waits while somebody is erased."""


class ErasureUnderWay(PrecursorError):
    """Somebody is being erased, and nobody is asked about meanwhile (status 503)."""

    code = "erasure_under_way"
    status = 503


@asynccontextmanager
async def request_turn() -> AsyncIterator[None]:
    """Answer a request in the block, as `features.turns.turn`; nothing else waits meanwhile.

    Raises
    ------
    ErasureUnderWay
        An erasure lasted longer than a request waits.
    LedgerUnavailable
        The state folder has no place for turns.
    """
    until = time.monotonic() + PATIENCE
    while True:
        try:
            held = taken(fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > until:
                raise ErasureUnderWay(
                    "somebody is being erased, and nobody is asked about until that is done",
                    remedy="Try again in a moment.",
                ) from None
            await asyncio.sleep(0.02)
        except OSError as failed:
            raise LedgerUnavailable(
                f"{failed.filename}: {failed.strerror}, so nobody can be asked about",
                remedy="Make room, or let this user write there.",
            ) from failed
    with held:
        yield
