"""A real Chromium on the pages: how they are served and opened, and what holds on each of them.

The numbers of checks are those of `docs/pages.md`.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pages_world import PURPOSE, World
from playwright.sync_api import sync_playwright
from starlette.routing import Match, Route

HERE = Path(__file__).resolve().parent
LOOKS = (HERE / "browser.js").read_text(encoding="utf-8")
AXE = gzip.decompress((HERE / "vendor" / "axe-core-4.14.1.min.js.gz").read_bytes()).decode()
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]
PATIENCE = 120
"""Seconds to wait for a condition: a busy machine is slow, and a ready one is not kept waiting."""

FIRST_VISIT = 50_000
"""Bytes a first visit may take, compressed, with style sheets and scripts."""

WIDE, PHONE, SMALL = 1280, 390, 320
FORBIDDEN = re.compile(r"(?i)gds transport|@font-face|\bcrest\b|crown|royal arms")

Opened = Callable[..., Any]


def installed() -> str:
    """Return where Debian's Chromium is; empty where it is not installed."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), "")


@contextmanager
def started_browser() -> Iterator[Any]:
    """Start Chromium; it ends with the block."""
    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=installed(),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
            timeout=1000 * PATIENCE,
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Return Debian's Chromium, started once for the tests of a file."""
    if not installed():
        pytest.skip("Chromium is not installed; on Debian: apt-get install chromium")
    with started_browser() as browser:
        yield browser


@contextmanager
def serving(home: Path) -> Iterator[str]:
    """Serve the pages over a home in a process of their own, on a free port of this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "--factory", "--app-dir", str(HERE)]
    command += ["--port", str(port), "--log-level", "warning", "pages_world:reopened"]
    environment = os.environ | {"PRECURSOR_HOME": str(home)}
    with subprocess.Popen(command, cwd=HERE.parent, env=environment) as server:
        try:
            until = time.monotonic() + 3 * PATIENCE
            while time.monotonic() < until:
                with socket.socket() as door:
                    if door.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert server.poll() is None, "the server ended before it listened"
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


@contextmanager
def visits(chromium: Any, site: str, world: World) -> Iterator[Opened]:
    """Give what signs somebody in and opens a page; what goes wrong on it is in `page.wrong`."""
    contexts = []

    def opened(
        role: str = "analyst", width: int = WIDE, *, start: str = "/", actor: str = "", **more: Any
    ) -> Any:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, base_url=site, **more
        )
        contexts.append(context)
        context.add_init_script(POLICY)
        page = context.new_page()
        page.set_default_timeout(1000 * PATIENCE)
        page.wrong, page.seen, page.files = [], set(), 0

        def heard(said: Any) -> None:
            # a page that is refused on purpose is told as a resource that failed to load
            if said.type == "error" and not said.text.startswith("Failed to load resource"):
                page.wrong.append(said.text)

        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        page.on("console", heard)
        page.on(
            "request",
            lambda asked: None if asked.url.startswith(site) else page.wrong.append(asked.url),
        )
        token = world.access.issue_token(actor or f"{role} one", role, 1)
        page.goto(f"/sign-in?next={start}")
        page.fill("#token", token)
        page.fill("#purpose", PURPOSE)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda url: "/sign-in" not in url)
        return page

    try:
        yield opened
    finally:
        for context in contexts:
            context.close()


def _files_of_a_first_visit(page: Any) -> int:
    """Return the bytes of all that comes with the first page that anybody sees."""
    asked: list[Any] = []
    context = page.context.browser.new_context()
    stranger = context.new_page()
    stranger.on("requestfinished", lambda request: asked.append(request))
    stranger.goto(re.sub(r"(?<=\d)/.*", "/sign-in", page.url), wait_until="networkidle")
    files = [one for one in asked if one.resource_type != "document"]
    assert len(files) >= 4, [one.url for one in files]
    weight = sum(one.sizes()["responseBodySize"] for one in files)
    context.close()
    return int(weight)


def look_at(page: Any, address: str) -> list[str]:
    """Open a page; return what every page promises and this one does not keep."""
    page.wrong.clear()
    page.set_viewport_size({"width": WIDE, "height": 900})
    answer = page.goto(address)
    page.seen.add(page.url)
    broken = []
    if found := FORBIDDEN.search(answer.text()):
        broken.append(f"{address}: check 7: {found[0]}")
    page.files = page.files or _files_of_a_first_visit(page)
    weight = page.files + answer.request.sizes()["responseBodySize"]
    if weight > FIRST_VISIT:
        broken.append(f"{address}: takes {weight} bytes on a first visit")
    return broken + look_over(page, address)


def look_over(page: Any, address: str) -> list[str]:
    """Return what every page promises and the open one does not keep: wide, small, on paper."""
    page.wait_for_load_state("load")
    page.evaluate(LOOKS)
    broken = [f"check 3: {what}" for what in page.evaluate("looks.order()")]
    broken += [f"check 28: {what}" for what in page.evaluate("looks.navigation()")]
    broken += [f"check 13: {what}" for what in page.evaluate("looks.charts()")]
    broken += [f"check 14: {what}" for what in page.evaluate("looks.shapes()")]
    page.emulate_media(media="print")
    page.evaluate(DRAWN)
    broken += [f"check 11: {what}" for what in page.evaluate("looks.paper()")]
    broken += [f"check 12: {what}" for what in page.evaluate("looks.ink()")]
    page.emulate_media(media="screen", forced_colors="active")
    broken += [f"check 10: {what}" for what in page.evaluate("looks.forced()")]
    page.emulate_media(forced_colors="none")
    page.evaluate("for (const more of document.querySelectorAll('details')) more.open = true")
    wide = _tables(page)
    broken += _accessible(page)
    page.set_viewport_size({"width": PHONE, "height": 900})
    if (narrow := _tables(page)) != wide or wide.get("table", 0) != page.evaluate(TABLES):
        broken.append(f"check 9: wide {wide}, on a phone {narrow}")
    broken += _accessible(page)
    page.set_viewport_size({"width": SMALL, "height": 900})
    page.evaluate("looks.spaced()")
    broken += [f"check 8: {what}" for what in page.evaluate("looks.tooWide()")]
    page.evaluate("document.adoptedStyleSheets = []")
    page.set_viewport_size({"width": WIDE, "height": 900})
    broken += [f"checks 5 and 6: {what}" for what in page.wrong]
    page.wrong.clear()
    return [f"{address}: {what}" for what in broken]


def _accessible(page: Any) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found = page.evaluate(RUN_AXE, WCAG)
    width = page.viewport_size["width"]
    broken = [
        f"check 1: at {width}: {rule['id']} {node['target']} {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
    ]
    return broken + [f"check 8: at {width}: {what}" for what in page.evaluate("looks.tooWide()")]


def _tables(page: Any) -> dict[str, int]:
    """Count what a screen reader finds of tables: Chromium's own tree, not what tags promise."""
    session = page.context.new_cdp_session(page)
    count: dict[str, int] = {}
    for node in session.send("Accessibility.getFullAXTree")["nodes"]:
        role = node.get("role", {}).get("value", "")
        if not node["ignored"] and role in TABLE_ROLES:
            count[role] = count.get(role, 0) + 1
    session.detach()
    return count


def opened_routes(world: World, addresses: Iterable[str]) -> set[str]:
    """Return the paths of the routes that lead to some addresses."""
    found = set()
    for address in addresses:
        path = re.sub(r"^https?://[^/]+|[?#].*$", "", address)
        scope = {"type": "http", "method": "GET", "path": path}
        for route in world.app.routes:
            if isinstance(route, Route) and route.matches(scope)[0] == Match.FULL:
                found.add(route.path)
                break
    return found


TABLE_ROLES = {"table", "row", "cell", "gridcell", "columnheader", "rowheader"}

PAGES = {
    "casework": {
        *("/lists/{question}", "/lists/{question}/not-scored"),
        *("/lists/{question}/{score_id}", "/lists/{question}/{score_id}/decision"),
        *("/lists/{question}/{score_id}/selection", "/lists/{question}/{score_id}/dispute"),
        *("/selections", "/disputes/{dispute}", "/scores", "/scores/{entry}"),
        *("/sign-in", "/how-scores-are-made"),
    },
    "managers": {
        *("/dashboards", "/dashboards/stalking", "/dashboards/stalking/people"),
        *("/dashboards/volumes", "/dashboards/custody", "/dashboards/interventions"),
        *("/dashboards/outstanding", "/dashboards/orders", "/dashboards/dangerous"),
        *("/sign-offs", "/sign-offs/{decision}", "/lists/{question}/own-view", "/disputes"),
        *("/lists", "/assurance", "/model-record"),  # of several questions; one is opened at once
    },
    "review": {
        *("/assurance/{question}", "/model-record/{question}"),
        *("/questions", "/questions/{question}", "/audit", "/audit/{entry:int}"),
        *("/questions/{question}/reports", "/questions/{question}/reports/{kind}/{report}"),
        "/retired",
        *("/replays", "/replays/{score_id}"),
    },
}
"""Every page, by the crawl that looks at it."""

POLICY = """document.addEventListener('securitypolicyviolation', told => {
  console.error(`policy: ${told.effectiveDirective} ${told.blockedURI}`)
})"""

LOOK = """() => {
  const at = document.activeElement, style = getComputedStyle(at), box = at.getBoundingClientRect()
  const drawn = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0
  const marked = style.boxShadow !== 'none' || style.backgroundColor === 'rgb(255, 221, 0)'
  return (drawn || marked) && box.bottom > 0 && box.top < innerHeight
}"""
"""Whether the focused element is on the screen and looks focused."""

RUN_AXE = """tags => axe.run({runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})
  .then(found => found.violations)"""

DRAWN = """() => new Promise(done =>
  requestAnimationFrame(() => requestAnimationFrame(done)))"""
"""What was closed counts as shown once it has been drawn."""

TABLES = "[...document.querySelectorAll('table')].filter(one => one.checkVisibility()).length"
