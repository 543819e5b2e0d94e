"""The nominal table: everybody who occurs in another record, numbered as the force met them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from features.synthetic import parameters as p
from features.synthetic.columns import NEVER, Array, Columns, take
from features.synthetic.corrections import correct
from features.synthetic.parties import Register
from features.synthetic.rows import rows, spread
from features.synthetic.switches import Switches

_NEVER_BORN, _BORN_LATER, _BORN_WRONG = 0.03, 0.015, 0.01


def nominal_records(
    register: Register,
    others: Mapping[str, Columns],
    switches: Switches,
    rng: np.random.Generator,
) -> tuple[Columns, Array]:
    """Return the nominal table, and each person's number in it (-1 for those in no record).

    A nominal is known from the first record about the person. Numbers follow that day, so they say
    nothing about who somebody is.

    Parameters
    ----------
    register : Register
    others : mapping of table name to Columns
        All other tables, without records that became known after the last day.
    switches, rng
    """
    people = len(register.born)
    unseen = np.int64(2**62)
    first = np.full(people, unseen)
    for table in others.values():
        if "nominal_id" in table:
            np.minimum.at(first, table["nominal_id"], table["known_on"])
    shuffled = rng.permutation(people)
    order = shuffled[np.argsort(first[shuffled], kind="stable")]
    met = order[first[order] < unseen]
    numbers = np.full(people, -1, dtype=np.int64)
    numbers[met] = np.arange(len(met))
    k = len(met)
    table = rows(
        k,
        record_id=np.arange(k),
        nominal_id=met,
        born_on=register.born[met],
        sex=np.where(register.female[met], "female", "male"),
        ethnicity=np.array(p.ETHNICITIES)[register.ethnicity[met]],
        area=np.array(p.AREAS)[register.area[met]],
        occurred_on=NEVER,
        known_on=first[met],
    )
    if not switches.faults:
        return table, numbers
    chance = rng.random((3, k))
    table["born_on"] = np.where(chance[0] < _NEVER_BORN, NEVER, table["born_on"])
    table["sex"] = np.where(chance[1] < 0.01, "", table["sex"])
    table["ethnicity"] = np.where(chance[1] > 0.88, "", table["ethnicity"])
    wrong = (chance[2] < _BORN_LATER + _BORN_WRONG) & (table["born_on"] != NEVER)
    mistaken = np.where(chance[2] < _BORN_LATER, NEVER, table["born_on"] - 365)
    earlier = {**table, "born_on": np.where(wrong, mistaken, table["born_on"])}
    on = table["known_on"] + 1 + spread(k, 60.0, 1.0, rng)
    return correct(table, earlier, np.where(wrong, on, NEVER)), numbers


def known_by(table: Columns, last_day: int) -> Columns:
    """Return what of a table was known by the last day.

    Examples
    --------
    >>> table = {"known_on": np.array([1, 9]), "superseded_on": np.array([8, NEVER])}
    >>> known_by(table, 5)["superseded_on"].tolist() == [int(NEVER)]
    True
    """
    kept = take(table, table["known_on"] <= last_day)
    kept["superseded_on"] = np.where(kept["superseded_on"] > last_day, NEVER, kept["superseded_on"])
    return kept
