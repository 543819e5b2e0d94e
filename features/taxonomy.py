"""What an offence code means: its harm, whether that is high harm, its marks, and the VAWG strands.

All of it is versioned data under ``features/data``, with source and licence in ``sources.yaml``.
Harm is the median of the code's subgroup in the Cambridge Crime Harm Index, in hundredths of a day;
high harm is an explicit list of codes, never a cut on a weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from io import BytesIO

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from features.errors import NotFound

HARM = "harm-v1"
HIGH_HARM = "high-harm-v1"
STRANDS = "strands-v1"

MARKS: tuple[str, ...] = (
    "violence",
    "injury",
    "homicide",
    "sexual",
    "stalking",
    "harassment",
    "coercive_control",
    "threats",
    "kidnap",
    "robbery",
    "burglary",
    "theft",
    "damage",
    "drugs",
    "weapons",
    "public_order",
    "order_breach",
    "driving",
    "fraud",
    "other",
)
"""What an offence code can be marked as; a code may carry several marks."""


@dataclass(frozen=True)
class Strand:
    """One strand of violence against women and girls, as a rule over an offence.

    An offence belongs to the strand if it carries the mark `of` (a mark of its code or a marker of
    the record) or one of `codes`, and the victim is of `victim_sex` where that is given.
    """

    name: str
    words: str
    of: str
    codes: tuple[str, ...]
    victim_sex: str
    default: bool


@lru_cache(maxsize=8)
def taxonomy(harm: str = HARM, high_harm: str = HIGH_HARM) -> pa.Table:
    """Return all offence codes with their harm, whether they are high harm, and their marks.

    Parameters
    ----------
    harm, high_harm : str
        Versions of the two lists.

    Returns
    -------
    pyarrow.Table
        `offence_code`, `description`, `subgroup` (empty where unmapped), `harm` (int64, hundredths
        of a day, 0 where unmapped), `high_harm` (bool), then one bool column for each of
        :data:`MARKS`. Sorted by code: Home Office codes, then classes of ours ("class/theft").

    Raises
    ------
    NotFound
        Where there is no such version.

    Examples
    --------
    >>> codes = taxonomy()
    >>> row = codes.filter(pc.equal(codes["offence_code"], "008/65")).to_pylist()[0]
    >>> row["description"], row["harm"], row["high_harm"], row["stalking"]
    ('Stalking involving fear of violence', 1000, False, True)
    """
    codes = pa.concat_tables([_read("offence_codes-v1"), _read("classes-v1")])
    weights = dict(zip(*_columns(_read(harm), "subgroup", "harm"), strict=True))
    high = _read(high_harm)["offence_code"]
    marks = pc.split_pattern(codes["marks"], " ").to_pylist()
    subgroups = codes["subgroup"].to_pylist()
    table = codes.select(["offence_code", "description", "subgroup"])
    days = pa.array([int(weights.get(subgroup, 0)) for subgroup in subgroups], pa.int64())
    table = table.append_column("harm", days)
    table = table.append_column("high_harm", pc.is_in(codes["offence_code"], high))
    for mark in MARKS:
        table = table.append_column(mark, pa.array([mark in found for found in marks]))
    return table.combine_chunks()


def unmapped() -> list[str]:
    """Return the codes that no Cambridge subgroup covers, which therefore carry no harm.

    Examples
    --------
    >>> "053/01" in unmapped(), "008/65" in unmapped()
    (True, False)
    """
    codes = taxonomy()
    return list(codes.filter(pc.equal(codes["subgroup"], ""))["offence_code"].to_pylist())


def strands(version: str = STRANDS) -> dict[str, Strand]:
    """Return the strands by name; an offence may belong to several, so totals never sum over them.

    Examples
    --------
    >>> strands()["female_homicide"].victim_sex
    'female'
    >>> [name for name, strand in strands().items() if not strand.default]
    ['honour_based_abuse', 'female_genital_mutilation', 'forced_marriage']
    """
    return {
        row["strand"]: Strand(
            name=row["strand"],
            words=row["words"],
            of=row["of"],
            codes=tuple(row["codes"].split()),
            victim_sex=row["victim_sex"],
            default=row["default"] == "on",
        )
        for row in _read(version).to_pylist()
    }


def outcome_types() -> dict[str, str]:
    """Return the Home Office outcome types: number to words.

    Examples
    --------
    >>> outcome_types()["1"]
    'Charge/Summons (1A: alternate offence)'
    """
    return dict(zip(*_columns(_read("outcome_types-v1"), "outcome_code", "label"), strict=True))


def _columns(table: pa.Table, *names: str) -> list[list[str]]:
    return [table[name].to_pylist() for name in names]


def _folder() -> Traversable:
    return files("features") / "data"


def _read(version: str) -> pa.Table:
    """Read one data file with every column as text."""
    file = _folder() / f"{version}.csv"
    if not file.is_file():
        found = sorted(f.name.removesuffix(".csv") for f in _folder().iterdir() if "-v" in f.name)
        raise NotFound(
            f"there is no data file '{version}'", remedy=f"The versions are {', '.join(found)}."
        )
    content = file.read_bytes()
    names = content[: content.index(b"\n")].decode("utf-8").split(",")
    options = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    return csv.read_csv(BytesIO(content), convert_options=options)
