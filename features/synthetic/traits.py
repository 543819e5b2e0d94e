"""The people who may offend: what they are like, and what nobody records."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.synthetic import parameters as p
from features.synthetic.columns import Array

YEAR = 365.25


@dataclass(frozen=True)
class People:
    """The latent people of a world, one row each.

    Attributes
    ----------
    common : array (n,)
        The factor all kinds of offending share, in standard deviations.
    traits : array (n, 6)
        Inclination to each group of offences, in standard deviations.
    severity : array (n,)
        Inclination to grave harm, in standard deviations.
    rate : array (n, 6)
        Relative rate of each group: mean about 1 before sex and exposure.
    motive, ethnicity, area : integer arrays (n,)
        Positions in `MOTIVES`, `ETHNICITIES` and `AREAS`.
    female : boolean array (n,)
    born : integer array (n,)
        Day of birth, counted from the world's first day.
    restlessness : array (n,)
        Factor on how soon a period of offending ends.
    """

    common: Array
    traits: Array
    severity: Array
    rate: Array
    motive: Array
    female: Array
    ethnicity: Array
    area: Array
    born: Array
    restlessness: Array

    def __len__(self) -> int:
        return len(self.common)


def draw_people(n: int, rng: np.random.Generator) -> People:
    """Draw people with their traits.

    Parameters
    ----------
    n : int
        How many.
    rng : numpy.random.Generator
        The stream of this concern.

    Returns
    -------
    People

    Examples
    --------
    >>> people = draw_people(1000, np.random.default_rng(1))
    >>> len(people), people.traits.shape
    (1000, (1000, 6))
    >>> bool(abs(people.female.mean() - 0.3) < 0.05)
    True
    """
    common = rng.standard_normal(n)
    own = rng.standard_normal((n, 6))
    traits = p.LOADING * common[:, None] + np.sqrt(1 - p.LOADING**2) * own
    traits[:, p.DAS] = 0.5 * traits[:, p.DAV] + 0.87 * traits[:, p.DAS]
    severity = p.SEVERITY_LOADING * common
    severity += np.sqrt(1 - p.SEVERITY_LOADING**2) * rng.standard_normal(n)
    severity = 0.25 * traits[:, p.DAV] + 0.97 * severity
    female = rng.random(n) >= p.MALE_SHARE
    motive = rng.choice(len(p.MOTIVES), n, p=p.MOTIVE_SHARE)
    ethnicity = rng.choice(len(p.ETHNICITIES), n, p=p.ETHNICITY_SHARE)
    rate = np.exp(p.SPREAD * traits - p.SPREAD**2 / 2) * p.EXPOSURE[ethnicity][:, None]
    rate *= np.where(female[:, None], p.FEMALE, 1.0)
    rate[:, p.DAS] *= p.MOTIVE_RATIO[motive]
    return People(
        common=common,
        traits=traits,
        severity=severity,
        rate=rate,
        motive=motive,
        female=female,
        ethnicity=ethnicity,
        area=rng.integers(0, len(p.AREAS), n),
        born=-np.floor(_ages(n, rng) * YEAR).astype(np.int64),
        restlessness=np.exp(
            p.DESISTANCE_SPREAD * rng.standard_normal(n) - p.DESISTANCE_SPREAD**2 / 2
        ),
    )


def _ages(n: int, rng: np.random.Generator) -> Array:
    """Draw ages at the world's first day: even up to 50, thinning out to 80."""
    brackets = np.array([5.0, 20.0, 35.0, 50.0, 65.0, 80.0])
    bracket = rng.choice(5, n, p=np.array([0.24, 0.25, 0.25, 0.17, 0.09]))
    ages: Array = brackets[bracket] + 15.0 * rng.random(n)
    return ages


def age_curve(ages: Array) -> Array:
    """Return how much of their peak rate people of these ages offend, by group.

    Parameters
    ----------
    ages : array (n,)
        Ages in years.

    Returns
    -------
    array (n, 6)
        From 0 to 1; nobody offends under 10, nor against a partner under 16.

    Examples
    --------
    >>> age_curve(np.array([8.0, 29.0]))[:, 0]
    array([0., 1.])
    """
    x = np.maximum(ages - 9.0, 0.0)[:, None] / p.AGE_PEAK
    curve: Array = (x * np.exp(1 - x)) ** p.AGE_SHARPNESS
    curve[ages < p.CRIMINAL_AGE] = 0.0
    curve[ages < p.DOMESTIC_AGE, : p.NSH] = 0.0
    return curve
