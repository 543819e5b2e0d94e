"""Context, and whatever else is no input, cannot reach a matrix or a model, by any way in."""

from __future__ import annotations

import copy
import json
import random
import tempfile
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import oracle
import pandas as pd
import pytest
import small_force
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import DATA_TO, Rows, load, world

from features.catalogue import catalogue, context
from features.declare import FeatureSet
from features.errors import PrecursorError
from features.history import History
from features.matrix import Matrix, build, question_features
from features.matrix_file import manifest_path
from features.question import Question
from features.sources import CONTEXT
from models.risk_model import RiskModel

AFTER = DATA_TO + timedelta(days=1)
dates = st.sampled_from([AFTER - timedelta(days=n) for n in (0, 1, 90, 366, 731)])
QUESTION = Question(
    name="again",
    title="Again",
    outcome_words="named again",
    cohort={"source": "suspected", "within_days": 730},
    outcome={"source": "suspected"},
    horizon_days=90,
)


def computed(rows: Rows, at: date, who: str | None = None, wanted: FeatureSet | None = None):  # type: ignore[no-untyped-def]
    people = [who] if who else [row["nominal_id"] for row in rows["nominal"]]
    spine = pd.DataFrame({"nominal_id": people, "as_of_date": [pd.Timestamp(at)] * len(people)})
    with tempfile.TemporaryDirectory() as folder:
        return History(load(rows, Path(folder) / "records")).matrix(spine, feature_set=wanted)


@settings(max_examples=10)
@given(st.integers(0, 10**9), dates)
def test_context_agrees_with_a_naive_oracle(seed: int, at: date) -> None:
    rows = world(random.Random(seed), events=40)
    for row in computed(rows, at, wanted=context()).itertuples():
        for column in context().columns:
            expected = oracle.value(rows, column, row.nominal_id, at)
            actual = getattr(row, column.name)
            where = f"{column.name} of {row.nominal_id}"
            assert np.isnan(actual) if expected is None else actual == expected, where


@settings(max_examples=10)
@given(st.integers(0, 10**9), dates)
def test_what_is_context_moves_no_column_of_a_matrix(seed: int, at: date) -> None:
    rows = world(random.Random(seed), events=40)
    who = rows["nominal"][0]["nominal_id"]
    changed = copy.deepcopy(rows)
    changed["management"], changed["wanted"] = [], []
    for person in changed["nominal"]:
        person |= {"sex": "male", "ethnicity": "White", "area": "elsewhere"}
    for offence in changed["offence"]:
        offence["area"] = "elsewhere"
    own = {r["offence_id"] for r in rows["involvement"] if r["nominal_id"] == who}
    changed["involvement"] = [
        r
        for r in changed["involvement"]
        if (r["role"], r["nominal_id"] == who) != ("victim", True)  # own victimisation
        and (r["role"], r["nominal_id"] == who) != ("suspect", False)  # company
    ]
    assert own
    before, after = computed(rows, at, who), computed(changed, at, who)
    pd.testing.assert_frame_equal(before, after, check_exact=True)


def test_the_catalogue_has_no_context_and_nobody_can_ask_it_for_some() -> None:
    assert not {column.source for column in catalogue().columns} & CONTEXT
    assert {column.source for column in context().columns} == CONTEXT
    assert not set(catalogue().groups) & set(context().groups)
    for column in context().columns:
        with pytest.raises(PrecursorError, match="no such column"):
            catalogue().subset([column.name])
        with pytest.raises(PrecursorError, match="no such column or group"):
            question_features(
                QUESTION.model_copy(update={"feature_groups": [column.group]}), catalogue()
            )


PROTECTED = (
    "sex",
    "ethnicity",
    "area",
    "religion",
    "nationality",
    "disability",
    "name",
    "postcode",
)


@pytest.mark.parametrize("group", PROTECTED)
def test_a_protected_attribute_is_no_group_and_no_source(group: str) -> None:
    assert group not in catalogue().groups
    column = replace(catalogue()["suspected_n_365d"], name=group, group=group)
    with pytest.raises(PrecursorError, match=f"group '{group}' is not in the register"):
        FeatureSet.from_data(FeatureSet((column,)).to_data())


DOCTORED = [
    *context().columns,
    replace(context().columns[0], group="reports"),
    replace(catalogue()["suspected_n_365d"], group="wanted"),
    replace(catalogue()["person_age"], name="ethnicity", group="ethnicity"),
    replace(catalogue()["person_age"], name="Sex", source="given"),
    replace(catalogue()["person_age"], name="of_here", group="nationality", source="given"),
]


@pytest.mark.parametrize("column", DOCTORED, ids=lambda column: f"{column.name} as {column.group}")
def test_a_doctored_feature_set_is_refused(column) -> None:  # type: ignore[no-untyped-def]
    doctored = FeatureSet((*catalogue().columns[:2], column), catalogue().definitions)
    with pytest.raises(PrecursorError, match=r"never an input|not in the register|no input"):
        FeatureSet.from_data(json.loads(json.dumps(doctored.to_data())))


def test_a_matrix_with_a_doctored_manifest_is_not_read(tmp_path: Path) -> None:
    rows = world(random.Random(1), people=6, events=60)
    history = History(load(rows, tmp_path / "records"))
    spine = pd.DataFrame({"nominal_id": ["N001", "N002"], "as_of_date": ["2025-01-01"] * 2})
    file = tmp_path / "rows.parquet"
    build(history, QUESTION, spine).write(file)
    manifest = json.loads(manifest_path(file).read_text())
    manifest["feature_set"]["columns"][5]["source"] = "wanted"
    manifest["feature_set"]["columns"][6]["group"] = "ethnicity"
    manifest_path(file).write_text(json.dumps(manifest))
    with pytest.raises(PrecursorError) as refused:
        Matrix.read(file)
    assert "source 'wanted' is context" in str(refused.value)
    assert "group 'ethnicity' is not in the register" in str(refused.value)


def test_a_model_whose_inputs_are_context_is_neither_made_nor_loaded(tmp_path: Path) -> None:
    model = small_force.make_model(History(small_force.make_load(tmp_path / "records")), trees=2)
    columns = model.feature_set.columns
    doctored = FeatureSet((*columns[:-1], replace(columns[-1], source="management")))
    with pytest.raises(PrecursorError, match="source 'management' is context"):
        replace(model, feature_set=doctored)
    object.__setattr__(model, "feature_set", doctored)  # as another program could have written it
    model.save(tmp_path / "model")
    with pytest.raises(PrecursorError, match="source 'management' is context"):
        RiskModel.load(tmp_path / "model")


def test_a_matrix_of_context_is_not_made(tmp_path: Path) -> None:
    history = History(small_force.make_load(tmp_path / "records"), context())
    spine = pd.DataFrame({"nominal_id": ["N0001"], "as_of_date": ["2026-01-01"]})
    with pytest.raises(PrecursorError, match="is context and never an input"):
        build(history, QUESTION, spine)
