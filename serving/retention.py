"""The list of records due for review, as it leaves; and how old the ledger's word on people is."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from features.files import is_new, replacing
from features.loads import Load
from serving import tables
from serving.chain import stamp
from serving.ledger import Action, Leaf, Ledger
from serving.permissions import Principal
from serving.safe_csv import written

YEARS = (1, 6, 10)
"""How old the last word about a person is: under one year, up to six, up to ten, older."""

_AT_ONCE = 50_000


def ages(ledger: Ledger) -> list[dict[str, Any]]:
    """Return how many people the ledger speaks of, by the age of its last word about them.

    An erased person's part stays in the chain and cannot be read; it is counted under the
    pseudonym that nothing leads back from.
    """
    table, entry = tables.leaf.c, tables.entry.c
    last = (
        sa.select(sa.func.max(entry.at).label("at"))
        .select_from(tables.leaf.join(tables.entry, table.seq == entry.seq))
        .group_by(table.subject)
        .subquery()
    )
    now, found = ledger.now(), []
    edges = ["9999", *(stamp(now - timedelta(days=round(365.25 * y))) for y in YEARS), ""]
    for place, (newer, older) in enumerate(pairwise(edges)):
        query = sa.select(sa.func.count()).where(last.c.at < newer, last.c.at >= older)
        with ledger.reading() as connection:
            number = connection.scalar(query)
        found.append(
            {
                "from_years": (0, *YEARS)[place],
                "to_years": YEARS[place] if place < len(YEARS) else None,
                "people": int(number or 0),
            }
        )
    return found


def ages_in_words(found: list[dict[str, Any]]) -> str:
    """Return the ages as one sentence.

    Examples
    --------
    >>> ages_in_words([{"from_years": 0, "to_years": 1, "people": 12},
    ...     {"from_years": 10, "to_years": None, "people": 1}])
    'The last word of the ledger on people: 12 within 1 year, 1 more than 10 years ago.'
    """
    parts = []
    for line in found:
        number, first, last = line["people"], line["from_years"], line["to_years"]
        if number and last is None:
            parts.append(f"{number:,} more than {first} years ago")
        elif number and first == 0:
            parts.append(f"{number:,} within {last} year")
        elif number:
            parts.append(f"{number:,} between {first} and {last} years ago")
    return f"The last word of the ledger on people: {', '.join(parts) or 'none yet'}."


def write(
    ledger: Ledger, listed: pd.DataFrame, out: Path, *, who: Principal, purpose: str, load: Load
) -> int:
    """Write a list of people as CSV, on the ledger first, each with a part of their own.

    Returns
    -------
    int
        The number of the last entry.

    Raises
    ------
    Conflict
        The file exists.
    """
    is_new(out)
    rows = listed.assign(
        **{
            name: listed[name].dt.strftime("%Y-%m-%d")
            for name in ("clear_since", "last_review_on", "review_on", "kept_until")
        }
    )
    rows = rows.astype(object).where(rows.notna(), None)
    lines = list(rows.itertuples(index=False, name=None))
    told = [
        Leaf(row["nominal_id"], None, {"retention": {k: row[k] for k in ("group", "state")}})
        for row in rows.to_dict("records")
    ]
    seq = 0
    with replacing(out) as part:  # written before it is recorded, named after
        part.write_bytes(written(list(rows.columns), lines))
        for first in range(0, max(len(told), 1), _AT_ONCE):
            seq = ledger.append(
                Action.EXPORT,
                actor=who.actor,
                role=who.role,
                purpose=purpose,
                body={"what": "review of retention", "load": load.fingerprint, "people": len(told)},
                people=told[first : first + _AT_ONCE],
            ).seq
    return seq
