"""Inputs that change for one group alone are named with the group; tiny groups never are."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
from made_up_matrix import QUICK, matrix, question

from training.drift import Drift, monitor
from training.experiment import Result, train

COLUMN = "suspected_n_365d"
FEW = 9


def who(frame: pd.DataFrame) -> pd.DataFrame:
    """Every third person a woman; nine people of an ethnicity that is too rare to be told."""
    number = frame["nominal_id"].str[1:].astype(int).to_numpy()
    sex = np.where(number % 3 == 0, "female", "male")
    return pd.DataFrame({"sex": sex, "ethnicity": np.where(number < FEW, "rare", "common")})


@cache
def trained() -> Result:
    made = matrix(900, seed=5)
    return train(question(), made, protected=who(made.frame), register=False, origins=1, **QUICK)


def later(*, changed: bool) -> Drift:
    """The next rows of the same making, in which women alone are reported far more often."""
    frame = matrix(900, seed=6).frame.copy()
    people = who(frame)
    if changed:
        women = (people["sex"] == "female").to_numpy()
        frame.loc[women, COLUMN] = frame.loc[women, COLUMN] * 2 + 3
    return monitor(trained().model, frame, people)


def by_group(found: Drift) -> set[str]:
    return {check.words.split(":")[0] for check in found.found if check.kind == "feature"}


def test_what_changed_for_women_alone_is_told_of_women() -> None:
    said = by_group(later(changed=True))
    assert f"{COLUMN}, sex female" in said
    assert f"{COLUMN}, sex male" not in said


def test_nothing_is_told_of_a_group_in_which_nothing_changed() -> None:
    assert not [words for words in by_group(later(changed=False)) if "," in words]


def test_a_group_of_fewer_than_ten_people_is_neither_kept_nor_compared() -> None:
    kept = trained().model.training["reference"]["features_by_group"]
    assert set(kept) == {"sex female", "sex male", "ethnicity common"}
    assert all(len(group["features"]) <= 20 for group in kept.values())
    assert not [check for check in later(changed=True).checks if "rare" in check.words]
