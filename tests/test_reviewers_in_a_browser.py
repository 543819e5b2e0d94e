"""Whole journeys of a reviewer and a data scientist in a real Chromium, and their pages by axe."""

from __future__ import annotations

import gzip
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pages_world import World
from reviewed_world import NAME, made, world
from test_casework_in_a_browser import look_over
from test_pages_in_a_browser import AXE, WIDTHS, chromium

pytestmark = pytest.mark.browser
assert world  # fixtures
assert chromium

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest) -> Iterator[str]:
    """Serve the pages over the reviewed world in a process of their own."""
    home = made(request.config).home
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "--factory", "--app-dir", str(HERE)]
    command += ["--port", str(port), "--log-level", "warning", "pages_world:reopened"]
    environment = os.environ | {"PRECURSOR_HOME": str(home)}
    with subprocess.Popen(command, cwd=HERE.parent, env=environment) as server:
        try:
            for _ in range(600):
                with socket.socket() as door:
                    if door.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert server.poll() is None, "the server ended before it listened"
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


@pytest.fixture
def visit(world: World, chromium: Any, site: str) -> Iterator[Callable[..., Any]]:
    """Return what opens the first page as somebody of a role; what went wrong is collected."""
    contexts = []

    def opened(role: str, width: int = 1280, **more: Any) -> Any:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, base_url=site, **more
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.wrong = []
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        page.on(
            "request",
            lambda asked: None if asked.url.startswith(site) else page.wrong.append(asked.url),
        )
        page.goto("/")
        page.fill("#token", world.access.issue_token(f"{role} one", role, 1))
        page.fill("#purpose", "quarterly review")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(re.compile(r"/(lists|questions)"))
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_of_reviewers_breaks_wcag(visit: Callable[..., Any], width: int) -> None:
    axe = gzip.decompress(AXE.read_bytes()).decode()
    page = visit("reviewer", width)
    page.goto("/audit?action=decision")
    entry = str(page.locator("table.list a").first.get_attribute("href"))
    page.goto(entry)
    score = str(page.locator("main table a").first.get_attribute("href"))
    for address in (
        *("/audit", "/audit?since=x", entry, "/replays", score, f"/assurance/{NAME}"),
        *(f"/assurance/{NAME}?measure=calibration", f"/model-record/{NAME}"),
        *("/questions", f"/questions/{NAME}?version=1"),
    ):
        page.goto(address)
        look_over(page, axe, address)
        assert page.wrong == [], address
        for picture in page.get_by_role("img").all():
            named = picture.get_attribute("aria-labelledby")
            said = picture.get_attribute("aria-describedby")
            assert all(len(page.locator(f"#{p}").text_content()) > 10 for p in (named, said))


def test_a_reviewer_gets_from_the_figures_to_one_score_and_its_trail(
    visit: Callable[..., Any], world: World
) -> None:
    """Without JavaScript, on a phone: assurance, audit, a decision, its replay, who, the chain."""
    page = visit("reviewer", 390, java_script_enabled=False)
    page.get_by_role("link", name="Assurance").click()
    assert page.get_by_role("heading", name="Is this model fair and accurate?").is_visible()
    page.select_option("#measure", "miss_rate")
    page.get_by_role("button", name="Show").click()
    assert "measure=miss_rate" in page.url
    page.get_by_role("link", name="audit trail").click()
    page.select_option("#action", "decision")
    page.get_by_role("button", name="Apply filters").click()
    page.get_by_role("link", name="Older").click()
    page.locator("table.list a").first.click()
    assert page.get_by_text("as the records say").is_visible()
    page.get_by_role("link", name="Replay the score of").click()
    assert page.get_by_text("Equal, to the last bit").count() == 2
    page.get_by_role("button", name="Show who it is").click()
    assert page.title().startswith("Error: ")
    page.fill("#reason", "complaint of the person")
    page.get_by_role("button", name="Show who it is").click()
    assert page.get_by_text("That you saw this, and why, is on the ledger.").is_visible()
    page.get_by_role("link", name="Audit", exact=True).click()
    page.get_by_role("button", name="Verify the whole chain now").click()
    assert page.get_by_text("The chain holds, up to entry").is_visible()
    said = {entry.action for entry in world.ledger.entries(actor="reviewer one", limit=200)}
    assert {"audit", "replay", "view"} <= said


def test_a_data_scientist_compares_versions_and_sees_nobody(visit: Callable[..., Any]) -> None:
    page = visit("data_scientist")
    assert page.url.endswith("/questions")
    page.get_by_role("link", name="Violence within six months").click()
    assert page.get_by_role("heading", name="Version 2: challenger").is_visible()
    page.get_by_role("link", name="Version 1").click()
    assert page.get_by_role("heading", name="Version 1: champion").is_visible()
    assert page.get_by_role("heading", name="Backtest, origin by origin").is_visible()
    page.get_by_role("link", name="Is it fair and accurate?").click()
    assert page.get_by_role("heading", name="Wrongly above the line, by group").is_visible()
    page.get_by_role("link", name="Model record", exact=True).first.click()
    assert page.get_by_role("heading", name="Who put it in force").is_visible()
    assert page.goto("/lists").status == 403
    assert page.goto("/audit").status == 403


def test_paper_holds_the_whole_record(visit: Callable[..., Any]) -> None:
    page = visit("reviewer")
    page.goto(f"/model-record/{NAME}")
    page.emulate_media(media="print")
    shown = "it => it.checkVisibility({contentVisibilityAuto: true})"
    closed = page.locator("details dl").first
    if closed.count():
        assert closed.evaluate(shown)
    assert len(page.pdf(format="A4")) > 10_000
