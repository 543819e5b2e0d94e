"""Stages of a question: one in shadow is scored, recorded and compared, and shown to no analyst."""

from __future__ import annotations

from features.errors import PrecursorError

SHADOW = "shadow"
_ALWAYS = ("reviewer", "operator")


class InShadow(PrecursorError):
    """A question whose scores are recorded and compared, and not shown (status 403).

    Examples
    --------
    >>> InShadow("stalking_6m").as_json()["error"]["code"]
    'in_shadow'
    """

    code = "in_shadow"
    status = 403

    def __init__(self, question: str) -> None:
        super().__init__(
            f"'{question}' is in shadow: its scores are recorded and compared, not shown",
            remedy="It is shown to analysts once it is moved to pilot.",
            field="question",
        )


def may_see(role: str, stage: str) -> bool:
    """Return whether a role sees scores that were given while their question was at a stage.

    Examples
    --------
    >>> may_see("analyst", "shadow"), may_see("reviewer", "shadow"), may_see("service", "live")
    (False, True, True)
    """
    return stage != SHADOW or role in _ALWAYS
