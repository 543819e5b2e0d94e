"""A model is two readable files; whoever changes a byte of them is found out."""

from __future__ import annotations

import json
import pickletools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_up_matrix import FEATURES, matrix, result

from features.declare import FeatureSet
from features.errors import Conflict, NotFound, PrecursorError
from models import champions, risk_model
from models.manifest import BOOSTER, MANIFEST
from models.risk_model import RiskModel


def test_saved_and_loaded_it_says_the_same_to_the_bit(tmp_path: Path) -> None:
    model = result().model
    rows = matrix(seed=1).X
    model.save(tmp_path)
    again = RiskModel.load(tmp_path, sha256=model.sha256)
    assert (again.probability(rows) == model.probability(rows)).all()
    assert (again.contributions(rows)[1] == model.contributions(rows)[1]).all()
    assert again.interval == model.interval
    assert again.question == model.question
    assert again.feature_set == model.feature_set
    assert again.sha256 == model.sha256
    again.save(tmp_path / "copy")
    assert RiskModel.load(tmp_path / "copy").sha256 == model.sha256


def test_the_files_are_text_and_json(tmp_path: Path) -> None:
    result().model.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [BOOSTER, MANIFEST]
    assert (tmp_path / BOOSTER).read_text().startswith("tree\n")
    data = json.loads((tmp_path / MANIFEST).read_text())
    assert data["question"]["name"] == "made_up"
    assert data["feature_fingerprint"] == FEATURES.fingerprint
    assert {"lightgbm", "numpy", "python"} <= set(data["versions"])
    for name in (BOOSTER, MANIFEST):
        with pytest.raises(ValueError, match=r"pickle|opcode|at position"):
            list(pickletools.genops((tmp_path / name).read_bytes()))


def test_a_folder_is_saved_whole_or_not_at_all_and_the_first_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = result().model, result(seed=1).model

    def full(_file: Path) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(risk_model, "sync", full)
        with pytest.raises(OSError, match="no space left"):
            first.save_whole(tmp_path / "kept")
    assert list(tmp_path.iterdir()) == []
    with ThreadPoolExecutor(8) as several:
        list(several.map(first.save_whole, [tmp_path / "kept"] * 16))
    with pytest.raises(Conflict, match="another model lies here"):
        second.save_whole(tmp_path / "kept")
    assert RiskModel.load(tmp_path / "kept").sha256 == first.sha256
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_half_of_a_model_is_not_taken_for_the_whole(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    result().model.save_whole(kept)
    for file in sorted(kept.iterdir()):
        file.unlink()
        with pytest.raises((Conflict, NotFound), match="kept"):
            result().model.save_whole(kept)


def test_nothing_of_a_person_is_in_the_files() -> None:
    content = b"".join(result().model.files.values()).decode()
    assert "N0" not in content.replace("NaN", "")


@given(st.sampled_from([BOOSTER, MANIFEST]), st.floats(0, 1, exclude_max=True), st.integers(1, 255))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_one_changed_byte_is_refused(tmp_path: Path, name: str, at: float, by: int) -> None:
    model = result().model
    model.save(tmp_path)
    content = bytearray((tmp_path / name).read_bytes())
    content[int(at * len(content))] ^= by
    (tmp_path / name).write_bytes(bytes(content))
    with pytest.raises(Conflict, match="changed"):
        RiskModel.load(tmp_path, sha256=model.sha256)


def test_a_changed_calibration_is_refused_even_without_a_known_sha256(tmp_path: Path) -> None:
    result().model.save(tmp_path)
    data = json.loads((tmp_path / MANIFEST).read_text())
    data["calibration"]["intercept"] += 1
    (tmp_path / MANIFEST).write_text(json.dumps(data))
    with pytest.raises(Conflict, match="seal"):
        RiskModel.load(tmp_path)


def test_another_model_under_the_expected_name_is_refused(tmp_path: Path) -> None:
    result(seed=1).model.save(tmp_path)
    with pytest.raises(Conflict, match="was expected"):
        RiskModel.load(tmp_path, sha256=result().model.sha256)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no booster\.txt and no manifest\.json"):
        RiskModel.load(tmp_path)


def test_booster_and_feature_set_must_belong_together() -> None:
    model = result().model
    other = FeatureSet(model.feature_set.columns[::-1], model.feature_set.definitions)
    with pytest.raises(PrecursorError, match="columns are not the feature set's"):
        replace(model, feature_set=other)


def test_columns_are_found_by_name_and_extra_or_missing_ones_are_all_listed() -> None:
    model = result().model
    frame = matrix(seed=2).frame
    rows = model.check(frame)
    assert (model.check(frame[frame.columns[::-1]]) == rows)[~np.isnan(rows)].all()
    wrong = frame.drop(columns=["person_age", "charged_n_ever"]).assign(postcode=1, luck=2)
    with pytest.raises(PrecursorError) as refused:
        model.check(wrong)
    for name in ("person_age", "charged_n_ever", "postcode", "luck"):
        assert name in str(refused.value)


@pytest.mark.parametrize(
    ("column", "bad", "said"),
    [
        ("person_age", np.nan, "'person_age' is empty in 1 of"),
        ("suspected_recency", np.inf, "'suspected_recency' is infinite in 1 of"),
        ("charged_n_ever", -np.inf, "'charged_n_ever' is infinite in 1 of"),
    ],
)
def test_unexpected_values_are_refused_with_place_and_number(
    column: str, bad: float, said: str
) -> None:
    frame = matrix(seed=2).frame.astype({column: float})
    frame.loc[7, column] = bad
    with pytest.raises(PrecursorError, match=said) as refused:
        result().model.check(frame)
    assert refused.value.remedy


def test_text_columns_are_refused() -> None:
    frame = matrix(seed=2).frame.astype({"charged_n_ever": str})
    with pytest.raises(PrecursorError, match="not numeric: charged_n_ever"):
        result().model.check(frame)


def test_an_empty_value_is_accepted_where_training_had_some() -> None:
    frame = matrix(seed=2).frame
    assert frame["suspected_recency"].isna().any()
    assert result().model.nullable == {"suspected_recency"}
    assert len(result().model.check(frame)) == len(frame)


def test_a_matrix_by_other_definitions_is_refused() -> None:
    model = result().model
    frame = matrix(seed=2).frame
    first = model.feature_set.columns[0]
    columns = (replace(first, measure="onset"), *model.feature_set.columns[1:])
    other = FeatureSet(columns, model.feature_set.definitions)
    with pytest.raises(Conflict, match="defined differently: person_age"):
        model.check(frame, other)
    reworded = (replace(first, words="years lived: {value}"), *model.feature_set.columns[1:])
    model.check(frame, FeatureSet(reworded, model.feature_set.definitions))
    terms = FeatureSet(model.feature_set.columns, {**FEATURES.definitions, "harm": "harm-v2"})
    with pytest.raises(Conflict, match="other terms: harm"):
        model.check(frame, terms)
    assert len(model.check(frame, FEATURES)) == len(frame)


def test_the_model_in_force_is_read_whole_and_swapped_in_one_step(precursor_home: Path) -> None:
    first, second = result().model, result(seed=1).model
    with pytest.raises(NotFound, match="no promoted model") as missing:
        champions.read("made_up")
    assert "precursor promote made_up" in missing.value.remedy
    champions.put("made_up", 1, first)
    assert champions.read("made_up").sha256 == first.sha256
    champions.put("made_up", 2, second)
    assert champions.pointer("made_up")["version"] == 2
    champions.put("made_up", 1, first)
    now = champions.read("made_up")
    assert (now.version, now.model.sha256) == (1, first.sha256)
    with pytest.raises(Conflict, match="another model lies here"):
        champions.put("made_up", 1, second)
    assert champions.questions() == ["made_up"]
    left = [path.name for path in champions.folder("made_up").iterdir()]
    assert sorted(left) == ["1", "2", "champion.json"]
    booster = champions.folder("made_up") / "1" / BOOSTER
    booster.write_text(booster.read_text().replace("shrinkage", "shrinkagE", 1))
    with pytest.raises(Conflict, match="changed"):
        champions.read("made_up")
    champions.withdraw("made_up")
    assert champions.questions() == []
