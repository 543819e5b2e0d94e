"""What the force comes to see of an offence: whether it is recorded, when, and who is named."""

from __future__ import annotations

import numpy as np

from features.synthetic import kinds
from features.synthetic import parameters as p
from features.synthetic.columns import NEVER, Array, Columns
from features.synthetic.switches import Switches
from features.synthetic.traits import People

LONGEST_DELAY = 40 * 365


def observe(
    events: Columns,
    people: People,
    recorded: Array,
    counting_rule: bool,
    switches: Switches,
    rng: np.random.Generator,
) -> Columns:
    """Decide which of a week's offences are recorded, and when they and their suspects are known.

    Parameters
    ----------
    events : Columns
        The true offences of one week: person, group, day, serious, kind.
    people : People
    recorded : array (6,)
        The week's chance of recording, by group.
    counting_rule : bool
        Whether harassment beside a more serious crime is left uncounted in this week.
    switches : Switches
    rng : numpy.random.Generator

    Returns
    -------
    Columns
        recorded (boolean), known (day of the report), named (day the suspect is named, `NEVER`
        where that does not happen or the offence is not recorded).
    """
    person, group = events["person"], events["group"]
    day, k = events["day"], len(person)
    ethnicity = people.ethnicity[person]
    seen = rng.random(k) < recording_chance(events, ethnicity, recorded, switches)

    uncounted = rng.random(k) < 0.8
    if counting_rule:
        graver = person[seen & np.isin(group, [p.DAV, p.SEX, p.VIO])]
        beside = np.isin(group, [p.DAS, p.NSH]) & np.isin(person, graver)
        seen &= ~(beside & uncounted)

    names = seen & (rng.random(k) < naming_chance(events, ethnicity, switches))
    delay, search = draw_delays(group, events["kind"], rng)
    known = day + delay
    named = known + search
    return {"recorded": seen, "known": known, "named": np.where(names, named, NEVER)}


def recording_chance(
    events: Columns, ethnicity: Array, recorded: Array, switches: Switches
) -> Array:
    """Return the chance that each offence is recorded, the counting rule aside.

    Parameters
    ----------
    events : Columns
        group, serious, kind.
    ethnicity : integer array (k,)
    recorded : array (6,)
        The week's chance of recording, by group.
    switches : Switches
    """
    group, serious = events["group"], events["serious"]
    chance = recorded[group]
    chance = np.where(serious & (group != p.SEX), 1 - (1 - chance) ** p.SERIOUS_RECORDED, chance)
    if switches.bias is True:
        hidden = (ethnicity == p.ASIAN) & (group <= p.DAS)
        chance = np.where(hidden, chance * p.ASIAN_DOMESTIC_RECORDING, chance)
    chance = chance * switches.recording(ethnicity, group <= p.DAS)
    return np.where(kinds.HOMICIDE[events["kind"]], 1.0, chance)


def naming_chance(events: Columns, ethnicity: Array, switches: Switches) -> Array:
    """Return the chance that the suspect of each recorded offence is named, sooner or later."""
    group, serious = events["group"], events["serious"]
    naming = np.where(serious, np.maximum(p.NAMED[group], p.SERIOUS_NAMED), p.NAMED[group])
    naming = np.where(kinds.FOUND_BY_POLICE[events["kind"]], 0.98, naming)
    if switches.bias is True:
        watched = (ethnicity == p.BLACK) & (group >= p.VIO) & ~serious
        naming = np.where(watched, np.minimum(naming * p.BLACK_NAMING, 0.98), naming)
    return naming


def draw_delays(group: Array, kind: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draw the days from each offence to its report, and from the report to a suspect's name."""
    k = len(group)
    prompt = rng.random(k) < p.PROMPT[group]
    prompt |= kinds.FOUND_BY_POLICE[kind] | kinds.HOMICIDE[kind]
    soon = rng.choice(5, k, p=np.array([0.78, 0.14, 0.05, 0.02, 0.01]))
    mean, spread = p.DELAY_WEEKS[group].T
    late = 1 + np.floor(7 * np.exp(mean + spread * rng.standard_normal(k)))
    delay = np.where(prompt, soon, np.minimum(late, LONGEST_DELAY)).astype(np.int64)
    at_once = rng.random(k) < 0.8
    search = 1 + np.floor(np.exp(2.5 + 1.1 * rng.standard_normal(k))).astype(np.int64)
    return delay, np.where(at_once, 0, np.minimum(search, 3 * 365))
