"""Sources: the kinds of dated event a history is made of, each an expression over canonical records.

All sources yield one shape, so that a person's whole history is one table: who, when it occurred,
when it was known and superseded, its *marks* as bits of one integer (so that a filter on any
combination of marks costs nothing in the database), integer amounts, and the record it came from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir

from features.records import DISPOSALS, ORDERS
from features.taxonomy import MARKS

Tables = Mapping[str, ir.Table]

AMOUNTS = ("harm", "indictable", "summary", "days", "ticks")
"""Integer amounts an event may carry: harm in hundredths of a day, numbers of counts, days, ticks."""

RECORD = ("record_table", "record_id", "reference", "status", "detail")
"""Columns that lead from an event back to the record behind it, and say its legal status."""

EVENT = {
    "nominal_id": "string",
    "source": "string",
    "occurred_on": "date",
    "known_on": "date",
    "superseded_on": "date",
    "marks": "int64",
    **dict.fromkeys(AMOUNTS, "int64"),
    "who": "string",
    **dict.fromkeys(RECORD, "string"),
}
"""Columns of a history, with their Ibis types."""


@dataclass(frozen=True)
class Source:
    """One kind of event: its name, what it is in words, its marks, and how it follows from records.

    Examples
    --------
    >>> SOURCES["suspected"].bits(("violence", "domestic")) > 0
    True
    """

    name: str
    words: str
    marks: tuple[str, ...]
    build: Callable[[Tables], ir.Table]

    def bits(self, marks: tuple[str, ...]) -> int:
        """Return the marks as one integer; an event has them all when these bits are all set."""
        unknown = [mark for mark in marks if mark not in self.marks]
        if unknown:
            raise KeyError(f"source '{self.name}' has no mark {unknown}; it has {self.marks}")
        return sum(1 << self.marks.index(mark) for mark in marks)


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
    """Offences with what their code says of them; a code the taxonomy lacks has no harm, no marks."""
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


def _involved(role: str, status: str) -> Callable[[Tables], ir.Table]:
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


def _victims(tables: Tables) -> ir.Table:
    offence, part = tables["offence"], tables["involvement"]
    suspect = part.filter(part.role == "suspect")
    victim = part.filter(part.role == "victim").view()
    pairs = suspect.join(victim, suspect.offence_id == victim.offence_id).select(
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


def _results(name: str, results: tuple[str, ...], status: str) -> Callable[[Tables], ir.Table]:
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
            harm=events.harm,
            indictable=events.counts,
            summary=events.summary,
            reference=events.reference,
            detail=events.detail,
            status=ibis.literal(status),
        )

    return build


def _episodes(
    name: str,
    table: str,
    marks: Callable[[ir.Table], dict[str, Any]],
    *,
    amounts: Callable[[ir.Table], dict[str, Any]] = lambda _: {},
    detail: str,
) -> Callable[[Tables], ir.Table]:
    """Events of an episode table; what happened is a mark, so that beginnings and ends can be told."""

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


def _is(column: str, *values: str) -> Callable[[ir.Table], dict[str, Any]]:
    return lambda rows: {value: rows[column] == value for value in values}


def _both(*parts: Callable[[ir.Table], dict[str, Any]]) -> Callable[[ir.Table], dict[str, Any]]:
    return lambda rows: {name: flag for part in parts for name, flag in part(rows).items()}


def _custody_amounts(rows: ir.Table) -> dict[str, Any]:
    return {"indictable": rows.counts_indictable, "summary": rows.counts_summary}


def _graver(rows: ir.Table) -> dict[str, Any]:
    return {"indictable": rows.counts_indictable > 0}


def _bail_conditions(rows: ir.Table) -> dict[str, Any]:
    return {
        "with_conditions": rows.conditions == "yes",
        "without_conditions": rows.conditions == "no",
    }


_DETAINED = ("detained", "disposed")
_BAIL = ("granted", "breached", "ended")
_ORDER = ("made", "breached", "ended")
_PRISON = ("received", "released")
_KINDS = ("prison", "remand")
_GRADES = ("standard", "medium", "high")
_PROGRAMME = ("started", "completed", "left")
_SCHEMES = ("IOM", "MAPPA", "MARAC", "PDP")

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source(
            "suspected",
            "reports naming the person as suspect, not proven",
            OFFENCE_MARKS,
            _involved("suspect", "reported, not proven"),
        ),
        Source(
            "victimised",
            "reports in which the person is the victim",
            OFFENCE_MARKS,
            _involved("victim", "was the victim"),
        ),
        Source("victims", "complainants in reports about the person", VICTIM_MARKS, _victims),
        Source(
            "charged",
            "charges",
            OFFENCE_MARKS,
            _results("charged", ("charged",), "charged, not convicted by this record"),
        ),
        Source(
            "convicted",
            "convictions",
            OFFENCE_MARKS,
            _results("convicted", ("convicted",), "convicted"),
        ),
        Source(
            "diverted",
            "cautions and out-of-court disposals",
            OFFENCE_MARKS,
            _results("diverted", ("cautioned", "out_of_court"), "out of court"),
        ),
        Source(
            "custody",
            "arrests, and how stays in police custody ended",
            (*_DETAINED, *DISPOSALS, "indictable"),
            _episodes(
                "custody",
                "custody",
                _both(_is("event", *_DETAINED), _is("disposal", *DISPOSALS), _graver),
                amounts=_custody_amounts,
                detail="disposal",
            ),
        ),
        Source(
            "bail",
            "pre-charge bail granted, breached, ended",
            (*_BAIL, "with_conditions", "without_conditions"),
            _episodes(
                "bail", "bail", _both(_is("event", *_BAIL), _bail_conditions), detail="conditions"
            ),
        ),
        Source(
            "orders",
            "protective orders made, breached, ended",
            (*_ORDER, *ORDERS),
            _episodes(
                "orders",
                "protective_order",
                _both(_is("event", *_ORDER), _is("kind", *ORDERS)),
                detail="kind",
            ),
        ),
        Source(
            "imprisonment",
            "receptions into prison and releases",
            (*_PRISON, *_KINDS),
            _episodes(
                "imprisonment",
                "imprisonment",
                _both(_is("event", *_PRISON), _is("kind", *_KINDS)),
                amounts=lambda rows: {"days": rows.days_served},
                detail="kind",
            ),
        ),
        Source(
            "assessed",
            "graded assessments of the person as perpetrator",
            _GRADES,
            _episodes(
                "assessed",
                "risk_assessment",
                _is("grade", *_GRADES),
                amounts=lambda rows: {"ticks": rows.ticks},
                detail="grade",
            ),
        ),
        Source(
            "programme",
            "behaviour programmes begun, completed, left",
            _PROGRAMME,
            _episodes("programme", "programme", _is("event", *_PROGRAMME), detail="name"),
        ),
        Source(
            "management",
            "management status opened or closed",
            ("opened", "closed", *_SCHEMES),
            _episodes(
                "management",
                "management",
                _both(_is("event", "opened", "closed"), _is("scheme", *_SCHEMES)),
                detail="scheme",
            ),
        ),
        Source(
            "wanted",
            "wanted markers circulated or cancelled",
            ("circulated", "cancelled"),
            _episodes(
                "wanted", "wanted", _is("event", "circulated", "cancelled"), detail="reason"
            ),
        ),
    )
}
"""All sources by name. Own victimisation, management and wanted markers are context, never inputs."""

CONTEXT = frozenset({"victimised", "management", "wanted"})
"""Sources that no model input may use: they measure victimhood and police attention."""


def history(tables: Tables) -> ir.Table:
    """Return the expression for everybody's history: all sources, one row an event and version.

    Examples
    --------
    >>> from features.records import TABLES
    >>> import ibis
    >>> from features.taxonomy import taxonomy
    >>> tables = {name: ibis.table(t.schema(), name=name) for name, t in TABLES.items()}
    >>> tables["taxonomy"] = ibis.memtable(taxonomy())
    >>> history(tables).columns[:3]
    ('nominal_id', 'source', 'occurred_on')
    """
    return ibis.union(*(source.build(tables) for source in SOURCES.values()), distinct=False)
