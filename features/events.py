"""From canonical records to events of one shape: how each kind of event follows from its tables.

Each function returns an expression; dates of joined records are joined too, so that an event is
known when all its records are, and stands while all of them do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ibis
import ibis.expr.types as ir

from features.taxonomy import MARKS

Tables = Mapping[str, ir.Table]

AMOUNTS = ("harm", "indictable", "summary", "days", "ticks")
"""Integer amounts an event may carry: harm (hundredths of a day), counts, days, ticks."""

RECORD = ("record_table", "record_id", "reference", "status", "detail")
"""Columns that lead from an event back to the record behind it, and say its legal status."""

EVENT = {
    "nominal_id": "string",
    "source": "string",
    "occurred_on": "date",
    "offence_on": "date",
    "known_on": "date",
    "superseded_on": "date",
    "marks": "int64",
    **dict.fromkeys(AMOUNTS, "int64"),
    "who": "string",
    **dict.fromkeys(RECORD, "string"),
}
"""Columns of a history with their Ibis types; `offence_on` is the day of the offence meant."""


def _event(
    table: ir.Table, source: str, marks: Mapping[str, Any], record_table: str, **columns: Any
) -> ir.Table:
    """Give a table the shape of a history: marks packed into bits, missing columns empty."""
    bits: Any = ibis.literal(0, "int64")
    for position, flag in enumerate(marks.values()):
        bits = bits + ibis.ifelse(flag.fill_null(False), 1 << position, 0).cast("int64")
    given = {
        "nominal_id": table.nominal_id,
        "source": ibis.literal(source),
        "occurred_on": table.occurred_on,
        "offence_on": table.occurred_on,
        "known_on": table.known_on,
        "superseded_on": table.superseded_on,
        "marks": bits,
        "record_table": ibis.literal(record_table),
        "record_id": table.record_id,
        **columns,
    }
    return table.select(
        **{
            name: (given[name] if name in given else ibis.null(kind)).cast(kind)
            for name, kind in EVENT.items()
        }
    )


OFFENCE_MARKS = (
    *MARKS,
    "high_harm",
    "indictable",
    "domestic",
    "online",
    "strangulation",
    "weapon",
    "threats_to_kill",
    "separation",
    "child_present",
)
VICTIM_MARKS = ("partner", "former_partner", "family", "acquaintance", "stranger", "domestic")


def _offences(tables: Tables) -> ir.Table:
    """Offences with what their code says; a code the taxonomy lacks has no harm, no marks."""
    offence, codes = tables["offence"], tables["taxonomy"]
    return offence.left_join(codes, offence.offence_code == codes.offence_code).select(
        offence,
        **{name: codes[name] for name in ("description", "harm", "high_harm", *MARKS)},
        indictable=offence.grade == "indictable",
    )


def _together(left: ir.Table, right: ir.Table) -> dict[str, Any]:
    """Dates of two joined records: known when both are, standing while both do."""
    return {
        "known_on": ibis.greatest(left.known_on, right.known_on),
        # LEAST passes over nulls in DuckDB, PostgreSQL and Spark alike
        "superseded_on": ibis.least(left.superseded_on, right.superseded_on),
    }


def involved(role: str, status: str) -> Callable[[Tables], ir.Table]:
    """Offences in which the person has a role, with the marks of the offence's code and record."""

    def build(tables: Tables) -> ir.Table:
        offence, part = _offences(tables), tables["involvement"]
        part = part.filter(part.role == role)
        joined = part.join(offence, part.offence_id == offence.record_id).select(
            nominal_id=part.nominal_id,
            record_id=offence.record_id,
            occurred_on=offence.occurred_on,
            **_together(part, offence),
            **{name: offence[name] for name in (*OFFENCE_MARKS, "harm", "reference")},
            detail=offence.description,
        )
        return _event(
            joined,
            {"suspect": "suspected", "victim": "victimised"}[role],
            {mark: joined[mark] for mark in OFFENCE_MARKS},
            "offence",
            harm=joined.harm,
            reference=joined.reference,
            detail=joined.detail,
            status=ibis.literal(status),
        )

    return build


def complainants(tables: Tables) -> ir.Table:
    """Victims of offences in which the person is named as suspect, one event a victim."""
    offence, part = tables["offence"], tables["involvement"]
    suspect = part.filter(part.role == "suspect")
    victim = part.filter(part.role == "victim").view()
    another = suspect.nominal_id != victim.nominal_id
    pairs = suspect.join(victim, [suspect.offence_id == victim.offence_id, another]).select(
        nominal_id=suspect.nominal_id,
        offence_id=suspect.offence_id,
        who=victim.nominal_id,
        relationship=victim.relationship,
        **_together(suspect, victim),
    )
    joined = pairs.join(offence, pairs.offence_id == offence.record_id).select(
        nominal_id=pairs.nominal_id,
        record_id=offence.record_id,
        occurred_on=offence.occurred_on,
        who=pairs.who,
        relationship=pairs.relationship,
        domestic=offence.domestic,
        reference=offence.reference,
        **_together(pairs, offence),
    )
    marks = {mark: joined.relationship == mark for mark in VICTIM_MARKS[:-1]}
    return _event(
        joined,
        "victims",
        {**marks, "domestic": joined.domestic},
        "offence",
        who=joined.who,
        reference=joined.reference,
        detail=joined.relationship,
        status=ibis.literal("reported, not proven"),
    )


def results(name: str, results: tuple[str, ...], status: str) -> Callable[[Tables], ir.Table]:
    """Outcomes of a kind; the offence lends its marks where the outcome names one that is known."""

    def build(tables: Tables) -> ir.Table:
        outcome, offence = tables["outcome"], _offences(tables)
        outcome = outcome.filter(outcome.result.isin(results))
        plain = outcome.filter(outcome.offence_id.isnull())
        linked = outcome.filter(outcome.offence_id.notnull())
        joined = linked.join(offence, linked.offence_id == offence.record_id).select(
            nominal_id=linked.nominal_id,
            record_id=linked.record_id,
            occurred_on=linked.occurred_on,
            offence_on=offence.occurred_on,
            **_together(linked, offence),
            **{mark: offence[mark] for mark in OFFENCE_MARKS},
            **{mark: linked[f"counts_{mark}"] for mark in ("summary",)},
            counts=linked.counts_indictable,
            harm=offence.harm,
            reference=offence.reference,
            detail=offence.description,
        )
        bare = plain.select(
            nominal_id=plain.nominal_id,
            record_id=plain.record_id,
            occurred_on=plain.occurred_on,
            offence_on=plain.occurred_on,
            known_on=plain.known_on,
            superseded_on=plain.superseded_on,
            **{
                mark: (plain.counts_indictable > 0)
                if mark == "indictable"
                else ibis.null("boolean")
                for mark in OFFENCE_MARKS
            },
            summary=plain.counts_summary,
            counts=plain.counts_indictable,
            harm=ibis.null("int64"),
            reference=ibis.null("string"),
            detail=ibis.null("string"),
        )
        events = joined.union(bare)
        return _event(
            events,
            name,
            {mark: events[mark] for mark in OFFENCE_MARKS},
            "outcome",
            offence_on=events.offence_on,
            harm=events.harm,
            indictable=events.counts,
            summary=events.summary,
            reference=events.reference,
            detail=events.detail,
            status=ibis.literal(status),
        )

    return build


def episodes(
    name: str,
    table: str,
    marks: Callable[[ir.Table], dict[str, Any]],
    *,
    amounts: Callable[[ir.Table], dict[str, Any]] = lambda _: {},
    detail: str,
) -> Callable[[Tables], ir.Table]:
    """Events of an episode table; what happened is a mark, so beginning and end can be told."""

    def build(tables: Tables) -> ir.Table:
        rows = tables[table]
        return _event(
            rows,
            name,
            marks(rows),
            table,
            reference=rows.record_id,
            status=rows.event if "event" in rows.columns else ibis.literal("recorded"),
            detail=rows[detail],
            **amounts(rows),
        )

    return build


def has(column: str, *values: str) -> Callable[[ir.Table], dict[str, Any]]:
    """Marks that say which value a column holds."""
    return lambda rows: {value: rows[column] == value for value in values}


def both(*parts: Callable[[ir.Table], dict[str, Any]]) -> Callable[[ir.Table], dict[str, Any]]:
    """Marks of several kinds together."""
    return lambda rows: {name: flag for part in parts for name, flag in part(rows).items()}


def custody_amounts(rows: ir.Table) -> dict[str, Any]:
    """Counts for which the person was detained, by grade."""
    return {"indictable": rows.counts_indictable, "summary": rows.counts_summary}


def graver_counts(rows: ir.Table) -> dict[str, Any]:
    """Mark of a detention on at least one indictable count."""
    return {"indictable": rows.counts_indictable > 0}


def bail_conditions(rows: ir.Table) -> dict[str, Any]:
    """Marks of bail with and without conditions; neither where that was not recorded."""
    return {
        "with_conditions": rows.conditions == "yes",
        "without_conditions": rows.conditions == "no",
    }
