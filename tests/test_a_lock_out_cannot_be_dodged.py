"""Failed sign-ins count by where they come from, whatever the caller says of that."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from starlette.testclient import TestClient

from serving.access import Access
from serving.ledger import Ledger
from serving.pages.app import create_pages
from serving.stock import Stock

WRONG = {"token": "nonsense", "purpose": "p"}
From = Callable[[str], TestClient]


@pytest.fixture
def caller() -> Iterator[From]:
    """Return what makes a caller at an address, before pages of their own."""
    with Ledger.open() as ledger:
        pages = create_pages(Stock(ledger), ledger, Access(ledger))
        yield lambda host: TestClient(pages, base_url="http://localhost", client=(host, 50000))


def test_no_address_that_a_caller_makes_up_is_believed(caller: From) -> None:
    """Where no proxy stands before the service, what a header says of one came from the caller."""
    there = caller("198.51.100.7")
    for number in range(10):
        said = {"x-forwarded-for": f"10.0.0.{number}"}
        assert there.post("/sign-in", data=WRONG, headers=said).status_code == 400
    said = {"x-forwarded-for": "10.0.0.99"}
    assert there.post("/sign-in", data=WRONG, headers=said).status_code == 429
    assert caller("198.51.100.8").post("/sign-in", data=WRONG).status_code == 400


def test_a_form_that_another_site_sends_does_not_count(caller: From) -> None:
    there = caller("198.51.100.7")
    for _ in range(12):
        answer = there.post("/sign-in", data=WRONG, headers={"sec-fetch-site": "cross-site"})
        assert answer.status_code == 403
    assert there.post("/sign-in", data=WRONG).status_code == 400


def test_who_is_signed_in_may_not_ask_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRECURSOR_RATE", "1")
    with Ledger.open() as ledger:
        access = Access(ledger)
        pages = create_pages(Stock(ledger), ledger, access)
        client = TestClient(pages, base_url="http://localhost")
        token = access.issue_token("a.nalyst", "analyst", 1)
        form = {"token": token, "purpose": "weekly review", "next": "/how-scores-are-made"}
        client.post("/sign-in", data=form, follow_redirects=False)
        answers = [client.get("/how-scores-are-made").status_code for _ in range(8)]
        assert answers[:5] == [200] * 5
        assert 429 in answers[5:]
        token = access.issue_token("another", "analyst", 1)
        client.post("/sign-in", data=form | {"token": token}, follow_redirects=False)
        assert client.get("/how-scores-are-made").status_code == 200


@pytest.mark.parametrize(("proxy", "setting"), [("192.0.2.1", "1"), ("127.0.0.1", "")])
def test_behind_a_proxy_each_address_counts_for_itself(
    caller: From, monkeypatch: pytest.MonkeyPatch, proxy: str, setting: str
) -> None:
    """The last address is the proxy's word, those before are the caller's own."""
    monkeypatch.setenv("PRECURSOR_BEHIND_PROXY", setting)
    passed_on = caller(proxy)
    for number in range(10):
        said = {"x-forwarded-for": f"10.0.0.{number}, 203.0.113.5"}
        assert passed_on.post("/sign-in", data=WRONG, headers=said).status_code == 400
    said = {"x-forwarded-for": "10.0.0.99, 203.0.113.5"}
    assert passed_on.post("/sign-in", data=WRONG, headers=said).status_code == 429
    said = {"x-forwarded-for": "203.0.113.6"}
    assert passed_on.post("/sign-in", data=WRONG, headers=said).status_code == 400
