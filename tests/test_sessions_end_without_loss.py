"""Checks 17 and 20: what is sent after a session's end is kept for its writer, and nobody else."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from desk import LIST, hidden, links_to_people, text_of
from pages_world import World, world
from starlette.testclient import TestClient

from serving.access import Access, Principal, Role, Unauthorised
from serving.chain import utc_now
from serving.drafts import MOST, Drafts, drop_drafts, folder
from serving.ledger import Ledger
from serving.pages.app import create_pages
from serving.pages.door import SESSION
from serving.sessions import end_of, extend
from serving.stock import Stock

assert world  # a fixture
WRITTEN = {"step": "review", "judged_band": "High", "reason": "what I had <i>thought</i>"}


@pytest.fixture
def later(world: World) -> Any:
    """The same pages nine hours later."""
    ledger = Ledger.open(clock=lambda: utc_now() + timedelta(hours=9))
    yield create_pages(Stock(ledger), ledger, Access(ledger))
    ledger.close()
    drop_drafts()


def returns(app: Any, world: World, actor: str, cookies: Any = None) -> TestClient:
    client = TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 5), cookies=cookies)
    token = world.access.issue_token(actor, "analyst", 2)
    client.post("/sign-in", data={"token": token, "purpose": "weekly review"})
    return client


def test_what_was_written_is_there_after_signing_in_again(world: World, later: Any) -> None:
    client = world.client(actor="ann")
    at = f"{links_to_people(client.get(LIST).text)[0]}/decision"
    fields = hidden(client.get(at).text) | WRITTEN | {"basis": ["capacity", "other"]}
    cookies = dict(client.cookies)
    late = TestClient(later, base_url="http://127.0.0.1", cookies=cookies)
    answer = late.post(at, data=fields, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in?next=%2Flists")
    page = late.get(answer.headers["location"])
    assert "What you wrote has been kept" in page.text
    assert "thought" not in page.text
    assert b"thought" not in b"".join(path.read_bytes() for path in folder().iterdir())
    somebody = returns(later, world, "bob")
    assert "thought" not in somebody.get(at).text
    back = returns(later, world, "ann")
    form = back.get(at)
    assert "Your session had ended when you sent this. Nothing was saved" in form.text
    assert "what I had &lt;i&gt;thought&lt;/i&gt;" in form.text
    assert len(re.findall(r'value="(?:review|High|capacity|other)"\s+checked', form.text)) == 4
    sent = back.post(at, data=hidden(form.text) | WRITTEN, follow_redirects=False)
    assert sent.status_code == 303
    assert "thought" not in back.get(at).text.partition("Decided before")[0]
    assert not list(folder().iterdir())


def test_a_form_of_nobody_or_of_another_site_is_not_kept(world: World, later: Any) -> None:
    client = world.client(actor="ann")
    at = f"{links_to_people(client.get(LIST).text)[0]}/decision"
    fields = hidden(client.get(at).text) | WRITTEN
    cookies = dict(client.cookies)
    for wrong, cookie, headers in (
        ({"csrf": "guessed"}, cookies, {}),
        ({}, {}, {}),
        ({}, cookies | {SESSION: "precursor_made_up"}, {}),
        ({}, cookies, {"sec-fetch-site": "cross-site"}),
        ({"reason": "x" * 30_000}, cookies, {}),
    ):
        late = TestClient(later, base_url="http://127.0.0.1", cookies=cookie)
        answer = late.post(at, data=fields | wrong, headers=headers, follow_redirects=False)
        assert "kept=1" not in answer.headers.get("location", "")
        assert not folder().exists() or not list(folder().iterdir())


def test_drafts_open_for_their_writer_role_and_place_only(world: World) -> None:
    drafts, ann = Drafts(world.ledger), Principal("ann", Role.ANALYST)
    assert drafts.keep(ann, "/a", {"reason": ["text"]})
    assert drafts.find(ann, "/a") == {"reason": ["text"]}
    for who, place in (
        (ann, "/b"),
        (Principal("ann", Role.SUPERVISOR), "/a"),
        (Principal("bob", Role.ANALYST), "/a"),
    ):
        assert drafts.find(who, place) is None
    (file,) = folder().iterdir()
    assert file.stat().st_mode & 0o077 == 0
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert drafts.find(ann, "/a") is None
    drop_drafts()


def test_an_old_cookie_does_not_fill_the_disk(world: World, later: Any) -> None:
    client = world.client(actor="ann")
    at = f"{links_to_people(client.get(LIST).text)[0]}/decision"
    fields = hidden(client.get(at).text) | WRITTEN
    late = TestClient(later, base_url="http://127.0.0.1", cookies=dict(client.cookies))
    for number in range(MOST + 5):
        late.post(f"{LIST}/made-up-{number}/decision", data=fields, follow_redirects=False)
    assert len(list(folder().iterdir())) == MOST
    answer = late.post(f"{LIST}/made-up-0/decision", data=fields, follow_redirects=False)
    assert "kept=1" in answer.headers["location"], "what is there already can be written again"
    somebody = world.client(actor="bob")
    fields = hidden(somebody.get(at).text) | WRITTEN
    late = TestClient(later, base_url="http://127.0.0.1", cookies=dict(somebody.cookies))
    answer = late.post(at, data=fields, follow_redirects=False)
    assert "kept=1" in answer.headers["location"], "others are not kept from writing"


def test_a_session_is_extended_and_not_without_end(world: World) -> None:
    client = world.client(actor="ann")
    token = world.access.issue_token("ann", "analyst", 2)
    cookie = world.access.sign_in_with_token(token)
    begun = world.access.session(cookie)
    assert end_of(begun) is not None
    until = extend(world.access, world.ledger, cookie)
    after = world.access.session(cookie)
    assert datetime.fromisoformat(after.expires_at) == until
    assert until - datetime.fromisoformat(begun.expires_at) == timedelta(hours=12 - 8)
    assert world.ledger.verify().ok
    with pytest.raises(Exception, match="cannot be extended further"):
        extend(world.access, world.ledger, cookie)
    with pytest.raises(Unauthorised):
        extend(world.access, world.ledger, "precursor_made_up")
    assert client.get(LIST).status_code == 200


def test_the_button_extends_without_leaving_the_page(world: World) -> None:
    token = world.access.issue_token("ann", "analyst", 2)
    client = world.stranger()
    client.post("/sign-in", data={"token": token, "purpose": "weekly review"})
    page = client.get(LIST).text
    assert re.search(r'id="session-end" role="alert" hidden data-seconds="2\d{4}"', page)
    csrf = re.search(r'name="csrf" value="([^"]+)"', page)
    assert csrf is not None
    assert client.post("/session", data={"csrf": "guessed"}).status_code == 403
    here = {"csrf": csrf[1], "stay_here": "1", "next": "//evil"}
    assert client.post("/session", data=here).status_code == 204
    assert "Extend it" not in client.get(LIST).text
    assert "Your session ends at" in text_of(client.get(LIST).text)
