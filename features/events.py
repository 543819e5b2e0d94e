"""From canonical records to events of one shape: how each kind of event follows from its tables.

Each function returns an expression; dates of joined records are joined too, so that an event is
known when all its records are, and stands while all of them do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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


def _packed(flags: Iterable[Any], first: int = 0) -> Any:
    """Pack marks into the bits of one integer, from a position on; an unknown mark is not set."""
    bits: Any = ibis.literal(0, "int64")
    for position, flag in enumerate(flags, first):
        bits = bits + ibis.ifelse(flag.fill_null(False), 1 << position, 0).cast("int64")
    return bits


def _event(table: ir.Table, source: str, marks: Any, record_table: str, **columns: Any) -> ir.Table:
    """Give a table the shape of a history; columns that are missing are empty."""
    given = {
        "nominal_id": table.nominal_id,
        "source": ibis.literal(source),
        "occurred_on": table.occurred_on,
        "offence_on": table.occurred_on,
        "known_on": table.known_on,
        "superseded_on": table.superseded_on,
        "marks": marks,
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


_CODED = (*MARKS, "high_harm")
_RECORDED = (
    "domestic",
    "online",
    "strangulation",
    "weapon",
    "threats_to_kill",
    "separation",
    "child_present",
    "following",
    "unwanted_contact",
)
OFFENCE_MARKS = (*_CODED, "indictable", *_RECORDED)
"""Marks of an offence: by its code, by its grade, and as reported."""

RELATIONS = ("partner", "former_partner", "family", "acquaintance", "stranger")
VICTIM_MARKS = (*RELATIONS, "domestic", "child_present")
COMPANY_MARKS = ("high_harm", "violence")


def _offences(tables: Tables) -> ir.Table:
    """Offences with their marks and what their code says; an unknown code has no harm, no marks.

    Marks are packed here, before anything is joined: an offence is one number wide, not thirty.
    """
    offence, codes = tables["offence"], tables["taxonomy"]
    own = [offence.grade == "indictable", *(offence[name] for name in _RECORDED)]
    codes = codes.select(
        "offence_code",
        "description",
        "harm",
        *COMPANY_MARKS,
        of_code=_packed(codes[name] for name in _CODED),
    )
    return offence.left_join(codes, offence.offence_code == codes.offence_code).select(
        *(offence[name] for name in ("record_id", "reference", "occurred_on")),
        *(offence[name] for name in ("known_on", "superseded_on")),
        *(codes[name] for name in ("description", "harm", *COMPANY_MARKS)),
        marks=codes.of_code.fill_null(0) + _packed(own, len(_CODED)),
    )


def _together(*joined: ir.Table) -> dict[str, Any]:
    """Dates of joined records: known when all are, standing while all do."""
    return {
        "known_on": ibis.greatest(*(record.known_on for record in joined)),
        # LEAST passes over nulls in DuckDB, PostgreSQL and Spark alike
        "superseded_on": ibis.least(*(record.superseded_on for record in joined)),
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
            **{name: offence[name] for name in ("marks", "harm", "reference")},
            detail=offence.description,
        )
        return _event(
            joined,
            {"suspect": "suspected", "victim": "victimised"}[role],
            joined.marks,
            "offence",
            harm=joined.harm,
            reference=joined.reference,
            detail=joined.detail,
            status=ibis.literal(status),
        )

    return build


def _suspects_beside(tables: Tables, role: str, *told: str) -> ir.Table:
    """Suspects of an offence, each with every other person who has a role in it."""
    part = tables["involvement"]
    suspect, other = part.filter(part.role == "suspect"), part.filter(part.role == role).view()
    another = suspect.nominal_id != other.nominal_id
    return suspect.join(other, [suspect.offence_id == other.offence_id, another]).select(
        nominal_id=suspect.nominal_id,
        offence_id=suspect.offence_id,
        who=other.nominal_id,
        **{name: other[name] for name in told},
        **_together(suspect, other),
    )


def complainants(tables: Tables) -> ir.Table:
    """Victims of offences in which the person is named as suspect, one event a victim."""
    offence, pairs = tables["offence"], _suspects_beside(tables, "victim", "relationship")
    joined = pairs.join(offence, pairs.offence_id == offence.record_id).select(
        nominal_id=pairs.nominal_id,
        record_id=offence.record_id,
        occurred_on=offence.occurred_on,
        who=pairs.who,
        relationship=pairs.relationship,
        domestic=offence.domestic,
        child_present=offence.child_present,
        reference=offence.reference,
        **_together(pairs, offence),
    )
    flags = [joined.relationship == mark for mark in RELATIONS]
    flags += [joined[mark] for mark in VICTIM_MARKS[len(RELATIONS) :]]
    return _event(
        joined,
        "victims",
        _packed(flags),
        "offence",
        who=joined.who,
        reference=joined.reference,
        detail=joined.relationship,
        status=ibis.literal("reported, not proven"),
    )


def company(tables: Tables) -> ir.Table:
    """Offences of people who were once named as suspects together with the person."""
    shared, offence = tables["offence"], _offences(tables)
    pairs = _suspects_beside(tables, "suspect")
    later = tables["involvement"].filter(tables["involvement"].role == "suspect").view()
    known = pairs.join(shared, pairs.offence_id == shared.record_id).select(
        nominal_id=pairs.nominal_id, who=pairs.who, **_together(pairs, shared)
    )
    # named together in several offences: of those that end together the one known first is enough,
    # for nothing is made of the company's offences but different persons and the gravest harm
    ties = known.group_by("nominal_id", "who", "superseded_on").agg(known_on=known.known_on.min())
    named = ties.join(later, ties.who == later.nominal_id).select(
        nominal_id=ties.nominal_id,
        who=ties.who,
        offence_id=later.offence_id,
        **_together(ties, later),
    )
    joined = named.join(offence, named.offence_id == offence.record_id).select(
        nominal_id=named.nominal_id,
        record_id=offence.record_id,
        occurred_on=offence.occurred_on,
        who=named.who,
        **{name: offence[name] for name in (*COMPANY_MARKS, "harm", "reference")},
        detail=offence.description,
        **_together(named, offence),
    )
    return _event(
        joined,
        "co_offenders",
        _packed(joined[mark] for mark in COMPANY_MARKS),
        "offence",
        harm=joined.harm,
        who=joined.who,
        reference=joined.reference,
        detail=joined.detail,
        status=ibis.literal("reported of somebody else, not proven"),
    )


_OF_OUTCOME = ("nominal_id", "record_id", "occurred_on", "counts_indictable", "counts_summary")


def results(name: str, results: tuple[str, ...], status: str) -> Callable[[Tables], ir.Table]:
    """Outcomes of a kind; the offence lends its marks where the outcome names one that is known."""

    def build(tables: Tables) -> ir.Table:
        outcome, offence = tables["outcome"], _offences(tables)
        outcome = outcome.filter(outcome.result.isin(results))
        plain = outcome.filter(outcome.offence_id.isnull())
        linked = outcome.filter(outcome.offence_id.notnull())
        joined = linked.join(offence, linked.offence_id == offence.record_id).select(
            *(linked[name] for name in _OF_OUTCOME),
            offence_on=offence.occurred_on,
            **_together(linked, offence),
            **{name: offence[name] for name in ("marks", "harm", "reference")},
            detail=offence.description,
        )
        indictable = 1 << OFFENCE_MARKS.index("indictable")
        bare = plain.select(
            *(plain[name] for name in _OF_OUTCOME),
            offence_on=plain.occurred_on,
            known_on=plain.known_on,
            superseded_on=plain.superseded_on,
            marks=ibis.ifelse(plain.counts_indictable > 0, indictable, 0).cast("int64"),
            harm=ibis.null("int64"),
            reference=ibis.null("string"),
            detail=ibis.null("string"),
        )
        events = joined.union(bare)
        return _event(
            events,
            name,
            events.marks,
            "outcome",
            offence_on=events.offence_on,
            harm=events.harm,
            indictable=events.counts_indictable,
            summary=events.counts_summary,
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
            _packed(marks(rows).values()),
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
