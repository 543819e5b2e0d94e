"""A manager's whole journey in a real Chromium, and each dashboard by axe, wide and narrow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import PAGES, Opened, chromium, look_at, opened_routes, serving, visits
from dashboards_world import BLIND, NAME, force, made
from desk import send
from pages_world import World
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
assert force  # fixtures
assert chromium

DECISION = {"step": "add", "judged_band": "Medium", "basis": "capacity", "reason": "as seen"}
DASHBOARDS = (
    *("", "/stalking", "/stalking/people?type=several", "/volumes", "/custody"),
    *("/outstanding?why=wanted&tag=weapon", "/orders", "/dangerous", "/interventions"),
)

OTHERS = ("/sign-offs", "/disputes", "/lists", "/assurance", "/model-record")


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest) -> Iterator[str]:
    """Serve the pages over the simulated force in a process of their own."""
    with serving(made(request.config).home) as address:
        yield address


@pytest.fixture
def visit(force: World, chromium: Any, site: str) -> Iterator[Opened]:
    """Return what opens the dashboards as somebody of a role."""
    with visits(chromium, site, force) as opened:
        yield lambda role, width=1280, **more: opened(role, width, start="/dashboards", **more)


@pytest.mark.timeout(1200)
def test_every_page_of_managers_keeps_what_every_page_promises(visit: Opened, force: World) -> None:
    """Checks 1, 3 and 5 to 14, wide, on a phone, and on paper."""
    analyst = force.client(actor="a.nalyst")
    listed = re.findall(rf'href="(/lists/{NAME}/s[0-9a-f]+)"', analyst.get(f"/lists/{NAME}").text)
    assert send(analyst, f"{listed[0]}/decision", **DECISION).status_code == 303
    page, broken = visit("supervisor"), []
    page.goto("/sign-offs")
    due = str(page.locator("main a[href^='/sign-offs/']").first.get_attribute("href"))
    for address in (*(f"/dashboards{each}" for each in DASHBOARDS), *OTHERS, due):
        broken += look_at(page, address)
    other = visit("analyst")
    broken += look_at(other, f"/lists/{BLIND}")  # asks for the own view
    assert not broken, "\n".join(broken)
    seen = opened_routes(force, page.seen | {f"{other.url}/own-view"})
    assert PAGES["managers"] <= seen, PAGES["managers"] - seen


def test_a_manager_goes_from_figures_to_the_people_behind_them(visit: Opened) -> None:
    page = visit("supervisor", 390, java_script_enabled=False)
    page.get_by_role("link", name="Stalking", exact=True).click()
    page.select_option("#filter-group", "harassment_other")
    page.get_by_role("button", name="Apply filters").click()
    assert "group=harassment_other" in page.url
    expect(page.locator("h2", has_text="Harassment, not domestic: type")).to_be_visible()
    table = page.get_by_role("table", name="People by group")
    number = table.get_by_role("row", name=re.compile("Harassment, not domestic")).get_by_role(
        "link"
    )
    people = int(number.inner_text().replace(",", ""))
    number.click()
    assert page.locator("h1").inner_text() == "Stalking and harassment: the people"
    assert f"{people} lines" in page.locator("h2").first.inner_text()
    person = page.locator("table.figures th a").first
    name = person.inner_text()
    person.click()
    assert page.locator("h1").inner_text() == name
    page.go_back()
    assert page.locator("#filter-group").input_value() == "harassment_other"
    page.goto("/dashboards/orders")
    page.select_option("#filter-show", "unprotected")
    page.get_by_role("button", name="Apply filters").click()
    expect(page.get_by_role("heading", name="Orders and bail: high score")).to_be_visible()
    page.goto("/dashboards/custody")
    with page.expect_download() as taken:
        page.get_by_role("link", name="Download these figures (CSV)").click()
    assert "Other or no outcome" in Path(taken.value.path()).read_text(encoding="utf-8-sig")
