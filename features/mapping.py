"""A mapping: the short YAML file that says how a force's own export becomes canonical records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from features.errors import NotFound, UsageError
from features.records import TABLES

_KEYS = ConfigDict(extra="forbid", frozen=True)


class TableMapping(BaseModel):
    """How one file becomes one canonical table.

    Examples
    --------
    >>> TableMapping(file="CRIMES.csv", columns={"record_id": "CRIME_NO"}).columns["record_id"]
    'CRIME_NO'
    """

    model_config = _KEYS

    file: str | None = Field(
        default=None, description="name of the file; the table's own by default"
    )
    columns: dict[str, str] = Field(default={}, description="canonical column: column of the file")
    constants: dict[str, str | int | bool] = Field(
        default={}, description="canonical column: its value"
    )
    date_format: str | None = Field(
        default=None, description="such as %d/%m/%Y; year-month-day by default"
    )


def _canonical(tables: dict[str, TableMapping]) -> dict[str, TableMapping]:
    for name, table in tables.items():
        if name not in TABLES:
            raise ValueError(
                f"no canonical table is called '{name}'; there are {', '.join(TABLES)}"
            )
        wrong = [c for c in (*table.columns, *table.constants) if c not in TABLES[name]]
        if wrong:
            raise ValueError(f"table '{name}' has no column {', '.join(wrong)}")
        twice = sorted(set(table.columns) & set(table.constants))
        if twice:
            raise ValueError(f"table '{name}' maps {', '.join(twice)} to a column and a constant")
    return tables


class Mapping(BaseModel):
    """How a folder of files becomes canonical records; an unknown key is refused.

    Examples
    --------
    >>> Mapping.model_validate({"date_format": "%d/%m/%Y", "tables": {}}).date_format
    '%d/%m/%Y'
    """

    model_config = _KEYS

    date_format: str | None = Field(
        default=None, description="for all tables that state none of their own"
    )
    tables: Annotated[dict[str, TableMapping], AfterValidator(_canonical)] = {}


def read_mapping(file: Path) -> Mapping:
    """Read a mapping file.

    Raises
    ------
    NotFound
        Where there is no such file.
    UsageError
        Where it is not YAML, or has a key, table or column that does not exist; all are listed.
    """
    if not file.is_file():
        raise NotFound(f"{file} does not exist", remedy="Name an existing mapping file.")
    try:
        return Mapping.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")) or {})
    except ValidationError as error:
        said = [
            f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()
        ]
        raise UsageError(
            f"{file}: {'; '.join(said)}",
            remedy="A mapping has date_format and tables; a table has file, columns, constants and"
            " date_format.",
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # 2026-99-99; a million brackets
        raise UsageError(f"{file}: {error}", remedy="Write the mapping as YAML.") from error
