"""A whole service in this process: a small force, a promoted model, tokens, and a client."""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import small_force
from small_force import AS_OF
from starlette.testclient import TestClient

from features.cohort import members
from features.history import History
from features.loads import Load
from models import champions
from models.risk_model import RiskModel
from serving.access import GIVEN, Access
from serving.kept import serve_from
from serving.ledger import Action, Ledger

ME = {"actor": "t.ester", "role": "operator"}
NAME = small_force.QUESTION.name
_open = contextlib.ExitStack()


def put_in_force(ledger: Ledger, model: RiskModel, version: int) -> None:
    """Promote a model as a promotion does: ledger first, then the files."""
    name = model.question.name
    body = {"version": version, "sha256": model.sha256}
    ledger.append(Action.PROMOTION, **ME, purpose="test", question=name, body=body)
    champions.put(name, version, model)


@dataclass(frozen=True)
class Served:
    """A running service and what stands behind it; `people` are those who get a number."""

    home: Path
    load: Load
    history: History
    model: RiskModel
    ledger: Ledger
    tokens: dict[str, str]
    people: list[str]
    client: TestClient

    def headers(self, role: str = "analyst") -> dict[str, str]:
        """Headers of a request by somebody of this role."""
        return {"Authorization": f"Bearer {self.tokens[role]}"}

    def get(self, path: str, role: str = "analyst", **more: Any) -> Any:
        """Ask for a path."""
        return self.client.get(path, headers=self.headers(role), **more)

    def score(self, *people: str, role: str = "analyst", **more: Any) -> Any:
        """Ask for scores of people."""
        asked = {"question": NAME, "nominal_ids": list(people), "purpose": "weekly review"}
        return self.client.post("/v1/scores", json=asked | more, headers=self.headers(role))


@cache
def _world() -> Served:
    home = Path(_open.enter_context(tempfile.TemporaryDirectory(prefix="served-"))) / "home"
    os.environ["PRECURSOR_HOME"] = str(home)
    load = small_force.make_load(home / "records" / "small")
    history = History(load)
    model = small_force.make_model(history)
    ledger = Ledger.open()
    put_in_force(ledger, model, 1)
    serve_from(NAME, load)
    access = Access(ledger)
    tokens = {role.value: access.issue_token(f"{role.value} one", role, 1) for role in GIVEN}

    from serving.service import create_service

    app = create_service().to_asgi()
    client = _open.enter_context(TestClient(app, raise_server_exceptions=False))
    rows = members(history, model.question, [AS_OF])
    people = rows.loc[~rows["insufficient_history"], "nominal_id"].to_list()
    return Served(home, load, history, model, ledger, tokens, people, client)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Served:
    """Return the service, started once for all tests of a process, with its own state folder."""
    before = os.environ["PRECURSOR_HOME"]
    if not _world.cache_info().currsize:
        request.config.add_cleanup(_open.close)
    world = _world()
    os.environ["PRECURSOR_HOME"] = before
    monkeypatch.setenv("PRECURSOR_HOME", str(world.home))
    return world
