"""The service's routes for programs, in one table: path, who may use it, what it takes and gives.

The gate asks this table who may pass, the API's document is written from it, and metrics are
labelled by its templates, so that no person's id ever becomes a label.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from pydantic import BaseModel

from serving.case_schema import (
    BreakGlassAnswer,
    ChallengeAnswer,
    DecisionAnswer,
    DecisionsAnswer,
    DocumentAnswer,
    OutcomesAnswer,
    OwnViewAnswer,
    OwnViewsDueAnswer,
    SelectionAnswer,
    SelectionsAnswer,
    SettlementAnswer,
    SignOffAnswer,
)
from serving.permissions import PERMISSIONS, Permission, Role
from serving.schema import (
    BreakGlassRequest,
    ChallengeRequest,
    DecisionRequest,
    ListAnswer,
    OwnViewRequest,
    ReplayAnswer,
    ScoreAnswer,
    ScoreRequest,
    ScoresAnswer,
    SelectionRequest,
    SettlementRequest,
    SignOffRequest,
)


@dataclass(frozen=True)
class Parameter:
    """A query parameter of a route, for its document and its check."""

    name: str
    words: str
    kind: str = "string"
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True)
class Route:
    """One route: method and path template, what it takes to use it, what it takes and answers.

    Examples
    --------
    >>> route = Route("GET", "/v1/scores/{score_id}", Permission.VIEW, "One score.")
    >>> route.matches("/v1/scores/s-1"), route.matches("/v1/scores/a/b")
    (True, False)
    """

    method: str
    path: str
    permission: Permission | None
    summary: str
    takes: type[BaseModel] | None = None
    answers: type[BaseModel] | None = None
    query: tuple[Parameter, ...] = ()
    refusals: tuple[int, ...] = ()
    media: str = "application/json"

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(re.sub(r"\{\w+\}", "[^/]+", self.path))

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles that may use it; none for an anonymous route."""
        return () if self.permission is None else PERMISSIONS[self.permission].roles

    @property
    def about_people(self) -> bool:
        """Whether an answer may name anybody; others are given while somebody is erased, too."""
        return self.permission not in (None, Permission.METRICS, Permission.OPENAPI)

    def matches(self, path: str) -> bool:
        """Return whether a request's path is one of this route's."""
        return self._pattern.fullmatch(path) is not None


PURPOSE = Parameter("purpose", "What it is looked up for; it is recorded.")
NAMED = Parameter("on_behalf_of", "The person a program asks for, which has to say it; recorded.")
PAGED = (
    Parameter("offset", "Lines to skip.", "integer", least=0),
    Parameter("limit", "Most lines to return.", "integer", least=1, most=1_000),
)

ROUTES = (
    Route(
        "POST",
        "/v1/scores",
        Permission.SCORE,
        "Score people, with reasons down to the records; every answer is on the ledger first.",
        takes=ScoreRequest,
        answers=ScoresAnswer,
        refusals=(404, 409, 413, 415),
    ),
    Route(
        "GET",
        "/v1/scores/{score_id}",
        Permission.VIEW,
        "One score as it was given.",
        answers=ScoreAnswer,
        query=(PURPOSE, NAMED),
        refusals=(404, 409, 410),
    ),
    Route(
        "GET",
        "/v1/lists/{question}",
        Permission.LIST,
        "The published list of a question, by rank.",
        answers=ListAnswer,
        query=(PURPOSE, NAMED, *PAGED),
        refusals=(404, 409),
    ),
    Route(
        "GET",
        "/v1/replays/{score_id}",
        Permission.REPLAY,
        "A past score computed again from its stored inputs, and the inputs from the records.",
        answers=ReplayAnswer,
        query=(PURPOSE,),
        refusals=(404,),
    ),
    Route(
        "GET",
        "/v1/own-views/{question}",
        Permission.OWN_VIEW,
        "Whom the analyst's own view is due of before anything is shown, with their records.",
        answers=OwnViewsDueAnswer,
        query=(PURPOSE,),
        refusals=(404, 409),
    ),
    Route(
        "POST",
        "/v1/own-views",
        Permission.OWN_VIEW,
        "Give an own view before the score, or skip what is due as urgent.",
        takes=OwnViewRequest,
        answers=OwnViewAnswer,
        refusals=(404, 409, 413, 415),
    ),
    Route(
        "POST",
        "/v1/decisions",
        Permission.DECISION,
        "Agree with a score or override it, with a reason; nothing follows by itself.",
        takes=DecisionRequest,
        answers=DecisionAnswer,
        refusals=(404, 409, 410, 413, 415),
    ),
    Route(
        "POST",
        "/v1/decisions/{decision}/sign-off",
        Permission.SIGN_OFF,
        "A supervisor's word on somebody else's decision, once.",
        takes=SignOffRequest,
        answers=SignOffAnswer,
        refusals=(404, 409, 410, 413, 415),
    ),
    Route(
        "GET",
        "/v1/decisions/{question}",
        Permission.DECISIONS,
        "Decisions on a question's scores, the latest first, with sign-off and own view.",
        answers=DecisionsAnswer,
        query=(PURPOSE, *PAGED),
        refusals=(404,),
    ),
    Route(
        "GET",
        "/v1/decisions/{question}/outcomes",
        Permission.OUTCOMES,
        "Decisions beside what was recorded afterwards, by subgroup; nobody is named.",
        answers=OutcomesAnswer,
        query=(PURPOSE,),
        refusals=(404,),
    ),
    Route(
        "POST",
        "/v1/challenges",
        Permission.CHALLENGE,
        "Score a person without a disputed record, beside the score as it was given.",
        takes=ChallengeRequest,
        answers=ChallengeAnswer,
        refusals=(404, 409, 410, 413, 415),
    ),
    Route(
        "POST",
        "/v1/challenges/{challenge}/settlement",
        Permission.SETTLEMENT,
        "What was found about a disputed record, once; the score stays as it was given.",
        takes=SettlementRequest,
        answers=SettlementAnswer,
        refusals=(404, 409, 410, 413, 415),
    ),
    Route(
        "POST",
        "/v1/break-glass",
        Permission.BREAK_GLASS,
        "See one person outside one's need to know, for eight hours and a stated cause.",
        takes=BreakGlassRequest,
        answers=BreakGlassAnswer,
        refusals=(413, 415),
    ),
    Route(
        "POST",
        "/v1/selections",
        Permission.SELECTION,
        "Take a person on from a list, keep them on after a review, or let them go.",
        takes=SelectionRequest,
        answers=SelectionAnswer,
        refusals=(404, 409, 410, 413, 415),
    ),
    Route(
        "GET",
        "/v1/selections/{question}",
        Permission.SELECTION,
        "Who is selected now, the next review first; nobody who was let go.",
        answers=SelectionsAnswer,
        query=(PURPOSE,),
        refusals=(404, 409),
    ),
    Route("GET", "/docs.json", Permission.OPENAPI, "This document.", answers=DocumentAnswer),
    Route(
        "GET",
        "/readyz",
        Permission.METRICS,
        "Whether scores can be given; if not, why.",
        media="text/plain",
    ),
    Route("GET", "/metrics", Permission.METRICS, "Figures for Prometheus.", media="text/plain"),
    Route("GET", "/livez", None, "Whether the process runs; anonymous.", media="text/plain"),
)
"""Every route for programs. A route without a permission is anonymous."""

SYSTEM = ("/healthz", "/schema.json", "/static_content", "/assets")
"""Paths that BentoML adds of its own; they do not exist here."""


def is_for_programs(path: str) -> bool:
    """Return whether a path belongs to this table's world rather than to the pages'.

    Examples
    --------
    >>> is_for_programs("/v1/scores"), is_for_programs("/lists/escalation")
    (True, False)
    """
    return (
        path == "/v1"
        or path.startswith("/v1/")
        or path.startswith(SYSTEM)
        or any(route.path == path for route in ROUTES)
    )


def find(method: str, path: str) -> tuple[Route | None, tuple[str, ...]]:
    """Return the route of a request, and the methods its path allows.

    Examples
    --------
    >>> route, allowed = find("GET", "/v1/scores")
    >>> route, allowed
    (None, ('POST',))
    """
    here = [route for route in ROUTES if route.matches(path)]
    return (
        next((route for route in here if route.method == method), None),
        tuple(route.method for route in here),
    )
