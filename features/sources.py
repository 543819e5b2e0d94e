"""Sources: the kinds of dated event a history is made of, and the marks by which they are told.

All sources yield one shape, so that a person's whole history is one table: who, when it occurred,
when it was known and superseded, its *marks* as bits of one integer (so that a filter on any
combination of marks costs nothing in the database), integer amounts, and the record it came from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import ibis.expr.types as ir

from features.events import (
    COMPANY_MARKS,
    OFFENCE_MARKS,
    VICTIM_MARKS,
    Tables,
    bail_conditions,
    both,
    company,
    complainants,
    custody_amounts,
    episodes,
    graver_counts,
    has,
    involved,
    results,
)
from features.records import DISPOSALS, ORDERS


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
            involved("suspect", "reported, not proven"),
        ),
        Source(
            "victimised",
            "reports in which the person is the victim",
            OFFENCE_MARKS,
            involved("victim", "was the victim"),
        ),
        Source("victims", "complainants in reports about the person", VICTIM_MARKS, complainants),
        Source(
            "charged",
            "charges",
            OFFENCE_MARKS,
            results("charged", ("charged",), "charged, not convicted by this record"),
        ),
        Source(
            "convicted",
            "convictions",
            OFFENCE_MARKS,
            results("convicted", ("convicted",), "convicted"),
        ),
        Source(
            "diverted",
            "cautions and out-of-court disposals",
            OFFENCE_MARKS,
            results("diverted", ("cautioned", "out_of_court"), "out of court"),
        ),
        Source(
            "custody",
            "arrests, and how stays in police custody ended",
            (*_DETAINED, *DISPOSALS, "indictable"),
            episodes(
                "custody",
                "custody",
                both(has("event", *_DETAINED), has("disposal", *DISPOSALS), graver_counts),
                amounts=custody_amounts,
                detail="disposal",
            ),
        ),
        Source(
            "bail",
            "pre-charge bail granted, breached, ended",
            (*_BAIL, "with_conditions", "without_conditions"),
            episodes(
                "bail", "bail", both(has("event", *_BAIL), bail_conditions), detail="conditions"
            ),
        ),
        Source(
            "orders",
            "protective orders made, breached, ended",
            (*_ORDER, *ORDERS),
            episodes(
                "orders",
                "protective_order",
                both(has("event", *_ORDER), has("kind", *ORDERS)),
                detail="kind",
            ),
        ),
        Source(
            "imprisonment",
            "receptions into prison and releases",
            (*_PRISON, *_KINDS),
            episodes(
                "imprisonment",
                "imprisonment",
                both(has("event", *_PRISON), has("kind", *_KINDS)),
                amounts=lambda rows: {"days": rows.days_served},
                detail="kind",
            ),
        ),
        Source(
            "assessed",
            "graded assessments of the person as perpetrator",
            _GRADES,
            episodes(
                "assessed",
                "risk_assessment",
                has("grade", *_GRADES),
                amounts=lambda rows: {"ticks": rows.ticks},
                detail="grade",
            ),
        ),
        Source(
            "programme",
            "behaviour programmes begun, completed, left",
            _PROGRAMME,
            episodes("programme", "programme", has("event", *_PROGRAMME), detail="name"),
        ),
        Source(
            "management",
            "management status opened or closed",
            ("opened", "closed", *_SCHEMES),
            episodes(
                "management",
                "management",
                both(has("event", "opened", "closed"), has("scheme", *_SCHEMES)),
                detail="scheme",
            ),
        ),
        Source(
            "wanted",
            "wanted markers circulated or cancelled",
            ("circulated", "cancelled"),
            episodes("wanted", "wanted", has("event", "circulated", "cancelled"), detail="reason"),
        ),
        Source(
            "co_offenders",
            "offences of people named as suspects together with the person, not proven",
            COMPANY_MARKS,
            company,
        ),
    )
}
"""All sources by name."""

CONTEXT = frozenset({"victimised", "management", "wanted", "co_offenders"})
"""Sources that no model input may use: they measure victimhood, company and police attention."""

COMPANY = "co_offenders"
"""The source about a person's company: as large as all others, and asked for on few pages."""

OTHERS = frozenset({"victims", COMPANY})
"""Sources whose events are about somebody else: counted, and never told one by one of a person."""
