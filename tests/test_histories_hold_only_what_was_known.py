"""Histories hold only what was known on their date, for every column of the catalogue."""

from __future__ import annotations

import copy
import random
import tempfile
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalogue import catalogue
from features.history import History
from features.labels import label
from features.question import Question
from tests import oracle
from tests.worlds import CODES, DATA_TO, Rows, load, world

AFTER = DATA_TO + timedelta(days=1)
dates = st.sampled_from(
    [AFTER - timedelta(days=n) for n in (0, 1, 28, 31, 90, 365, 366, 500, 731, 1200)]
)
seeds = st.integers(0, 10**9)


def histories(rows: Rows, spine: pd.DataFrame) -> pd.DataFrame:
    with tempfile.TemporaryDirectory() as folder:
        return History(load(rows, Path(folder) / "records")).matrix(spine)


def spine_of(rows: Rows, *at: date) -> pd.DataFrame:
    people = [r["nominal_id"] for r in rows["nominal"]]
    pairs = [(who, pd.Timestamp(day)) for who in people for day in at]
    return pd.DataFrame(pairs, columns=["nominal_id", "as_of_date"])


@settings(max_examples=15)
@given(seeds, dates, dates)
def test_every_column_agrees_with_a_naive_oracle(seed: int, at: date, other: date) -> None:
    rows = world(random.Random(seed))
    spine = spine_of(rows, at, other)
    found = histories(rows, spine)
    for row in found.itertuples():
        for column in catalogue().columns:
            expected = oracle.value(rows, column, row.nominal_id, row.as_of_date.date())
            actual = getattr(row, column.name)
            where = f"{column.name} of {row.nominal_id} as of {row.as_of_date}"
            if expected is None:
                assert np.isnan(actual), where
            elif column.measure == "variety":
                assert actual == pytest.approx(expected, abs=1e-12), where
            else:
                assert actual == expected, where


def scrambled(rows: Rows, at: date, rng: random.Random) -> Rows:
    """Change whatever became known on or after a date: delete it, move it, recode it, add to it."""
    changed = copy.deepcopy(rows)
    for name, table in changed.items():
        future = [r for r in table if r["known_on"] >= at]
        for record in future:
            match rng.randrange(3):
                case 0:
                    table.remove(record)
                case 1:
                    record["occurred_on"] = date(2020, 1, 1) + timedelta(days=rng.randrange(2000))
                    if "offence_code" in record:
                        record["offence_code"] = rng.choice(CODES)
                case 2:
                    table.append(record | {"record_id": f"new-{rng.random()}"})
        for record in table:
            # a correction made on or after the date is itself not yet known
            ended = record.get("superseded_on")
            if ended is not None and ended >= at:
                record["superseded_on"] = None if rng.random() < 0.5 else at
        if name == "nominal":
            table.append(table[0] | {"record_id": "late", "nominal_id": "late", "known_on": at})
    return changed


@settings(max_examples=15)
@given(seeds, dates)
def test_what_became_known_later_changes_nothing_to_the_last_bit(seed: int, at: date) -> None:
    rng = random.Random(seed)
    rows = world(rng, events=40)
    spine = spine_of(rows, at)
    pd.testing.assert_frame_equal(
        histories(rows, spine), histories(scrambled(rows, at, rng), spine), check_exact=True
    )


def test_one_person_asked_for_alone_equals_their_row_in_the_batch(tmp_path: Path) -> None:
    rows = world(random.Random(3), people=12, events=150)
    history = History(load(rows, tmp_path / "records"))
    spine = spine_of(rows, AFTER, AFTER - timedelta(days=400))
    batch = history.matrix(spine)
    for at in range(len(spine)):
        alone = history.matrix(spine.iloc[[at]])
        pd.testing.assert_frame_equal(
            alone, batch.iloc[[at]].reset_index(drop=True), check_exact=True
        )


def test_neither_chunks_nor_the_order_of_a_spine_change_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = world(random.Random(4), people=12, events=150)
    history = History(load(rows, tmp_path / "records"))
    spine = spine_of(rows, AFTER, AFTER - timedelta(days=100))
    whole = history.matrix(spine)
    shuffled = spine.sample(frac=1, random_state=0)
    monkeypatch.setattr("features.history.CHUNK", 5)
    again = history.matrix(shuffled).set_index(shuffled.index).sort_index()
    pd.testing.assert_frame_equal(whole, again, check_exact=True)


def test_the_records_behind_a_count_are_as_many_as_the_count(tmp_path: Path) -> None:
    rows = world(random.Random(5), people=3, events=120)
    history = History(load(rows, tmp_path / "records"))
    spine = spine_of(rows, AFTER)
    counted = [c for c in catalogue().columns if c.measure == "count" and c.source != "victims"]
    for row in history.matrix(spine).itertuples():
        behind = history.records(row.nominal_id, AFTER, [c.name for c in counted])
        for column in counted:
            # two suspects' parts in one offence, or two results of it, are one record
            assert len(behind[column.name]) <= getattr(row, column.name), column.name
            assert bool(behind[column.name]) == bool(getattr(row, column.name)), column.name


@settings(max_examples=10)
@given(seeds, st.integers(1, 700), st.integers(0, 400))
def test_labels_count_what_occurred_in_the_window_and_was_known_in_time(
    seed: int, horizon: int, lag: int
) -> None:
    rows = world(random.Random(seed), events=60)
    question = Question(
        name="oracle",
        title="",
        outcome_words="",
        cohort={"source": "suspected", "within_days": 730},
        outcome={"source": "suspected", "of": ["violence"], "also": "charged"},
        horizon_days=horizon,
        lag_days=lag,
    )
    at = AFTER - timedelta(days=horizon + lag)
    spine = spine_of(rows, at, at + timedelta(days=1))
    with tempfile.TemporaryDirectory() as folder:
        found = label(History(load(rows, Path(folder) / "records")), question, spine)
    until, known_by = at + timedelta(days=horizon), at + timedelta(days=horizon + lag)
    for row in found.itertuples():
        if row.as_of_date.date() > at:
            assert np.isnan(row.label)
            continue
        for name, source in (("label", "suspected"), ("label_charged", "charged")):
            events = oracle.events_of(rows, source, row.nominal_id, known_by)
            followed = [
                e
                for e in events
                if "violence" in e["marks"] and e["offence_on"] and at <= e["offence_on"] < until
            ]
            assert getattr(row, name) == bool(followed)
