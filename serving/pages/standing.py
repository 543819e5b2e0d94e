"""How people stand on a date: born, area, and what is in force (wanted, custody, bail, orders).

An episode is in force when its beginning was known on the date, and neither its end nor, for an
order, its expiry. What was known is asked of `features.visible`, as everywhere. All of it is
context for whoever decides; none of it enters a score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.history import dates
from features.loads import Load
from features.records import TABLES
from features.visible import past, visible
from serving.pages import words

LONGEST_CUSTODY = 4
"""Days after which a stay in police custody is taken as over, though no end is recorded."""

_SPINE = ibis.table({"row": "int64", "nominal_id": "string", "as_of_date": "date"}, name="spine")

FILTERS = {
    "wanted": "Wanted",
    "custody": "In custody or prison",
    "bail": "On bail or under investigation",
    "order": "Protective order",
    "none": "None recorded",
}
"""Kinds of standing one may filter by, in words; also the tags' classes."""

_ORDERS = {
    "domestic_violence_protection": "Domestic violence protection order",
    "domestic_abuse_protection": "Domestic abuse protection order",
    "stalking_protection": "Stalking protection order",
    "sexual_harm_prevention": "Sexual harm prevention order",
    "non_molestation": "Non-molestation order",
    "restraining": "Restraining order",
    "other": "Other order",
}
_BAIL = {"yes": "Bail with conditions", "no": "Bail, no conditions"}
_PRISON = {"prison": "In prison", "remand": "In prison on remand"}


def order_words(kind: str) -> str:
    """Return what a kind of protective order is called.

    Examples
    --------
    >>> order_words("non_molestation")
    'Non-molestation order'
    """
    return _ORDERS.get(kind, words.spoken(kind).capitalize())


@dataclass(frozen=True)
class Tag:
    """One thing in force: its class, what it is called, since when, and until when if stated."""

    css: str
    text: str
    since: date | None = None
    until: date | None = None


class Standing:
    """How a number of people stand, by their place among those who were asked for.

    Parameters
    ----------
    number : int
        How many people were asked for.
    people : pyarrow.Table
        row, born_on, area: one line for each person who is known.
    in_force : pyarrow.Table
        row, what, kind, since, until: one line for each thing in force.
    """

    def __init__(self, number: int, people: pa.Table, in_force: pa.Table) -> None:
        place = np.full(number, -1)
        place[people["row"].to_numpy()] = np.arange(len(people))
        known = people.take(pa.array(place, mask=place < 0))
        self._born_on, self._area = known["born_on"], known["area"]
        self._in_force = in_force.sort_by("row")
        self._ends = np.searchsorted(self._in_force["row"].to_numpy(), np.arange(number + 1))

    def born_on(self, position: int) -> date | None:
        """Return somebody's date of birth; None where it is not recorded."""
        found: date | None = self._born_on[position].as_py()
        return found

    def area(self, position: int) -> str | None:
        """Return somebody's area; None where it is not recorded."""
        found: str | None = self._area[position].as_py()
        return found

    def tags(self, position: int) -> list[Tag]:
        """Return what is in force for somebody, the most pressing first, each kind once."""
        start, end = int(self._ends[position]), int(self._ends[position + 1])
        tags: dict[str, Tag] = {}
        for line in sorted(self._in_force.slice(start, end - start).to_pylist(), key=_order):
            tag = _tag(line["what"], line["kind"], line["since"], line["until"])
            tags.setdefault(tag.text, tag)
        return list(tags.values())

    def has(self, css: str) -> np.ndarray:
        """Return who has something of a class in force; ``none`` is who has nothing at all."""
        if css == "none":
            return np.asarray(np.diff(self._ends) == 0)
        wanted = pa.array([what for what, of in _CLASSES.items() if of == css], pa.string())
        rows = self._in_force.filter(pc.is_in(self._in_force["what"], wanted))["row"]
        flags = np.zeros(len(self._ends) - 1, bool)
        flags[rows.to_numpy()] = True
        return flags

    def lives_in(self, area: str) -> np.ndarray:
        """Return whose area this is."""
        return np.asarray(pc.equal(self._area, area).fill_null(False))

    @cached_property
    def areas(self) -> list[str]:
        """The areas that occur, by name."""
        return sorted(pc.unique(self._area.drop_null()).to_pylist())


def _known(name: str) -> tuple[ir.Table, ir.Table, Any]:
    """Return a canonical table, and it joined to whom is asked about, as known on their date."""
    records = ibis.table(TABLES[name].schema(), name=name)
    joined = _SPINE.join(records, _SPINE.nominal_id == records.nominal_id)
    return records, joined, past(records, _SPINE.as_of_date)


def _episodes(
    name: str, start: str, end: str, *, kind: str | None = None, expires: bool = False
) -> ir.Table:
    records, joined, known = _known(name)
    rows = joined.filter(known).select(
        row=_SPINE.row,
        as_of_date=_SPINE.as_of_date,
        episode_id=records.episode_id,
        event=records.event,
        offence_id=records.offence_id if "offence_id" in records.columns else _text(),
        occurred_on=records.occurred_on,
        kind=records[kind] if kind else _text(),
        expires_on=records.expires_on if expires else ibis.null("date"),
    )
    episodes = rows.group_by("row", "as_of_date", "episode_id").aggregate(
        begun=(rows.event == start).any(),
        over=(rows.event == end).any(),
        since=rows.occurred_on.max(where=rows.event == start),
        kind=rows.kind.max(where=rows.event == start),
        offence_id=rows.offence_id.max(),
        until=rows.expires_on.max(),
    )
    standing = episodes.until.isnull() | (episodes.until >= episodes.as_of_date)
    return episodes.filter(episodes.begun & ~episodes.over & standing)


def _text() -> ir.Value:
    return ibis.null("string")


def _still_open(found: ir.Table) -> ir.Table:
    """Leave out what ended with an outcome of the offence it was about."""
    outcome, joined, known = _known("outcome")
    ended = joined.filter(known & outcome.offence_id.notnull()).select(
        row=_SPINE.row, offence_id=outcome.offence_id
    )
    return found.anti_join(ended, ["row", "offence_id"])


def _under_investigation() -> ir.Table:
    custody, joined, known = _known("custody")
    released = known & (custody.disposal == "released_under_investigation")
    return joined.filter(released & custody.offence_id.notnull()).select(
        row=_SPINE.row,
        offence_id=custody.offence_id,
        kind=ibis.literal("rui"),
        since=custody.occurred_on,
        until=ibis.null("date"),
    )


def _detained() -> ir.Table:
    found = _episodes("custody", "detained", "disposed")
    days = found.as_of_date.delta(found.since, unit="day")
    return found.filter(days <= LONGEST_CUSTODY)


def _tagged(found: ir.Table, what: str) -> ir.Table:
    return found.select("row", "kind", "since", "until", what=ibis.literal(what))


@lru_cache(maxsize=1)
def _in_force_sql() -> str:
    parts = (
        _tagged(_episodes("wanted", "circulated", "cancelled"), "wanted"),
        _tagged(_detained(), "detained"),
        _tagged(_episodes("imprisonment", "received", "released", kind="kind"), "prison"),
        _tagged(_still_open(_episodes("bail", "granted", "ended", kind="conditions")), "bail"),
        _tagged(_still_open(_under_investigation()), "rui"),
        _tagged(_episodes("protective_order", "made", "ended", kind="kind", expires=True), "order"),
    )
    return str(ibis.to_sql(ibis.union(*parts, distinct=True), dialect="duckdb"))


@lru_cache(maxsize=1)
def _person_sql() -> str:
    nominal, joined, _ = _known("nominal")
    known = joined.filter(visible(nominal, _SPINE.as_of_date))
    return str(
        ibis.to_sql(
            known.select(row=_SPINE.row, born_on=nominal.born_on, area=nominal.area),
            dialect="duckdb",
        )
    )


_CLASSES = {
    "wanted": "wanted",
    "detained": "custody",
    "prison": "custody",
    "rui": "bail",
    "bail": "bail",
    "order": "order",
}
"""Classes of what may be in force, the most pressing first."""


def _tag(what: str, kind: str | None, since: date | None, until: date | None) -> Tag:
    said = {
        "wanted": "Wanted",
        "detained": "In police custody",
        "prison": _PRISON.get(kind or "", "In prison"),
        "rui": "Released under investigation",
        "bail": _BAIL.get(kind or "", "Bail, conditions not recorded"),
        "order": order_words(kind or "other"),
    }
    return Tag(_CLASSES[what], said[what], since, until)


def _order(line: dict[str, Any]) -> tuple[int, int, str]:
    """The most pressing first; of two alike the one that began last."""
    since = line["since"] or date.min
    return list(_CLASSES).index(line["what"]), -since.toordinal(), line["kind"] or ""


def standing(load: Load, nominal_ids: Sequence[str], as_of_date: date) -> Standing:
    """Return how people stand on a date, as the records were known then.

    Parameters
    ----------
    load : Load
    nominal_ids : sequence of str
    as_of_date : date
        The moment of knowledge, exclusive.

    Returns
    -------
    Standing
        One place for each id; empty places where nothing is recorded.
    """
    number = len(nominal_ids)
    spine = pa.table(
        {
            "row": np.arange(number),
            "nominal_id": pa.array(nominal_ids, pa.string()),
            "as_of_date": pa.array(np.repeat(dates([as_of_date]), number)),
        }
    )
    backend = load.connect()
    try:
        backend.con.register("spine", spine)
        people = backend.con.execute(_person_sql()).to_arrow_table()
        in_force = backend.con.execute(_in_force_sql()).to_arrow_table()
    finally:
        backend.disconnect()
    return Standing(number, people, in_force)
