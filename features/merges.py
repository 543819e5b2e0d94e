"""Applying decisions about duplicate person records: a new load, in which a merge is a correction.

From the day of the decision on, a row of the record that was merged away ends, and goes on under
the id that stays, as a correction of it would. Up to that day nothing changes, so every history as
of a date up to it is what it was, bit for bit. Where the pair is parted again, the rows go back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from features.breaches import HANDLED, Violation
from features.decisions import SAME, Decision, Spell, read_decisions, spells
from features.errors import Conflict, RecordsRefused
from features.files import sha256
from features.loads import (
    LABELS,
    SET_ASIDE,
    SPINE,
    Load,
    manifest,
    open_load,
    refuse_existing,
    unchanged,
    write_load,
)
from features.records import ENTRY, TABLES, Table
from features.tabular import parquet
from features.turns import Turns

RULE = "same_person"
"""Under this rule a load lists, in what was set aside, the person records that were merged."""

_OPEN = date.max

Stretch = tuple[date, date | None]


@dataclass(frozen=True)
class Applied:
    """A load made by decisions: how many were applied, and how many lie after its last day.

    `merged` counts the person records that end as another one; `taken` are the decisions applied.
    Whoever records them does it in one of `turns`, which refuse it where somebody was erased since.
    """

    load: Load
    decisions: int
    later: int
    merged: int
    taken: tuple[Decision, ...]
    turns: Turns


def apply_decisions(
    records: str | Path, file: Path, out: str | Path, *, today: date | None = None
) -> Applied:
    """Write a new load in which person records that people decided to be one are one.

    Parameters
    ----------
    records : str or Path
        A load as it was taken in. The decisions are always applied to it whole, so that a decision
        taken back leaves no trace after its day.
    file : Path
        Decisions, as :func:`features.decisions.read_decisions` reads them. One that lies after the
        load's last day takes effect in the first load that reaches it.
    out : str or Path
        The folder to write; it must not exist, or be empty.

    Raises
    ------
    RecordsRefused
        Where the load was changed, the decisions are not sound, or none of them has any effect.
    Conflict
        Where the load came from decisions itself, `out` holds something already, or somebody was
        erased meanwhile.

    Examples
    --------
    >>> apply_decisions("nowhere", Path("decisions.csv"), "out")
    Traceback (most recent call last):
    ...
    features.errors.NotFound: nowhere is no folder. Name the folder that ...
    """
    load = open_load(records)
    turns = Turns(load)
    refuse_existing(Path(out))
    unchanged(load)
    if (load.set_aside()["rule"] == RULE).any():
        raise Conflict(
            f"{load.path} came from decisions already",
            remedy="Apply all decisions to the load as it was taken in.",
        )
    with duckdb.connect() as connection:
        known = first_known(connection, load)
        made = read_decisions(file, known, today=today)
        now = [one for one in made if one.decided_on <= load.data_to]
        if not any(one.decision == SAME for one in now):
            raise RecordsRefused(
                f"{file}: no decision up to {load.data_to}, the records' last day, joins a pair",
                remedy="Nothing was written; use the records as they are.",
            )
        when = spells(now, known)
        tables = _tables(connection, load, when)
    ends = [one for one in when if one.to_on is None and one.now_id != one.nominal_id]
    aside = pq.read_table(load.path / "set_aside.parquet").cast(SET_ASIDE)
    listed = pa.concat_tables([aside, _listed(when, now)])
    note = (
        f"Person records were linked by {len(now)} decisions of people, the last of"
        f" {max(one.decided_on for one in now)}; SHA-256 of their file {sha256(file)}."
        f" {len(ends)} records end as another one; set_aside lists them."
    )
    written = write_load(
        out,
        tables,
        kind=load.kind,
        data_to=load.data_to,
        synthetic=load.synthetic,
        set_aside=listed,
        labels=_extra(load, "labels", LABELS, when),
        spine=_extra(load, "spine", SPINE, when),
        notes=[*manifest(load.path).get("notes", ()), note],
        number=load.number,
        naming=turns.turn,
    )
    return Applied(written, len(now), len(made) - len(now), len(ends), tuple(now), turns)


def first_known(connection: duckdb.DuckDBPyConnection, load: Load) -> dict[str, date]:
    """Return for each person record of a load the day on which it became known."""
    people = parquet(load.tables["nominal"])
    sql = f"SELECT nominal_id, min(known_on) FROM {people} GROUP BY nominal_id"
    return dict(connection.execute(sql).fetchall())


def _tables(
    connection: duckdb.DuckDBPyConnection, load: Load, when: Sequence[Spell]
) -> dict[str, pa.Table]:
    connection.register("_spells", _as_table(_by_id(when)))
    ids = pa.table({"nominal_id": sorted({one.nominal_id for one in when})})
    connection.register("_joined", ids)
    tables = {}
    for name, contract in TABLES.items():
        connection.execute(contract.view_sql(load.tables[name]))
        if name == "nominal":
            tables[name] = _people(connection, when)
        elif "nominal_id" in contract:
            tables[name] = _moved(connection, contract)
        else:
            tables[name] = pq.read_table(load.tables[name])
    return tables


def _by_id(when: Iterable[Spell]) -> Iterator[Spell]:
    """Join spells that follow each other under one id: others may come and go beside it."""
    for (one_id, now_id), same in groupby(when, key=lambda one: (one.nominal_id, one.now_id)):
        held = list(same)
        yield Spell(one_id, held[0].from_on, held[-1].to_on, now_id, ())


def _as_table(when: Iterable[Spell]) -> pa.Table:
    held = list(when)
    days = {name: [getattr(one, name) for one in held] for name in ("from_on", "to_on")}
    return pa.table(
        {
            "nominal_id": [one.nominal_id for one in held],
            "now_id": [one.now_id for one in held],
            **{name: pa.array(values, pa.date32()) for name, values in days.items()},
        }
    )


def _moved(connection: duckdb.DuckDBPyConnection, contract: Table) -> pa.Table:
    """Return a table with each row under the id that its person has at the time.

    A row is cut where its person's id changes; each piece is a version of the record, known from
    the day on which the decision was taken.
    """
    name = contract.name
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE _moved AS SELECT row_number() OVER () AS _n,"
        " r.nominal_id AS _was, r.* REPLACE (s.now_id AS nominal_id,"
        " greatest(r.known_on, s.from_on) AS known_on,"
        f' least(r.superseded_on, s.to_on) AS superseded_on) FROM "{name}" r'
        " JOIN _spells s ON r.nominal_id = s.nominal_id"
        " WHERE greatest(r.known_on, s.from_on)"
        " < coalesce(least(r.superseded_on, s.to_on), DATE '9999-12-31')"
    )
    _once(connection, contract)
    columns = ", ".join(f'"{column.name}"' for column in contract.columns)
    return connection.execute(
        f'SELECT {columns} FROM "{name}" WHERE nominal_id NOT IN (FROM _joined)'
        f" UNION ALL SELECT {columns} FROM _moved"
    ).to_arrow_table()


def _once(connection: duckdb.DuckDBPyConnection, contract: Table) -> None:
    """Let one event that was entered under both ids count once: the id that stays keeps its own.

    Of a row that came from another id only what is left beside an equal row stays.
    """
    same = (
        ("offence_id", "nominal_id", "role")
        if contract.name == "involvement"
        else tuple(column.name for column in contract.columns if column.name not in ENTRY)
    )
    dated = "occurred_on IS NOT NULL" + (
        " OR offence_id IS NOT NULL" if "offence_id" in contract else ""
    )
    key = ", ".join(f'"{column}"' for column in same)
    rows = connection.execute(
        f"SELECT key, _n, _was, known_on, superseded_on FROM (SELECT *, hash({key}) AS key,"
        f" min(_was) OVER same <> max(_was) OVER same AS twice FROM _moved WHERE {dated}"
        f" WINDOW same AS (PARTITION BY {key})) WHERE twice"
        " ORDER BY key, _was <> nominal_id, _was, known_on, _n"
    ).fetchall()
    kept: list[tuple[int, date, date | None]] = []
    for _, alike in groupby(rows, key=lambda row: row[0]):
        taken: list[Stretch] = []
        for _, own in groupby(alike, key=lambda row: row[2]):
            held = list(own)
            for _, number, _, known_on, superseded_on in held:
                kept += [(number, *piece) for piece in beside((known_on, superseded_on), taken)]
            taken += [(row[3], row[4]) for row in held]
    pieces = pa.table(
        {
            "_n": pa.array([piece[0] for piece in kept], pa.int64()),
            "known_on": pa.array([piece[1] for piece in kept], pa.date32()),
            "superseded_on": pa.array([piece[2] for piece in kept], pa.date32()),
        }
    )
    numbers = pa.table({"_n": pa.array([row[1] for row in rows], pa.int64())})
    connection.register("_pieces", pieces)
    connection.register("_twice", numbers)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE _moved AS"
        " SELECT * FROM _moved WHERE _n NOT IN (FROM _twice) UNION ALL"
        " SELECT m.* REPLACE (p.known_on AS known_on, p.superseded_on AS superseded_on)"
        " FROM _moved m JOIN _pieces p USING (_n)"
    )


def beside(stretch: Stretch, taken: Iterable[Stretch]) -> list[Stretch]:
    """Return what is left of a stretch of time beside others; an end of None is open.

    Examples
    --------
    >>> year = date(2020, 1, 1), date(2021, 1, 1)
    >>> for begin, end in beside(year, [(date(2020, 3, 1), date(2020, 5, 1))]):
    ...     print(begin, end)
    2020-01-01 2020-03-01
    2020-05-01 2021-01-01
    >>> beside(year, [(date(2019, 1, 1), None)])
    []
    """
    left = [(stretch[0], stretch[1] or _OPEN)]
    for start, stop in taken:
        left = [
            piece
            for begin, end in left
            for piece in ((begin, min(end, start)), (max(begin, stop or _OPEN), end))
            if piece[0] < piece[1]
        ]
    return [(begin, None if end == _OPEN else end) for begin, end in left]


def _people(connection: duckdb.DuckDBPyConnection, when: Sequence[Spell]) -> pa.Table:
    """Return the person records: one that was merged away ends; the one that stays is completed.

    What the record that stays leaves empty is filled from those merged into it, as they stood on
    the day of the merge; what it states is never changed.
    """
    rest = connection.execute(
        "SELECT * FROM nominal WHERE nominal_id NOT IN (FROM _joined)"
    ).to_arrow_table()
    joined = connection.execute(
        "SELECT * FROM nominal WHERE nominal_id IN (FROM _joined) ORDER BY nominal_id, known_on"
    ).to_arrow_table()
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in joined.to_pylist():
        rows.setdefault(row["nominal_id"], []).append(row)
    pieces = []
    for one in when:
        if one.now_id == one.nominal_id:
            others = _standing(one, rows)
            for row in rows[one.nominal_id]:
                empty = {name: said for name, said in others.items() if row[name] is None}
                for known_on, superseded_on in beside(
                    (row["known_on"], row["superseded_on"]), _outside(one)
                ):
                    dates = {"known_on": known_on, "superseded_on": superseded_on}
                    pieces.append(row | empty | dates)
    return pa.concat_tables([rest, pa.Table.from_pylist(pieces, schema=rest.schema)])


def _outside(one: Spell) -> list[Stretch]:
    before = [(date.min, one.from_on)] if one.from_on else []
    return [*before, *([(one.to_on, None)] if one.to_on else [])]


def _standing(one: Spell, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """Return what the other records of a group said on the day it became one, the oldest first."""
    said: dict[str, Any] = {}
    if one.from_on is None:
        return said
    others = [member for member in one.group if member != one.nominal_id]
    for member in sorted(others, key=lambda member: (rows[member][0]["known_on"], member)):
        for row in rows[member]:
            if row["known_on"] <= one.from_on and (row["superseded_on"] or _OPEN) > one.from_on:
                for name in ("born_on", "sex", "ethnicity", "area"):
                    if said.get(name) is None:
                        said[name] = row[name]
    return said


def _extra(load: Load, name: str, schema: pa.Schema, when: Sequence[Spell]) -> pa.Table | None:
    """Return the labels or the spine of a load with each row under its person's id at the time."""
    file = load.path / f"{name}.parquet"
    if not file.is_file():
        return None
    with duckdb.connect() as connection:
        connection.register("_spells", _as_table(_by_id(when)))
        keys = ["nominal_id", *(column for column in schema.names[1:] if column != "label")]
        value = ", max(label) AS label" if "label" in schema.names else ""
        moved = connection.execute(
            f"SELECT {', '.join(keys)}{value} FROM (SELECT r.* REPLACE"
            " (coalesce(s.now_id, r.nominal_id) AS nominal_id)"
            f" FROM {parquet(file)} r LEFT JOIN _spells s"
            " ON r.nominal_id = s.nominal_id"
            " AND (s.from_on IS NULL OR r.as_of_date > s.from_on)"
            " AND (s.to_on IS NULL OR r.as_of_date <= s.to_on)) GROUP BY ALL ORDER BY ALL"
        ).to_arrow_table()
    return moved.select(schema.names).cast(schema)


def _listed(when: Iterable[Spell], made: Iterable[Decision]) -> pa.Table:
    """Return the merges as rows of what was set aside: who is whom, since when, by whose word."""
    reviewers = {
        member: sorted({o.reviewer for o in made if o.decision == SAME and member in o.pair})
        for member in {one.nominal_id for one in when}
    }
    rows = []
    for one in when:
        if one.now_id == one.nominal_id or one.from_on is None:
            continue
        until = f" to {one.to_on}" if one.to_on else ""
        found = Violation(
            "nominal",
            None,
            "nominal_id",
            one.nominal_id,
            RULE,
            f"was decided to be the same person as '{one.now_id}'",
            "Decide 'different' to part them again.",
            HANDLED,
            f"Counts as '{one.now_id}' from {one.from_on}{until}, by"
            f" {', '.join(reviewers[one.nominal_id])}.",
        )
        rows.append({name: getattr(found, name) for name in SET_ASIDE.names})
    return pa.Table.from_pylist(rows, schema=SET_ASIDE)
