"""The chance that an offence of high harm comes to count: recorded, its suspect named, in time.

It is worked out from the very functions by which the world decides, so that the true risk follows
whatever is switched on. Which kinds of offence are of high harm is said by the taxonomy alone.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyarrow.compute as pc

from features.synthetic import kinds
from features.synthetic import parameters as p
from features.synthetic.columns import Array, Columns
from features.synthetic.observation import draw_delays, naming_chance, recording_chance
from features.synthetic.switches import Switches
from features.synthetic.timeline import STRANGULATION_ACT, Timeline
from features.taxonomy import taxonomy

_DRAWS = 400_000
_LONGEST = 1200
"""Days of delay told apart; what takes longer arrives after every horizon and lag there is."""


@lru_cache(maxsize=1)
def high_harm() -> Array:
    """Return which kinds of offence are of high harm.

    Examples
    --------
    >>> bool(high_harm()[kinds.kind(kinds.MURDER)]), bool(high_harm()[kinds.kind("046/00")])
    (True, False)
    """
    codes = taxonomy()
    high = set(codes.filter(pc.field("high_harm"))["offence_code"].to_pylist())
    return np.array([code in high for code in kinds.CODES])


@lru_cache(maxsize=1)
def _arrived() -> Array:
    """Return the chance that a suspect is named within so many days, by group and if homicide."""
    rng = np.random.Generator(np.random.PCG64(20))
    found = np.zeros((2, 6, _LONGEST + 1))
    for homicide, code in enumerate((kinds.THREATS_TO_KILL, kinds.MURDER)):
        for group in p.SERIOUS:
            several = np.full(_DRAWS, group), np.full(_DRAWS, kinds.kind(code))
            days = np.add(*draw_delays(*several, rng)).clip(max=_LONGEST + 1)
            found[homicide, group] = np.bincount(days, minlength=_LONGEST + 2)[:-1].cumsum()
    return found / _DRAWS


class Chances:
    """The chances of a world, week by week.

    Parameters
    ----------
    timeline : Timeline
        Reaching as far as the last horizon.
    switches : Switches
    """

    def __init__(self, timeline: Timeline, switches: Switches) -> None:
        self._timeline, self._switches = timeline, switches
        self._recorded = timeline.recorded(switches.drift)
        mixes = np.zeros((6, len(kinds.CODES)))
        for grave in p.SERIOUS:
            mixes[grave] = kinds.serious_mix(grave)
        group, kind = np.nonzero(mixes)
        self._share = mixes[group, kind]
        self._grid: Columns = {
            "group": np.repeat(group, len(p.ETHNICITIES)),
            "kind": np.repeat(kind, len(p.ETHNICITIES)),
            "serious": np.ones(len(group) * len(p.ETHNICITIES), dtype=bool),
        }
        self._ethnicity = np.tile(np.arange(len(p.ETHNICITIES)), len(group))
        self._group, self._kind = group, kind

    def happens(self, week: int) -> Array:
        """Return the chance, by group, that a grave offence has a code of high harm."""
        return np.bincount(self._group, self._counted(week), minlength=6)

    def _counted(self, week: int) -> Array:
        counted = high_harm()[self._kind]
        if 7 * week < self._timeline.day(STRANGULATION_ACT):
            counted = counted & (self._kind != kinds.kind(kinds.STRANGULATION))
        return self._share * counted

    def comes_to_count(self, week: int, first: int, last: int, deadline: int) -> Array:
        """Return the chance, by group and ethnicity, that such an offence is known in time.

        Parameters
        ----------
        week : int
        first, last : int
            The days of the offence: from the one, before the other; all in that week.
        deadline : int
            The day before which the suspect must be named.
        """
        events = self._grid
        named = recording_chance(events, self._ethnicity, self._recorded[week], self._switches)
        named = named * naming_chance(events, self._ethnicity, self._switches)
        left = np.clip(deadline - 1 - np.arange(first, last), 0, _LONGEST)
        homicide = kinds.HOMICIDE[self._kind].astype(int)
        in_time = _arrived()[homicide, self._group][:, left].mean(axis=1) * self._counted(week)
        found = np.zeros((6, len(p.ETHNICITIES)))
        np.add.at(found, self._group, in_time[:, None] * named.reshape(len(in_time), -1))
        return found
