"""Kept reports of drift, shadow and feedback, and retired models, as reviewers read them."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages_world import World
from reviewed_world import CHECK, COMPARED, DRIFTS, NAME, WATCHED, world

from features import kept_reports
from features.kept_reports import DRIFT, FEEDBACK, KINDS, SHADOW
from serving.chain import Action
from training import drift_words, feedback, shadow
from training.drift_words import ADVICE

assert world  # a fixture

REPORTS = f"/questions/{NAME}/reports"


def text_of(page: str) -> str:
    """What a reader sees of a page's main part: without tags, on one line."""
    body = re.sub(r"(?s)^.*?<main|</main>.*$", " ", page)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def opened(world: World, kind: str, place: int = -1) -> str:
    name = kept_reports.names(kind, NAME)[place]
    page = world.client("reviewer").get(f"{REPORTS}/{kind}/{name}")
    assert page.status_code == 200
    return text_of(page.text)


@pytest.fixture
def nothing_kept(world: World, tmp_path: Path) -> Iterator[None]:
    """Nobody has looked again yet."""
    for kind in KINDS:
        (world.home / kind).rename(tmp_path / kind)
    yield
    for kind in KINDS:
        (tmp_path / kind).rename(world.home / kind)


def test_reports_are_listed_with_day_and_verdict_the_latest_first(world: World) -> None:
    for role in ("reviewer", "data_scientist"):
        seen = text_of(world.client(role).get(REPORTS).text)
        late, early = (seen.index(f"{day} February 2026, 09:30:00 UTC") for day in (2, 1))
        assert late < early
        assert f"Review: {ADVICE['review']}" in seen
        assert f"Stable: {ADVICE['stable']}" in seen
        assert "The model ranked better than RFG, beyond chance." in seen
        assert feedback.told(WATCHED).verdict in seen
    looked = next(iter(world.ledger.entries(action=Action.VIEW, limit=1)))
    assert (looked.question, looked.body["what"]) == (NAME, "reports")


def test_a_drift_report_has_the_table_of_its_command(world: World) -> None:
    seen = opened(world, DRIFT)
    assert drift_words.in_words(DRIFTS[1]).splitlines()[0].partition(": ")[2] in seen
    assert "1,240 rows of 620 people, as of 1 January 2026 to 1 February 2026" in seen
    assert "The outcome of 310 of them is known." in seen
    assert "2 things were compared; were nothing different, chance alone" in seen
    assert "2 columns that look back without end grew" in seen
    row = r"Review Kind: Calibration What: The slope of the calibration is 0\.61 p: 0\.0004"
    assert re.search(row, seen)
    assert CHECK.p == 0.0004
    assert "5 January 2026 to 9 January 2026: a new recording system" in seen
    quiet = opened(world, DRIFT, 0)
    assert ADVICE["stable"] in quiet
    assert "Kind:" not in quiet


def test_a_drift_report_of_an_earlier_release_is_told_without_its_sentences(world: World) -> None:
    place = kept_reports.folder(DRIFT, NAME) / f"{kept_reports.names(DRIFT, NAME)[-1]}.json"
    before = place.read_text(encoding="utf-8")
    try:
        said = json.loads(before)
        del said["told"]
        place.write_text(json.dumps(said), encoding="utf-8")
        seen = opened(world, DRIFT)
        assert "1,240 rows of 620 people, as of 1 January 2026 to 1 February 2026" in seen
        assert "The outcome of 310 of them is known. 2 things were compared." in seen
        assert "The slope of the calibration is 0.61" in seen
    finally:
        place.write_text(before, encoding="utf-8")


def test_reports_of_shadow_and_feedback_say_all_that_their_commands_said(world: World) -> None:
    for kind, words in (
        (SHADOW, shadow.told(COMPARED).text()),
        (FEEDBACK, feedback.told(WATCHED).text()),
    ):
        seen = opened(world, kind)
        for line in words.splitlines():
            said = line.strip().partition(": ")[2] or line.strip()
            said = said.replace("2027-08-02", "2 August 2027")
            said = said.replace("2025-01-01", "1 January 2025")
            said = said.replace("2025-02-01", "1 February 2025")
            assert said in seen, (kind, line)
        assert "version 1" in seen
        ending = "More will be known from 2 August 2027."
        assert (ending in seen) == (kind == SHADOW)
        assert not re.search(r"\d{4}-\d\d-\d\d", seen)


def test_where_nobody_looked_the_page_says_how_and_nothing_leads_there(
    world: World, nothing_kept: None
) -> None:
    client = world.client("data_scientist")
    seen = text_of(client.get(REPORTS).text)
    for command in ("drift", "shadow", "watch"):
        assert f"Nobody has looked yet: precursor {command} {NAME} RECORDS" in seen
    assert REPORTS not in client.get(f"/questions/{NAME}").text
    assert REPORTS not in client.get(f"/assurance/{NAME}").text


def test_pages_of_the_question_lead_to_its_reports(world: World) -> None:
    client = world.client("reviewer")
    assert f'href="{REPORTS}"' in client.get(f"/questions/{NAME}").text
    page = client.get(f"/assurance/{NAME}").text
    assert f'href="{REPORTS}/{DRIFT}/{kept_reports.names(DRIFT, NAME)[-1]}"' in page
    assert f"Review: {ADVICE['review']}" in text_of(page)
    assert f"{REPORTS}/" not in world.client("supervisor").get(f"/assurance/{NAME}").text


@pytest.mark.parametrize("content", ["", "[]", "{", '"text"', "null"])
def test_a_broken_report_is_said_to_be_so_and_the_others_are_shown(
    world: World, content: str
) -> None:
    broken = kept_reports.folder(DRIFT, NAME) / "20260301T000000000000.json"
    broken.write_text(content, encoding="utf-8")
    try:
        client = world.client("reviewer")
        seen = text_of(client.get(REPORTS).text)
        assert "It cannot be read: the file is not what was written" in seen
        assert f"Review: {ADVICE['review']}" in seen
        assert client.get(f"{REPORTS}/{DRIFT}/{broken.stem}").status_code == 409
        assert client.get(f"/assurance/{NAME}").status_code == 200
    finally:
        broken.unlink()


@pytest.mark.parametrize(
    "place",
    [
        f"/questions/{NAME}/reports/drift/nothing",
        f"/questions/{NAME}/reports/drift/..%2F..%2Fversions",
        f"/questions/{NAME}/reports/versions/20260201T093000000000",
        "/questions/no_such_question/reports",
        "/questions/..%2Fdrift/reports",
    ],
)
def test_an_address_that_leads_nowhere_is_told_so(world: World, place: str) -> None:
    assert world.client("reviewer").get(place).status_code == 404


def test_who_neither_makes_nor_reviews_models_is_refused(world: World) -> None:
    for role in ("analyst", "supervisor"):
        client = world.client(role)
        for place in (REPORTS, "/retired"):
            assert client.get(place).status_code in (403, 409)


def test_the_register_of_retired_models_says_who_why_and_what_of_their_scores(
    world: World,
) -> None:
    client = world.client("reviewer")
    assert 'href="/retired"' in client.get("/questions").text
    seen = text_of(client.get("/retired").text)
    (entry,) = world.ledger.entries(action=Action.RETIREMENT, limit=None)
    assert "Question of old, version 4" in seen
    assert "by t.ester" in seen
    assert "no longer asked" in seen
    assert "a" * 64 in seen
    assert "0 given the last expires: none was given" in seen
    assert f"Entry {entry.seq}" in seen
    assert not re.search(r"\d{4}-\d\d-\d\d", seen)
    assert f"/audit/{entry.seq}" not in world.client("data_scientist").get("/retired").text
