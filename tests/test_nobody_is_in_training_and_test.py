"""Splits in time: nobody's future trains their past, and where asked nobody is in both parts."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_matrix import matrix, question

from features.errors import NotFound, PrecursorError
from training.questions import names
from training.questions import question as read
from training.splits import folds, recent, temporal

first = date(2018, 1, 1)


@st.composite
def spines(draw: st.DrawFn) -> pd.DataFrame:
    """Labelled rows of some people on many days over six years."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, people = draw(st.integers(1500, 3000)), draw(st.integers(500, 1500))
    days = np.datetime64(first) + rng.integers(0, 6 * 365, rows)
    return pd.DataFrame(
        {
            "nominal_id": rng.integers(0, people, rows).astype(str),
            "as_of_date": pd.to_datetime(days),
            "label": (rng.random(rows) < 0.4).astype(float),
        }
    )


@given(spines(), st.integers(30, 500), st.integers(0, 200), st.booleans(), st.floats(0.1, 0.4))
def test_every_training_label_is_mature_before_the_test_begins(
    frame: pd.DataFrame, horizon: int, lag: int, apart: bool, share: float
) -> None:
    rule = {"people_apart": apart, "test_share": share}
    asked = question(horizon_days=horizon, lag_days=lag, split=rule)
    found = temporal(frame, asked)
    matures = frame["as_of_date"] + pd.Timedelta(days=horizon + lag)
    assert (matures[found.train] <= frame["as_of_date"][found.test].min()).all()
    assert (frame["as_of_date"][found.test] >= pd.Timestamp(found.test_from)).all()
    assert (frame["as_of_date"][found.train] < pd.Timestamp(found.train_before)).all()
    assert not (found.train & found.test).any()
    if apart:
        tested = set(frame["nominal_id"][found.test])
        assert not set(frame["nominal_id"][found.train]) & tested
        before = frame["as_of_date"] < pd.Timestamp(found.train_before)
        assert found.dropped == (before & frame["nominal_id"].isin(tested)).sum()
        assert found.dropped + found.train.sum() == before.sum()


@given(spines(), st.integers(0, 400))
def test_the_given_dates_are_kept_half_open(frame: pd.DataFrame, gap: int) -> None:
    train_before = first + timedelta(days=900)
    test_from = train_before - timedelta(days=1) + timedelta(days=365 + gap)
    rule = {"train_before": train_before, "test_from": test_from}
    found = temporal(frame, question(lag_days=0, split=rule))
    as_of = frame["as_of_date"].dt.date.to_numpy()
    assert (found.train == (as_of < train_before)).all()
    assert (found.test == (as_of >= test_from)).all()


@pytest.mark.parametrize("days", [1, 30, 364])
def test_labels_that_reach_into_the_test_part_are_refused(days: int) -> None:
    train_before = date(2020, 1, 2)
    test_from = date(2020, 1, 1) + timedelta(days=365 - days)
    rule = {"train_before": train_before, "test_from": test_from}
    with pytest.raises(PrecursorError, match="after the test part begins") as refused:
        temporal(matrix().frame, question(lag_days=0, split=rule))
    assert "2020-12-31" in refused.value.remedy


def test_one_given_date_fixes_the_other() -> None:
    frame = matrix().frame
    one = temporal(frame, question(split={"test_from": date(2022, 1, 1)}))
    assert one.train_before == date(2022, 1, 1) - timedelta(days=464)
    other = temporal(frame, question(split={"train_before": one.train_before}))
    assert (other.test == one.test).all()


def test_parts_too_small_to_teach_or_to_judge_are_refused_together() -> None:
    frame = matrix(people=12).frame
    with pytest.raises(PrecursorError, match=r"training part .* test part") as refused:
        temporal(frame, question())
    assert refused.value.remedy
    with pytest.raises(PrecursorError, match="no labelled rows"):
        temporal(frame.iloc[:0], question())


@given(st.lists(st.text(max_size=5), min_size=1, max_size=60), st.integers(2, 6))
def test_all_rows_of_a_person_are_in_one_fold_whoever_else_is_there(
    people: list[str], count: int
) -> None:
    people = [name.replace("\0", "") for name in people]
    found = folds(people, count)
    assert set(found) <= set(range(count))
    alone = [folds([name], count)[0] for name in people]
    assert found.tolist() == alone


@given(st.integers(0, 2**32 - 1), st.integers(1, 400))
def test_calibration_rows_are_the_newest_whole_days(seed: int, positives: int) -> None:
    rng = np.random.default_rng(seed)
    days = np.datetime64("2020-01-01") + rng.integers(0, 50, 500)
    y = (rng.random(500) < 0.5).astype(int)
    kept = recent(days, y, positives)
    if kept.all():
        return
    assert days[kept].min() > days[~kept].max()
    assert y[kept].sum() >= positives
    later = days > days[kept].min()
    assert y[later].sum() < positives


def test_every_question_is_short_and_reads_back() -> None:
    from importlib.resources import files

    assert {"domestic_abuse_high_harm", "broward_felony_1y"} <= set(names())
    for name in names():
        asked = read(name)
        assert asked.name == name
        assert type(asked).model_validate(asked.to_data()) == asked
        text = files("training.questions").joinpath(f"{name}.yaml").read_text()
        assert len(text.splitlines()) <= 60


def test_the_broward_split_is_the_published_one() -> None:
    asked = read("broward_felony_1y")
    rule = asked.split
    assert (rule.train_before, rule.test_from) == (date(2013, 7, 1), date(2014, 7, 1))
    assert rule.people_apart
    assert (rule.folds, rule.folds_from) == (5, date(2013, 1, 1))
    assert (asked.horizon_days, asked.lag_days, asked.abstain) == (365, 0, "never")
    assert asked.gates == "report"


def test_an_unknown_question_lists_the_known_ones() -> None:
    with pytest.raises(NotFound, match="there is no question 'tomorrow'") as refused:
        read("tomorrow")
    assert ", ".join(names()) in refused.value.remedy
