"""What changes slowly in people's lives: activity, relationships, substance use, and the exit.

These states do not depend on offences, so they are drawn once, before the first week.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.synthetic import parameters as p
from features.synthetic.columns import Array
from features.synthetic.traits import YEAR, People


@dataclass(frozen=True)
class States:
    """The monthly states of every person, shape (months, n) unless said otherwise.

    Attributes
    ----------
    active, substance : boolean arrays
        In a period of offending; using substances.
    relation : integer array
        `SINGLE`, `TOGETHER` or `SEPARATED`.
    partner : integer array
        Number of the present or last partner; 0 is the first.
    exit_day : integer array (n,)
        The day of death or of moving away; beyond the world's last day for those who stay.
    """

    active: Array
    substance: Array
    relation: Array
    partner: Array
    exit_day: Array


def draw_states(people: People, months: int, rng: np.random.Generator) -> States:
    """Draw the states of all months, from their long-run distribution on.

    Examples
    --------
    >>> from features.synthetic.traits import draw_people
    >>> people = draw_people(500, np.random.default_rng(1))
    >>> states = draw_states(people, 24, np.random.default_rng(2))
    >>> states.relation.shape
    (24, 500)
    """
    n = len(people)
    stops = np.minimum(p.STOPS * people.restlessness, 0.5)
    separates = np.minimum(p.SEPARATES * np.exp(p.SEPARATES_TRAIT * people.traits[:, p.DAV]), 0.5)
    uses = np.minimum(
        p.USES
        * np.exp(p.USES_COMMON * people.common + p.USES_ACQUISITIVE * people.traits[:, p.ACQ]),
        0.5,
    )
    active = rng.random(n) < p.RESUMES / (p.RESUMES + stops)
    substance = rng.random(n) < uses / (uses + p.STOPS_USING)
    durations = np.cumsum(
        np.stack([np.full(n, 1 / p.MEETS), 1 / separates, np.full(n, 1 / p.SETTLES)]), axis=0
    )
    relation = (rng.random(n) * durations[-1] > durations[:-1]).sum(axis=0).astype(np.int8)
    partner = np.zeros(n, dtype=np.int16)
    exit_day = np.full(n, (months + 1) * 28, dtype=np.int64)
    shape = (months, n)
    states = States(
        active=np.empty(shape, dtype=bool),
        substance=np.empty(shape, dtype=bool),
        relation=np.empty(shape, dtype=np.int8),
        partner=np.empty(shape, dtype=np.int16),
        exit_day=exit_day,
    )
    for month in range(months):
        states.active[month] = active
        states.substance[month] = substance
        states.relation[month] = relation
        states.partner[month] = partner
        chance = rng.random((4, n))
        active = np.where(active, chance[0] >= stops, chance[0] < p.RESUMES)
        substance = np.where(substance, chance[1] >= p.STOPS_USING, chance[1] < uses)
        leaves = np.choose(relation, [np.full(n, p.MEETS), separates, np.full(n, p.SETTLES)])
        moved = chance[2] < leaves
        partner = partner + (moved & (relation == p.SINGLE)).astype(np.int16)
        relation = np.where(moved, (relation + 1) % 3, relation).astype(np.int8)
        ages = (28 * month - people.born) / YEAR
        exits = p.EXITS + p.EXITS_AGE * np.exp(p.EXITS_SLOPE * (ages - 20))
        gone = (chance[3] < exits) & (exit_day > 28 * month)
        exit_day[gone] = 28 * month + rng.integers(0, 28, int(gone.sum()))
    return states
