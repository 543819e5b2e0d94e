"""What happens to a named suspect: arrest, disposal, charge, court and prison."""

from __future__ import annotations

import numpy as np

from features.records import DISPOSALS
from features.synthetic import kinds
from features.synthetic import parameters as p
from features.synthetic.columns import NEVER, Array, Columns, happened
from features.synthetic.switches import Switches
from features.synthetic.traits import YEAR, People

CHARGED, BAILED, UNDER_INVESTIGATION, OUT_OF_COURT, NO_ACTION, OTHER = range(len(DISPOSALS))
_SHARES = list(p.DISPOSAL_SHARES)
_CUMULATED = np.cumsum(np.array(list(p.DISPOSAL_SHARES.values())), axis=1)
_CUMULATED[:, -1] = 1.0


def prosecute(
    events: Columns,
    people: People,
    exit_day: Array,
    switches: Switches,
    rng: np.random.Generator,
) -> Columns:
    """Follow the named suspects of a week's offences through custody, court and prison.

    Parameters
    ----------
    events : Columns
        The week's offences with what was observed of them.
    people : People
    exit_day : integer array (n,)
        Nobody is arrested or charged after it.
    switches : Switches
    rng : numpy.random.Generator

    Returns
    -------
    Columns
        arrested, disposed, charged, court, prison_from, prison_to (days or `NEVER`), disposal
        (position in `DISPOSALS`, -1 without arrest), convicted and remanded (boolean).
    """
    person, group, serious = events["person"], events["group"], events["serious"]
    kind, named = events["kind"], events["named"]
    homicide, grave = kinds.HOMICIDE[kind], serious & (group != p.SEX)
    there = exit_day[person]

    arrest = _arrest_chance(events, people, switches)
    k = len(person)
    wait = np.where(rng.random(k) < 0.6, rng.integers(0, 2, k), _days(np.full(k, 10.0), 1.2, rng))
    arrested = named + np.where(homicide, 0, wait)
    taken = happened(named) & (rng.random(k) < arrest) & (arrested <= there)
    arrested = np.where(taken, arrested, NEVER)
    disposed = np.where(taken, arrested + rng.choice(3, k, p=np.array([0.35, 0.6, 0.05])), NEVER)
    disposal = np.where(taken, _draw_disposals(group, kind, serious, rng), -1)

    late = np.minimum(p.LATE_CHARGE[group] * np.where(grave, p.SERIOUS_LATE_CHARGE, 1.0), 0.8)
    pending = np.isin(disposal, [BAILED, UNDER_INVESTIGATION])
    route = np.where(pending, late, np.where(taken, 0.0, p.VOLUNTARY_CHARGE[group]))
    later = happened(named) & (rng.random(k) < route)
    later_on = np.where(taken, disposed, named) + 5 + _days(p.LATE_CHARGE_DAYS[group], 0.55, rng)
    charged = np.where(disposal == CHARGED, disposed, np.where(later, later_on, NEVER))
    charged = np.where(charged <= there, charged, NEVER)

    indicted = happened(charged)
    hearing = 21 + _days(np.where(serious, 240.0, 130.0), 0.4, rng)
    court = np.where(indicted, charged + hearing, NEVER)
    locked = np.where(grave, p.SERIOUS_IMPRISONED, p.IMPRISONED[group])
    young = charged < people.born[person] + 18 * YEAR
    locked = np.where(homicide, 1.0, np.where(young, 0.3 * locked, locked))
    prison = indicted & (rng.random(k) < locked)
    convicted = indicted & (prison | (rng.random(k) < p.CONVICTED - 0.05))
    remand = np.where(serious, p.SERIOUS_REMANDED, p.REMANDED)
    remanded = prison & (homicide | (rng.random(k) < remand))

    terms = np.array([p.TERM_WEEKS, p.SERIOUS_TERM_WEEKS, p.HOMICIDE_TERM_WEEKS])
    mean, spread = terms[np.where(homicide, 2, serious.astype(int))].T
    served = 1 + np.floor(7 * np.exp(mean + spread * rng.standard_normal(k))).astype(np.int64)
    start = np.where(remanded, charged + rng.integers(0, 3, k), court)
    return {
        "arrested": arrested,
        "disposed": disposed,
        "disposal": disposal,
        "charged": charged,
        "court": court,
        "convicted": convicted,
        "remanded": remanded,
        "prison_from": np.where(prison, start, NEVER),
        "prison_to": np.where(prison, start + served, NEVER),
    }


def _arrest_chance(events: Columns, people: People, switches: Switches) -> Array:
    group, serious, kind = events["group"], events["serious"], events["kind"]
    chance = p.ARRESTED[group]
    chance = np.where(serious, np.maximum(chance, p.SERIOUS_ARRESTED), chance)
    chance = np.where(kinds.RAPE[kind], p.RAPE_ARRESTED, chance)
    if switches.bias is True:
        watched = (people.ethnicity[events["person"]] == p.BLACK) & (group >= p.VIO) & ~serious
        chance = np.where(watched, np.minimum(chance * p.BLACK_ARREST, 0.95), chance)
    return np.where(kinds.HOMICIDE[kind], 0.98, chance)


def _draw_disposals(group: Array, kind: Array, serious: Array, rng: np.random.Generator) -> Array:
    plain = {
        p.DAV: "domestic_violence",
        p.DAS: "stalking_harassment",
        p.NSH: "stalking_harassment",
        p.SEX: "rape",
        p.VIO: "violence",
        p.ACQ: "acquisitive",
    }
    row = np.array([_SHARES.index(plain[g]) for g in range(6)])[group]
    row[serious & (group != p.SEX) & ~kinds.RAPE[kind]] = _SHARES.index("serious")
    row[kinds.RAPE[kind]] = _SHARES.index("rape")
    row[kinds.HOMICIDE[kind]] = _SHARES.index("homicide")
    drawn: Array = (rng.random(len(group))[:, None] > _CUMULATED[row]).sum(axis=1)
    return drawn


def _days(median: Array, spread: float, rng: np.random.Generator) -> Array:
    drawn = median * np.exp(spread * rng.standard_normal(len(median)))
    days: Array = np.floor(drawn).astype(np.int64)
    return days
