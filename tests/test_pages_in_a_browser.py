"""The pages in a real Chromium: accessible, on a phone, on paper, and without JavaScript."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pages_world import NAME, PURPOSE, World, made, world
from playwright.sync_api import sync_playwright

pytestmark = pytest.mark.browser
assert world  # a fixture

HERE = Path(__file__).resolve().parent
AXE = HERE / "vendor" / "axe-core-4.14.1.min.js.gz"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]
LIST = f"/lists/{NAME}"
WIDTHS = (1280, 390)
SPACING = """
* { line-height: 1.5 !important; letter-spacing: 0.12em !important }
* { word-spacing: 0.16em !important }
p { margin-bottom: 2em !important }
"""
"""The text spacing that WCAG 1.4.12 says a page must bear."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    path = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
    )
    if not path:
        pytest.skip("Chromium is not installed; on Debian: apt-get install chromium")
    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest) -> Iterator[str]:
    """Serve the pages in a process of their own, on a free port of this machine."""
    home = made(request.config).home
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "--factory", "--app-dir", str(HERE)]
    command += ["--port", str(port), "--log-level", "warning", "pages_world:reopened"]
    environment = os.environ | {"PRECURSOR_HOME": str(home)}
    with subprocess.Popen(command, cwd=HERE.parent, env=environment) as server:
        try:
            for _ in range(3000):  # a busy machine imports slowly
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
    """Return what opens a page as somebody who is signed in; what went wrong on it is collected."""
    contexts = []

    def opened(width: int = 1280, **more: Any) -> Any:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, base_url=site, **more
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)  # a busy machine compiles slowly
        page.wrong = []
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        page.on(
            "console",
            lambda said: page.wrong.append(said.text) if said.type == "error" else None,
        )
        page.on(
            "request",
            lambda asked: None if asked.url.startswith(site) else page.wrong.append(asked.url),
        )
        page.goto("/")
        page.fill("#token", world.access.issue_token("a.nalyst", "analyst", 1))
        page.fill("#purpose", PURPOSE)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"**{LIST}")
        return page

    yield opened
    for context in contexts:
        context.close()


def person(page: Any) -> str:
    """Address of the first person on the list."""
    return str(page.locator("table.list a").first.get_attribute("href"))


def addresses(page: Any) -> list[str]:
    """An address of each kind of page, starting from the list."""
    first = person(page)
    page.goto(f"{LIST}/not-scored")
    return [
        *(LIST, f"{LIST}?status=wanted&band=Lower", first, f"{LIST}/not-scored", person(page)),
        *("/how-scores-are-made", "/nowhere", "/sign-in?link=x", "/sign-in?out=1"),
    ]


@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_breaks_wcag_or_its_own_policy(visit: Callable[..., Any], width: int) -> None:
    axe = gzip.decompress(AXE.read_bytes()).decode()
    page = visit(width)
    for address in addresses(page):
        answer = page.goto(address)
        page.evaluate("for (const more of document.querySelectorAll('details')) more.open = true")
        page.evaluate(axe)
        found = page.evaluate("tags => axe.run({runOnly: {type: 'tag', values: tags}})", WCAG)
        broken = [
            (rule["id"], node["target"], node["failureSummary"])
            for rule in found["violations"]
            for node in rule["nodes"]
        ]
        assert broken == [], address
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0, address
        if answer.status < 400:
            assert page.wrong == [], address
        page.wrong.clear()
    page.goto("/sign-in")
    page.get_by_role("button", name="Sign in").click()
    page.evaluate(axe)
    found = page.evaluate("tags => axe.run({runOnly: {type: 'tag', values: tags}})", WCAG)
    assert found["violations"] == []
    assert page.title().startswith("Error: ")
    assert page.evaluate("document.activeElement.className").startswith("govuk-error-summary")


def test_a_phone_without_javascript_can_do_all(visit: Callable[..., Any]) -> None:
    page = visit(390, java_script_enabled=False)
    assert page.get_by_role("link", name="How scores are made").first.is_visible()
    page.select_option("#filter-band", "Very high")
    page.get_by_role("button", name="Apply filters").click()
    assert "band=Very+high" in page.url
    assert page.locator("table.list tbody tr").count() > 1
    page.locator("table.list a").first.click()
    assert page.locator("h2", has_text="What this page does not know").is_visible()
    page.get_by_text("The scale as a table").click()
    assert page.get_by_role("rowheader", name="This score").is_visible()
    page.go_back()
    assert page.locator("#filter-band").input_value() == "Very high"


def test_the_keyboard_leads_from_the_list_to_a_person_and_is_seen(
    visit: Callable[..., Any],
) -> None:
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


LOOK = """() => {
  const at = document.activeElement, style = getComputedStyle(at), box = at.getBoundingClientRect()
  const drawn = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0
  const marked = style.boxShadow !== 'none' || style.backgroundColor === 'rgb(255, 221, 0)'
  return (drawn || marked) && box.bottom > 0 && box.top < innerHeight
}"""
"""Whether the focused element is on the screen and looks focused."""


def test_on_a_phone_the_table_is_still_a_table_and_charts_are_drawn_for_it(
    visit: Callable[..., Any],
) -> None:
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
    assert page.get_by_text("The history as a table").is_visible()


def test_small_windows_and_wide_spacing_lose_nothing(visit: Callable[..., Any]) -> None:
    page = visit(320)
    for address in addresses(page):
        page.goto(address)
        page.evaluate(
            "text => {const sheet = new CSSStyleSheet(); sheet.replaceSync(text);"
            "document.adoptedStyleSheets = [sheet]}",
            SPACING,
        )
        over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert over <= 0, address


def test_without_colour_bands_and_events_can_be_told(visit: Callable[..., Any]) -> None:
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


def test_paper_has_the_marking_and_what_was_closed(visit: Callable[..., Any]) -> None:
    page = visit()
    page.goto(person(page))
    inputs = page.locator("details", has_text="inputs and what each one was").locator("table")
    shown = "table => table.checkVisibility({contentVisibilityAuto: true})"
    assert not inputs.first.evaluate(shown)
    page.emulate_media(media="print")
    assert inputs.first.evaluate(shown)
    assert not page.locator(".govuk-service-navigation").is_visible()
    assert (
        page.locator(".band").first.evaluate("it => getComputedStyle(it).color") == "rgb(0, 0, 0)"
    )
    rules = page.evaluate(
        "[...document.styleSheets].flatMap(sheet => [...sheet.cssRules]).map(rule => rule.cssText)"
    )
    assert any("OFFICIAL-SENSITIVE" in rule and "@top-center" in rule for rule in rules)
    assert len(page.pdf(format="A4")) > 10_000


def test_after_signing_out_back_shows_nobody(visit: Callable[..., Any]) -> None:
    page = visit()
    page.goto(person(page))
    name = page.locator("h1").inner_text()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in?out=1")
    page.go_back()
    page.wait_for_load_state()
    assert name not in page.content()
    assert page.get_by_role("heading", name="Sign in").is_visible()
