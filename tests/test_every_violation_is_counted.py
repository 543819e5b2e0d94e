"""However many rows break a rule, all are counted, the first are listed, the rest are in a file."""

from __future__ import annotations

import csv
import json
import random
from collections import Counter
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from record_folders import Rows, faultless, write_csv
from typer.testing import CliRunner, Result

from features.breach_list import COLUMNS, write_list
from features.breaches import ERROR, HANDLED, Asked, Violation
from features.check import broken, check, examined, last_day
from features.errors import UsageError
from features.ingest import ingest
from features.loads import LABELS
from features.reading import read
from precursor import app

Place = tuple[str, int | None, str, str]


def spoilt() -> Rows:
    """Records with many rows that break one rule, and several that break another."""
    rows = faultless(random.Random(3), people=6, offences=40)
    for row in rows["involvement"]:
        row["role"] = "culprit"
    for place, row in enumerate(rows["outcome"]):
        row["counts_other"] = "-1" if place % 3 else "many"
    for row in rows["offence"][::4]:
        row["offence_code"] = "999/ZZ"
    rows["bail"][0] |= {"known_on": "2099-01-01", "event": "given"}
    return rows


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def places(found: Iterable[Violation]) -> Counter[Place]:
    return Counter((one.table, one.row, one.column, one.rule) for one in found)


def test_all_are_counted_and_the_first_rows_of_each_are_listed(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "source", spoilt())
    whole = check(source, most=None)
    assert whole.count == len(whole.violations)
    counts = {(f.place, f.rule): f.count for f in whole.findings}
    assert counts["involvement.role", "value"] == 80
    assert counts["outcome.counts_other", "negative"] + counts["outcome.counts_other", "wrong_type"]
    for most in (0, 1, 5):
        report = check(source, most=most)
        assert {(f.place, f.rule): f.count for f in report.findings} == counts
        assert report.count == whole.count
        assert not report.ok
        for short, long in zip(report.findings, whole.findings, strict=True):
            assert short.examples == long.examples[:most]
            assert short.remedy == long.remedy
            rows = [example.row or 0 for example in long.examples]
            assert rows == sorted(rows)


def test_what_is_counted_is_what_taking_in_refuses(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "source", spoilt())
    reading = read(source)
    asked = Asked(reading.relations, date.today(), last_day(reading, date.today()))
    found = broken(reading, asked)
    assert places(found) == places(check(source, most=None).violations)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_the_file_holds_every_violation_row_by_row(suffix: str, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "source", spoilt())
    (source / "stray.csv").write_text("a\n", encoding="utf-8")
    file = tmp_path / "lists" / f"violations{suffix}"
    with examined(source) as records:
        written = write_list(records, file)
        whole = records.report(None)
    if suffix == ".csv":
        with file.open(encoding="utf-8", newline="") as stream:
            held = list(csv.DictReader(stream))
        for row in held:
            row["row"] = int(row["row"]) if row["row"] else None
    else:
        assert pq.read_schema(file).equals(COLUMNS)
        held = pq.read_table(file).to_pylist()
    assert [one.as_json() for one in whole.violations] == [
        {name: row[name] for name in one.as_json()}
        for one, row in zip(whole.violations, held, strict=True)
    ]
    assert len(held) == written == whole.count
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_value_that_a_spreadsheet_would_run_is_disarmed_in_csv_only(tmp_path: Path) -> None:
    values = [
        "=1+1",
        "@x",
        " +y",
        "\ufeff=z",
        "\uff1dw",
        "|x",
        "%y",
        "\ufe62z",
        "-2",
        "-2+3",
        "-cmd",
        "O'Brien",
    ]
    rows = faultless(random.Random(4), people=4, offences=len(values))
    for row, value in zip(rows["offence"], values, strict=True):
        row["grade"] = value
    source = write_csv(tmp_path / "source", rows)
    with examined(source) as records:
        write_list(records, tmp_path / "all.csv")
        write_list(records, tmp_path / "all.parquet")
    held = pq.read_table(tmp_path / "all.parquet").to_pylist()
    assert [row["value"] for row in held] == [value.strip(" ") for value in values]
    with (tmp_path / "all.csv").open(encoding="utf-8", newline="") as stream:
        shown = [row["value"] for row in csv.DictReader(stream)]
    harmless = {"-2", "O'Brien"}
    assert shown == [
        value.strip(" ") if value in harmless else f"'{value.strip(' ')}" for value in values
    ]


def test_what_was_set_aside_is_counted_and_listed_last(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "source", spoilt())
    load = ingest("folder", source, tmp_path / "load", set_aside=True)
    aside = load.set_aside()
    report = check(load.path, most=2)
    assert report.ok
    handled = [found for found in report.findings if found.severity == HANDLED]
    assert sum(found.count for found in handled) == len(aside)
    assert report.findings[-len(handled) :] == handled
    assert all(len(found.examples) <= 2 for found in handled)
    assert {example.done for found in handled for example in found.examples} == {"left out"}


def test_a_load_whose_list_was_spoilt_says_so(tmp_path: Path) -> None:
    rows = faultless(random.Random(5))
    load = ingest("folder", write_csv(tmp_path / "source", rows), tmp_path / "load")
    for spoil in (
        lambda file: file.write_bytes(b"no parquet"),
        lambda file: pq.write_table(LABELS.empty_table(), file),
        lambda file: file.unlink(),
    ):
        spoil(load.path / "set_aside.parquet")
        found = {(f.table, f.rule) for f in check(load.path).findings if f.severity == ERROR}
        assert found == {("set_aside", "file_changed"), ("set_aside", "unreadable")}


def test_rows_whose_number_is_not_their_own_are_each_counted_once(tmp_path: Path) -> None:
    """A table may come from several files, each with a row 1."""
    rows = faultless(random.Random(6))
    rows["offence"][0]["grade"] = "felony"
    reading = read(write_csv(tmp_path / "source", rows))
    reading.connection.execute("UPDATE offence SET _row = 1 + (_row - 1) % 4")
    found = broken(reading, Asked(reading.relations, date.today(), date.today()))
    assert [(one.table, one.row, one.value) for one in found] == [("offence", 1, "felony")]


def test_the_command_prints_counts_writes_files_and_exits_with_1(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "source", spoilt())
    file, page = tmp_path / "all.csv", tmp_path / "report.html"
    told = run("check", source, "--most", 2, "--all", file, "--report", page)
    assert told.exit_code == 1
    assert "error: involvement.role, rule value: 80" in told.stdout
    assert "and 78 more" in told.stdout
    assert "errors stand" in told.stdout
    assert file.is_file()
    assert page.is_file()
    assert page.with_suffix(".json").is_file()
    told = run("check", source, "--json", "--most", 3)
    data = json.loads(told.stdout)
    assert told.exit_code == 1
    assert data["ok"] is False
    assert data["count"] == sum(entry["count"] for entry in data["summary"])
    assert data["count"] > len(data["violations"])
    assert (
        Counter((v["table"], v["column"], v["rule"]) for v in data["violations"]).most_common(1)[0][
            1
        ]
        == 3
    )
    good = write_csv(tmp_path / "good", faultless(random.Random(7)))
    assert run("check", good).exit_code == 0


def test_files_of_another_kind_or_among_the_records_are_refused(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "source", spoilt())
    before = {path.name for path in source.iterdir()}
    for words in (
        ("--all", tmp_path / "all.xlsx"),
        ("--all", source / "offence.parquet"),
        ("--report", tmp_path / "report.pdf"),
        ("--report", source / "report.html"),
    ):
        told = run("check", source, *words)
        assert isinstance(told.exception, UsageError)
    assert {path.name for path in source.iterdir()} == before
    assert not list(tmp_path.glob("*.*"))


def test_huge_and_odd_values_are_told_short_and_kept_whole(tmp_path: Path) -> None:
    rows = faultless(random.Random(8))
    odd = "Zoë\u202e<b>" + "x" * 100_000
    rows["offence"][0]["grade"] = odd
    source = write_csv(tmp_path / "source", rows)
    told = run("check", source, "--all", tmp_path / "all.parquet")
    assert len(told.stdout) < 1000
    assert "\u202e" not in told.stdout
    assert pq.read_table(tmp_path / "all.parquet")["value"].to_pylist() == [odd]


def test_an_empty_table_and_an_empty_folder_are_no_trouble(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    assert [found.rule for found in check(source).findings] == [
        "empty_folder",
        *["missing_table"] * 3,
    ]
    pq.write_table(pa.table({"record_id": pa.array([], pa.string())}), source / "wanted.parquet")
    assert not check(source).ok
