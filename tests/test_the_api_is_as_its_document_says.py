"""Requests made from the API's own document: no fault, and every answer as it is described."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from served import ME, NAME, Served, served

from serving.batch import score_batch
from serving.openapi import document
from serving.publishing import publish
from serving.routes import ROUTES

__all__ = ["served"]

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
schema = schemathesis.openapi.from_dict(document())
known: dict[str, Any] = {}
"""What there is: a score, a decision on it, a question; so that requests get beyond a 404."""


@pytest.fixture
def desk(served: Served) -> Served:
    """Return the service with something to be found at every path."""
    if known:
        return served
    made = {"ledger": served.ledger, **ME}
    score_batch(served.model, 1, served.history, served.home / "api.parquet", **made)
    publish(NAME, **made)
    (score,) = served.score(served.people[0]).json()["scores"]
    about = {"score_id": score["score_id"], "reason": "as on record", "purpose": "IOM meeting"}

    def post(path: str, role: str = "analyst", **said: Any) -> Any:
        answer = served.client.post(path, json=said, headers=served.headers(role))
        assert answer.status_code == 200, answer.text
        return answer.json()

    decision = post("/v1/decisions", decision="agree", **about)["decision"]
    soon = (served.ledger.now().date() + timedelta(days=30)).isoformat()
    post("/v1/selections", action="select", review_on=soon, **about)
    known.update(
        question=NAME,
        score_id=score["score_id"],
        decision=decision,
        nominal_id=served.people[1],
        nominal_ids=served.people[:2],
    )
    return served


def ask(served: Served, case: schemathesis.Case) -> None:
    """Send a request as somebody who may, and hold the answer against the document."""
    routes = [route for route in ROUTES if route.path == case.path]
    meant = [route for route in routes if route.method == case.method.upper()]
    roles = (meant or routes)[0].roles
    headers = served.headers(roles[0]) if roles else {}
    sent = case.as_transport_kwargs(base_url="http://testserver", headers=headers)
    if isinstance(sent.get("data"), bytes | str):
        sent["content"] = sent.pop("data")
    sent.pop("cookies", None)
    # a header may hold any Latin letter; the client writes only ASCII by itself
    sent["headers"] = {
        name: str(value).encode("latin-1") for name, value in sent["headers"].items()
    }
    answer = served.client.request(**sent)
    case.validate_response(answer, checks=CHECKS if meant else [not_a_server_error])


@schema.parametrize()
@settings(max_examples=20, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
def test_whatever_is_sent_is_answered_as_the_document_says(
    case: schemathesis.Case, desk: Served
) -> None:
    ask(desk, case)
    names = set(case.path_parameters or {}) & set(known)
    for name in names:
        case.path_parameters[name] = str(known[name])
    fields = set(known) & set(case.body) if isinstance(case.body, dict) else set()
    for name in fields:
        case.body[name] = known[name]
    if names or fields:
        ask(desk, case)
