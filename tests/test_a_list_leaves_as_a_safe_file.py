"""Checks 21 and 25: a downloaded list opens safely, and says what the page and the API say."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

from desk import LIST, links_to_people, text_of
from hypothesis import given
from hypothesis import strategies as st
from pages_world import AWKWARD, NAME, PURPOSE, World, world

from serving.ledger import Action
from serving.runs import published
from serving.safe_csv import cell, written

assert world  # a fixture


def lines(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_the_file_holds_whom_the_filters_leave_in_the_same_order(world: World) -> None:
    client = world.client()
    for query in ("", "?band=High", "?status=wanted&order=risen", "?strand=sexual"):
        page = client.get(f"{LIST}{query}").text
        link = re.search(r'href="([^"]+list\.csv[^"]*)"', page)
        if link is None:
            assert "No one matches" in page
            continue
        rows = lines(client.get(link[1].replace("&amp;", "&")).content)
        shown = links_to_people(page)[::2]
        listed = [f"{LIST}/{row['Score reference']}" for row in rows]
        assert listed[: len(shown)] == list(dict.fromkeys(links_to_people(page)))[: len(shown)]


def test_figures_are_those_of_the_page_and_of_the_api(world: World) -> None:
    """Check 25: rank, band, chance and range are the same wherever they stand."""
    client = world.client()
    rows = lines(client.get(f"{LIST}/list.csv").content)
    whole = {line["score_id"]: line for line in published(NAME).page(0, 1_000)}
    assert len(rows) == sum(line["rank"] is not None for line in whole.values())
    page = client.get(LIST).text
    for row in rows[:10]:
        line = whole[row["Score reference"]]
        assert (int(row["Rank"]), row["Band"]) == (line["rank"], line["band"])
        assert abs(float(row["Chance in 100"]) - 100 * line["probability"]) <= 0.5
        said = f"range {float(row['Range from']):g} to {float(row['Range to']):g}"
        place = page.index(row["Score reference"])
        assert said in text_of(page[place : place + 6_000])
        seen = text_of(client.get(f"{LIST}/{row['Score reference']}").text)
        span = said.removeprefix("range ")
        assert f"Band: {row['Band']} Likely range {span}." in seen
        assert f"Rank {row['Rank']} of" in seen


def test_the_copy_is_on_the_ledger_with_purpose_and_each_person(world: World) -> None:
    client = world.client()
    answer = client.get(f"{LIST}/list.csv?band=High")
    rows = lines(answer.content)
    entry = world.ledger.entries(limit=1)[0]
    assert (entry.action, entry.purpose, entry.body["people"]) == (
        Action.EXPORT,
        PURPOSE,
        len(rows),
    )
    assert entry.body["band"] == "High"
    told = [leaf.payload["exported"] for leaf in world.ledger.people(entry.seq) if leaf.payload]
    assert told == [row["Score reference"] for row in rows]
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert "OFFICIAL-SENSITIVE" in answer.headers["content-disposition"]
    assert answer.headers["cache-control"] == "no-store"
    for role in ("supervisor", "reviewer", "data_scientist"):
        assert world.client(role).get(f"{LIST}/list.csv").status_code == 403


def test_awkward_names_come_out_whole_and_as_text(world: World) -> None:
    rows = lines(world.client().get(f"{LIST}/list.csv").content)
    names = {row["Person"] for row in rows}
    assert set(AWKWARD) <= names


STARTS = "=+-@\t\r\n|%\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b"
UNSEEN = "\ufeff\u200b\u200c\u200d\u2060\u202e\u00a0 \u3000\u00ad"


@given(st.text(UNSEEN, max_size=4), st.sampled_from(STARTS), st.text(max_size=20))
def test_no_cell_begins_a_formula(before: str, start: str, rest: str) -> None:
    """Check 21: also in full width, and behind what cannot be seen."""
    assert str(cell(before + start + rest)).startswith("'")


@given(st.lists(st.one_of(st.text(max_size=30), st.integers(), st.floats(-1e9, 1e9))))
def test_nothing_is_lost_and_numbers_stay_numbers(values: list[Any]) -> None:
    content = written([f"c{n}" for n in range(len(values))], [values])
    raw = content.decode("utf-8-sig")
    if not values:
        return
    (row,) = list(csv.reader(io.StringIO(raw, newline="")))[1:]
    for value, told in zip(values, row, strict=True):
        if isinstance(value, str):
            assert told in (value, f"'{value}")
        else:
            assert type(value)(told) == value
