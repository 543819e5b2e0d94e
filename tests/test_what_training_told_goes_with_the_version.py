"""What a training told lies beside the model: sealed by its manifest, and shown without MLflow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_up_registry import registry_in

from models import champions, dossier, registry
from training.promotion import promote


def test_a_promotion_brings_the_report_to_where_services_read_it(precursor_home: Path) -> None:
    first, _ = registry_in(precursor_home)
    assert dossier.versions("made_up") == []  # trained elsewhere: nothing lies here yet
    promote("made_up", "1")
    kept = dossier.read("made_up", 1, champions.read("made_up").model.training[dossier.SEALED])
    assert kept.fault == ""
    assert kept.report["verdict"] == first.report["verdict"]
    assert len(kept.report["backtest"]["origins"]) == len(first.report["backtest"]["origins"])
    assert first.version is not None
    assert kept.entry["run_id"] == first.version.run_id
    assert kept.entry["sha256"] == first.model.sha256
    assert dossier.questions() == ["made_up"]


def test_a_report_that_was_changed_is_not_shown(precursor_home: Path) -> None:
    registry_in(precursor_home)
    promote("made_up", "1")
    place = dossier.folder("made_up") / "1" / dossier.REPORT
    report = json.loads(place.read_text(encoding="utf-8"))
    place.write_bytes(dossier.packed(report | {"verdict": "LightGBM is best."}))
    sealed = champions.read("made_up").model.training[dossier.SEALED]
    found = dossier.read("made_up", 1, sealed)
    assert found.report == {}
    assert "not the one that the model was registered with" in found.fault
    place.unlink()
    assert "not kept here" in dossier.read("made_up", 1, sealed).fault


@pytest.mark.parametrize("content", ["", "[]", "{", "\x00"])
def test_a_broken_entry_says_nothing_and_breaks_nothing(precursor_home: Path, content: str) -> None:
    place = dossier.folder("made_up") / "3"
    place.mkdir(parents=True)
    (place / dossier.ENTRY).write_text(content, encoding="utf-8")
    assert dossier.read("made_up", 3).entry == {}
    assert dossier.versions("made_up") == [3]


def test_the_address_of_a_server_is_kept_without_its_password() -> None:
    named = registry._address("https://me:secret@mlflow.example:5000/base")
    assert named == "https://mlflow.example:5000/base"
