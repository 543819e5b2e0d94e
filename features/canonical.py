"""Tables brought to the columns, types, order and sorting that the records have."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from features.errors import RecordsRefused, UsageError
from features.records import TABLES, Table


def canonical(tables: Mapping[str, pa.Table], number: int) -> dict[str, pa.Table]:
    """Return all canonical tables of the load of this number, those not given empty.

    Raises
    ------
    UsageError
        Where a table is not canonical.
    RecordsRefused
        Where a table lacks a column, or a column has gaps or another type; all are listed.

    Examples
    --------
    >>> canonical({}, 1)["offence"].num_rows
    0
    """
    unknown = sorted(set(tables) - set(TABLES))
    if unknown:
        raise UsageError(
            f"no canonical table is called {', '.join(unknown)}",
            remedy=f"The tables are {', '.join(TABLES)}.",
        )
    problems: list[str] = []
    ready = {
        name: _conform(table, tables.get(name), number, problems) for name, table in TABLES.items()
    }
    if problems:
        raise RecordsRefused(
            "; ".join(problems),
            remedy="Nothing was written; give the columns as features/records.py lists them.",
            violations=problems,
        )
    return ready


def _conform(contract: Table, given: pa.Table | None, number: int, problems: list[str]) -> pa.Table:
    schema = contract.schema().to_pyarrow()
    if given is None:
        return schema.empty_table()
    columns = []
    for column in contract.columns:
        kind = schema.field(column.name).type
        if column.name == "load":
            columns.append(pa.repeat(pa.scalar(number, pa.int64()), given.num_rows))
            continue
        if column.name not in given.column_names:
            if not column.empty:
                problems.append(f"{contract.name}: column '{column.name}' is missing")
            columns.append(pa.nulls(given.num_rows, kind))
            continue
        try:
            values = given[column.name].cast(kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            problems.append(f"{contract.name}: column '{column.name}' is no {column.type}: {error}")
            values = pa.nulls(given.num_rows, kind)
        else:
            if values.null_count and not column.empty:
                gaps = f"is empty in {values.null_count} rows"
                problems.append(f"{contract.name}: column '{column.name}' {gaps}")
        columns.append(values)
    first = "nominal_id" if "nominal_id" in contract else "record_id"
    keys = dict.fromkeys((first, "record_id", "known_on"))
    return pa.table(columns, schema=schema).sort_by([(key, "ascending") for key in keys])
