"""Audits show nobody who could be made out, and refuse in words what cannot be answered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import small_force
import worlds
from fairlearn.metrics import MetricFrame, selection_rate
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import precursor
from features.attributes import attributes
from features.disclosure import FEWEST, suppressed
from features.errors import PrecursorError, UsageError
from features.history import History
from features.loads import Load
from training.drift import chance, monitor, psi
from training.effects import e_value
from training.evaluation import Judged
from training.events import read_events
from training.fairness import CAPACITY, audit
from training.metrics import Figure
from training.period import as_of_dates
from training.study import study
from training.trial import trial


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Load:
    """The small made-up force, whose person records say neither sex nor ethnicity."""
    return small_force.make_load(tmp_path_factory.mktemp("audits") / "records", people=150)


@given(st.lists(st.integers(0, 40), min_size=6, max_size=6))
def test_no_small_cell_can_be_worked_out_from_its_line(people: list[int]) -> None:
    groups = pd.DataFrame({"sex": list("fmfmfm"), "age": ["a", "a", "b", "b", "c", "c"]})
    hidden = suppressed(groups, people)
    number = np.array(people)
    assert hidden[(number > 0) & (number < FEWEST)].all()
    for name in groups:
        for value in set(groups[name]):
            line = (groups[name] == value).to_numpy() & (number > 0)
            assert not (line.sum() > 1 and hidden[line].sum() == 1)


def test_a_corrected_attribute_counts_from_the_day_it_was_known(tmp_path: Path) -> None:
    rows: worlds.Rows = {name: [] for name in worlds.TABLES}
    person = {"record_id": "N1", "nominal_id": "N1", "born_on": date(1990, 6, 1)}
    first = person | {"sex": " ", "ethnicity": "Zoë", "known_on": date(2020, 1, 1)}
    rows["nominal"].append(first | {"superseded_on": date(2022, 1, 1)})
    rows["nominal"].append(person | {"sex": "female", "known_on": date(2022, 1, 1)})
    load = worlds.load(rows, tmp_path / "records")
    days = ["2022-01-02", "2020-01-01", "2022-01-01"]
    spine = pd.DataFrame({"nominal_id": ["N1"] * 3, "as_of_date": days})
    told = attributes(load, spine).to_numpy().tolist()
    assert told[0] == ["female", "unknown", "25-34"]
    assert told[1] == ["unknown"] * 3  # not known before the second day of 2020
    assert told[2] == ["unknown", "Zoë", "25-34"]


def test_an_audit_shows_no_group_of_fewer_than_ten_and_agrees_with_fairlearn() -> None:
    drawn = np.random.default_rng(3)
    n = 600
    p = drawn.uniform(0.05, 0.6, n)
    y = (drawn.random(n) < p).astype(np.int64)
    sex = np.where(np.arange(n) < 4, "other", np.where(np.arange(n) % 3 == 0, "female", "male"))
    told = pd.DataFrame({"sex": sex})
    found = audit(Judged(y, np.arange(n).astype(str), 50), p, told, {"High": 0.3}, draws=30)
    groups = {group.who["sex"]: group for group in found.tables[("sex",)]}
    assert groups["other"].people is None
    assert groups["female"].people is None  # with it, the smallest would follow from the total
    assert all(figure is None for figure in groups["female"].at["High"].values())
    taken = MetricFrame(
        metrics=selection_rate, y_true=y, y_pred=(p >= 0.3).astype(int), sensitive_features=sex
    )
    shown = groups["male"].at["High"]["selection"]
    assert shown is not None
    assert shown.value == pytest.approx(taken.by_group["male"])
    at_capacity = groups["male"].at[CAPACITY]["selection"]
    assert at_capacity is not None
    assert at_capacity.low <= at_capacity.value <= at_capacity.high


def test_nobody_recorded_is_a_group_of_its_own() -> None:
    p = np.full(200, 0.5)
    told = pd.DataFrame({"sex": ["male"] * 100 + [None] * 100})
    found = audit(Judged(np.arange(200) % 2, np.arange(200).astype(str), 10), p, told, {})
    assert [group.words for group in found.tables[("sex",)]] == ["male", "sex unknown"]
    assert found.unknown == {"sex": 0.5}
    assert found.tested == 2


def test_shares_that_are_the_same_are_no_drift_and_others_are() -> None:
    assert psi([0.2, 0.8], [0.2, 0.8], (50, 50)) == 0
    assert chance([0.2, 0.8], [0.2, 0.8], (50, 50)) == 1
    assert chance([0.2, 0.8], [0.8, 0.2], (500, 500)) < 1e-9
    assert np.isfinite(psi([0.0, 1.0], [1.0, 0.0], (50, 50)))


def test_a_model_without_a_reference_is_told_to_be_trained_again(load: Load) -> None:
    model = small_force.make_model(History(load), trees=3)
    with pytest.raises(PrecursorError, match="holds no reference to compare"):
        monitor(model, pd.DataFrame())


def test_a_period_must_lie_within_the_records(load: Load) -> None:
    history = History(load)
    model = small_force.make_model(history, trees=3)
    day = load.default_as_of
    with pytest.raises(UsageError, match="lies after 2026-02-01"):
        as_of_dates(model, history, None, date(2026, 2, 2))
    with pytest.raises(UsageError, match="begins on 2026-02-02, after it ends"):
        as_of_dates(model, history, date(2026, 2, 2), day)
    found = as_of_dates(model, history, date(2025, 11, 1), day)
    assert found == [date(2025, 11, 1), date(2026, 2, 1)]


EVENTS = [
    ("", "events are a list, not NoneType"),
    ("name: one", "events are a list, not dict"),
    ("[", "this is not YAML"),
    ("- {name: a, first: 2026-02-30}", "this is not YAML"),
    ("- {name: a, first: 2026-02-02, last: 2026-02-01}", "entry 1: ends on 2026-02-01, before"),
    ("- {first: 2026-02-02}\n- {name: b}", "entry 1: name.*entry 2: first"),
]


@pytest.mark.parametrize(("text", "said"), EVENTS)
def test_a_wrong_file_of_events_is_refused_with_all_that_is_wrong(
    tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "événements.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PrecursorError, match=said):
        read_events(file)
    with pytest.raises(UsageError):
        read_events(tmp_path / "missing.yaml")


STUDIES: list[tuple[Callable[[str], str], str]] = [
    (lambda _: "[]", "own.yaml: write a mapping here"),
    (lambda text: text.replace("window_days: 61", "window_days: -1"), "window_days"),
    (lambda text: text.replace("table: programme", "table: offence"), "treatment.table"),
    (lambda text: text + "astrology: yes\n", "astrology"),
    (lambda text: text.replace("[theft]", "[sorcery]"), "has no mark"),
]
OWN = """
name: own_study
title: Our own
eligible: [{source: suspected, of: [domestic], within_days: 90}]
treatment: {table: programme, kinds: [EASI]}
outcome: {source: suspected, of: [domestic]}
outcome_words: reports of domestic abuse
placebo: {source: suspected, of: [theft]}
placebo_words: reports of theft
window_days: 61
"""


def test_a_study_of_ones_own_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(OWN, encoding="utf-8")
    assert study(str(file)).treatment.kinds == ("EASI",)


@pytest.mark.parametrize(("changed", "said"), STUDIES)
def test_a_wrong_study_is_refused_in_words(
    tmp_path: Path, changed: Callable[[str], str], said: str
) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(changed(OWN), encoding="utf-8")
    with pytest.raises(PrecursorError, match=said):
        study(str(file))


def test_too_few_treated_or_too_short_records_are_refused(load: Load) -> None:
    history = History(load)
    one = study("domestic_abuse_programme")
    with pytest.raises(PrecursorError, match="both groups need 50"):
        trial(history, one)
    with pytest.raises(PrecursorError, match="too short for study"):
        trial(history, one.model_copy(update={"horizon_days": 1830, "lag_days": 1830}))


def test_an_effect_whose_interval_holds_1_needs_nothing_to_explain_it_away() -> None:
    assert e_value(Figure(0.8, 0.6, 1.1)) == 1
    assert e_value(Figure(2.0, 1.5, 2.7)) == pytest.approx(1.5 + np.sqrt(0.75))
    assert e_value(Figure(np.nan, np.nan, np.nan)) == 1


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (["evaluate-intervention", "sorcery", "nowhere"], 1),
        (["evaluate-intervention", "missing.yaml", "nowhere"], 2),
        (["evaluate-intervention", "protective_order", "nowhere"], 1),
        (["drift", "domestic_abuse_high_harm", "nowhere", "--from", "31.12.2025"], 2),
        (["drift", "tomorrow", "nowhere"], 1),
        (["drift", "domestic_abuse_high_harm", "nowhere"], 1),
        (["train", "domestic_abuse_high_harm", "nowhere", "--audit", "nowhere"], 2),
    ],
)
def test_commands_refuse_what_does_not_exist(line: list[str], code: int) -> None:
    found = CliRunner().invoke(precursor.app, line)
    assert isinstance(found.exception, PrecursorError)
    assert found.exception.exit_code == code
    assert found.exception.remedy
