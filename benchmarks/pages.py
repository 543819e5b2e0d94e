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

from benchmarks.asked import Figure
from benchmarks.serving_world import QUESTION, ROOT, world

AIM_MS = 200
PAGES = {
    "first page": "",
    "a page in the middle": "?page=500",
    "filtered by band and status": "?band=Medium&status=bail",
    "filtered by strand": "?strand=domestic_abuse",
    "moved up most": "?order=risen",
}


def run(place: Path, *, people: int, requests: int, trees: int) -> Iterator[Figure]:
    """Make a world, score and publish everybody in the cohort, and ask for pages of the list."""
    made = world(place / f"pages-{people}-{trees}", events=10 * people, people=people, trees=trees)
    command = [sys.executable, "-m", "benchmarks.pages", str(requests)]
    said = subprocess.run(
        command, env=made.environment(), cwd=ROOT, check=True, capture_output=True, text=True
    )
    found = json.loads(said.stdout.splitlines()[-1])
    for what, runs in found["pages"].items():
        aim = f"at most {AIM_MS} ms"
        yield Figure(
            "pages",
            f"{what}, of {found['scored']:,} scored",
            median(runs),
            "ms",
            aim,
            runs=tuple(runs),
        )


def measured(requests: int) -> dict[str, object]:
    """Score, publish and ask, in this process; milliseconds of each request after the first."""
    from starlette.testclient import TestClient

    from features.history import History
    from features.home import home
    from features.loads import open_load
    from serving.access import Access
    from serving.batch import score_batch
    from serving.ledger import Ledger
    from serving.pages.app import create_pages
    from serving.publishing import publish
    from serving.runs import pointed, published
    from serving.stock import Stock

    ledger = Ledger.open()
    stock = Stock(ledger)
    if pointed(QUESTION.name) is None:
        model, version = stock.champion(QUESTION.name)
        history = History(open_load(home() / "records" / "force"))
        out = home() / "list.parquet"
        made = score_batch(
            model, version, history, out, ledger=ledger, actor="benchmark", role="operator"
        )
        run_id = made.run.run_id
        publish(QUESTION.name, ledger=ledger, actor="benchmark", role="operator", run_id=run_id)
    access = Access(ledger)
    app = create_pages(stock, ledger, access)
    client = TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 5))
    token = access.issue_token("a.nalyst", "analyst", 1)
    client.post("/sign-in", data={"token": token, "purpose": "benchmark"})
    found: dict[str, list[float]] = {}
    for what, query in PAGES.items():
        found[what] = []
        for turn in range(requests + 1):  # the first opens the list, or works a filter out
            began = time.perf_counter()
            answer = client.get(f"/lists/{QUESTION.name}{query}")
            taken = 1000 * (time.perf_counter() - began)
            if answer.status_code != 200:
                raise SystemExit(f"{query}: {answer.status_code}")
            if turn:
                found[what].append(taken)
    return {"scored": published(QUESTION.name).run.info["scored"], "pages": found}


if __name__ == "__main__":
    print(json.dumps(measured(int(sys.argv[1]))))
