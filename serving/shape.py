"""One shape for every error that leaves the service: code, message, field, remedy.

Ours are raised in it; what the framework says by itself (a request that fails its model, an unknown
path, a fault) is put into it here. A fault tells the caller nothing but a number to quote. Where a
page was asked for and the gate refuses, the same words are a page.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from features.errors import PrecursorError

MOST_LISTED = 20
"""Most mistakes of one request that its error names; a million bad ids need no million lines."""

_BY_STATUS: Mapping[int, tuple[str, str, str]] = {
    400: ("invalid_request", "the request cannot be read", "Send it as /docs.json says."),
    404: ("not_found", "there is nothing at this path", "/docs.json lists the paths."),
    405: ("method_not_allowed", "this path has no such method", "/docs.json lists the methods."),
    408: ("too_slow", "the request did not arrive in time", "Send it again, all at once."),
    413: ("too_large", "the request is larger than 1 MB", "Send fewer people, or use a batch."),
    415: (
        "not_json",
        "the request's content type is not application/json",
        "Send JSON with 'Content-Type: application/json'.",
    ),
    429: ("too_many_requests", "too many requests are under way", "Try again in a second."),
    500: (
        "fault",
        "the service failed",
        "Try again, or report this answer's x-request-id.",
    ),
    503: ("unavailable", "the service cannot answer now", "Try again in a minute."),
}


class Refusal(PrecursorError):
    """A refusal by HTTP status, with the house's words for it.

    Examples
    --------
    >>> Refusal(405, field="method").as_json()["error"]["code"]
    'method_not_allowed'
    """

    def __init__(self, status: int, message: str = "", *, field: str | None = None) -> None:
        code, usual, remedy = _BY_STATUS.get(status, _BY_STATUS[500 if status >= 500 else 400])
        super().__init__(message or usual, remedy=remedy, field=field, code=code)
        self.status = status


def place(location: Sequence[object]) -> str:
    """Return where in a request something is, as a reader writes it.

    Examples
    --------
    >>> place(("nominal_ids", 3))
    'nominal_ids[3]'
    """
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def invalid(mistakes: Sequence[Mapping[str, Any]]) -> Refusal:
    """Return one refusal that names all mistakes of a request, as its model found them.

    Examples
    --------
    >>> error = invalid([{"loc": ("purpose",), "msg": "Field required"}])
    >>> error.message, error.field
    ('purpose: Field required', 'purpose')
    """
    texts = []
    for mistake in mistakes[:MOST_LISTED]:
        where = place(mistake.get("loc", ()))
        words = str(mistake.get("msg", "is not valid")).removeprefix("Value error, ")
        texts.append(f"{where}: {words}" if where else words)
    if len(mistakes) > MOST_LISTED:
        texts.append(f"and {len(mistakes) - MOST_LISTED} more")
    first = place(mistakes[0].get("loc", ())) if mistakes else ""
    return Refusal(400, "; ".join(texts), field=first or None)


def shaped(status: int, body: bytes) -> tuple[int, bytes]:
    """Return an error answer, whoever made it, with its status and in the one shape.

    Examples
    --------
    >>> shaped(404, b"Not Found")[1]
    b'{"error": {"code": "not_found", "message": "there is nothing at this path",...
    """
    try:
        said = json.loads(body)
    except ValueError:  # plain text, as the framework answers an unknown path
        said = None
    if isinstance(said, dict) and isinstance(said.get("error"), dict) and "code" in said["error"]:
        return status, body
    if isinstance(said, dict) and isinstance(said.get("detail"), list):
        return 400, encoded(invalid(said["detail"]))
    error = Refusal(status if status in _BY_STATUS else 500 if status >= 500 else 400)
    return error.status, encoded(error)


def encoded(error: PrecursorError) -> bytes:
    """Return an error as the bytes of its JSON."""
    return json.dumps(error.as_json()).encode()


_PAGE = Markup("""<!DOCTYPE html>
<html lang="en" class="govuk-template">
<head>
<meta charset="utf-8">
<title>{heading} – Offender risk scores</title>
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="robots" content="noindex, nofollow">
<link rel="stylesheet" href="/static/pages.css">
</head>
<body class="govuk-template__body">
<main class="govuk-width-container govuk-main-wrapper">
<h1 class="govuk-heading-l">{heading}</h1>
<p class="govuk-body">{remedy}</p>
<p class="govuk-body"><a class="govuk-link" href="/">Go to the first page</a></p>
</main>
</body>
</html>
""")


def as_page(error: PrecursorError) -> bytes:
    """Return an error as the bytes of a page that needs nothing of the service but its style."""
    heading = f"{error.message[:1].upper()}{error.message[1:]}"
    return _PAGE.format(heading=heading, remedy=error.remedy).encode()
