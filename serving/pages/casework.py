"""The addresses of casework: lists, people, own views, decisions, disputes, requested scores."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from serving.drafts import Drafts
from serving.pages.decide import Decide
from serving.pages.disputing import Disputing
from serving.pages.door import Page
from serving.pages.export import Export
from serving.pages.forms import Endpoint, Posted
from serving.pages.lists import Lists
from serving.pages.own_views import OwnViews
from serving.pages.person import Person
from serving.pages.priority_list import PriorityList
from serving.pages.render import Answer, Settings
from serving.pages.request_scores import RequestScores
from serving.pages.selecting import Selecting
from serving.pages.sign_offs import SignOffs


def routes(
    answer: Answer,
    lists: Lists,
    drafts: Drafts,
    own_views: OwnViews,
    settings: Settings,
    guarded: Callable[[Page], Callable[[Request], Response]],
    posted: Callable[[Posted], Endpoint],
) -> list[BaseRoute]:
    """Return the routes of casework.

    Parameters
    ----------
    guarded, posted : callable
        Put the sign-in before a page, and before whatever takes a form.
    """
    listed, person = PriorityList(answer, lists), Person(answer, lists)
    decide, selecting = Decide(answer, lists, drafts), Selecting(answer, lists, drafts)
    sign_offs, disputing = SignOffs(answer, lists, drafts), Disputing(answer, lists, drafts)
    scores, export = RequestScores(answer, lists, drafts), Export(listed, settings.marking)

    def form(path: str, show: Page, take: Posted) -> list[BaseRoute]:
        return [
            Route(path, guarded(show), methods=["GET"]),
            Route(path, posted(take), methods=["POST"]),
        ]

    one, score = "/lists/{question}", "/lists/{question}/{score_id}"
    return [
        Route("/lists", guarded(listed.index)),
        Route(one, guarded(listed.show)),
        Route(f"{one}/not-scored", guarded(listed.not_scored)),
        Route(f"{one}/list.csv", guarded(export.show)),
        *form(f"{one}/own-view", own_views.show, own_views.take),
        Route(score, guarded(person.show)),
        *form(f"{score}/decision", decide.show, decide.take),
        *form(f"{score}/selection", selecting.show, selecting.take),
        *form(f"{score}/dispute", disputing.ask, disputing.bring),
        Route("/selections", guarded(selecting.index)),
        Route("/sign-offs", guarded(sign_offs.index)),
        *form("/sign-offs/{decision}", sign_offs.show, sign_offs.take),
        Route("/disputes", guarded(disputing.index)),
        *form("/disputes/{dispute}", disputing.show, disputing.settle),
        *form("/scores", scores.show, scores.take),
        Route("/scores/{entry}", guarded(scores.result)),
    ]
