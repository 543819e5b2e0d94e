"""Reviewers: any score replayed, the trail read and taken out, and who it is only for a reason."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import shutil
from dataclasses import replace
from datetime import date
from typing import Any
from urllib.parse import urlencode

import pytest
import worlds
from desk import text_of
from pages_world import World
from reviewed_world import NAME, SECRET, force, world

from features.loads import write_load
from serving import trail
from serving.chain import Action
from serving.kept import serve_from
from serving.ledger import Ledger
from serving.pages.app import create_pages
from serving.pages.replays import verdict
from serving.permissions import Principal, Role
from serving.replay import Replay, Step
from serving.runs import published
from serving.stock import Stock

assert world  # a fixture


def mark(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def scores() -> tuple[str, str]:
    """Id and person of the first line on the list."""
    (line,) = published(NAME).page(0, 1)
    return line["score_id"], line["nominal_id"]


def last(ledger: Ledger, **asked: Any) -> Any:
    return ledger.entries(**asked, limit=1)[0]


def test_a_score_is_replayed_in_two_steps_and_on_the_ledger_before_it_is_answered(
    world: World,
) -> None:
    client, (score_id, person) = world.client("reviewer"), scores()
    page = client.get("/replays")
    found = client.post("/replays", data={"csrf": mark(page.text), "score_id": score_id})
    assert found.url.path == f"/replays/{score_id}"
    seen = text_of(found.text)
    assert "The score is what its records and its model give, to the last bit." in seen
    assert seen.count("Equal, to the last bit") == 2
    assert "no later load of records is in use" in seen
    assert person not in found.text
    assert re.search(r"Replay of a score of P-[0-9A-F]{8}", seen)
    entry = last(world.ledger, action=Action.REPLAY)
    assert entry.actor == "reviewer one"
    assert entry.purpose == "weekly review"


@pytest.mark.parametrize("wanted", ["", "s" + "0" * 32, "' OR 1=1 --", "<b>", "é" * 300])
def test_a_score_that_is_not_there_is_asked_for_again_with_what_was_written(
    world: World, wanted: str
) -> None:
    client = world.client("reviewer")
    page = client.get("/replays")
    found = client.post("/replays", data={"csrf": mark(page.text), "score_id": wanted})
    assert found.status_code == 400
    assert "<title>Error: Replay a score" in found.text
    assert 'href="#score_id"' in found.text
    assert f'value="{wanted}"' in html.unescape(found.text) or not wanted
    assert client.get(f"/replays/{'s' + '0' * 32}").status_code == 404


def test_a_step_that_differs_makes_a_replay_an_incident() -> None:
    differs = Step("differs", "Recomputed otherwise: raw.", {"different": {}})
    missing = Step("not_replayable", "The load is not where it was.")
    assert verdict(Replay("s", differs, missing))[0] == "differs"
    assert verdict(Replay("s", Step("equal"), missing))[0] == "partly"
    assert verdict(Replay("s", missing, missing))[1] == "The score cannot be replayed"


def test_what_arrived_late_is_listed_and_is_no_mismatch(world: World) -> None:
    client, (score_id, person) = world.client("reviewer"), scores()
    rows = force()
    old = next(row for row in rows["involvement"] if row["nominal_id"] == person)
    offence = next(row for row in rows["offence"] if row["record_id"] == old["offence_id"])
    rows["offence"].append(offence | {"record_id": "late", "reference": "20DL/late"})
    rows["involvement"].append(old | {"record_id": "late-part", "offence_id": "late"})
    how: dict[str, Any] = {"kind": "synthetic", "synthetic": True, "data_to": world.load.data_to}
    newer = write_load(world.home / "records" / "newer", worlds.tables(rows), **how)
    serve_from(NAME, newer)
    try:
        seen = text_of(client.get(f"/replays/{score_id}").text)
    finally:
        serve_from(NAME, world.load)
        shutil.rmtree(newer.path)
    assert "to the last bit" in seen
    assert "Other records have arrived since" in seen
    assert "Arrived late Kind of record Known on, by its date Records" in seen
    assert "20DL/late" not in seen


def test_a_load_that_is_gone_is_said_and_the_other_step_is_made(world: World) -> None:
    moved = world.home / "elsewhere"
    shutil.move(world.load.path, moved)
    try:
        app = create_pages(Stock(world.ledger), world.ledger, world.access)
        client = replace(world, app=app).client("reviewer")
        seen = text_of(client.get(f"/replays/{scores()[0]}").text)
    finally:
        shutil.move(moved, world.load.path)
    assert "One step was reproduced, the other cannot be replayed" in seen
    assert "Cannot be replayed" in seen


def test_who_it_is_takes_a_reason_and_is_told_to_nobody_else(world: World) -> None:
    client, (score_id, person) = world.client("reviewer"), scores()
    address = f"/replays/{score_id}"
    csrf = mark(client.get(address).text)
    refused = client.post(address, data={"csrf": csrf, "reason": "  "})
    assert refused.status_code == 400
    assert 'href="#reason"' in refused.text
    assert person not in refused.text
    told = client.post(address, data={"csrf": csrf, "reason": "complaint 12"})
    assert person in told.text
    entry = last(world.ledger, action=Action.VIEW, actor="reviewer one")
    assert entry.body == {"what": "identity of a person"}
    (leaf,) = world.ledger.people(entry.seq)
    assert leaf.payload == {"identified": score_id, "reason": "complaint 12"}
    other = world.stranger()
    token = world.access.issue_token("reviewer two", "reviewer", 1)
    other.post("/sign-in", data={"token": token, "purpose": "review", "next": "/"})
    assert person not in other.get(str(told.url)).text
    for number in ("0", "-1", "9" * 30, str(entry.seq - 1), "x"):
        assert person not in client.get(f"{address}?identified={number}").text
    analyst = world.client("analyst")
    assert analyst.get(address).status_code == 403


def test_the_trail_says_who_did_what_and_why_by_filter_and_page(world: World) -> None:
    client = world.client("reviewer")
    seen = text_of(client.get("/audit?action=decision").text)
    assert "a.nalyst analyst" in seen
    assert "50 entries shown, filtered" in seen
    older = re.search(
        r'href="(/audit\?[^"]*before=\d+[^"]*)"', client.get("/audit?action=decision").text
    )
    assert older is not None
    numbers: list[int] = []
    address: str | None = "/audit?action=decision"
    while address:
        page = client.get(address).text
        numbers += [int(n) for n in re.findall(r'href="/audit/(\d+)">Entry', page)]
        more = re.search(r'rel="next"[^>]*href="([^"]+)"|href="([^"]+)"[^>]*rel="next"', page)
        address = None if more is None else html.unescape(more[1] or more[2])
    everything = world.ledger.entries(action=Action.DECISION, limit=None)
    assert numbers == [entry.seq for entry in everything]
    assert "Nothing on the ledger matches." in client.get("/audit?actor=nobody").text
    day = everything[0].at[:10]
    assert "Nothing" not in text_of(client.get(f"/audit?since={day}&until={day}").text)[:2000]
    assert "Nothing on the ledger matches." in client.get("/audit?until=2001-01-01").text


def test_everything_about_one_person_is_found_by_a_score_without_naming_them(world: World) -> None:
    client, (score_id, person) = world.client("reviewer"), scores()
    client.get(f"/replays/{score_id}")
    page = client.get(f"/audit?score={score_id}")
    assert person not in page.text
    numbers = {int(n) for n in re.findall(r'href="/audit/(\d+)">Entry', page.text)}
    assert numbers <= {found.entry.seq for found in world.ledger.person(person)}
    assert last(world.ledger, action=Action.REPLAY).seq in numbers
    asked = last(world.ledger, action=Action.AUDIT)
    assert score_id not in json.dumps(asked.body)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("since=yesterday", "since"),
        ("until=2026-02-30", "until"),
        ("since=2026-02-02&until=2026-02-01", "until"),
    ],
)
def test_a_date_that_is_none_is_told_in_its_field(world: World, query: str, field: str) -> None:
    page = world.client("reviewer").get(f"/audit?{query}")
    assert page.status_code == 400
    assert f'href="#{field}"' in page.text
    assert "<title>Error: Audit" in page.text


@pytest.mark.parametrize("before", ["", "x", "-5", "9" * 40, "1.5", "٣"])
def test_no_address_breaks_the_trail(world: World, before: str) -> None:
    client = world.client("reviewer")
    assert client.get(f"/audit?before={before}&action=nothing&actor=%00%FF").status_code == 200
    assert client.get(f"/audit/{before}").status_code in (200, 404)


def test_entries_are_told_in_words_with_dates_and_titles_as_elsewhere(world: World) -> None:
    client = world.client("reviewer")
    title = world.client("data_scientist").get("/questions").text
    assert "Violence within six months" in title
    for action in (Action.BATCH, Action.PROMOTION, Action.DECISION, Action.PUBLISH):
        found = last(world.ledger, action=action)
        seen = text_of(client.get(f"/audit/{found.seq}").text.partition("How it is bound")[0])
        assert "Question Violence within six months" in seen
        assert not re.search(r"\b\d{4}-\d\d-\d\d(?![\w-])", seen), action
        assert not re.search(r"\b(as_of_dates?|expires_on|run_id|sign_off_due)\b", seen), action
    seen = text_of(client.get("/audit?action=batch").text)
    assert "Violence within six months" in seen


@pytest.mark.parametrize(
    "day", ["{0:%Y-%m-%d}", "{0.day} {0.month} {0.year}", "{0:%d/%m/%Y}", "{0.day} {0:%B %Y}"]
)
def test_a_day_of_the_trail_is_entered_as_people_write_it(world: World, day: str) -> None:
    first = date.fromisoformat(last(world.ledger, action=Action.DECISION).at[:10])
    written = day.format(first)
    place = "/audit?" + urlencode({"action": "decision", "since": written, "until": written})
    page = world.client("reviewer").get(place)
    assert page.status_code == 200
    assert "50 entries shown, filtered" in text_of(page.text)
    assert last(world.ledger, action=Action.AUDIT).body["asked"]["since"] == first.isoformat()


def test_a_decision_is_read_out_under_a_pseudonym_and_the_look_is_recorded(world: World) -> None:
    client = world.client("reviewer")
    first = world.ledger.entries(action=Action.DECISION, limit=None)[-1]
    (leaf,) = world.ledger.people(first.seq)
    page = client.get(f"/audit/{first.seq}")
    seen = text_of(page.text)
    assert SECRET in seen
    assert str(leaf.nominal_id) not in page.text
    assert trail.person_pseudonym(world.ledger.subjects(first.seq)[0][0]) in seen
    look = last(world.ledger, action=Action.AUDIT)
    assert look.body == {"what": "entry", "entry": first.seq}
    assert [found.nominal_id for found in world.ledger.people(look.seq)] == [leaf.nominal_id]


def test_a_restricted_person_is_under_a_pseudonym_and_nothing_of_them_is_read_out(
    world: World, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = world.ledger.entries(action=Action.DECISION, limit=None)[-1]
    (leaf,) = world.ledger.people(first.seq)
    assert leaf.payload is not None
    rules = tmp_path / "need.yaml"
    rules.write_text(json.dumps({"restricted": [leaf.nominal_id]}), encoding="utf-8")
    monkeypatch.setenv("PRECURSOR_NEED_TO_KNOW", str(rules))
    client = world.client("reviewer")
    page = text_of(client.get(f"/audit/{first.seq}").text)
    assert SECRET not in page
    assert "Withheld: restricted" in page
    assert client.get(f"/replays/{leaf.payload['decided']['score_id']}").status_code == 403


def test_the_trail_leaves_as_csv_that_opens_safely_and_says_so_on_the_ledger(world: World) -> None:
    world.ledger.append(Action.AUDIT, actor="=cmd|' /C calc'!A0", role="operator", purpose="@sum")
    client = world.client("reviewer")
    answer = client.get("/audit.csv?action=audit")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.headers["cache-control"] == "no-store"
    lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert lines[0] == list(trail.COLUMNS)
    bad = next(line for line in lines if "calc" in line[2])
    assert bad[2].startswith("'=")
    assert bad[5] == "'@sum"
    entry = last(world.ledger, action=Action.EXPORT)
    assert entry.body["lines"] == len(lines) - 1
    assert entry.body["asked"] == {"action": "audit"}
    assert client.get("/audit.csv?since=x").status_code == 400


def test_the_chain_is_verified_on_request_and_the_result_stays(world: World) -> None:
    client = world.client("reviewer")
    page = client.get("/audit")
    after = client.post("/audit", data={"csrf": mark(page.text)})
    assert after.url.path == "/audit"
    assert "The chain holds, up to entry" in text_of(after.text)
    found = trail.last_verified(world.ledger)
    assert found is not None
    assert found.ok
    assert found.actor == "reviewer one"
    head = world.ledger.head()
    assert head is not None
    assert re.search(r"\d+:[0-9a-f]{64}", after.text)
    forged = client.post("/audit", data={"csrf": "no"})
    assert forged.status_code == 403


def test_a_broken_chain_is_told_as_an_incident(world: World) -> None:
    world.ledger.append(
        Action.AUDIT,
        actor="reviewer one",
        role="reviewer",
        purpose="review",
        body={
            "what": trail.WALK,
            "ok": False,
            "entries": 9,
            "leaves": 1,
            "breaks": ["entry 4: its fields give another hash."],
            "broken": 1,
        },
    )
    seen = text_of(world.client("reviewer").get("/audit").text)
    assert "The chain is broken: treat it as an incident" in seen
    assert "entry 4: its fields give another hash." in seen
    trail.verify(world.ledger, Principal("reviewer one", Role.REVIEWER), "review")
    assert "The chain holds" in text_of(world.client("reviewer").get("/audit").text)


@pytest.mark.parametrize("role", ["analyst", "supervisor", "data_scientist"])
@pytest.mark.parametrize("path", ["/audit", "/audit.csv", "/audit/1", "/replays"])
def test_nobody_else_reads_the_trail_and_the_refusal_is_on_it(
    world: World, role: str, path: str
) -> None:
    assert world.client(role).get(path).status_code == 403
    assert last(world.ledger, action=Action.REFUSAL).role == role
