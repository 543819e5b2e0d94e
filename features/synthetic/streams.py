"""Separate random streams, one for each concern, all from one seed.

A change in how victims are drawn, say, leaves every offence as it was: the streams share nothing.
"""

from __future__ import annotations

import numpy as np

CONCERNS = (
    "traits",
    "states",
    "offending",
    "marks",
    "observation",
    "justice",
    "interventions",
    "parties",
    "markers",
    "court",
    "custody",
    "bail",
    "outcomes",
    "prison",
    "assessments",
    "orders",
    "management",
    "wanted",
    "corrections",
    "register",
    "doubles",
    "identities",
)
"""The concerns in a fixed order; append new ones, since the position is part of the stream."""


class Streams:
    """The random streams of one world.

    Parameters
    ----------
    seed : int
        The seed of the whole world, 0 or more.
    block : int
        The block of people; each has streams of its own.

    Examples
    --------
    >>> first, second = Streams(7), Streams(7)
    >>> bool(first["traits"].random() == second["traits"].random())
    True
    >>> bool(first["states"].random() == second["traits"].random())
    False
    """

    def __init__(self, seed: int, block: int = 0) -> None:
        self._streams = {
            concern: np.random.Generator(
                np.random.PCG64(
                    np.random.SeedSequence(seed, spawn_key=(place, block) if block else (place,))
                )
            )
            for place, concern in enumerate(CONCERNS)
        }

    def __getitem__(self, concern: str) -> np.random.Generator:
        return self._streams[concern]
