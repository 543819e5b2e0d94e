"""The dashboards: which there are, and their addresses, each with its file beside it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from serving.access import Permission, allows, require
from serving.pages import (
    custody_dashboard,
    interventions_dashboard,
    stalking_dashboard,
    volumes_dashboard,
)
from serving.pages.caseload import Caseload
from serving.pages.desk import BOARDS, Desk
from serving.pages.door import Page, Visitor
from serving.pages.lists import Lists
from serving.pages.render import Answer, Settings


def index(answer: Answer, lists: Lists) -> Page:
    """Return the page that says which dashboards there are for whoever asks."""

    def show(request: Request, visitor: Visitor) -> Response:
        require(visitor.principal, Permission.DASHBOARDS)
        loads = [at.load for at in lists.in_force()]
        shown = [
            (text, f"/dashboards/{name}", question)
            for name, text, permission, question in BOARDS
            if allows(visitor.principal.role, permission)
        ]
        last = max((load.data_to for load in loads), default=None)
        return answer(request, "dashboards.html", {"dashboards": shown, "records_to": last})

    return show


def routes(
    answer: Answer,
    lists: Lists,
    settings: Settings,
    guarded: Callable[[Page], Callable[[Request], Response]],
) -> list[BaseRoute]:
    """Return the routes of the dashboards, each page with its file beside it."""
    desk = Desk(answer, lists, settings)
    caseload = Caseload(desk)
    pages: dict[str, Page] = {
        "stalking": partial(stalking_dashboard.show, desk),
        "stalking/people": caseload.stalking,
        "volumes": partial(volumes_dashboard.show, desk),
        "custody": partial(custody_dashboard.show, desk),
        "interventions": partial(interventions_dashboard.show, desk),
        "outstanding": caseload.outstanding,
        "orders": caseload.orders,
        "dangerous": caseload.dangerous,
    }
    found: list[BaseRoute] = [Route("/dashboards", guarded(index(answer, lists)))]
    for name, page in pages.items():
        found += [
            Route(f"/dashboards/{name}", guarded(page)),
            Route(f"/dashboards/{name}.csv", guarded(page)),
        ]
    return found
