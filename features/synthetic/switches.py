"""What a simulated world has or lacks, each with a known truth."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Switches:
    """The switches of a simulated world; all are on unless set otherwise.

    Parameters
    ----------
    bias : bool
        Some groups of people are named, arrested or recorded more or less often than others for
        the same conduct, while their true risk is the same.
    drift : bool
        Recording improves over the years as it was published, with the lockdowns of 2020-21, the
        counting rule of June 2023, and months in which a new records system lost details.
    interventions : bool
        Orders, programmes and offender management lower the true rate while they last. Without
        it they are still recorded, and do nothing.
    interactions : bool
        Separation and substance use together make people of high severity more dangerous than
        the sum of the parts, so that a model of main effects is not the best there can be.
    faults : bool
        Records are corrected, crimes cancelled, suspects eliminated, details missing.

    Examples
    --------
    >>> Switches(bias=False)
    Switches(bias=False, drift=True, interventions=True, interactions=True, faults=True)
    """

    bias: bool = True
    drift: bool = True
    interventions: bool = True
    interactions: bool = True
    faults: bool = True
