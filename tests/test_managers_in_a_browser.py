"""A manager's whole journey in a real Chromium, and each dashboard by axe, wide and narrow."""

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
from dashboards_world import force, made
from pages_world import World
from test_casework_in_a_browser import look_over
from test_pages_in_a_browser import AXE, WIDTHS, chromium

pytestmark = pytest.mark.browser
assert force  # fixtures
assert chromium

HERE = Path(__file__).resolve().parent
PAGES = (
    *("", "/stalking", "/stalking/people?type=several", "/volumes", "/custody"),
    *("/outstanding?why=wanted&tag=weapon", "/orders", "/dangerous", "/interventions"),
)


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest) -> Iterator[str]:
    """Serve the pages over the simulated force in a process of their own."""
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
def visit(force: World, chromium: Any, site: str) -> Iterator[Callable[..., Any]]:
    """Return what opens the dashboards as somebody of a role; what went wrong is collected."""
    contexts = []

    def opened(role: str, width: int = 1280, **more: Any) -> Any:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, base_url=site, **more
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
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
        page.goto("/sign-in?next=/dashboards")
        page.fill("#token", force.access.issue_token(f"{role} one", role, 1))
        page.fill("#purpose", "board meeting")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/dashboards")
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_no_dashboard_breaks_wcag_or_its_own_policy(visit: Callable[..., Any], width: int) -> None:
    axe = gzip.decompress(AXE.read_bytes()).decode()
    page = visit("supervisor", width)
    for address in PAGES:
        page.goto(f"/dashboards{address}")
        look_over(page, axe, address)
        for picture in page.get_by_role("img").all():
            assert picture.get_attribute("aria-labelledby")
            assert picture.get_attribute("aria-describedby")
    assert page.wrong == []


def test_a_manager_goes_from_figures_to_the_people_behind_them(visit: Callable[..., Any]) -> None:
    page = visit("supervisor", 390, java_script_enabled=False)
    page.get_by_role("link", name="Stalking", exact=True).click()
    page.select_option("#filter-group", "harassment_other")
    page.get_by_role("button", name="Apply filters").click()
    assert "group=harassment_other" in page.url
    assert page.locator("h2", has_text="Harassment, not domestic: type").is_visible()
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
    assert page.get_by_role("heading", name="Orders and bail: high score").is_visible()
    page.goto("/dashboards/custody")
    with page.expect_download() as taken:
        page.get_by_role("link", name="Download these figures (CSV)").click()
    assert "Other or no outcome" in Path(taken.value.path()).read_text(encoding="utf-8-sig")
