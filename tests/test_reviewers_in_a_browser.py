"""Whole journeys of a reviewer and a data scientist in a real Chromium, and their pages by axe."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from browser import PAGES, Opened, chromium, look_at, opened_routes, serving, visits
from pages_world import World
from playwright.sync_api import expect
from reviewed_world import NAME, made, world

pytestmark = pytest.mark.browser
assert world  # fixtures
assert chromium


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest) -> Iterator[str]:
    """Serve the pages over the reviewed world in a process of their own."""
    with serving(made(request.config).home) as address:
        yield address


@pytest.fixture
def visit(world: World, chromium: Any, site: str) -> Iterator[Opened]:
    """Return what opens the first page as somebody of a role."""
    with visits(chromium, site, world) as opened:
        yield opened


def reports(page: Any) -> list[str]:
    """Return the address of the latest report of each kind."""
    page.goto(f"/questions/{NAME}/reports")
    tables = page.locator("main table")
    assert tables.count() == 3
    return [str(tables.nth(number).locator("a").first.get_attribute("href")) for number in range(3)]


@pytest.mark.timeout(1200)
def test_every_page_of_review_keeps_what_every_page_promises(visit: Opened, world: World) -> None:
    """Checks 1, 3 and 5 to 14, wide, on a phone, and on paper."""
    page, broken = visit("reviewer"), []
    page.goto("/audit?action=decision")
    entry = str(page.locator("table.list a").first.get_attribute("href"))
    page.goto(entry)
    score = str(page.locator("main table a").first.get_attribute("href"))
    for address in (
        *("/audit", "/audit?since=x", entry, "/replays", score, f"/assurance/{NAME}"),
        *(f"/assurance/{NAME}?measure=calibration", f"/model-record/{NAME}"),
        *("/questions", f"/questions/{NAME}?version=1", f"/lists/{NAME}", "/retired"),
        *(f"/questions/{NAME}/reports", *reports(page)),
    ):
        broken += look_at(page, address)
    assert not broken, "\n".join(broken)
    seen = opened_routes(world, page.seen)
    assert PAGES["review"] <= seen, PAGES["review"] - seen


def test_a_reviewer_gets_from_the_figures_to_one_score_and_its_trail(
    visit: Opened, world: World
) -> None:
    """Without JavaScript, on a phone: assurance, audit, a decision, its replay, who, the chain."""
    page = visit("reviewer", 390, java_script_enabled=False)
    page.get_by_role("link", name="Assurance").click()
    expect(page.get_by_role("heading", name="Is this model fair and accurate?")).to_be_visible()
    page.select_option("#measure", "miss_rate")
    page.get_by_role("button", name="Show").click()
    assert "measure=miss_rate" in page.url
    page.get_by_role("link", name="audit trail").click()
    page.select_option("#action", "decision")
    page.get_by_role("button", name="Apply filters").click()
    page.get_by_role("link", name="Older").click()
    page.locator("table.list a").first.click()
    expect(page.get_by_text("as the records say")).to_be_visible()
    page.get_by_role("link", name="Replay the score of").click()
    assert page.get_by_text("Equal, to the last bit").count() == 2
    page.get_by_role("button", name="Show who it is").click()
    assert page.title().startswith("Error: ")
    page.fill("#reason", "complaint of the person")
    page.get_by_role("button", name="Show who it is").click()
    expect(page.get_by_text("That you saw this, and why, is on the ledger.")).to_be_visible()
    page.get_by_role("link", name="Audit", exact=True).click()
    page.get_by_role("button", name="Verify the whole chain now").click()
    expect(page.get_by_text("The chain holds, up to entry")).to_be_visible()
    said = {entry.action for entry in world.ledger.entries(actor="reviewer one", limit=200)}
    assert {"audit", "replay", "view"} <= said


def test_a_data_scientist_compares_versions_and_sees_nobody(visit: Opened) -> None:
    page = visit("data_scientist")
    assert page.url.endswith("/questions")
    page.get_by_role("link", name="Violence within six months").click()
    expect(page.get_by_role("heading", name="Version 2: challenger")).to_be_visible()
    page.get_by_role("link", name="Version 1").click()
    expect(page.get_by_role("heading", name="Version 1: champion")).to_be_visible()
    expect(page.get_by_role("heading", name="Backtest, origin by origin")).to_be_visible()
    page.get_by_role("link", name="Is it fair and accurate?").click()
    expect(page.get_by_role("heading", name="Wrongly above the line, by group")).to_be_visible()
    page.get_by_role("link", name="Model record", exact=True).first.click()
    expect(page.get_by_role("heading", name="Who put it in force")).to_be_visible()
    assert page.goto("/lists").status == 403
    assert page.goto("/audit").status == 403


def test_paper_holds_the_whole_record(visit: Opened) -> None:
    page = visit("reviewer")
    page.goto(f"/model-record/{NAME}")
    page.emulate_media(media="print")
    shown = "it => it.checkVisibility({contentVisibilityAuto: true})"
    closed = page.locator("details dl").first
    if closed.count():
        assert closed.evaluate(shown)
    assert len(page.pdf(format="A4")) > 10_000
