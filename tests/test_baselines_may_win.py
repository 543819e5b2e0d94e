"""The report says first whether the model earns its place, and says so when it does not."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pandas as pd
import pytest
from made_up_matrix import FEATURES, QUICK, matrix, question, result

from features.errors import PrecursorError, UsageError
from features.matrix import Matrix
from features.question import BASELINES
from models import champions
from training import baselines, forest, predictors, rfg
from training.baselines import WORDS
from training.evaluation import Evaluation
from training.experiment import Result, train
from training.fit import PARAMETERS
from training.metrics import Figure, Ranking
from training.report import earns_its_place
from training.sanctions import sanctions


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


def test_beaten_is_said_only_where_the_interval_says_so_and_everybody_unbeaten_is_named() -> None:
    own, beaten = Figure(0.7, 0.68, 0.72), Figure(-0.03, -0.05, -0.01)
    close, below = Figure(-0.01, -0.03, 0.02), Figure(0.1, 0.08, 0.12)
    gaps = {"logistic_full": beaten, "vrp": close, "svrp": close, "base_rate": below}
    figures = {name: {"auc": Figure(0.7 - gap.value, 0.5, 0.8)} for name, gap in gaps.items()}
    told = Evaluation(
        {"model": {"auc": own}, **figures},
        {name: {"auc": gap} for name, gap in gaps.items()},
        {}, [], 100, 90, 20,
    )  # fmt: skip
    earned, verdict = earns_its_place(told)
    assert not earned
    assert f"is beaten by {WORDS['logistic_full']} and cannot be told apart from" in verdict
    assert f"{WORDS['vrp']} or {WORDS['svrp']}; against" in verdict
    assert WORDS["base_rate"] not in verdict


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


@cache
def whole() -> tuple[Matrix, pd.DataFrame, Result]:
    """A training beside all baselines, with made-up sanctions beside its rows."""
    given = matrix(people=500, seed=21)
    rng = np.random.default_rng(21)
    ever = given.frame["suspected_n_ever"].to_numpy(float)
    age = np.floor(given.frame["person_age"].to_numpy(float))
    aside = pd.DataFrame(
        {
            "sex": rng.choice(["male", "female", "unknown"], len(ever), p=[0.8, 0.15, 0.05]),
            "arrests_age": age,
            "arrests_age_at_first": np.minimum(age, 18.0),
            "arrests_age_at_current": age,
            "arrests_occasions": ever,
            "arrests_violent": given.frame["suspected_violence_n_ever"].to_numpy(float),
            "arrests_category": "THEFT_NON_MOTOR",
            "arrests_months": 3.0,
        }
    )
    asked = question(baselines=BASELINES)
    return given, aside, train(asked, given, beside=aside, register=False, origins=1, **QUICK)


def test_every_baseline_stands_beside_the_model_at_the_same_capacity() -> None:
    _, _, found = whole()
    judged = set(found.evaluation.figures) - {"model"}
    assert judged == set(BASELINES) - {"champion"}
    for name, cells in found.evaluation.confusion.items():
        assert cells["tp"] + cells["fp"] == pytest.approx(question().capacity), name
    assert found.report["baselines"]["champion"].startswith("not available: ")
    assert found.evaluation.figures["rfg"]["auc"].low > 0.5
    assert "(of 3 variants the best on the test part)" in found.report["baselines"]["rfg"]
    told = found.report["baselines"]["vrp"]
    assert "approximated by arrests" in told
    assert "nothing is fitted" in told
    assert "taken as men" in told
    assert "a missed outcome costs 2 false alarms" in found.report["baselines"]["hart_forest"]


def test_a_published_predictor_is_as_it_was_published_whatever_the_rows_say() -> None:
    given, aside, _ = whole()
    y = given.y
    for outcome in (y, 1 - y):
        fitted, _ = baselines.fit(("vrp",), given.X, outcome, FEATURES, beside=aside)
        scores, _ = baselines.best(fitted, given.X, outcome, aside)
        own = predictors.probability("VRP", sanctions(aside, "arrests"))
        assert scores["vrp"].tolist() == own.tolist()


def test_sex_is_read_beside_the_rows_and_is_no_column_of_a_matrix() -> None:
    given, aside, _ = whole()
    assert not {"sex", "ethnicity"} & set(given.feature_set.names)
    women, men = (aside.assign(sex=sex) for sex in ("female", "male"))
    fitted, _ = baselines.fit(("svrp",), given.X, given.y, FEATURES, beside=women)
    scores = [fitted["svrp"][0].predict(given.X, rows) for rows in (women, men)]
    assert (scores[0] != scores[1]).mean() > 0.9


def test_without_a_history_beside_the_rows_the_published_predictors_are_named_as_missing() -> None:
    given = matrix()
    fitted, missing = baselines.fit(("arp", "vrp", "svrp"), given.X, given.y, FEATURES)
    assert not fitted
    assert set(missing) == {"arp", "vrp", "svrp"}
    assert all("no history of sanctions" in reason for reason in missing.values())


def test_the_forest_is_the_same_with_any_number_of_threads_and_keeps_the_scale() -> None:
    given = matrix(people=400, seed=13)
    X, y = given.X, given.y
    one, two = (forest.fit(X, y, trees=60, threads=threads)(X) for threads in (1, 2))
    assert one.tolist() == two.tolist()
    assert one.mean() == pytest.approx(y.mean(), abs=0.1)


def test_a_dearer_miss_makes_the_forest_call_more_people_high(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = matrix(people=400, seed=13)
    X, y = given.X, given.y
    listed = []
    for cost in (1.0, 4.0):
        monkeypatch.setattr(forest, "COST", cost)
        grown = forest.fit(X, y, trees=60, threads=1)
        listed.append((grown.voted(X) > 0.5).mean())
    assert listed[1] > listed[0]


@pytest.mark.parametrize("banding", ["fifths", "practice", "by outcome"])
def test_points_of_a_banding_rise_with_each_of_the_three(banding: str) -> None:
    rng = np.random.default_rng(5)
    rows = np.column_stack(
        [
            np.where(rng.random(600) < 0.1, np.nan, rng.integers(1, 900, 600)),
            rng.poisson(2, 600),
            rng.integers(0, 400_000, 600),
        ]
    ).astype(float)
    y = (rng.random(600) < 0.1 + 0.1 * (rows[:, 1] > 2) + 0.2 * (rows[:, 0] < 100)).astype(int)
    points = rfg.bandings(rows, y)[banding]
    base = points(rows)
    for place, graver in ((0, -50.0), (1, 3.0), (2, 100_000.0)):
        changed = rows.copy()
        changed[:, place] = np.maximum(changed[:, place] + graver, 0)
        assert (points(changed) >= base).all(), place
        assert (points(changed) > base).any(), place
    never = rows.copy()
    never[:, 0] = np.nan
    assert (points(never) <= base).all()


def test_the_champion_is_judged_beside_its_challenger() -> None:
    given = matrix(people=500, seed=21)
    asked = question(baselines=["base_rate", "champion"])
    first = train(asked, given, register=False, origins=1, **QUICK)
    champions.put(asked.name, 7, first.model)
    second = train(asked, given, register=False, origins=1, seed=5, **QUICK)
    held = second.evaluation.figures["champion"]["auc"].value
    assert held == pytest.approx(first.evaluation.figures["model"]["auc"].value)
    assert "version 7" in second.report["baselines"]["champion"]
    assert "current champion" not in second.report["verdict"], "it is what would be replaced"


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
