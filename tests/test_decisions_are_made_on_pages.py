"""Decisions, sign-offs and who is managed, as people record them on pages.

Checks 15, 16, 22 and 26 of `docs/pages.md` are named where they are held.
"""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from desk import LIST, asked_first, hidden, links_to_people, new_list, send, text_of
from pages_world import World, world

from serving.ledger import Action
from serving.runs import published

assert world  # fixtures
assert asked_first
assert new_list

GIVEN = {"step": "add", "judged_band": "Medium", "basis": "capacity", "reason": "seen by the team"}


@pytest.fixture
def desk(asked_first: World) -> Any:
    """An analyst before whom the new list is open."""
    client = asked_first.client(actor="ann")
    if client.get(LIST).status_code == 409:
        send(client, f"{LIST}/own-view", skip="1", skip_as_urgent="threat to life")
    return client


def person(client: Any, place: int) -> str:
    return links_to_people(client.get(LIST).text)[2 * place]


@pytest.mark.parametrize("host", ["elsewhere/own-view?", "elsewhere/own-view#", "a/own-view/.."])
@pytest.mark.parametrize("end", ["", "/not-scored", "/list.csv"])
def test_no_host_that_is_named_leads_past_the_own_view(
    asked_first: World, host: str, end: str
) -> None:
    """What is asked for is read from the request's path, never from what a header makes of it."""
    client = asked_first.client(actor="past the view")
    assert client.get(f"{LIST}{end}", headers={"host": host}).status_code == 409


def test_a_decision_stands_on_the_page_the_list_and_the_ledger(
    asked_first: World, desk: Any
) -> None:
    at = person(desk, 0)
    before = len(asked_first.ledger.entries(action=Action.DECISION, limit=None))
    saved = send(desk, f"{at}/decision", **GIVEN)
    assert (saved.status_code, saved.headers["location"]) == (303, f"{at}?saved=decision")
    page = text_of(desk.get(saved.headers["location"]).text)
    assert "The decision is on record." in page
    assert "Add to the cohort , graded Medium, the score says" in page
    assert "seen by the team Waits for a supervisor’s sign-off." in page
    row = re.search(rf'(?s)<tr role="row">(?:(?!</tr>).)*?{at}".*?</tr>', desk.get(LIST).text)
    assert row is not None
    assert "Add to the cohort ann" in text_of(row[0])
    # check 16: loading again sends nothing again, and neither does going back and sending again
    desk.get(saved.headers["location"])
    entries = asked_first.ledger.entries(action=Action.DECISION, limit=None)
    assert len(entries) == before + 1
    (leaf,) = asked_first.ledger.people(entries[0].seq)
    assert leaf.payload is not None
    said = leaf.payload["decided"]
    assert (said["step"], said["basis"]) == ("add", ["capacity"])
    assert said["reason"] == "seen by the team"


def test_sent_twice_it_is_one_decision(asked_first: World, desk: Any) -> None:
    at = person(desk, 1)
    fields = hidden(desk.get(f"{at}/decision").text) | GIVEN
    before = len(asked_first.ledger.entries(action=Action.DECISION, limit=None))
    for _ in range(2):
        answer = desk.post(f"{at}/decision", data=fields, follow_redirects=False)
        assert answer.status_code == 303
    assert len(asked_first.ledger.entries(action=Action.DECISION, limit=None)) == before + 1


def test_who_comes_second_reads_the_other_decision_first(asked_first: World, desk: Any) -> None:
    at = person(desk, 2)
    fields = hidden(desk.get(f"{at}/decision").text)
    other = asked_first.client(actor="bob")
    send(other, f"{LIST}/own-view", skip="1", skip_as_urgent="threat to life")
    send(other, f"{at}/decision", **GIVEN | {"reason": "bob was first"})
    late = desk.post(f"{at}/decision", data=fields | GIVEN | {"reason": "my own words"})
    assert late.status_code == 409
    assert "Somebody else decided meanwhile" in late.text
    assert "bob was first" in late.text
    assert "my own words" in late.text
    again = hidden(late.text) | GIVEN | {"reason": "my own words"}
    answer = desk.post(f"{at}/decision", data=again, follow_redirects=False)
    assert answer.status_code == 303
    page = text_of(desk.get(at).text)
    assert page.index("my own words") < page.index("bob was first")  # both stand


def test_all_that_is_missing_is_said_at_once_with_links_that_work(desk: Any) -> None:
    """Check 15."""
    at = person(desk, 3)
    answer = send(desk, f"{at}/decision", reason="", step="fly", basis="gossip")
    assert answer.status_code == 400
    assert "<title>Error: Record a decision" in answer.text
    linked = re.findall(r'<a href="#([\w-]+)">', answer.text.partition("<h1")[0])
    assert linked == ["step", "judged_band", "basis", "reason"]
    for name in linked:
        assert f'id="{name}"' in answer.text
    kept = send(desk, f"{at}/decision", step="review", reason="half <b>done</b>")
    assert kept.status_code == 400
    assert html.escape("half <b>done</b>") in kept.text
    assert re.search(r'value="review"\s+checked', kept.text)


def test_agreeing_needs_a_reason_too_and_no_sign_off(asked_first: World, desk: Any) -> None:
    at = person(desk, 4)
    band = published("violence_6m").take(asked_list_position(at))[0]["band"]
    bare = send(desk, f"{at}/decision", step="review", judged_band=band)
    assert bare.status_code == 400
    assert 'href="#reason"' in bare.text
    send(desk, f"{at}/decision", step="review", judged_band=band, reason="as on record")
    entry = asked_first.ledger.entries(action=Action.DECISION, limit=1)[0]
    assert entry.body == {"decision": "agree", "direction": "same", "sign_off_due": False}


def asked_list_position(at: str) -> Any:
    import numpy as np

    names = published("violence_6m").columns("score_id")["score_id"].to_pylist()
    return np.array([names.index(at.rpartition("/")[2])])


def test_a_supervisor_signs_off_once_and_never_their_own(asked_first: World, desk: Any) -> None:
    at = person(desk, 5)
    send(desk, f"{at}/decision", **GIVEN | {"reason": "to be signed"})
    number = asked_first.ledger.entries(action=Action.DECISION, limit=1)[0].seq
    sue = asked_first.client("supervisor", actor="sue")
    page = sue.get("/sign-offs")
    assert f"/sign-offs/{number}" in page.text
    assert "to be signed" in page.text
    empty = send(sue, f"/sign-offs/{number}")
    assert empty.status_code == 400
    assert 'href="#agreed"' in empty.text
    done = send(sue, f"/sign-offs/{number}", agreed="yes", reason="right")
    assert done.headers["location"] == "/sign-offs?saved=sign-off"
    assert f"/sign-offs/{number}" not in sue.get("/sign-offs").text
    assert "Waits for" not in text_of(desk.get(at).text).partition("to be signed")[2][:40]
    sam = asked_first.client("supervisor", actor="sam")
    again = sam.get(f"/sign-offs/{number}")
    assert "Signed off already: sue agreed" in text_of(again.text)
    for path in ("/sign-offs", f"/sign-offs/{number}"):
        assert desk.get(path).status_code == 403
    for path in ("/sign-offs/1", "/sign-offs/x", "/sign-offs/99999999999999999"):
        assert sue.get(path).status_code == 404


@pytest.mark.parametrize("actor", ["ann", "ann (0f-1)"])
def test_nobody_signs_off_their_own_decision(asked_first: World, desk: Any, actor: str) -> None:
    at = person(desk, 9)
    send(desk, f"{at}/decision", **GIVEN | {"reason": f"by one with two roles, as {actor}"})
    number = asked_first.ledger.entries(action=Action.DECISION, limit=1)[0].seq
    own = asked_first.client("supervisor", actor=actor)
    assert "Your own: another supervisor’s" in text_of(own.get("/sign-offs").text)
    page = own.get(f"/sign-offs/{number}")
    assert "This decision is your own." in text_of(page.text)
    csrf = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert csrf is not None
    fields = {"csrf": csrf[1], "agreed": "yes", "reason": "fine"}
    answer = own.post(f"/sign-offs/{number}", data=fields)
    assert answer.status_code == 400
    assert "Nobody signs off their own decision" in answer.text


def test_somebody_is_taken_on_reviewed_and_let_go(asked_first: World, desk: Any) -> None:
    at = person(desk, 6)
    wrong = send(desk, f"{at}/selection", **{"review_on-day": "31", "review_on-month": "2"})
    assert wrong.status_code == 400
    assert {'href="#review_on-day"', 'href="#reason"'} <= set(
        re.findall(r'href="#[\w-]+"', wrong.text)
    )
    day = asked_first.ledger.now().date() + timedelta(days=60)
    when = {"review_on-day": day.day, "review_on-month": day.month, "review_on-year": day.year}
    far = send(desk, f"{at}/selection", **when | {"review_on-year": day.year + 3}, reason="x")
    assert far.status_code == 400
    assert "days away" in far.text
    taken = send(desk, f"{at}/selection", **when, reason="meeting of today")
    assert taken.headers["location"] == f"{at}?saved=selection"
    assert "Managed since" in text_of(desk.get(at).text)
    managed = text_of(desk.get("/selections").text)
    assert "meeting of today" in managed
    assert "Review or let go" in desk.get(at).text
    twice = desk.post(
        f"{at}/selection",
        data=hidden(desk.get(f"{at}/selection").text) | when | {"action": "select", "reason": "x"},
    )
    assert twice.status_code == 400
    assert "selected already" in twice.text
    send(desk, f"{at}/selection", action="deselect", reason="moved away")
    assert at not in desk.get("/selections").text
    assert "Not taken on at present" in desk.get(at).text


def test_scores_over_time_are_broken_where_the_model_changed(desk: Any) -> None:
    """Check 26: no line joins scores of two models, and the page says so."""
    page = desk.get(person(desk, 8)).text
    assert "Scores either side of a dashed line come from different models." in page
    chart = re.search(r'(?s)<svg class="chart chart--wide"[^>]*trend-wide.*?</svg>', page)
    assert chart is not None
    assert "ink-break" in chart[0]
    assert "ink-trend" not in chart[0]
    table = text_of(page.partition("The scores over time as a table")[2].partition("</table>")[0])
    assert "model version 1" in table
    assert "model version 40" in table


def test_nobody_else_decides_or_takes_on(asked_first: World, desk: Any) -> None:
    at = person(desk, 7)
    for role, path in (
        ("supervisor", f"{at}/decision"),
        ("reviewer", f"{at}/decision"),
        ("reviewer", f"{at}/selection"),
        ("reviewer", "/selections"),
        ("data_scientist", f"{at}/dispute"),
    ):
        assert asked_first.client(role).get(path).status_code == 403, (role, path)
    assert "/decision" not in asked_first.client("reviewer").get(at).text


def test_a_score_of_one_question_is_not_reached_by_another_name(desk: Any) -> None:
    score = person(desk, 8).rpartition("/")[2]
    for path in (f"/lists/another/{score}", f"/lists/another/{score}/decision"):
        assert desk.get(path).status_code == 404
