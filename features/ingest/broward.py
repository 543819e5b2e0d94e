"""Taking in the Broward County pack: arrests, charges filed, jail and prison of real people.

What is data about the pack stands in ``broward.yaml``: its columns, its classes of offence, and the
faults it really has, each with what is done about it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import duckdb
import pyarrow as pa
import yaml

from features.adult import ADULT
from features.breaches import ERROR, HANDLED, Asked, Relation, Violation
from features.check import broken
from features.errors import UsageError
from features.ingest.folder import leave_out, listed, refuse, typed
from features.loads import Load, write_load
from features.reading import Reading, connect
from features.records import TABLES
from features.rules import RULES

AGE = "age_years"
"""The pack's own word on who is under 18; it decides who gets a row, and is never an input."""


@lru_cache(maxsize=1)
def pack() -> dict[str, Any]:
    """Return what ``broward.yaml`` says about the pack.

    Examples
    --------
    >>> pack()["classes"]["theft"]
    'class/theft'
    """
    text = (files("features.ingest") / "broward.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


def ingest_broward(
    source: Path,
    out: Path,
    *,
    mapping: Path | None = None,
    data_to: date | None = None,
    set_aside: bool = False,
) -> Load:
    """Take in the pack; see :func:`features.ingest.ingest`.

    Persons and arrests must be there and whole. Filings, jail, prison and units may be missing:
    what they would have given is missing then too, and the load's notes say so.
    """
    if mapping is not None:
        raise UsageError(
            "a source of kind 'broward' takes no mapping", remedy="Leave it out; it has its own."
        )
    said = pack()
    reading = Reading(source, connect())
    last = data_to or said["data_to"]
    notes = [*said["notes"], *_open(reading)]
    refuse(source, reading.problems)
    facts = {
        "data_to": f"DATE '{last}'",
        "still_inside": f"DATE '{said['still_inside']}'",
        "lag": str(said["filing_lag_days"]),
    }
    _classes(reading.connection)
    faults = list(_faults(reading, facts))
    refuse(source, faults, "Name the folder of the whole pack, as it came.")
    for name, sql in _SQL.items():
        reading.connection.execute(f"CREATE TABLE {name} AS {Template(sql).substitute(facts)}")
        if name in TABLES:
            absent = _absent(reading.connection, name)
            reading.relations[name] = Relation(TABLES[name], absent=absent)
    asked = Asked(reading.relations, date.today(), last)
    found = broken(reading, asked)
    if set_aside:
        aside, found = leave_out(reading, asked, found)
        faults += aside
    refuse(source, found)
    rows = _scored(reading.connection)
    labelled = "label" in rows.column_names and rows.num_rows > 0
    outcome = pa.repeat(pa.scalar(said["outcome"]), rows.num_rows)
    return write_load(
        out,
        {name: typed(reading, name) for name in reading.relations},
        kind="broward",
        data_to=last,
        synthetic=False,
        set_aside=listed(faults),
        labels=rows.append_column("outcome", outcome) if labelled else None,
        spine=rows,
        notes=notes,
    )


def _open(reading: Reading) -> Iterator[str]:
    """Open the pack's files; give a note for each that may be missing and is."""
    required, optional = pack()["required"], pack()["optional"]
    for name, columns in {**required, **optional}.items():
        file = reading.path / f"{name}.parquet"
        there = file.is_file()
        if not there and name in required:
            reading.problems.append(RULES["missing_table"].violation(name, file=name))
            continue
        held = _columns(reading, name, file) if there else {}
        missing = [column for column in columns if column not in held]
        if there and missing and held:
            for column in missing:
                reading.problems.append(RULES["missing_column"].violation(name, None, column))
            continue
        label = pack()["outcome"]
        wanted = [*columns, *(column for column in (label, AGE) if column in held)]
        kinds = {c: _KINDS.get(c, "BIGINT" if c.startswith("n_") else "VARCHAR") for c in wanted}
        fields = ", ".join(f'CAST("{c}" AS {kinds[c]}) AS "{c}"' for c in wanted)
        nothing = ", ".join(f'CAST(NULL AS {kinds[c]}) AS "{c}"' for c in wanted)
        quoted = str(file).replace("'", "''")
        sql = (
            f"SELECT file_row_number + 1 AS _row, {fields}"
            f" FROM read_parquet('{quoted}', file_row_number = true)"
            if there
            else f"SELECT CAST(NULL AS BIGINT) AS _row, {nothing} LIMIT 0"
        )
        try:
            reading.connection.execute(f"CREATE TABLE {name} AS {sql}")
        except duckdb.Error as error:
            reading.problems.append(_unreadable(name, file, error))
        if not there:
            yield f"The pack came without {name}."
        elif name == "t1_units" and label not in held:
            yield f"The pack came without labels: t1_units has no {label}."


_KINDS = {
    "birth_month": "DATE",
    "arrest_date": "DATE",
    "date_hi": "DATE",
    "filed_date": "DATE",
    "in_custody": "DATE",
    "out_custody": "DATE",
    "as_of": "DATE",
    "high_harm": "BIGINT",
    "filing_index": "BIGINT",
    "felony_charge_1y": "BIGINT",
    AGE: "BIGINT",
}


def _unreadable(name: str, file: Path, error: Exception) -> Violation:
    why = str(error).strip().splitlines()[0]
    return RULES["unreadable"].violation(name, value=file.name, why=why)


def _columns(reading: Reading, name: str, file: Path) -> Mapping[str, str]:
    try:
        return dict(
            reading.connection.execute(
                "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet($1))",
                [str(file)],
            ).fetchall()
        )
    except duckdb.Error as error:
        reading.problems.append(_unreadable(name, file, error))
        return {}


def _classes(connection: duckdb.DuckDBPyConnection) -> None:
    """Put the classes of the pack, and those of each arrest, into tables."""
    said = pack()
    rows = [
        {
            "class": name,
            "code": code,
            "high_code": f"{code}_high" if name in said["high_harm_classes"] else code,
        }
        for name, code in {**said["classes"], "": said["without_class"]}.items()
    ]
    connection.register("classes", pa.Table.from_pylist(rows))
    implied = [{"class": a, "implied": b} for a, b in said["implies"].items()]
    connection.register("implies", pa.Table.from_pylist(implied))
    connection.execute(
        "CREATE TABLE arrest_classes AS SELECT DISTINCT _row, arrest_id, trim(class) AS class"
        " FROM (SELECT _row, arrest_id,"
        " unnest(string_split(coalesce(offence_classes, ''), ';')) AS class FROM arrests)"
    )


def _faults(reading: Reading, facts: Mapping[str, str]) -> Iterator[Violation]:
    """Find the pack's faults row by row, and then give each its effect."""
    found: list[tuple[dict[str, Any], str, str, int, str]] = []
    for fault in pack()["faults"]:
        for table, column in fault["tables"].items():
            when = fault["when"].replace("{table}", table).replace("{column}", column)
            rows = reading.connection.execute(
                f'SELECT _row, CAST("{column}" AS VARCHAR) FROM {table}'
                f" WHERE {Template(when).substitute(facts)} ORDER BY _row"
            ).fetchall()
            found += [(fault, table, column, row, value or "") for row, value in rows]
    dropped = {(table, row) for fault, table, _, row, _ in found if fault["effect"] == "drop"}
    unended: set[tuple[str, int]] = set()
    for fault, table, column, row, value in found:
        # of a row that is not used, nothing else needs to be said
        if (table, row) in dropped and fault["effect"] in ("keep", "no_release"):
            continue
        if fault["effect"] == "no_release":
            unended.add((table, row))
        severity = ERROR if fault["effect"] == "refuse" else HANDLED
        words = fault["rule"], fault["problem"], fault["remedy"], severity, fault.get("done", "")
        yield Violation(table, row, column, value, *words)
    ended = "UPDATE {table} SET out_custody = NULL"
    for places, change in ((dropped, "DELETE FROM {table}"), (unended, ended)):
        for table in sorted({name for name, _ in places}):
            numbers = sorted(row for name, row in places if name == table)
            sql = change.format(table=table) + " WHERE _row IN (SELECT unnest($1))"
            reading.connection.execute(sql, [numbers])


def _absent(connection: duckdb.DuckDBPyConnection, name: str) -> frozenset[str]:
    """Fill the columns the pack says nothing of, and return their names."""
    held = {row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall()}
    lacking = [c for c in TABLES[name].columns if c.name not in held and c.name != "load"]
    for column in lacking:
        kind = {"string": "VARCHAR", "int64": "BIGINT"}.get(column.type, column.type)
        connection.execute(f'ALTER TABLE {name} ADD COLUMN "{column.name}" {kind}')
    return frozenset(column.name for column in lacking)


def _scored(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return a row for each adult and day of a dated arrest, with the day's label if it has one."""
    units = {row[0] for row in connection.execute("DESCRIBE t1_units").fetchall()}
    label = pack()["outcome"]
    value, having = "", ["true"]
    if label in units:
        value = f", max(u.{label}) AS label"
        having.append("label IS NOT NULL")
    if AGE in units:  # told from the day of birth, of which the pack gives only the month
        having.append(f"coalesce(min(u.{AGE}), {ADULT}) >= {ADULT}")
    return connection.execute(
        f"SELECT a.person_id AS nominal_id, CAST(a.arrest_date + 1 AS DATE) AS as_of_date{value}"
        " FROM arrested a JOIN nominal n ON n.nominal_id = a.person_id"
        " LEFT JOIN t1_units u USING (arrest_id)"
        " WHERE a.date_quality <> 'age_only'"
        f" AND n.born_on + INTERVAL {ADULT} YEAR <= a.arrest_date + 1"
        f" GROUP BY ALL HAVING {' AND '.join(having)} ORDER BY ALL"
    ).to_arrow_table()


_STAY = """
    SELECT person_id || '/{kind}/' || in_custody || '/' || row_number() OVER (
        PARTITION BY person_id, in_custody ORDER BY out_custody NULLS LAST, _row) AS episode_id,
        person_id AS nominal_id, '{kind}' AS kind, in_custody, out_custody
    FROM {table}
"""

_SQL = {
    "arrested": """
        SELECT *, CASE date_quality WHEN 'age_only' THEN date_hi ELSE arrest_date END AS known_on
        FROM arrests
    """,
    "followed": """
        SELECT c._row, min(a.known_on) AS seen_on
        FROM charge_filings c
        JOIN arrested a ON a.person_id = c.person_id AND a.arrest_date > c.filed_date
        GROUP BY c._row
    """,
    "filed": """
        SELECT *, greatest(
            filed_date + CASE date_quality WHEN 'age_only' THEN $lag ELSE 0 END,
            coalesce(seen_on, $data_to)) AS known_on
        FROM charge_filings LEFT JOIN followed USING (_row)
    """,
    "stays": f"""
        {_STAY.format(kind="remand", table="jail_stays")}
        UNION ALL {_STAY.format(kind="prison", table="prison_terms")}
    """,
    "first_known": """
        SELECT person_id, min(known_on) AS known_on FROM (
            SELECT person_id, known_on FROM arrested
            UNION ALL SELECT person_id, known_on FROM filed
            UNION ALL SELECT nominal_id, in_custody FROM stays)
        GROUP BY person_id
    """,
    "nominal": """
        SELECT row_number() OVER (ORDER BY person_id) AS _row,
            person_id AS record_id, person_id AS nominal_id,
            CAST(date_trunc('month', birth_month) AS DATE) AS born_on, sex, race AS ethnicity,
            coalesce(known_on, $data_to) AS known_on
        FROM persons LEFT JOIN first_known USING (person_id)
    """,
    "classed": """
        SELECT a.arrest_id, a.class, coalesce(c.code, 'class/other') AS code,
            coalesce(c.high_code, 'class/other') AS high_code
        FROM arrest_classes a LEFT JOIN classes c USING (class)
        WHERE NOT EXISTS (FROM implies i JOIN arrest_classes b ON b.class = i.class
            WHERE b.arrest_id = a.arrest_id AND i.implied = a.class)
        AND (a.class <> 'domestic' OR a.arrest_id IN (
            SELECT arrest_id FROM arrest_classes GROUP BY 1 HAVING count(*) = 1))
    """,
    "offence": """
        SELECT row_number() OVER (ORDER BY arrest_id, class) AS _row,
            arrest_id || '/' || CASE class WHEN '' THEN 'other' ELSE class END AS record_id,
            arrest_id AS reference,
            CASE high_harm WHEN 1 THEN high_code ELSE code END AS offence_code,
            CASE WHEN n_felony_arrest_rows > 0 THEN 'indictable'
                WHEN n_misd_arrest_rows > 0 THEN 'summary' ELSE 'other' END AS grade,
            arrest_id IN (SELECT arrest_id FROM arrest_classes WHERE class = 'domestic')
                AS domestic,
            arrest_date AS occurred_on, known_on
        FROM arrested JOIN classed USING (arrest_id)
    """,
    "involvement": """
        SELECT o._row, o.record_id || '/suspect' AS record_id, o.record_id AS offence_id,
            a.person_id AS nominal_id, 'suspect' AS role, o.occurred_on, o.known_on
        FROM offence o JOIN arrested a ON a.arrest_id = o.reference
    """,
    "custody": """
        SELECT row_number() OVER (ORDER BY arrest_id) AS _row, arrest_id AS record_id,
            person_id AS nominal_id, arrest_id AS episode_id, 'detained' AS event,
            n_felony_arrest_rows AS counts_indictable, n_misd_arrest_rows AS counts_summary,
            n_other_arrest_rows AS counts_other, arrest_date AS occurred_on, known_on
        FROM arrested
    """,
    "outcome": """
        SELECT row_number() OVER (ORDER BY person_id, filing_index) AS _row,
            person_id || '/filing/' || filing_index AS record_id, person_id AS nominal_id,
            'charged' AS result, n_felony AS counts_indictable, n_misdemeanor AS counts_summary,
            n_other AS counts_other, filed_date AS occurred_on, known_on
        FROM filed
    """,
    "imprisonment": """
        SELECT row_number() OVER (ORDER BY record_id) AS _row, * FROM (
            SELECT episode_id || '/received' AS record_id, nominal_id, episode_id,
                'received' AS event, kind, CAST(NULL AS BIGINT) AS days_served,
                in_custody AS occurred_on, in_custody AS known_on
            FROM stays
            UNION ALL SELECT episode_id || '/released', nominal_id, episode_id, 'released', kind,
                out_custody - in_custody, out_custody, out_custody
            FROM stays WHERE out_custody IS NOT NULL)
    """,
}
