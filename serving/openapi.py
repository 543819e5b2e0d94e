"""The API's document: OpenAPI 3.1, written from the table of routes and their models."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from serving.routes import ROUTES, Route
from serving.schema import ErrorAnswer

TITLE = "Precursor"
VERSION = "v1"
ABOUT = (
    "Escalation-risk scores for integrated offender management: calibrated probabilities with"
    " reasons. A score advises; people decide. Every answer is on the ledger before it is given."
)
_REFUSALS = {
    400: "The request is not as described; every mistake of it is named.",
    401: "No valid token.",
    403: "The token's role may not do this; the refusal is on the ledger.",
    404: "There is no such thing.",
    408: "The request did not arrive in time.",
    409: "It does not fit the present state.",
    410: "It was erased.",
    413: "Larger than 1 MB.",
    415: "Not JSON.",
    429: "Too many requests under way, or more a second than one actor may make.",
    500: "The service failed; the request id can be quoted.",
    503: "It cannot be answered now, and why.",
}
_ALWAYS = (400, 401, 403, 429, 500, 503)


@cache
def document() -> dict[str, Any]:
    """Return the document of every route for programs.

    Examples
    --------
    >>> sorted(document()["paths"]["/v1/scores"])
    ['post']
    """
    used: list[type[BaseModel]] = [
        model for route in ROUTES for model in (route.takes, route.answers) if model is not None
    ]
    each_once: dict[type[BaseModel], None] = dict.fromkeys([*used, ErrorAnswer])
    described: list[tuple[type[BaseModel], Literal["validation"]]] = [
        (model, "validation") for model in each_once
    ]
    _, schemas = models_json_schema(
        described,
        ref_template="#/components/schemas/{model}",
    )
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": VERSION, "description": ABOUT},
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    wrong = (*_ALWAYS, *route.refusals) if route.permission else (500,)
    found: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{route.method.lower()}{route.path}").strip("_"),
        "summary": route.summary,
        "responses": {
            "200": {"description": "Done.", "content": {route.media: {"schema": _answer(route)}}},
            **{str(status): _refusal(status) for status in sorted(set(wrong))},
        },
    }
    if route.permission:
        found["description"] = f"Open to: {', '.join(route.roles)}."
    else:
        found["security"] = []
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", route.path)
    ]
    for parameter in route.query:
        bounds = {"minimum": parameter.least, "maximum": parameter.most}
        kind = {"type": parameter.kind, **{k: v for k, v in bounds.items() if v is not None}}
        parameters.append(
            {
                "name": parameter.name,
                "in": "query",
                "required": False,
                "description": parameter.words,
                "schema": kind,
            }
        )
    if parameters:
        found["parameters"] = parameters
    if route.takes is not None:
        schema = {"$ref": f"#/components/schemas/{route.takes.__name__}"}
        found["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
    return found


def _answer(route: Route) -> dict[str, Any]:
    if route.answers is not None:
        return {"$ref": f"#/components/schemas/{route.answers.__name__}"}
    return {"type": "object" if route.media == "application/json" else "string"}


def _refusal(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/ErrorAnswer"}
    return {"description": _REFUSALS[status], "content": {"application/json": {"schema": schema}}}
