"""The documentation site: built strictly and offline, whole, and asking nobody else anything."""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
from house import ROOT

FETCHED = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src"}


def build(root: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """Build the site as `make docs` does."""
    config = root / "docs" / "site" / "mkdocs.yml"
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", config, "-d", out],
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@dataclass
class Read(HTMLParser):
    """What a page fetches, where it leads, and what can be pointed at on it."""

    fetches: list[str] = field(default_factory=list)
    leads: list[str] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids |= {given.get("id") or ""}
        if tag == "a" and given.get("href"):
            self.leads.append(str(given["href"]))
        elif given.get(FETCHED.get(tag, "")) and given.get("rel") not in (
            "canonical",
            "next",
            "prev",
        ):
            self.fetches.append(str(given[FETCHED[tag]]))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site") / "built"
    built = build(ROOT, out)
    assert built.returncode == 0, built.stderr
    return out


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Read]:
    found = {}
    for file in sorted(site.rglob("*.html")):
        found[file] = Read()
        found[file].feed(file.read_text(encoding="utf-8"))
    return found


def test_every_document_and_story_is_a_page(site: Path) -> None:
    expected = {path.stem for path in (ROOT / "docs").glob("*.md")}
    expected |= {f"notebooks/{path.stem}" for path in (ROOT / "notebooks").glob("*.py")}
    expected |= {"index", "contributing", "changelog", "404"}
    there = {str(path.relative_to(site).with_suffix("")) for path in site.rglob("*.html")}
    assert there == expected
    leads = set(re.findall(r'href="([^"#:]+\.html)"', (site / "index.html").read_text()))
    assert leads >= {f"{page}.html" for page in expected - {"404"}}, "every page can be reached"


def test_no_page_names_anything_to_fetch_from_elsewhere(
    site: Path, pages: dict[Path, Read]
) -> None:
    for file, page in pages.items():
        away = [place for place in page.fetches if re.match(r"(https?:)?//", place)]
        assert not away, f"{file.relative_to(site)} fetches {away}"
        for place in page.fetches:
            name = unquote(urldefrag(place).url)
            there = site / name[1:] if name.startswith("/") else file.parent / name
            assert there.exists(), f"{file.relative_to(site)}: {place}"
    for sheet in site.rglob("*.css"):
        asked = re.findall(r"url\(['\"]?((?:https?:)?//[^)]+)|@import", sheet.read_text())
        assert not asked, f"{sheet.name}: {asked}"


def test_every_link_of_the_site_leads_somewhere(site: Path, pages: dict[Path, Read]) -> None:
    broken = []
    for file, page in pages.items():
        for target in page.leads:
            if re.match(r"(https?|mailto):", target) or file.name == "404.html":
                continue
            name, anchor = urldefrag(unquote(target))
            there = (file.parent / name).resolve() if name else file
            there = there / "index.html" if there.is_dir() else there
            if not there.is_file():
                broken.append(f"{file.relative_to(site)}: {target}")
            elif anchor and anchor not in pages[there].ids:
                broken.append(f"{file.relative_to(site)}: {target}: no such heading")
    assert not broken, "\n".join(broken)


def test_a_lost_page_or_a_broken_link_fails_the_build(tmp_path: Path) -> None:
    for name in ("docs", "notebooks"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "docs" / "lost.md").write_text("# Lost\n\n[nowhere](api.md#nowhere)\n")
    failed = build(tmp_path, tmp_path / "out")
    assert failed.returncode != 0
    assert "lost.md" in failed.stderr, "a page outside of the navigation is named"
    assert "api.md#nowhere" in failed.stderr, "a link without a heading is named"


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on loopback."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.browser
def test_a_browser_asks_nobody_else_and_the_search_finds(site: Path) -> None:
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if path is None:
        pytest.skip("Chromium is not installed; on Debian: apt-get install chromium")
    asked: list[str] = []
    wrong: list[str] = []
    with served(site) as address, sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page()
        page.set_default_timeout(60_000)
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        for name in ("index", "notebooks/audit_fairness", "benchmarks", "deployment", "records"):
            page.goto(f"{address}/{name}.html", wait_until="networkidle")
        search = page.get_by_role("textbox", name="Search")
        found = page.locator(".md-search-result__item")
        for _ in range(30):  # what is typed before the index has arrived is not looked for
            search.fill("")
            search.press_sequentially("calibration")
            page.wait_for_timeout(1_000)
            if found.count():
                break
        assert found.count()
        browser.close()
    assert not [url for url in asked if not url.startswith((address, "data:", "blob:"))]
    assert not wrong
