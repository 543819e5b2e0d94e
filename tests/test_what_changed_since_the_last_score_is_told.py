"""Whoever looks a score up reads what changed since the one before; across two models, nothing."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_force
import worlds
from desk import text_of
from pages_world import World, world
from served import NAME, Served, put_in_force, served
from small_force import AS_OF, NEWCOMER, make_model

from features.history import History
from features.loads import write_load
from models import champions
from models.risk_model import RiskModel
from serving import past_scores
from serving.answers import one_score
from serving.between import between
from serving.kept import find_model
from serving.permissions import Principal, Role
from serving.since import MANY, since_last
from serving.stock import Stock
from serving.text import FIRST, score_in_words

__all__ = ["served", "world"]


def given(served: Served, person: str, days: int = 0) -> dict[str, Any]:
    """Score a person as of some days ago."""
    at = (AS_OF - timedelta(days=days)).isoformat()
    answer = served.score(person, as_of_date=at)
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["scores"][0])


def looked_up(served: Served, score: dict[str, Any]) -> Any:
    answer = served.get(f"/v1/scores/{score['score_id']}")
    assert answer.status_code == 200, answer.text
    return answer.json()["since_last"]


@pytest.mark.parametrize("number", [3, 11, 12])
def test_what_lies_between_two_scores_is_told_with_its_figures(served: Served, number: int) -> None:
    person = served.people[number]
    # the day before: other tests share this force, and may have given scores of earlier days
    before, now = given(served, person, days=1), given(served, person)
    since = looked_up(served, now)
    assert since["score_id"] == before["score_id"]
    assert since["as_of_date"] == before["as_of_date"]
    assert since["probability"] == before["probability"]
    past = served.history.pasts_on(person, [AS_OF - timedelta(days=1), AS_OF])
    assert since["records"] == between(*past, named=True)[0]
    reviewed = served.get(f"/v1/scores/{now['score_id']}", "reviewer").json()["since_last"]
    assert reviewed == {**since, "records": between(*past, named=False)[0]}
    first, *changes = since["sentences"]
    assert f" the score was {before['probability']:.1%}; it is " in first
    assert first.endswith(("the same.", f"now {now['probability']:.1%}."))
    moved = {group: now["groups"][group] - before["groups"][group] for group in now["groups"]}
    assert len(changes) <= min(6, sum(abs(size) > 0 for size in moved.values()))
    up = any(size > 0 for size in moved.values())
    assert up or not any("higher score" in change for change in changes)
    words = served.ledger.score(now["score_id"])[1]
    assert words is not None
    assert first in score_in_words(json.loads(json.dumps(now | {"since_last": since})))
    assert np.isclose(sum(moved.values()), now["raw"] - before["raw"], atol=1e-9)


def test_what_came_in_was_corrected_or_withdrawn_is_named(precursor_home: Path) -> None:
    rows = small_force.rows(people=60)
    who = rows["involvement"][0]["nominal_id"]
    mine = [row for row in rows["involvement"] if row["nominal_id"] == who]
    offences = {row["record_id"]: row for row in rows["offence"]}
    gone, mended = (offences[row["offence_id"]] for row in mine[:2])
    day = AS_OF - timedelta(days=5)
    for row in (gone, mended):
        row["superseded_on"] = day
    rows["offence"].append(
        mended | {"known_on": day, "superseded_on": None, "offence_code": gone["offence_code"]}
    )
    late = {"known_on": day, "superseded_on": None}
    rows["offence"].append(gone | late | {"record_id": "late", "reference": "20DL/late"})
    rows["involvement"].append(mine[0] | late | {"record_id": "late-i", "offence_id": "late"})
    load = write_load(
        precursor_home / "records" / "small",
        worlds.tables(rows),
        kind="synthetic",
        data_to=small_force.DATA_TO,
        synthetic=True,
    )
    history = History(load)
    past = history.pasts_on(who, [AS_OF - timedelta(days=10), AS_OF])
    came, corrected, withdrawn = (
        "1 record came in since",
        "1 record was corrected since",
        "1 record was withdrawn since and counts no more",
    )
    assert between(*past, named=True)[0] == [
        f"{came}: 20DL/late.",
        f"{corrected}: {mended['reference']}.",
        f"{withdrawn}: {gone['reference']}.",
    ]
    assert between(*past, named=False) == ([f"{came}.", f"{corrected}.", f"{withdrawn}."], True)
    assert between(past[1], past[1], named=True) == ([], False)


def test_lines_that_point_both_ways_are_told_with_why(served: Served) -> None:
    noted = set()
    for person in served.people[20:40]:
        scores = [given(served, person, days=400), given(served, person)]
        if None in (scores[0]["probability"], scores[1]["probability"]):
            continue
        scores = [served.ledger.score(score["score_id"])[1] or {} for score in scores]
        past = partial(served.history.pasts_on, person)
        said = since_last(scores, lambda: served.model, past)
        assert said is not None
        ways = [way for way in ("higher", "lower") if f"a {way} score" in str(said["sentences"])]
        fell = scores[1]["probability"] < scores[0]["probability"]
        came = any("came in since" in one for one in said["records"])
        assert (said["note"] == MANY) is (len(ways) == 2 or (fell and came))
        noted.add(said["note"])
    assert noted == {MANY, None}


def test_of_a_first_score_it_is_told_that_it_is_the_first(served: Served) -> None:
    score = given(served, served.people[11])
    assert since_last([score], lambda: served.model) is None
    for told in (score, score | {"insufficient_history": True}):
        assert FIRST in score_in_words(told | {"since_last": None})
        assert FIRST not in score_in_words(told), "it was not looked up"


def test_nothing_is_told_across_two_models(served: Served) -> None:
    person = served.people[15]
    before = given(served, person, days=1)
    try:
        put_in_force(served.ledger, make_model(served.history, trees=28), 28)
        (said,) = looked_up(served, given(served, person))["sentences"]
    finally:
        put_in_force(served.ledger, served.model, 1)
    assert f"{before['probability']:.1%}, is of model version 1." in said
    assert "no change of this person" in said


def test_too_little_on_record_before_or_now_is_said(served: Served) -> None:
    now = given(served, served.people[17])
    few = given(served, NEWCOMER) | {"as_of_date": "2025-12-31"}
    said = since_last([few, now], lambda: served.model)
    assert said is not None
    assert said["probability"] is None
    assert said["sentences"] == [
        "On 31 December 2025 there was too little on record to give a number."
    ]
    said = since_last([now | {"as_of_date": "2025-12-31"}, few], lambda: served.model)
    assert said is not None
    assert said["sentences"] == [f"The score of 31 December 2025 was {now['probability']:.1%}."]


def test_a_score_is_told_without_its_model_and_says_so(served: Served) -> None:
    person = served.people[16]
    try:
        put_in_force(served.ledger, make_model(served.history, trees=27), 27)
        given(served, person, days=1)
        now = given(served, person)
    finally:
        put_in_force(served.ledger, served.model, 1)
    place = champions.folder(NAME) / "27"
    place.rename(place.with_name("away"))
    try:
        (said,) = looked_up(served, now)["sentences"]
    finally:
        place.with_name("away").rename(place)
    assert "cannot be told: " in said
    assert "model version 27 is gone" in said
    assert str(place) not in said


def test_an_earlier_model_is_read_once_for_a_score_that_is_looked_at(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, read = served.people[15], []

    def counted(*which: Any) -> RiskModel:
        read.append(which)
        return find_model(*which)

    try:
        put_in_force(served.ledger, make_model(served.history, trees=23), 23)
        given(served, person, days=1)
        now = given(served, person)
    finally:
        put_in_force(served.ledger, served.model, 1)
    monkeypatch.setattr("serving.stock.find_model", counted)
    asked = {"actor": "a.nalyst", "role": Role.ANALYST, "purpose": "case review"}
    found = one_score(Stock(served.ledger), served.ledger, now["score_id"], **asked)
    assert found["since_last"]["records"] is not None
    assert len(read) == 1


def test_an_earlier_score_that_somebody_may_not_see_is_not_told(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = served.people[18]
    given(served, person, days=1)
    now = given(served, person)
    assert looked_up(served, now) is not None
    monkeypatch.setattr(
        past_scores, "withheld", lambda ledger, load, who, people, named: set(people)
    )
    assert looked_up(served, now) is None
    payload = served.ledger.score(now["score_id"])[1] or {}
    who = Principal("a.nalyst", Role.ANALYST)
    (only,) = past_scores.past_scores(served.ledger, payload, who)  # as pages ask for them
    assert only["score_id"] == now["score_id"]


def test_the_page_of_a_person_tells_it_above_the_scores_over_time(world: World) -> None:
    desk = world.client()
    links = re.findall(r'href="(/lists/[^"?#]+/s[0-9a-f]+)"', desk.get(f"/lists/{NAME}").text)
    told = [text_of(desk.get(link).text) for link in dict.fromkeys(links[:6])]
    assert told
    for page in told:
        _, _, trend = page.partition("Score over time")
        assert re.search(r"On \d+ \w+ \d{4} the score was [\d.]+%; it is ", trend), trend[:300]
