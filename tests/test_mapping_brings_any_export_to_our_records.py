"""A mapping brings an export to our records: codes, defaults, zones, sources, and no code."""

from __future__ import annotations

import csv
import random
import re
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from house import ROOT
from hypothesis import example, given, settings
from hypothesis import strategies as st
from record_folders import faultless, write_csv

from features.errors import RecordsRefused, UsageError
from features.ingest import ingest
from features.loads import Load
from features.mapping import Mapping, TableMapping, read_mapping
from features.ready import Entry

HEADER = ("CRIME", "CODE", "FLAG", "DONE", "KNOWN")
COLUMNS = {
    "record_id": "CRIME",
    "reference": "CRIME",
    "offence_code": "CODE",
    "domestic": "FLAG",
    "occurred_on": "DONE",
    "known_on": "KNOWN",
}


def write_rows(file: Path, rows: list[tuple[Any, ...]], **form: Any) -> None:
    with file.open("w", encoding=form.pop("encoding", "utf-8"), newline="") as stream:
        csv.writer(stream, **form).writerows(rows)


def export(folder: Path, rows: list[tuple[Any, ...]], **form: Any) -> Path:
    """Write a folder that is faultless but for its crimes, which nobody is linked to."""
    records = faultless(random.Random(1), offences=0)
    records["involvement"] = []
    write_csv(folder, records)
    (folder / "involvement.csv").write_text(
        "record_id,offence_id,nominal_id,role,known_on\n", encoding="utf-8"
    )
    write_rows(folder / "CRIMES.csv", [form.pop("header", HEADER), *rows], **form)
    return folder


def mapped(folder: Path, offence: Any, **more: Any) -> Path:
    file = folder.parent / f"{folder.name}.yaml"
    said = {"tables": {"offence": offence}, **more}
    # escaped: as they are, PyYAML writes some separators of lines that it reads as blanks
    file.write_text(yaml.safe_dump(said), encoding="utf-8")
    return file


def taken(folder: Path, offence: Any, **more: Any) -> Load:
    options = more.pop("options", {})
    mapping = mapped(folder, offence, **more)
    return ingest("folder", folder, folder.parent / "out", mapping=mapping, **options)


def refused(folder: Path, offence: Any, **more: Any) -> list[Any]:
    with pytest.raises(RecordsRefused) as caught:
        taken(folder, offence, **more)
    assert not (folder.parent / "out").exists()
    return list(caught.value.violations)


def offences(load: Load) -> list[dict[str, Any]]:
    return list(pq.read_table(load.tables["offence"]).to_pylist())


def crimes(**more: Any) -> dict[str, Any]:
    return {"file": "CRIMES.csv", "columns": COLUMNS, **more}


# ---- codes and defaults --------------------------------------------------------------------------


def test_codes_defaults_and_null_say_what_a_value_is(tmp_path: Path) -> None:
    rows = [
        ("C1", "stalk", "J", "2021-01-01", "2021-01-02"),
        ("C2", "shop ", "N", "2021-01-01", "2021-01-02"),
        ("C3", "", "?", "2021-01-01", ""),
    ]
    source = crimes(
        codes={
            "offence_code": {"stalk": "008/65", "shop": "046/00"},
            "domestic": {"J": True, "N": False, "?": None},
        },
        defaults={"offence_code": "class/other", "known_on": date(2021, 5, 5)},
    )
    found = offences(taken(export(tmp_path / "in", rows), source))
    assert [row["offence_code"] for row in found] == ["008/65", "046/00", "class/other"]
    assert [row["domestic"] for row in found] == [True, False, None]
    assert [row["known_on"] for row in found] == [date(2021, 1, 2)] * 2 + [date(2021, 5, 5)]


def test_an_unmapped_code_is_told_with_row_value_and_the_codes_there_are(tmp_path: Path) -> None:
    rows = [
        ("C1", "stalk", "J", "2021-01-01", "2021-01-02"),
        ("C2", "Stalk", "X", "2021-01-01", "2021-01-02"),
    ]
    source = crimes(
        codes={"offence_code": {"stalk": "008/65"}, "domestic": {"J": True, "N": False}}
    )
    folder = export(tmp_path / "in", rows)
    found = refused(folder, source)
    assert {(v.table, v.row, v.column, v.value, v.rule) for v in found} == {
        ("offence", 2, "offence_code", "Stalk", "unmapped_code"),
        ("offence", 2, "domestic", "X", "unmapped_code"),
    }
    assert any("J, N" in str(v) for v in found)
    source["otherwise"] = {"offence_code": "class/other", "domestic": None}
    kept = offences(taken(folder, source))[1]
    assert (kept["offence_code"], kept["domestic"]) == ("class/other", None)


def test_rows_with_unmapped_codes_can_be_set_aside(tmp_path: Path) -> None:
    rows = [(f"C{n}", code, "", "2021-01-01", "2021-01-02") for n, code in enumerate("aXaX")]
    source = crimes(codes={"offence_code": {"a": "008/65"}})
    load = taken(export(tmp_path / "in", rows), source, options={"set_aside": True})
    assert [row["record_id"] for row in offences(load)] == ["C0", "C2"]
    aside = load.set_aside()
    assert list(aside[aside["rule"] == "unmapped_code"]["row"]) == [2, 4]


def test_a_required_column_made_empty_by_its_codes_is_told_as_empty(tmp_path: Path) -> None:
    rows = [("C1", "none", "", "2021-01-01", "2021-01-02")]
    found = refused(export(tmp_path / "in", rows), crimes(codes={"offence_code": {"none": None}}))
    assert [(v.column, v.rule) for v in found] == [("offence_code", "empty")]


# ---- dates and zones -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2026-03-29T23:30:00Z", date(2026, 3, 30)),  # summer time began that day
        ("2026-03-29T22:30:00Z", date(2026, 3, 29)),
        ("2026-03-28T23:30:00Z", date(2026, 3, 28)),
        ("2025-12-31T23:30:00Z", date(2025, 12, 31)),
        ("2025-12-31T23:30Z", date(2025, 12, 31)),
        ("2026-07-01 23:30:00.123+00:00", date(2026, 7, 2)),
        ("2026-07-01T00:30+0200", date(2026, 6, 30)),
        ("2026-07-01", date(2026, 7, 1)),
        ("2026-07-01Z", date(2026, 7, 1)),
        ("2026-07-01 23:30:00", date(2026, 7, 1)),  # the force's own time
    ],
)
def test_a_moment_is_the_day_it_was_in_the_forces_zone(
    written: str, day: date, tmp_path: Path
) -> None:
    rows = [("C1", "008/65", "", written, "2026-09-01")]
    folder = export(tmp_path / "in", rows)
    load = taken(folder, crimes(), timezone="Europe/London")
    assert offences(load)[0]["occurred_on"] == day


def test_times_without_a_zone_are_taken_as_the_mapping_says(tmp_path: Path) -> None:
    rows = [("C1", "008/65", "", "2026-07-01 23:30", "2026-07-01 23:30")]
    folder = export(tmp_path / "in", rows)
    source = crimes(timestamps_in={"known_on": "UTC"})
    found = offences(taken(folder, source, timezone="Europe/London"))[0]
    assert (found["occurred_on"], found["known_on"]) == (date(2026, 7, 1), date(2026, 7, 2))


def test_without_a_zone_a_moment_is_the_day_it_is_written_on(tmp_path: Path) -> None:
    rows = [("C1", "008/65", "", "2026-07-01T23:30:00Z", "2026-07-02")]
    assert offences(taken(export(tmp_path / "in", rows), crimes()))[0]["occurred_on"] == date(
        2026, 7, 1
    )


@settings(max_examples=12)
@given(
    moments=st.lists(
        st.datetimes(datetime(1990, 1, 1), datetime(2025, 12, 31), timezones=st.just(UTC)),
        min_size=1,
        max_size=20,
    ),
    zone=st.sampled_from(["Europe/London", "UTC", "America/New_York", "Asia/Kolkata"]),
    form=st.sampled_from(["text", "zoned", "naive", "stated"]),
)
def test_days_agree_with_pythons_own_zones(moments: list[datetime], zone: str, form: str) -> None:
    moments = [moment.replace(microsecond=0) for moment in moments]
    with tempfile.TemporaryDirectory() as place:
        folder = export(Path(place) / "in", [])
        (folder / "CRIMES.csv").unlink()
        kinds = {"zoned": pa.timestamp("us", tz="UTC"), "naive": pa.timestamp("us")}
        if form in kinds:
            done = pa.array([m.replace(tzinfo=None) for m in moments], kinds["naive"])
            done = done.cast(kinds[form])
        else:
            pattern = "%Y-%m-%dT%H:%M:%S%z" if form == "text" else "%d/%m/%Y %H:%M:%S %z"
            done = pa.array([m.strftime(pattern) for m in moments])
        ids = [f"C{n:02d}" for n in range(len(moments))]
        table = {
            "CRIME": ids,
            "CODE": ["008/65"] * len(ids),
            "FLAG": ["no"] * len(ids),
            "DONE": done,
            "KNOWN": pa.array([date(2026, 1, 2)] * len(ids)),
        }
        pq.write_table(pa.table(table), folder / "CRIMES.parquet")
        source = {"file": "CRIMES.parquet", "columns": COLUMNS, "timestamps_in": "UTC"}
        if form == "stated":
            source["date_format"] = {"occurred_on": "%d/%m/%Y %H:%M:%S %z"}
        found = offences(taken(folder, source, timezone=zone))
    there = ZoneInfo(zone)
    assert [row["occurred_on"] for row in found] == [m.astimezone(there).date() for m in moments]


def test_a_day_that_does_not_exist_is_told_as_such(tmp_path: Path) -> None:
    rows = [
        ("C1", "008/65", "", "31/02/1980", "2021-01-02"),
        ("C2", "008/65", "", "28/02/1980", "2021-01-02"),
    ]
    folder = export(tmp_path / "in", rows)
    (told,) = refused(folder, crimes(date_format={"occurred_on": "%d/%m/%Y"}))
    assert (told.row, told.column, told.value, told.rule) == (
        1,
        "occurred_on",
        "31/02/1980",
        "no_such_date",
    )
    assert "no such date as %d/%m/%Y describes" in str(told)


def test_columns_may_each_have_a_date_format(tmp_path: Path) -> None:
    rows = [("C1", "008/65", "", "03/04/2021", "20210405")]
    formats = {"occurred_on": "%d/%m/%Y", "known_on": "%Y%m%d"}
    (found,) = offences(taken(export(tmp_path / "in", rows), crimes(date_format=formats)))
    assert (found["occurred_on"], found["known_on"]) == (date(2021, 4, 3), date(2021, 4, 5))


# ---- several sources -----------------------------------------------------------------------------


def linked(folder: Path, links: list[tuple[str, str, str, str]]) -> Path:
    export(folder, [(f"C{n}", "008/65", "", "2021-01-01", "2021-01-02") for n in range(3)])
    (folder / "involvement.csv").unlink()
    write_rows(folder / "LINKS.csv", [("ID", "CRIME", "WHO", "AS"), *links])
    write_rows(folder / "MORE.csv", [("ID", "CRIME", "WHO", "AS"), ("M1", "C0", "N1", "x")])
    return folder


LINK = {"record_id": "ID", "offence_id": "CRIME", "nominal_id": "WHO"}


def linkings(folder: Path, **first: Any) -> Path:
    base = {"file": "LINKS.csv", "columns": LINK, "constants": {"known_on": date(2022, 1, 1)}}
    constant = {"known_on": date(2022, 1, 1)}
    sources = [
        base | {"only": {"AS": ["SUSP"]}, "constants": constant | {"role": "suspect"}} | first,
        base | {"only": {"AS": ["AGGR", "IP"]}, "constants": constant | {"role": "victim"}},
        base | {"file": "MORE.csv", "constants": constant | {"role": "witness"}},
    ]
    said = {"tables": {"offence": crimes(), "involvement": sources}}
    file = folder.parent / "links.yaml"
    file.write_text(yaml.safe_dump(said), encoding="utf-8")
    return file


def test_one_file_feeds_a_table_twice_and_two_files_feed_one_table(tmp_path: Path) -> None:
    links = [("L1", "C0", "N0", "SUSP"), ("L2", "C0", "N1", "AGGR"), ("L3", "C1", "N2", "IP")]
    folder = linked(tmp_path / "in", [*links, ("L4", "C1", "N3", "DOG")])
    load = ingest("folder", folder, tmp_path / "out", mapping=linkings(folder))
    found = pq.read_table(load.tables["involvement"]).to_pylist()
    assert {(row["record_id"], row["role"]) for row in found} == {
        ("L1", "suspect"),
        ("L2", "victim"),
        ("L3", "victim"),
        ("M1", "witness"),
    }
    aside = load.set_aside()
    (unused,) = aside[aside["rule"] == "unused_rows"].to_dict("records")
    assert unused["table"] == "LINKS.csv"
    assert "1 of them" in unused["problem"]


def test_a_fault_names_the_file_and_its_row_there(tmp_path: Path) -> None:
    links = [("L1", "C0", "N0", "SUSP"), ("L2", "C0", "nobody", "AGGR"), ("L3", "C9", "N2", "SUSP")]
    folder = linked(tmp_path / "in", links)
    with pytest.raises(RecordsRefused) as caught:
        ingest("folder", folder, tmp_path / "out", mapping=linkings(folder))
    assert {(v.table, v.row, v.value) for v in caught.value.violations} == {
        ("involvement from LINKS.csv", 3, "C9"),
        ("involvement from LINKS.csv", 2, "nobody"),
    }


def test_a_choice_of_rows_that_finds_none_is_told(tmp_path: Path) -> None:
    folder = linked(tmp_path / "in", [("L1", "C0", "N0", "AGGR")])
    load = ingest("folder", folder, tmp_path / "out", mapping=linkings(folder))
    assert "only_finds_nothing" in set(load.set_aside()["rule"])


def test_a_column_to_choose_by_that_is_not_there_is_refused(tmp_path: Path) -> None:
    folder = linked(tmp_path / "in", [("L1", "C0", "N0", "SUSP")])
    mapping = linkings(folder, only={"ROLE": ["SUSP"]})
    with pytest.raises(RecordsRefused, match="ROLE is missing"):
        ingest("folder", folder, tmp_path / "out", mapping=mapping)


# ---- nothing in a mapping is run -----------------------------------------------------------------

HOSTILE = st.text(
    st.sampled_from(list("abé'\"\\;-/*%${}[]()=\n\t,. "))
    | st.characters(codec="utf-8", exclude_characters="\0\r"),
    min_size=1,
    max_size=24,
).filter(lambda text: text.strip() == text and not text.isspace())


@settings(max_examples=25)
@example(column="a\x85a", code="b\u2028b", value="c\x85c", chosen="d\u2029d")
@given(
    column=HOSTILE | st.just('x"; DROP TABLE offence; --'),
    code=HOSTILE | st.just("'); DROP TABLE offence; --"),
    value=HOSTILE | st.just("a' OR 1=1 --"),
    chosen=HOSTILE,
)
def test_names_codes_and_values_are_only_ever_data(
    column: str, code: str, value: str, chosen: str
) -> None:
    names = ["ID", "KNOWN", "PICK", column]
    if len({name.casefold() for name in names}) < 4 or column.casefold() in (
        "_row",
        "file_row_number",
    ):
        return
    with tempfile.TemporaryDirectory() as place:
        folder = export(Path(place) / "in", [])
        (folder / "CRIMES.csv").unlink()
        rows = {"ID": ["A", "B"], "KNOWN": ["2021-01-02"] * 2, "PICK": [chosen, "no" + chosen]}
        rows[column] = [code, "other"]
        pq.write_table(pa.table(rows), folder / "CRIMES.parquet")
        source = {
            "file": "CRIMES.parquet",
            "columns": {"record_id": "ID", "known_on": "KNOWN", "offence_code": column},
            "constants": {"reference": value},
            "codes": {"offence_code": {code: value}},
            "only": {"PICK": [chosen]},
        }
        (found,) = offences(taken(folder, source))
    assert (found["record_id"], found["reference"], found["offence_code"]) == ("A", value, value)


def test_a_file_outside_the_folder_cannot_be_named(tmp_path: Path) -> None:
    folder = export(tmp_path / "in", [])
    for name in ("../secret.csv", "/etc/passwd", "a/../../b.csv"):
        with pytest.raises(UsageError, match="no name of a file in the folder"):
            taken(folder, crimes(file=name))


def test_everything_wrong_with_a_mapping_is_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "mapping.yaml"
    file.write_text(
        """
timezone: Europe/Londn
colour: blue
tables:
  offense: {}
  offence:
    - columns: {hue: C, load: L}
      codes: {grade: {S: summry}, known_on: {x: "2020-01-01"}}
      constants: {domestic: perhaps, area: 5}
    - file: ../x.csv
      date_format: {known_on: "%q"}
      separator: ";;"
      encoding: klingon
  bail: {codes: {conditions: {1: "yes"}}, only: {A: []}}
""",
        encoding="utf-8",
    )
    with pytest.raises(UsageError) as caught:
        read_mapping(file)
    said = str(caught.value)
    for part in (
        "Europe/Londn",
        "colour",
        "offense",
        "offence.1.columns: table 'offence' has no column hue",
        "column load",
        "'summry' is none of indictable, summary, other",
        "known_on is a date and takes no codes",
        "'perhaps' is no boolean",
        "5 is no text; put it in quotes",
        "offence.2.file",
        "%q",
        "';;'",
        "klingon",
        "bail.codes.conditions.1",
        "bail.only.A",
    ):
        assert part in said, part
    assert "Value error" not in said
    assert "function-" not in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tables: {offence: {}, offence: {}}", "offence: there twice; join the two"),
        ("tables: {offence: {codes: {grade: {S: summary, S: other}}}}", "S: there twice"),
        ("tables: {offence: {timestamps_in: UTC}}", "timestamps_in needs timezone"),
        ("date_format: '%d/%m'", "does not name day, month and year"),
        ("date_format: '%d/%m/%Y %H:%M %z'", "needs timezone"),
        ("tables: {offence: {file: a.csv, table: b}}", "not both"),
        ("tables: {offence: {otherwise: {grade: other}}}", "grade has no codes"),
        ("tables: {offence: []}", "names no source"),
        ("tables: {offence: 5}", "dictionary"),
        ("tables: {bail: {constants: {conditions: yes}}}", "put it in quotes"),
        ("tables: {offence: {sql: 'SELECT 1'}}", "sql"),
        ("encoding: base64", "'base64' is no encoding"),
    ],
)
def test_each_fault_of_a_mapping_is_told_in_words(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "mapping.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        read_mapping(file)
    assert said in str(caught.value)


# ---- files as they come --------------------------------------------------------------------------

ROW = ("C1", "008/65", "", "2021-01-01", "2021-01-02")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_a_stated_encoding_and_separator_are_read(encoding: str, tmp_path: Path) -> None:
    header = ("CRIMÉ", *HEADER[1:])
    folder = export(tmp_path / "in", [ROW], header=header, encoding=encoding, delimiter=";")
    source = crimes(separator=";", encoding=encoding)
    source["columns"] = COLUMNS | {"record_id": "CRIMÉ", "reference": "CRIMÉ"}
    assert offences(taken(folder, source))[0]["record_id"] == "C1"


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"delimiter": ";"}, "holds no ',' but ';'. State the separator in the mapping."),
        ({"delimiter": "\t"}, "State the separator"),
        ({"encoding": "cp1252", "header": ("CRIMÉ", *HEADER[1:])}, "State its encoding"),
        ({"encoding": "utf-16"}, "such as cp1252 or utf-16."),
        ({"header": ("CRIME", "crime", "FLAG", "DONE", "KNOWN")}, "columns named twice"),
        ({"header": ("_ROW", *HEADER[1:])}, "rename it"),
    ],
)
def test_a_file_in_another_form_says_what_to_state(
    form: dict[str, Any], said: str, tmp_path: Path
) -> None:
    (told,) = refused(export(tmp_path / "in", [ROW], **form), crimes())
    assert told.rule == "unreadable"
    assert said in str(told)


def test_wrong_letters_in_a_row_say_what_to_state(tmp_path: Path) -> None:
    rows = [("Cé", *ROW[1:])]
    (told,) = refused(export(tmp_path / "in", rows, encoding="cp1252"), crimes())
    assert "State its encoding in the mapping" in str(told)


def test_an_unreadable_row_is_not_repeated(tmp_path: Path) -> None:
    folder = export(tmp_path / "in", [ROW, (*ROW, "John Smith")])
    (told,) = refused(folder, crimes())
    assert "row 2: Expected 5 columns, got 6. Put quotation marks" in str(told)
    assert "Smith" not in str(told)


def test_what_a_mapping_names_and_is_not_there_is_told_with_its_file(tmp_path: Path) -> None:
    folder = export(tmp_path / "in", [ROW], header=("NUMBER", *HEADER[1:]))
    (told,) = refused(folder, crimes())
    assert "offence from CRIMES.csv: CRIME is missing. " in str(told)
    (folder / "CRIMES.csv").unlink()
    (told,) = refused(folder, crimes())
    assert "'CRIMES.csv' is missing. Add it, or correct its name in the mapping." in str(told)


def test_empty_files_are_told(tmp_path: Path) -> None:
    folder = export(tmp_path / "in", [ROW])
    (folder / "CRIMES.csv").write_bytes(b"")
    (told,) = refused(folder, crimes())
    assert told.rule == "unreadable"
    (folder / "CRIMES.csv").write_text(",".join(HEADER) + "\n", encoding="utf-8")
    assert offences(taken(folder, crimes())) == []


def test_text_files_by_other_names_and_patterns_in_names_are_read(tmp_path: Path) -> None:
    folder = export(tmp_path / "in [1]", [ROW])
    (folder / "CRIMES.csv").rename(folder / "CRIMES*.TXT")
    assert len(offences(taken(folder, crimes(file="CRIMES*.TXT")))) == 1


def test_the_page_on_mappings_tells_every_key_and_its_example_is_one(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "mapping.md").read_text(encoding="utf-8")
    told = {
        key
        for row in re.findall(r"^\| (`.+?) \|", page, re.MULTILINE)
        for key in re.findall(r"`(\w+)`", row)
    }
    assert told == {*Mapping.model_fields, *TableMapping.model_fields}
    first, ready = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "shown.yaml").write_text(first, encoding="utf-8")
    assert len(read_mapping(tmp_path / "shown.yaml").sources("involvement")) == 2
    for entry in yaml.safe_load(ready).values():
        assert Entry.model_validate(entry).reason
