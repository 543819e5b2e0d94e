"""Taking records in: from a source as it is to one load of canonical records, or to nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

from features.errors import NotFound, UsageError
from features.ingest.broward import ingest_broward
from features.ingest.chicago import ingest_chicago
from features.ingest.database import ingest_database
from features.ingest.folder import ingest_folder
from features.ingest.georgia import ReadyMatrix, ingest_georgia
from features.ingest.stores import is_address
from features.loads import Load, refuse_existing

KINDS: dict[str, Callable[..., Load | ReadyMatrix]] = {
    "folder": ingest_folder,
    "database": ingest_database,
    "broward": ingest_broward,
    "chicago": ingest_chicago,
    "georgia": ingest_georgia,
}
"""The kinds of source that can be taken in."""


def ingest(
    kind: str,
    source: str | Path,
    out: str | Path,
    *,
    mapping: Path | None = None,
    data_to: date | None = None,
    set_aside: bool = False,
) -> Load | ReadyMatrix:
    """Turn a source into canonical records: one load, checked and written whole, or nothing.

    Parameters
    ----------
    kind : str
        One of :data:`KINDS`.
    source : str or Path
        The folder that holds the source, or for "database" its address (without a password) or the
        path of a SQLite or DuckDB file; it is only read.
    out : str or Path
        The folder to write; it must not exist, or be empty.
    mapping : Path, optional
        For "folder" and "database": how its files or tables and its columns are called.
    data_to : date, optional
        The last day on which the source recorded anything; by default what the source itself says.
    set_aside : bool
        Put rows that break a rule into ``set_aside.parquet`` and go on, instead of refusing all.

    Returns
    -------
    Load or ReadyMatrix
        The latter for "georgia", which is no list of records.

    Raises
    ------
    UsageError
        Where the kind is unknown, or the mapping is wrong.
    NotFound
        Where the source or the mapping does not exist.
    Conflict
        Where `out` holds something already.
    RecordsRefused
        Where records break the rules, with every violation; nothing is written.

    Examples
    --------
    >>> ingest("parchment", "source", "out")
    Traceback (most recent call last):
    ...
    features.errors.UsageError: there is no kind of source 'parchment'. The kinds are folder, ...
    """
    if kind not in KINDS:
        raise UsageError(
            f"there is no kind of source '{kind}'", remedy=f"The kinds are {', '.join(KINDS)}."
        )
    if data_to is not None and data_to > date.today():
        raise UsageError(  # outcomes would count as having had their time
            f"{data_to}, the last day of the records, lies in the future",
            remedy="Give the last day on which the source recorded anything.",
            field="data_to",
        )
    out = Path(out)
    if kind != "database":
        if is_address(str(source)):
            raise UsageError(  # not repeated: it may hold a password
                f"SOURCE is an address, and kind '{kind}' takes a folder",
                remedy="Use kind 'database' with postgresql://USER@HOST/DATABASE.",
            )
        source = Path(source)
        if not source.is_dir():
            raise NotFound(
                f"{source} is no folder", remedy="Name the folder that holds the source."
            )
    refuse_existing(out)
    return KINDS[kind](source, out, mapping=mapping, data_to=data_to, set_aside=set_aside)
