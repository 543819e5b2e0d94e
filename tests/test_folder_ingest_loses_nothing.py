"""A folder taken in holds what the source held, however the source was written."""

from __future__ import annotations

import csv
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from house import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from record_folders import Rows, faultless, write_csv

from features.check import check
from features.errors import Conflict, RecordsRefused, UsageError
from features.ingest import ingest
from features.labels import provided_labels
from features.loads import LABELS, open_load, write_load
from features.question import Provided
from features.records import TABLES
from features.unfinished import unfinished_folder


def meant(text: str, kind: str) -> object:
    """Return what a field of a faultless folder means."""
    if text == "":
        return None
    if kind == "date":
        return date.fromisoformat(text)
    return {"string": str, "int64": int, "boolean": lambda t: t == "true"}[kind](text)


def held(rows: Rows, name: str) -> list[dict[str, object]]:
    contract = TABLES[name]
    records = [
        {c.name: meant(row[c.name], c.type) for c in contract.columns if c.name != "load"}
        | {"load": 1}
        for row in rows[name]
    ]
    first = "nominal_id" if "nominal_id" in contract else "record_id"
    return sorted(records, key=lambda r: (r[first], r["record_id"], r["known_on"]))


def same(rows: Rows, path: Path) -> None:
    load = open_load(path)
    for name in TABLES:
        assert pq.read_table(load.tables[name]).to_pylist() == held(rows, name)


def write_parquet(folder: Path, rows: Rows, timestamps: bool) -> Path:
    folder.mkdir(parents=True)
    for name, contract in TABLES.items():
        columns = {}
        for column in contract.columns[:-1]:
            values = [meant(row[column.name], column.type) for row in rows[name]]
            if column.type == "date" and timestamps:
                values = [v and datetime(v.year, v.month, v.day, 23, 59) for v in values]
                columns[column.name] = pa.array(values, pa.timestamp("us"))
            else:
                kind = contract.schema().to_pyarrow().field(column.name).type
                kind = pa.int32() if kind == pa.int64() else kind
                columns[column.name] = pa.array(values, kind)
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    return folder


@settings(max_examples=5)
@given(seed=st.integers(0, 10**6), form=st.sampled_from(["csv", "dates", "timestamps"]))
def test_every_row_and_value_arrives(seed: int, form: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rows = faultless(random.Random(seed))
        source, out = Path(folder) / "source", Path(folder) / "out"
        if form == "csv":
            write_csv(source, rows)
        else:
            write_parquet(source, rows, form == "timestamps")
        ingest("folder", source, out)
        same(rows, out)
        assert check(out).violations == []


def test_the_last_day_is_the_last_on_which_anything_was_known(tmp_path: Path) -> None:
    rows = faultless(random.Random(1))
    load = ingest("folder", write_csv(tmp_path / "source", rows), tmp_path / "out")
    last = max(row["known_on"] for records in rows.values() for row in records)
    assert load.data_to.isoformat() == last
    assert (load.default_as_of - load.data_to).days == 1


def test_a_load_taken_in_again_is_the_same_load(tmp_path: Path) -> None:
    rows = faultless(random.Random(2))
    first = ingest("folder", write_csv(tmp_path / "source", rows), tmp_path / "first")
    again = ingest("folder", first.path, tmp_path / "again")
    assert again.fingerprint == first.fingerprint
    assert again.data_to == first.data_to
    assert not again.synthetic


def test_labels_notes_and_made_up_people_stay_what_they_are(tmp_path: Path) -> None:
    rows = faultless(random.Random(3))
    tables = {
        name: pq.read_table(file)
        for name, file in ingest(
            "folder", write_csv(tmp_path / "source", rows), tmp_path / "first"
        ).tables.items()
    }
    label = {"nominal_id": "N1", "as_of_date": date(2022, 1, 1), "outcome": "any", "label": 1}
    labels = pa.Table.from_pylist([label], schema=LABELS)
    made = write_load(
        tmp_path / "made",
        tables,
        kind="synthetic",
        data_to=date(2024, 1, 1),
        synthetic=True,
        labels=labels,
        spine=labels.select(["nominal_id", "as_of_date"]),
        notes=["made up"],
    )
    again = ingest("folder", made.path, tmp_path / "again")
    assert again.synthetic
    assert again.data_to == date(2024, 1, 1)
    assert again.fingerprint == made.fingerprint
    for name in ("labels", "spine"):
        kept = pq.read_table(again.path / f"{name}.parquet").to_pylist()
        assert kept == pq.read_table(made.path / f"{name}.parquet").to_pylist()


def test_labels_that_cannot_be_used_are_refused_and_not_dropped(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "source", faultless(random.Random(4)))
    pq.write_table(pa.table({"nominal_id": ["N1"], "label": [1]}), source / "labels.parquet")
    with pytest.raises(RecordsRefused) as refused:
        ingest("folder", source, tmp_path / "out")
    missing = {v.column for v in refused.value.violations if v.table == "labels"}
    assert missing == {"as_of_date", "outcome"}


def test_two_labels_for_one_person_and_date_are_refused_in_words(tmp_path: Path) -> None:
    label = {"nominal_id": "N1", "as_of_date": date(2022, 1, 1), "outcome": "any"}
    twice = pa.Table.from_pylist([label | {"label": 0}, label | {"label": 1}], schema=LABELS)
    terms = {"kind": "folder", "data_to": date(2024, 1, 1), "synthetic": True, "labels": twice}
    made = write_load(tmp_path / "made", {}, **terms)
    with pytest.raises(RecordsRefused, match="there twice, the first one N1 on 2022-01-01"):
        provided_labels(made, Provided(provided="any"))


def test_a_mapping_names_files_columns_constants_and_dates(tmp_path: Path) -> None:
    rows = faultless(random.Random(5))
    source = write_csv(tmp_path / "source", rows)
    strange = source / "CRIMES.csv"
    with strange.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["Crime No", "HO code", "From", 'Day "known"', "Ref"])
        for row in rows["offence"]:
            days = (
                f"{date.fromisoformat(row[name]):%d/%m/%Y}" for name in ("occurred_on", "known_on")
            )
            writer.writerow([row["record_id"], row["offence_code"], *days, row["reference"]])
            row.update(dict.fromkeys(set(row) - _MAPPED, ""), grade="summary", domestic="")
    (source / "offence.csv").unlink()
    mapping = tmp_path / "mapping.yaml"
    table = {
        "file": "CRIMES.csv",
        "columns": {
            "record_id": "Crime No",
            "offence_code": "HO code",
            "occurred_on": "From",
            "known_on": 'Day "known"',
            "reference": "Ref",
        },
        "constants": {"grade": "summary"},
        "date_format": "%d/%m/%Y",
    }
    mapping.write_text(yaml.safe_dump({"tables": {"offence": table}}), encoding="utf-8")
    assert check(source, mapping=mapping).violations == []
    ingest("folder", source, tmp_path / "out", mapping=mapping)
    same(rows, tmp_path / "out")


_MAPPED = {"record_id", "offence_code", "occurred_on", "known_on", "reference"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tables: {offense: {}}", "offense"),
        ("tables: {offence: {rows: 3}}", "rows"),
        ("tables: {offence: {columns: {colour: COLOUR}}}", "colour"),
        ("tables: {offence: {columns: {grade: G}, constants: {grade: summary}}}", "grade"),
        ("kind: folder", "kind"),
        ("tables: [", "mapping.yaml"),
    ],
)
def test_a_mapping_with_what_we_do_not_know_is_refused(
    text: str, said: str, tmp_path: Path
) -> None:
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(text, encoding="utf-8")
    source = write_csv(tmp_path / "source", faultless(random.Random(6)))
    with pytest.raises(UsageError, match=said):
        ingest("folder", source, tmp_path / "out", mapping=mapping)
    assert not (tmp_path / "out").exists()


def test_a_mapping_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        ingest("folder", tmp_path, tmp_path / "out", mapping=tmp_path / "none.yaml")


def test_a_column_we_do_not_know_is_not_lost_in_silence(tmp_path: Path) -> None:
    rows = faultless(random.Random(7))
    for row in rows["offence"]:
        row["officer"] = "x"
    load = ingest("folder", write_csv(tmp_path / "source", rows), tmp_path / "out")
    (told,) = load.set_aside().to_dict("records")
    assert (told["table"], told["column"], told["rule"]) == ("offence", "officer", "unused_column")


@pytest.mark.parametrize("called", ["bail.CSV", "Bail.csv", "bail.xlsx", "labels.csv"])
def test_a_file_that_is_nearly_a_table_is_not_lost_in_silence(called: str, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "source", faultless(random.Random(5)))
    (source / "bail.csv").rename(source / called)
    found = check(source)
    assert [(v.table, v.rule) for v in found.violations] == [(called, "unused_file")]
    aside = ingest("folder", source, tmp_path / "out").set_aside()
    assert aside[["table", "done"]].to_numpy().tolist() == [[called, "not used"]]


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda file: file.symlink_to("nowhere")])
def test_what_is_no_file_is_refused_under_the_name_of_a_table(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    source = write_csv(tmp_path / "source", faultless(random.Random(5)))
    (source / "bail.csv").unlink()
    make(source / "bail.csv")
    with pytest.raises(RecordsRefused, match=r"'bail\.csv' cannot be read: it is no file"):
        ingest("folder", source, tmp_path / "out")


def test_text_with_commas_quotes_lines_and_accents_arrives(tmp_path: Path) -> None:
    rows = faultless(random.Random(8))
    rows["wanted"][0]["reason"] = 'recall, "urgent"\nsee José'
    ingest("folder", write_csv(tmp_path / "source", rows), tmp_path / "out")
    same(rows, tmp_path / "out")


def test_paths_may_hold_quotes_and_spaces(tmp_path: Path) -> None:
    rows = faultless(random.Random(9))
    source = write_csv(tmp_path / "the force's own" / "source", rows)
    load = ingest("folder", source, tmp_path / "the force's load")
    assert load.connect().table("offence").count().execute() == len(rows["offence"])
    assert check(load.path).ok


@pytest.mark.parametrize("place", ["known_on=2019-01-01/load=7", "a[1]/b*/c?", "it's"])
def test_the_name_of_a_folder_is_no_pattern_and_no_column(place: str, tmp_path: Path) -> None:
    rows = faultless(random.Random(6))
    plain = ingest("folder", write_csv(tmp_path / "source", rows), tmp_path / "plain")
    there = tmp_path / place
    load = ingest("folder", write_parquet(there / "in", rows, False), there / "out")
    assert load.fingerprint == plain.fingerprint
    assert check(load.path).ok
    for name in TABLES:
        found = load.connect().table(name).to_pyarrow().to_pylist()
        assert found == pq.read_table(plain.tables[name]).to_pylist()


def test_what_was_taken_in_is_told_by_table(tmp_path: Path) -> None:
    rows = faultless(random.Random(10))
    source = write_csv(tmp_path / "source", rows)
    links = source / "involvement.csv"
    links.write_text(links.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    command = [sys.executable, str(ROOT / "precursor.py"), "ingest", "folder", str(source)]
    done = subprocess.run(
        [*command, str(tmp_path / "out")], capture_output=True, text=True, timeout=120, check=True
    )
    assert f"nominal {len(rows['nominal'])}, " in done.stdout
    assert "involvement 0, " in done.stdout
    assert "nothing was set aside" in done.stdout
    early = ["--data-to", "2020-02-01", "--set-aside"]
    done = subprocess.run(
        [*command, str(tmp_path / "early"), *early], capture_output=True, text=True, check=True
    )
    assert "Nothing is left of offence, involvement: nobody can be scored from this" in done.stdout


def test_two_who_write_to_one_place_do_not_mix_their_files(tmp_path: Path) -> None:
    source, out = write_csv(tmp_path / "source", faultless(random.Random(6))), tmp_path / "out"
    with unfinished_folder(out) as part:
        (part / "offence.parquet").write_text("half of one")
        with pytest.raises(Conflict, match="another process"):
            ingest("folder", source, out)
        assert (part / "offence.parquet").read_text() == "half of one"
    assert check(ingest("folder", source, out).path).ok
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out", "source"]


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    source, out = write_csv(tmp_path / "source", faultless(random.Random(6))), tmp_path / "out"
    left = (
        "import os, sys, pathlib; from features.unfinished import unfinished_folder\n"
        "with unfinished_folder(pathlib.Path(sys.argv[1])) as part:\n"
        "    (part / 'offence.parquet').write_text('half'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", left, str(out)], cwd=ROOT, check=False)
    assert len(list(tmp_path.iterdir())) == 2
    assert check(ingest("folder", source, out).path).ok
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out", "source"]


def test_a_folder_of_a_like_name_is_left_as_it_is(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "records.part", faultless(random.Random(6)))
    ingest("folder", source, tmp_path / "records")
    assert (source / "offence.csv").is_file()


def test_a_write_that_fails_leaves_nothing_that_looks_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_csv(tmp_path / "source", faultless(random.Random(10)))
    written: list[pa.Table] = []
    real = pq.ParquetWriter.write_table

    def fail(writer: pq.ParquetWriter, table: pa.Table, **options: object) -> None:
        written.append(table)
        if len(written) == 5:
            raise OSError("no space left on device")
        real(writer, table, **options)

    monkeypatch.setattr(pq.ParquetWriter, "write_table", fail)
    with pytest.raises(OSError, match="no space left"):
        ingest("folder", source, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_the_same_records_are_the_same_bytes(tmp_path: Path) -> None:
    rows = faultless(random.Random(11))
    first = ingest("folder", write_csv(tmp_path / "a", rows), tmp_path / "one")
    for records in rows.values():
        random.Random(12).shuffle(records)
    second = ingest("folder", write_csv(tmp_path / "b", rows), tmp_path / "two")
    for name in TABLES:
        assert first.tables[name].read_bytes() == second.tables[name].read_bytes()
    assert first.fingerprint == second.fingerprint


def test_a_table_written_without_what_it_needs_is_refused_whole(tmp_path: Path) -> None:
    bad = {
        "offence": pa.table({"record_id": ["a"], "known_on": ["2020-01-01"]}),
        "custody": pa.table({"event": [None]}),
    }
    with pytest.raises(RecordsRefused) as refused:
        write_load(tmp_path / "out", bad, kind="folder", data_to=date(2020, 1, 1), synthetic=False)
    said = "\n".join(map(str, refused.value.violations))
    assert "offence: column 'reference' is missing" in said
    assert "custody: column 'nominal_id' is missing" in said
    assert not any(tmp_path.iterdir())
    with pytest.raises(UsageError, match="crime"):
        write_load(
            tmp_path / "out",
            {"crime": bad["offence"]},
            kind="folder",
            data_to=date(2020, 1, 1),
            synthetic=False,
        )
