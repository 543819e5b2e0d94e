"""From what a source holds to what a canonical column is: the SQL of one column, nothing guessed.

A value that cannot be understood becomes empty and its text is kept beside it, so that every such
value can be told with its row. Names and values of a mapping enter the SQL only as quoted names and
literals of their type.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from features.mapping import NO, YES, Mapping, TableMapping, Value, typed
from features.records import Column
from features.sql import day, quoted_text

SQL = {"string": "VARCHAR", "date": "DATE", "int64": "BIGINT", "boolean": "BOOLEAN"}
"""DuckDB's type of each canonical type."""

_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
_TIME = r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?"
_ISO = rf"'\d{{4}}-\d{{2}}-\d{{2}}([T ]{_TIME})?(Z|[+-]\d{{2}}:?\d{{2}})?'"
_DAY = r"'.{10}(Z|[+-]\d{2}:?\d{2})?'"
_OFFSET = r"'.*\d{2}:\d{2}.*(Z|[+-]\d{2}:?\d{2})'"


@dataclass(frozen=True)
class Converted:
    """The SQL of a canonical column: its value, and its text where that had to be understood.

    `told_by` names the rule of :mod:`features.mapping_rules` that tells what could not be
    understood, with its `words`; it is empty where the rules about rows tell it.
    """

    value: str
    text: str | None = None
    told_by: str = ""
    words: str = ""


def literal(column: Column, value: Value | None) -> str:
    """Return a value of a mapping as a literal of the column's type.

    Examples
    --------
    >>> from features.records import TABLES
    >>> literal(TABLES["offence"]["known_on"], "2026-03-29")
    "DATE '2026-03-29'"
    """
    ours = None if value is None else typed(column, value)
    if ours is None:
        return f"CAST(NULL AS {SQL[column.type]})"
    if isinstance(ours, date):
        return day(ours)
    return quoted_text(ours) if isinstance(ours, str) else str(ours).lower()


def constant(column: Column, value: Value) -> Converted:
    """Return the SQL of a column that is the same in every row."""
    return Converted(literal(column, value))


def convert(
    column: Column, given: str, kind: str, source: TableMapping, mapping: Mapping
) -> Converted:
    """Return the SQL of a column that the source has.

    Parameters
    ----------
    column : Column
        The canonical column.
    given : str
        The source's column, quoted.
    kind : str
        DuckDB's type of it.
    source, mapping
        What the mapping says of it.
    """
    if kind in ("DOUBLE", "FLOAT"):
        given = f"(CASE WHEN NOT isnan({given}) THEN {given} END)"
    found = f"nullif(trim(CAST({given} AS VARCHAR)), '')"
    if column.name in source.codes:
        return _coded(column, found, source)
    converted = _typed(column, given, found, kind, source, mapping)
    if column.name not in source.defaults:
        return converted
    default = literal(column, source.defaults[column.name])
    value = f"CASE WHEN {found} IS NULL THEN {default} ELSE {converted.value} END"
    shown = converted.text and _filled(column, found, converted.text, source)
    return Converted(value, shown, converted.told_by, converted.words)


def _coded(column: Column, found: str, source: TableMapping) -> Converted:
    codes = source.codes[column.name]
    default = literal(column, source.defaults.get(column.name))
    cases = "".join(
        f" WHEN {found} = {quoted_text(code)} THEN {literal(column, value)}"
        for code, value in codes.items()
    )
    rest = literal(column, source.otherwise.get(column.name))
    value = f"CASE WHEN {found} IS NULL THEN {default}{cases} ELSE {rest} END"
    if column.name in source.otherwise:
        return Converted(value)
    # what the mapping itself makes empty is empty, and not something that was not understood
    empty = [quoted_text(code) for code, ours in codes.items() if ours is None]
    shown = f"CASE WHEN {found} NOT IN ({', '.join(empty)}) THEN {found} END" if empty else found
    return Converted(
        value, _filled(column, found, shown, source), "unmapped_code", ", ".join(codes)
    )


def _filled(column: Column, found: str, shown: str, source: TableMapping) -> str:
    """Return the SQL of the text that is kept: what fills an empty field is no longer empty."""
    if column.name not in source.defaults:
        return shown
    default = quoted_text(str(source.defaults[column.name]))
    return f"CASE WHEN {found} IS NULL THEN {default} ELSE {shown} END"


def _typed(
    column: Column, given: str, found: str, kind: str, source: TableMapping, mapping: Mapping
) -> Converted:
    wanted = SQL[column.type]
    if wanted == "VARCHAR":
        return Converted(found)
    if wanted == kind:
        return Converted(given)
    if wanted == "BIGINT":
        return (
            Converted(f"CAST({given} AS BIGINT)")
            if kind in _INTEGERS
            else Converted(_integer(found), found)
        )
    if wanted == "BOOLEAN":
        return Converted(_boolean(found), found)
    clock = _Clock.of(column, source, mapping)
    if kind.startswith("TIMESTAMP"):
        return Converted(clock.day(given, "TIME ZONE" in kind))
    stated = _stated(column, source, mapping)
    if stated is None:
        return Converted(_iso(found, clock), found)
    read = f"try_strptime({found}, {quoted_text(stated)})"
    if re.search("%[zZ]", stated):
        return Converted(clock.day(read, True), found, "no_such_date", stated)
    timed = re.search("%-?[HIMSfcX]", stated)
    day = clock.day(read, False) if timed else f"CAST({read} AS DATE)"
    return Converted(day, found, "no_such_date", stated)


def _stated(column: Column, source: TableMapping, mapping: Mapping) -> str | None:
    own = source.date_format
    return (own.get(column.name) if isinstance(own, dict) else own) or mapping.date_format


@dataclass(frozen=True)
class _Clock:
    """How a moment becomes a day of the force: its zone, and that of times that name none."""

    zone: str | None
    written_in: str | None

    @classmethod
    def of(cls, column: Column, source: TableMapping, mapping: Mapping) -> _Clock:
        own = source.timestamps_in
        own = own.get(column.name) if isinstance(own, dict) else own
        written = own or mapping.timestamps_in
        return cls(mapping.timezone, None if written == mapping.timezone else written)

    def day(self, moment: str, zoned: bool) -> str:
        """Return the SQL of the day; without a zone stated, of the day as it is written."""
        if not zoned and self.written_in is not None:
            moment, zoned = f"timezone({quoted_text(self.written_in)}, {moment})", True
        if zoned and self.zone is not None:
            moment = f"timezone({quoted_text(self.zone)}, {moment})"
        return f"CAST({moment} AS DATE)"


def _iso(found: str, clock: _Clock) -> str:
    day = f"TRY_CAST(left({found}, 10) AS DATE)"
    if clock.zone is None:
        return f"CASE WHEN regexp_full_match({found}, {_ISO}) THEN {day} END"
    # DuckDB reads an offset only after seconds
    full = rf"regexp_replace({found}, '^(.{{16}})(Z|[+-]|$)', '\1:00\2')"
    zoned = clock.day(f"TRY_CAST({full} AS TIMESTAMPTZ)", True)
    plain = clock.day(f"TRY_CAST({full} AS TIMESTAMP)", False)
    return (
        f"CASE WHEN NOT regexp_full_match({found}, {_ISO}) THEN NULL"
        f" WHEN regexp_full_match({found}, {_DAY}) THEN {day}"
        f" WHEN regexp_full_match({found}, {_OFFSET}) THEN {zoned} ELSE {plain} END"
    )


def _integer(found: str) -> str:
    whole = rf"regexp_full_match({found}, '[+-]?\d+(\.0*)?')"
    return rf"CASE WHEN {whole} THEN TRY_CAST(regexp_replace({found}, '\.0*$', '') AS BIGINT) END"


def _boolean(found: str) -> str:
    yes, no = (", ".join(map(quoted_text, words)) for words in (YES, NO))
    told = f"CASE WHEN lower({found}) IN ({yes}) THEN true WHEN lower({found}) IN ({no}) THEN false"
    return f"{told} END"
