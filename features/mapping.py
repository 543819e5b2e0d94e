"""A mapping: the short YAML file that says how a force's own export becomes canonical records.

It names files, columns, codes, constants and time zones, and nothing in it is ever run: there is no
place for an expression or a query. All that is wrong with one is told at once.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import duckdb
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from features.records import TABLES, Column, Table
from features.yaml_file import read_model

_KEYS = ConfigDict(extra="forbid", frozen=True)
YES, NO = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
"""How true and false may be written."""


@lru_cache(maxsize=1)
def zones() -> frozenset[str]:
    """Return the names of all time zones.

    Examples
    --------
    >>> "Europe/London" in zones()
    True
    """
    rows = duckdb.connect().execute("SELECT name FROM pg_timezone_names()").fetchall()
    return frozenset(row[0] for row in rows)


def _zone(name: str) -> str:
    if name not in zones():
        raise ValueError(f"'{name}' is no time zone; write one such as Europe/London or UTC")
    return name


def _format(text: str) -> str:
    try:
        duckdb.connect().execute("SELECT try_strptime('', ?)", [text])
    except duckdb.Error as error:
        raise ValueError(f"'{text}' is no date format: {str(error).splitlines()[0]}") from error
    named = set(re.findall(r"%-?([a-zA-Z])", text))
    if not (named & set("Yy") and (named & set("j") or (named & set("mbB") and "d" in named))):
        raise ValueError(f"'{text}' does not name day, month and year; such as %d/%m/%Y does")
    return text


def _file(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.name:
        raise ValueError(f"'{name}' is no name of a file in the folder")
    return name


def _separator(text: str) -> str:
    if len(text) != 1 or text in '"\r\n':
        raise ValueError(f"'{text}' is no separator; write one character, such as ';'")
    return text


def _encoding(name: str) -> str:
    try:
        "".encode(name)  # base64 and its like are codecs, and no encoding of text
        return codecs.lookup(name).name
    except (LookupError, ValueError) as error:
        raise ValueError(f"'{name}' is no encoding; write one such as cp1252") from error


Zone = Annotated[str, AfterValidator(_zone)]
DateFormat = Annotated[str, AfterValidator(_format)]
FileName = Annotated[str, AfterValidator(_file)]
Separator = Annotated[str, AfterValidator(_separator)]
Encoding = Annotated[str, AfterValidator(_encoding)]
Value = str | int | bool | date


class TableMapping(BaseModel):
    """How one file, or one table of a database, becomes rows of one canonical table.

    Examples
    --------
    >>> TableMapping(file="CRIMES.csv", columns={"record_id": "CRIME_NO"}).columns["record_id"]
    'CRIME_NO'
    """

    model_config = _KEYS

    file: FileName | None = Field(
        default=None, description="name of the file; the canonical table's own by default"
    )
    table: str | None = Field(
        default=None, description="name of the database's table; the canonical one by default"
    )
    separator: Separator | None = Field(default=None, description="what parts the columns of a CSV")
    encoding: Encoding | None = Field(default=None, description="of a CSV; utf-8 by default")
    columns: dict[str, str] = Field(default={}, description="canonical column: column of the file")
    constants: dict[str, Value] = Field(default={}, description="canonical column: its value")
    codes: dict[str, dict[str, Value | None]] = Field(
        default={}, description="canonical column: {the file's value: ours}; null for empty"
    )
    otherwise: dict[str, Value | None] = Field(
        default={}, description="canonical column: our value for every code not listed"
    )
    defaults: dict[str, Value] = Field(
        default={}, description="canonical column: its value where the file's is empty"
    )
    only: dict[str, Annotated[list[str], Field(min_length=1)]] = Field(
        default={}, description="column of the file: rows with one of these values are kept"
    )
    date_format: DateFormat | dict[str, DateFormat] | None = Field(
        default=None, description="such as %d/%m/%Y, for all dates or by canonical column"
    )
    timestamps_in: Zone | dict[str, Zone] | None = Field(
        default=None, description="time zone of times without one, for all or by canonical column"
    )

    @field_validator("table")
    @classmethod
    def _one_place(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value and info.data.get("file"):
            raise ValueError("a source is a file or a table, not both")
        return value

    @field_validator("columns", "constants", "codes", "otherwise", "defaults")
    @classmethod
    def _about_our_columns(cls, given: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        return _checked(given, info, lambda column, _: True, "")

    @field_validator("date_format", "timestamps_in")
    @classmethod
    def _about_our_dates(cls, given: Any, info: ValidationInfo) -> Any:
        if isinstance(given, dict):
            _checked(given, info, lambda column, _: column.type == "date", "is no date")
        return given

    @field_validator("constants", "defaults", "otherwise")
    @classmethod
    def _once(cls, given: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        said = info.data
        columns, constants, codes = (
            set(said.get(name) or ()) for name in ("columns", "constants", "codes")
        )
        faults = []
        if info.field_name == "constants":
            faults = [f"maps {name} to a column and a constant" for name in set(given) & columns]
        elif info.field_name == "otherwise" and "codes" in said:
            faults = [f"{name} has no codes" for name in set(given) - codes]
        elif info.field_name == "defaults":
            faults = [f"{name} is a constant already" for name in set(given) & constants]
        if faults:
            raise ValueError("; ".join(sorted(faults)))
        return given


def _checked(given: dict[str, Any], info: ValidationInfo, fits: Any, unfit: str) -> dict[str, Any]:
    """Hold a field about canonical columns against their table: they exist, their values fit."""
    contract = (info.context or {}).get("table")
    if contract is None:
        return given
    faults = []
    for name, value in given.items():
        if name not in contract or name == "load":
            faults.append(f"table '{contract.name}' has no column {name}")
        elif not fits(contract[name], value):
            faults.append(f"{name} {unfit}")
        elif info.field_name in ("constants", "otherwise", "defaults"):
            faults += _misfit(contract[name], value)
        elif info.field_name == "codes":
            if contract[name].type == "date":
                faults.append(f"{name} is a date and takes no codes")
            faults += [fault for one in value.values() for fault in _misfit(contract[name], one)]
    if faults:
        raise ValueError("; ".join(dict.fromkeys(faults)))
    return given


def _misfit(column: Column, value: Value | None) -> Iterator[str]:
    if value is None:
        return
    said = f"{column.name}: {value!r}"
    if column.type == "string" and not isinstance(value, str):
        yield f"{said} is no text; put it in quotes"
    elif column.values and value not in column.values:
        yield f"{said} is none of {', '.join(column.values)}"
    elif typed(column, value) is None:
        yield f"{said} is no {column.type}" + " (year-month-day)" * (column.type == "date")


def typed(column: Column, value: Value) -> Value | None:
    """Return a mapping's own value in the type of its column, or None where it has not that type.

    Examples
    --------
    >>> typed(TABLES["offence"]["domestic"], "yes"), typed(TABLES["offence"]["domestic"], "maybe")
    (True, None)
    """
    text = str(value).strip().lower()
    if column.type == "string":
        return value if isinstance(value, str) and text else None
    if column.type == "boolean":
        return True if text in YES else False if text in NO else None
    if column.type == "int64":
        whole = not isinstance(value, bool) and re.fullmatch(r"[+-]?\d{1,18}", text)
        return int(text) if whole else None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _tables(given: object) -> object:
    """Read each table's sources with its contract at hand, and tell all that is wrong with any."""
    if not isinstance(given, dict):
        return given
    found: dict[str, tuple[TableMapping, ...]] = {}
    faults: list[InitErrorDetails] = []
    for name, sources in given.items():
        if name not in TABLES:
            said = f"no canonical table is called '{name}'; there are {', '.join(TABLES)}"
            faults.append(_fault(said, (str(name),), name))
            continue
        several = sources if isinstance(sources, list | tuple) else [sources]
        if not several:
            faults.append(_fault("names no source; leave it out", (name,), sources))
        read = []
        for place, source in enumerate(several):
            where = (name, place + 1) if len(several) > 1 else (name,)
            try:
                read.append(_source(source, TABLES[name]))
            except ValidationError as error:
                faults += [
                    _fault(one["msg"], (*where, *one["loc"]), one["input"])
                    for one in error.errors(include_url=False)
                ]
        found[name] = tuple(read)
    if faults:
        raise ValidationError.from_exception_data("tables", faults)
    return found


def _source(source: object, contract: Table) -> TableMapping:
    if isinstance(source, TableMapping):
        source = source.model_dump(exclude_unset=True)
    return TableMapping.model_validate(
        {} if source is None else source, context={"table": contract}
    )


def _fault(said: str, where: tuple[int | str, ...], found: object) -> InitErrorDetails:
    wrong = PydanticCustomError("mapping", "{said}", {"said": said.removeprefix("Value error, ")})
    return InitErrorDetails(type=wrong, loc=where, input=found)


class Mapping(BaseModel):
    """How a folder of files, or a database, becomes canonical records; an unknown key is refused.

    Examples
    --------
    >>> Mapping.model_validate({"date_format": "%d/%m/%Y", "tables": {}}).date_format
    '%d/%m/%Y'
    """

    model_config = _KEYS

    date_format: DateFormat | None = Field(
        default=None, description="for all tables that state none of their own"
    )
    timezone: Zone | None = Field(default=None, description="the force's own time zone")
    timestamps_in: Zone | None = Field(
        default=None, description="time zone of times without one; the force's own by default"
    )
    separator: Separator = Field(default=",", description="what parts the columns of a CSV")
    encoding: Encoding = Field(default="utf-8", description="of every CSV that states none")
    tables: Annotated[dict[str, tuple[TableMapping, ...]], BeforeValidator(_tables)] = {}

    @model_validator(mode="after")
    def _a_zone_to_bring_times_to(self) -> Mapping:
        sources = [source for several in self.tables.values() for source in several]
        formats = [self.date_format] + [
            one
            for source in sources
            for one in (
                source.date_format.values()
                if isinstance(source.date_format, dict)
                else [source.date_format]
            )
        ]
        offset = any(one and re.search("%[zZ]", one) for one in formats)
        zoned = self.timestamps_in or any(source.timestamps_in for source in sources)
        if self.timezone is None and (offset or zoned):
            why = "timestamps_in" if zoned else "a date_format with %z"
            raise ValueError(f"{why} needs timezone, the zone that times are brought to")
        return self

    def sources(self, table: str) -> tuple[TableMapping, ...]:
        """Return where a canonical table's rows come from: by default its own file."""
        return self.tables.get(table, (TableMapping(),))


def read_mapping(file: Path) -> Mapping:
    """Read a mapping file.

    Raises
    ------
    UsageError
        Where it cannot be read, is not YAML, or has a key, table or column that does not exist;
        all are listed.
    """
    return read_model(
        Mapping,
        file,
        "mapping",
        remedy=f"A mapping has {_listed(Mapping)}; a source of a table has"
        f" {_listed(TableMapping)}. Codes and values are put in quotes.",
    )


def _listed(model: type[BaseModel]) -> str:
    *names, last = model.model_fields
    return f"{', '.join(names)} and {last}"
