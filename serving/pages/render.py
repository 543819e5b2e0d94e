"""From view models to HTML: one Jinja environment with GOV.UK Frontend's macros, all escaped."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from jinja2 import ChainableUndefined, Environment, PackageLoader, PrefixLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from models.words import date_words
from serving.access import Permission, allows
from serving.charts import key_mark
from serving.pages.door import Visitor
from serving.pages.lists import Lists
from serving.pages.staying import ending

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "static"


@dataclass(frozen=True)
class Settings:
    """What a force chooses of the pages' look; from the environment by default."""

    marking: str = "OFFICIAL-SENSITIVE"
    organisation: str = "Precursor"

    @classmethod
    def from_environment(cls) -> Settings:
        """Read ``PRECURSOR_MARKING`` and ``PRECURSOR_ORGANISATION``.

        Examples
        --------
        >>> Settings.from_environment().marking
        'OFFICIAL-SENSITIVE'
        """
        return cls(
            os.environ.get("PRECURSOR_MARKING") or cls.marking,
            os.environ.get("PRECURSOR_ORGANISATION") or cls.organisation,
        )


class _Undefined(ChainableUndefined):
    """Missing parameters of macros are empty; a missing field of a view model is a fault."""

    def __str__(self) -> str:
        if is_dataclass(self._undefined_obj):
            self._fail_with_undefined_error()
        return super().__str__()

    def __html__(self) -> str:
        return str(self)


@lru_cache(maxsize=64)
def static_url(name: str) -> str:
    """Return the address of a static file, which changes with its content.

    Examples
    --------
    >>> static_url("pages.css").startswith("/static/pages.css?v=")
    True
    """
    content = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()
    return f"/static/{name}?v={content[:12]}"


def environment() -> Environment:
    """Return the Jinja environment of the pages."""
    made = Environment(
        loader=PrefixLoader(
            {
                "pages": PackageLoader("serving", "templates"),
                "govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja"),
            }
        ),
        autoescape=True,
        undefined=_Undefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(static_url=static_url, key_mark=key_mark)
    made.filters.update(day=date_words)
    return made


class Answer(Protocol):
    """Answers a request with a template, and with what every page has."""

    def __call__(
        self,
        request: Request,
        template: str,
        context: Mapping[str, Any],
        *,
        made_up: bool | None = None,
        status: int = 200,
    ) -> Response:
        """Return the page; `made_up` overrides what is true of the house as a whole."""


def renderer(settings: Settings, lists: Lists) -> Answer:
    """Return what the pages answer with.

    Parameters
    ----------
    settings : Settings
    lists : Lists
        Says whether there are made-up people in the house at all, for pages that show none.
    """
    made = environment()

    def answer(
        request: Request,
        template: str,
        context: Mapping[str, Any],
        *,
        made_up: bool | None = None,
        status: int = 200,
    ) -> Response:
        visitor: Visitor | None = getattr(request.state, "visitor", None)
        text = made.get_template(f"pages/{template}").render(
            {
                "settings": settings,
                "visitor": visitor,
                "navigation": [] if visitor is None else _navigation(request, visitor),
                "here": request.url.path,
                "ending": None
                if visitor is None or visitor.session is None
                else ending(visitor.session, lists.ledger.now()),
                "made_up": lists.made_up() if made_up is None else made_up,
                **context,
            }
        )
        return HTMLResponse(text, status_code=status)

    return answer


def _navigation(request: Request, visitor: Visitor) -> list[dict[str, Any]]:
    return [
        {"text": text, "href": href, "active": request.url.path.startswith(href)}
        for text, href, permission in NAVIGATION
        if allows(visitor.principal.role, permission)
    ]


NAVIGATION = (
    ("Priority list", "/lists", Permission.LIST),
    ("Dashboards", "/dashboards", Permission.DASHBOARDS),
    ("Request scores", "/scores", Permission.SCORE),
    ("Who is managed", "/selections", Permission.SELECTION),
    ("Sign-offs", "/sign-offs", Permission.SIGN_OFF),
    ("Disputes", "/disputes", Permission.SETTLEMENT),
    ("Assurance", "/assurance", Permission.ASSURANCE),
    ("Questions", "/questions", Permission.QUESTIONS),
    ("Replay", "/replays", Permission.REPLAY),
    ("Audit", "/audit", Permission.AUDIT),
)
"""Entries of the navigation, in their order; each is shown to the roles that may open it.

They stand on one line of a desk's screen, so they are short; what everybody may read is in the
footer."""


def marking_sheet(settings: Settings) -> str:
    r"""Return the style sheet that prints the marking on every sheet of paper.

    Examples
    --------
    >>> marking_sheet(Settings(marking='A "B"'))[:59]
    '@media print{@page{@top-center{content:"A \\22 B\\22 ";font:7'
    """
    text = "".join(
        letter if letter.isalnum() or letter in " -" else f"\\{ord(letter):x} "
        for letter in settings.marking
    )
    style = "font:700 10pt arial,sans-serif"
    return f'@media print{{@page{{@top-center{{content:"{text}";{style}}}}}}}\n'
