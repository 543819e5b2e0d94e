"""A model's transparency record comes from its own run; what people have not said is listed."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_up_matrix import QUICK, matrix, question
from made_up_registry import registry_in
from typer.testing import CliRunner

from features.approvals import Approval
from features.errors import Conflict, UsageError
from features.question import Abstain
from models import champions
from precursor import app
from training import promotion, record
from training.answers import NOT_ANSWERED, asked, blank, fields, read_answers
from training.experiment import Result, train
from training.record_fields import GENERATED
from training.record_pages import markdown, page

NAME = "made_up"


@cache
def trained(seed: int, people: int) -> Result:
    """A training with an audit by sex."""
    made = matrix(people, seed=seed)
    sex = np.where(made.frame["nominal_id"].str[-1].isin(list("02468")), "female", "male")
    who = pd.DataFrame({"sex": sex})
    return train(question(), made, protected=who, register=False, origins=1, **QUICK)


@cache
def said(seed: int = 1, people: int = 700, version: int = 1) -> dict[str, Any]:
    return record.record(trained(seed, people).model, version, {}, written_on=date(2026, 2, 1))


def texts(found: dict[str, Any]) -> dict[str, str]:
    return {f["key"]: f["text"] for section in found["sections"] for f in section["fields"]}


def test_every_field_of_the_standard_stands_in_its_order() -> None:
    numbers = [f["number"] for section in said()["sections"] for f in section["fields"]]
    assert numbers == [field.number for field in fields() if field.number]
    assert numbers == sorted(numbers, key=lambda n: [int(part) for part in n.split(".")])
    assert set(GENERATED) == {field.key for field in fields() if not field.asked}
    assert [s["title"].split(".")[0] for s in said()["sections"]][:2] == ["Tier 1", "Tier 2"]


def test_nothing_that_people_must_answer_is_made_up() -> None:
    found = said()
    for key, text in texts(found).items():
        assert (text == NOT_ANSWERED) == (key in asked())
    assert [f["key"] for f in found["missing"]] == list(asked())
    assert found["not_yet_approved"]
    both = record.record(
        trained(1, 700).model,
        1,
        {"team": "Équipe d’analyse", "retention": "Six years."},
        given={"age": Approval(approved_on=date(2026, 1, 1), by="panel")},
    )
    assert texts(both)["team"] == "Équipe d’analyse"
    assert "team" not in [f["key"] for f in both["missing"]]
    assert "age" not in both["not_yet_approved"]
    assert any("Six years." in paragraph for paragraph in both["notice"])


@pytest.mark.parametrize("key", sorted(GENERATED))
def test_a_paragraph_that_would_read_the_same_for_any_model_is_no_record(key: str) -> None:
    one, other = texts(said(1, 700, 1)), texts(said(2, 900, 2))
    assert one[key] != other[key]
    assert re.search(r"\d", one[key])


def test_card_notice_and_annexes_are_of_the_model_too() -> None:
    one, other = said(1, 700, 1), said(2, 900, 2)
    for key in ("card", "notice", "dpia", "equality", "figures"):
        assert one[key] != other[key], key


def test_every_figure_stands_in_the_manifest() -> None:
    model = trained(1, 700).model
    found, told = said()["figures"], model.training["evaluation"]
    assert found["confusion_at_capacity"] == told["confusion_at_capacity"]["model"]
    cells = found["confusion_at_capacity"]
    precision = cells["tp"] / (cells["tp"] + cells["fp"])
    assert found["metrics"]["precision"]["value"] == pytest.approx(precision, abs=1e-12)
    assert f"{precision:.3f}" in texts(said())["model_performance"]


def test_who_gets_no_number_is_told_by_both_halves_of_the_rule() -> None:
    model = trained(1, 700).model
    rule = Abstain(fewer_than=2, known_for_days=90)
    asked = replace(model, question=model.question.model_copy(update={"abstain": rule}))
    found = " ".join(texts(record.record(asked, 1, {}, written_on=date(2026, 2, 1))).values())
    assert "fewer than 2 events are on record and the first is less than 90 days old." in found


def test_groups_are_told_with_intervals_and_the_unaudited_say_so() -> None:
    table = said()["equality"]["tables"]["sex"]
    assert {row["group"] for row in table} == {"female", "male"}
    assert all(re.search(r"\d+ % \(\d+ to \d+\)", row["listed"]) for row in table)
    bare = train(question(), matrix(700, seed=1), register=False, origins=1, **QUICK).model
    found = record.record(bare, 1, {})
    assert found["equality"]["summary"].startswith("Not audited by group")
    assert found["equality"]["tables"] == {}


def test_impossible_figures_are_not_recorded() -> None:
    from dataclasses import replace

    model = trained(1, 700).model
    wrong = json.loads(json.dumps(model.training))
    wrong["evaluation"]["figures"]["model"]["recall"]["value"] = 0.999
    with pytest.raises(Conflict, match="cannot be true"):
        record.record(replace(model, training=wrong), 1, {})


def test_page_and_markdown_say_the_same_and_fetch_nothing() -> None:
    found = said()
    html, text = page(found), markdown(found)
    for paragraph in texts(found).values():
        assert paragraph in text
    assert html.count("<h3>") == len(texts(found))
    assert "<script" not in html
    assert "http" not in html.replace("http-equiv", "")
    hostile = record.record(trained(1, 700).model, 1, {"team": "<script>alert(1)</script>"})
    assert "<script" not in page(hostile)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("head_of_magic: me", "nothing asks for head_of_magic"),
        ("team: [a, b]", "team"),
        ("- team", "mapping"),
        ("team: a\nteam: b", "there twice"),
    ],
)
def test_answers_to_what_is_not_asked_are_refused(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "answers.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=why):
        read_answers(NAME, file)


def test_an_answer_that_says_nothing_yet_is_none(tmp_path: Path) -> None:
    file = tmp_path / "answers.yaml"
    file.write_text(blank(NAME))
    assert read_answers(NAME, file) == {}
    file.write_text("team: TBC\nwebsite: ''\ncontact: To be confirmed.\nprocurement: None held.\n")
    assert read_answers(NAME, file) == {"procurement": "None held."}


@pytest.fixture
def home(precursor_home: Path) -> Path:
    """A home whose registry has two versions."""
    registry_in(precursor_home)
    return precursor_home


def test_promotion_stores_the_record_with_what_changed(home: Path) -> None:
    promotion.promote(NAME, 1, force=True)
    first = record.stored(NAME, 1)
    assert first is not None
    assert first["changes"] is None
    (home / "answers").mkdir()
    (home / "answers" / f"{NAME}.yaml").write_text("team: Analysts\n")
    promotion.promote(NAME, 2, force=True)
    place = champions.folder(NAME) / "2"
    assert {file.name for file in place.iterdir()} >= set(champions.RECORD)
    second = record.stored(NAME, 2)
    assert second is not None
    assert second["changes"]["against"] == 1
    changed = {row["what"] for row in second["changes"]["figures"]}
    assert {"auc", "rows", "people"} <= changed
    assert any(field["title"] == "Team" for field in second["changes"]["fields"])
    assert champions.read(NAME).version == 2  # a record beside the files changes no model


def test_answers_that_cannot_be_read_stand_in_the_way_before_anything_changes(home: Path) -> None:
    (home / "answers").mkdir()
    (home / "answers" / f"{NAME}.yaml").write_text("nonsense: x\n")
    with pytest.raises(UsageError, match="nonsense"):
        promotion.promote(NAME, 1, force=True)
    assert NAME not in champions.questions()


def test_the_command_writes_all_three_and_tells_what_is_missing(home: Path) -> None:
    words = ["record", NAME, "--version", "1", "--out", str(home / "out"), "--against", "2"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "senior_responsible_owner" in done.output
    assert "Against version 2" in done.output
    assert {file.name for file in (home / "out").iterdir()} == set(champions.RECORD)
    told = json.loads((home / "out" / "record.json").read_text(encoding="utf-8"))
    assert told["version"] == 1
    file = home / "answers.yaml"
    assert CliRunner().invoke(app, ["record", NAME, "--blank", str(file)]).exit_code == 0
    assert file.read_text().count(":") >= len(asked())
    again = CliRunner().invoke(app, ["record", NAME, "--blank", str(file)])
    assert again.exit_code != 0  # what was filled in is never written over
