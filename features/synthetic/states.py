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
    stops, separates, uses = _chances(people)
    active = rng.random(n) < p.RESUMES / (p.RESUMES + stops)
    substance = rng.random(n) < uses / (uses + p.STOPS_USING)
    durations = np.cumsum(
        np.stack([np.full(n, 1 / p.MEETS), 1 / separates, np.full(n, 1 / p.SETTLES)]), axis=0
    )
    relation = (rng.random(n) * durations[-1] > durations[:-1]).sum(axis=0).astype(np.int8)
    states = _blank(n, months)
    states.active[0], states.substance[0], states.relation[0] = active, substance, relation
    states.partner[0] = 0
    states.exit_day[:] = (months + 1) * 28
    _live_on(states, people, 0, rng)
    _leave(states, people, 0, rng)
    return states


def draw_again(
    states: States, people: People, of: Array, month: int, months: int, rng: np.random.Generator
) -> States:
    """Draw the months after one once more, for some of the people; that month itself is kept.

    Parameters
    ----------
    states : States
        As they were drawn.
    people : People
        Those people alone.
    of : integer array
        Their positions in `states`.
    month : int
        The last month that is kept, exits in it included.
    months : int
        How many months there are to be; the ones before `month` are left empty.
    rng : numpy.random.Generator
    """
    again = _blank(len(of), months)
    for name in ("active", "substance", "relation", "partner"):
        getattr(again, name)[month] = getattr(states, name)[month, of]
    exit_day = states.exit_day[of]
    gone = exit_day < 28 * (month + 1)
    again.exit_day[:] = np.where(gone, exit_day, (months + 1) * 28)
    _live_on(again, people, month, rng)
    _leave(again, people, month + 1, rng)
    return again


def _blank(n: int, months: int) -> States:
    shape = (months, n)
    return States(
        active=np.empty(shape, dtype=bool),
        substance=np.empty(shape, dtype=bool),
        relation=np.empty(shape, dtype=np.int8),
        partner=np.empty(shape, dtype=np.int16),
        exit_day=np.empty(n, dtype=np.int64),
    )


def _chances(people: People) -> tuple[Array, Array, Array]:
    """Return each person's monthly chances of ceasing to offend, separating, using substances."""
    stops = np.minimum(p.STOPS * people.restlessness, 0.5)
    separates = np.minimum(p.SEPARATES * np.exp(p.SEPARATES_TRAIT * people.traits[:, p.DAV]), 0.5)
    uses = np.minimum(
        p.USES
        * np.exp(p.USES_COMMON * people.common + p.USES_ACQUISITIVE * people.traits[:, p.ACQ]),
        0.5,
    )
    return stops, separates, uses


def _live_on(states: States, people: People, first: int, rng: np.random.Generator) -> None:
    """Draw all months after the first, month by month, each from the one before."""
    n, (stops, separates, uses) = len(people), _chances(people)
    for month in range(first, len(states.active) - 1):
        active, substance = states.active[month], states.substance[month]
        relation, partner = states.relation[month], states.partner[month]
        chance = rng.random((3, n))
        states.active[month + 1] = np.where(active, chance[0] >= stops, chance[0] < p.RESUMES)
        states.substance[month + 1] = np.where(
            substance, chance[1] >= p.STOPS_USING, chance[1] < uses
        )
        leaves = np.choose(relation, [np.full(n, p.MEETS), separates, np.full(n, p.SETTLES)])
        moved = chance[2] < leaves
        states.partner[month + 1] = partner + (moved & (relation == p.SINGLE)).astype(np.int16)
        states.relation[month + 1] = np.where(moved, (relation + 1) % 3, relation)


def _leave(states: States, people: People, first: int, rng: np.random.Generator) -> None:
    """Draw who dies or moves away in each month from the first on."""
    exit_day = states.exit_day
    for month in range(first, len(states.active)):
        ages = (28 * month - people.born) / YEAR
        exits = p.EXITS + p.EXITS_AGE * np.exp(p.EXITS_SLOPE * (ages - 20))
        gone = (rng.random(len(people)) < exits) & (exit_day > 28 * month)
        exit_day[gone] = 28 * month + rng.integers(0, 28, int(gone.sum()))
