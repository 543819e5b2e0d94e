"""Screenshots of the pages over a made-up force, for README and docs: `make pictures`.

What is made is kept under ``PRECURSOR_HOME``, if that is set, so that a second run is quick.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from browser import serving, started_browser

ROOT = Path(__file__).resolve().parent.parent
FORCE = ("--nominals", "4000", "--years", "6", "--no-serve")
QUESTION = "domestic_abuse_high_harm"
WIDTH, HEIGHT = 1280, 1400


def demo(home: Path) -> None:
    """Make a force with a promoted model and two published lists."""
    if not (home / "champions" / QUESTION).is_dir():
        subprocess.run([sys.executable, "precursor.py", "demo", *FORCE], cwd=ROOT, check=True)


def sign_in(page: Any, role: str) -> None:
    """Sign in with a token that is made for it."""
    from serving.access import Access
    from serving.ledger import Ledger

    with Ledger.open() as book:
        token = Access(book).issue_token(f"demo {role}", role, 1)
    page.goto("/")
    page.fill("#token", token)
    page.fill("#purpose", "pictures for the documents")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_load_state()


def pictures(out: Path, site: str) -> None:
    """Write one picture of each kind of page into a folder."""
    with started_browser() as browser:
        views = {"width": WIDTH, "height": HEIGHT}
        for role, wanted in WANTED.items():
            page = browser.new_context(viewport=views, base_url=site).new_page()
            page.set_default_timeout(120_000)
            sign_in(page, role)
            for name, address in wanted.items():
                page.goto(address)
                for link in FIRST.get(name, ()):
                    page.goto(str(page.locator(link).first.get_attribute("href")))
                page.screenshot(path=str(out / f"{name}.png"))
                print(out / f"{name}.png")


WANTED = {
    "analyst": {"list": f"/lists/{QUESTION}", "person": f"/lists/{QUESTION}"},
    "reviewer": {
        "assurance": f"/assurance/{QUESTION}",
        "audit": "/audit",
        "replay": "/audit?action=batch",
        "model-record": f"/model-record/{QUESTION}",
    },
    "data_scientist": {"question": f"/questions/{QUESTION}"},
}
"""Which pictures are made, by who sees the page."""

FIRST = {"person": ("table.list th a",), "replay": ("table.list a", "main table a")}
"""Pictures of what the first link of a page leads to, and how that link is found."""


def main(out: Path) -> None:
    """Make the pictures; a force is made first where there is none."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pictures-") as temporary:
        os.environ.setdefault("PRECURSOR_HOME", temporary)
        home = Path(os.environ["PRECURSOR_HOME"])
        demo(home)
        with serving(home) as site:
            pictures(out, site)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
