"""From numbers to the canonical records: ids, dates, and empty values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import pyarrow as pa

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


def identifiers(prefix: str, numbers: Array) -> Array:
    """Return ids such as 'N000124' for numbers counted from 0; '' for -1.

    Examples
    --------
    >>> identifiers("N", np.array([123, -1])).tolist()
    ['N000124', '']
    """
    ids = np.array([f"{prefix}{number + 1:06d}" for number in numbers.tolist()], dtype=object)
    ids[numbers < 0] = ""
    return ids


def publish(
    tables: Mapping[str, Columns], people: Array, timeline: Timeline
) -> dict[str, pa.Table]:
    """Return the canonical tables.

    Parameters
    ----------
    tables : mapping of table name to Columns
    people : integer array
        Each person's nominal number, from the position in the register.
    timeline : Timeline

    Returns
    -------
    dict of table name to pyarrow.Table
    """
    return {name: _publish(name, table, people, timeline) for name, table in tables.items()}


def _publish(name: str, table: Columns, people: Array, timeline: Timeline) -> pa.Table:
    table = dict(table)
    if "nominal_id" in table:
        table["nominal_id"] = identifiers(_PREFIX["nominal"], people[table["nominal_id"]])
    if "offence_id" in table:
        table["offence_id"] = identifiers(_PREFIX["offence"], table["offence_id"])
    if "episode_id" in table:
        table["episode_id"] = identifiers(_PREFIX[name] + "E", table["episode_id"])
    if name == "offence":
        table["reference"] = _references(table, timeline)
    table["record_id"] = identifiers(_PREFIX[name], table["record_id"])
    columns = [c for c in TABLES[name].columns if c.name != "load"]
    arrays = {c.name: _array(table[c.name], c.type, timeline) for c in columns}
    return pa.table(arrays)


def _references(table: Columns, timeline: Timeline) -> Array:
    """Return crime references: a number, and the year of the first recording."""
    first = np.full(int(table["record_id"].max(initial=-1)) + 1, np.int64(2**62))
    np.minimum.at(first, table["record_id"], table["known_on"])
    start = np.datetime64(timeline.start)
    years = (start + first[table["record_id"]]).astype("datetime64[Y]").astype(int) + 1970
    numbers = table["record_id"].tolist()
    references = [
        f"SYN/{number + 1:07d}/{year % 100:02d}"
        for number, year in zip(numbers, years.tolist(), strict=True)
    ]
    return np.array(references, dtype=object)


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
