"""Records of a big made-up force, as many as asked for, made fast: loads for measuring speed.

Nobody here is like a person: the simulator (`features.synthetic`) makes plausible lives, this makes
many. What matters to speed is kept: some people have very many events, reports come late, are
corrected, withdrawn or undated, dates of birth change, and every kind of record occurs.

An *event* is one row of the compiled history (`features.sources`): a person and something that
happened. A report with a victim is two of them: the suspect's report and its complainant; what is
context and never an input is not counted. The number of events of a load is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.units import DATA_TO, EMPTY, Array, Block, Columns, draw
from features.errors import UsageError
from features.loads import Load, write_load
from features.records import TABLES, Column
from features.taxonomy import taxonomy

BLOCK = 100_000
"""People made at a time; memory is bounded by this."""

_IDS = {"nominal_id": "N", "offence_id": "O", "reference": "C"}
_WORDS = {
    "sex": ("F", "M"),
    "tool": ("DASH",),
    "name": ("Building Better Relationships", "Horizon", "Resolve"),
}


def write_force(
    out: str | Path,
    *,
    events: int,
    people: int,
    seed: int = 1,
    plain: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Load:
    """Write a load of exactly so many events; the same arguments write the same records.

    Parameters
    ----------
    out : str or Path
        The folder to write; it must not exist, or be empty.
    events, people : int
        Rows of the compiled history, and people on record; at least one event for each.
    seed : int
    plain : bool
        Reports naming a suspect only, each known on the day it occurred and never corrected: what
        a compiler that knows one time only sees as this one does.
    progress : callable, optional
        Called with (people done, people in all).

    Returns
    -------
    Load

    Raises
    ------
    UsageError
        Where there are no people, or fewer events than people.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     load = write_force(Path(folder) / "force", events=900, people=100)
    ...     load.connect().table("nominal").nominal_id.nunique().execute()
    100
    """
    if not 1 <= people <= events:
        raise UsageError(
            f"{events:,} events of {people:,} people make no force",
            remedy="Ask for at least one person, and for an event for each.",
        )
    pieces = _pieces(events, people, seed, plain, progress)
    return write_load(out, pieces, kind="benchmark", data_to=DATA_TO, synthetic=True)


def _pieces(
    events: int,
    people: int,
    seed: int,
    plain: bool,
    progress: Callable[[int, int], None] | None,
) -> Iterator[dict[str, pa.Table]]:
    for block in _blocks(events, people, seed):
        drawn = draw(block, plain=plain)
        yield {name: records(name, columns) for name, columns in drawn.items()}
        if progress is not None:
            progress(block.first + len(block.number), people)


def _blocks(events: int, people: int, seed: int) -> Iterator[Block]:
    """Share the events out among the people, very unevenly, and yield people block by block."""
    rng = np.random.default_rng([seed, 0])
    weight = rng.lognormal(0.0, 1.2, people)
    number = 1 + rng.multinomial(events - people, weight / weight.sum())
    first = base = 0
    for share in np.array_split(number, -(-people // BLOCK)):
        yield Block(first, base, share, np.random.default_rng([seed, 1, first]))
        first, base = first + len(share), base + int(share.sum())


def records(name: str, columns: Columns) -> pa.Table:
    """Return drawn columns as records of a canonical table.

    Examples
    --------
    >>> columns = {"record_id": np.array([7]), "known_on": np.array([EMPTY])}
    >>> records("nominal", columns)["record_id"].to_pylist()
    ['N000000007']
    """
    schema = TABLES[name].schema().to_pyarrow()
    return pa.table(
        {
            column.name: _array(name, column, columns[column.name], schema.field(column.name).type)
            for column in TABLES[name].columns
            if column.name in columns
        }
    )


def _array(table: str, column: Column, values: Array, kind: pa.DataType) -> pa.Array:
    mask = values == EMPTY
    if column.type == "date":
        return pa.array(values.astype(np.int32), pa.int32(), mask=mask).view(kind)
    if column.type == "boolean":
        return pa.array(values > 0, kind, mask=mask)
    if column.type == "int64":
        return pa.array(values, kind, mask=mask)
    positions = pa.array(values, pa.int64(), mask=mask)
    if column.name == "offence_code":
        return taxonomy()["offence_code"].combine_chunks().take(positions)
    if words := column.values or _WORDS.get(column.name):
        return pa.array(words, pa.string()).take(positions)
    prefix = _IDS.get(column.name) or ("N" if table == "nominal" else table[:1].upper())
    if column.name == "episode_id" or (column.name == "record_id" and table != "offence"):
        prefix = "N" if table == "nominal" else f"{table[:3].upper()}{column.name[0].upper()}"
    digits = pc.utf8_lpad(positions.cast(pa.string()), 9, "0")
    return pc.binary_join_element_wise(prefix, digits, "")


def as_of_dates(number: int = 12) -> list[date]:
    """Return dates half a year apart, the last of them the day after the records end.

    Examples
    --------
    >>> as_of_dates(2)[-1].isoformat()
    '2026-01-01'
    """
    last = pd.Timestamp(DATA_TO) + pd.Timedelta(days=1)
    return [(last - pd.DateOffset(months=6 * back)).date() for back in reversed(range(number))]


def spine(load: Load, dates: int = 12) -> pd.DataFrame:
    """Return everybody who was on record before each of the as-of dates, by person and date."""
    connection = load.connect().con
    asked = ", ".join(f"DATE '{day}'" for day in as_of_dates(dates))
    found: pd.DataFrame = connection.execute(
        f"SELECT nominal_id, as_of_date FROM (SELECT nominal_id, min(known_on) AS known_on"
        f" FROM nominal GROUP BY 1), (SELECT unnest([{asked}]) AS as_of_date)"
        " WHERE known_on < as_of_date ORDER BY 1, 2"
    ).df()
    return found
