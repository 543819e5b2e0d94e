"""How scores are made: what is predicted and from what, for everybody who signs in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from features.catalogue import register
from features.question import BANDS, Question
from models.words import date_words
from serving.access import Permission, require
from serving.pages import words
from serving.pages.chosen import seen
from serving.pages.door import Visitor
from serving.pages.over_lists import ListPages
from serving.stock import InForce


@dataclass(frozen=True)
class Made:
    """How the scores of one question are made."""

    title: str
    description: str
    outcome: str
    horizon: str
    facts: Sequence[tuple[str, str]]
    bands: Sequence[tuple[str, str, str]]
    groups: Sequence[tuple[str, str, str]]


def made(at: InForce) -> Made:
    """Return how one question's scores are made, from its model's own manifest."""
    question, model = at.question, at.model
    known = register()["groups"]
    synthetic = "yes: nothing these scores say is about people" if model.synthetic else "no"
    return Made(
        title=question.title,
        description=question.description,
        outcome=question.outcome_words,
        horizon=words.horizon(question.horizon_days),
        facts=[
            ("Model", f"version {at.version}, SHA-256 {model.sha256[:16]}…"),
            ("Trained on made-up people", synthetic),
            ("Records in use", f"up to {date_words(at.load.data_to)}"),
            ("Stage", question.stage),
            ("A score expires after", words.count(question.expires_after_days, "day", "days")),
            ("Capacity", words.count(question.capacity, "person", "people")),
        ],
        bands=band_cuts(question),
        groups=[
            (known[group]["words"], known[group]["reason"], known[group]["sensitivity"])
            for group in model.feature_set.groups
            if group in known
        ],
    )


def band_cuts(question: Question) -> list[tuple[str, str, str]]:
    """Return a question's bands: name, class in the style sheet, and ends in words."""
    starts, ends = (0.0, *question.cuts), (*question.cuts, None)
    return [
        (name, words.BAND_CLASSES[name], _cut(start, end))
        for name, start, end in zip(BANDS, starts, ends, strict=True)
    ]


def _cut(start: float, end: float | None) -> str:
    """Return a band's ends in words.

    Examples
    --------
    >>> _cut(0.0, 0.05), _cut(0.05, 0.15), _cut(0.3, None)
    ('under 5%', '5% to under 15%', '30% and more')
    """
    if end is None:
        return f"{start * 100:g}% and more"
    return f"under {end * 100:g}%" if not start else f"{start * 100:g}% to under {end * 100:g}%"


class How(ListPages):
    """The page that explains the scores."""

    def show(self, request: Request, visitor: Visitor) -> Response:
        """Answer with how the scores of each question are made; nobody is named on it."""
        require(visitor.principal, Permission.MODEL_RECORD)
        role = visitor.principal.role
        found = [made(at) for at in seen(self._lists, role)]
        return self._answer(request, "how.html", {"questions": found})
