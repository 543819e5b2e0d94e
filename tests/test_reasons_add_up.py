"""Contributions are exact, add up to the score, and the sentences keep to their rules."""

from __future__ import annotations

import re
from datetime import date
from itertools import combinations
from math import factorial
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_matrix import FEATURES, matrix, result

from features.catalogue import catalogue
from features.declare import FeatureSet
from features.errors import PrecursorError
from models import explanation
from models.explanation import explain, group_contributions
from models.words import (
    DATED,
    MOST_REASONS,
    date_words,
    on_record,
    phrase,
    reasons_of_rows,
)

value = st.one_of(st.integers(0, 5), st.integers(6, 10_000)).map(float)


@st.composite
def histories(draw: st.DrawFn) -> np.ndarray:
    """A row that the model accepts, likely or not."""
    row = [draw(value) for _ in FEATURES.columns]
    place = FEATURES.names.index("suspected_recency")
    row[place] = draw(st.one_of(value, st.just(float("nan"))))
    return np.array([row])


@given(histories())
def test_base_and_groups_make_the_score_for_any_history(row: np.ndarray) -> None:
    model = result().model
    told = explain(model, row)
    by_group, raw = told.by_group(0), told.raw[0]
    assert list(by_group) == FEATURES.groups
    assert abs(told.base + sum(by_group.values()) - raw) < 1e-9
    for place, group in enumerate(FEATURES.groups):
        own = told.contributions[0, [column.group == group for column in FEATURES.columns]]
        assert told.groups[0, place] == pytest.approx(own.sum(), abs=1e-12)
    assert told.probability[0] == model.probability(row)[0]
    assert told.probability[0] == pytest.approx(1 / (1 + np.exp(-raw)), abs=1e-12)
    assert told.low[0] <= told.probability[0] <= told.high[0]


def expected(node: dict[str, Any], row: np.ndarray, known: frozenset[int]) -> float:
    """A tree's mean output where only some columns are known; the others go both ways by count."""
    if "leaf_value" in node:
        return float(node["leaf_value"])
    value = row[node["split_feature"]]
    if node["split_feature"] in known:
        missing = np.isnan(value)
        left = node["default_left"] if missing else value <= node["threshold"]
        return expected(node["left_child" if left else "right_child"], row, known)
    both = [node["left_child"], node["right_child"]]
    counts = [branch.get("internal_count", branch.get("leaf_count")) for branch in both]
    means = [expected(branch, row, known) for branch in both]
    return float(np.average(means, weights=counts))


def columns_of(node: dict[str, Any]) -> set[int]:
    """The columns that a tree splits on."""
    if "leaf_value" in node:
        return set()
    below = columns_of(node["left_child"]) | columns_of(node["right_child"])
    return {node["split_feature"]} | below


def shapley(trees: list[dict[str, Any]], row: np.ndarray) -> np.ndarray:
    """Shapley values from their definition: over all orders in which columns become known."""
    found = np.zeros(len(row) + 1)
    for tree in trees:
        used = sorted(columns_of(tree))
        subsets = [frozenset(s) for n in range(len(used) + 1) for s in combinations(used, n)]
        mean = {subset: expected(tree, row, subset) for subset in subsets}
        found[-1] += mean[frozenset()]
        for column in used:
            for subset in (s for s in subsets if column not in s):
                orders = factorial(len(subset)) * factorial(len(used) - len(subset) - 1)
                gain = mean[subset | {column}] - mean[subset]
                found[column] += orders / factorial(len(used)) * gain
    return found


def test_contributions_are_shapley_values_by_their_definition() -> None:
    model = result().model
    dumped = model.booster.dump_model()["tree_info"]
    trees = [tree["tree_structure"] for tree in dumped]
    rows = matrix(seed=3).X[:25]
    assert np.isnan(rows).any()
    base, ours = model.contributions(rows)
    for row, parts in zip(model.as_read(rows), ours, strict=True):
        naive = shapley(trees, row)
        assert np.abs(parts - model.slope * naive[:-1]).max() < 1e-9
        assert base == pytest.approx(model.slope * naive[-1] + model.intercept, abs=1e-9)


def test_contributions_are_those_of_the_shap_library() -> None:
    import shap  # takes seconds, and only this test needs it

    model = result().model
    rows = matrix(seed=3).X[:400]
    explainer = shap.TreeExplainer(lgb.Booster(model_str=model.text))
    theirs = explainer(model.as_read(rows))
    base, ours = model.contributions(rows)
    assert np.abs(ours - model.slope * theirs.values).max() < 1e-9
    assert base == pytest.approx(model.slope * theirs.base_values[0] + model.intercept, abs=1e-9)


def test_a_person_scored_alone_gets_the_same_bits_as_among_many() -> None:
    model = result().model
    rows = matrix(seed=4).X[:600]
    together = explain(model, rows)
    for place in range(0, 600, 37):
        alone, among = explain(model, rows[[place]]), together.of(slice(place, place + 1))
        for one, other in zip(vars(alone).values(), vars(among).values(), strict=True):
            assert np.array_equal(one, other)


def test_a_row_that_does_not_add_up_never_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    model = result().model
    rows = matrix(seed=5).X[:3]
    right = type(model).log_odds
    monkeypatch.setattr(type(model), "log_odds", lambda self, X: right(self, X) + 1e-6)
    with pytest.raises(PrecursorError, match="contributions miss the score"):
        model.contributions(rows)


def test_groups_that_do_not_add_up_never_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(feature_set: FeatureSet, contributions: np.ndarray) -> np.ndarray:
        return group_contributions(feature_set, contributions) + 1e-6

    monkeypatch.setattr(explanation, "group_contributions", wrong)
    with pytest.raises(PrecursorError, match=r"groups miss a score.s log-odds by \de-06"):
        explain(result().model, matrix(seed=5).X[:3])


def test_many_people_are_told_what_each_is_told_alone() -> None:
    model = result().model
    rows = matrix(seed=6).X[:700]
    _, parts = model.contributions(rows)
    parts = np.round(parts, 1)  # so that many pull alike, and the order must settle it
    sums = group_contributions(FEATURES, parts)
    days = [date(2026, 6, 16) if place % 2 else None for place in range(len(rows))]
    told = reasons_of_rows(model, rows, parts, sums, days)
    assert any(len(one) > 1 for one in told)
    for place, together in enumerate(told):
        one = slice(place, place + 1)
        own = group_contributions(FEATURES, parts[one])
        assert reasons_of_rows(model, rows[one], parts[one], own, days[one]) == [together]
    assert reasons_of_rows(model, rows[:0], parts[:0], sums[:0], []) == []


def test_a_batch_without_rows_has_no_scores() -> None:
    model = result().model
    nothing = np.zeros((0, len(FEATURES.columns)))
    assert model.probability(nothing).shape == (0,)
    assert model.contributions(nothing)[1].shape == (0, len(FEATURES.columns))


@given(histories(), st.integers(0, MOST_REASONS))
def test_sentences_keep_to_their_rules(row: np.ndarray, most: int) -> None:
    model = result().model
    _, parts = model.contributions(row)
    groups = group_contributions(FEATURES, parts)
    sums = dict(zip(FEATURES.groups, groups[0], strict=True))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models.words.MOST_REASONS", most)
        (told,) = reasons_of_rows(model, row, parts, groups, [date(2026, 6, 16)])
    assert len(told) <= most <= 6
    assert [abs(r.contribution) for r in told] == sorted(
        (abs(r.contribution) for r in told), reverse=True
    )
    assert len({reason.group for reason in told}) == len(told)
    for reason in told:
        assert reason.contribution == sums[reason.group]
        assert (reason.direction == "raises") == (reason.contribution > 0)
        higher = "higher" if reason.direction == "raises" else "lower"
        assert reason.text.endswith(f": associated with {higher} risk.")
        assert not re.search(r"\b(because|cause[sd]?|not named|never|no)\b", reason.text, re.I)
        assert reason.features
        for name in reason.features:
            column, place = FEATURES[name], FEATURES.names.index(name)
            assert column.group == reason.group
            assert on_record(column, row[0][place])
            assert parts[0][place] * reason.contribution > 0


def test_silence_gives_no_reason() -> None:
    model = result().model
    silent = np.zeros((1, len(FEATURES.columns)))
    silent[0, FEATURES.names.index("suspected_recency")] = np.nan
    silent[0, FEATURES.names.index("person_age")] = 25.0
    found = explain(model, silent)
    (told,) = reasons_of_rows(model, silent, found.contributions, found.groups, [None])
    assert {reason.group for reason in told} <= {"age"}


def test_every_sentence_names_the_legal_status_of_what_it_counts() -> None:
    said = {"suspected": "not proven", "custody": "arrest", "charged": "charge"}
    said |= {"convicted": "conviction", "victims": "not proven"}
    for column in catalogue().columns:
        if column.source not in said or column.measure == "onset":
            continue
        if column.group == "disposals":
            continue
        words = column.phrase(3.0)
        assert said[column.source] in words, f"{column.name}: {words}"
    mixed = {
        group: {c.source for c in catalogue().columns if c.group == group} & set(said)
        for group in catalogue().groups
    }
    assert all(len(sources) <= 1 for sources in mixed.values()), mixed


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("assessed_high_n_ever", "2 assessments graded high on record"),
        ("custody_bailed_n_365d", "2 releases from police custody on bail in the last 365 days"),
        (
            "custody_released_under_investigation_n_ever",
            "2 releases from police custody under investigation on record",
        ),
        (
            "custody_no_further_action_n_ever",
            "2 releases from police custody without further action on record",
        ),
    ],
)
def test_grades_and_disposals_are_told_in_english(name: str, said: str) -> None:
    assert catalogue()[name].phrase(2.0) == said


@given(st.dates(date(1990, 1, 1), date(2040, 1, 1)))
def test_dates_are_written_out(day: date) -> None:
    words = date_words(day)
    assert re.fullmatch(r"[1-9]\d? [A-Z][a-z]+ \d{4}", words)


def test_a_recency_is_told_as_a_date_too() -> None:
    column = next(c for c in catalogue().columns if c.measure in DATED and "report" in c.words)
    assert ", on 4 June 2026 (not proven)" in phrase(column, 12.0, date(2026, 6, 16))
