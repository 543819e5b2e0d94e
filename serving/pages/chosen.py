"""Which question in force somebody looks into: found for their role, chosen, the look recorded."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from features.errors import NotFound
from models import dossier
from serving.pages.door import Visitor
from serving.pages.lists import Lists
from serving.pages.recorded import viewed
from serving.pages.render import Answer
from serving.stage import InShadow, may_see
from serving.stock import InForce


def seen(lists: Lists, role: str) -> list[InForce]:
    """Return the questions in force that a role may look into, by title."""
    found = [at for at in lists.in_force() if _may(role, at)]
    return sorted(found, key=lambda at: at.question.title)


def _may(role: str, at: InForce) -> bool:
    return role == "data_scientist" or may_see(role, at.question.stage)


def one(lists: Lists, role: str, question: str) -> InForce:
    """Return a question in force, or refuse one that is in shadow for this role.

    Raises
    ------
    NotFound
        It is not in force.
    InShadow
    """
    at = lists.stock.get(question)
    if not _may(role, at):
        raise InShadow(question)
    return at


def registered(question: str, titles: Mapping[str, str]) -> str:
    """Return the name of a question that ever had a model here; it need not be in force any more.

    Raises
    ------
    NotFound
        It never had one.
    """
    if question not in {*dossier.questions(), *titles}:
        raise NotFound(
            f"no model is registered here for question '{question}'",
            remedy="Open a question from the list of questions, or train a model for this one:"
            f" precursor train {question} RECORDS.",
        )
    return question


def choose(
    answer: Answer, lists: Lists, request: Request, visitor: Visitor, heading: str, place: str
) -> Response:
    """Lead to the page of the only question at a place, or show which there are."""
    found = seen(lists, visitor.principal.role)
    if len(found) == 1:
        return RedirectResponse(f"{place}/{found[0].question.name}", status_code=303)
    viewed(lists, visitor, place.strip("/"))
    context = {
        "heading": heading,
        "place": place,
        "questions": [(at.question.name, at.question.title) for at in found],
    }
    return answer(request, "choose_question.html", context)
