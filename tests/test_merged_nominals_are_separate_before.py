"""Person records decided to be one are one from the decision's day, and separate before it."""

from __future__ import annotations

import csv
import random
import tempfile
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_folders import faultless, write_csv
from worlds import DATA_TO, Rows, load, tables, world

from features.check import check
from features.decisions import COLUMNS, DIFFERENT, SAME, UNSURE
from features.errors import Conflict, NotFound, RecordsRefused
from features.history import History
from features.ingest import ingest
from features.loads import Load, open_load, write_load
from features.merges import RULE, apply_decisions
from features.records import TABLES

DAY = timedelta(days=1)
MERGED = date(2025, 6, 1)
seeds = st.integers(0, 10**9)
Row = tuple[str, str, str, str, str]


def decide(one: str, other: str, decision: str = SAME, on: object = MERGED) -> Row:
    return one, other, decision, "P. Reviewer", str(on)


def write(file: Path, rows: Iterable[tuple[str, ...]], header: Iterable[str] = COLUMNS) -> Path:
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([tuple(header), *rows])
    return file


def linked(records: Load, *rows: Row, name: str = "linked") -> Load:
    file = write(records.path.parent / f"{name}.csv", rows)
    return apply_decisions(records.path, file, records.path.parent / name).load


def spine(people: Iterable[str], *at: date) -> pd.DataFrame:
    pairs = [(who, pd.Timestamp(day)) for who in people for day in at]
    return pd.DataFrame(pairs, columns=["nominal_id", "as_of_date"])


def same_histories(one: History, other: History, rows: pd.DataFrame) -> None:
    left, right = (history.matrix(rows.copy()) for history in (one, other))
    pd.testing.assert_frame_equal(left, right, check_exact=True)


def listed(history: History, who: str, at: date) -> pd.DataFrame:
    """A person's events; how often a co-offender's is listed says nothing, and may differ."""
    events = history.events(who, at)
    columns = [name for name in events.columns if name != "known_on"]
    company = events["source"] == "co_offenders"
    once = pd.concat([events[~company], events[company].drop_duplicates(columns)])
    return once[columns].sort_values(columns, ignore_index=True)


def visible(row: Mapping[str, Any], at: date) -> bool:
    until = row.get("superseded_on")
    return row["known_on"] < at and (until is None or until >= at)


def as_one(rows: Rows, gone: str, stays: str, at: date) -> Rows:
    """The world as it looks at a date if two had always been one: a naive renaming."""
    found: Rows = {name: [dict(row) for row in held] for name, held in rows.items()}
    old = next(row for row in found["nominal"] if row["nominal_id"] == gone)
    for row in found["nominal"]:
        if row["nominal_id"] == stays and row["born_on"] is None:
            row["born_on"] = old["born_on"]
    found["nominal"] = [row for row in found["nominal"] if row["nominal_id"] != gone]
    for name, held in found.items():
        own = {
            what(name, row)
            for row in held
            if row.get("nominal_id") == stays and visible(row, at) and counted(row)
        }
        found[name] = [
            row
            for row in held
            if row.get("nominal_id") != gone
            or not counted(row)
            or what(name, row | {"nominal_id": stays}) not in own
        ]
        for row in found[name]:
            if row.get("nominal_id") == gone:
                row["nominal_id"] = stays
    return found


def counted(row: Mapping[str, Any]) -> bool:
    return row.get("occurred_on") is not None or row.get("offence_id") is not None


def what(table: str, row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What an entry says, without the numbers and dates of the entry itself."""
    entry = {"record_id", "episode_id", "known_on", "superseded_on", "load"}
    names = [column.name for column in TABLES[table].columns if column.name not in entry]
    if table == "involvement":
        names = ["offence_id", "nominal_id", "role"]
    return tuple(row.get(name) for name in names)


@settings(max_examples=6)
@given(seeds, st.integers(2, 6))
def test_histories_up_to_the_day_of_the_merge_are_identical_to_the_bit(
    seed: int, people: int
) -> None:
    rng = random.Random(seed)
    rows = world(rng, people=people, events=40)
    ids = [row["nominal_id"] for row in rows["nominal"]]
    merged = DATA_TO - rng.randrange(900) * DAY
    group = ids[: min(people, rng.choice((2, 2, 3)))]
    made = [decide(a, b, on=merged) for n, a in enumerate(group) for b in group[n + 1 :]]
    before = [merged - n * DAY for n in (0, 1, 30, 365, 800)]
    with tempfile.TemporaryDirectory() as folder:
        plain = load(rows, Path(folder) / "plain")
        joined = linked(plain, *made)
        one, other = History(plain), History(joined)
        same_histories(one, other, spine(ids, *before))
        for who in group:
            for at in before:
                pd.testing.assert_frame_equal(listed(one, who, at), listed(other, who, at))


@settings(max_examples=6)
@given(seeds)
def test_histories_after_the_merge_are_those_of_one_person(seed: int) -> None:
    rng = random.Random(seed)
    rows = world(rng, people=4, events=40)
    stays, gone, *others = (row["nominal_id"] for row in rows["nominal"])
    merged = DATA_TO - rng.choice((0, 1, 40, 400)) * DAY
    with tempfile.TemporaryDirectory() as folder:
        plain = load(rows, Path(folder) / "plain")
        joined = History(linked(plain, decide(stays, gone, on=merged)))
        for number, at in enumerate({merged + DAY, DATA_TO + DAY}):
            naive = load(as_one(rows, gone, stays, at), Path(folder) / f"naive{number}")
            same_histories(History(naive), joined, spine([stays, *others], at))
            assert joined.events(gone, at).empty
            assert not joined.subjects(spine([gone], at)).known.any()


@settings(max_examples=4)
@given(seeds)
def test_a_pair_that_is_parted_again_has_its_own_histories_back(seed: int) -> None:
    rng = random.Random(seed)
    rows = world(rng, people=3, events=40)
    ids = [row["nominal_id"] for row in rows["nominal"]]
    merged = DATA_TO - rng.randrange(200, 500) * DAY
    parted = merged + rng.randrange(1, 200) * DAY
    with tempfile.TemporaryDirectory() as folder:
        plain = load(rows, Path(folder) / "plain")
        undone = linked(
            plain,
            decide(ids[0], ids[1], on=merged),
            decide(ids[1], ids[0], rng.choice((DIFFERENT, UNSURE)), on=parted),
        )
        now = History(undone)
        same_histories(History(plain), now, spine(ids, merged, parted + DAY, DATA_TO + DAY))
        assert now.events(ids[1], parted).empty


def test_a_linked_load_keeps_every_rule_and_says_who_was_merged_by_whom(tmp_path: Path) -> None:
    rows = faultless(random.Random(1), people=6, offences=60)
    source = write_csv(tmp_path / "source", rows)
    plain = ingest("folder", source, tmp_path / "plain", data_to=date(2025, 12, 31))
    made = (decide("N1", "N0"), decide("N3", "N2", on="2021-03-01"))
    joined = linked(plain, *made, decide("N4", "N5", UNSURE))
    report = check(joined.path)
    assert report.ok
    assert {found.rule for found in report.findings} <= {RULE, "overlapping_stay", "late_reference"}
    said = [str(found) for found in report.violations if found.rule == RULE]
    assert len(said) == 2
    assert "'N1' was decided to be the same person as 'N0'" in said[0]
    assert "Counts as 'N0' from 2025-06-01, by P. Reviewer" in said[0]
    assert (joined.data_to, joined.kind, joined.number) == (plain.data_to, plain.kind, plain.number)
    again = linked(plain, *made, decide("N4", "N5", UNSURE), name="again")
    assert again.fingerprint == joined.fingerprint
    assert "3 decisions" in (joined.path / "load.json").read_text(encoding="utf-8")


def small(tmp_path: Path, **more: list[dict[str, Any]]) -> Load:
    """Three people known in the order of their ids, and what a test adds."""
    rows: Rows = {name: [] for name in TABLES}
    for number, who in enumerate(("A", "B", "C")):
        known = date(2010 + number, 1, 1)
        rows["nominal"].append({"record_id": who, "nominal_id": who, "known_on": known})
    return load(rows | more, tmp_path / "plain")


def held(records: Load, table: str) -> list[tuple[Any, ...]]:
    frame = pd.read_parquet(records.tables[table])
    keys = ["record_id", "nominal_id", "known_on", "superseded_on"]
    return [tuple(row) for row in frame[keys].sort_values(keys[:3]).itertuples(index=False)]


def assessed(record: str, who: str, known: date, until: date | None = None) -> dict[str, Any]:
    said = {"record_id": record, "nominal_id": who, "tool": "DASH", "grade": "high"}
    return said | {"occurred_on": known, "known_on": known, "superseded_on": until}


def test_each_row_ends_on_the_day_and_goes_on_under_the_id_that_was_known_first(
    tmp_path: Path,
) -> None:
    later, old, end = date(2025, 9, 9), date(2020, 1, 1), date(2025, 12, 1)
    rows = [
        assessed("1", "B", old),
        assessed("2", "B", MERGED),
        assessed("3", "B", later),
        assessed("4", "B", old, date(2021, 1, 1)),
        assessed("5", "B", old + DAY, end),
        assessed("6", "A", old),
    ]
    joined = linked(small(tmp_path, risk_assessment=rows), decide("B", "A"))
    assert held(joined, "risk_assessment") == [
        ("1", "B", old, MERGED),  # the same was assessed of A that day: it goes on as A's own
        ("2", "A", MERGED, None),
        ("3", "A", later, None),
        ("4", "B", old, date(2021, 1, 1)),
        ("5", "A", MERGED, end),
        ("5", "B", old + DAY, MERGED),
        ("6", "A", old, None),
    ]
    assert ("B", "B", date(2011, 1, 1), MERGED) in held(joined, "nominal")


def test_what_the_record_that_stays_leaves_empty_is_filled_from_the_day_on(tmp_path: Path) -> None:
    person = {"record_id": "A", "nominal_id": "A", "known_on": date(2010, 1, 1), "sex": "male"}
    other = {"record_id": "B", "nominal_id": "B", "known_on": date(2011, 1, 1), "sex": "female"}
    born = {"born_on": date(1980, 5, 5), "area": "North"}
    joined = linked(small(tmp_path, nominal=[person, other | born]), decide("B", "A"))
    frame = pd.read_parquet(joined.tables["nominal"])
    own = frame[frame["nominal_id"] == "A"].sort_values("known_on")
    assert own["known_on"].tolist() == [date(2010, 1, 1), MERGED]
    assert own["born_on"].tolist() == [None, date(1980, 5, 5)]
    assert own["sex"].tolist() == ["male", "male"]
    assert own["area"].iloc[1] == "North"


def test_an_event_entered_under_both_ids_counts_once(tmp_path: Path) -> None:
    part = {"offence_id": "O", "role": "suspect", "occurred_on": date(2020, 1, 1)}
    known, ended = date(2020, 1, 2), date(2025, 10, 1)
    parts = [
        part | {"record_id": "I1", "nominal_id": "A", "known_on": known, "superseded_on": ended},
        part | {"record_id": "I2", "nominal_id": "B", "known_on": known},
    ]
    offence = {"record_id": "O", "reference": "R", "offence_code": "class/theft"}
    dates = {"occurred_on": part["occurred_on"], "known_on": known}
    plain = small(tmp_path, offence=[offence | dates], involvement=parts)
    joined = linked(plain, decide("B", "A"))
    assert held(joined, "involvement") == [
        ("I1", "A", known, ended),
        ("I2", "A", ended, None),  # A's own entry was withdrawn; B's was not
        ("I2", "B", known, MERGED),
    ]
    for at in (MERGED + DAY, ended, ended + DAY):
        events = History(joined).events("A", at)
        assert (events["source"] == "suspected").sum() == 1


def test_three_are_one_only_when_every_pair_is_decided(tmp_path: Path) -> None:
    plain = small(tmp_path, risk_assessment=[assessed("1", "C", date(2020, 1, 1))])
    chain = [decide("A", "B"), decide("B", "C", on=MERGED + DAY)]
    with pytest.raises(RecordsRefused, match=r"A and C \(not decided\)"):
        linked(plain, *chain)
    with pytest.raises(RecordsRefused, match=r"A and C \(different\)"):
        linked(plain, *chain, decide("C", "A", DIFFERENT))
    whole = linked(plain, *chain, decide("C", "A", on=MERGED + 9 * DAY))
    assert [row[1:] for row in held(whole, "risk_assessment")] == [
        ("A", MERGED + 9 * DAY, None),
        ("C", date(2020, 1, 1), MERGED + 9 * DAY),
    ]
    assert ("B", "B", date(2011, 1, 1), MERGED) in held(whole, "nominal")


def test_everything_wrong_with_a_file_of_decisions_is_told_at_once(tmp_path: Path) -> None:
    plain = small(tmp_path)
    rows = [
        ("A", "nobody", SAME, "P.", "2025-06-01"),
        ("A", "A", SAME, "P.", "2025-06-01"),
        ("A", "B", "maybe", "P.", "2025-06-01"),
        ("A", "B", SAME, "", "2025-06-01"),
        ("A", "B", "", "P.", "2025-06-01"),
        ("A", "B", SAME, "P.", ""),
        ("A", "B", SAME, "P.", "1 June 2025"),
        ("A", "B", SAME, "P.", "2999-01-01"),
        ("A", "C", SAME, "P.", "2012-01-01"),
        ("", "B", SAME, "P.", "2025-06-01"),
        ("B", "C", SAME, "P.", "2025-06-01"),
        ("C", "B", DIFFERENT, "Q.", "2025-06-01"),
        ("B", "C", "", "", ""),
    ]
    file = write(tmp_path / "decisions.csv", rows)
    with pytest.raises(RecordsRefused) as refused:
        apply_decisions(plain.path, file, tmp_path / "out")
    found = [(v.row, v.column, v.rule) for v in refused.value.violations]  # type: ignore[attr-defined]
    assert found == [
        (1, "nominal_id_2", "unknown"),
        (2, "nominal_id_2", "itself"),
        (3, "decision", "value"),
        (4, "reviewer", "empty"),
        (5, "decision", "empty"),
        (6, "decided_on", "empty"),
        (7, "decided_on", "wrong_type"),
        (8, "decided_on", "future"),
        (9, "decided_on", "before_known"),
        (10, "nominal_id_1", "empty"),
        (12, "decision", "twice"),
    ]
    assert "decisions.csv row 3: decision 'maybe' is none of same, different, unsure" in str(
        refused.value
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"a;b\n1;2\n",
        b"nominal_id_1,nominal_id_2,decision,reviewer\nA,B,same,P.\n",
        "nominal_id_1,nominal_id_2,decision,reviewer,decided_on\nÄ,B".encode("latin-1"),
        ",".join(COLUMNS).encode(),
    ],
)
def test_a_file_that_is_none_of_ours_is_refused(text: bytes, tmp_path: Path) -> None:
    file = tmp_path / "decisions.csv"
    file.write_bytes(text)
    with pytest.raises(RecordsRefused):
        apply_decisions(small(tmp_path).path, file, tmp_path / "out")
    with pytest.raises(NotFound):
        apply_decisions(tmp_path / "plain", tmp_path / "nowhere.csv", tmp_path / "out")


def test_a_decision_after_the_last_day_waits_for_a_later_load(tmp_path: Path) -> None:
    plain = small(tmp_path)
    file = write(tmp_path / "d.csv", [decide("A", "B"), decide("A", "C", on=DATA_TO + DAY)])
    file = write(file, [decide("A", "B"), decide("A", "C", DIFFERENT, on=DATA_TO + DAY)])
    done = apply_decisions(plain.path, file, tmp_path / "out")
    assert (done.decisions, done.later, done.merged) == (1, 1, 1)
    late = write(tmp_path / "late.csv", [decide("A", "B", on=DATA_TO + DAY)])
    with pytest.raises(RecordsRefused, match="no decision up to 2026-01-31"):
        apply_decisions(plain.path, late, tmp_path / "late")


def test_a_load_made_by_decisions_or_changed_since_is_refused(tmp_path: Path) -> None:
    plain = small(tmp_path)
    joined = linked(plain, decide("A", "B"))
    file = write(tmp_path / "more.csv", [decide("A", "C")])
    with pytest.raises(Conflict, match="came from decisions already"):
        apply_decisions(joined.path, file, tmp_path / "out")
    with pytest.raises(Conflict):
        apply_decisions(plain.path, file, joined.path)
    (plain.tables["wanted"]).write_bytes(b"changed")
    with pytest.raises(RecordsRefused, match="changed since"):
        apply_decisions(plain.path, file, tmp_path / "out")


def test_labels_and_spine_that_came_along_follow_the_person(tmp_path: Path) -> None:
    rows = {name: table for name, table in tables(world(random.Random(3))).items()}
    before, after = MERGED, MERGED + DAY
    keys = [(who, at) for who in ("N000", "N001") for at in (before, after)]
    given = {"nominal_id": [who for who, _ in keys], "as_of_date": [at for _, at in keys]}
    labels = given | {"outcome": ["harm"] * 4, "label": [0, 0, 1, 1]}
    plain = write_load(
        tmp_path / "plain",
        rows,
        kind="folder",
        data_to=DATA_TO,
        synthetic=True,
        labels=pa.table(labels),
        spine=pa.table(given),
    )
    joined = open_load(linked(plain, decide("N000", "N001")).path)
    found = joined.labels()
    assert found is not None
    assert list(
        found[["nominal_id", "as_of_date", "label"]].itertuples(index=False, name=None)
    ) == [
        ("N000", before, 0),
        ("N000", after, 1),
        ("N001", before, 1),
    ]
    scored = joined.spine()
    assert scored is not None
    assert len(scored) == 3
