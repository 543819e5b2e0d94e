"""Made-up identities for trying the linking of person records: the names are of no language."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from features.synthetic.columns import Array, Columns

SCHEMA = pa.schema(
    [
        ("nominal_id", pa.string()),
        ("forename", pa.string()),
        ("surname", pa.string()),
        ("born_on", pa.date32()),
        ("postcode", pa.string()),
        ("pnc_id", pa.string()),
    ]
)
"""Columns of ``identities.parquet``, which the linking of duplicates reads."""

_SYLLABLES = np.array([a + b for a in "BDFGKLMNPRSTVZ" for b in ("A", "E", "I", "O", "U", "YX")])
_NAMES, _FAMILIES, _PLACES = 400, 6_000, 20_000
_WITH_PNC, _MISSPELT, _RENAMED, _MOVED, _SAME_PNC = 0.6, 0.12, 0.08, 0.5, 0.35


def identities(
    nominal_ids: pa.Array, born: Array, doubles: Columns, rng: np.random.Generator
) -> pa.Table:
    """Return a made-up identity for each person record.

    Parameters
    ----------
    nominal_ids : pyarrow.Array
    born : datetime64[D] array
        Dates of birth as the records finally have them, NaT where they have none.
    doubles : Columns
        double and person: rows of second records and of the first ones of the same people.
    rng : numpy.random.Generator

    Examples
    --------
    >>> none = {"double": np.zeros(0, dtype=int), "person": np.zeros(0, dtype=int)}
    >>> born = np.array(["1990-05-01"], "datetime64[D]")
    >>> made = identities(pa.array(["N000001"]), born, none, np.random.default_rng(1))
    >>> made.column_names == SCHEMA.names
    True
    """
    k = len(born)
    words = np.random.default_rng(20)  # the same names in every world
    forenames = _words(_NAMES, 2, words)
    surnames = _words(_FAMILIES, 3, words)
    # A few names are common and most are rare.
    forename = forenames[np.floor(_NAMES * rng.random(k) ** 2).astype(np.int64)]
    surname = surnames[np.floor(_FAMILIES * rng.random(k) ** 2).astype(np.int64)]
    place = rng.integers(0, _PLACES, k)
    number = rng.permutation(k)
    has = rng.random(k) < _WITH_PNC

    second, first = doubles["double"], doubles["person"]
    chance = rng.random((5, len(second)))
    forename[second] = _slip(forename[first], chance[0] < _MISSPELT)
    surname[second] = np.where(
        chance[1] < _RENAMED, surname[second], _slip(surname[first], chance[2] < _MISSPELT)
    )
    place[second] = np.where(chance[3] < _MOVED, place[second], place[first])
    same = (chance[4] < _SAME_PNC) & has[first]
    number[second] = np.where(same, number[first], number[second])
    has[second] = same
    postcodes = np.array([f"ZX{n // 1000} {n // 100 % 10}{_pair(n % 100)}" for n in range(_PLACES)])
    pnc = np.char.add(np.char.add("SYN/", np.char.zfill(number.astype(str), 7)), "Z")
    return pa.table(
        {
            "nominal_id": nominal_ids,
            "forename": pa.array(forename),
            "surname": pa.array(surname),
            "born_on": pa.array(born),
            "postcode": pa.array(postcodes[place]),
            "pnc_id": pa.array(pnc, mask=~has),
        }
    ).cast(SCHEMA)


def _words(many: int, syllables: int, rng: np.random.Generator) -> Array:
    drawn = rng.integers(0, len(_SYLLABLES), (syllables, many))
    made: Array = np.char.add(_SYLLABLES[drawn[0]], _SYLLABLES[drawn[1]])
    for more in drawn[2:]:
        made = np.char.add(made, _SYLLABLES[more])
    return made


def _slip(names: Array, where: Array) -> Array:
    """Swap the second and third letter of some names."""
    swapped = np.array([name[:1] + name[2:3] + name[1:2] + name[3:] for name in names.tolist()])
    return np.where(where, swapped, names) if len(names) else names


def _pair(number: int) -> str:
    letters = "ABDEFGHJLN"
    return letters[number // 10] + letters[number % 10]
