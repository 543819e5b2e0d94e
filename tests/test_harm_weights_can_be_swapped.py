"""Harm weights can be swapped: amounts, words and fingerprint follow the list a question names."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import oracle
import pages_world
import pandas as pd
import pytest
from worlds import DATA_TO, Rows, load, world

from features.catalogue import catalogue
from features.errors import Conflict, PrecursorError
from features.history import History
from features.loads import Load
from features.matrix import build
from features.question import OwnView, Question
from features.rfg import points, ranks
from models import champions
from models.contract import same_definitions
from serving.answers import explained
from serving.own_view import whom
from serving.pages.lists import Lists
from serving.pages.look import alone
from serving.permissions import Principal, Role
from serving.runs import published
from serving.stock import Stock

AFTER = DATA_TO + timedelta(days=1)
HARM = "suspected_harm_sum_ever"


@pytest.fixture(scope="module")
def force(tmp_path_factory: pytest.TempPathFactory) -> tuple[Rows, Load]:
    rows = world(random.Random(8), people=10, events=200)
    return rows, load(rows, tmp_path_factory.mktemp("force") / "records")


def question(harm: str) -> Question:
    return Question(
        name="again",
        title="Again",
        outcome_words="named again",
        cohort={"source": "suspected", "within_days": 730},
        outcome={"source": "suspected"},
        horizon_days=90,
        harm=harm,
    )


def weighted(rows: Rows, who: str, weights: dict[str, int]) -> float | None:
    """What the naive oracle adds up with other weights."""
    other = {code: row | {"harm": weights.get(code, 0)} for code, row in oracle.CODES.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(oracle, "CODES", other)
        return oracle.value(rows, catalogue()[HARM], who, AFTER)


def test_a_force_s_own_list_decides_what_harm_adds_up_to(
    force: tuple[Rows, Load], tmp_path: Path
) -> None:
    rows, records = force
    codes = sorted({offence["offence_code"] for offence in rows["offence"]} & set(oracle.CODES))
    weights = {code: 100 * (place + 1) for place, code in enumerate(codes)}
    own = tmp_path / "own.csv"
    lines = [f"{code},{weight / 100:.2f}" for code, weight in weights.items()]
    own.write_text("\n".join(["offence_code,harm", *lines]) + "\n")
    asked = question(str(own))
    spine = pd.DataFrame(
        {"nominal_id": [row["nominal_id"] for row in rows["nominal"]], "as_of_date": AFTER}
    ).drop_duplicates("nominal_id")
    made = build(History(records, harm=asked.harm), asked, spine)
    for row in made.frame.itertuples():
        assert getattr(row, HARM) == weighted(rows, row.nominal_id, weights)


def test_a_model_of_other_weights_is_refused(force: tuple[Rows, Load]) -> None:
    cambridge, ons = (History(force[1], harm=harm) for harm in ("harm-v1", "harm-ons-v1"))
    assert "ONS weights" in ons.feature_set[HARM].words
    with pytest.raises(Conflict, match="harm"):
        same_definitions(cambridge.feature_set, ons.feature_set)


def test_a_list_that_does_not_exist_is_named(force: tuple[Rows, Load]) -> None:
    with pytest.raises(PrecursorError, match="harm-v99"):
        History(force[1], harm="harm-v99")


def test_whatever_is_shown_of_a_question_is_of_its_own_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list, its RFG ranks, one score alone and an own view look into one compiled load."""
    home = tmp_path / "home"
    monkeypatch.setenv("PRECURSOR_HOME", str(home))
    changed = {"harm": "harm-ons-v1", "own_view": OwnView(people=2)}
    asked = pages_world.QUESTION.model_copy(update=changed)
    world = pages_world.build(home, people=60, question=asked)
    compiled: list[str] = []

    def counted(records: Load, *, harm: str) -> History:
        compiled.append(harm)
        return History(records, harm=harm)

    monkeypatch.setattr("serving.stock.History", counted)
    stock = Stock(world.ledger)
    found = Lists(stock, world.ledger).before_own_view(asked.name, "analyst")
    ours, theirs = (
        points(History(world.load, harm=h), found.spine) for h in ("harm-v1", asked.harm)
    )
    assert (ours != theirs).any()
    assert found.rfg is not None
    first, last = ranks(theirs[found.ranked])
    assert found.rfg.first[found.ranked].tolist() == first.tolist()
    assert found.rfg.last[found.ranked].tolist() == last.tolist()
    _, payload = world.ledger.score(found.rows["score_id"][0].as_py())
    assert payload is not None
    assert alone(Lists(stock, world.ledger), payload).history is found.history
    told = explained(stock, payload)
    assert all(reason["records"] for reason in told["reasons"])
    who = Principal("a.nalyst", Role.ANALYST)
    due = whom(stock, world.ledger, asked.name, who, "weekly review")["due"]
    assert all(one["records"] for one in due)
    assert (len(due), compiled) == (2, ["harm-ons-v1"])


def test_a_score_whose_model_is_gone_says_that_its_records_are_not_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("PRECURSOR_HOME", str(home))
    world = pages_world.build(home, people=60)
    score_id = published(pages_world.NAME).columns("score_id")["score_id"][0].as_py()
    _, payload = world.ledger.score(score_id)
    assert payload is not None
    for place in (home / "models", champions.folder(pages_world.NAME) / "1"):
        if place.exists():
            place.rename(tmp_path / f"away-{place.name}")
    told = explained(Stock(world.ledger), payload)
    assert told["records_unavailable"].endswith("the files of model version 1 are gone")
    assert not any(reason["records"] for reason in told["reasons"])
