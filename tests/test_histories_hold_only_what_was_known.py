"""Histories hold only what was known on their date, for every column of the catalogue."""

from __future__ import annotations

import copy
import hashlib
import json
import random
import tempfile
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import oracle
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import CODES, DATA_TO, Rows, load, world

from features.catalogue import catalogue
from features.files import sha256
from features.history import History
from features.labels import label
from features.loads import open_load, write_load
from features.question import Question

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


def test_corrections_and_late_recording_are_honoured_on_every_date_that_changes_something(
    tmp_path: Path,
) -> None:
    rows = world(random.Random(12), people=3, events=24)
    named = ("known_on", "occurred_on", "superseded_on")
    changes = {r[n] for table in rows.values() for r in table for n in named if r.get(n)}
    days = {day + timedelta(days=n) for day in changes for n in (0, 1)}
    at = sorted(day for day in days if day <= AFTER)
    spine = spine_of(rows, *at)
    found = History(load(rows, tmp_path / "records")).matrix(spine)
    for row in found.itertuples():
        for column in catalogue().columns:
            expected = oracle.value(rows, column, row.nominal_id, row.as_of_date.date())
            actual = getattr(row, column.name)
            where = f"{column.name} of {row.nominal_id} as of {row.as_of_date}"
            if expected is None:
                assert np.isnan(actual), where
            else:
                assert actual == pytest.approx(expected, rel=1e-12, abs=1e-12), where
    ever = [c.name for c in catalogue().columns if c.measure in ("count", "sum") and not c.window]
    falls = found.groupby("nominal_id")[ever].diff() < 0
    assert falls.to_numpy().any(), "a record that is corrected stops counting in this world"


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


def test_people_without_a_single_event_are_explained_by_nothing(tmp_path: Path) -> None:
    rows = world(random.Random(7), people=3, events=0)
    history = History(load(rows, tmp_path / "records"))
    spine = spine_of(rows, AFTER)
    assert len(spine) == 3
    assert [len(past) for past in history.pasts(history.subjects(spine))] == [0, 0, 0]
    assert history.records(spine["nominal_id"][0], AFTER, ["suspected_n_ever"]) == {
        "suspected_n_ever": []
    }


def test_whatever_moves_a_figure_stands_among_the_records_behind_it(tmp_path: Path) -> None:
    rows = world(random.Random(6), people=8, events=300)
    history = History(load(rows, tmp_path / "records"))
    moved = {
        "change": lambda value, _: value != 0,
        "standing": lambda value, _: value > 0,
        "run": lambda value, _: value > 0,
        "repeated": lambda value, _: value > 0,
        "at_liberty": lambda value, window: value < window,
        "recency": lambda value, _: not np.isnan(value),
    }
    columns = [c for c in catalogue().columns if c.measure in moved]
    seen = set()
    for row in history.matrix(spine_of(rows, AFTER)).itertuples():
        behind = history.records(row.nominal_id, AFTER, [c.name for c in columns])
        for column in columns:
            if moved[column.measure](getattr(row, column.name), column.window):
                seen.add(column.measure)
                assert behind[column.name], f"{column.name} of {row.nominal_id}"
    assert seen == set(moved), "each of these measures occurs in this world"


def test_a_column_that_came_after_a_load_was_written_is_empty(tmp_path: Path) -> None:
    rows = world(random.Random(7))
    new = load(rows, tmp_path / "new")
    later = ("following", "unwanted_contact")
    older = {name: pq.read_table(file) for name, file in new.tables.items()}
    blank = [{**offence, **dict.fromkeys(later)} for offence in older["offence"].to_pylist()]
    offences = pa.Table.from_pylist(blank, schema=older["offence"].schema)
    said = {"kind": "folder", "data_to": DATA_TO, "synthetic": False}
    expected = write_load(tmp_path / "empty", {**older, "offence": offences}, **said)
    old = write_load(tmp_path / "old", older, **said)
    pq.write_table(offences.drop_columns(list(later)), old.tables["offence"])
    manifest = json.loads((old.path / "load.json").read_text())
    manifest["tables"]["offence"]["sha256"] = sha256(old.tables["offence"])
    hashes = {name: about["sha256"] for name, about in manifest["tables"].items()}
    manifest["fingerprint"] = hashlib.sha256(json.dumps(hashes).encode()).hexdigest()
    (old.path / "load.json").write_text(json.dumps(manifest))
    spine = spine_of(rows, AFTER)
    pd.testing.assert_frame_equal(
        History(open_load(old.path)).matrix(spine), History(expected).matrix(spine)
    )


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


def test_a_row_whose_person_record_was_merged_away_meanwhile_has_no_label(tmp_path: Path) -> None:
    rows = world(random.Random(9), events=60)
    at = AFTER - timedelta(days=400)
    merged = rows["nominal"][0]["nominal_id"]
    for record in rows["nominal"]:
        if record["nominal_id"] == merged:
            record["known_on"] = at - timedelta(days=900)
            record["superseded_on"] = at + timedelta(days=30)
    rows["nominal"] = [
        r for n, r in enumerate(rows["nominal"]) if not n or r["nominal_id"] != merged
    ]
    question = Question(
        name="oracle",
        title="",
        outcome_words="",
        cohort={"source": "suspected", "within_days": 730},
        outcome={"source": "suspected"},
        horizon_days=180,
        lag_days=90,
    )
    found = label(History(load(rows, tmp_path / "records")), question, spine_of(rows, at))
    ended = found["nominal_id"] == merged
    assert found.loc[ended, "label"].isna().all()
    assert found.loc[~ended, "label"].notna().any()
