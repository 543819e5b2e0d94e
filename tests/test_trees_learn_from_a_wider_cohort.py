"""Where outcomes are few the trees learn from a wider cohort too; everything else is of the own."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from made_up_matrix import FEATURES, QUICK, matrix
from made_up_matrix import question as made_up_question
from pydantic import ValidationError

from features.errors import PrecursorError
from features.matrix import Matrix
from features.question import Question
from training import fit
from training.contest import beyond, training_rows
from training.experiment import Result, train
from training.splits import folds, temporal

OWN = {"source": "suspected", "of": ["stalking"], "within_days": 730}
WIDER = {"source": "suspected", "of": ["domestic"], "within_days": 730}
RULES = {"cohort": OWN, "outcome": {"source": "suspected", "of": ["high_harm"]}}


def asked() -> Question:
    return made_up_question(**RULES, learns_from=WIDER)


@cache
def matrices() -> tuple[Matrix, Matrix]:
    """A question's rows, and those of a wider cohort: half of its own and as many people again."""
    every = matrix(3000, seed=11)
    people = every.frame["nominal_id"].rank(method="dense").astype(int)
    own, wider = every.frame[people % 4 == 0], every.frame[people % 4 != 1]
    manifest = {**every.manifest}
    manifest.pop("question", None)
    return (
        Matrix(own.reset_index(drop=True), FEATURES, manifest),
        Matrix(wider.reset_index(drop=True), FEATURES, manifest),
    )


@cache
def trained(wider: bool = True) -> Result:
    own, beyond = matrices()
    given = {"wider": beyond if wider else None}
    return train(asked(), own, register=False, origins=2, **given, **QUICK)  # type: ignore[arg-type]


def test_wider_rows_are_of_the_training_time_and_none_of_them_is_an_own_one() -> None:
    own, wider = matrices()
    split = temporal(own.frame, asked())
    rows = training_rows(own, split, beyond(own, wider))
    assert len(rows.own.y) == split.train.sum()
    own_keys = set(zip(rows.own.people, rows.own.as_of_date, strict=True))
    other_keys = set(zip(rows.beyond.people, rows.beyond.as_of_date, strict=True))
    assert other_keys
    assert not own_keys & other_keys
    assert rows.beyond.as_of_date.max() < np.datetime64(split.train_before)
    assert len(rows.y) == len(own_keys) + len(other_keys)


def test_people_of_the_test_part_are_kept_out_of_wider_rows_where_people_are_kept_apart() -> None:
    own, wider = matrices()
    apart = asked().model_copy(
        update={"split": asked().split.model_copy(update={"people_apart": True})}
    )
    split = temporal(own.frame, apart)
    # the same people again, on days that are nobody's own
    again = wider.frame.copy()
    again["nominal_id"] = own.frame.loc[split.test, "nominal_id"].iloc[0]
    again["as_of_date"] -= np.timedelta64(1, "D")
    rows = training_rows(own, split, Matrix(again, FEATURES, wider.manifest))
    assert len(rows.beyond.y) == 0
    assert len(rows.own.y) == split.train.sum()


def test_nobody_is_judged_by_a_fold_that_learned_from_them_under_either_cohort() -> None:
    own, _ = matrices()
    rows = training_rows(own, temporal(own.frame, asked()))
    held = folds(rows.people, fit.FOLDS) == 0
    # who is held out has wider rows that tell the outcome; a fold that saw them would shine
    told = np.repeat(np.flatnonzero(held), 5)
    both = np.concatenate([np.arange(len(rows.y)), told])
    more = replace(
        rows,
        X=rows.X[both],
        y=np.concatenate([rows.y, 1 - rows.y[told]]),
        people=rows.people[both],
        as_of_date=rows.as_of_date[both],
        wider=len(told),
    )
    alone = fit.fit(rows, **QUICK)
    seen = fit.fit(more, **QUICK)
    assert len(seen.unseen) == len(rows.y)
    # the fold model of those held out had none of these rows: only the number of trees may differ
    same = fit.fit(rows, num_iterations=seen.trees, **QUICK)
    assert np.corrcoef(same.unseen[held], seen.unseen[held])[0, 1] > 0.95
    assert np.corrcoef(alone.unseen[~held], seen.unseen[~held])[0, 1] < 0.99


def test_the_report_says_what_was_learned_from_and_judges_the_own_rows_alone() -> None:
    with_wider, without = trained(), trained(wider=False)
    told = with_wider.report["wider"]
    assert told["rows"] > with_wider.report["training"]["rows"]
    assert "of a wider cohort too" in with_wider.text
    assert with_wider.report["test"] == without.report["test"]
    assert with_wider.report["training"] == without.report["training"]
    assert with_wider.model.text != without.model.text
    assert with_wider.model.training["wider"] == told
    assert without.report["wider"]["rows"] == 0
    assert "own rows alone" in without.text
    assert len(with_wider.report["backtest"]["origins"]) == 2


def test_rows_of_another_cohort_are_refused_as_wider_ones() -> None:
    own, wider = matrices()
    other = asked().model_copy(update={"horizon_days": 182}).to_data()
    lying = Matrix(wider.frame, FEATURES, {**wider.manifest, "question": other})
    with pytest.raises(PrecursorError, match=r"made for another question: .*horizon_days"):
        train(asked(), own, wider=lying, register=False, **QUICK)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cohort": {"provided": "again"}, "learns_from": WIDER}, "an outcome by rule"),
        ({**RULES, "learns_from": WIDER, "split": {"folds": 5}}, "without folds of people"),
        ({**RULES, "learns_from": {"source": "nowhere"}}, "no source 'nowhere'"),
    ],
)
def test_a_wider_cohort_that_cannot_be_is_refused_in_words(
    changes: dict[str, object], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        made_up_question(**changes)
