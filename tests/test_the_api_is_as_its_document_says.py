"""Requests made from the API's own document: no fault, and every answer as it is described."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
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
from serving.runs import FROZEN, _opened, published

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


def test_the_document_promises_no_status_that_cannot_be_and_leaves_none_out(
    desk: Served, precursor_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {
        (method, path): set(found["responses"])
        for path, methods in document()["paths"].items()
        for method, found in methods.items()
    }
    assert "410" not in told["get", "/v1/replays/{score_id}"]  # erased: 200, not_replayable
    assert "410" in told["get", "/v1/scores/{score_id}"]
    assert "429" not in told["get", "/livez"]  # the gate lets it pass
    assert all("429" in found for (_, path), found in told.items() if path != "/livez")
    words = document()["paths"]["/v1/scores"]["post"]["responses"]["429"]["description"]
    assert "a second" in words
    shutil.copytree(desk.home, precursor_home, dirs_exist_ok=True)
    monkeypatch.setenv("PRECURSOR_HOME", str(precursor_home))
    listed = published(NAME).run.path / FROZEN
    listed.write_bytes(listed.read_bytes() + b" ")
    _opened.cache_clear()
    answer = desk.get(f"/v1/own-views/{NAME}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "run_changed")
    assert "409" in told["get", "/v1/own-views/{question}"]
