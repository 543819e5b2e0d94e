"""Give your view first: nothing of the list before it, everything after, and back where one was."""

from __future__ import annotations

import html
import re
from datetime import date

from desk import LIST, asked_first, hidden, links_to_people, new_list, send, text_of
from pages_world import NAME, World, world
from starlette.routing import Route

from serving.answers import scores
from serving.challenges import challenge
from serving.ledger import Action
from serving.permissions import Principal, Role
from serving.runs import published
from serving.schema import ChallengeRequest, ScoreRequest
from serving.stock import Stock

assert world  # fixtures
assert asked_first
assert new_list
GATE = f"{LIST}/own-view"
OPEN = {
    "/": "leads on",
    "/how-scores-are-made": "about models, not people",
    "/marking.css": "a style",
    "/sign-in": "for anybody",
    "/lists": "names the lists, and leads to the only one",
    "/lists/{question}/own-view": "where the view is given",
    "/scores": "the form; what it asks for is refused",
    "/model-record": "about models, not people",
    "/dashboards": "names the dashboards",
    "/dashboards/volumes": "of records alone",
    "/dashboards/volumes.csv": "of records alone",
    "/dashboards/custody": "of records alone",
    "/dashboards/custody.csv": "of records alone",
    "/dashboards/interventions": "of records alone",
    "/dashboards/interventions.csv": "of records alone",
}
"""Pages that an analyst may open who owes a view: no score shows, and no list."""


def test_the_list_opens_where_one_was_once_all_views_are_given(asked_first: World) -> None:
    """Check 22."""
    client = asked_first.client(actor="analyst 1")
    wanted = f"{LIST}?band=High&page=1"
    listed = published("violence_6m").page(0, 200)
    scores = {line["score_id"] for line in listed}
    decision = f"{LIST}/{listed[0]['score_id']}/decision"
    more = (f"{LIST}/not-scored", f"{LIST}/list.csv", decision)
    for left in (2, 1):
        for path in (wanted, f"{LIST}/{listed[0]['score_id']}", *more):
            shut = client.get(path)
            assert shut.status_code == 409, path
            assert "Give your view first" in shut.text
            said = shut.text.replace(html.escape(path), "")  # the address that was asked for
            assert not any(score in said for score in scores), path
            assert not re.search(r"in 100|Rank|Band:|Very high chance", text_of(shut.text))
        page = client.get(wanted)
        assert f"{left} people are left" in page.text or "1 person is left" in page.text
        fields = hidden(client.get(wanted).text)
        assert fields["next"] == wanted
        given = client.post(
            GATE, data=fields | {"band": "High", "would_select": "no"}, follow_redirects=False
        )
        assert given.status_code == 303
    assert given.headers["location"] == wanted
    assert client.get(wanted).status_code == 200
    views = asked_first.ledger.entries(action=Action.OWN_VIEW, limit=2)
    assert [entry.body["kind"] for entry in views] == ["given", "given"]
    assert client.get(GATE, follow_redirects=False).headers["location"] == LIST


def test_no_page_is_open_before_the_own_view_but_those_without_scores(asked_first: World) -> None:
    """Check 22: whatever page is added, it is refused, or is named here as one without scores."""
    world, name = asked_first, "owes a view"
    score_id = published(NAME).page(0, 1)[0]["score_id"]
    sue = Principal("sue", Role.SUPERVISOR)
    _, score = world.ledger.score(score_id)
    assert score is not None
    people = [score["nominal_id"]]
    request = ScoreRequest(question=NAME, nominal_ids=people, purpose="p")
    # as if the list had been renewed since the analyst asked
    stock, given = Stock(world.ledger), Principal(name, Role.SUPERVISOR)
    scores(stock, world.ledger, request, actor=given.actor, role=given.role)
    asked = world.ledger.entries(action=Action.SCORE, actor=name, limit=1)[0].seq
    record = (
        stock.get(NAME).history.events(people[0], date.fromisoformat(score["as_of_date"])).iloc[0]
    )
    said = {"score_id": score_id, "table": record["record_table"], "record_id": record["record_id"]}
    brought = ChallengeRequest(reason="not his", purpose="p", **said)
    dispute = challenge(world.ledger, brought, sue)["challenge"]
    values = {"question": NAME, "score_id": score_id, "dispute": dispute, "entry": asked}
    client, answers = world.client(actor=name), {}
    for route in world.app.routes:
        if isinstance(route, Route) and "GET" in (route.methods or ()):
            path = re.sub(r"{(\w+)(:\w+)?}", lambda m: str(values.get(m[1], "1")), route.path)
            answers[route.path] = client.get(path, follow_redirects=False).status_code
    assert not {path for path, status in answers.items() if status >= 500}
    opened = {path for path, status in answers.items() if status not in (403, 409)}
    assert opened == set(OPEN)
    for path in ("/disputes/{dispute}", "/scores/{entry}", "/selections", "/dashboards/stalking"):
        assert answers[path] == 409, path
    refused = world.ledger.entries(action=Action.REFUSAL, actor=name, limit=None)
    assert {entry.question for entry in refused if entry.body["code"] == "own_view_due"} == {NAME}


def test_a_dispute_leads_to_the_view_and_back(asked_first: World) -> None:
    entry = asked_first.ledger.entries(action=Action.CHALLENGE, limit=1)[0]
    shut = asked_first.client(actor="analyst 7").get(f"/disputes/{entry.seq}")
    assert shut.status_code == 409
    assert hidden(shut.text)["next"] == f"/disputes/{entry.seq}"
    assert not re.search(r"in 100|As it was given", text_of(shut.text))


def test_nobody_is_scored_on_request_before_the_own_view(asked_first: World) -> None:
    """Check 22: no way round by asking for one person."""
    client = asked_first.client(actor="analyst 0")
    fields = hidden(client.get("/scores").text) | {"question": "violence_6m", "purpose": "x"}
    for step in ("", "ask"):
        asked = client.post("/scores", data=fields | {"nominal_ids": "N0007", "next_step": step})
        assert asked.status_code == 409
        assert "in 100" not in asked.text


def test_people_are_asked_about_by_id_and_one_at_a_time(asked_first: World) -> None:
    client = asked_first.client(actor="analyst 2")
    first = hidden(client.get(GATE).text)["nominal_id"]
    send(client, GATE, band="Lower", would_select="yes")
    second = hidden(client.get(GATE).text)["nominal_id"]
    assert first < second
    entry = asked_first.ledger.entries(limit=1)[0]
    assert (entry.action, entry.body["what"]) == (Action.VIEW, "own view page")
    (leaf,) = asked_first.ledger.people(entry.seq)
    assert leaf.nominal_id == second


def test_a_view_sent_twice_is_taken_once(asked_first: World) -> None:
    client = asked_first.client(actor="analyst 3")
    fields = hidden(client.get(GATE).text) | {"band": "Lower", "would_select": "yes"}
    for _ in range(2):
        assert client.post(GATE, data=fields, follow_redirects=False).status_code == 303
    given = asked_first.ledger.entries(action=Action.OWN_VIEW, actor="analyst 3", limit=None)
    assert len(given) == 1


def test_an_urgent_skip_has_its_reason_on_the_ledger(asked_first: World) -> None:
    client = asked_first.client(actor="analyst 4")
    empty = send(client, f"{GATE}?next={LIST}/not-scored", skip="1")
    assert empty.status_code == 400
    assert "<title>Error: Give your view first" in empty.text
    assert 'href="#skip_as_urgent"' in empty.text
    skipped = send(client, f"{GATE}?next={LIST}/not-scored", skip="1", skip_as_urgent="threat")
    assert skipped.headers["location"] == f"{LIST}/not-scored"
    entry = asked_first.ledger.entries(action=Action.OWN_VIEW, limit=1)[0]
    assert (entry.body["kind"], entry.body["reason"]) == ("skipped", "threat")
    assert links_to_people(client.get(LIST).text)


def test_what_is_missing_is_said_all_at_once_and_text_is_kept(asked_first: World) -> None:
    client = asked_first.client(actor="analyst 5")
    answer = send(client, GATE, reason="<b>seen</b> " + "x" * 1_000)
    assert answer.status_code == 400
    for name in ("band", "would_select", "reason"):
        assert f'href="#{name}"' in answer.text
        assert f'id="{name}"' in answer.text
    assert html.escape("<b>seen</b>") in answer.text
    assert "Use 1,000 characters at most; there are 1,012" in answer.text


def test_only_who_is_asked_may_answer_and_next_stays_here(asked_first: World) -> None:
    for role in ("supervisor", "reviewer", "data_scientist"):
        assert asked_first.client(role).get(GATE).status_code == 403
    client = asked_first.client(actor="analyst 6")
    assert hidden(client.get(f"{GATE}?next=//evil").text)["next"] == "/"
    fields = hidden(client.get(GATE).text)
    for wrong in ({"csrf": "guessed"}, {"csrf": ""}):
        answer = client.post(GATE, data=fields | wrong | {"band": "High", "would_select": "no"})
        assert answer.status_code == 403
    fields = hidden(client.get(GATE).text) | {"nominal_id": "somebody else", "band": "High"}
    answer = client.post(GATE, data=fields | {"would_select": "no"}, follow_redirects=False)
    assert answer.status_code in (303, 400)
    assert not asked_first.ledger.entries(action=Action.OWN_VIEW, actor="analyst 6")
