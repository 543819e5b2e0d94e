"""Whatever is wrong with records is listed, all of it, with place, value and remedy."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_folders import Rows, faultless, write_csv

from features.breaches import ERROR, HANDLED, WARNING
from features.check import check
from features.errors import Conflict, NotFound, RecordsRefused, UsageError
from features.history import History
from features.ingest import KINDS, ingest
from features.loads import LABELS, open_load, write_load
from features.records import TABLES
from features.rules import RULES

Place = tuple[str, int, str, str]


@dataclass(frozen=True)
class Fault:
    """One way to spoil a row, and the rule that must find it."""

    table: str
    column: str
    value: str
    rule: str


FAULTS = (
    Fault("offence", "occurred_on", "2021-13-45", "wrong_type"),
    Fault("offence", "known_on", "soon", "wrong_type"),
    Fault("offence", "occurred_on", "2020-02-03T25:00", "wrong_type"),
    Fault("custody", "counts_summary", "abc", "wrong_type"),
    Fault("custody", "counts_other", "2.5", "wrong_type"),
    Fault("offence", "domestic", "perhaps", "wrong_type"),
    Fault("bail", "known_on", "03/04/2021", "ambiguous_date"),
    Fault("management", "occurred_on", "3.4.21", "ambiguous_date"),
    Fault("offence", "known_on", "2099-01-01", "future"),
    Fault("imprisonment", "occurred_on", "2099-01-01", "future"),
    Fault("nominal", "born_on", "2099-01-01", "future"),
    Fault("nominal", "born_on", "1899-12-31", "before_1900"),
    Fault("nominal", "born_on", "1905-12-31", "age_over_110"),
    Fault("nominal", "born_on", "2020-06-01", "born_after_known"),
    Fault("nominal", "nominal_id", "somebody", "nominal_differs"),
    Fault("outcome", "occurred_on", "1066-10-14", "before_1900"),
    Fault("offence", "offence_code", "", "empty"),
    Fault("involvement", "known_on", "", "empty"),
    Fault("involvement", "role", "culprit", "value"),
    Fault("protective_order", "kind", "ASBO", "value"),
    Fault("involvement", "nominal_id", "nobody", "unknown_reference"),
    Fault("outcome", "offence_id", "no crime", "unknown_reference"),
    Fault("wanted", "known_on", "2020-01-02", "known_before_it_occurred"),
    Fault("programme", "superseded_on", "2020-01-01", "superseded_before_known"),
    Fault("outcome", "counts_indictable", "-1", "negative"),
)


def spoil(rows: Rows, chosen: list[tuple[Fault, int]]) -> list[Place]:
    """Put faults into different rows; return where each must be found."""
    places: list[Place] = []
    taken: set[tuple[str, int]] = set()
    for fault, pick in chosen:
        place = pick % len(rows[fault.table])
        if (fault.table, place) in taken:
            continue
        taken.add((fault.table, place))
        row = rows[fault.table][place]
        if fault.rule == "known_before_it_occurred":
            row["occurred_on"] = "2020-01-03"
        if fault.rule == "superseded_before_known":
            row["superseded_on"] = row["known_on"]
            places.append((fault.table, place + 1, fault.column, fault.rule))
            continue
        row[fault.column] = fault.value
        places.append((fault.table, place + 1, fault.column, fault.rule))
    return places


def errors(found: list) -> set[Place]:
    return {(v.table, v.row, v.column, v.rule) for v in found if v.severity == ERROR}


def test_faultless_records_have_no_violation(tmp_path: Path) -> None:
    report = check(write_csv(tmp_path / "source", faultless(random.Random(1))))
    assert report.violations == []
    assert report.ok


def test_each_fault_is_found_where_it_is_with_its_value_and_a_remedy(tmp_path: Path) -> None:
    rows = faultless(random.Random(2), people=len(FAULTS), offences=len(FAULTS))
    places = spoil(rows, [(fault, place) for place, fault in enumerate(FAULTS)])
    assert len(places) == len(FAULTS)
    report = check(write_csv(tmp_path / "source", rows))
    found = {(v.table, v.row, v.column, v.rule): v for v in report.violations}
    for place in places:
        table, row, column, _ = place
        assert found[place].value == rows[table][row - 1][column]
        assert found[place].problem
        assert found[place].remedy.endswith(".")
    assert not report.ok


@settings(max_examples=8)
@given(
    seed=st.integers(0, 10**6),
    chosen=st.lists(st.tuples(st.sampled_from(FAULTS), st.integers(0, 50)), min_size=1, max_size=8),
)
def test_all_faults_are_listed_together_and_nothing_is_written(
    seed: int, chosen: list[tuple[Fault, int]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rows = faultless(random.Random(seed))
        places = spoil(rows, chosen)
        source, out = write_csv(Path(folder) / "source", rows), Path(folder) / "out"
        report = check(source)
        assert set(places) <= errors(report.violations)
        with pytest.raises(RecordsRefused) as refused:
            ingest("folder", source, out)
        assert errors(refused.value.violations) == errors(report.violations)
        assert [path.name for path in Path(folder).iterdir()] == ["source"]


@settings(max_examples=8)
@given(
    seed=st.integers(0, 10**6),
    chosen=st.lists(st.tuples(st.sampled_from(FAULTS), st.integers(0, 50)), min_size=1, max_size=8),
)
def test_rows_set_aside_and_rows_taken_in_are_all_the_rows(
    seed: int, chosen: list[tuple[Fault, int]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rows = faultless(random.Random(seed))
        places = spoil(rows, chosen)
        source, out = write_csv(Path(folder) / "source", rows), Path(folder) / "out"
        load = ingest("folder", source, out, set_aside=True)
        aside = load.set_aside()
        assert {(t, r, c, u) for t, r, c, u, *_ in aside[_PLACE].itertuples(index=False)} >= set(
            places
        )
        for name in TABLES:
            left_out = aside.loc[aside["table"] == name, "row"].nunique()
            taken = pq.read_metadata(load.tables[name]).num_rows
            assert taken + left_out == len(rows[name])
        report = check(out)
        assert report.ok
        assert sum(v.severity == HANDLED for v in report.violations) == len(aside)


_PLACE = ["table", "row", "column", "rule"]


def test_two_different_rows_with_one_key_are_both_listed_and_equal_ones_once(
    tmp_path: Path,
) -> None:
    rows = faultless(random.Random(3))
    rows["offence"].append(rows["offence"][0] | {"grade": "indictable"})
    rows["custody"].append(dict(rows["custody"][2]))
    report = check(write_csv(tmp_path / "source", rows))
    assert errors(report.violations) == {
        ("offence", 1, "record_id", "key"),
        ("offence", len(rows["offence"]), "record_id", "key"),
        ("custody", len(rows["custody"]), "record_id", "key"),
    }


def test_versions_of_one_record_must_not_stand_at_once(tmp_path: Path) -> None:
    rows = faultless(random.Random(4))
    first = rows["offence"][0]
    rows["offence"].append(first | {"known_on": "2024-01-01"})
    places = errors(check(write_csv(tmp_path / "a", rows)).violations)
    assert places == {("offence", 1, "superseded_on", "two_versions_at_once")}
    first["superseded_on"] = "2024-01-01"
    assert check(write_csv(tmp_path / "b", rows)).ok


def test_episodes_must_not_end_before_they_begin(tmp_path: Path) -> None:
    rows = faultless(random.Random(5))
    released = next(r for r in rows["imprisonment"] if r["event"] == "released")
    received = next(
        r for r in rows["imprisonment"] if r["record_id"] == released["record_id"][:-1] + "a"
    )
    released["occurred_on"] = "2020-01-01"
    received["occurred_on"] = received["known_on"] = "2020-01-02"
    row = rows["imprisonment"].index(released) + 1
    places = errors(check(write_csv(tmp_path / "a", rows)).violations)
    assert places == {("imprisonment", row, "occurred_on", "ends_before_it_begins")}


def test_what_is_odd_but_usable_warns_and_does_not_refuse(tmp_path: Path) -> None:
    rows = faultless(random.Random(6))
    rows["offence"][0]["offence_code"] = "999/ZZ"
    person = rows["imprisonment"][0]["nominal_id"]
    stay = {"nominal_id": person, "kind": "prison"}
    first = rows["imprisonment"][0] | stay | {"episode_id": "x", "record_id": "x1"}
    rows["imprisonment"].append(first | {"occurred_on": "2019-01-01"})
    rows["wanted"] = [row for row in rows["wanted"] if row["event"] == "cancelled"]
    rows["nominal"][0]["known_on"] = "2023-06-01"
    source = write_csv(tmp_path / "source", rows)
    (source / "readme.csv").write_text("a,b\n", encoding="utf-8")
    report = check(source)
    assert report.ok
    found = {v.rule for v in report.violations}
    wanted = {"unknown_code", "overlapping_stay", "no_beginning", "late_reference", "unused_file"}
    assert found == wanted
    assert {v.severity for v in report.violations} == {WARNING}
    ingest("folder", source, tmp_path / "out")


def without(rows: Rows, table: str, column: str | None = None) -> Rows:
    spoilt = deepcopy(rows)
    if column is None:
        spoilt[table] = []
    for row in spoilt[table]:
        row.pop(column, None)
    return spoilt


def _truncate(folder: Path) -> None:
    (folder / "outcome.csv").unlink()
    (folder / "outcome.parquet").write_bytes(b"PAR1 and no more")


def _twice(folder: Path) -> None:
    pq.write_table(pq.read_table(_any_parquet(folder)), folder / "offence.parquet")


def _any_parquet(folder: Path) -> Path:
    load = ingest(
        "folder",
        write_csv(folder.parent / "other", faultless(random.Random(1))),
        folder.parent / "load",
    )
    return load.tables["offence"]


def _ragged(folder: Path) -> None:
    with (folder / "custody.csv").open("a", encoding="utf-8") as stream:
        stream.write("one,two\n")


def _latin(folder: Path) -> None:
    text = (folder / "programme.csv").read_text(encoding="utf-8").replace("Steps", "Schritte für")
    (folder / "programme.csv").write_text(text, encoding="latin-1")


@pytest.mark.parametrize(
    ("harm", "table", "rule"),
    [
        (_truncate, "outcome", "unreadable"),
        (_ragged, "custody", "unreadable"),
        (_latin, "programme", "unreadable"),
        (_twice, "offence", "table_twice"),
        (lambda f: (f / "nominal.csv").unlink(), "nominal", "missing_table"),
        (lambda f: (f / "bail.csv").write_text("", encoding="utf-8"), "bail", "unreadable"),
    ],
)
def test_files_that_cannot_be_used_are_listed_and_refuse_even_with_set_aside(
    harm: Callable[[Path], None], table: str, rule: str, tmp_path: Path
) -> None:
    source = write_csv(tmp_path / "source", faultless(random.Random(7)))
    harm(source)
    report = check(source)
    assert (table, None, rule) in {(v.table, v.row, v.rule) for v in report.violations}
    assert not report.ok
    for set_aside in (False, True):
        with pytest.raises(RecordsRefused):
            ingest("folder", source, tmp_path / "out", set_aside=set_aside)
        assert not (tmp_path / "out").exists()


def test_tables_without_a_single_person_are_refused(tmp_path: Path) -> None:
    source = write_load(
        tmp_path / "source", {}, kind="folder", data_to=date(2026, 1, 31), synthetic=False
    ).path
    with pytest.raises(RecordsRefused) as refused:
        ingest("folder", source, tmp_path / "out")
    assert [violation.rule for violation in refused.value.violations] == ["no_rows"]
    found = check(source)
    assert not found.ok
    assert [violation.rule for violation in found.violations] == ["no_rows"]
    assert not (tmp_path / "out").exists()


def test_an_empty_folder_is_refused_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    with pytest.raises(RecordsRefused, match="holds no canonical table"):
        ingest("folder", tmp_path / "source", tmp_path / "out")
    assert not check(tmp_path / "source").ok


def test_all_missing_columns_are_listed_and_only_required_ones_refuse(tmp_path: Path) -> None:
    rows = without(without(faultless(random.Random(8)), "offence", "offence_code"), "bail", "event")
    found = errors(check(write_csv(tmp_path / "a", rows)).violations)
    assert found >= {
        ("offence", None, "offence_code", "missing_column"),
        ("bail", None, "event", "missing_column"),
    }
    assert not any(rule == "empty" for *_, rule in found)
    rows = without(faultless(random.Random(8)), "offence", "grade")
    assert check(write_csv(tmp_path / "b", without(rows, "wanted"))).violations == []


def test_what_is_unknown_is_answered_with_what_there_is(tmp_path: Path) -> None:
    for kind in ("spreadsheet", "floppy", ""):
        with pytest.raises(UsageError) as refused:
            ingest(kind, tmp_path, tmp_path / "out")
        assert all(name in refused.value.remedy for name in KINDS)
    with pytest.raises(NotFound):
        ingest("folder", tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(NotFound):
        check(tmp_path / "nowhere")


def test_an_out_that_exists_is_left_as_it_is(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "source", faultless(random.Random(9)))
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(Conflict):
        ingest("folder", source, out)
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


def test_the_message_names_the_first_of_each_kind_and_counts_the_rest(tmp_path: Path) -> None:
    rows = faultless(random.Random(10))
    for row in rows["involvement"]:
        row["role"] = "culprit"
    with pytest.raises(RecordsRefused) as refused:
        ingest("folder", write_csv(tmp_path / "source", rows), tmp_path / "out")
    message = str(refused.value)
    assert "involvement row 1: role 'culprit' is none of suspect, victim, witness" in message
    assert f"And {len(rows['involvement']) - 1} more like it" in message
    assert len(refused.value.violations) == len(rows["involvement"])


def test_a_report_is_plain_data_and_its_counts_are_those_of_its_list(tmp_path: Path) -> None:
    rows = faultless(random.Random(11))
    spoil(rows, [(fault, place) for place, fault in enumerate(FAULTS)])
    report = check(write_csv(tmp_path / "source", rows))
    data = json.loads(json.dumps(report.as_json()))
    assert data["ok"] is False
    assert sum(entry["count"] for entry in data["summary"]) == len(data["violations"])


def test_a_load_that_was_changed_by_hand_is_found(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "source", faultless(random.Random(12)))
    load = ingest("folder", source, tmp_path / "out")
    assert check(load.path).violations == []
    offence = pq.read_table(load.tables["offence"])
    pq.write_table(offence.slice(1), load.tables["offence"])
    found = {(v.table, v.rule) for v in check(load.path).violations}
    assert ("offence", "file_changed") in found
    assert ("involvement", "unknown_reference") in found


def test_a_load_that_lost_a_table_is_not_taken_in_again_without_it(tmp_path: Path) -> None:
    load = ingest(
        "folder", write_csv(tmp_path / "source", faultless(random.Random(13))), tmp_path / "out"
    )
    load.tables["bail"].unlink()
    with pytest.raises(RecordsRefused, match=r"bail: is missing\. Add bail\.parquet"):
        ingest("folder", load.path, tmp_path / "again")


def test_labels_laid_beside_records_later_are_told(tmp_path: Path) -> None:
    load = ingest(
        "folder", write_csv(tmp_path / "source", faultless(random.Random(13))), tmp_path / "out"
    )
    pq.write_table(LABELS.empty_table(), load.path / "labels.parquet")
    assert [(v.table, v.rule) for v in check(load.path).violations] == [("labels", "file_changed")]
    with pytest.raises(RecordsRefused, match="changed since they were written: labels"):
        History(load)


def test_a_broken_load_json_says_so(tmp_path: Path) -> None:
    load = ingest(
        "folder", write_csv(tmp_path / "source", faultless(random.Random(13))), tmp_path / "out"
    )
    file = load.path / "load.json"
    said = json.loads(file.read_text(encoding="utf-8"))
    other = ({"fingerprint": "a; DROP TABLE x"}, {"tables": {}}, {"tables": []}, {"extras": [1]})
    torn = (json.dumps(said | change) for change in other)
    for text in ("{", "[]", '{"format": 99}', '{"format": 1}', *torn):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(RecordsRefused):
            open_load(load.path)
    file.unlink()
    with pytest.raises(NotFound):
        open_load(load.path)


def test_rows_known_after_the_stated_last_day_are_refused_or_left_out(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "source", faultless(random.Random(14)))
    last = date(2021, 1, 1)
    with pytest.raises(RecordsRefused) as refused:
        ingest("folder", source, tmp_path / "out", data_to=last)
    assert "after_data_to" in {v.rule for v in refused.value.violations}
    load = ingest("folder", source, tmp_path / "out", data_to=last, set_aside=True)
    assert load.data_to == last
    assert check(load.path).ok


def test_records_do_not_end_in_the_future(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "source", faultless(random.Random(14)))
    tomorrow = date.today() + timedelta(days=1)
    with pytest.raises(UsageError, match="lies in the future"):
        ingest("folder", source, tmp_path / "out", data_to=tomorrow)
    load = ingest("folder", source, tmp_path / "out", data_to=date.today())
    file = load.path / "load.json"
    said = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(said | {"data_to": str(tomorrow)}), encoding="utf-8")
    with pytest.raises(RecordsRefused, match="lies in the future"):
        ingest("folder", load.path, tmp_path / "again")


def test_every_rule_says_what_is_wrong_and_what_to_do() -> None:
    for name, rule in RULES.items():
        assert rule.name == name
        assert rule.problem
        assert rule.remedy.endswith(".")
        assert rule.severity in (ERROR, WARNING)
