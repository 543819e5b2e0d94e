"""Folds of people: nobody is judged by a model that saw them, and one date is enough."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_up_matrix import FEATURES, QUICK, matrix, question

from features.errors import PrecursorError
from features.matrix import Matrix
from training import baselines, people_folds
from training.experiment import train
from training.splits import folds, of_part

FEW = {"threads": 1, "learning_rate": 0.1}
ONE_DATE = {"split": {"temporal": False, "folds": 4}, "lag_days": 0}


def on_one_date(people: int = 700, seed: int = 31) -> Matrix:
    given = matrix(people=people, seed=seed)
    frame = given.frame.groupby("nominal_id", as_index=False).last()
    frame["as_of_date"] = pd.Timestamp("2013-01-01")
    return Matrix(frame[given.frame.columns], FEATURES, given.manifest)


def test_rows_of_one_date_are_judged_by_folds_of_people() -> None:
    given = on_one_date()
    found = train(question(**ONE_DATE), given, register=False, **QUICK)
    assert found.evaluation.rows == len(given.frame)
    assert found.report["split"]["folds_of_people"] == 4
    assert "Judged by 4 folds of people: nobody by a model that saw them." in found.text
    assert 0.55 < found.evaluation.figures["model"]["auc"].value < 0.95
    assert set(found.evaluation.figures) == {"model", *question().baselines}


def test_what_a_fold_model_says_does_not_depend_on_the_people_held_out() -> None:
    """Turning the labels of a fold round changes what is said of everybody else, never of it."""
    given, asked = on_one_date(500), question(**ONE_DATE)
    work = Matrix(given.frame.sort_values("nominal_id"), FEATURES, given.manifest)
    terms = {"threads": 1, "seed": 1, "learning_rate": 0.1}
    first = people_folds.contest_over_people(asked, work, **terms)
    mine = folds(work.frame["nominal_id"], 4) == 2
    turned = work.frame.assign(label=np.where(mine, 1 - work.frame["label"], work.frame["label"]))
    second = people_folds.contest_over_people(
        asked, Matrix(turned, FEATURES, given.manifest), **terms
    )
    assert first.margin[mine].tolist() == second.margin[mine].tolist()
    assert (first.margin[~mine] != second.margin[~mine]).mean() > 0.9
    assert first.scores["harm_365"][mine].tolist() == second.scores["harm_365"][mine].tolist()


def test_labels_that_follow_from_nothing_are_not_foretold() -> None:
    given = on_one_date(900, seed=5)
    noise = (np.random.default_rng(1).random(len(given.frame)) < 0.3).astype(float)
    frame = given.frame.assign(label=noise)
    found = train(question(**ONE_DATE), Matrix(frame, FEATURES, given.manifest),
                  register=False, **QUICK)  # fmt: skip
    auc = found.evaluation.figures["model"]["auc"]
    assert auc.low < 0.5 < auc.high or auc.value < 0.5
    assert not found.report["earns_its_place"]


def test_folds_of_people_stand_beside_a_figure_in_time() -> None:
    asked = question(split={"folds": 3})
    found = train(asked, matrix(), register=False, origins=1, **QUICK)
    beside = found.report["people_folds"]
    assert beside["folds"] == 3
    assert beside["rows"] == len(matrix().frame) > found.evaluation.rows
    assert "Beside it, by 3 folds of people" in found.text
    assert found.report["split"]["folds_of_people"] == 0
    assert (
        train(question(), matrix(), register=False, origins=1, **QUICK).report["people_folds"]
        is None
    )


LIGHT = {"draws": 40, "seed": 1, "terms": {"threads": 1, "learning_rate": 0.1}}


def test_folds_lead_with_rows_from_a_date_on_and_tell_of_all_rows_beside_them() -> None:
    given = matrix(400)
    whole = people_folds.judged(question(split={"folds": 3}), given, **LIGHT)
    asked = question(split={"folds": 3, "folds_from": "2020-01-01"})
    found = people_folds.judged(asked, given, **LIGHT)
    assert found is not None
    assert whole is not None
    later = given.frame["as_of_date"] >= "2020-01-01"
    assert (found["rows"], found["from"]) == (later.sum(), "2020-01-01")
    assert found["positives"] == given.frame["label"][later].sum()
    assert found["all_rows"] == {key: whole[key] for key in found["all_rows"]}
    assert found["figures"] != whole["figures"]
    said = "\n".join(people_folds.in_words(found))
    assert "people from 2020-01-01 on, nobody judged" in said
    assert f"model over all {len(later):,} rows, earlier ones too: AUC" in said


def test_a_date_after_the_last_outcomes_is_refused_with_what_is_there() -> None:
    asked = question(split={"folds": 2, "folds_from": "2030-01-01"})
    with pytest.raises(PrecursorError, match="from 2030-01-01 there are 0 rows") as refused:
        people_folds.judged(asked, matrix(400), **LIGHT)
    assert "earlier date" in refused.value.remedy


def test_a_date_for_folds_needs_folds() -> None:
    with pytest.raises(ValueError, match="folds_from goes with"):
        question(split={"folds_from": "2020-01-01"})


def test_only_the_part_that_is_asked_for_is_learnt_from() -> None:
    given = on_one_date()
    part = np.where(np.arange(len(given.frame)) % 3 == 0, "test", "train")
    frame = given.frame.assign(split=part)
    asked = question(**(ONE_DATE | {"split": {"temporal": False, "folds": 4, "part": "train"}}))
    found = train(asked, Matrix(frame, FEATURES, given.manifest), register=False, **QUICK)
    assert found.evaluation.rows == (part == "train").sum()
    alone = Matrix(frame[part == "train"], FEATURES, given.manifest)
    same = train(asked, alone, register=False, **QUICK)
    assert same.model.text == found.model.text


def test_a_baseline_s_variant_that_a_fold_cannot_fit_lends_its_name_to_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Reports vary in one fold alone: the models for that fold have no count of them."""
    given, asked = on_one_date(), question(**ONE_DATE)
    fold = folds(given.frame["nominal_id"].to_numpy(str), 4)
    given.frame.loc[fold != 0, "suspected_n_ever"] = 1
    tried: dict[str, list[tuple[str, np.ndarray]]] = {}
    chosen = baselines.chosen

    def seen(scored: Any, y: Any) -> Any:
        tried.update(scored)
        return chosen(scored, y)

    monkeypatch.setattr(baselines, "chosen", seen)
    found = people_folds.contest_over_people(asked, given, **FEW)
    counts = ["custody_detained_n_ever", "charged_n_ever", "convicted_n_ever"]
    assert [uses for uses, _ in tried["prior_count"]] == counts
    assert [uses.split(", ")[1:] for uses, _ in tried["logistic_age_priors"]] == [
        *([count] for count in counts),
        counts,
    ]
    for number in range(4):
        held = fold == number
        own, _ = baselines.fit(
            ("prior_count",), found.rows.X[~held], found.rows.y[~held], found.rows.feature_set
        )
        by_use = {variant.uses: variant for variant in own["prior_count"]}
        for uses, score in tried["prior_count"]:
            assert np.array_equal(score[held], by_use[uses].predict(found.rows.X[held])), uses


def test_a_part_that_nobody_is_in_is_refused() -> None:
    asked = question(split={"temporal": False, "folds": 4, "part": "train"})
    with pytest.raises(PrecursorError, match="part 'train', and the rows came without a split"):
        of_part(on_one_date(), asked)
    elsewhere = Matrix(on_one_date().frame.assign(split="test"), FEATURES)
    with pytest.raises(PrecursorError, match="and the rows have test"):
        of_part(elsewhere, asked)


def test_too_few_outcomes_for_folds_are_told() -> None:
    given = on_one_date(60)
    few = given.frame.assign(label=[1.0] * 5 + [0.0] * (len(given.frame) - 5))
    with pytest.raises(PrecursorError, match="5 with the outcome; each part needs"):
        train(question(**ONE_DATE), Matrix(few, FEATURES), register=False, **QUICK)


def test_a_matrix_alone_is_audited_as_far_as_it_tells(tmp_path: Path) -> None:
    from features.attributes import of_matrix

    given = matrix(people=60)
    who, missing = of_matrix(tmp_path / "matrix.parquet", given)
    assert who is not None
    assert set(who["age_band"]) > {"18-24", "35-49"}
    assert set(who["sex"]) == {"unknown"}
    assert missing.startswith("Not audited by sex and ethnicity")
    assert "--audit" in missing
    people = sorted(set(given.frame["nominal_id"]))
    told = pd.DataFrame({"nominal_id": people[:-1], "sex": "female", "ethnicity": None})
    told.to_parquet(tmp_path / "audit.parquet")
    who, missing = of_matrix(tmp_path / "matrix.parquet", given)
    assert who is not None
    assert missing == ""
    last = given.frame["nominal_id"] == people[-1]
    assert set(who.loc[~last.to_numpy(), "sex"]) == {"female"}
    assert set(who.loc[last.to_numpy(), "sex"]) == {"unknown"}
    assert set(who["ethnicity"]) == {"unknown"}
