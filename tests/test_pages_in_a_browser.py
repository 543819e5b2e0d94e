"""The pages in a real Chromium: accessible, on a phone, on paper, and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from browser import LOOK, Opened, chromium, serving, visits
from pages_world import NAME, World, made, world
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
assert world  # fixtures
assert chromium

LIST = f"/lists/{NAME}"


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest) -> Iterator[str]:
    """Serve the pages in a process of their own."""
    with serving(made(request.config).home) as address:
        yield address


@pytest.fixture
def visit(world: World, chromium: Any, site: str) -> Iterator[Opened]:
    """Return what opens the list as an analyst."""
    with visits(chromium, site, world) as opened:
        yield lambda width=1280, **more: opened("analyst", width, actor="a.nalyst", **more)


def person(page: Any) -> str:
    """Address of the first person on the list."""
    return str(page.locator("table.list a").first.get_attribute("href"))


def test_a_phone_without_javascript_can_do_all(visit: Opened) -> None:
    """Checks 4 and 19."""
    page = visit(390, java_script_enabled=False)
    expect(page.get_by_role("link", name="Priority list").first).to_be_visible()
    page.select_option("#filter-band", "Very high")
    page.get_by_role("button", name="Apply filters").click()
    assert "band=Very+high" in page.url
    assert page.locator("table.list tbody tr").count() > 1
    page.locator("table.list a").first.click()
    expect(page.locator("h2", has_text="What this page does not know")).to_be_visible()
    page.get_by_text("The scale as a table").click()
    expect(page.get_by_role("rowheader", name="This score")).to_be_visible()
    page.go_back()
    assert page.locator("#filter-band").input_value() == "Very high"


def test_the_keyboard_leads_from_the_list_to_a_person_and_is_seen(visit: Opened) -> None:
    """Checks 2 and 3."""
    page = visit()
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to main content"
    page.keyboard.press("Enter")
    wanted = page.locator("table.list a").first
    seen = []
    for _ in range(20):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(LOOK))
        if wanted.evaluate("link => link === document.activeElement"):
            break
    assert all(seen), seen
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(rf"{LIST}/s\w+"))
    for _ in range(25):
        page.keyboard.press("Tab")
        assert page.evaluate(LOOK)


def test_on_a_phone_the_table_is_still_a_table_and_charts_are_drawn_for_it(visit: Opened) -> None:
    """Checks 9 and 13: as many rows and heads as there are people, and charts for the width."""
    page = visit(390)
    table = page.get_by_role("table")
    assert table.get_by_role("columnheader").count() == 7
    rows = table.get_by_role("row").count()
    assert rows == 32  # heads, thirty people, capacity
    assert table.get_by_role("rowheader").count() == 30
    assert table.get_by_role("cell").count() == 6 * 30 + 1
    page.goto(person(page))
    for width, shown in ((390, "narrow"), (1280, "wide")):
        page.set_viewport_size({"width": width, "height": 900})
        pictures = page.get_by_role("img")
        assert pictures.count() == 3
        for place in range(3):
            assert f"chart--{shown}" in str(pictures.nth(place).get_attribute("class"))
            named = pictures.nth(place).get_attribute("aria-labelledby")
            said = pictures.nth(place).get_attribute("aria-describedby")
            assert all(len(page.locator(f"#{part}").text_content()) > 10 for part in (named, said))
    expect(page.get_by_text("The history as a table")).to_be_visible()


def test_without_colour_bands_and_events_can_be_told(visit: Opened) -> None:
    """Checks 10 and 14."""
    page = visit(forced_colors="active")
    for name in (".band", ".tag"):
        shown = page.locator(name).first
        assert shown.evaluate("it => getComputedStyle(it).borderTopStyle") != "none"
        assert shown.inner_text()
    page.goto(person(page))
    shapes = page.evaluate(
        "[...document.querySelectorAll('.key path')].map(path => path.getAttribute('d'))"
    )
    assert len(shapes) == len(set(shapes)) > 2


def test_paper_has_what_was_closed(visit: Opened) -> None:
    """Check 11."""
    page = visit()
    page.goto(person(page))
    inputs = page.locator("details", has_text="inputs and what each one was").locator("table")
    shown = "table => table.checkVisibility({contentVisibilityAuto: true})"
    assert not inputs.first.evaluate(shown)
    page.emulate_media(media="print")
    assert inputs.first.evaluate(shown)
    assert len(page.pdf(format="A4")) > 10_000


def test_after_signing_out_back_shows_nobody(visit: Opened) -> None:
    """Check 18."""
    page = visit()
    page.goto(person(page))
    name = page.locator("h1").inner_text()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in?out=1")
    page.go_back()
    page.wait_for_load_state()
    assert name not in page.content()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
