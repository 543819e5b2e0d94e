"""Addresses of the pages for reviewers and data scientists: how models do, who did what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from serving.drafts import Drafts
from serving.pages.assurance import Assurance
from serving.pages.audit import Audit
from serving.pages.door import Page
from serving.pages.forms import Endpoint, Posted
from serving.pages.lists import Lists
from serving.pages.looked_again import LookedAgain
from serving.pages.model_record import ModelRecord
from serving.pages.questions import Questions
from serving.pages.render import Answer
from serving.pages.replays import Replays

GET: dict[str, Any] = {"methods": ["GET"]}
POST: dict[str, Any] = {"methods": ["POST"]}


def routes(
    answer: Answer,
    lists: Lists,
    drafts: Drafts,
    guarded: Callable[[Page], Callable[[Request], Response]],
    posted: Callable[[Posted], Endpoint],
) -> list[BaseRoute]:
    """Return the routes of the pages by which scores and models are reviewed.

    Parameters
    ----------
    answer : callable
        Renders a template.
    lists : Lists
    drafts : Drafts
    guarded, posted : callable
        Put the sign-in, and for forms their mark, before a page.
    """
    audit, replays = Audit(answer, lists), Replays(answer, lists, drafts)
    assurance, records = Assurance(answer, lists), ModelRecord(answer, lists)
    questions, again = Questions(answer, lists), LookedAgain(answer, lists)
    return [
        Route("/assurance", guarded(assurance.index), **GET),
        Route("/assurance/{question}", guarded(assurance.show), **GET),
        Route("/model-record", guarded(records.index), **GET),
        Route("/model-record/{question}", guarded(records.show), **GET),
        Route("/model-record/{question}/{file}", guarded(records.download), **GET),
        Route("/questions", guarded(questions.index), **GET),
        Route("/questions/{question}", guarded(questions.show), **GET),
        Route("/questions/{question}/reports", guarded(again.index), **GET),
        Route("/questions/{question}/reports/{kind}/{report}", guarded(again.show), **GET),
        Route("/retired", guarded(again.retired), **GET),
        Route("/audit", guarded(audit.show), **GET),
        Route("/audit.csv", guarded(audit.download), **GET),
        Route("/audit", posted(audit.verify), **POST),
        Route("/audit/{entry:int}", guarded(audit.entry), **GET),
        Route("/replays", guarded(replays.ask), **GET),
        Route("/replays", posted(replays.find), **POST),
        Route("/replays/{score_id}", guarded(replays.show), **GET),
        Route("/replays/{score_id}", posted(replays.identify), **POST),
    ]
