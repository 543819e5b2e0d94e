"""What is looked at on a page, on the ledger before it is answered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from serving.chain import Action, Leaf
from serving.pages.door import Visitor
from serving.pages.lists import Lists


def viewed(
    lists: Lists,
    visitor: Visitor,
    what: str,
    question: str | None = None,
    *,
    people: Iterable[Leaf] = (),
    **more: Any,
) -> None:
    """Put on the ledger that a page is looked at.

    Parameters
    ----------
    what : str
        Which page it is.
    people : iterable of Leaf
        Whom it shows; nobody by default.
    more
        What else is said of it, nothing of it about one person.
    """
    lists.ledger.append(
        Action.VIEW,
        actor=visitor.principal.actor,
        role=visitor.principal.role,
        purpose=visitor.purpose,
        question=question,
        body={"what": what, **more},
        people=people,
    )
