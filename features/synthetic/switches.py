"""What a simulated world has or lacks, each with a known truth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from features.errors import UsageError
from features.synthetic import parameters as p
from features.synthetic.columns import Array

DRIFT = ("recording", "go-live", "lockdown", "counting-rule")
"""Parts of drift: how much is recorded grows as was published; a new records system from April 2021
loses details for nine months; the lockdowns of 2020-21; the counting rule of June 2023."""

SELECTION = ("usual", "randomised", "risk-targeted")
"""Who gets an order or a programme: as forces do it (by chance, orders more often after grave
offences); by chance alone; or the more often, the more the suspect was lately recorded for."""


@dataclass(frozen=True)
class Switches:
    """The switches of a simulated world; `Switches.off()` is a world without any of them.

    Parameters
    ----------
    bias : bool or mapping of group to number
        True: some groups of people are named, arrested or recorded more or less often than others
        for the same conduct, fitted to a published ratio of arrests. A mapping instead says how
        many times as often as others a group of people is recorded for the same conduct. The true
        risk is the same either way.
    drift : bool or tuple of str
        True, or those of :data:`DRIFT` that there are to be.
    interventions : bool
        Whether interventions lower the true rate while they last. Without it they are still
        recorded, and do nothing.
    interactions : bool
        Separation and substance use together make people of high severity more dangerous than
        the sum of the parts, so that a model of main effects is not the best there can be.
    faults : bool
        Records are corrected, crimes cancelled, suspects eliminated, details missing.
    victims : mapping of group to number
        How many times as often as others a group's reports of domestic abuse are recorded; victims
        of it are of the same group as the offender here.
    concept_drift : bool
        From April 2024 on separation counts for less and substance use for more in what makes an
        offence one of high harm: what was learnt before then is partly wrong.
    effects : mapping of name to number
        Rate ratios of interventions where they are not to be those of `EFFECTS`: order, programme
        (for domestic abuse), easi, bail (with conditions), iom. 1 does nothing.
    selection : str
        One of :data:`SELECTION`.
    missing_by_value : bool
        A marker that ought to say yes is left blank more than twice as often as one that ought to
        say no: what is missing is not missing at random.
    duplicates : float
        Share of people who get a second person record that part of their history goes to.

    Examples
    --------
    >>> Switches(bias={"Black": 2.0}).bias
    {'Black': 2.0}
    >>> Switches(drift=("weather",))
    Traceback (most recent call last):
    ...
    features.errors.UsageError: drift has no part 'weather'. See what there is: ...
    """

    bias: bool | Mapping[str, float] = True
    drift: bool | tuple[str, ...] = True
    interventions: bool = True
    interactions: bool = True
    faults: bool = True
    victims: Mapping[str, float] = field(default_factory=dict)
    concept_drift: bool = False
    effects: Mapping[str, float] = field(default_factory=dict)
    selection: str = "usual"
    missing_by_value: bool = False
    duplicates: float = 0.01

    def __post_init__(self) -> None:
        wrong = []
        for name, given, known in (
            ("bias", {} if isinstance(self.bias, bool) else self.bias, p.ETHNICITIES),
            ("victims", self.victims, p.ETHNICITIES),
            ("effects", self.effects, tuple(p.EFFECTS)),
        ):
            wrong += [
                f"{name} has no '{key}', only {', '.join(known)}"
                for key in given
                if key not in known
            ]
            wrong += [
                f"{name} of {key} is {ratio}, not more than 0 and at most 10"
                for key, ratio in given.items()
                if not (math.isfinite(ratio) and 0 < ratio <= 10)
            ]
        parts = () if isinstance(self.drift, bool) else self.drift
        wrong += [f"drift has no part '{part}'" for part in parts if part not in DRIFT]
        if self.selection not in SELECTION:
            wrong.append(f"selection is '{self.selection}', not one of {', '.join(SELECTION)}")
        if not 0 <= self.duplicates <= 0.2:
            wrong.append(f"duplicates is {self.duplicates}, not 0 to 0.2")
        if wrong:
            raise UsageError(
                "; ".join(wrong),
                remedy="See what there is: precursor synthesise --help.",
            )

    @classmethod
    def off(cls, **but: Any) -> Switches:
        """Return a world without bias, drift, effects, interactions, faults and duplicates.

        Parameters
        ----------
        **but
            What is to be set all the same.

        Examples
        --------
        >>> Switches.off(faults=True).faults
        True
        """
        nothing: dict[str, Any] = dict.fromkeys(
            ("bias", "drift", "interventions", "interactions", "faults"), False
        )
        return cls(**(nothing | {"duplicates": 0.0} | but))

    def drifts(self, part: str) -> bool:
        """Return whether a part of drift is on.

        Examples
        --------
        >>> Switches(drift=("lockdown",)).drifts("go-live")
        False
        """
        return drifts(self.drift, part)

    def effect(self, name: str) -> float:
        """Return the true rate ratio of an intervention while it lasts.

        Examples
        --------
        >>> Switches(effects={"easi": 0.5}).effect("easi")
        0.5
        """
        return float(self.effects.get(name, p.EFFECTS[name])) if self.interventions else 1.0

    def recording(self, ethnicity: Array, domestic: Array) -> Array:
        """Return how often each offence is recorded, relative to the group recorded most.

        Parameters
        ----------
        ethnicity : integer array (k,)
            Of the offenders.
        domestic : boolean array (k,)
            Whether the offence is domestic.

        Examples
        --------
        >>> unequal = Switches(bias={"Black": 2.0})
        >>> unequal.recording(np.array([0, 2]), np.array([False, False]))
        array([0.5, 1. ])
        """
        everywhere = {} if isinstance(self.bias, bool) else self.bias
        ratio = _relative(everywhere)[ethnicity]
        own: Array = np.where(domestic, _relative(self.victims)[ethnicity], 1.0)
        return np.asarray(ratio * own)

    def told(self) -> dict[str, Any]:
        """Return the switches as data, with the effects that were in force.

        Examples
        --------
        >>> Switches().told()["effects"]["programme"]
        0.7
        """
        return asdict(self) | {"effects": {name: self.effect(name) for name in p.EFFECTS}}


def drifts(drift: bool | tuple[str, ...], part: str) -> bool:
    """Return whether `drift` holds a part.

    Examples
    --------
    >>> drifts(True, "lockdown"), drifts((), "lockdown")
    (True, False)
    """
    return drift if isinstance(drift, bool) else part in drift


def _relative(ratios: Mapping[str, float]) -> Array:
    given = np.array([ratios.get(group, 1.0) for group in p.ETHNICITIES])
    return np.asarray(given / given.max())
