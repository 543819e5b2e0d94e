"""A record reported as wrong: from a reason or the history, compared, settled by somebody else."""

from __future__ import annotations

import re
from typing import Any

import pytest
from desk import LIST, links_to_people, send, text_of
from pages_world import ANALYST, NAME, World, world
from pandas.testing import assert_frame_equal

from features.excerpt import excerpt
from features.history import History
from serving.ledger import Action
from serving.pages.lists import Lists
from serving.runs import published
from serving.stock import Stock

assert world  # a fixture


def disputes_on(page: str, at: str) -> list[str]:
    return [
        link.replace("&amp;", "&") for link in re.findall(rf'href="({at}/dispute\?[^"]+)"', page)
    ]


def test_both_scores_stand_side_by_side_and_the_given_one_stays(world: World) -> None:
    client = world.client()
    at = links_to_people(client.get(LIST).text)[0]
    page = client.get(at).text
    reasons, _, history = page.partition('id="history"')
    assert disputes_on(reasons, at)
    assert disputes_on(history, at)
    form = disputes_on(reasons, at)[0]
    empty = send(client, form)
    assert empty.status_code == 400
    assert 'href="#reason"' in empty.text
    brought = send(client, form, reason="it was his brother")
    assert brought.status_code == 303, text_of(brought.text)
    outcome = client.get(brought.headers["location"])
    seen = text_of(outcome.text)
    assert "As it was given Without the record" in seen
    assert "it was his brother" in seen
    _, score = world.ledger.score(at.rpartition("/")[2])
    assert score is not None
    assert f"{score['band']}" in seen
    assert "What was found Nothing yet." in seen
    number = brought.headers["location"].rpartition("/")[2]
    assert f"Disputed record {number} : open" in text_of(client.get(at).text)
    again = send(client, form, reason="it was his brother")  # sent twice
    assert again.headers["location"] == brought.headers["location"]
    assert re.search(r'<span class="rank">1<', client.get(LIST).text)


def test_somebody_else_settles_it_once_beside_the_original(world: World) -> None:
    client, sue = world.client(), world.client("supervisor", actor="sue")
    at = links_to_people(client.get(LIST).text)[1]
    form = disputes_on(client.get(at).text, at)[-1]
    where = send(client, form, reason="recorded twice").headers["location"]
    number = where.rpartition("/")[2]
    assert client.get("/disputes").status_code == 403
    assert where in sue.get("/disputes").text
    assert send(sue, where, outcome="maybe", reason="x").status_code == 400
    done = send(sue, where, outcome="wrong", reason="same crime, two numbers")
    assert done.headers["location"] == "/disputes?saved=settlement"
    assert where not in sue.get("/disputes").text
    seen = text_of(client.get(where).text)
    assert "The record is wrong and was sent for correction. same crime, two numbers" in seen
    assert f"Disputed record {number} : settled" in text_of(client.get(at).text)
    reviewer = world.client("reviewer")
    csrf = re.search(r'name="csrf" value="([^"]+)"', reviewer.get(where).text)
    assert csrf is not None
    late = {"csrf": csrf[1], "outcome": "stands", "reason": "no"}
    assert "settled already" in reviewer.post(where, data=late).text
    entry = world.ledger.entries(action=Action.SETTLEMENT, limit=1)[0]
    assert entry.body == {"challenge": int(number), "outcome": "wrong"}


def test_reviewers_settle_without_names_and_never_their_own(world: World) -> None:
    client, reviewer = world.client(), world.client("reviewer", actor="rex (0f-1)")
    renamed = world.client("reviewer", actor="regina (0f-1)")
    at = links_to_people(client.get(LIST).text)[2]
    form = disputes_on(client.get(at).text, at)[0]
    where = send(reviewer, form, reason="complaint 12").headers["location"]
    _, score = world.ledger.score(at.rpartition("/")[2])
    assert score is not None
    for path in ("/disputes", where):
        assert score["nominal_id"] not in text_of(reviewer.get(path).text)
    for who in (reviewer, renamed):
        found = who.get(where).text.partition("What was found")[2].partition("<footer")[0]
        assert "<form" not in found


@pytest.mark.parametrize(
    "query", ["", "?table=offence&record=nothing", "?table=nominal&record=N0001", "?table=%00"]
)
def test_a_record_that_is_not_there_cannot_be_reported(world: World, query: str) -> None:
    client = world.client()
    at = links_to_people(client.get(LIST).text)[3]
    page = client.get(f"{at}/dispute{query}")
    assert page.status_code == 200
    assert "Choose the record in the history" in page.text
    csrf = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert csrf is not None
    fields = {"csrf": csrf[1], "table": "offence", "record": "nothing", "reason": "x"}
    answer = client.post(f"{at}/dispute", data=fields)
    assert answer.status_code == 400
    assert "Error: Report a wrong record" in answer.text


def test_an_excerpt_of_a_force_with_victims_gives_the_history_of_the_whole(
    world: World, tmp_path: Any
) -> None:
    history = History(world.load)
    found = Lists(Stock(world.ledger), world.ledger).open(NAME, ANALYST)
    people = published(NAME).columns("nominal_id")["nominal_id"].to_pylist()
    spine = found.spine
    whole = history.matrix(spine).set_index("nominal_id")
    assert (whole["victims_distinct_ever"] > 0).any()
    tried = [one for one in people if whole.loc[one, "victims_distinct_ever"] > 0][:4]
    for number, person in enumerate(tried):
        part = excerpt(world.load, person, tmp_path / str(number)).load
        own = spine[spine["nominal_id"] == person]
        alone = History(part).matrix(own).set_index("nominal_id")
        assert_frame_equal(alone, whole.loc[[person]])
