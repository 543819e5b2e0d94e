"""Assurance, model record and questions: what a model is worth, for whom, and who said it may."""

from __future__ import annotations

import html
import re
from datetime import date
from typing import Any

import pandas as pd
import pytest
from desk import text_of
from hypothesis import given, settings
from hypothesis import strategies as st
from pages_world import World
from reviewed_world import NAME, SECRET, world

from models import champions, dossier
from serving.agreement import few_known, mature_from, overrides, seeing
from serving.chain import Action
from serving.decisions import told
from serving.outcomes import by_group
from serving.pages import assurance_view as view
from serving.pages.render import NAVIGATION
from serving.permissions import Role, allows

assert world  # a fixture


def test_assurance_says_first_what_the_figures_come_to(world: World) -> None:
    client = world.client("reviewer")
    page = client.get("/assurance")
    assert page.url.path == f"/assurance/{NAME}"
    seen = text_of(page.text)
    training = champions.read(NAME).model.training
    judged = training["evaluation"]
    assert f"tested on {judged['rows']:,} assessments of {judged['people']:,} people" in seen
    assert re.search(r"It (ranks|does not rank) people better than every simpler method", seen)
    assert re.search(r"When it said [\d.]+ in 100, about [\d.]+ in 100 happened", seen)
    assert page.text.count('role="img"') == 2
    assert "Show calibration as a table" in seen
    assert "The scores of the list in use against those at training: PSI" in seen
    looked = [entry.body["what"] for entry in world.ledger.entries(action=Action.VIEW, limit=1)]
    assert looked == ["assurance"]
    assert SECRET not in page.text
    assert not re.search(r"\bN\d{4}\b", page.text)


@pytest.mark.parametrize("measure", view.MEASURES)
def test_groups_are_shown_by_each_measure_and_the_smallest_never(
    world: World, measure: str
) -> None:
    page = world.client("reviewer").get(f"/assurance/{NAME}?measure={measure}").text
    seen = text_of(page)
    assert view.MEASURES[measure].heading in seen
    for name in ("Ethnicity not recorded", "Sex not recorded", "Female", "18-24"):
        assert name in seen
    tables = champions.read(NAME).model.training["fairness"]["tables"]
    for people in re.findall(r"(\d+) people", re.sub(r"(?s)^.*?<caption", "", page)):
        assert int(people) >= view.FEWEST
    assert set(tables) == {"sex", "ethnicity", "age_band"}


def test_an_interval_says_whether_there_are_enough_to_be_sure(world: World) -> None:
    training = champions.read(NAME).model.training
    found = view.groups(training, "false_alarms")
    assert found is not None
    everyone = view._everyone(training, "false_alarms")
    assert everyone is not None
    rates = {
        (attribute, next(iter(group["who"].values()))): group["at"]["at capacity"]["false_alarms"]
        for attribute, table in training["fairness"]["tables"].items()
        for group in table
    }
    lines = [line for _, table in found.tables for line in table]
    assert len(lines) == len(rates)
    for line in lines:
        if "range not known" in line.figure or line.strip == "":
            assert line.unsure
            assert line.beside == ""
        if line.beside == "above":
            assert not line.unsure


@given(
    st.lists(
        st.tuples(st.integers(1, 400), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=12
    )
)
def test_every_dot_rests_on_ten_outcomes_and_none_is_lost(bands: list[Any]) -> None:
    given_bands = [
        {"rows": rows, "predicted": predicted, "recorded": int(rows * share), "rate": share}
        for rows, predicted, share in bands
    ]
    found = view.points(given_bands)
    assert sum(point.rows for point in found) == sum(band["rows"] for band in given_bands)
    recorded = [round(point.rate * point.rows) for point in found]
    assert sum(recorded) == sum(band["recorded"] for band in given_bands)
    assert len(found) == 1 or min(recorded) >= view.FEWEST
    assert all(point.low <= point.rate + 1e-12 for point in found)
    assert all(point.high >= point.rate - 1e-12 for point in found)


def test_overrides_and_what_followed_are_those_of_the_ledger(world: World) -> None:
    decisions = told(world.ledger, NAME)
    seen = text_of(world.client("reviewer").get(f"/assurance/{NAME}").text)
    assert f"{len(decisions):,} scores were decided on" in seen
    share = (decisions["kind"] == "override").mean()
    assert f"Everybody Decisions: {len(decisions):,}" in seen
    assert f"Overridden: {view.percent(share)} (" in seen
    own = decisions[decisions["own_band"].notna()]
    assert len(own) >= 30
    before, after = ((own[name] == own["band"]).mean() for name in ("own_band", "judged_band"))
    assert f"had the score’s band in {view.percent(before)}" in seen
    assert f"after they had seen the score, in {view.percent(after)}" in seen
    assert "Decisions and what followed" in seen
    assert "not who was right" in seen


def test_outcomes_that_cannot_be_known_yet_have_a_date(world: World) -> None:
    from reviewed_world import QUESTION

    rows = pd.DataFrame({"as_of_date": ["2026-02-01", "2026-01-01"]})
    first = mature_from(QUESTION, rows)
    assert first == date(2026, 8, 1)
    assert mature_from(QUESTION, rows.iloc[:0]) is None


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["agree", "higher", "lower"])),
        max_size=120,
    )
)
def test_no_small_cell_of_decisions_can_be_worked_out(pairs: list[tuple[str, str]]) -> None:
    """What is left out on a line is never one cell alone, nor is a rate shown that includes it."""
    rows = pd.DataFrame(
        {
            "kind": ["agree" if way == "agree" else "override" for _, way in pairs],
            "direction": [way for _, way in pairs],
            "probability": [0.2] * len(pairs),
            "followed": [1.0] * len(pairs),
        }
    )
    who = pd.DataFrame({"sex": [group for group, _ in pairs]})
    cells = by_group(rows, who)
    for one in overrides(cells):
        own = [c for c in cells if (c["attribute"], c["group"]) == (one.attribute, one.group)]
        assert (one.overridden is None) == any(cell["suppressed"] for cell in own)
    hidden = few_known(cells)
    for cell, hide in zip(cells, hidden, strict=True):
        if cell["suppressed"]:
            assert hide
    shown = [c for c, hide in zip(cells, hidden, strict=True) if not hide]
    assert all(cell["mature"] == 0 or cell["mature"] >= 10 for cell in shown)


def test_seeing_is_not_told_of_few(world: World) -> None:
    rows = {"score_id": [f"s{n}" for n in range(15)], "band": ["High"] * 15}
    rows |= {"own_band": ["High"] * 3 + ["Medium"] * 12, "judged_band": ["High"] * 15}
    found = seeing(pd.DataFrame(rows))
    assert found is not None
    assert found.before is None
    assert found.after is not None
    empty = pd.DataFrame({name: [] for name in rows}).astype(object)
    assert seeing(empty) is None


def test_whoever_may_not_judge_decisions_sees_none(world: World) -> None:
    for role in ("supervisor", "data_scientist"):
        seen = text_of(world.client(role).get(f"/assurance/{NAME}").text)
        assert "Is this model fair and accurate?" in seen
        assert "What people made of its scores" not in seen
    assert world.client("analyst").get(f"/assurance/{NAME}").status_code in (403, 409)


def test_the_model_record_says_who_put_it_in_force_and_what_it_may_not_do(world: World) -> None:
    page = world.client("reviewer").get(f"/model-record/{NAME}")
    seen = text_of(page.text)
    model = champions.read(NAME).model
    assert model.sha256 in page.text
    assert "Put in force: version 1 t.ester" in seen
    assert "Refused by the gate: version 2" in seen
    assert "for the pilot" in seen
    assert "Decide about anybody." in seen
    assert f"{len(model.feature_set.columns)} in {len(model.feature_set.groups)} groups" in seen


def test_a_record_is_shown_and_taken_out_where_it_is_that_models(world: World) -> None:
    client = world.client("reviewer")
    place = champions.folder(NAME) / "1" / "record.json"
    before = place.read_bytes() if place.is_file() else None
    try:
        place.unlink(missing_ok=True)
        seen = text_of(client.get(f"/model-record/{NAME}").text)
        assert f"precursor record {NAME} --out DIR" in seen
        assert client.get(f"/model-record/{NAME}/record.json").status_code == 404
        for broken in ("", "[]", "{", '{"sha256": "of another"}'):
            place.write_text(broken, encoding="utf-8")
            assert "None is stored beside this model" in client.get(f"/model-record/{NAME}").text
    finally:
        place.unlink(missing_ok=True)
        if before is not None:
            place.write_bytes(before)
    if before is not None:
        seen = text_of(client.get(f"/model-record/{NAME}").text)
        assert "Draft: this record is not complete" in seen
        answer = client.get(f"/model-record/{NAME}/record.json")
        assert answer.content == before
        assert "attachment" in answer.headers["content-disposition"]
    for name in ("manifest.json", "..%2Fchampion.json", "booster.txt"):
        assert client.get(f"/model-record/{NAME}/{name}").status_code == 404


def test_questions_show_champion_challenger_backtest_and_every_reason_of_the_gate(
    world: World,
) -> None:
    client = world.client("data_scientist")
    assert client.get("/").url.path == "/questions"
    seen = text_of(client.get("/questions").text)
    assert "Violence within six months 2 registered" in seen
    page = client.get(f"/questions/{NAME}?version=1").text
    seen = text_of(page)
    report = dossier.read(NAME, 1).report
    own = report["evaluation"]["figures"]["model"]["auc"]
    assert f"{own['value']:.3f} ({own['low']:.3f} to {own['high']:.3f})" in seen
    for origin in report["backtest"]["origins"]:
        value = origin["evaluation"]["figures"]["model"]["auc"]["value"]
        assert f"{value:.3f}" in seen
    checks = dossier.read(NAME, 1).entry["gate"]["checks"]
    for check in checks:
        assert check["found"] in html.unescape(page)
    assert "Version 2: challenger" in text_of(client.get(f"/questions/{NAME}").text)
    assert client.get("/questions/no_such_question").status_code == 404
    assert client.get(f"/questions/{NAME}?version=%3Cb%3E").status_code == 200


def test_runs_lead_to_the_server_that_is_named_and_to_no_script(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = world.client("data_scientist")
    run = dossier.read(NAME, 1).entry["run_id"]
    page = client.get(f"/questions/{NAME}").text
    assert run in page
    assert "mlflow ui --backend-store-uri sqlite:///${PRECURSOR_HOME:-$PWD/.precursor}/" in page
    monkeypatch.setenv("PRECURSOR_MLFLOW_URL", "https://me:secret@mlflow.example/base/")
    page = client.get(f"/questions/{NAME}").text
    assert re.search(rf'href="https://mlflow\.example/base/#/experiments/\w+/runs/{run}"', page)
    assert f"#/models/{NAME}/versions/2" in page
    assert "secret" not in page
    for named in ("javascript:alert(1)", "http://[", "ftp://x", "//x"):
        monkeypatch.setenv("PRECURSOR_MLFLOW_URL", named)
        assert "experiments" not in client.get(f"/questions/{NAME}").text.split("<main")[1].split(
            "Versions"
        )[1][:4000].replace("experiment and gate", "")


def test_a_report_changed_by_hand_is_not_shown(world: World) -> None:
    place = dossier.folder(NAME) / "2" / dossier.REPORT
    before = place.read_bytes()
    try:
        place.write_bytes(before.replace(b"LightGBM", b"Lightgbm"))
        seen = text_of(world.client("data_scientist").get(f"/questions/{NAME}?version=2").text)
        assert "is not the one that the model was registered with" in seen
    finally:
        place.write_bytes(before)


def test_the_navigation_shows_what_a_role_may_open_and_nothing_else(world: World) -> None:
    for role in (Role.REVIEWER, Role.DATA_SCIENTIST, Role.SUPERVISOR):
        client = world.client(role.value)
        page = client.get("/how-scores-are-made").text
        for _, address, permission in NAVIGATION:
            shown = f'href="{address}"' in page
            assert shown == allows(role, permission), (role, address)
            if shown:
                assert client.get(address).status_code == 200, (role, address)
