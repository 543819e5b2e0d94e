"""Forgetting one person in a load: the one change that the law makes to records that never change.

Rows about the person go. Where others had a part in an offence, who the person was goes and that
there was somebody stays, under a name made up for this load alone: what is known about the others,
and every score of theirs, stays what it was to the last bit. The load keeps its name, the
fingerprint it was written with, and says what was forgotten and when, not whom.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.files import replacing, sha256, sync, write_json
from features.loads import manifest
from features.records import TABLES

PSEUDONYM = "forgotten-"
"""What the made-up name of somebody forgotten begins with."""


def forget(path: Path, nominal_id: str) -> dict[str, int]:
    """Remove a person from a load's files.

    Killed half-way, it is finished by running it again: each file is replaced in one piece, and
    ``load.json`` follows last.

    Parameters
    ----------
    path : Path
        The load's folder.
    nominal_id : str

    Returns
    -------
    dict of str to int
        Rows removed or renamed, by table; empty where the load does not know the person.

    Raises
    ------
    NotFound
        There is no load.

    Examples
    --------
    >>> import tempfile
    >>> from features.synthetic import synthesise
    >>> load = synthesise(Path(tempfile.mkdtemp()) / "r", nominals=40, years=1, seed=7)
    >>> forget(load.path, "N000001")["nominal"] >= 1, forget(load.path, "N000001")
    (True, {})
    """
    said = manifest(path)
    involved = pq.read_table(path / "involvement.parquet")
    shared, alone = _offences(path, nominal_id)
    as_somebody = PSEUDONYM + secrets.token_hex(8)
    touched: dict[str, int] = {}
    for name in TABLES:
        table = involved if name == "involvement" else pq.read_table(path / f"{name}.parquet")
        if name == "offence":
            kept, count = _without(table, "record_id", alone)
        elif name == "involvement":
            kept, count = _renamed(table, nominal_id, as_somebody, shared)
        elif "nominal_id" in table.column_names:
            kept, count = _without(table, "nominal_id", {nominal_id})
        else:
            continue
        if count:
            touched[name] = count
            _replace(path / f"{name}.parquet", kept)
    for name in ("labels", "spine", "set_aside"):
        file = path / f"{name}.parquet"
        if not file.is_file():
            continue
        table = pq.read_table(file)
        kept, count = _without(
            table, "value" if name == "set_aside" else "nominal_id", {nominal_id}
        )
        if count:
            touched[name] = count
            _replace(file, kept)
    if not touched and not _stale(path, said):
        return {}
    hashes = {name: {"sha256": about["sha256"]} for name, about in said["tables"].items()}
    said.setdefault("as_written", hashes)
    for about in (said["tables"], said.get("extras", {})):
        for name in about:
            file = path / f"{name}.parquet"
            about[name] |= {"rows": pq.read_metadata(file).num_rows, "sha256": sha256(file)}
    today = datetime.now(UTC).date().isoformat()
    said["forgotten"] = [*said.get("forgotten", []), {"on": today, "rows": touched}]
    write_json(path / "load.json", said)
    sync(path)
    return touched


def _offences(path: Path, nominal_id: str) -> tuple[set[str], set[str]]:
    """Return the offences that a person had a part in with others, and those they had alone."""
    theirs: set[str] = set()
    others: set[str] = set()
    for table in TABLES.values():
        if "nominal_id" not in table or "offence_id" not in table:
            continue
        rows = pq.read_table(path / f"{table.name}.parquet", columns=["nominal_id", "offence_id"])
        own = pc.equal(rows["nominal_id"], nominal_id)
        others |= set(rows.filter(pc.invert(own))["offence_id"].to_pylist())
        if table.name == "involvement":
            theirs = set(rows.filter(own)["offence_id"].to_pylist())
    return theirs & others, theirs - others


def _without(table: pa.Table, column: str, values: set[str]) -> tuple[pa.Table, int]:
    if not values:
        return table, 0
    gone = pc.is_in(table[column], value_set=pa.array(sorted(values), table[column].type))
    kept = table.filter(pc.invert(gone))
    return kept, table.num_rows - kept.num_rows


def _renamed(
    table: pa.Table, nominal_id: str, somebody: str, shared: set[str]
) -> tuple[pa.Table, int]:
    """Return parts in offences: a person's own gone, and those beside others under another name."""
    own = pc.equal(table["nominal_id"], nominal_id)
    beside = pc.is_in(table["offence_id"], value_set=pa.array(sorted(shared), pa.string()))
    kept = table.filter(pc.or_(pc.invert(own), beside))
    names = pc.if_else(pc.equal(kept["nominal_id"], nominal_id), somebody, kept["nominal_id"])
    place = kept.column_names.index("nominal_id")
    return kept.set_column(place, "nominal_id", names), int(pc.sum(own).as_py() or 0)


def _stale(path: Path, said: dict[str, object]) -> bool:
    """Return whether files were replaced by a run that was killed before it said so."""
    return any(
        sha256(path / f"{name}.parquet") != about["sha256"]
        for part in ("tables", "extras")
        for name, about in dict(said.get(part, {})).items()  # type: ignore[call-overload]
    )


def _replace(file: Path, table: pa.Table) -> None:
    with replacing(file, durable=True) as part:
        pq.write_table(table.replace_schema_metadata(None), part, compression="zstd")
