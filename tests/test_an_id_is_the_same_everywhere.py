"""What is an id where records are taken in is one on a spine and in a request."""

from __future__ import annotations

import random
from pathlib import Path

import pandas as pd
import pytest
from pydantic import TypeAdapter, ValidationError
from record_folders import faultless, write_csv

from features.errors import RecordsRefused
from features.ingest import ingest
from features.spine import read_spine
from serving.fields import NominalId

TAKEN = ("N1", "Müller-1", "Ж42", "名前", "N\u0301", "😀", "!~'", "x" * 128)
REFUSED = ("", "N 1", "N\n1", "N1\n", "N\u00a01", "N\u200b1", "N\u202e1", "N\x001", "x" * 129)


def spine(folder: Path, *ids: str) -> Path:
    file = folder / "spine.parquet"
    pd.DataFrame({"nominal_id": ids, "as_of_date": ["2020-02-01"] * len(ids)}).to_parquet(file)
    return file


def test_whoever_was_taken_in_can_stand_on_a_spine(tmp_path: Path) -> None:
    rows = faultless(random.Random(1), people=len(TAKEN))
    named = {f"N{number}": name for number, name in enumerate(TAKEN)}
    for row in (row for records in rows.values() for row in records if "nominal_id" in row):
        row["nominal_id"] = named[row["nominal_id"]]
    for row in rows["nominal"]:
        row["record_id"] = row["nominal_id"]
    load = ingest("folder", write_csv(tmp_path / "source", rows), tmp_path / "out")
    people = pd.read_parquet(load.tables["nominal"])["nominal_id"]
    found = read_spine(spine(tmp_path, *people), load.default_as_of)
    assert sorted(found["nominal_id"]) == sorted(TAKEN)
    for name in people:
        assert TypeAdapter(NominalId).validate_python(name) == name


@pytest.mark.parametrize("name", REFUSED, ids=ascii)
def test_what_is_no_id_is_refused_on_a_spine_and_in_a_request(name: str, tmp_path: Path) -> None:
    words = "1 to 128 visible characters, without spaces"
    with pytest.raises(RecordsRefused, match=f"1 nominal_id that is not {words} \\(row 2"):
        read_spine(spine(tmp_path, "N1", name), pd.Timestamp("2020-02-01").date())
    with pytest.raises(ValidationError, match=f"an id is {words}"):
        TypeAdapter(NominalId).validate_python(name)
