"""The other people of a crime: victims and what they are to the offender, witnesses, co-offenders.

Many victims are themselves known as suspects of other crimes, as they are in any force.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.records import TABLES
from features.synthetic import kinds
from features.synthetic import parameters as p
from features.synthetic.columns import Array, Columns, happened
from features.synthetic.states import States
from features.synthetic.traits import YEAR, People

RELATIONSHIPS = TABLES["involvement"]["relationship"].values
PARTNER, FORMER, FAMILY, ACQUAINTANCE, STRANGER = range(len(RELATIONSHIPS))
_FEMALE_VICTIMS = np.array([0.5, 0.5, 0.60, 0.87, 0.38, 0.50])
_SUSPECTS_AS_VICTIMS = np.array([0.22, 0.22, 0.15, 0.08, 0.35, 0.05])
_WITNESSED, _FAMILY_SHARE, _CO_OFFENDING = 0.06, 0.22, 0.25
_SLOTS = 64
_FAMILY_SLOT, _NEIGHBOUR_SLOT, _CHILD_SLOT, _RIVAL_SLOT = 56, 58, 60, 62


@dataclass
class Register:
    """Everybody the force may have a nominal record of: the latent people first, then others.

    Attributes
    ----------
    born : integer array
        Day of birth.
    female : boolean array
    ethnicity, area : integer arrays
    """

    born: Array
    female: Array
    ethnicity: Array
    area: Array

    @classmethod
    def of(cls, people: People) -> Register:
        """Start a register with the latent people."""
        return cls(people.born, people.female, people.ethnicity, people.area)

    def add(self, born: Array, female: Array, area: Array, rng: np.random.Generator) -> Array:
        """Add people and return their numbers."""
        first, k = len(self.born), len(born)
        drawn = rng.choice(len(p.ETHNICITIES), k, p=p.ETHNICITY_SHARE)
        self.born = np.concatenate([self.born, born])
        self.female = np.concatenate([self.female, female])
        self.ethnicity = np.concatenate([self.ethnicity, drawn])
        self.area = np.concatenate([self.area, area])
        return first + np.arange(k)


def join_co_offenders(reports: Columns, people: People, rng: np.random.Generator) -> Array:
    """Return for each report the report whose crime it is: mostly itself, sometimes a companion's.

    Two people who were each named for violence or theft in one week and one area become suspects
    of one crime, so that company changes nothing in anybody's true rate.

    Parameters
    ----------
    reports : Columns
        Recorded offences, one row for each offender.
    people : People
    rng : numpy.random.Generator

    Returns
    -------
    integer array
        Positions in `reports`.
    """
    k = len(reports["person"])
    crime = np.arange(k)
    able = (
        (reports["group"] >= p.VIO)
        & ~reports["serious"]
        & happened(reports["named"])
        & (reports["known"] - reports["day"] < 7)
    )
    rows = np.flatnonzero(able)
    if len(rows) < 2:
        return crime
    area, week = people.area[reports["person"]], reports["day"] // 7
    rows = rows[np.lexsort((rows, reports["group"][rows], area[rows], week[rows]))]
    first, second = rows[:-1], rows[1:]
    fits = (
        (week[first] == week[second])
        & (area[first] == area[second])
        & (reports["group"][first] == reports["group"][second])
        & (reports["person"][first] != reports["person"][second])
        & (reports["known"][first] <= reports["named"][second])
    )
    # Every other pair, so that nobody is joined to a crime that was itself joined away.
    fits[1::2] = False
    joined = fits & (rng.random(len(fits)) < _CO_OFFENDING)
    crime[second[joined]] = first[joined]
    return crime


def find_victims(
    crimes: Columns, register: Register, states: States, rng: np.random.Generator
) -> Columns:
    """Give each crime that has one a victim.

    Parameters
    ----------
    crimes : Columns
        Recorded crimes.
    register : Register
        Extended by the victims who are not in it.
    states : States
    rng : numpy.random.Generator

    Returns
    -------
    Columns
        victim (number in the register, or -1), relationship (position in `RELATIONSHIPS`).
    """
    k = len(crimes["person"])
    rows = np.arange(k)
    key, relationship = _bonds(crimes, rng)
    key = _after_homicide(crimes, key)
    chance = rng.random(k)
    nobody = kinds.WITHOUT_VICTIM[crimes["kind"]]
    nobody |= (crimes["group"] == p.ACQ) & (chance < 0.2)
    nobody |= (crimes["group"] == p.VIO) & (chance < 0.05)
    present = rows[~nobody]
    victim = np.full(k, -1, dtype=np.int64)
    if len(present):
        _, first, back = np.unique(key[present], return_index=True, return_inverse=True)
        last = np.zeros(len(first), dtype=np.int64)
        np.maximum.at(last, back, crimes["day"][present])
        fatal = np.zeros(len(first), dtype=bool)
        np.logical_or.at(fatal, back, kinds.HOMICIDE[crimes["kind"][present]])
        who = _persons(
            {name: values[present[first]] for name, values in crimes.items()},
            relationship[present[first]],
            register,
            rng,
        )
        known = _known_suspects(crimes, present[first], who, last, fatal, register, states, rng)
        new = known < 0
        known[new] = register.add(who["born"][new], who["female"][new], who["area"][new], rng)
        victim[present] = known[back]
    return {"victim": victim, "relationship": relationship}


def _bonds(crimes: Columns, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return a key for each crime's victim, equal for the same one, and the relationship."""
    group, relation, kind = crimes["group"], crimes["relation"], crimes["kind"]
    k = len(group)
    chance, second = rng.random(k), rng.random(k)
    own = crimes["person"].astype(np.int64) * _SLOTS
    alone = -1 - np.arange(k)
    partner = own + np.minimum(crimes["partner"], _FAMILY_SLOT - 1)
    intimate = np.where(relation == p.TOGETHER, PARTNER, FORMER)
    key, bond = alone, np.full(k, STRANGER)

    domestic = group <= p.DAS
    family = domestic & (chance < _FAMILY_SHARE) & (group == p.DAV)
    key = np.where(domestic, np.where(family, own + _FAMILY_SLOT, partner), key)
    bond = np.where(domestic, np.where(family, FAMILY, intimate), bond)

    near = (group == p.NSH) & (chance < 0.6)
    key = np.where(near, own + _NEIGHBOUR_SLOT, key)
    bond = np.where(near | ((group == p.NSH) & (second < 0.5)), ACQUAINTANCE, bond)

    sexual = group == p.SEX
    child = sexual & (kinds.CHILD_UNDER_13[kind] | kinds.CHILD_UNDER_16[kind])
    spouse = sexual & ~child & (chance < 0.22)
    key = np.where(spouse, partner, np.where(child & (chance < 0.5), own + _CHILD_SLOT, key))
    bond = np.where(spouse, intimate, np.where(sexual & (chance < 0.65), ACQUAINTANCE, bond))
    bond = np.where(child & (chance < 0.5), FAMILY, bond)

    rival = (group == p.VIO) & (chance < 0.15)
    key = np.where(rival, own + _RIVAL_SLOT, key)
    bond = np.where(rival | ((group == p.VIO) & (second < 0.4)), ACQUAINTANCE, bond)
    return key, bond


def _after_homicide(crimes: Columns, key: Array) -> Array:
    """Give crimes after their victim's death another victim."""
    fatal = kinds.HOMICIDE[crimes["kind"]]
    for row in np.flatnonzero(fatal):
        later = (key == key[row]) & (crimes["day"] >= crimes["day"][row])
        later[row] = False
        key = np.where(later, -1 - np.arange(len(key)), key)
    return key


def _persons(crimes: Columns, bond: Array, register: Register, rng: np.random.Generator) -> Columns:
    """Draw what the victims are like, from the first crime against each."""
    k = len(bond)
    offender, kind = crimes["person"], crimes["kind"]
    intimate = (bond == PARTNER) | (bond == FORMER)
    opposite = register.female[offender] ^ (rng.random(k) < 0.95)
    female = np.where(intimate, opposite, rng.random(k) < _FEMALE_VICTIMS[crimes["group"]])
    years = np.where(intimate, 4.0, 22.0) * rng.standard_normal(k)
    alike = register.born[offender] + (years * YEAR).astype(np.int64)
    age = 16 + 62 * rng.beta(1.3, 2.4, k)
    age = np.where(kinds.CHILD_UNDER_13[kind], 4 + 8.9 * rng.random(k), age)
    age = np.where(kinds.CHILD_UNDER_16[kind], 13 + 2.9 * rng.random(k), age)
    born = crimes["day"] - np.ceil(age * YEAR).astype(np.int64)
    child = kinds.CHILD_UNDER_13[kind] | kinds.CHILD_UNDER_16[kind]
    bounds = (crimes["day"] - 88 * YEAR, crimes["day"] - 16.1 * YEAR)
    adult = np.clip(alike, *bounds).astype(np.int64)
    near = intimate | (bond == FAMILY)
    return {
        "born": np.where(near & ~child, adult, born),
        "female": female,
        "area": np.where(
            rng.random(k) < 0.85, register.area[offender], rng.integers(0, len(p.AREAS), k)
        ),
        "child": child,
    }


def _known_suspects(
    crimes: Columns,
    first: Array,
    who: Columns,
    last: Array,
    fatal: Array,
    register: Register,
    states: States,
    rng: np.random.Generator,
) -> Array:
    """Return for each victim the number of somebody known as a suspect of other crimes, or -1."""
    k = len(first)
    nobody = np.full(k, -1, dtype=np.int64)
    suspects = crimes["person"][happened(crimes["named"])]
    if not len(suspects):
        return nobody
    candidate = suspects[rng.integers(0, len(suspects), k)]
    wanted = rng.random(k) < _SUSPECTS_AS_VICTIMS[crimes["group"][first]]
    fits = (
        wanted
        & ~who["child"]
        & ~fatal
        & (register.female[candidate] == who["female"])
        & (candidate != crimes["person"][first])
        & (crimes["day"][first] - register.born[candidate] >= 16.1 * YEAR)
        & (states.exit_day[candidate] > last)
    )
    return np.where(fits, candidate, nobody)


def find_witnesses(crimes: Columns, register: Register, rng: np.random.Generator) -> Array:
    """Give a few crimes a witness; return a number in the register, or -1, for each crime."""
    k = len(crimes["person"])
    rows = np.flatnonzero(rng.random(k) < _WITNESSED)
    age = np.ceil((16 + 60 * rng.beta(1.4, 2.0, len(rows))) * YEAR).astype(np.int64)
    witness = np.full(k, -1, dtype=np.int64)
    witness[rows] = register.add(
        crimes["day"][rows] - age,
        rng.random(len(rows)) < 0.5,
        rng.integers(0, len(p.AREAS), len(rows)),
        rng,
    )
    return witness
