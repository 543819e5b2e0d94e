"""Where an answer leads is on this service, whatever the request says of host and way back."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

import pytest
from starlette.testclient import TestClient

from serving.access import Access
from serving.ledger import Ledger
from serving.pages.app import create_pages
from serving.stock import Stock

HERE = "http://localhost"
ELSEWHERE = {"host": "elsewhere.example", "x-forwarded-host": "elsewhere.example"}
PATHS = ["/", "/lists", "/lists/", "/lists/a/", "/audit.csv/", "/sign-in/", "/static/", "/session/"]
BACK = [
    "//elsewhere.example",
    "/\\elsewhere.example",
    "/\telsewhere.example",
    "/..//elsewhere.example",
    "https://elsewhere.example",
    "javascript:alert(1)",
    "/lists\r\nSet-Cookie: precursor_session=mine",
]


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.open() as opened:
        yield opened


@pytest.fixture
def client(ledger: Ledger) -> TestClient:
    """Return somebody before the pages of an empty house."""
    pages = create_pages(Stock(ledger), ledger, Access(ledger))
    return TestClient(pages, base_url=HERE, follow_redirects=False)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_host_that_a_request_names_is_led_to(client: TestClient, method: str, path: str) -> None:
    answer = client.request(method, path, headers=ELSEWHERE)
    assert "elsewhere" not in str(answer.headers)
    assert "elsewhere" not in answer.text


@pytest.mark.parametrize("back", BACK)
def test_the_way_back_after_signing_in_stays_here(
    client: TestClient, ledger: Ledger, back: str
) -> None:
    token = Access(ledger).issue_token("a.nalyst", "analyst", 1)
    form = {"token": token, "purpose": "weekly review", "next": back}
    answer = client.post("/sign-in", data=form)
    assert answer.status_code == 303
    led = urlsplit(urljoin(f"{HERE}/sign-in", answer.headers["location"]))
    assert (led.scheme, led.netloc) == ("http", "localhost")
    assert "mine" not in str(answer.headers.get_list("set-cookie"))
