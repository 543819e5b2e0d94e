"""Taking in the Broward County pack: arrests, charges filed, jail and prison of real people.

What is data about the pack stands in ``broward.yaml``: its columns, its classes of offence, and the
faults it really has, each with what is done about it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from features.adult import ADULT, adult_sql
from features.ingest.folder import listed, refuse, typed
from features.ingest.packs import described, faults, held, no_mapping, open_pack, relate
from features.loads import Load, write_load
from features.reading import Reading, connect

AGE = "age_years"
"""The pack's own word on who is under 18; it decides who gets a row, and is never an input."""


def pack() -> dict[str, Any]:
    """Return what ``broward.yaml`` says about the pack.

    Examples
    --------
    >>> pack()["classes"]["theft"]
    'class/theft'
    """
    return described("broward")


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
    no_mapping("broward", mapping)
    said = pack()
    reading = Reading(source, connect())
    last = data_to or said["data_to"]
    there = open_pack(reading, said, _kind)
    refuse(source, reading.problems)
    notes = [*said["notes"], *_missing(there)]
    facts = {
        "data_to": f"DATE '{last}'",
        "still_inside": f"DATE '{said['still_inside']}'",
        "lag": str(said["filing_lag_days"]),
    }
    _classes(reading.connection)
    found_faults = list(faults(reading, said, facts))
    refuse(source, found_faults, "Name the folder of the whole pack, as it came.")
    relate(reading, _SQL, facts)
    found_faults += held(source, reading, last, set_aside=set_aside)
    rows = _scored(reading.connection)
    labels = [(said["outcome"], rows), (said["screening_outcome"], _screened(reading.connection))]
    return write_load(
        out,
        {name: typed(reading, name) for name in reading.relations},
        kind="broward",
        data_to=last,
        synthetic=False,
        set_aside=listed(found_faults),
        labels=_labels(labels),
        spine=rows,
        notes=notes,
    )


def _missing(there: Mapping[str, set[str]]) -> Iterator[str]:
    """Give a note for each part of the pack that may be missing and is."""
    for name in pack()["optional"]:
        if not there[name]:
            yield f"The pack came without {name}."
        elif name == "t1_units" and pack()["outcome"] not in there[name]:
            yield f"The pack came without labels: t1_units has no {pack()['outcome']}."


def _kind(column: str) -> str:
    return _KINDS.get(column, "BIGINT" if column.startswith("n_") else "VARCHAR")


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
    "screening_date": "DATE",
    "y_violent_2y": "BIGINT",
    "propublica_ok": "BOOLEAN",
    "follow_up_ok": "BOOLEAN",
    AGE: "BIGINT",
}


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
        f" AND {adult_sql('n.born_on')} <= a.arrest_date + 1"
        f" GROUP BY ALL HAVING {' AND '.join(having)} ORDER BY ALL"
    ).to_arrow_table()


def _screened(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return the screenings that the published table keeps and could follow, with their label.

    As for arrests, a row stands on the day after: what is dated on the day itself is known.
    """
    label = pack()["screening_label"]
    there = {row[0] for row in connection.execute("DESCRIBE t2_screenings").fetchall()}
    if not {label, "propublica_ok", "follow_up_ok"} <= there:
        return pa.table({})
    return connection.execute(
        "SELECT person_id AS nominal_id, CAST(screening_date + 1 AS DATE) AS as_of_date,"
        f" max({label}) AS label FROM t2_screenings WHERE propublica_ok AND follow_up_ok"
        " GROUP BY ALL HAVING label IS NOT NULL ORDER BY ALL"
    ).to_arrow_table()


def _labels(by_outcome: list[tuple[str, pa.Table]]) -> pa.Table | None:
    """Return the labels of all outcomes as one table; None where none came."""
    found = [
        rows.append_column("outcome", pa.repeat(pa.scalar(outcome), rows.num_rows))
        for outcome, rows in by_outcome
        if "label" in rows.column_names and rows.num_rows
    ]
    return pa.concat_tables(found) if found else None


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
