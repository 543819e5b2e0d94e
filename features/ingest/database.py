"""Taking in a database: the columns that the mapping names, as of one moment, then as a folder."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import PrecursorError, UsageError
from features.ingest.folder import take_in
from features.ingest.stores import Store, open_store
from features.loads import Load
from features.mapping import Mapping, read_mapping
from features.reading import table_file
from features.records import TABLES
from features.unfinished import scratch_folder


def ingest_database(
    source: str | Path,
    out: Path,
    *,
    mapping: Path | None = None,
    data_to: date | None = None,
    set_aside: bool = False,
) -> Load:
    """Take in a database; see :func:`features.ingest.ingest`.

    What the mapping names is copied, as of one moment, into a folder beside `out` that only this
    user may read and that goes again; from there on it is taken in as a folder is.
    """
    read_as = read_mapping(mapping) if mapping else Mapping()
    _tables_only(read_as)
    with scratch_folder(out) as place:
        with open_store(str(source)) as store:
            copy(store, read_as, place)
        return take_in(
            place,
            out,
            read_as,
            kind="database",
            told=str(source),
            data_to=data_to,
            set_aside=set_aside,
        )


def _tables_only(mapping: Mapping) -> None:
    files = [
        f"{name}: {source.file}"
        for name, sources in mapping.tables.items()
        for source in sources
        if source.file
    ]
    if files:
        raise UsageError(
            f"the mapping names files: {', '.join(files)}",
            remedy="A database has tables: write table in place of file.",
        )


def copy(store: Store, mapping: Mapping, folder: Path) -> None:
    """Write each table that the mapping needs as Parquet, with the columns that it names."""
    needed: dict[str, set[str]] = defaultdict(set)
    for contract in TABLES.values():
        for source in mapping.sources(contract.name):
            ours = {source.columns.get(c.name, c.name) for c in contract.columns}
            needed[source.table or contract.name] |= ours | set(source.only)
    for table, columns in needed.items():
        held = store.columns(table)
        if held is None:
            continue  # where it has to be there, reading the folder tells
        chosen = [column for column in held if column in columns] or held[:1]
        _write(store, table, chosen, folder / table_file(table))


def _write(store: Store, table: str, columns: list[str], file: Path) -> None:
    try:
        schema, batches = store.read(table, columns)
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch)
    except (pa.ArrowException, OverflowError, ValueError) as error:
        raise PrecursorError(
            f"table '{table}' cannot be read: {str(error).splitlines()[0]}",
            remedy="Nothing was written. Correct the value, or map a view that leaves it out.",
        ) from error
