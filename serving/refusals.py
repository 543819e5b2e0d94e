"""Which refusals are on the ledger, and how: one rule for programs and pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from features.errors import PrecursorError
from serving.database import LedgerUnavailable
from serving.ledger import Action, Ledger
from serving.need_to_know import NeedToKnow
from serving.permissions import Principal
from serving.shape import Refusal
from serving.unlinked import NamesAPerson, named_in

NOT_STATED = "not stated"
"""Purpose of a refusal of what named none, or one that may not be kept or was not read yet."""


def record_refusal(
    ledger: Ledger,
    refused: PrecursorError,
    principal: Principal,
    what: str,
    *,
    purpose: str = NOT_STATED,
    question: str | None = None,
    people: Iterable[str] = (),
    **more: Any,
) -> None:
    """Put on the ledger that something was asked for and not given, before that is answered.

    Everything is, but a request that cannot be read, which asks for nothing, and what the ledger
    cannot take just now. A refusal has no leaf that an erasure could empty, so that what somebody
    wrote and names a person is left out of it.

    Parameters
    ----------
    what : str
        The route's template, or "page": no address, for that may name a person.
    people : iterable of str
        Whom it asked for.
    more
        What else is said of the request, nothing of it about one person.
    """
    if isinstance(refused, Refusal | LedgerUnavailable):
        return
    asked_for = refused.people if isinstance(refused, NeedToKnow) else frozenset(people)
    unfit = isinstance(refused, NamesAPerson) or named_in(purpose, asked_for)
    if unfit or not purpose.isprintable():  # the ledger takes no other, and this has to be there
        purpose = NOT_STATED
    for name, said in more.items():
        if isinstance(said, str) and named_in(said, asked_for):
            more[name] = NOT_STATED
    ledger.append(
        Action.REFUSAL,
        actor=principal.actor,
        role=principal.role,
        purpose=purpose,
        question=question,
        body={"what": what, "code": refused.code, **more},
    )
