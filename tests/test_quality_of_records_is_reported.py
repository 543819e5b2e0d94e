"""The quality report says what is empty, late, corrected, alike or without a code, and no more."""

from __future__ import annotations

import gzip
import json
import random
import re
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from record_folders import Rows, faultless, write_csv

from features.check import examined
from features.quality import Quality, quality
from features.quality_report import page, write_quality
from features.records import TABLES

AXE = Path(__file__).parent / "vendor" / "axe-core-4.14.1.min.js.gz"


def report(folder: Path, most: int = 5) -> Quality:
    with examined(folder, today=date(2023, 6, 1)) as records:
        return quality(records, records.report(most))


def known() -> Rows:
    """Records whose figures are known: each offence recorded 0, 10, 20, ... 390 days late."""
    rows = faultless(random.Random(1), people=4, offences=40)
    for place, row in enumerate(rows["offence"]):
        row["occurred_on"] = "2020-06-01"
        row["known_on"] = str(date(2020, 6, 1) + timedelta(days=10 * place))
        row["domestic"] = "" if row["known_on"] < "2021" else "true"
        row["offence_code"] = "999/ZZ" if place < 3 else "053/01" if place < 5 else "105/01"
    for row in (*rows["involvement"], *rows["outcome"]):
        row["known_on"] = "2022-12-01"
    return rows


def test_the_figures_are_those_of_the_records(tmp_path: Path) -> None:
    rows = known()
    twice = rows["involvement"][0]
    rows["involvement"].append(twice | {"record_id": "again", "known_on": "2023-02-02"})
    old = rows["nominal"][0]
    rows["nominal"].append(old | {"known_on": "2021-05-05", "born_on": ""})
    old["superseded_on"] = "2021-05-05"
    found = report(write_csv(tmp_path / "records", rows))
    assert found.ok
    tables = {table.name: table for table in found.tables}
    assert {name: table.rows for name, table in tables.items()} == {
        name: len(held) for name, held in rows.items()
    }
    assert found.rows == sum(len(held) for held in rows.values())
    offence, nominal = tables["offence"], tables["nominal"]
    assert (offence.first, offence.last) == ("2020-06-01", "2020-06-01")
    assert (offence.first_known, offence.last_known) == ("2020-06-01", "2021-06-26")
    assert (offence.delay.rows, offence.delay.median, offence.delay.nine_in_ten) == (40, 190, 350)
    assert (offence.delay.late, offence.delay.very_late) == (36, 3)
    assert (nominal.records, nominal.corrected, nominal.versions) == (4, 1, 1)
    assert (tables["involvement"].alike, tables["outcome"].alike) == (1, 0)
    empty = {column.name: column.empty for column in offence.columns}
    early = sum(row["known_on"] < "2021" for row in rows["offence"])
    assert empty["domestic"] == early
    assert empty["weapon"] == 40
    assert empty["record_id"] == 0
    assert {c.name: c.empty for c in nominal.columns}["born_on"] == 1
    assert (found.codes.unknown, [c.code for c in found.codes.unknown_codes]) == (3, ["999/ZZ"])
    assert found.codes.without_harm == 2
    years = {year.year: (year.rows, year.empty["domestic"]) for year in found.markers}
    assert years == {"2020": (early, early), "2021": (40 - early, 0)}


def test_old_years_are_told_together(tmp_path: Path) -> None:
    rows = known()
    for place, row in enumerate(rows["offence"]):
        row["occurred_on"] = ""
        row["known_on"] = f"{1984 + place}-01-01"
    for row in rows["nominal"]:
        row["known_on"], row["born_on"] = "1983-01-01", "1960-01-01"
    found = report(write_csv(tmp_path / "records", rows))
    assert [year.year for year in found.markers] == [
        "before 2012",
        *map(str, range(2012, 2024)),
    ]
    assert sum(year.rows for year in found.markers) == 40


def test_records_that_break_rules_are_reported_all_the_same(tmp_path: Path) -> None:
    rows = known()
    rows["offence"][0] |= {"known_on": "soon", "grade": "<script>alert(1)</script>"}
    rows["offence"][1]["occurred_on"] = "1066-10-14"
    rows["custody"] = [{"record_id": "only"}]
    source = write_csv(tmp_path / "records", rows)
    (source / "bail.csv").write_bytes(b"\xff\xfe\x00")
    found = report(source)
    assert not found.ok
    assert "bail" not in {table.name for table in found.tables}
    text = page(found)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "14 October 1066" in text
    assert "Errors stand" in text


def test_nothing_at_all_is_still_a_report(tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    found = report(tmp_path / "records")
    assert "No table could be read" in page(found)
    assert not found.ok


class Seen(HTMLParser):
    """What a page is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_page_stands_alone_and_its_tables_can_be_read_aloud(tmp_path: Path) -> None:
    rows = known()
    rows["outcome"][0]["result"] = "=cmd()"
    text = page(report(write_csv(tmp_path / "records", rows)))
    seen = Seen()
    seen.feed(text)
    names = [tag for tag, _ in seen.tags]
    assert not {"script", "link", "img", "iframe", "object", "form"} & set(names)
    for _, attributes in seen.tags:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href", "srcset", "action"):
            assert (attributes.get(name) or "#").startswith("#")
    assert not re.search(r"url\(|@import|https?:", text)
    assert names.count("caption") == names.count("table")
    headings = [attributes for tag, attributes in seen.tags if tag == "th"]
    assert all(attributes.get("scope") in ("row", "col") for attributes in headings)
    targets = {attributes.get("id") for _, attributes in seen.tags}
    links = {attributes["href"] for tag, attributes in seen.tags if tag == "a"}
    assert links <= {f"#{target}" for target in targets}


def test_json_lies_beside_the_page_and_says_the_same(tmp_path: Path) -> None:
    found = report(write_csv(tmp_path / "records", known()))
    write_quality(found, tmp_path / "out" / "quality.html")
    data = json.loads((tmp_path / "out" / "quality.json").read_text(encoding="utf-8"))
    assert data["data_to"] == found.data_to.isoformat()
    assert [table["name"] for table in data["tables"]] == list(TABLES)
    assert data["tables"][1]["delay"]["median"] == 190
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["quality.html", "quality.json"]
    write_quality(found, tmp_path / "alone" / "quality.json")
    assert [p.name for p in (tmp_path / "alone").iterdir()] == ["quality.json"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    path = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
    )
    if not path:
        pytest.skip("Chromium is not installed; on Debian: apt-get install chromium")
    with sync_playwright() as started:
        opened = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390, 320])
def test_the_page_reads_well_at_any_width_and_breaks_no_wcag_rule(
    width: int, browser: Any, tmp_path: Path
) -> None:
    rows = known()
    rows["outcome"][0]["result"] = "x" * 300
    write_quality(report(write_csv(tmp_path / "r", rows)), tmp_path / "quality.html")
    context = browser.new_context(viewport={"width": width, "height": 900}, bypass_csp=True)
    opened = context.new_page()
    opened.goto((tmp_path / "quality.html").as_uri())
    assert opened.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    if width > 1000:  # A4 without its margins
        opened.set_viewport_size({"width": 688, "height": 1000})
        opened.emulate_media(media="print")
        assert opened.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        opened.emulate_media(media="screen")
        opened.set_viewport_size({"width": width, "height": 900})
    opened.evaluate(gzip.decompress(AXE.read_bytes()).decode())
    tags = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]
    wrong = opened.evaluate("t => axe.run({runOnly: {type: 'tag', values: t}})", tags)["violations"]
    context.close()
    assert [(rule["id"], node["target"]) for rule in wrong for node in rule["nodes"]] == []
