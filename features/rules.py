"""The rules that canonical records must keep, each declared once, with what to do about a breach.

The same rules serve the check of a folder, the check of a load and the intake of records, so that
what is refused at the door and what is found later can never differ.
"""

from __future__ import annotations

from features.breaches import (
    ERROR,
    WARNING,
    Rule,
    ambiguous_date,
    each,
    episode,
    of,
    outside_values,
    overlaps,
    references,
    same_key,
    wrong_type,
)
from features.sql import day

RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        # about folders and files
        Rule("empty_folder", ERROR, "holds no canonical table", "Name each file after its table."),
        Rule("missing_table", ERROR, "is missing", "Add {file}.parquet or {file}.csv."),
        Rule("no_rows", ERROR, "has no rows", "Add the people the records are about."),
        Rule("unreadable", ERROR, "cannot be read: {why}", "Write the file again."),
        Rule("table_twice", ERROR, "is there more than once", "Leave one file of each table."),
        Rule(
            "missing_column",
            ERROR,
            "is missing",
            "Add the column, or name in the mapping the one that holds it.",
        ),
        Rule("unused_file", WARNING, "is no canonical table", "Rename or map it; it is not used."),
        Rule("unused_column", WARNING, "is no column of ours", "Rename or map it; it is not used."),
        Rule("file_changed", ERROR, "differs from load.json", "Ingest the source again."),
        # about one row
        Rule(
            "empty",
            ERROR,
            "is empty",
            "Fill it in, or leave the row out.",
            each(lambda c: not c.empty, lambda r, c: f"{r.text(c)} IS NULL"),
        ),
        Rule("wrong_type", ERROR, "is no {type}", "Correct the value.", wrong_type),
        Rule(
            "ambiguous_date",
            ERROR,
            "can be read as more than one date",
            "State its date_format in the mapping, or write year-month-day.",
            ambiguous_date,
        ),
        Rule("value", ERROR, "is none of {values}", "Use one of these values.", outside_values),
        Rule(
            "future",
            ERROR,
            "lies in the future",
            "Correct the date.",
            lambda r, a: {
                c.name: f'"{c.name}" > {day(a.today)}'
                for c in r.columns()
                if c.type == "date" and c.name != "expires_on"
            },
        ),
        Rule(
            "before_1900",
            ERROR,
            "lies before 1900",
            "Correct the date, or leave it empty where nobody knows.",
            each(lambda c: c.type == "date", lambda _, c: f"\"{c}\" < DATE '1900-01-01'"),
        ),
        Rule(
            "after_data_to",
            ERROR,
            "lies after the last day of the records",
            "State a later last day, or leave the row out.",
            lambda r, a: {
                c.name: f'"{c.name}" > {day(a.data_to)} AND "{c.name}" <= {day(a.today)}'
                for c in r.columns()
                if c.name in ("known_on", "superseded_on")
            },
        ),
        Rule(
            "known_before_it_occurred",
            ERROR,
            "lies before occurred_on",
            "Correct one of the two dates.",
            of("known_on", "known_on < occurred_on"),
        ),
        Rule(
            "superseded_before_known",
            ERROR,
            "does not lie after known_on",
            "Correct one of the two dates.",
            of("superseded_on", "superseded_on <= known_on"),
        ),
        Rule(
            "negative",
            ERROR,
            "is less than zero",
            "Correct the number.",
            each(lambda c: c.type == "int64", lambda _, c: f'"{c}" < 0'),
        ),
        Rule(
            "born_after_known",
            ERROR,
            "lies after the day the person became known",
            "Correct the date of birth.",
            of("born_on", "born_on > known_on"),
        ),
        Rule(
            "age_over_110",
            ERROR,
            "makes the person older than 110",
            "Correct the date of birth, or leave it empty.",
            of("born_on", "born_on < {data_to} - INTERVAL 110 YEAR AND born_on >= '1900-01-01'"),
        ),
        Rule(
            "nominal_differs",
            ERROR,
            "differs from record_id",
            "In this table both are the person.",
            lambda r, a: (
                of("nominal_id", "nominal_id <> record_id")(r, a)
                if r.contract.name == "nominal"
                else {}
            ),
        ),
        # about rows together
        Rule("key", ERROR, "is there twice on one known_on", "Leave the right row only.", same_key),
        Rule(
            "two_versions_at_once",
            ERROR,
            "outlasts the record's next version",
            "End the old version on the day the new one became known.",
            of(
                "superseded_on",
                "_row IN (SELECT _row FROM (SELECT _row, known_on, superseded_on, lead(known_on)"
                " OVER (PARTITION BY record_id ORDER BY known_on) AS next FROM {table} WHERE"
                " record_id IN (SELECT record_id FROM {table} GROUP BY 1 HAVING count(*) > 1))"
                " WHERE next > known_on AND (superseded_on IS NULL OR superseded_on > next))",
            ),
        ),
        Rule(
            "unknown_reference",
            ERROR,
            "is nobody and nothing in table {refers_to}",
            "Add the record it refers to, or leave the row out.",
            references(late=False),
        ),
        Rule(
            "late_reference",
            WARNING,
            "refers to a record of table {refers_to} that became known later",
            "It counts from the day both are known.",
            references(late=True),
        ),
        Rule(
            "ends_before_it_begins",
            ERROR,
            "lies before the episode's beginning",
            "Correct one of the two dates.",
            episode(
                "event <> '$event' AND occurred_on < (SELECT b.occurred_on FROM ($begun) b"
                " WHERE b.episode_id = {table}.episode_id)"
            ),
        ),
        Rule(
            "no_beginning",
            WARNING,
            "has an end and no beginning",
            "Add the row that began it, if the source has one.",
            episode("event <> '$event' AND episode_id NOT IN (SELECT episode_id FROM ($begun))"),
        ),
        Rule(
            "overlapping_stay",
            WARNING,
            "lies before the end of an earlier stay of the same kind",
            "Correct the dates; both stays are used as they are.",
            lambda r, a: overlaps() if r.contract.name == "imprisonment" else {},
        ),
        Rule(
            "unknown_code",
            WARNING,
            "is no offence code of the taxonomy",
            "Write it as the Home Office's list of offences does, such as 008/01; as it is, the"
            " offence has no harm and no marks.",
            of("offence_code", "offence_code NOT IN (SELECT offence_code FROM taxonomy)"),
        ),
    )
}
"""All rules by name."""
