"""The canonical records: twelve tables, and what each column may hold.

Every record carries three dates. `occurred_on` is when it happened (empty where nobody knows),
`known_on` when the force came to know it, and `superseded_on` the day a correction replaced it or
it was withdrawn (a crime cancelled, a suspect eliminated). A corrected record is two rows with one
`record_id`: the old one ends on the day the new one becomes known.

An outcome, a disposal and the end of an episode are rows of their own, because they become known
later than what they belong to; `episode_id` ties the rows of one episode together.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import ibis
import ibis.expr.datatypes as dt
import pyarrow.parquet as pq

from features.tabular import parquet


@dataclass(frozen=True)
class Column:
    """One column of a canonical table: its type, whether it may be empty, what it may hold.

    Examples
    --------
    >>> Column("role", "string", values=("suspect", "victim", "witness")).values[0]
    'suspect'
    """

    name: str
    type: str
    empty: bool = False
    values: tuple[str, ...] = ()
    refers_to: str = ""
    words: str = ""


@dataclass(frozen=True)
class Table:
    """One canonical table: its name, what a row is, and its columns in order.

    Examples
    --------
    >>> TABLES["involvement"]["role"].values
    ('suspect', 'victim', 'witness')
    >>> TABLES["offence"].schema()["known_on"]
    Date(nullable=True)
    """

    name: str
    words: str
    columns: tuple[Column, ...]

    def __getitem__(self, column: str) -> Column:
        return next(c for c in self.columns if c.name == column)

    def __contains__(self, column: object) -> bool:
        return any(c.name == column for c in self.columns)

    def schema(self) -> ibis.Schema:
        """Return the table's Ibis schema, in column order."""
        return ibis.schema({c.name: dt.dtype(c.type) for c in self.columns})

    def view_sql(self, file: Path) -> str:
        """Return DuckDB's SQL for a view of the table's file; a column it lacks is empty.

        A file that was written before a column came in is still part of a load.
        """
        there = set(pq.read_schema(file).names)
        later = [column for column in self.columns if column.name not in there]
        empty = "".join(f', CAST(NULL AS {c.type}) AS "{c.name}"' for c in later)
        return f"CREATE VIEW {self.name} AS SELECT *{empty} FROM {parquet(file)}"


def _table(name: str, words: str, *columns: Column) -> Table:
    key = Column("record_id", "string", words="identifies the record across its corrections")
    dates = (
        Column("occurred_on", "date", empty=True, words="the day it happened; a range's last day"),
        Column("known_on", "date", words="the day the force came to know it"),
        Column("superseded_on", "date", empty=True, words="the day it was corrected or withdrawn"),
        Column("load", "int64", words="the number of the load that brought it"),
    )
    return Table(name, words, (key, *columns, *dates))


def _event(*values: str) -> Column:
    return Column("event", "string", values=values, words="what happened in the episode")


_NOMINAL = Column("nominal_id", "string", refers_to="nominal", words="the person")
_EPISODE = Column("episode_id", "string", words="ties the rows of one episode together")
_OFFENCE = Column("offence_id", "string", empty=True, refers_to="offence", words="the offence")
_COUNTS = tuple(
    Column(f"counts_{grade}", "int64", empty=True, words=f"number of {grade} counts")
    for grade in ("indictable", "summary", "other")
)
_MARKERS = tuple(
    Column(name, "boolean", empty=True, words=words)
    for name, words in (
        ("domestic", "flagged as domestic abuse"),
        ("online", "committed online or by phone"),
        ("strangulation", "strangulation or suffocation reported"),
        ("weapon", "a weapon seen, used or threatened"),
        ("threats_to_kill", "threats to kill reported"),
        ("separation", "during or after a separation"),
        ("child_present", "a child was present"),
        ("following", "following, watching or loitering reported"),
        ("unwanted_contact", "repeated unwanted contact reported"),
    )
)

ENTRY = ("record_id", "episode_id", "known_on", "superseded_on", "load")
"""Columns in which two entries of one event differ."""

DISPOSALS = (
    "charged",
    "bailed",
    "released_under_investigation",
    "out_of_court",
    "no_further_action",
    "other",
)
RESULTS = ("charged", "cautioned", "out_of_court", "no_further_action", "convicted", "acquitted")
ORDERS = (
    "domestic_violence_protection",
    "domestic_abuse_protection",
    "stalking_protection",
    "sexual_harm_prevention",
    "non_molestation",
    "restraining",
    "other",
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        _table(
            "nominal",
            "a person record",
            Column("nominal_id", "string", words="the person; equal to record_id"),
            Column("born_on", "date", empty=True, words="date of birth"),
            Column("sex", "string", empty=True, words="for audits only, never an input"),
            Column("ethnicity", "string", empty=True, words="for audits only, never an input"),
            Column("area", "string", empty=True, words="local policing area, never an input"),
        ),
        _table(
            "offence",
            "a recorded crime",
            Column("reference", "string", words="crime reference"),
            Column("offence_code", "string", words="Home Office code or a class of ours"),
            Column("grade", "string", empty=True, values=("indictable", "summary", "other")),
            *_MARKERS,
            Column("area", "string", empty=True, words="local policing area, never an input"),
        ),
        _table(
            "involvement",
            "a person's part in an offence",
            Column("offence_id", "string", refers_to="offence", words="the offence"),
            _NOMINAL,
            Column("role", "string", values=("suspect", "victim", "witness")),
            Column(
                "relationship",
                "string",
                empty=True,
                values=("partner", "former_partner", "family", "acquaintance", "stranger"),
                words="of a victim to the suspect",
            ),
        ),
        _table(
            "custody",
            "an arrest, or how a stay in police custody ended",
            _NOMINAL,
            _EPISODE,
            _OFFENCE,
            _event("detained", "disposed"),
            Column("disposal", "string", empty=True, values=DISPOSALS),
            *_COUNTS,
        ),
        _table(
            "outcome",
            "what happened to a crime, or to a charge in court",
            _NOMINAL,
            _OFFENCE,
            Column("result", "string", values=RESULTS),
            Column("outcome_code", "string", empty=True, words="Home Office outcome type, 1 to 22"),
            *_COUNTS,
        ),
        _table(
            "bail",
            "pre-charge bail granted, breached or ended",
            _NOMINAL,
            _EPISODE,
            _OFFENCE,
            _event("granted", "breached", "ended"),
            Column("conditions", "string", empty=True, values=("yes", "no")),
        ),
        _table(
            "protective_order",
            "a protective order made, breached or ended",
            _NOMINAL,
            _EPISODE,
            _OFFENCE,
            _event("made", "breached", "ended"),
            Column("kind", "string", values=ORDERS),
            Column("expires_on", "date", empty=True, words="stated when it was made"),
        ),
        _table(
            "imprisonment",
            "reception into prison or release from it",
            _NOMINAL,
            _EPISODE,
            _event("received", "released"),
            Column("kind", "string", values=("prison", "remand")),
            Column("days_served", "int64", empty=True, words="on release only"),
        ),
        _table(
            "risk_assessment",
            "a graded assessment such as DASH, about the person as perpetrator",
            _NOMINAL,
            _OFFENCE,
            Column("tool", "string", words="for example DASH"),
            Column("grade", "string", values=("standard", "medium", "high")),
            Column("ticks", "int64", empty=True, words="number of risk factors ticked"),
        ),
        _table(
            "management",
            "a management status opened or closed",
            _NOMINAL,
            _EPISODE,
            _event("opened", "closed"),
            Column("scheme", "string", values=("IOM", "MAPPA", "MARAC", "PDP")),
            Column("level", "string", empty=True),
        ),
        _table(
            "programme",
            "a behaviour programme begun, completed or left",
            _NOMINAL,
            _EPISODE,
            _event("started", "completed", "left"),
            Column("name", "string", words="name of the programme"),
        ),
        _table(
            "wanted",
            "a wanted marker circulated or cancelled",
            _NOMINAL,
            _EPISODE,
            _event("circulated", "cancelled"),
            Column("reason", "string", empty=True),
        ),
    )
}
"""The canonical tables by name."""
