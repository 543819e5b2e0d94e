"""One torn load in the state folder keeps no question and no score from its records."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import small_force
from served import NAME, put_in_force

from features.errors import NotFound
from features.history import History
from features.loads import Load
from serving.kept import find_load, remember_load, serving_from
from serving.ledger import Ledger
from serving.stock import Stock

TORN = {
    "cut short": "{",
    "a list": "[]",
    "of another release": '{"format": 99}',
    "without what it is": '{"format": 1}',
    "with other types": json.dumps(
        {"format": 1, "data_to": 7, "number": [], "created_at": None, "fingerprint": "x"}
    ),
    "no text": "\udcff",
}


def torn(home: Path, text: str, name: str = "bad") -> Path:
    file = home / "records" / name / "load.json"
    file.parent.mkdir(parents=True)
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    return file


@pytest.fixture
def load(precursor_home: Path) -> Load:
    return small_force.make_load(precursor_home / "records" / "good", people=40)


@pytest.mark.parametrize("kind", TORN)
def test_a_torn_load_is_passed_over(load: Load, precursor_home: Path, kind: str) -> None:
    torn(precursor_home, TORN[kind])
    assert serving_from(NAME) == {"path": str(load.path), "fingerprint": load.fingerprint}
    assert find_load(load.fingerprint).path == load.path


def test_a_question_is_answered_while_a_load_is_copied_in(load: Load, precursor_home: Path) -> None:
    torn(precursor_home, "{", name="later")
    with Ledger.open() as ledger:
        put_in_force(ledger, small_force.make_model(History(load), trees=2), 1)
        assert Stock(ledger).get(NAME).load.fingerprint == load.fingerprint


@pytest.mark.parametrize("kind", TORN)
def test_where_nothing_else_can_be_used_the_torn_one_is_named(
    precursor_home: Path, kind: str
) -> None:
    with pytest.raises(NotFound, match=r"no records to score from\. Name") as nothing:
        serving_from(NAME)
    assert nothing.value.remedy == "Name a load: precursor serve --records RECORDS."
    file = torn(precursor_home, TORN[kind])
    with pytest.raises(NotFound, match=r"no records to score from \(passed over: ") as refused:
        serving_from(NAME)
    assert str(file) in refused.value.message
    assert refused.value.remedy.startswith("Ingest the source again into a new folder.")


def test_the_same_load_elsewhere_is_found_where_the_noted_one_lost_a_table(
    load: Load, tmp_path: Path
) -> None:
    noted = small_force.make_load(tmp_path / "other", people=40)
    assert noted.fingerprint == load.fingerprint
    remember_load(noted)
    (noted.path / "offence.parquet").unlink()
    assert find_load(load.fingerprint).path == load.path
    shutil.rmtree(load.path)
    with pytest.raises(NotFound, match=r"passed over: .*no offence\.parquet"):
        find_load(load.fingerprint)
