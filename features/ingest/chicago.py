"""Taking in the Chicago pack: complaints about police staff, with incident, complaint and closure.

It serves to try records that arrive late. Nobody in it is an offender: the canonical columns say of
a person only that a complaint names them. What is data about the pack stands in ``chicago.yaml``.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa

from features.ingest.folder import listed, refuse, typed
from features.ingest.packs import Said, described, faults, held, no_mapping, open_pack, relate
from features.loads import Load, write_load
from features.reading import Reading, connect
from features.sql import day


def ingest_chicago(
    source: Path,
    out: Path,
    *,
    mapping: Path | None = None,
    data_to: date | None = None,
    set_aside: bool = False,
) -> Load:
    """Take in the pack; see :func:`features.ingest.ingest`.

    It comes without labels and without rows to score: both follow from the records, since every
    complaint is one.
    """
    no_mapping("chicago", mapping)
    said = described("chicago")
    reading = Reading(source, connect())
    last = data_to or said["data_to"]
    open_pack(reading, said, _kind)
    refuse(source, reading.problems)
    facts = {"data_to": day(last), "junk_complaints": str(said["junk_complaints"])}
    _listed(reading, said)
    found_faults = list(faults(reading, said, facts))
    refuse(source, found_faults, "Name the folder of the whole pack, as it came.")
    relate(reading, _SQL, facts)
    found_faults += held(source, reading, last, set_aside=set_aside)
    return write_load(
        out,
        {name: typed(reading, name) for name in reading.relations},
        kind="chicago",
        data_to=last,
        synthetic=False,
        set_aside=listed(found_faults),
        notes=said["notes"],
    )


def _kind(column: str) -> str:
    if column.endswith("_date"):
        return "DATE"
    return {"birth_year": "INTEGER", "beat": "INTEGER"}.get(column, "VARCHAR")


def _listed(reading: Reading, said: Said) -> None:
    """Put the pack's categories and findings into tables."""
    categories = [
        {"category": name, "code": code, "domestic": name in said["domestic"]}
        for name, code in {**said["categories"], "": said["without_category"]}.items()
    ]
    findings = [
        {"finding": name, "result": result}
        for name, result in {**said["findings"], "": said["without_finding"]}.items()
    ]
    reading.connection.register("categories", pa.Table.from_pylist(categories))
    reading.connection.register("findings", pa.Table.from_pylist(findings))


_SQL = {
    # one row a person, complaint and category, with the gravest finding
    "named": """
        SELECT e.accused_id, e.cr_id,
            e.cr_id || '/' || coalesce(nullif(trim(e.allegation_category), ''), 'none')
                AS record_id,
            any_value(coalesce(k.code, other.code)) AS code,
            any_value(coalesce(k.domestic, false)) AS domestic,
            CASE WHEN bool_or(f.result = 'out_of_court') THEN 'out_of_court'
                ELSE max(f.result) END AS result,
            min(e._row) AS _row
        FROM accused_events e
        LEFT JOIN categories k ON k.category = trim(e.allegation_category) AND k.category <> ''
        CROSS JOIN (SELECT code FROM categories WHERE category = '') other
        LEFT JOIN findings f ON f.finding = coalesce(lower(trim(e.final_finding)), '')
        GROUP BY ALL
    """,
    "nominal": """
        SELECT min(e._row) AS _row, accused_id AS record_id, accused_id AS nominal_id,
            make_date(max(birth_year), 1, 1) AS born_on, max(gender) AS sex,
            max(race) AS ethnicity, min(complaint_date) AS known_on
        FROM accused_events e JOIN complaints USING (cr_id) GROUP BY accused_id
    """,
    "offence": """
        SELECT min(n._row) AS _row, n.record_id, n.cr_id AS reference,
            any_value(n.code) AS offence_code, any_value(n.domestic) AS domestic,
            CAST(any_value(c.beat) AS VARCHAR) AS area, any_value(c.incident_date) AS occurred_on,
            any_value(c.complaint_date) AS known_on
        FROM named n JOIN complaints c USING (cr_id) GROUP BY n.record_id, n.cr_id
    """,
    "involvement": """
        SELECT n._row, n.record_id || '/' || n.accused_id AS record_id, n.record_id AS offence_id,
            n.accused_id AS nominal_id, 'suspect' AS role, c.incident_date AS occurred_on,
            c.complaint_date AS known_on
        FROM named n JOIN complaints c USING (cr_id)
    """,
    "outcome": """
        SELECT n._row, n.record_id || '/' || n.accused_id || '/closed' AS record_id,
            n.accused_id AS nominal_id, n.record_id AS offence_id,
            n.result,
            c.closed_date AS occurred_on, c.closed_date AS known_on
        FROM named n JOIN complaints c USING (cr_id)
        WHERE c.closed_date IS NOT NULL AND n.result IS NOT NULL
    """,
}
