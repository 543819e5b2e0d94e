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

from features.errors import NotFound
from features.sources import OFFENCE_MARKS
from features.taxonomy import MARKS, outcome_types, strands, taxonomy, unmapped

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
    missing = set(unmapped())
    for code, row in codes.items():
        assert (row["harm"] == 0) == (code in missing), code
        assert (row["subgroup"] == "") == (code in missing), code


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


def test_the_outcome_types_are_all_there() -> None:
    assert set(outcome_types()) == {str(number) for number in range(1, 23)}


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
