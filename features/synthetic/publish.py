"""From numbers to the canonical records: ids, dates, and empty values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.records import TABLES
from features.synthetic.columns import NEVER, Array, Columns
from features.synthetic.timeline import Timeline

_PREFIX = {
    "nominal": "N",
    "offence": "O",
    "involvement": "I",
    "custody": "C",
    "outcome": "R",
    "bail": "B",
    "protective_order": "P",
    "imprisonment": "J",
    "risk_assessment": "D",
    "management": "M",
    "programme": "G",
    "wanted": "W",
}
SHORT, LONG = 6, 8
"""Digits of an id in a force of one block of people, and of several."""


@dataclass
class Numbering:
    """How far ids have been given out, so that those of the next block of people follow.

    Parameters
    ----------
    digits : int
        Equal for all ids of a force, so that their order as text is the order of the numbers.
    given : dict of table name to int
        The records so far; of nominals, the people so far.
    """

    digits: int = SHORT
    given: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_PREFIX, 0))

    def ids(self, name: str, numbers: Array, episode: bool = False) -> pa.Array:
        """Return the ids of a block's records, or of its episodes; null for -1."""
        prefix = _PREFIX[name] + ("E" if episode else "")
        given = np.where(numbers < 0, numbers, numbers + self.given[name])
        return identifiers(prefix, given, self.digits)

    def after(self, tables: Mapping[str, Columns]) -> None:
        """Count a block's records and episodes."""
        for name, table in tables.items():
            used = [table[c].max(initial=-1) for c in ("record_id", "episode_id") if c in table]
            self.given[name] += int(max(used)) + 1


def identifiers(prefix: str, numbers: Array, digits: int = SHORT) -> pa.Array:
    """Return ids such as 'N000124' for numbers counted from 0; null for -1.

    Examples
    --------
    >>> identifiers("N", np.array([123, -1])).to_pylist()
    ['N000124', None]
    """
    counted = pc.cast(pa.array(numbers + 1, mask=numbers < 0), pa.string())
    return pc.binary_join_element_wise(prefix, pc.utf8_lpad(counted, digits, "0"), "")


def publish(
    tables: Mapping[str, Columns], people: Array, timeline: Timeline, numbering: Numbering
) -> dict[str, pa.Table]:
    """Return the canonical tables of a block of people, and count on.

    Parameters
    ----------
    tables : mapping of table name to Columns
    people : integer array
        Each person's nominal number, from the position in the register.
    timeline : Timeline
    numbering : Numbering
        What was given out before; it is counted on.

    Returns
    -------
    dict of table name to pyarrow.Table
    """
    made = {
        name: _publish(name, table, people, timeline, numbering) for name, table in tables.items()
    }
    numbering.after(tables)
    return made


def _publish(
    name: str, table: Columns, people: Array, timeline: Timeline, numbering: Numbering
) -> pa.Table:
    ready: dict[str, pa.Array] = {}
    if "nominal_id" in table:
        ready["nominal_id"] = numbering.ids("nominal", people[table["nominal_id"]])
    if "offence_id" in table:
        ready["offence_id"] = numbering.ids("offence", table["offence_id"])
    if "episode_id" in table:
        ready["episode_id"] = numbering.ids(name, table["episode_id"], episode=True)
    if name == "offence":
        ready["reference"] = _references(table, timeline, numbering)
    ready["record_id"] = numbering.ids(name, table["record_id"])
    columns = [c for c in TABLES[name].columns if c.name != "load"]
    return pa.table(
        {
            c.name: ready[c.name] if c.name in ready else _array(table[c.name], c.type, timeline)
            for c in columns
        }
    )


def _references(table: Columns, timeline: Timeline, numbering: Numbering) -> pa.Array:
    """Return crime references: a number, and the year of the first recording."""
    first = np.full(int(table["record_id"].max(initial=-1)) + 1, np.int64(2**62))
    np.minimum.at(first, table["record_id"], table["known_on"])
    start = np.datetime64(timeline.start)
    years = (start + first[table["record_id"]]).astype("datetime64[Y]").astype(int) + 1970
    numbers = table["record_id"] + numbering.given["offence"]
    year = identifiers("/", years % 100 - 1, 2)
    return pc.binary_join_element_wise(identifiers("SYN/", numbers, numbering.digits + 1), year, "")


def _array(values: Array, kind: str, timeline: Timeline) -> pa.Array:
    if kind == "string":
        words = values.astype(object)
        return pa.array(words, pa.string(), mask=words == "")
    if kind == "date":
        epoch = (timeline.start - date(1970, 1, 1)).days
        days = (values + epoch).astype(np.int32)
        return pa.array(days, pa.int32(), mask=values == NEVER).cast(pa.date32())
    if kind == "boolean":
        return pa.array(values > 0, pa.bool_(), mask=values < 0)
    return pa.array(values.astype(np.int64), pa.int64(), mask=values < 0)
