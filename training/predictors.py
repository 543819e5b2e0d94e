"""The static reoffending predictors of the Ministry of Justice: all, violent, serious violent.

They are used as published: two-year probabilities from a sum of terms, nothing fitted here. Figures
stand in ``training/data/moj-predictors-v1.csv``; how they are put together follows the published
scoring service of the tools (licence MIT), and reproduces its static test vectors. A rate of
sanctions ("Copas rate") is the logarithm of their number over the length of a career, which is the
years from the first sanction to the current one and a constant of the tool.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit

from features.errors import UsageError
from features.types import Floats

Flags = npt.NDArray[np.bool_]

PREDICTORS = ("ARP", "VRP", "SVRP")
"""All reoffending, violent reoffending, serious violent reoffending, each within two years."""

MOST_MONTHS = 36
"""Months free of offences count up to this many."""

CAREER_G, CAREER_V, CAREER_VIOLENT = 26, 12, 30
"""Years added to a career for the rates of all sanctions (general, violent) and of violent ones."""


@dataclass(frozen=True)
class Sanctions:
    """What the predictors ask of people's sanctions (convictions and cautions), as parallel arrays.

    Attributes
    ----------
    female : ndarray of bool
        Anybody else is scored by the men's figures.
    age : ndarray
        Whole years at the start of the follow-up: sentence to the community, or release.
    age_at_first, age_at_current : ndarray
        Whole years at the first sanction and at the current one.
    sanctions, violent : ndarray
        Occasions on which there was a sanction, the current one among them; and a violent one.
    category : ndarray of str
        Offence group of the current sanction; one that is not in the tables adds nothing.
    months_free : ndarray
        Whole months from the start of the follow-up to the assessment; NaN where no assessment date
        is known, and negative where the follow-up has not begun: the term is then left out.
    """

    female: Flags
    age: Floats
    age_at_first: Floats
    age_at_current: Floats
    sanctions: Floats
    violent: Floats
    category: npt.NDArray[np.object_]
    months_free: Floats


def terms(predictor: str, people: Sanctions) -> pd.DataFrame:
    """Return the terms of a predictor, one column each; their sum is the log-odds.

    Parameters
    ----------
    predictor : str
        One of `PREDICTORS`.
    people : Sanctions

    Returns
    -------
    DataFrame
        One row a person. `offence_free` is NaN where no assessment date is known.

    Raises
    ------
    UsageError
        For a predictor that there is not.

    Examples
    --------
    >>> numbers = (np.array([value]) for value in (44.0, 40.0, 40.0, 1.0, 1.0))
    >>> kind, months = np.array(["OTHER_OFFENCES"], object), np.array([12.0])
    >>> one = Sanctions(np.array([False]), *numbers, kind, months)
    >>> found = terms("SVRP", one)
    >>> round(float(found["age"][0]), 6), round(float(found.sum(axis=1)[0]), 6)
    (-1.956138, -6.295571)
    """
    if predictor not in PREDICTORS:
        raise UsageError(
            f"there is no predictor '{predictor}'", remedy=f"There are {', '.join(PREDICTORS)}."
        )
    term, category = _coefficients()[predictor]
    sex = np.where(people.female, "FEMALE", "MALE")

    def of(name: str) -> Floats:
        """The figure of each person's sex."""
        both = {one: term.get(f"{name}_{one}", 0.0) for one in ("FEMALE", "MALE")}
        return np.where(people.female, both["FEMALE"], both["MALE"])

    count, violent = people.sanctions, people.violent
    career = people.age_at_current - people.age_at_first
    zero = np.zeros(len(sex))
    found = {
        "intercept": zero + term["TWO_YEAR_CONSTANT"],
        "age": _polynomial([of(f"AAI{power}") for power in POWERS], people.age),
        "sex": np.where(people.female, term["FEMALE"], 0.0),
        "offence": np.array([category.get(str(one), 0.0) for one in people.category], np.float64),
        "first_sanction": np.where(count == 1, term["FIRST_SANCTION"], 0.0),
        "second_sanction": np.where(count == 2, term["SECOND_SANCTION"], 0.0),
        "sanctions": count * term["SANCTION_OCCASIONS"],
        "gap": np.where(count == 2, career * of("YRS_BETWEEN_FIRST_AND_SECOND_SANCTION"), 0.0),
        "offence_free": _offence_free(term, people.months_free),
    }
    often = count >= 3
    if predictor == "ARP":
        rate = _rate(count, career + CAREER_G, often)
        found["rate"] = rate * of("THREE_PLUS_SANCTIONS_COPAS_G")
        found["rate_squared"] = rate**2 * of("THREE_PLUS_SANCTIONS_COPAS_SQUARED")
    else:
        found["rate"] = _rate(count, career + CAREER_V, often) * of("THREE_PLUS_SANCTIONS_COPAS_V")
        found["never_violent"] = np.where(violent == 0, of("NEVER_VIOLENT"), 0.0)
        found["once_violent"] = np.where(violent == 1, term["ONCE_VIOLENT"], 0.0)
        found["violent_sanctions"] = violent * term["VIOLENT_SANCTIONS"]
        rate = _rate(violent, career + CAREER_VIOLENT, violent > 0)
        found["violent_rate"] = rate * term["VIOLENT_RATE"]
    return pd.DataFrame(found)


def probability(predictor: str, people: Sanctions) -> Floats:
    """Return two-year probabilities; a term that is not known (NaN) is left out.

    Examples
    --------
    >>> numbers = (np.array([value]) for value in (44.0, 40.0, 40.0, 1.0, 1.0))
    >>> kind, months = np.array(["OTHER_OFFENCES"], object), np.array([12.0])
    >>> one = Sanctions(np.array([False]), *numbers, kind, months)
    >>> print((100 * probability("SVRP", one)).round(2))
    [0.18]
    """
    return np.asarray(expit(np.nansum(terms(predictor, people).to_numpy(), axis=1)))


def offence_group(offence_codes: npt.ArrayLike) -> npt.NDArray[np.object_]:
    """Return the offence group of Home Office codes, with or without the stroke.

    Examples
    --------
    >>> offence_group(["116/18", "02700", "nonsense"]).tolist()
    ['OTHER_OFFENCES', 'OTHER_OFFENCES', 'UNKNOWN']
    """
    codes = pd.Series(np.asarray(offence_codes, dtype=str))
    plain = ~codes.str.contains("/")
    codes = codes.mask(plain, codes.str[:3] + "/" + codes.str[3:])
    return codes.map(_groups()).fillna("UNKNOWN").to_numpy(object)


def whole_months(since: npt.ArrayLike, until: npt.ArrayLike) -> Floats:
    """Return whole calendar months from one date to another; NaN where one is empty.

    Examples
    --------
    >>> whole_months(["2024-01-31", "NaT"], ["2024-02-29", "2024-02-29"]).tolist()
    [0.0, nan]
    """
    begin = pd.DatetimeIndex(np.asarray(since, "datetime64[D]"))
    end = pd.DatetimeIndex(np.asarray(until, "datetime64[D]"))
    months = (end.year - begin.year) * 12.0 + (end.month - begin.month)
    return np.asarray(months - (end.day < begin.day), dtype=np.float64)


POWERS = ("", "_QUADRATIC", "_CUBIC", "_QUARTIC")


def _polynomial(figures: list[Floats], value: Floats) -> Floats:
    powers = (figure * value**power for power, figure in enumerate(figures, start=1))
    return np.asarray(sum(powers, start=np.zeros_like(value)))


def _offence_free(term: Mapping[str, float], months: Floats) -> Floats:
    figures = [np.full(len(months), term[f"OFFENCE_FREE_MONTHS{power}"]) for power in POWERS]
    return _polynomial(figures, np.clip(months, 0, MOST_MONTHS))


def _rate(count: Floats, career: Floats, there: Flags) -> Floats:
    return np.log(np.divide(count, career, out=np.ones_like(career), where=there))


@lru_cache(maxsize=1)
def _coefficients() -> dict[str, tuple[dict[str, float], dict[str, float]]]:
    table = pd.read_csv(str(files("training") / "data" / "moj-predictors-v1.csv"))
    found = {}
    for name, own in table.groupby("model"):
        parts = {kind: dict(zip(of["name"], of["coefficient"], strict=True))
                 for kind, of in own.groupby("kind")}  # fmt: skip
        found[str(name)] = (parts["term"], parts["offence_category"])
    return found


@lru_cache(maxsize=1)
def _groups() -> dict[str, str]:
    table = pd.read_csv(str(files("training") / "data" / "moj-offences-v1.csv"), dtype=str)
    return dict(zip(table["offence_code"], table["category"], strict=True))
