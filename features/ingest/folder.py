"""Taking in a folder of Parquet or CSV files with canonical names, or mapped to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from features.breaches import ERROR, HANDLED, Asked, Violation
from features.check import broken, last_day, nobody
from features.errors import RecordsRefused, UsageError
from features.loads import LABELS, SET_ASIDE, SPINE, Load, manifest, write_load
from features.mapping import Mapping, read_mapping
from features.reading import Reading, read
from features.records import TABLES
from features.rules import RULES

LEFT_OUT = "left out"
ROUNDS = 20
"""How often rows that refer to what was left out are looked for; a chain is never that long."""


def ingest_folder(
    source: Path,
    out: Path,
    *,
    mapping: Path | None = None,
    data_to: date | None = None,
    set_aside: bool = False,
) -> Load:
    """Take in a folder; see :func:`features.ingest.ingest`."""
    read_as = read_mapping(mapping) if mapping else None
    tables = [
        one.table for several in (read_as.tables.values() if read_as else ()) for one in several
    ]
    if any(tables):
        raise UsageError(
            f"the mapping names tables of a database: {', '.join(filter(None, tables))}",
            remedy="A folder has files: write file in place of table.",
        )
    said = manifest(source) if (source / "load.json").is_file() else {}
    data_to = data_to or (_last_day(source, said) if said else None)
    lost = [name for name in TABLES if said and not list(source.glob(f"{name}.*"))]
    refuse(source, [RULES["missing_table"].violation(name, file=name) for name in lost])
    notes = said.get("notes")
    return take_in(
        source,
        out,
        read_as,
        kind="folder",
        told=str(source),
        data_to=data_to,
        set_aside=set_aside,
        synthetic=bool(said.get("synthetic", False)),
        notes=[str(note) for note in notes] if isinstance(notes, list) else (),
    )


def take_in(
    folder: Path,
    out: Path,
    mapping: Mapping | None,
    *,
    kind: str,
    told: str,
    data_to: date | None,
    set_aside: bool,
    synthetic: bool = False,
    notes: Sequence[str] = (),
) -> Load:
    """Read a folder, hold it against the rules, and write it as one load.

    Parameters
    ----------
    told : str
        How the source is called in what is said of it.
    """
    reading = read(folder, mapping)
    today = date.today()
    asked = Asked(reading.relations, today, data_to or last_day(reading, today))
    labels, spine = _beside(reading, "labels", LABELS), _beside(reading, "spine", SPINE)
    found = reading.problems + nobody(reading) + broken(reading, asked)
    aside: list[Violation] = []
    if set_aside and not any(v.severity == ERROR and v.row is None for v in found):
        aside, found = leave_out(reading, asked, found)
    refuse(told, [reading.placed(violation) for violation in found])
    tables = {name: typed(reading, name) for name in reading.relations}
    aside += [replace(v, severity=HANDLED, done="not used") for v in found if v.row is None]
    return write_load(
        out,
        tables,
        kind=kind,
        data_to=asked.data_to,
        synthetic=synthetic,
        set_aside=listed(reading.placed(violation) for violation in aside),
        labels=labels,
        spine=spine,
        notes=notes,
    )


def _last_day(source: Path, said: dict[str, Any]) -> date:
    try:
        found = date.fromisoformat(said["data_to"])
        if found > date.today():
            raise ValueError(f"{found} lies in the future")
        return found
    except (KeyError, TypeError, ValueError) as error:
        raise RecordsRefused(
            f"{source / 'load.json'}: data_to: {error!r}",
            remedy="Give --data-to, or take load.json away.",
        ) from error


def _beside(reading: Reading, name: str, schema: pa.Schema) -> pa.Table | None:
    """Read the labels or the spine that came with the records."""
    file = reading.path / f"{name}.parquet"
    if not file.is_file():
        return None
    try:
        table = pq.read_table(file)
        missing = [column for column in schema.names if column not in table.column_names]
        for column in missing:
            reading.problems.append(RULES["missing_column"].violation(name, None, column))
        return None if missing else table.select(schema.names).cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        why = str(error).strip().splitlines()[0]
        reading.problems.append(RULES["unreadable"].violation(name, value=file.name, why=why))
        return None


SET_ASIDE_OR_CORRECT = "Correct the source, or leave those rows out with --set-aside."


def refuse(
    source: Path | str, found: Iterable[Violation], remedy: str = SET_ASIDE_OR_CORRECT
) -> None:
    """Refuse records with all that is wrong, if anything graver than a warning is.

    Raises
    ------
    RecordsRefused
        With every error; the message tells the first of each kind.
    """
    errors = [violation for violation in found if violation.severity == ERROR]
    if not errors:
        return
    kinds: dict[tuple[str, str, str], list[Violation]] = defaultdict(list)
    for violation in errors:
        kinds[violation.table, violation.column, violation.rule].append(violation)
    told = [
        str(some[0]) + (f" And {len(some) - 1} more like it." if len(some) > 1 else "")
        for some in kinds.values()
    ]
    if any(violation.row is None for violation in errors):
        remedy = "Correct the source."
    raise RecordsRefused(
        f"{source}: {len(errors)} violation{'s' * (len(errors) > 1)}, nothing was written:\n"
        + "\n".join(told).removesuffix("."),
        remedy=remedy,
        violations=errors,
    )


def leave_out(
    reading: Reading, asked: Asked, found: list[Violation]
) -> tuple[list[Violation], list[Violation]]:
    """Leave out the rows that break a rule, and then those that referred to them, until none does.

    Returns
    -------
    aside, standing : list of Violation
        What was left out and why; what still stands (warnings).
    """
    aside: list[Violation] = []
    rest = [violation for violation in found if violation.row is None]
    for _ in range(ROUNDS):
        errors = [v for v in found if v.severity == ERROR and v.row is not None]
        if not errors:
            break
        aside += [replace(v, severity=HANDLED, done=LEFT_OUT) for v in errors]
        _delete(reading.connection, errors)
        found = broken(reading, asked)
    return aside, rest + [violation for violation in found if violation.row is not None]


def _delete(connection: duckdb.DuckDBPyConnection, errors: Iterable[Violation]) -> None:
    rows: dict[str, set[int]] = defaultdict(set)
    for violation in errors:
        rows[violation.table].add(violation.row or 0)
    for name, bad in rows.items():
        connection.register("_bad", pa.table({"_row": sorted(bad)}))
        keep = f'SELECT * FROM "{name}" WHERE _row NOT IN (SELECT _row FROM _bad)'
        connection.execute(f"CREATE TABLE _kept AS {keep}")
        kind = connection.execute(
            "SELECT table_type FROM information_schema.tables WHERE table_name = ?", [name]
        ).fetchone()
        connection.execute(f'DROP {"VIEW" if kind == ("VIEW",) else "TABLE"} "{name}"')
        connection.execute(f'ALTER TABLE _kept RENAME TO "{name}"')
        connection.unregister("_bad")


def typed(reading: Reading, name: str) -> pa.Table:
    """Return a table that was read in its canonical columns."""
    contract = reading.relations[name].contract
    columns = ", ".join(f'"{c.name}"' for c in contract.columns if c.name != "load")
    return reading.connection.execute(
        f'SELECT {columns} FROM "{name}" ORDER BY _row'
    ).to_arrow_table()


def listed(violations: Iterable[Violation]) -> pa.Table:
    """Return violations as the table that is written beside the records."""
    rows = [
        {name: getattr(violation, name) for name in SET_ASIDE.names} for violation in violations
    ]
    return pa.Table.from_pylist(rows, schema=SET_ASIDE)
