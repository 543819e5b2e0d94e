"""Forms of people: sent from here, by whom they were made for, and answered by a redirect.

What arrives after a session has ended is kept for its writer (`serving.drafts`), who finds it in
the form again after signing in. A form is sent to the address of its own page.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import quote

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from features.errors import PrecursorError
from serving.access import Access
from serving.credentials import check_csrf
from serving.drafts import Drafts, who_it_was
from serving.fields import LONGEST_REASON
from serving.ledger import Ledger
from serving.pages import words
from serving.pages.door import SESSION, Visitor, from_here, local, visitor

MOST_FIELDS = 40
DATES = frozenset({"review_on", "as_of_date"})
"""Fields of three parts: what is wrong with one is mended from its first part on."""

INWARD = frozenset({"csrf"})
"""Fields that are the form's own and no draft's."""


@dataclass(frozen=True)
class Form:
    """What a form holds, and what is wrong with it: field by field, in the order of the page."""

    fields: Mapping[str, list[str]] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    kept: bool = False

    def __getitem__(self, name: str) -> str:
        return (self.fields.get(name) or [""])[0].strip()

    def all(self, name: str) -> list[str]:
        """Return every value of a field: of boxes that were ticked."""
        return list(self.fields.get(name, ()))

    def wrong(self, errors: Mapping[str, str]) -> Form:
        """Return the same form with what is wrong with it."""
        return Form(self.fields, dict(errors))

    @property
    def summary(self) -> list[dict[str, str]]:
        """The errors as a summary lists them, each with a link to its field."""
        return [
            {"text": text, "href": f"#{name}-day" if name in DATES else f"#{name}"}
            for name, text in self.errors.items()
        ]


Posted = Callable[[Request, Visitor, Form], Response]
Endpoint = Callable[[Request], Awaitable[Response]]


def blank(drafts: Drafts, found: Visitor, request: Request, **given: str) -> Form:
    """Return the form as its page first shows it: empty, prefilled, or with what was kept."""
    kept = drafts.find(found.principal, request.url.path)
    if kept is not None:
        return Form(kept, kept=True)
    return Form({name: [value] for name, value in given.items()})


def done(drafts: Drafts, found: Visitor, request: Request, address: str) -> Response:
    """Lead away from a form that was taken, so that loading again sends nothing again."""
    drafts.drop(found.principal, request.url.path)
    return RedirectResponse(local(address), status_code=303)


def problems(refused: ValidationError, labels: Mapping[str, str], rest: str) -> dict[str, str]:
    """Return what a model finds wrong, in the words of the form's own labels.

    Parameters
    ----------
    labels : mapping
        What to say for each field; of a field that is not among them `rest` is told.
    rest : str
        Name of the field that a mistake of the whole belongs to.
    """
    found: dict[str, str] = {}
    for mistake in refused.errors(include_url=False, include_input=False, include_context=False):
        name = str(mistake["loc"][0]) if mistake["loc"] else rest
        place = name if name in labels else rest
        found.setdefault(place, labels.get(place) or mistake["msg"])
    return found


DATE_PARTS = ("day", "month", "year")


def date_of(form: Form, name: str) -> tuple[date | None, bool]:
    """Return the day that was entered in three parts, and whether what was entered is none.

    Examples
    --------
    >>> parts = {"on-day": ["29"], "on-month": ["2"], "on-year": ["2027"]}
    >>> date_of(Form(parts), "on"), date_of(Form(), "on")
    ((None, True), (None, False))
    """
    parts = [form[f"{name}-{part}"] for part in DATE_PARTS]
    if not any(parts):
        return None, False
    if not all(part.isascii() and part.isdecimal() and len(part) < 5 for part in parts):
        return None, True
    day, month, year = map(int, parts)
    try:
        return date(year, month, day), False
    except ValueError:
        return None, True


def date_items(form: Form, name: str) -> list[dict[str, str]]:
    """Return the three parts of a date as the date input takes them."""
    return [
        {
            "name": part,
            "value": form[f"{name}-{part}"],
            "classes": f"govuk-input--width-{4 if part == 'year' else 2}"
            + (" govuk-input--error" if name in form.errors else ""),
        }
        for part in DATE_PARTS
    ]


def long(form: Form, *reasons: str) -> dict[str, str]:
    """Return which reasons are too long, by how much."""
    return {
        name: f"Use {LONGEST_REASON:,} characters at most; there are {len(form[name]):,}"
        for name in reasons
        if len(form[name]) > LONGEST_REASON
    }


def in_order(errors: Mapping[str, str], labels: Mapping[str, str]) -> dict[str, str]:
    """Return errors in the order of the page's own labels."""
    return {name: errors[name] for name in labels if name in errors}


def refusal(refused: PrecursorError) -> str:
    """Return a refusal as a form says it: what is wrong, and what to do.

    Examples
    --------
    >>> refusal(PrecursorError("it was settled already", remedy="Open it."))
    'It was settled already. Open it.'
    """
    return f"{words.first_large(refused.message)}. {refused.remedy}"


def poster(
    access: Access, ledger: Ledger, drafts: Drafts, guard: Callable[..., Response]
) -> Callable[[Posted], Endpoint]:
    """Return what puts sign-in, the form's origin and its mark before whatever takes a form.

    Parameters
    ----------
    guard : callable
        Calls a page for a visitor, with refusals on the ledger (`serving.pages.app`).
    """

    def posted(handle: Posted) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            sent = await request.form(max_fields=MOST_FIELDS, max_files=0)
            fields: dict[str, list[str]] = {}
            for name, value in sent.multi_items():
                # browsers end lines with both; what is recorded is one line
                fields.setdefault(name, []).append(" ".join(str(value).split()))
            return await run_in_threadpool(taken, request, Form(fields), handle)

        return endpoint

    def taken(request: Request, form: Form, handle: Posted) -> Response:
        from_here(request)
        cookie, place = request.cookies.get(SESSION, ""), local(request.url.path)
        found = visitor(request, access)
        if found is None:
            who = who_it_was(ledger, cookie, form["csrf"])
            said = {name: values for name, values in form.fields.items() if name not in INWARD}
            kept = who is not None and drafts.keep(who, place, said)
            address = f"{place}?{request.url.query}" if request.url.query else place
            after = f"next={quote(address, safe='')}&{'kept' if kept else 'ended'}=1"
            return RedirectResponse(f"/sign-in?{after}", status_code=303)
        check_csrf(cookie, form["csrf"])
        return guard(request, found, lambda asked, who: handle(asked, who, form))

    return posted
