"""How long pages of a list take at the server, however many people were scored.

    python -m benchmarks.pages REQUESTS

asks in the state folder of a world that was made before.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks import serving_world
from benchmarks.asked import Figure
from benchmarks.serving_world import QUESTION, ROOT

AIM_MS = 200
PAGES = {
    "first page": "",
    "a page in the middle": "?page=500",
    "filtered by band": "?band=Medium",
    "filtered by status": "?status=none",
    "filtered by band and status": "?band=Medium&status=bail",
    "filtered by strand": "?strand=domestic_abuse",
    "filtered by strand and band": "?strand=stalking&band=High",
    "moved up most": "?order=risen",
}
"""Pages of the list by what is asked of it."""

FIRST = "a person's page"


def run(cache: Path, *, people: int, requests: int, trees: int) -> Iterator[Figure]:
    """Make a world, publish its scored cohort, and ask for pages of the list."""
    made = serving_world.world(cache, events=10 * people, people=people, trees=trees)
    command = [sys.executable, "-m", "benchmarks.pages", str(requests)]
    with serving_world.lent(made) as world:
        said = subprocess.run(
            command, env=world.environment(), cwd=ROOT, check=True, capture_output=True, text=True
        )
    found = json.loads(said.stdout.splitlines()[-1])
    yield Figure("pages", "opening list and records before anybody asks", found["opening"], "s", "")
    for what, runs in found["pages"].items():
        aim = "" if what == FIRST else f"≤ {AIM_MS}"
        yield Figure(
            "pages",
            f"{what}, of {found['scored']:,} scored",
            median(runs),
            "ms",
            aim,
            runs=tuple(runs),
        )


def measured(requests: int) -> dict[str, object]:
    """Publish, open and ask, in this process.

    Returns
    -------
    dict
        People scored, seconds that opening takes, as a worker does it at its start, and
        milliseconds of each request after the first.
    """
    from starlette.testclient import TestClient

    from serving.access import Access
    from serving.ledger import Ledger
    from serving.pages.app import create_pages
    from serving.publishing import publish
    from serving.runs import published
    from serving.stock import Stock

    ledger = Ledger.open()
    stock = Stock(ledger, warm=True)
    publish(QUESTION.name, ledger=ledger, actor="benchmark", role="operator")
    access = Access(ledger)
    app = create_pages(stock, ledger, access)
    stock.get(QUESTION.name)
    began = time.perf_counter()
    app.state.lists.open_all()
    opening = time.perf_counter() - began
    client = TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 5))
    token = access.issue_token("a.nalyst", "analyst", 1)
    client.post("/sign-in", data={"token": token, "purpose": "benchmark"})
    listed = published(QUESTION.name)
    place = f"/lists/{QUESTION.name}"
    asked = {what: f"{place}{query}" for what, query in PAGES.items()}
    asked[FIRST] = f"{place}/{listed.page(0, 1)[0]['score_id']}"
    found: dict[str, list[float]] = {}
    for what, address in asked.items():
        found[what] = []
        for turn in range(requests + 1):  # the first works a filter out
            began = time.perf_counter()
            answer = client.get(address)
            taken = 1000 * (time.perf_counter() - began)
            if answer.status_code != 200:
                raise SystemExit(f"{address}: {answer.status_code}")
            if turn:
                found[what].append(taken)
    return {"scored": listed.run.info["scored"], "opening": opening, "pages": found}


if __name__ == "__main__":
    print(json.dumps(measured(int(sys.argv[1]))))
