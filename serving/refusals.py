"""Which refusals are on the ledger, and how: one rule for programs and pages."""

from __future__ import annotations

from typing import Any

from features.errors import PrecursorError
from serving.database import LedgerUnavailable
from serving.ledger import Action, Ledger
from serving.permissions import Principal
from serving.shape import Refusal

NOT_STATED = "not stated"
"""Purpose of a refusal of what named none, or whose purpose was not read yet."""


def record_refusal(
    ledger: Ledger,
    refused: PrecursorError,
    principal: Principal,
    what: str,
    *,
    purpose: str = NOT_STATED,
    question: str | None = None,
    **more: Any,
) -> None:
    """Put on the ledger that something was asked for and not given, before that is answered.

    Everything is, but a request that cannot be read, which asks for nothing, and what the ledger
    cannot take just now.

    Parameters
    ----------
    what : str
        The route's template, or "page": no address, for that may name a person.
    more
        What else is said of the request, nothing of it about one person.
    """
    if isinstance(refused, Refusal | LedgerUnavailable):
        return
    ledger.append(
        Action.REFUSAL,
        actor=principal.actor,
        role=principal.role,
        purpose=purpose,
        question=question,
        body={"what": what, "code": refused.code, **more},
    )
