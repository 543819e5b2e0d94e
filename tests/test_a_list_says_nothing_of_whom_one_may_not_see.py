"""A line of somebody withheld is a rank and a score: on the page, in the file, by every filter."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from desk import LIST, text_of
from pages_world import NAME, World, world

from features.strands import by_mark
from serving.pages.standing import FILTERS
from serving.permissions import Principal, Role
from serving.pseudonyms import withheld_name
from serving.runs import published
from serving.schema import SelectionRequest
from serving.selections import select

assert world  # a fixture


@pytest.fixture
def first(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Restrict whoever is first on the list; return their line."""
    (line,) = published(NAME).page(0, 1)
    rules = tmp_path / "need.yaml"
    rules.write_text(json.dumps({"restricted": [line["nominal_id"]], "cleared": ["cleared"]}))
    monkeypatch.setenv("PRECURSOR_NEED_TO_KNOW", str(rules))
    return line


def row_of(page: str, score_id: str) -> str:
    """Return what the line of a score says; nothing where it is not on the page."""
    rows = [row for row in re.findall(r"(?s)<tr.*?</tr>", page) if f"/{score_id}" in row]
    return text_of("".join(rows))


def test_the_page_shows_rank_and_score_and_no_more(world: World, first: dict[str, str]) -> None:
    whole = row_of(world.client(actor="cleared").get(LIST).text, first["score_id"])
    assert "Withheld" not in whole
    assert first["nominal_id"] in whole
    page = world.client(actor="ann").get(LIST).text
    told = row_of(page, first["score_id"])
    assert re.search(r"Main records associated with the score Withheld Status now Withheld", told)
    assert re.search(r"Decision Withheld", told)
    assert "Aged" not in told
    assert "Decide about" not in told
    assert page.count("Withheld") == 4, "of the others all is told that was told before"


def test_the_file_says_no_more_than_the_page(world: World, first: dict[str, str]) -> None:
    def line(actor: str) -> dict[str, str]:
        content = world.client(actor=actor).get(f"{LIST}/list.csv").content.decode("utf-8-sig")
        rows = csv.DictReader(io.StringIO(content))
        return next(row for row in rows if row["Score reference"] == first["score_id"])

    whole, told = line("cleared"), line("ann")
    assert (told["Rank"], told["Band"]) == (whole["Rank"], whole["Band"])
    for name in ("Main record 1", "Main record 2", "Main record 3", "Status now", "Decision"):
        assert told[name] == "Withheld" != whole[name]
    assert not any(told[name] for name in ("Born", "Area", "RFG rank", "Decided by"))


def test_no_filter_tells_what_is_on_record(world: World, first: dict[str, str]) -> None:
    asked = [f"status={name}" for name in FILTERS] + [f"strand={name}" for name in by_mark()]
    areas = ("North", "East %26 Centre", "<i>South</i>")
    asked += [f"area={name}" for name in areas]
    client, cleared = world.client(actor="ann"), world.client(actor="cleared")
    found = [row_of(cleared.get(f"{LIST}?{query}").text, first["score_id"]) for query in asked]
    assert any(found), "some filter finds them, for whoever may know"
    for query in asked:
        assert not row_of(client.get(f"{LIST}?{query}").text, first["score_id"]), query
        assert first["score_id"] not in client.get(f"{LIST}/list.csv?{query}").text, query
    assert row_of(client.get(f"{LIST}?band={first['band']}").text, first["score_id"])


def test_who_is_managed_leads_nowhere_for_whoever_need_not_know(
    world: World, first: dict[str, str]
) -> None:
    """A policy that restricts people and names no areas: the name is gone, and so is the link."""
    today = world.ledger.now().date()
    about = {"score_id": first["score_id"], "reason": "in their own words", "purpose": "p"}
    taken_on = SelectionRequest(action="select", review_on=today + timedelta(days=30), **about)
    cleared = Principal("cleared", Role.SUPERVISOR)
    select(world.ledger, taken_on, cleared)
    try:
        whole = world.client(actor="cleared").get("/selections").text
        assert first["nominal_id"] in whole
        assert f"/{first['score_id']}" in whole
        told = world.client(actor="ann").get("/selections").text
        assert withheld_name(first["score_id"]) in told
        assert f"/{first['score_id']}" not in told
        assert "Withheld cleared" in text_of(told), "the reason is withheld, who gave it is not"
        assert "in their own words" not in told
    finally:
        select(world.ledger, SelectionRequest(action="deselect", **about), cleared)
