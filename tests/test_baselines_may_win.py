"""The report says first whether the model earns its place, and says so when it does not."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from made_up_matrix import FEATURES, QUICK, matrix, question, result

from features.errors import PrecursorError, UsageError
from features.matrix import Matrix
from training import baselines
from training.experiment import Result, train
from training.fit import PARAMETERS
from training.metrics import Ranking


def trained(given: Matrix, **terms: object) -> Result:
    return train(question(**terms), given, register=False, **QUICK)


def test_where_a_line_is_the_truth_the_model_does_not_earn_its_place() -> None:
    found = trained(matrix(people=900, seed=11, twist=0.0))
    assert not found.report["earns_its_place"]
    assert found.text.startswith("LightGBM does not earn its place")
    assert "logistic regression on age and priors" in found.text.splitlines()[0]


def test_where_the_truth_is_twisted_the_model_earns_its_place() -> None:
    found = trained(matrix(people=2500, seed=12, twist=3.0))
    assert found.report["earns_its_place"], found.report["verdict"]
    assert found.text.startswith("LightGBM earns its place: AUC ")
    for by_metric in found.evaluation.differences.values():
        assert by_metric["auc"].low > 0


def test_all_baselines_are_judged_on_the_same_rows_at_the_same_capacity() -> None:
    found = result()
    methods = {"model", "base_rate", "prior_count", "harm_365", "logistic_age_priors"}
    assert set(found.evaluation.figures) == methods
    for cells in found.evaluation.confusion.values():
        assert cells["tp"] + cells["fp"] == pytest.approx(question().capacity)
        assert sum(cells.values()) == pytest.approx(found.evaluation.rows)
    rate = found.evaluation.positives / found.evaluation.rows
    assert found.evaluation.figures["base_rate"]["auc"].value == 0.5
    assert found.evaluation.figures["base_rate"]["precision"].value == pytest.approx(rate)


def test_the_report_states_what_it_must() -> None:
    found = result()
    for said in (
        "Synthetic records: none of these figures is performance on people.",
        "Calibration is judged within the test period",
        "The registered model is calibrated on the test part",
        "calibrated on one half of the test people and judged on the other",
        "people resampled",
        "The same scores judged by label charged:",
        "harm @C",
    ):
        assert said in found.text
    json.dumps(found.report, allow_nan=False)
    assert found.report["test"]["rows"] == found.evaluation.rows
    assert set(found.report["also"]) == {"label_charged"}
    assert "Synthetic" not in trained(matrix(seed=1, synthetic=False)).text


def test_nothing_of_a_person_is_in_the_report() -> None:
    found = result()
    people = set(matrix().frame["nominal_id"])
    told = json.dumps(found.report) + found.text + json.dumps(dict(found.model.training))
    assert not [name for name in people if name in told]


def test_of_several_counts_the_one_that_does_best_on_the_test_part_is_shown() -> None:
    given = matrix(people=400, seed=13)
    X, y = given.X, given.y
    fitted, missing = baselines.fit(("prior_count",), X, y, FEATURES)
    assert not missing
    assert len(fitted["prior_count"]) == 4
    scores, notes = baselines.best(fitted, X, y)
    ones = np.ones((1, len(y)))
    best = Ranking(y, scores["prior_count"]).auc(ones)[0]
    for variant in fitted["prior_count"]:
        assert Ranking(y, variant.predict(X)).auc(ones)[0] <= best
    assert "of 4 variants" in notes["prior_count"]


def test_a_baseline_that_the_records_cannot_feed_is_named_not_invented() -> None:
    given = matrix()
    empty = given.frame.assign(suspected_harm_sum_365d=0)
    found = trained(Matrix(empty, FEATURES, given.manifest))
    assert "harm_365" not in found.evaluation.figures
    assert found.report["baselines"]["harm_365"].startswith("not available: no 365-day harm sum")
    assert "Baseline harm 365: not available" in found.text


def test_an_unknown_baseline_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no baseline 'tarot'") as refused:
        trained(matrix(), baselines=["tarot"])
    assert "logistic_age_priors" in refused.value.remedy


def test_a_matrix_of_another_question_is_refused() -> None:
    given = matrix()
    other = Matrix(given.frame, FEATURES, {"question": {"name": "another"}})
    with pytest.raises(PrecursorError, match="name 'another' where the question now says"):
        trained(other)


@pytest.mark.parametrize(
    "terms", [{"horizon_days": 90}, {"lag_days": 0}, {"outcome": {"provided": "otherwise"}}]
)
def test_a_matrix_whose_labels_mean_something_else_is_refused(terms: dict[str, object]) -> None:
    given = matrix()
    made = Matrix(given.frame, FEATURES, {"question": question().to_data()})
    with pytest.raises(PrecursorError, match=f"{next(iter(terms))} .* where the question now says"):
        trained(made, **terms)


def test_rows_without_a_mature_label_are_left_out() -> None:
    given = matrix()
    late = given.frame.assign(
        as_of_date=pd.Timestamp("2024-01-01"), label=np.nan, label_charged=np.nan
    )
    both = pd.concat([given.frame, late], ignore_index=True)
    assert trained(Matrix(both, FEATURES, given.manifest)).model.text == result().model.text


def test_row_order_threads_and_repetition_change_nothing() -> None:
    given = matrix()
    shuffled = given.frame.sample(frac=1, random_state=1).reset_index(drop=True)
    other = {**QUICK, "threads": 2}
    again = train(question(), Matrix(shuffled, FEATURES, given.manifest), register=False, **other)
    assert again.model.files == result().model.files
    assert again.text == result().text


def test_trees_are_shallow_enough_to_explain() -> None:
    assert PARAMETERS["max_depth"] <= 6
    assert PARAMETERS["num_leaves"] <= 31
    text = result().model.text
    leaves = [
        int(line.split("=")[1]) for line in text.splitlines() if line.startswith("num_leaves")
    ]
    assert leaves
    assert max(leaves) <= PARAMETERS["num_leaves"]
