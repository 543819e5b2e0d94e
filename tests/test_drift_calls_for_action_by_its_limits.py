"""Drift calls for review, training or suspension by limits; it is kept, and acted on if asked."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_matrix import QUICK, matrix, question
from made_up_registry import registry_in
from typer.testing import CliRunner

from features.errors import Conflict, UsageError
from features.kept_reports import DRIFT, names, read
from models import champions
from precursor import app
from serving.governance_commands import suspend_version
from serving.ledger import Action, Ledger
from training.drift import Drift, monitor
from training.drift_history import keep
from training.drift_words import ADVICE, in_words
from training.events import COUNTING_RULE, between, read_events
from training.experiment import Result, train
from training.limits import EXIT_CODES, LEVELS, LIMITS, Limits, read_limits

NAME = "made_up"


@cache
def trained() -> Result:
    made = matrix(900, seed=5)
    return train(question(), made, protected=who(made.frame), register=False, origins=1, **QUICK)


def who(frame: pd.DataFrame) -> pd.DataFrame:
    number = frame["nominal_id"].str[1:].astype(int).to_numpy()
    return pd.DataFrame({"sex": np.where(number % 3 == 0, "female", "male")})


def later(factor: float, limits: Limits = LIMITS) -> Drift:
    """The next rows, with outcomes recorded less often by a factor."""
    frame = matrix(900, seed=6).frame.copy()
    gone = np.random.default_rng(0).random(len(frame)) > factor
    frame.loc[gone, "label"] = 0.0
    return monitor(trained().model, frame, who(frame), read_events(), limits)


def test_the_worse_predictions_fit_the_graver_the_level() -> None:
    levels = [LEVELS.index(later(factor).level) for factor in (1.0, 0.7, 0.3)]
    assert levels == sorted(levels)
    assert LEVELS[levels[0]] in ("stable", "watch")
    assert LEVELS[levels[1]] == "retrain"
    assert LEVELS[levels[2]] == "suspend"
    assert "nobody should be scored" in in_words(later(0.3))


def test_groups_have_limits_of_their_own() -> None:
    strict = Limits.model_validate({"calibration_by_group": {"watch": 1.01, "suspend": 1.05}})
    found = [c for c in later(0.4, strict).checks if c.name == "sex male"]
    assert any(c.kind == "calibration" and c.level == "suspend" for c in found)
    usual = [c for c in later(0.4).checks if c.name == "sex male" and c.kind == "calibration"]
    assert next(c.level for c in usual) in ("review", "retrain")


def test_a_limit_that_is_left_out_is_never_reached() -> None:
    lenient = Limits.model_validate(
        {name: {} for name in ("psi", "size", "recorded", "calibration", "auc_lost")}
        | {"calibration_by_group": {}}
    )
    assert later(0.3, lenient).level == "stable"


@given(st.lists(st.floats(0.01, 10), min_size=4, max_size=4), st.floats(0, 12))
def test_levels_rise_with_the_difference(given_limits: list[float], value: float) -> None:
    steps = dict(zip(LEVELS[1:], sorted(given_limits), strict=True))
    limits = Limits.model_validate({"psi": steps})
    reached = limits.level("psi", value)
    assert LEVELS.index(reached) == sum(value >= limit for limit in steps.values())
    assert LEVELS.index(limits.level("psi", value + 1)) >= LEVELS.index(reached)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("psi: {watch: 0.5, review: 0.1}", "begins at a smaller difference"),
        ("psi: {panic: 0.5}", "psi.panic"),
        ("humidity: {watch: 0.5}", "humidity"),
        ("psi: {watch: -1}", "psi.watch"),
        ("psi: 0.5", "psi"),
        ("psi: {watch: much}", "psi.watch"),
    ],
)
def test_limits_that_make_no_sense_are_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "limits.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=said):
        read_limits(file)


def test_each_level_has_advice_and_an_exit_code() -> None:
    assert set(ADVICE) == set(EXIT_CODES) == set(LEVELS)
    assert [EXIT_CODES[level] for level in LEVELS] == [0, 0, 3, 4, 5]


def test_what_was_found_each_time_is_kept_and_names_nobody(precursor_home: Path) -> None:
    assert names(DRIFT, NAME) == []
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    for month, factor in enumerate((1.0, 0.3)):
        keep(NAME, later(factor), {"version": 1}, begun + timedelta(days=30 * month))
    found = [read(DRIFT, NAME, name) for name in names(DRIFT, NAME)]
    assert [report["level"] for report in found][1] == "suspend"
    assert found[0]["at"] < found[1]["at"]
    assert any("sex" in check["name"] for check in found[1]["checks"])
    assert "N0000" not in json.dumps(found)
    (precursor_home / "drift" / NAME / "20260301T000000000000.json").write_text("{")
    with pytest.raises(Conflict, match="not the report that was written"):
        read(DRIFT, NAME, "20260301T000000000000")


def in_force() -> None:
    words = ["promote", NAME, "1", "--force", "--reason", "first model"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output


def test_drift_suspends_only_the_version_in_force(
    precursor_home: Path,
) -> None:
    registry_in(precursor_home)
    assert "no model in force" in suspend_version(NAME, 1, "drift")
    in_force()
    assert "version 2 is not in force" in suspend_version(NAME, 2, "drift")
    assert NAME in champions.questions()
    assert "is suspended" in suspend_version(NAME, 1, "drift")
    assert NAME not in champions.questions()
    with Ledger.open() as ledger:
        entry = ledger.entries(action=Action.SUSPENSION, limit=1)[0]
    assert (entry.question, entry.body["version"]) == (NAME, 1)
    assert "drift" in entry.purpose


def test_who_suspends_says_why_and_can_promote_again(precursor_home: Path) -> None:
    registry_in(precursor_home)
    in_force()
    assert CliRunner().invoke(app, ["suspend", NAME]).exit_code == 2
    done = CliRunner().invoke(app, ["suspend", NAME, "--reason", "calibration lost"])
    assert done.exit_code == 0, done.output
    assert NAME not in champions.questions()
    in_force()
    assert champions.read(NAME).version == 1


def test_dated_events_have_a_source_and_stand_in_report_and_drift() -> None:
    known = read_events()
    assert all(event.source for event in known)
    rules = [event for event in known if event.kind == COUNTING_RULE]
    assert [event.first for event in rules] == [date(2023, 6, 1)]
    told: list[dict[str, Any]] = trained().report["events"]
    assert {event["name"] for event in told} >= {rules[0].name}
    assert rules[0].name in trained().text
    assert trained().model.training["events"] == told
    drifted = later(0.3)
    assert drifted.until < rules[0].first
    assert rules[0] not in drifted.events
    assert drifted.events[-1].name in in_words(drifted)
    assert between(known, date(2018, 1, 1), date(2019, 1, 1)) == ()
