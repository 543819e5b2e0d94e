"""People with two person records: part of what they did is filed under a second one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from features.synthetic import parameters as p
from features.synthetic.columns import Array, Columns
from features.synthetic.parties import Register

_FILED_UNDER_SECOND = 0.6
_BORN_SLIP, _MOVED, _OTHER_ETHNICITY = 0.3, 0.4, 0.1
_SLIPS = np.array([-365, -30, -9, -1, 1, 9, 30, 365])
_SPAN = np.int64(2**31)


def split(
    tables: Mapping[str, Columns], register: Register, share: float, rng: np.random.Generator
) -> tuple[dict[str, Columns], Columns]:
    """File part of some people's records under a second person record.

    From some crime on, more than half of a person's crimes, with all that followed from them, go
    to a second record, whose date of birth, area or ethnicity may differ from the first's. Terms
    in prison, programmes and management stay with the first.

    Parameters
    ----------
    tables : mapping of table name to Columns
        All tables but the nominals.
    register : Register
        Extended by the second records.
    share : float
        Share of the people in `involvement` who get a second record; all have two crimes or more.
    rng : numpy.random.Generator

    Returns
    -------
    dict of table name to Columns, and Columns
        The tables; and for each second record double and person, as numbers in the register.
    """
    bonds = tables["involvement"]
    keys, first = np.unique(bonds["nominal_id"] * _SPAN + bonds["offence_id"], return_index=True)
    person, known = keys // _SPAN, bonds["known_on"][first]
    order = np.lexsort((known, person))
    place = np.empty(len(order), dtype=np.int64)
    starts = np.flatnonzero(np.diff(person[order], prepend=-1))
    counts = np.diff(np.append(starts, len(order)))
    place[order] = np.arange(len(order)) - np.repeat(starts, counts)
    several = np.flatnonzero(counts > 1)
    wanted = share * len(starts) / max(len(several), 1)
    chosen = several[rng.random(len(several)) < wanted]
    people = person[order][starts[chosen]]
    turn = 1 + np.floor(rng.random(len(chosen)) * (counts[chosen] - 1)).astype(np.int64)
    doubles = _register(people, register, rng)

    row = np.searchsorted(people, person) if len(people) else np.zeros(len(person), dtype=np.int64)
    row = np.minimum(row, max(len(people) - 1, 0))
    drawn = rng.random(len(person))
    moved = np.zeros(len(person), dtype=bool)
    if len(people):
        moved = people[row] == person
        moved &= (place == turn[row]) | ((place > turn[row]) & (drawn < _FILED_UNDER_SECOND))
    under = np.where(moved, doubles[row] if len(people) else person, person)
    filed = {name: _refile(table, keys, under) for name, table in tables.items()}
    return filed, {"double": doubles, "person": people}


def _register(people: Array, register: Register, rng: np.random.Generator) -> Array:
    """Add second records, alike but for slips, and return their numbers."""
    k, first = len(people), len(register.born)
    chance = rng.random((3, k))
    slip = np.where(chance[0] < _BORN_SLIP, rng.choice(_SLIPS, k), 0)
    area = np.where(chance[1] < _MOVED, rng.integers(0, len(p.AREAS), k), register.area[people])
    drawn = rng.choice(len(p.ETHNICITIES), k, p=p.ETHNICITY_SHARE)
    ethnicity = np.where(chance[2] < _OTHER_ETHNICITY, drawn, register.ethnicity[people])
    register.born = np.concatenate([register.born, register.born[people] + slip])
    register.female = np.concatenate([register.female, register.female[people]])
    register.area = np.concatenate([register.area, area])
    register.ethnicity = np.concatenate([register.ethnicity, ethnicity])
    return first + np.arange(k)


def _refile(table: Columns, keys: Array, under: Array) -> Columns:
    if "nominal_id" not in table or "offence_id" not in table or not len(keys):
        return table
    wanted = table["nominal_id"] * _SPAN + table["offence_id"]
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    there = keys[place] == wanted
    nominal = np.where(there, under[place], table["nominal_id"])
    if "episode_id" in table:  # an episode stays whole, wherever its first event went
        order = np.lexsort((table["record_id"], table["known_on"], table["episode_id"]))
        _, first = np.unique(table["episode_id"][order], return_index=True)
        begins = np.searchsorted(table["episode_id"][order][first], table["episode_id"])
        nominal = nominal[order][first][begins]
    return {**table, "nominal_id": nominal}
