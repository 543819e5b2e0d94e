"""How far each person's rank runs under other choices, kept where the person's page can show it.

``HOME/sensitivity/QUESTION/DATE-VERSION.parquet`` has a row a person: `rank` by the model in force,
`best` and `worst` over all choices, and a rank for each choice. What the choices are, in words, is
in the file's metadata. An erasure reaches the rows as it does those of any table.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.files import replacing
from features.home import home

KINDS = {
    "harm": "other harm weights",
    "decay": "harm that fades faster or slower",
    "counting": "another counting rule",
    "seed": "other seeds of the trees",
}
"""Kinds of choices in words, by how the names of their columns begin."""

CHOICES = b"choices"


@dataclass(frozen=True)
class RankRange:
    """One person's ranks: by the model itself, and from the best to the worst by kind of choice.

    Attributes
    ----------
    rank, best, worst : int
    people : int
        Who were ranked.
    by_kind : mapping of str to (int, int)
        First and last rank under the choices of a kind, by its words.
    """

    rank: int
    best: int
    worst: int
    people: int
    by_kind: Mapping[str, tuple[int, int]]


def folder(question: str) -> Path:
    """Return where a question's rank ranges lie.

    Examples
    --------
    >>> folder("stalking_escalation").parts[-2:]
    ('sensitivity', 'stalking_escalation')
    """
    return home() / "sensitivity" / question


def _file(question: str, version: int, as_of: date) -> Path:
    return folder(question) / f"{as_of.isoformat()}-{version}.parquet"


def keep(
    table: pd.DataFrame, choices: Mapping[str, str], *, question: str, version: int, as_of: date
) -> Path:
    """Keep rank ranges in one step, for nobody but this user to read.

    Parameters
    ----------
    table : DataFrame
        `nominal_id`, `rank`, `best`, `worst`, and a rank for each choice.
    choices : mapping of str to str
        Each choice in words, by its column.
    """
    file = _file(question, version, as_of)
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = pa.Table.from_pandas(table, preserve_index=False)
    rows = rows.replace_schema_metadata({CHOICES: json.dumps(dict(choices))})
    with replacing(file, private=True) as part:
        pq.write_table(rows, part, compression="zstd")
    return file


def of_person(question: str, version: int, as_of: date, nominal_id: str) -> RankRange | None:
    """Return one person's ranks as they were kept; None where nobody worked them out."""
    file = _file(question, version, as_of)
    if not file.is_file():
        return None
    found = pq.read_table(file, filters=[("nominal_id", "==", nominal_id)])
    if not len(found):
        return None
    (row,) = found.slice(0, 1).to_pylist()
    by_kind: dict[str, tuple[int, int]] = {}
    for kind, words in KINDS.items():
        ranks = [int(rank) for name, rank in row.items() if name.startswith(f"{kind}_")]
        if ranks:
            by_kind[words] = (min(ranks), max(ranks))
    return RankRange(
        rank=int(row["rank"]),
        best=int(row["best"]),
        worst=int(row["worst"]),
        people=pq.read_metadata(file).num_rows,
        by_kind=by_kind,
    )
