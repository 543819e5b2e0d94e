"""The gate asks for proofs, fresh data, capacity and groups, and tells all that is wrong."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
import small_force
from made_up_matrix import QUICK, matrix, question, result

from features.history import History
from features.matrix import Matrix, build
from models.risk_model import RiskModel
from training import gate, promotion
from training.experiment import train
from training.leakage import prove

TODAY = date(2026, 6, 1)


def changed(model: RiskModel, **training: Any) -> RiskModel:
    return replace(model, training=deepcopy(dict(model.training)) | training)


def with_load(age: int, clock: str = "calendar") -> RiskModel:
    model = result().model
    load = {**model.training["load"], "data_to": (TODAY - timedelta(days=age)).isoformat()}
    asked = question(clock=clock, expires_after_days=35)
    return replace(changed(model, load=load), question=asked)


@pytest.mark.parametrize(("age", "passes"), [(0, True), (35, True), (36, False), (-1, False)])
def test_by_the_calendar_records_older_than_a_score_may_be_are_not_fresh(
    age: int, passes: bool
) -> None:
    found = gate.fresh(with_load(age), TODAY)
    assert found.passed is passes
    assert f"{age} days ago" in found.found
    assert gate.fresh(with_load(age, clock="records"), TODAY).passed


def test_records_that_end_nobody_knows_when_are_not_fresh() -> None:
    model = replace(changed(result().model, load={}), question=question(clock="calendar"))
    assert not gate.fresh(model, TODAY).passed


def test_a_question_over_records_needs_its_leakage_proof() -> None:
    model = result().model
    assert gate.proved(model).passed  # its rows came from elsewhere
    over = replace(model, question=small_force.QUESTION)
    assert "no proof was made" in gate.proved(over).found
    proof = {"as_of_date": "2024-01-01", "rows": 9, "columns": 2, "differ": [], "passed": True}
    assert gate.proved(changed(over, leakage=proof)).passed
    leaked = proof | {"differ": ["suspected_n_ever"], "passed": False}
    found = gate.proved(changed(over, leakage=leaked))
    assert not found.passed
    assert "suspected_n_ever" in found.found


def test_the_proof_holds_for_our_histories_and_finds_a_column_that_peeps(tmp_path: Any) -> None:
    load = small_force.make_load(tmp_path / "load", people=80)
    made = build(History(load), small_force.QUESTION)
    found = prove(load, made, harm=small_force.QUESTION.harm)
    assert found.passed, found.text
    assert found.records_cut > 0
    assert found.rows > 20
    later = made.frame.assign(suspected_n_ever=made.frame["suspected_n_ever"] + made.frame["label"])
    peeping = prove(load, Matrix(later, made.feature_set, made.manifest), harm="harm-v1")
    assert peeping.differ == ("suspected_n_ever",)
    assert "FAILED" in peeping.text
    assert not peeping.passed


def test_being_worse_at_capacity_is_a_reason_of_its_own() -> None:
    evaluation = deepcopy(result().model.training["evaluation"])
    for value, high, passes in ((-0.05, 0.1, False), (-0.01, -0.001, False), (0.0, 0.1, True)):
        gap = {"value": value, "low": -0.2, "high": high}
        evaluation["differences"]["harm_365"]["recall"] = gap
        found = gate.baselines(changed(result().model, evaluation=evaluation))
        check = next(check for check in found if check.name == "harm_365 at capacity")
        assert check.passed is passes


def audited(missed: float, calibration: float, spread: float = 0.02) -> dict[str, Any]:
    def figure(value: float) -> dict[str, float]:
        return {"value": value, "low": value - spread, "high": value + spread}

    group = {"who": {"sex": "female"}, "calibration": figure(calibration)}
    group |= {"at": {"at capacity": {"miss_rate": figure(missed)}}}
    return {"tables": {"sex": [group]}, "findings": [], "tested": 1}


@pytest.mark.parametrize(
    ("missed", "calibration", "said"),
    [
        (0.72, 1.05, ""),
        (0.85, 1.0, "85% of outcomes missed at capacity, 70% by the champion"),
        (0.70, 1.3, "1.30 outcomes predicted for each one recorded, 1.00"),
        (0.70, 0.7, "0.70 outcomes predicted for each one recorded, 1.00"),
    ],
)
def test_a_group_that_fares_worse_beyond_its_limit_is_named(
    missed: float, calibration: float, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = changed(result().model, fairness=audited(missed, calibration))
    champion = changed(result().model, fairness=audited(0.70, 1.0))
    monkeypatch.setattr(gate.registry, "fetch", lambda *_: (champion, 1))
    check = gate.champion_kept_up_with(model, "made_up", 1)[-1]
    assert check.name == "no group worse off"
    assert check.passed is (not said)
    assert said in check.found
    blind = changed(model, fairness=None)
    assert "not audited" in gate.champion_kept_up_with(blind, "made_up", 1)[-1].found


def test_a_group_is_the_same_whichever_of_its_attributes_stands_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, champion = (
        changed(result().model, fairness=audited(missed, 1.0)) for missed in (0.85, 0.70)
    )
    who = {"sex": "female", "age": "18 to 24"}
    for one, order in ((model, ("sex", "age")), (champion, ("age", "sex"))):
        (group,) = one.training["fairness"]["tables"]["sex"]
        group["who"] = {name: who[name] for name in order}
    monkeypatch.setattr(gate.registry, "fetch", lambda *_: (champion, 1))
    check = gate.champion_kept_up_with(model, "made_up", 1)[-1]
    assert not check.passed
    assert check.found.startswith("age 18 to 24, sex female: ")


def test_all_reasons_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    weak = train(question(), matrix(people=900, seed=11, twist=0.0), register=False, **QUICK).model
    weak = replace(weak, question=small_force.QUESTION.model_copy(update={"clock": "calendar"}))
    monkeypatch.setattr(promotion, "_champion", lambda _: None)
    verdict = promotion.judge(weak, 1, today=TODAY)
    failed = {check.name for check in verdict.checks if not check.passed}
    assert {"leakage proof", "fresh data", "beats logistic_age_priors"} <= failed
    assert len(verdict.reasons) == len(failed)


def test_the_proof_of_a_matrix_without_labels_compares_nothing(tmp_path: Any) -> None:
    load = small_force.make_load(tmp_path / "load", people=20)
    made = build(History(load), small_force.QUESTION)
    frame = made.frame.assign(label=np.nan)
    found = prove(load, Matrix(frame, made.feature_set, made.manifest), harm="harm-v1")
    assert not found.passed
    assert isinstance(frame, pd.DataFrame)
