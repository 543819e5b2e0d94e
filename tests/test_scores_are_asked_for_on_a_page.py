"""Scores asked for by id: checked before they are given, and everybody rejected told why."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest
import small_force
from desk import hidden, text_of
from pages_world import NAME, World, world

from serving.answers import scores
from serving.ledger import Action
from serving.pages import request_scores
from serving.refusals import NOT_STATED

assert world  # a fixture
PEOPLE = f"N0007, N0008\n{small_force.CHILD} {small_force.UNBORN};nobody {small_force.QUIET}"


def ask(client: Any, **fields: Any) -> Any:
    page = client.get("/scores")
    given = {"question": NAME, "nominal_ids": PEOPLE, "purpose": "new referral"}
    return client.post("/scores", data=hidden(page.text) | given | fields)


def test_what_is_asked_is_checked_and_then_each_id_has_its_answer(world: World) -> None:
    client = world.client()
    before = world.ledger.entries(action=Action.SCORE, limit=None)
    check = ask(client)
    assert check.status_code == 200, text_of(check.text)
    assert "Check what you ask for" in check.text
    assert "People (6)" in check.text
    assert len(world.ledger.entries(action=Action.SCORE, limit=None)) == len(before)
    change = client.post("/scores", data=hidden(check.text) | {"next_step": "change"})
    assert "N0007" in change.text
    assert "new referral" in change.text
    answer = client.post(
        "/scores", data=hidden(check.text) | {"next_step": "ask"}, follow_redirects=False
    )
    assert answer.status_code == 303
    result = client.get(answer.headers["location"])
    seen = text_of(result.text)
    rejected = seen.partition("Not scored:")[2]
    for person, why in (
        (small_force.CHILD, "Under 18 on that date"),
        (small_force.UNBORN, "No date of birth on record"),
        ("nobody", "Not in the records"),
        (small_force.QUIET, "Outside the question's cohort"),
    ):
        assert re.search(rf"{person} {why}", rejected), (person, rejected)
    entry = world.ledger.entries(action=Action.SCORE, limit=1)[0]
    assert (entry.purpose, entry.body["people_asked"]) == ("new referral", 6)
    links = re.findall(rf'href="(/lists/{NAME}/s\w+)"', result.text)
    assert links
    page = client.get(links[0])
    assert page.status_code == 200
    assert "This score is not on the list in force" in html.unescape(page.text)
    assert "Average on this list" not in text_of(page.text)
    for path in (f"{links[0]}/decision", f"{links[0]}/selection"):
        assert client.get(path).status_code == 200


def test_scores_that_are_refused_are_one_refusal(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, person = world.client(), "N0008"
    check = ask(client, nominal_ids=person, purpose=f"urgent {person}")
    rules = tmp_path / "need.yaml"
    rules.write_text(f"restricted: [{person}]\n", encoding="utf-8")
    for status, code in ((400, "names_a_person"), (403, "need_to_know")):
        before = world.ledger.head()
        answer = client.post("/scores", data=hidden(check.text) | {"next_step": "ask"})
        assert answer.status_code == status
        assert before is not None
        entry = world.ledger.entries(limit=1)[0]
        assert (entry.seq, entry.action) == (before.seq + 1, Action.REFUSAL)
        assert (entry.body["code"], entry.question, entry.purpose) == (code, NAME, NOT_STATED)
        assert person not in str(entry.as_data())
        monkeypatch.setenv("PRECURSOR_NEED_TO_KNOW", str(rules))


def test_an_earlier_day_is_asked_for_and_a_later_one_refused(world: World) -> None:
    client = world.client()
    day = {"as_of_date-day": "1", "as_of_date-month": "6", "as_of_date-year": "2025"}
    check = ask(client, nominal_ids="N0009", **day)
    assert "1 June 2025" in check.text
    client.post("/scores", data=hidden(check.text) | {"next_step": "ask"})
    entry = world.ledger.entries(action=Action.SCORE, limit=1)[0]
    assert entry.body["as_of_date"] == "2025-06-01"
    late = ask(client, **day | {"as_of_date-year": "2031"})
    assert late.status_code == 400
    assert 'href="#as_of_date-day"' in late.text
    assert 'id="as_of_date-day"' in late.text


def test_all_that_is_wrong_is_said_at_once(world: World) -> None:
    client = world.client()
    answer = ask(client, question="", nominal_ids="", purpose="", **{"as_of_date-day": "x"})
    assert answer.status_code == 400
    assert "<title>Error: Request scores" in answer.text
    for name in ("question", "nominal_ids", "as_of_date-day", "purpose"):
        assert f'href="#{name}"' in answer.text
    twice = ask(client, nominal_ids="N0001x N0001x <b>")
    assert "more than once: N0001x" in twice.text
    assert "&lt;b&gt;" in twice.text
    many = ask(client, nominal_ids=" ".join(f"P{n}" for n in range(1_001)))
    assert "Enter 1,000 people at most; there are 1,001" in many.text
    unknown = ask(client, question="no_such_question")
    assert unknown.status_code == 400


def test_results_are_for_whom_they_were_given(world: World) -> None:
    client = world.client(actor="ann")
    check = ask(client, nominal_ids="N0010")
    answer = client.post(
        "/scores", data=hidden(check.text) | {"next_step": "ask"}, follow_redirects=False
    )
    where = answer.headers["location"]
    assert client.get(where).status_code == 200
    assert world.client(actor="bob").get(where).status_code == 404
    assert client.get("/scores/1").status_code == 404
    for role in ("supervisor", "reviewer", "data_scientist"):
        assert world.client(role).get("/scores").status_code == 403


def test_another_request_at_the_same_moment_leads_to_no_other_result(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where everybody was rejected, no score's id says which request it was."""
    client = world.client(actor="ann")
    check = ask(client, nominal_ids="nobody")

    def and_another(*asked: Any, **who: Any) -> Any:
        found = scores(*asked, **who)
        stock, ledger, request = asked
        scores(stock, ledger, request.model_copy(update={"nominal_ids": ["no.one"]}), **who)
        return found

    monkeypatch.setattr(request_scores, "scores", and_another)
    answer = client.post("/scores", data=hidden(check.text) | {"next_step": "ask"})
    seen = text_of(answer.text)
    assert "nobody Not in the records" in seen
    assert "no.one" not in seen


def test_a_purpose_may_be_as_long_as_a_program_s(world: World) -> None:
    client = world.client()
    assert 'maxlength="500"' in client.get("/scores").text
    assert ask(client, purpose="x" * 500).status_code == 200
    assert ask(client, purpose="x" * 501).status_code == 400
