"""What tests of casework on pages share: filling forms in, and a list that asks for own views."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

import pytest
import small_force
from pages_world import NAME, QUESTION, World, made, world
from served import ME, put_in_force

from features.history import History
from serving.batch import score_batch
from serving.publishing import publish

assert world  # a fixture
LIST = f"/lists/{NAME}"


def text_of(page: str) -> str:
    """What a reader sees of a page: without tags, on one line."""
    body = re.sub(r"(?s)<(script|style|title|desc)\b.*?</\1>", " ", page)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def links_to_people(page: str) -> list[str]:
    """Addresses of people on a page, in its order."""
    return re.findall(rf'href="({LIST}/s[0-9a-f]+)"', page)


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of the first form of a page that has a mark, sign-out apart."""
    main = re.search(r'(?s)<main.*?<form method="post".*?</form>', page)
    assert main is not None, text_of(page)
    form = main[0][main[0].rindex('<form method="post"') :]
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
    return {name: html.unescape(value) for name, value in found}


def send(client: Any, address: str, **fields: Any) -> Any:
    """Open the page of a form, fill it in, and send it; the answer is not followed."""
    page = client.get(address)
    assert page.status_code in (200, 409), text_of(page.text)
    return client.post(
        address.partition("?")[0], data=hidden(page.text) | fields, follow_redirects=False
    )


def publish_again(world: World, version: int, trees: int = 20, **policy: Any) -> None:
    """Put a model in force whose question says more, and publish a list of it."""
    question = QUESTION.model_validate(QUESTION.model_dump() | policy)
    history = History(world.load)
    model = small_force.make_model(history, question=question, trees=trees)
    put_in_force(world.ledger, model, version)
    out = world.home / f"again-{version}.parquet"
    out.unlink(missing_ok=True)
    made = {"ledger": world.ledger, **ME}
    score_batch(model, version, history, out, **made)
    publish(NAME, **made)


@pytest.fixture(scope="module")
def new_list(request: pytest.FixtureRequest) -> Iterator[World]:
    """A new list of which each analyst judges two people first, and overrides are signed off."""
    found = made(request.config)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRECURSOR_HOME", str(found.home))
        own_view = {"people": 2, "near_line": 4}
        publish_again(found, 40, 21, own_view=own_view, sign_off="overrides")
    yield found
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRECURSOR_HOME", str(found.home))
        publish_again(found, 1)


@pytest.fixture
def asked_first(new_list: World, world: World) -> World:
    """Return the pages over the new list."""
    return world
