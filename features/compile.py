"""The relational part: canonical records become one table of dated events, people as numbers.

All of it is Ibis expressions turned into a database's own SQL, so that DuckDB, PostgreSQL and Spark
do the same. None of the queries mentions an as-of date: records become events once, and time is the
sweep's business (`features.visible`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import ibis
import ibis.expr.types as ir

from features.declare import FeatureColumn
from features.events import AMOUNTS, EVENT, RECORD
from features.records import TABLES
from features.sources import COMPANY, SOURCES
from features.taxonomy import taxonomy

CODES = {name: code for code, name in enumerate(SOURCES)}
"""The number that stands for each source in a compiled history."""

OWN = tuple(name for name in SOURCES if name != COMPANY)
"""The sources of a person's own events; those of their company are compiled when asked for."""

DATES = ("occurred_on", "offence_on", "known_on", "superseded_on")

NUMBERS = ("person", "source", "marks", *DATES, *AMOUNTS, "who")
"""What the sweep needs of an event, all of it numbers and dates; `who` is a person's number."""

TOLD = ("person", "source", "marks", *DATES, "harm", "who", *RECORD)
"""What is told of an event where a figure is explained; `who` is a person's id."""

_KINDS = {**EVENT, "person": "int64", "source": "int8"}
NUMBERS_TYPES = {name: {**_KINDS, "who": "int64"}[name] for name in NUMBERS}
TOLD_TYPES = {name: _KINDS[name] for name in TOLD}
APART_TYPES = {name: _KINDS[name] for name in ("nominal_id", *NUMBERS[1:])}
"""What each query hands over, as Ibis types; apart, people go by their ids."""

BIRTH, ASKED = -1, -2
"""What stands in place of a source where births, or rows of a spine, travel with events."""

_PEOPLE = ibis.table({"person": "int64", "nominal_id": "string"}, name="people")


def _canonical() -> dict[str, ir.Table]:
    tables = {name: ibis.table(t.schema(), name=name) for name, t in TABLES.items()}
    tables["taxonomy"] = ibis.table(ibis.Schema.from_pyarrow(taxonomy().schema), name="taxonomy")
    return tables


def events(sources: Sequence[str] = tuple(SOURCES)) -> ir.Table:
    """Return the expression for all events of some sources, each source as its number."""
    tables = _canonical()
    numbered = (
        SOURCES[name].build(tables).mutate(source=ibis.literal(CODES[name], "int8"))
        for name in sources
    )
    return ibis.union(*numbered, distinct=False)


@lru_cache(maxsize=4)
def people_sql(dialect: str) -> str:
    """Return the query that numbers everybody, from 0 in the order of their ids."""
    ids = _canonical()["nominal"].select("nominal_id").distinct()
    numbered = ids.mutate(person=ibis.row_number().over(order_by=ids.nominal_id))
    return str(ibis.to_sql(numbered.select("person", "nominal_id"), dialect=dialect))


@lru_cache(maxsize=4)
def births_sql(dialect: str) -> str:
    """Return the query for everybody's date of birth, in all its versions."""
    nominal = _canonical()["nominal"]
    joined = nominal.join(_PEOPLE, nominal.nominal_id == _PEOPLE.nominal_id)
    dates = (nominal[name] for name in ("born_on", "known_on", "superseded_on"))
    return str(ibis.to_sql(joined.select(_PEOPLE.person, *dates), dialect=dialect))


@lru_cache(maxsize=8)
def numbers_sql(sources: tuple[str, ...], dialect: str) -> str:
    """Return the query for events as the sweep needs them; needs a table `people`."""
    found, other = events(sources), _PEOPLE.view()
    joined = found.join(_PEOPLE, found.nominal_id == _PEOPLE.nominal_id).left_join(
        other, found.who == other.nominal_id
    )
    told = (found[name] for name in NUMBERS[1:-1])
    return str(ibis.to_sql(joined.select(_PEOPLE.person, *told, who=other.person), dialect=dialect))


@lru_cache(maxsize=4)
def told_sql(dialect: str) -> str:
    """Return the query for a person's own events and what is told of them; needs `people`."""
    found = events(OWN)
    joined = found.join(_PEOPLE, found.nominal_id == _PEOPLE.nominal_id)
    told = (found[name] for name in TOLD[1:])
    return str(ibis.to_sql(joined.select(_PEOPLE.person, *told), dialect=dialect))


@lru_cache(maxsize=4)
def known_sql(dialect: str) -> str:
    """Return the query for how many records became known on each day, in order."""
    tables = _canonical()
    days = [tables[name].select("known_on") for name in TABLES if name != "nominal"]
    found = ibis.union(*days, distinct=False)
    number = found.group_by("known_on").aggregate(number=found.count())
    return str(ibis.to_sql(number.order_by("known_on"), dialect=dialect))


@lru_cache(maxsize=16)
def apart_sql(sources: tuple[str, ...], dialect: str) -> str:
    """Return the query for events and births under people's own ids, to be worked on in parts.

    A birth stands as a row of source `BIRTH`, with the date of birth as its `occurred_on`.
    """
    found = events(sources)
    nominal = _canonical()["nominal"]
    of_births = {"occurred_on": nominal.born_on, "source": ibis.literal(BIRTH, "int8")}
    of_births |= {name: nominal[name] for name in ("nominal_id", "known_on", "superseded_on")}
    births = nominal.select(
        **{name: of_births.get(name, ibis.null(kind)) for name, kind in APART_TYPES.items()}
    )
    both = found.select(*APART_TYPES).union(births, distinct=False)
    return str(ibis.to_sql(both, dialect=dialect))


def needs(columns: Sequence[FeatureColumn]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the sources that some columns are made from, and the amounts they sum.

    Examples
    --------
    >>> from features.catalogue import catalogue
    >>> needs(catalogue().subset(["person_age", "suspected_harm_sum_365d"]).columns)
    (('suspected',), ('harm',))
    """
    sources = {column.source for column in columns} & set(SOURCES)
    amounts = {column.amount for column in columns} & set(AMOUNTS)
    return tuple(sorted(sources)), tuple(sorted(amounts))
