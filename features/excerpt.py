"""One person's part of a load: all records that their history follows from, some left out or not.

Everything that is computed about a person follows from their own rows, the offences they had a part
in, and who else had one. An excerpt holds just these, so that a disputed record can be left out and
the history compiled anew within a moment, however large the load.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from features.errors import NotFound
from features.loads import Load, write_load
from features.records import TABLES


@dataclass(frozen=True)
class Excerpt:
    """What was written, and how many rows of each table were left out."""

    load: Load
    left_out: dict[str, int]


def excerpt(
    load: Load, nominal_id: str, out: Path, *, without: tuple[str, str] | None = None
) -> Excerpt:
    """Write the part of a load that one person's history follows from.

    Parameters
    ----------
    load : Load
    nominal_id : str
    out : Path
        The folder to write.
    without : (table, record_id), optional
        A record to be left out in all its versions. With an offence goes all that hangs on it: who
        had a part in it, and what followed from it.

    Raises
    ------
    NotFound
        The person has no such record in this load.

    Examples
    --------
    >>> import tempfile
    >>> from features.synthetic import synthesise
    >>> folder = Path(tempfile.mkdtemp())
    >>> whole = synthesise(folder / "records", nominals=40, years=1, seed=7)
    >>> excerpt(whole, "N000001", folder / "part").load.data_to == whole.data_to
    True
    """
    with duckdb.connect() as connection:
        for name, file in load.tables.items():
            connection.execute(TABLES[name].view_sql(file))
        parts = {name: _part(connection, name, nominal_id) for name in TABLES}
    left_out: dict[str, int] = {}
    if without is not None:
        parts, left_out = _less(parts, nominal_id, *without)
    written = write_load(
        out,
        parts,
        kind=load.kind,
        data_to=load.data_to,
        synthetic=load.synthetic,
        number=load.number,
    )
    return Excerpt(written, left_out)


_OFFENCES = "SELECT offence_id FROM involvement WHERE nominal_id = $who"
"""The offences in which a person had a part."""


def _part(connection: duckdb.DuckDBPyConnection, name: str, nominal_id: str) -> pa.Table:
    """Return a table's rows about one person; of offences they had a part in, everybody's part."""
    if name == "offence":
        named = " UNION ".join(
            f'SELECT offence_id FROM "{table.name}" WHERE nominal_id = $who'
            for table in TABLES.values()
            if "nominal_id" in table and "offence_id" in table
        )
        where = f"record_id IN ({named})"
    elif name == "involvement":
        where = f"nominal_id = $who OR offence_id IN ({_OFFENCES})"
    elif name == "nominal":
        # others count as different people only where they are known at all
        beside = f"SELECT nominal_id FROM involvement WHERE offence_id IN ({_OFFENCES})"
        where = f"nominal_id = $who OR nominal_id IN ({beside})"
    else:
        where = "nominal_id = $who"
    query = f'SELECT * FROM "{name}" WHERE {where}'
    return connection.execute(query, {"who": nominal_id}).to_arrow_table()


def _less(
    parts: dict[str, pa.Table], nominal_id: str, table: str, record_id: str
) -> tuple[dict[str, pa.Table], dict[str, int]]:
    """Return tables without one record of the person and what hangs on it, and what that was."""
    if table not in parts or table == "nominal" or not _has(parts, nominal_id, table, record_id):
        raise NotFound(
            f"there is no record '{record_id}' of table '{table}' about this person in this load",
            remedy="Name table and record_id as the score's reasons do.",
            field="record_id",
        )
    left_out = {}
    for name, rows in parts.items():
        columns = ["record_id"] if name == table else []
        if table == "offence" and "offence_id" in TABLES[name]:
            columns.append("offence_id")
        kept = rows
        for column in columns:
            told = kept[column].to_pylist()
            kept = kept.filter(pa.array([value != record_id for value in told], pa.bool_()))
        if kept.num_rows < rows.num_rows:
            left_out[name] = rows.num_rows - kept.num_rows
        parts[name] = kept
    return parts, left_out


def _has(parts: dict[str, pa.Table], nominal_id: str, table: str, record_id: str) -> bool:
    rows = parts[table]
    if record_id not in rows["record_id"].to_pylist():
        return False
    if "nominal_id" not in rows.column_names:
        return True
    pairs = zip(rows["record_id"].to_pylist(), rows["nominal_id"].to_pylist(), strict=True)
    return (record_id, nominal_id) in set(pairs)
