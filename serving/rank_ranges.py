"""Ranges of ranks on the ledger: how far each person's place depends on choices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pandas as pd

from features.loads import Load
from features.turns import Turns
from serving.command_ledger import ledger
from serving.ledger import Action, Leaf
from serving.permissions import operator


def ranged(load: Load) -> Callable[[str, int, pd.DataFrame], AbstractContextManager[None]]:
    """Return what puts ranges of ranks on the ledger, each person's part for themselves.

    They are kept in the block that it opens, unless somebody was erased since this was called.
    """
    turns = Turns(load)

    @contextmanager
    def put(question: str, version: int, table: pd.DataFrame) -> Iterator[None]:
        who, columns = operator(), ["nominal_id", "rank", "best", "worst"]
        told = [
            Leaf(row.pop("nominal_id"), None, {"rank_range": {k: int(n) for k, n in row.items()}})
            for row in table[columns].to_dict("records")
        ]
        with turns.turn(), ledger() as book:
            for first in range(0, len(told), 50_000):
                book.append(
                    Action.EXPORT,
                    actor=who.actor,
                    role=who.role,
                    purpose="ranges of ranks",
                    question=question,
                    body={"what": "ranges of ranks", "version": version},
                    people=told[first : first + 50_000],
                )
            yield

    return put
