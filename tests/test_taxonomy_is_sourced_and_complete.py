"""The taxonomy: every code once, every weight and list resolved, every file with a source."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml
from pyarrow import csv

from features.errors import NotFound, RecordsRefused
from features.sources import OFFENCE_MARKS
from features.taxonomy import (
    HARM_WORDS,
    MARKS,
    harm_name,
    harm_words,
    strands,
    taxonomy,
)

DATA = files("features") / "data"


@pytest.fixture(scope="module")
def codes() -> dict[str, dict[str, object]]:
    return {row["offence_code"]: row for row in taxonomy().to_pylist()}


def test_every_data_file_names_its_source_licence_and_changes() -> None:
    said = yaml.safe_load((DATA / "sources.yaml").read_text(encoding="utf-8"))
    held = {file.name for file in DATA.iterdir() if file.name.endswith(".csv")}
    assert set(said) == held
    for about in said.values():
        assert set(about) == {"source", "licence", "changed"}
        assert all(about.values())


def test_every_code_stands_once_with_a_description_and_a_mark(codes: dict) -> None:
    assert len(codes) == taxonomy().num_rows
    for code, row in codes.items():
        assert row["description"], code
        assert any(row[mark] for mark in MARKS), code


def test_other_is_the_mark_of_those_that_have_no_other_mark(codes: dict) -> None:
    for code, row in codes.items():
        assert row["other"] == (not any(row[mark] for mark in MARKS if mark != "other")), code


def test_every_subgroup_has_a_weight_and_no_subgroup_means_no_harm(codes: dict) -> None:
    for code, row in codes.items():
        assert (row["harm"] == 0) == (row["subgroup"] == ""), code


def test_all_high_harm_codes_exist(codes: dict) -> None:
    listed = csv.read_csv(str(DATA / "high-harm-v1.csv"))["offence_code"].to_pylist()
    assert len(set(listed)) == len(listed)
    assert set(listed) <= set(codes)
    assert {code for code, row in codes.items() if row["high_harm"]} == set(listed)


@pytest.mark.parametrize(
    ("code", "marks", "high_harm"),
    [
        ("001/01", {"violence", "injury", "homicide"}, True),
        ("002/00", {"violence", "injury"}, True),
        ("003/01", {"violence", "threats"}, True),
        ("005/01", {"violence", "injury"}, True),
        ("008/06", {"violence", "injury"}, False),
        ("008/30", {"harassment", "threats"}, False),
        ("008/65", {"stalking", "threats"}, False),
        ("195/12", {"stalking"}, False),
        ("195/94", {"harassment"}, False),
        ("195/41", {"harassment"}, False),
        ("008/67", {"coercive_control"}, False),
        ("008/77", {"violence", "injury"}, True),
        ("066/39", {"order_breach"}, False),
        ("008/74", {"stalking", "order_breach"}, False),
        ("019/08", {"sexual"}, True),
        ("020/05", {"sexual"}, False),
        ("036/03", {"violence", "kidnap"}, True),
        ("056/01", {"damage"}, True),
        ("056/02", {"damage"}, False),
        ("105/01", {"violence"}, False),
        ("034/01", {"robbery"}, False),
        ("046/00", {"theft"}, False),
        ("class/violence_with_injury", {"violence", "injury"}, False),
        ("class/violence_with_injury_high", {"violence", "injury"}, True),
    ],
)
def test_reviewed_codes_mean_what_they_say(
    codes: dict, code: str, marks: set[str], high_harm: bool
) -> None:
    assert {mark for mark in MARKS if codes[code][mark]} == marks
    assert codes[code]["high_harm"] == high_harm


def test_high_harm_is_a_list_and_no_cut_on_a_weight(codes: dict) -> None:
    weights = [row["harm"] for row in codes.values() if row["high_harm"]]
    heavier = [row for row in codes.values() if not row["high_harm"] and row["harm"] > min(weights)]
    assert heavier


def test_consensual_acts_between_men_are_no_sexual_offending(codes: dict) -> None:
    for code in ("016/16", "018/00", "018/09", "024/13", "027/00"):
        assert codes[code]["harm"] == 0
        assert not codes[code]["sexual"]
        assert not codes[code]["high_harm"]


def test_strands_refer_to_marks_and_codes_that_exist(codes: dict) -> None:
    for strand in strands().values():
        assert strand.of in ("", *OFFENCE_MARKS)
        assert set(strand.codes) <= set(codes)
        assert strand.words
    assert {name for name, strand in strands().items() if not strand.default} == {
        "honour_based_abuse",
        "female_genital_mutilation",
        "forced_marriage",
    }


def test_a_version_that_does_not_exist_is_answered_with_those_that_do() -> None:
    with pytest.raises(NotFound, match="harm-v1"):
        taxonomy(harm="harm-v0")


def test_the_types_are_those_the_histories_are_built_on() -> None:
    schema = taxonomy().schema
    assert schema.field("harm").type == pa.int64()
    assert all(schema.field(name).type == pa.bool_() for name in ("high_harm", *MARKS))


@pytest.mark.real
def test_all_home_office_codes_of_the_published_list_are_covered(real_data: Path) -> None:
    published = csv.read_csv(str(real_data / "uk" / "moj_ho_offence_codes.csv"))
    ours = taxonomy()["offence_code"]
    assert pc.all(pc.is_in(published["ho_code"], ours)).as_py()


@pytest.mark.real
def test_the_weights_are_the_published_medians(real_data: Path) -> None:
    published = csv.read_csv(str(real_data / "uk" / "cchi_2026_by_prc_subgroup.csv"))
    wanted = {row["prc_subgroup"]: round(row["cchi_median"] * 100) for row in published.to_pylist()}
    held = csv.read_csv(str(DATA / "harm-v1.csv")).to_pylist()
    assert {row["subgroup"]: row["harm"] for row in held} == wanted


def test_the_data_files_are_lean() -> None:
    sizes = [os.path.getsize(str(file)) for file in DATA.iterdir() if file.is_file()]
    assert sum(sizes) < 400_000


def harm_of(harm: str | Path) -> dict[str, int]:
    codes = taxonomy(harm)
    return dict(zip(codes["offence_code"].to_pylist(), codes["harm"].to_pylist(), strict=True))


@pytest.mark.parametrize("version", HARM_WORDS)
def test_every_list_of_weights_is_held_and_gives_a_table_of_one_shape(version: str) -> None:
    assert (DATA / f"{version}.csv").is_file()
    table = taxonomy(version)
    assert table.schema == taxonomy().schema
    assert table.drop_columns(["harm"]) == taxonomy().drop_columns(["harm"])
    assert harm_name(version) == version
    # 0 means that a code has no weight, so no weight may be 0
    weights = csv.read_csv(str(DATA / f"{version}.csv")).to_pydict()
    assert all(weight > 0 for weight in weights["harm"])
    by = next(name for name in ("offence_code", "subgroup") if name in weights)
    weighed = dict(zip(weights[by], weights["harm"], strict=True))
    codes = csv.read_csv(str(DATA / "offence_codes-v1.csv")).to_pylist()
    found = {code: harm for code, harm in harm_of(version).items() if "class/" not in code}
    assert found == {row["offence_code"]: weighed.get(row[by], 0) for row in codes}


@pytest.mark.parametrize(
    ("code", "cambridge", "ons"),
    [
        ("001/01", 547500, 797879),
        ("019/08", 255500, 324075),
        ("034/01", 36500, 74600),
        ("028/00", 27350, 43800),
        ("029/00", 27350, 212700),
        ("008/06", 36500, 20307),
        ("195/94", 1000, 3964),
        ("046/00", 100, 1300),
        ("020/05", 18225, 0),
    ],
)
def test_two_lists_weigh_one_offence_differently(code: str, cambridge: int, ons: int) -> None:
    assert (harm_of("harm-v1")[code], harm_of("harm-ons-v1")[code]) == (cambridge, ons)


def test_where_a_weight_of_the_statistics_office_is_from_stands_beside_it() -> None:
    held = csv.read_csv(str(DATA / "harm-ons-v1.csv")).to_pylist()
    assert {row["basis"] for row in held} == {"published", "by order", "nearest"}
    by_class: dict[str, set[int]] = {}
    for row in held:
        by_class.setdefault(row["offence_class"], set()).add(row["harm"])
    assert all(len(weights) == 1 for weights in by_class.values())


@pytest.mark.real
def test_the_weights_of_the_statistics_office_are_the_published_ones(real_data: Path) -> None:
    file = real_data / "uk" / "ons_css_weights_partial.csv"
    published = {row["offence"]: row for row in csv.read_csv(file).to_pylist()}
    for row in csv.read_csv(str(DATA / "harm-ons-v1.csv")).to_pylist():
        source = published[row["offence_class"]]
        assert row["harm"] == round(100 * source["weight"]), row
        if row["basis"] != "nearest":
            assert (row["basis"] == "published") == (source["confidence"] == "exact"), row


def test_a_force_brings_its_own_weights_in_days(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("offence_code,harm,why\n008/65,182.5,ours\n001/01,5475,\n", encoding="utf-8")
    found = harm_of(own)
    assert (found["008/65"], found["001/01"], found["046/00"]) == (18250, 547500, 0)
    assert harm_words(own) == "the force's own weights"
    assert harm_of(str(own)) == found
    before = harm_name(own)
    own.write_text("offence_code,harm\n008/65,1\n", encoding="utf-8")
    assert harm_of(own)["008/65"] == 100  # another content is another list, under one path too
    assert harm_name(own) != before


ODD_WEIGHTS = {
    "offence_code,harm\n": "there are no rows",
    "": "own.csv: ",
    "code,days\n008/65,1\n": "offence_code",
    "offence_code,harm\n8/65,1\n": "row 1: there is no offence code '8/65'",
    "offence_code,harm\n008/65,1\n008/65,2\n": "row 2: 008/65 stands twice",
    "offence_code,harm\n008/65,-1\n": "'-1' is no number of days",
    "offence_code,harm\n008/65,nan\n": "'nan' is no number of days",
    "offence_code,harm\n008/65,1e3\n": "'1e3' is no number of days",
    "offence_code,harm\n008/65,\n": "'' is no number of days",
    "offence_code,harm\n008/65,99999\n": "'99999' is no number of days",
    "offence_code,harm\n008/65,1.234\n": "'1.234' is no number of days",
    "offence_code,harm\n008/65,\u0661\n": "is no number of days",
    "offence_code,harm\n008/65\n": "own.csv: ",
}


@pytest.mark.parametrize("content", ODD_WEIGHTS, ids=repr)
def test_own_weights_with_faults_are_refused(content: str, tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text(content, encoding="utf-8")
    with pytest.raises(RecordsRefused) as refused:
        taxonomy(own)
    assert ODD_WEIGHTS[content] in str(refused.value)


def test_all_faults_of_own_weights_are_named_at_once(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("offence_code,harm\n" + "nothing,x\n" * 30, encoding="utf-8")
    with pytest.raises(RecordsRefused, match="and 50 more") as refused:
        taxonomy(own)
    assert len(refused.value.violations) == 60


def test_own_weights_that_are_no_text_or_not_there_are_answered_in_words(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    with pytest.raises(NotFound, match="no such file"):
        taxonomy(own)
    own.write_bytes(b"offence_code,harm\n008/65,\xff\n")
    with pytest.raises(RecordsRefused):
        taxonomy(own)
    with pytest.raises(NotFound, match="harm-ons-v1"):
        taxonomy("high-harm-v1")
