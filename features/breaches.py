"""What a rule over records is, what a breach of one says, and the predicates rules are made of.

A predicate is DuckDB's, over one column of one table, true of a row that breaks the rule. The rules
themselves are declared in :mod:`features.rules`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from features.records import TABLES, Column, Table
from features.sql import day, quoted_text

ERROR = "error"
WARNING = "warning"
HANDLED = "set aside"
LONGEST_SHOWN = 80


@dataclass(frozen=True)
class Violation:
    """One breach of a rule: where it is, what was found there, and what to do about it.

    `row` counts from 1 and is None where a whole file or column is meant. `severity` is "error"
    (stands, and refuses the records), "warning" (stands, and is kept), or "set aside" (found and
    dealt with when the records were taken in; `done` says how).

    Examples
    --------
    >>> from features.rules import RULES
    >>> found = RULES["future"].violation("offence", 3, "known_on", "2099-01-01")
    >>> print(found)
    offence row 3: known_on '2099-01-01' lies in the future. Correct the date.
    """

    table: str
    row: int | None
    column: str
    value: str
    rule: str
    problem: str
    remedy: str
    severity: str = ERROR
    done: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the violation as plain data."""
        return asdict(self)

    def __str__(self) -> str:
        place = self.table if self.row is None else f"{self.table} row {self.row}"
        what = " ".join(
            part for part in (self.column, f"'{shown(self.value)}'" * bool(self.value)) if part
        )
        said = " ".join(part for part in (what, self.problem) if part)
        return f"{place}: {said}. {self.done or self.remedy}"


def shown(value: str) -> str:
    r"""Return a value as a message repeats it: short, and with nothing that moves a terminal.

    Examples
    --------
    >>> shown("O'Brien"), shown("a" + chr(0x202E)), len(shown("x" * 100_000))
    ("O'Brien", 'a\\u202e', 83)
    """
    short = value if len(value) <= LONGEST_SHOWN else value[:LONGEST_SHOWN] + "..."
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in short)


@dataclass(frozen=True)
class Relation:
    """A table as it was read: which columns are absent, and which keep their text beside the value.

    The text of a column that had to be parsed stands beside it under :meth:`text`, so that a rule
    can tell an empty field from one that could not be understood.
    """

    contract: Table
    parsed: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()

    def text(self, column: str) -> str:
        """Return the SQL of the column as it was written in the source."""
        return f'"_text_{column}"' if column in self.parsed else f'CAST("{column}" AS VARCHAR)'

    def columns(self) -> tuple[Column, ...]:
        """Return the columns that rules are asked about: all that the source has."""
        return tuple(
            c for c in self.contract.columns if c.name not in self.absent and c.name != "load"
        )


@dataclass(frozen=True)
class Asked:
    """What rules are asked against: the tables there are, today, and when the records end."""

    relations: Mapping[str, Relation]
    today: date
    data_to: date


Predicates = Callable[[Relation, Asked], Mapping[str, str]]


@dataclass(frozen=True)
class Rule:
    """One rule: a stable name, how grave a breach is, and its problem and remedy in words.

    `breaks` gives, for a table, the SQL predicate that is true of a row that breaks the rule, by
    column; a rule about whole files has none.
    """

    name: str
    severity: str
    problem: str
    remedy: str
    breaks: Predicates | None = None

    def violation(
        self, table: str, row: int | None = None, column: str = "", value: str = "", **words: str
    ) -> Violation:
        """Return a breach of this rule; `words` fill the places of its problem and remedy."""
        if table in TABLES and column in TABLES[table]:
            about = TABLES[table][column]
            words = {
                "type": _TYPES[about.type],
                "values": ", ".join(about.values),
                "refers_to": about.refers_to,
                **words,
            }
        problem, remedy = self.problem.format_map(words), self.remedy.format_map(words)
        return Violation(table, row, column, value, self.name, problem, remedy, self.severity)


_TYPES = {
    "string": "text",
    "date": "date (year-month-day)",
    "int64": "whole number",
    "boolean": "true or false",
}


def each(wanted: Callable[[Column], bool], predicate: Callable[[Relation, str], str]) -> Predicates:
    """Ask the same of every column that is wanted."""

    def breaks(relation: Relation, _: Asked) -> Mapping[str, str]:
        return {c.name: predicate(relation, c.name) for c in relation.columns() if wanted(c)}

    return breaks


def of(column: str, predicate: str) -> Predicates:
    """Ask about one column of the tables that have it; an absent column is empty, so it passes."""

    def breaks(relation: Relation, asked: Asked) -> Mapping[str, str]:
        if column not in relation.contract:
            return {}
        words = {"today": day(asked.today), "data_to": day(asked.data_to)}
        return {column: predicate.format(table=f'"{relation.contract.name}"', **words)}

    return breaks


def outside_values(relation: Relation, _: Asked) -> Mapping[str, str]:
    """Ask every column with a list of values for what is not in it."""
    return {
        c.name: f'"{c.name}" NOT IN ({", ".join(map(quoted_text, c.values))})'
        for c in relation.columns()
        if c.values
    }


_AMBIGUOUS = r"'\d{1,2}[-/. ]\d{1,2}[-/. ]\d{2,4}.*'"


def _not_understood(relation: Relation, column: str) -> str:
    return f'"{column}" IS NULL AND {relation.text(column)} IS NOT NULL'


def wrong_type(relation: Relation, _: Asked) -> Mapping[str, str]:
    """Ask every column that was parsed for text that is no value of its type."""
    found = {}
    for column in relation.columns():
        if column.name in relation.parsed:
            found[column.name] = _not_understood(relation, column.name)
            if column.type == "date":
                ambiguous = f"regexp_full_match({relation.text(column.name)}, {_AMBIGUOUS})"
                found[column.name] += f" AND NOT {ambiguous}"
    return found


def ambiguous_date(relation: Relation, _: Asked) -> Mapping[str, str]:
    """Ask every date that was parsed for text that may be day-month or month-day."""
    return {
        c.name: _not_understood(relation, c.name)
        + f" AND regexp_full_match({relation.text(c.name)}, {_AMBIGUOUS})"
        for c in relation.columns()
        if c.name in relation.parsed and c.type == "date"
    }


def same_key(relation: Relation, _: Asked) -> Mapping[str, str]:
    """Rows of one key: all of them where they differ, all but the first where they are the same."""
    names = [c.name for c in relation.columns()]
    if not {"record_id", "known_on"} <= set(names):
        return {}
    row = ", ".join(f'"{name}"' for name in names)
    keys = (
        f'SELECT record_id, known_on FROM "{relation.contract.name}"'
        " WHERE known_on IS NOT NULL GROUP BY ALL HAVING count(*) > 1"
    )
    twice = (
        f"SELECT _row, min(_row) OVER same AS first, min(hash({row})) OVER same AS least,"
        f' max(hash({row})) OVER same AS most FROM "{relation.contract.name}"'
        f" WHERE (record_id, known_on) IN ({keys})"
        " WINDOW same AS (PARTITION BY record_id, known_on)"
    )
    return {
        "record_id": f"_row IN (SELECT _row FROM ({twice}) WHERE least <> most OR _row > first)"
    }


def reference_key(name: str) -> str:
    """Return the column by which other tables refer to a table."""
    return "nominal_id" if name == "nominal" else "record_id"


def known(name: str) -> str:
    """Return the SQL of the table that :func:`references` asks: when each key was first known."""
    key = reference_key(name)
    return (
        f"CREATE OR REPLACE TEMP TABLE _known_{name} AS SELECT {key} AS key, min(known_on) AS first"
        f' FROM "{name}" WHERE {key} IS NOT NULL GROUP BY {key}'
    )


def references(late: bool) -> Predicates:
    """Ask every reference whether what it names exists, or (late) was known in time."""

    def breaks(relation: Relation, asked: Asked) -> Mapping[str, str]:
        found = {}
        for column in relation.columns():
            target = asked.relations.get(column.refers_to)
            if target is None or reference_key(column.refers_to) in target.absent:
                continue
            keys = f"SELECT key FROM _known_{column.refers_to}"
            if late:
                first = f'SELECT first FROM _known_{column.refers_to} WHERE key = "{column.name}"'
                found[column.name] = f"known_on < ({first})"
            else:
                found[column.name] = f'"{column.name}" NOT IN ({keys})'
        return found

    return breaks


def episode(predicate: str) -> Predicates:
    """Ask about the ends of episodes; the first event in the contract's list is the beginning."""

    def breaks(relation: Relation, asked: Asked) -> Mapping[str, str]:
        if "episode_id" not in relation.contract:
            return {}
        event = relation.contract["event"].values[0]
        begun = (
            "SELECT episode_id, min(occurred_on) AS occurred_on"
            f" FROM \"{relation.contract.name}\" WHERE event = '{event}' GROUP BY episode_id"
        )
        column = "occurred_on" if "occurred_on" in predicate else "episode_id"
        asked_of = of(column, predicate)(relation, asked)
        return {
            c: sql.replace("$begun", begun).replace("$event", event) for c, sql in asked_of.items()
        }

    return breaks


def overlaps() -> Mapping[str, str]:
    """Receptions while an earlier stay of the same kind had not ended, or never ended."""
    stays = (
        "SELECT nominal_id, kind, min(_row) FILTER (WHERE event = 'received') AS _row,"
        " min(occurred_on) FILTER (WHERE event = 'received') AS start,"
        " coalesce(max(occurred_on) FILTER (WHERE event = 'released'), DATE '9999-12-31') AS stop"
        " FROM imprisonment WHERE superseded_on IS NULL GROUP BY nominal_id, kind, episode_id"
    )
    before = (
        f"SELECT _row, start, max(stop) OVER (PARTITION BY nominal_id, kind ORDER BY start, _row"
        f" ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS stop FROM ({stays})"
        " WHERE _row IS NOT NULL"
    )
    return {"occurred_on": f"_row IN (SELECT _row FROM ({before}) WHERE start < stop)"}
