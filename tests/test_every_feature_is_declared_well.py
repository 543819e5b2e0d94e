"""Every feature has a group with a reason, words true to the record, and a value that varies."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from house import ROOT

from features.catalogue import catalogue, context, feature_set, register
from features.catalogue.__main__ import listed
from features.cohort import cohort
from features.declare import (
    AGE,
    AT_LIBERTY,
    CHANGE,
    COUNT,
    DISTINCT,
    EVER,
    RECENCY,
    REPEATED,
    Feature,
    FeatureSet,
    Measure,
    days,
)
from features.errors import PrecursorError
from features.history import History
from features.question import read_question
from features.synthetic import synthesise

SAID = ("words", "source", "reason", "sensitivity", "purpose", "bias")
CAUSAL = r"\b(because|cause[sd]?|due to|leads? to|led to|results? in|driven|drives|makes?)\b"
EVERYTHING = [*catalogue().columns, *context().columns]


def test_there_are_enough_features_in_named_groups_each_with_its_reason() -> None:
    assert len(catalogue().columns) >= 150
    assert len(catalogue().groups) >= 20
    assert set(catalogue().groups) == set(register()["groups"])
    assert set(context().groups) == set(register()["context"])
    for kind in ("groups", "context"):
        for name, entry in register()[kind].items():
            assert set(entry) == set(SAID), name
            assert all(entry[key].strip() for key in SAID), name


@pytest.mark.parametrize("column", EVERYTHING, ids=lambda column: column.name)
def test_a_column_is_named_plainly_and_told_in_words(column) -> None:  # type: ignore[no-untyped-def]
    assert re.fullmatch(r"[a-z][A-Za-z0-9_]*", column.name)
    assert "{value}" in column.words
    step = 100 if column.amount == "harm" else 1
    step *= 65_536 if column.measure == "decayed" else 1
    for value in (0, 1, 2, 1234.5):
        said = column.phrase(value * step)
        assert not re.search(r"[{}]|  |\bNone\b", said), said
        assert said == said.strip()
        assert not re.search(CAUSAL, said), said
    one, two = column.phrase(step), column.phrase(2 * step)
    assert one != two
    assert column.unit[1] == "" or column.unit[0] in one
    assert column.unit[1] in two


@pytest.mark.parametrize("column", EVERYTHING, ids=lambda column: column.name)
def test_words_keep_to_the_status_of_the_record(column) -> None:  # type: ignore[no-untyped-def]
    reported = column.source in ("suspected", "victims", "co_offenders")
    reported |= column.source == "custody" and "detained" in column.of
    reported |= column.source in ("bail", "orders") and "breached" in column.of
    assert ("not proven" in column.words) == reported
    assert ("not convicted" in column.words) == (column.source == "charged")


def test_a_change_is_told_as_more_or_fewer() -> None:
    column = catalogue()["suspected_domestic_change_90d"]
    reports = "naming this person as suspect of domestic abuse in the last 90 days than in the 90"
    assert column.phrase(2) == f"2 more reports {reports} days before (not proven)"
    assert column.phrase(-1) == f"1 fewer report {reports} days before (not proven)"


def test_the_words_of_harm_follow_the_weights() -> None:
    name = "suspected_harm_sum_365d"
    ours, theirs = catalogue(), catalogue("harm-ons-v1")
    assert "subgroup medians" in ours[name].words
    assert "ONS weights" in theirs[name].words
    assert "subgroup medians" not in " ".join(column.words for column in theirs.columns)
    assert ours.names == theirs.names
    assert ours.fingerprint != theirs.fingerprint
    assert theirs.definitions["harm"] == "harm-ons-v1"


SENTENCE = {"group": "reports", "words": "{value}", "unit": ("", "")}


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        (Feature("suspected", COUNT, **SENTENCE | {"group": "astrology"}), "group 'astrology'"),
        (Feature("gossip", COUNT, **SENTENCE), "no source 'gossip'"),
        (Feature("wanted", COUNT, **SENTENCE), "is context and never an input"),
        (Feature("suspected", COUNT, of=("tall",), **SENTENCE), "no mark 'tall'"),
        (Feature("suspected", COUNT, windows=(45,), **SENTENCE), "no window of 45 days"),
        (Feature("suspected", RECENCY, windows=(days(90),), **SENTENCE), "no window of 90 days"),
        (Feature("suspected", Measure("sum", "height"), **SENTENCE), "no amount 'height'"),
        (Feature("suspected", DISTINCT, **SENTENCE), "no other person"),
        (Feature("suspected", REPEATED, **SENTENCE), "no other person"),
        (Feature("suspected", CHANGE, **SENTENCE), "windows of 90 or 365 days"),
        (Feature("suspected", CHANGE, windows=(days(180),), **SENTENCE), "of 90 or 365 days"),
        (Feature("suspected", AT_LIBERTY, windows=(days(90),), **SENTENCE), "of imprisonment"),
        (Feature("imprisonment", AT_LIBERTY, windows=(EVER,), **SENTENCE), "in a window"),
        (
            Feature("imprisonment", AT_LIBERTY, windows=(days(90),), of=("prison",), **SENTENCE),
            "without marks",
        ),
        (Feature("orders", Measure("standing", "over"), of=("made",), **SENTENCE), "mark 'over'"),
        (Feature("orders", Measure("standing", "ended"), **SENTENCE), "a mark of its own"),
        (Feature("custody", Measure("run", "disposed"), **SENTENCE), "a mark of its own"),
        (Feature("custody", Measure("run"), of=("bailed",), **SENTENCE), "no mark ''"),
        (Feature("person", COUNT, **SENTENCE), "there is only age"),
        (Feature("suspected", AGE, of=("a" * 70,), **SENTENCE), "no mark"),
        (Feature("suspected", Measure("median", "harm"), **SENTENCE), "no measure 'median'"),
    ],
)
def test_a_declaration_that_cannot_be_computed_is_refused(declared: Feature, said: str) -> None:
    with pytest.raises(PrecursorError, match=re.escape(said)):
        feature_set((declared,))


def test_all_that_is_wrong_with_declarations_is_said_at_once() -> None:
    wrong = (
        Feature("gossip", COUNT, **SENTENCE | {"group": "astrology"}),
        Feature("suspected", CHANGE, of=("tall",), **SENTENCE),
    )
    with pytest.raises(PrecursorError) as refused:
        feature_set(wrong)
    for said in ("no source 'gossip'", "no mark 'tall'", "a change compares"):
        assert said in str(refused.value)


def test_two_declarations_of_one_column_are_refused() -> None:
    twice = Feature("suspected", COUNT, **SENTENCE)
    with pytest.raises(PrecursorError, match="named twice: \\['suspected_n_ever'\\]"):
        feature_set((twice, twice))


def test_the_page_of_features_is_the_catalogue() -> None:
    page = (ROOT / "docs" / "features.md").read_text(encoding="utf-8")
    assert listed(catalogue(), "groups") in page
    assert listed(context(), "context") in page
    for column in EVERYTHING:
        assert f"`{column.name}`" in page


def constant_or_twice(frame: pd.DataFrame, wanted: FeatureSet) -> tuple[list[str], list[str]]:
    """Return the columns that have one value only, and those that are another one once more."""
    seen: dict[bytes, str] = {}
    constant, twice = [], []
    for name in wanted.names:
        values = frame[name].to_numpy(np.float64)
        if len(np.unique(values)) < 2:
            constant.append(name)
        first = seen.setdefault(values.tobytes(), name)
        if first != name:
            twice.append(f"{name} = {first}")
    return constant, twice


def assert_all_vary(folder: Path, nominals: int) -> None:
    """Hold every column to vary and be itself, in a question's rows and among all suspects."""
    history = History(synthesise(folder / "records", nominals=nominals, years=6, seed=1))
    question = read_question(ROOT / "training" / "questions" / "domestic_abuse_high_harm.yaml")
    dates = [date(year, month, 2) for year in range(2020, 2025) for month in (2, 8)]
    people = history.people("suspected", 0)
    everybody = pd.DataFrame(
        {
            "nominal_id": np.repeat(people, len(dates)),
            "as_of_date": np.tile(np.array(dates, "datetime64[D]"), len(people)),
        }
    )
    for spine in (cohort(history, question, dates), everybody):
        assert constant_or_twice(history.matrix(spine), catalogue()) == ([], [])
    beside = history.matrix(everybody, feature_set=context())
    assert constant_or_twice(beside, context()) == ([], [])


def test_no_feature_is_constant_or_there_twice_on_a_made_up_force(tmp_path: Path) -> None:
    # breaches of stalking protection orders are rare: a smaller force may have none
    assert_all_vary(tmp_path, 12_000)


@pytest.mark.slow
def test_no_feature_is_constant_or_there_twice_on_a_large_made_up_force(tmp_path: Path) -> None:
    assert_all_vary(tmp_path, 20_000)
