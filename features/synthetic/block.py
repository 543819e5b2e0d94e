"""A block of a simulated force: some thousands of people who live among themselves.

A force of any size is a row of such blocks. Partners, victims, companions and places in offender
management are found within a block, so that memory is bounded by the block, and a larger force
begins with the very people of a smaller one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from features.synthetic.cases import Cases, open_cases
from features.synthetic.columns import Array, Columns
from features.synthetic.court_records import imprisonment_records, outcome_records
from features.synthetic.crime_records import involvement_records, offence_records
from features.synthetic.custody_records import bail_records, custody_records, wanted_records
from features.synthetic.doubles import split
from features.synthetic.dynamics import Offending, Witness, simulate
from features.synthetic.nominal_records import known_by, nominal_records
from features.synthetic.safeguarding_records import (
    assessment_records,
    management_records,
    order_records,
    programme_records,
)
from features.synthetic.states import States, draw_states
from features.synthetic.streams import Streams
from features.synthetic.switches import Switches
from features.synthetic.timeline import Timeline
from features.synthetic.traits import People, draw_people

BLOCK = 20_000
"""Named suspects of a block, about; the last block of a force holds the rest."""


@dataclass(frozen=True)
class Block:
    """What was simulated of a block, and what was recorded of it.

    Attributes
    ----------
    number : int
        Position in the force, from 0.
    people, states, offending
        The truth.
    tables : dict of table name to Columns
        The records.
    numbers : integer array
        Each person's nominal number in the block, from the position in the register, which begins
        with the latent people; -1 for those in no record.
    doubles : Columns
        double and person: second records and those whom they are about, as numbers in the register.
    streams : Streams
    """

    number: int
    people: People
    states: States
    offending: Offending
    tables: dict[str, Columns]
    numbers: Array
    doubles: Columns
    streams: Streams


def sizes(nominals: int) -> list[int]:
    """Return the sizes of the blocks of a force.

    Examples
    --------
    >>> sizes(50_000)
    [20000, 20000, 10000]
    """
    return [min(BLOCK, nominals - first) for first in range(0, nominals, BLOCK)]


def simulate_block(
    number: int,
    latent: int,
    timeline: Timeline,
    seed: int,
    switches: Switches,
    progress: Callable[[int, int], None] | None = None,
    witness: Witness | None = None,
) -> Block:
    """Simulate a block and what is recorded of it.

    Parameters
    ----------
    number : int
        Position in the force, from 0.
    latent : int
        How many people may offend.
    timeline, seed, switches
        The world.
    progress, witness : callable, optional
        See :func:`features.synthetic.dynamics.simulate`.

    Returns
    -------
    Block
    """
    streams = Streams(seed, number)
    people = draw_people(latent, streams["traits"])
    states = draw_states(people, timeline.months, streams["states"])
    offending = simulate(people, states, timeline, streams, switches, progress, witness)
    cases = open_cases(offending, people, states, timeline, switches, streams)
    tables = _records(offending, cases, timeline, switches, streams)
    register = cases.register
    tables, doubles = split(tables, register, switches.duplicates, streams["doubles"])
    nominals, numbers = nominal_records(register, tables, switches, streams["register"])
    tables = {"nominal": known_by(nominals, timeline.last_day), **tables}
    return Block(number, people, states, offending, tables, numbers, doubles, streams)


def _records(
    offending: Offending, cases: Cases, timeline: Timeline, switches: Switches, streams: Streams
) -> dict[str, Columns]:
    tables = {
        "offence": offence_records(cases, switches, streams["corrections"]),
        "involvement": involvement_records(cases, switches, streams["corrections"]),
        "custody": custody_records(cases, switches, streams["custody"]),
        "outcome": outcome_records(cases, streams["outcomes"]),
        "bail": bail_records(cases, switches, streams["bail"]),
        "protective_order": order_records(offending, cases, streams["orders"]),
        "imprisonment": imprisonment_records(cases, streams["prison"]),
        "risk_assessment": assessment_records(cases, switches, streams["corrections"]),
        "management": management_records(offending, cases, streams["management"]),
        "programme": programme_records(offending, streams["management"]),
        "wanted": wanted_records(cases, streams["wanted"]),
    }
    return {name: known_by(table, timeline.last_day) for name, table in tables.items()}
