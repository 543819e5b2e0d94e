"""What happens to people, drawn by the hundred thousand: the units of which big loads are made.

A unit is something that happened to one person together with what followed from it: a report and
its charge and conviction, a stay in police custody, an order made, breached and ended. Each kind
adds a fixed number of events to the compiled history, which is why the number in a load is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np

from features.records import RESULTS, TABLES
from features.taxonomy import MARKS, taxonomy

Array = np.ndarray
Columns = dict[str, Array]
"""Columns of a table as int64: days from 1970, numbers, positions among words; `EMPTY` if empty."""

EMPTY = -1

BEGINS = (date(2016, 1, 1) - date(1970, 1, 1)).days
DATA_TO = date(2025, 12, 31)
ENDS = (DATA_TO - date(1970, 1, 1)).days

KINDS: dict[str, tuple[float, int]] = {
    "report": (0.22, 1),
    "with_victim": (0.20, 2),
    "corrected": (0.02, 2),
    "charged": (0.06, 2),
    "convicted": (0.04, 3),
    "diverted": (0.03, 2),
    "custody": (0.17, 2),
    "bail": (0.07, 3),
    "protective_order": (0.03, 3),
    "imprisonment": (0.04, 2),
    "risk_assessment": (0.08, 1),
    "programme": (0.04, 2),
}
"""Kinds of unit: the share of all units, and the events that one adds to what features are made of.

What is context and never an input (a victim's own side, management, wanted markers) is in the
records besides, and not counted.
"""

_REPORTS = ("report", "with_victim", "corrected", "charged", "convicted", "diverted")
_RESULTS = {
    "charged": ("charged",),
    "convicted": ("charged", "convicted"),
    "diverted": ("out_of_court",),
}
_CODES = {
    "violence": 0.34,
    "theft": 0.18,
    "damage": 0.1,
    "public_order": 0.08,
    "harassment": 0.07,
    "stalking": 0.05,
    "drugs": 0.05,
    "order_breach": 0.05,
    "sexual": 0.04,
    "burglary": 0.03,
    "robbery": 0.01,
}
_MARKERS = {
    "domestic": 0.3,
    "online": 0.06,
    "strangulation": 0.03,
    "weapon": 0.08,
    "threats_to_kill": 0.04,
    "separation": 0.06,
    "child_present": 0.1,
}


@dataclass(frozen=True)
class Block:
    """Some people of the register, with a number of events for each.

    Attributes
    ----------
    first : int
        Position of the first of them in the register.
    base : int
        Events of all people before them.
    number : ndarray of int64
        Events of each, nearly: a unit may run on into the next person's.
    rng : Generator
    """

    first: int
    base: int
    number: Array
    rng: np.random.Generator


@dataclass(frozen=True)
class _Units:
    """Units: a number, a person and a first day each."""

    number: Array
    person: Array
    day: Array

    def take(self, kept: Array) -> _Units:
        return _Units(self.number[kept], self.person[kept], self.day[kept])


def draw(block: Block, *, plain: bool) -> dict[str, Columns]:
    """Return the records of a block's people, by table.

    Parameters
    ----------
    plain : bool
        Reports naming a suspect only, each known on the day it occurred and never corrected.

    Examples
    --------
    >>> block = Block(0, 0, np.array([2, 1]), np.random.default_rng(1))
    >>> draw(block, plain=True)["involvement"]["nominal_id"].tolist()
    [0, 0, 1]
    """
    rng, height = block.rng, len(block.number)
    begins = rng.integers(BEGINS, ENDS - 30, height)
    kind, start = _kinds(rng, int(block.number.sum()), plain, alone=height == 1)
    person = np.repeat(np.arange(height), block.number)[start]
    late = rng.random(len(start)) ** 1.5 * (ENDS - begins[person])
    units = _Units(block.base + start, block.first + person, begins[person] + late.astype(np.int64))
    of = {name: kind == position for position, name in enumerate(KINDS)}
    reported = np.any([of[name] for name in _REPORTS], axis=0)
    tables = {"nominal": _nominals(rng, block, begins, plain)}
    reports = units.take(reported)
    parts = {name: of[name][reported] for name in _REPORTS}
    tables["offence"], known = _offences(rng, reports, parts["corrected"], plain)
    tables["involvement"] = _involvements(rng, reports, known, parts, block, plain)
    tables["outcome"] = _outcomes(rng, reports, parts)
    for name in ("custody", "bail", "protective_order", "imprisonment", "programme"):
        tables[name] = _episodes(rng, name, units.take(of[name]))
    tables["management"] = _episodes(rng, "management", units.take(of["programme"]))
    tables["wanted"] = _episodes(
        rng, "wanted", units.take(of["custody"] & (units.number % 16 == 0))
    )
    tables["risk_assessment"] = _assessments(rng, units.take(of["risk_assessment"]))
    return tables


def _kinds(rng: np.random.Generator, events: int, plain: bool, alone: bool) -> tuple[Array, Array]:
    """Kinds of units that add exactly so many events, and the event at which each begins."""
    share = np.array([share for share, _ in KINDS.values()])
    if alone:  # nobody else could be the victim
        share[list(KINDS).index("with_victim")] = 0
    if plain:
        share = np.eye(len(KINDS))[0]
    size = np.array([size for _, size in KINDS.values()])
    kind = rng.choice(len(KINDS), events, p=share / share.sum())
    end = np.cumsum(size[kind])
    whole = int(np.searchsorted(end, events, side="right"))
    rest = events - (int(end[whole - 1]) if whole else 0)
    kind = np.concatenate([kind[:whole], np.zeros(rest, np.int64)])  # reports fill what is left
    return kind, np.cumsum(size[kind]) - size[kind]


def _known(rng: np.random.Generator, occurred_on: Array) -> Array:
    """The day a record became known: mostly at once, sometimes years later."""
    delay = np.exp(rng.normal(0.0, 2.0, len(occurred_on))).astype(np.int64)
    return np.minimum(occurred_on + delay, ENDS)


def _row(number: Array, known_on: Array, occurred_on: Array, **columns: Array) -> Columns:
    never = np.full(len(number), EMPTY)
    dates = {"occurred_on": occurred_on, "known_on": known_on, "superseded_on": never}
    return {"record_id": number, **dates, **columns}


def _together(parts: list[Columns]) -> Columns:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _ordered(columns: Columns, *keys: str) -> Columns:
    order = np.lexsort([columns[key] for key in reversed(keys)])
    return {name: values[order] for name, values in columns.items()}


def _nominals(rng: np.random.Generator, block: Block, begins: Array, plain: bool) -> Columns:
    number = block.first + np.arange(len(begins))
    born = begins - 6_600 - rng.integers(0, 15_000, len(begins))
    sex = (rng.random(len(begins)) < 0.8).astype(np.int64)
    none = np.full(len(begins), EMPTY)
    rows = _row(number, begins, none, nominal_id=number, born_on=born, sex=sex)
    if plain:
        return rows
    wrong = np.flatnonzero((rng.random(len(begins)) < 0.01) & (begins < ENDS - 1_000))
    mended = {name: values[wrong] for name, values in rows.items()}
    mended["known_on"] = mended["known_on"] + rng.integers(30, 900, len(wrong))
    mended["born_on"] = mended["born_on"] - rng.integers(1, 700, len(wrong))
    rows["superseded_on"][wrong] = mended["known_on"]
    return _ordered(_together([rows, mended]), "nominal_id", "known_on")


def _offences(
    rng: np.random.Generator, units: _Units, corrected: Array, plain: bool
) -> tuple[Columns, Array]:
    """Offences, a corrected one as two rows; and the day on which each report became known."""
    height = len(units.number)
    known = units.day if plain else _known(rng, units.day)
    known = np.where(corrected, np.minimum(known, ENDS - 1), known)  # there is a day to mend it on
    nobody_knows = (rng.random(height) < 0.02) & (not plain)
    occurred = np.where(nobody_knows, EMPTY, units.day)
    codes, share = _codes()
    rows = _row(units.number, known, occurred, reference=units.number)
    rows["offence_code"] = codes[rng.choice(len(codes), height, p=share)]
    rows["grade"] = rng.choice(3, height, p=(0.6, 0.35, 0.05))
    for name, likely in _MARKERS.items():
        drawn = rng.random(height)
        rows[name] = np.where(drawn > 0.97, EMPTY, (drawn < likely).astype(np.int64))
    again = np.flatnonzero(corrected)
    if not len(again):
        return rows, known
    mended = {name: values[again] for name, values in rows.items()}
    mended["known_on"] = np.minimum(known[again] + rng.integers(1, 400, len(again)), ENDS)
    mended["offence_code"] = codes[rng.choice(len(codes), len(again), p=share)]
    rows["superseded_on"][again] = mended["known_on"]
    return _ordered(_together([rows, mended]), "record_id", "known_on"), known


def _involvements(
    rng: np.random.Generator,
    units: _Units,
    known: Array,
    parts: Mapping[str, Array],
    block: Block,
    plain: bool,
) -> Columns:
    roles = TABLES["involvement"]["role"].values
    none = np.full(len(units.number), EMPTY)
    suspects = _row(units.number * 2, known, units.day, offence_id=units.number)
    suspects |= {"nominal_id": units.person, "role": none * 0 + roles.index("suspect")}
    suspects["relationship"] = none
    if plain:
        return suspects
    until = known + rng.integers(20, 300, len(known))
    cleared = (rng.random(len(known)) < 0.03) & (until <= ENDS) & ~parts["corrected"]
    suspects["superseded_on"][cleared] = until[cleared]
    victims = {name: values[parts["with_victim"]] for name, values in suspects.items()}
    height, people = len(victims["role"]), len(block.number)
    away = 1 + rng.integers(0, max(people - 1, 1), height)
    victims["nominal_id"] = block.first + (victims["nominal_id"] - block.first + away) % people
    victims["record_id"] = victims["record_id"] + 1
    victims["role"] = np.full(height, roles.index("victim"))
    victims["relationship"] = rng.integers(0, 5, height)
    victims["superseded_on"] = np.full(height, EMPTY)
    return _ordered(_together([suspects, victims]), "nominal_id", "record_id")


def _outcomes(rng: np.random.Generator, units: _Units, parts: Mapping[str, Array]) -> Columns:
    found = []
    for kind, results in _RESULTS.items():
        chosen = units.take(parts[kind])
        day = chosen.day
        for position, result in enumerate(results):
            day = np.minimum(day + rng.integers(5, 200, len(day)), ENDS)
            rows = _row(chosen.number * 2 + position, _known(rng, day), day)
            rows |= {"nominal_id": chosen.person, "offence_id": chosen.number}
            rows["result"] = np.full(len(day), RESULTS.index(result))
            rows["counts_indictable"] = rng.integers(0, 3, len(day))
            rows["counts_summary"] = rng.integers(0, 2, len(day))
            found.append(rows)
    return _ordered(_together(found), "nominal_id", "record_id")


def _episodes(rng: np.random.Generator, table: str, units: _Units) -> Columns:
    """All events of a kind of episode, one after the other, with its other columns at random."""
    contract, found = TABLES[table], []
    size = KINDS[table][1] if table in KINDS else 2
    drawn = {
        column.name: rng.integers(0, len(column.values), len(units.day))
        for column in contract.columns
        if column.values and column.name != "event"
    }
    day = units.day
    for position in range(size):
        rows = _row(units.number * 3 + position, _known(rng, day), day)
        rows |= {"nominal_id": units.person, "episode_id": units.number, **drawn}
        rows["event"] = np.full(len(day), position)
        if table == "custody":
            rows["disposal"] = drawn["disposal"] if position else rows["event"] + EMPTY
            rows["counts_indictable"] = rng.integers(0, 3, len(day))
            rows["counts_summary"] = rng.integers(0, 2, len(day))
        if table == "imprisonment":
            rows["days_served"] = day - units.day if position else rows["event"] + EMPTY
        if table == "programme":
            rows["name"] = rng.integers(0, 3, len(day))
        found.append(rows)
        day = np.minimum(day + rng.integers(1, 300, len(day)), ENDS)
    return _ordered(_together(found), "nominal_id", "record_id")


def _assessments(rng: np.random.Generator, units: _Units) -> Columns:
    rows = _row(units.number, _known(rng, units.day), units.day, nominal_id=units.person)
    grade = rng.choice(3, len(units.day), p=(0.5, 0.35, 0.15))
    return rows | {"tool": grade * 0, "grade": grade, "ticks": grade * 7 + 3}


@lru_cache(maxsize=1)
def _codes() -> tuple[Array, Array]:
    """Positions of offence codes in the taxonomy, and how often each occurs."""
    table = taxonomy()
    share = np.zeros(table.num_rows)
    for mark in MARKS:
        having = np.flatnonzero(table[mark].to_numpy(zero_copy_only=False))
        if mark in _CODES:
            share[having] += _CODES[mark] / len(having)
    used = np.flatnonzero(share)
    return used, share[used] / share.sum()
