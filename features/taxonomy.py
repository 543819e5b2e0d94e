"""What an offence code means: its harm, whether that is high harm, its marks, and the VAWG strands.

All of it is versioned data under ``features/data``, with source and licence in ``sources.yaml``.
Harm is in hundredths of a day, by one of several lists of weights: the median of the code's
subgroup in the Cambridge Crime Harm Index (the default), the weights of the Office for National
Statistics as far as they are published by class (`harm-ons-v1`, for comparison), or a force's own
list. High harm is an explicit list of codes, never a cut on a weight.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from features.errors import NotFound
from features.own_weights import own_weights

HARM = "harm-v1"
HIGH_HARM = "high-harm-v1"
STRANDS = "strands-v1"

HARM_WORDS = {"harm-v1": "subgroup medians", "harm-ons-v1": "ONS weights"}
"""The lists of harm weights that are ours to name, and how a sentence names them."""

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


def taxonomy(harm: str | Path = HARM, high_harm: str = HIGH_HARM) -> pa.Table:
    """Return all offence codes with their harm, whether they are high harm, and their marks.

    Parameters
    ----------
    harm : str or Path
        A version of the harm weights, one of :data:`HARM_WORDS`; or a CSV file of a force's own,
        with the columns ``offence_code`` and ``harm`` (days, at most two decimals).
    high_harm : str
        A version of the list of high-harm offences.

    Returns
    -------
    pyarrow.Table
        `offence_code`, `description`, `subgroup` (empty where unmapped), `harm` (int64, hundredths
        of a day, 0 without a weight), `high_harm` (bool), then one bool column for each of
        :data:`MARKS`. Sorted by code: Home Office codes, then classes of ours ("class/theft").

    Raises
    ------
    NotFound
        Where there is no such version or file.
    RecordsRefused
        Where a force's own list has faults; all of them are named.

    Examples
    --------
    >>> codes = taxonomy()
    >>> row = codes.filter(pc.equal(codes["offence_code"], "008/65")).to_pylist()[0]
    >>> row["description"], row["harm"], row["high_harm"], row["stalking"]
    ('Stalking involving fear of violence', 1000, False, True)
    """
    return _taxonomy(harm, high_harm, harm_name(harm))


@lru_cache(maxsize=8)
def _taxonomy(harm: str | Path, high_harm: str, name: str) -> pa.Table:
    # the name says which content of a file was read: another content is another table
    codes = _codes()
    high = _read(high_harm)["offence_code"]
    marks = pc.split_pattern(codes["marks"], " ").to_pylist()
    table = codes.select(["offence_code", "description", "subgroup"])
    days = pa.array([weight or 0 for weight in _weights(harm)], pa.int64())
    table = table.append_column("harm", days)
    table = table.append_column("high_harm", pc.is_in(codes["offence_code"], high))
    for mark in MARKS:
        table = table.append_column(mark, pa.array([mark in found for found in marks]))
    return table.combine_chunks()


def harm_name(harm: str | Path = HARM) -> str:
    """Return the name of a list of weights as a feature set carries it: its version, or its hash.

    Examples
    --------
    >>> harm_name(), harm_name("harm-ons-v1")
    ('harm-v1', 'harm-ons-v1')
    """
    if not _own(harm):
        if str(harm) not in HARM_WORDS:
            raise NotFound(
                f"there are no harm weights '{harm}'",
                remedy=f"The versions are {', '.join(HARM_WORDS)}; or name a .csv of your own.",
            )
        return str(harm)
    path = Path(harm)
    if not path.is_file():
        raise NotFound(f"{path}: there is no such file", remedy="Check the path of the weights.")
    return f"own-{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"


def harm_words(harm: str | Path = HARM) -> str:
    """Return a list of weights as a sentence names it.

    Examples
    --------
    >>> harm_words(), harm_words("harm-ons-v1")
    ('subgroup medians', 'ONS weights')
    """
    return HARM_WORDS.get(harm_name(harm), "the force's own weights")


def _own(harm: str | Path) -> bool:
    return isinstance(harm, Path) or harm.lower().endswith(".csv")


def _codes() -> pa.Table:
    return pa.concat_tables([_read("offence_codes-v1"), _read("classes-v1")])


def _weights(harm: str | Path) -> list[int | None]:
    """Return each code's weight in hundredths of a day; None where the list has none."""
    codes, subgroups = _columns(_codes(), "offence_code", "subgroup")
    if _own(harm):
        own = own_weights(Path(harm), frozenset(codes))
        return [own.get(code) for code in codes]
    held = _read(harm_name(harm))
    by = "subgroup" if "subgroup" in held.column_names else "offence_code"
    days = dict(zip(*_columns(held, by, "harm"), strict=True))
    keys = subgroups if by == "subgroup" else codes
    return [int(days[key]) if key in days else None for key in keys]


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
