"""Matrices with a known truth, and models trained on them in a second or two."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.catalogue import catalogue
from features.declare import FeatureSet
from features.matrix import Matrix
from features.question import Question
from training.experiment import Result, train

COLUMNS = (
    "person_age",
    "suspected_n_365d",
    "suspected_n_ever",
    "suspected_recency",
    "suspected_violence_n_ever",
    "suspected_harm_sum_365d",
    "custody_detained_n_ever",
    "charged_n_ever",
    "convicted_n_ever",
)
FEATURES: FeatureSet = catalogue().subset(COLUMNS)
DATES = pd.to_datetime(["2019-01-01", "2019-07-01", "2020-01-01", "2022-01-01", "2022-07-01"])
QUICK = {"refits": 4, "draws": 60, "threads": 1, "learning_rate": 0.1}


def question(**changes: object) -> Question:
    """A question on provided rows; `changes` replace its terms."""
    terms: dict[str, object] = {
        "name": "made_up",
        "title": "Made up",
        "outcome_words": "did it again",
        "cohort": {"provided": "made_up"},
        "outcome": {"provided": "made_up"},
        "horizon_days": 365,
        "lag_days": 100,
        "capacity": 50,
        "baselines": ("base_rate", "prior_count", "harm_365", "logistic_age_priors"),
    }
    return Question.model_validate(terms | changes)


def truth(frame: pd.DataFrame, *, twist: float) -> npt.NDArray[np.float64]:
    """True log-odds: age and priors, and a twist that no line in age and priors can follow."""
    young = frame["person_age"] < 30
    priors = np.log1p(frame["suspected_n_ever"].to_numpy(np.float64))
    often = (frame["suspected_violence_n_ever"] > 0) & (frame["suspected_recency"] < 200)
    found = -2.2 + 0.5 * priors - 0.02 * (frame["person_age"] - 35)
    return np.asarray(found + twist * (often & young), float)


def matrix(
    people: int = 700, *, seed: int = 0, twist: float = 2.5, synthetic: bool = True
) -> Matrix:
    """Rows of made-up people on five dates, some of them on each, with labels by `truth`."""
    rng = np.random.default_rng(seed)
    there = rng.random((people, len(DATES))) < 0.8
    person, date = np.nonzero(there)
    pace = rng.gamma(1.0, 2.0, people)[person]
    ever = rng.poisson(pace * (1 + 0.3 * date))
    year = rng.binomial(ever, 0.3)
    values = {
        "person_age": rng.uniform(18, 65, people)[person] + date / 2,
        "suspected_n_365d": year,
        "suspected_n_ever": ever,
        "suspected_recency": np.where(ever > 0, np.round(rng.exponential(300, len(ever))), np.nan),
        "suspected_violence_n_ever": rng.binomial(ever, 0.4),
        "suspected_harm_sum_365d": year * rng.integers(1, 50, len(ever)) * 100,
        "custody_detained_n_ever": rng.binomial(ever, 0.6),
        "charged_n_ever": rng.binomial(ever, 0.4),
        "convicted_n_ever": rng.binomial(ever, 0.2),
    }
    frame = pd.DataFrame(
        {
            "nominal_id": np.array([f"N{number:05d}" for number in person]),
            "as_of_date": DATES[date],
            **values,
        }
    )
    chance = 1 / (1 + np.exp(-truth(frame, twist=twist)))
    label = (rng.random(len(frame)) < chance).astype(float)
    frame.insert(2, "label", label)
    frame.insert(3, "label_charged", np.where(rng.random(len(frame)) < 0.5, label, 0.0))
    frame.insert(4, "outcome_harm", label * rng.integers(1, 5000, len(frame)))
    load = {"synthetic": synthetic, "fingerprint": f"made up with seed {seed}"}
    return Matrix(frame, FEATURES, {"load": load})


MANY_DATES = pd.date_range("2015-01-01", periods=16, freq="182D")


@cache
def history(people: int = 1500, seed: int = 3) -> Matrix:
    """A made-up matrix spread over sixteen dates instead of five."""
    made = matrix(people, seed=seed)
    drawn = np.random.default_rng(seed)
    offset = drawn.integers(0, 4, len(made.frame))
    place = made.frame["as_of_date"].rank(method="dense").astype(int).to_numpy() - 1
    at = MANY_DATES[np.minimum(place * 3 + offset, 15)]
    frame = made.frame.assign(as_of_date=at).drop_duplicates(["nominal_id", "as_of_date"])
    return Matrix(frame.reset_index(drop=True), FEATURES, made.manifest)


@cache
def result(seed: int = 0, people: int = 700) -> Result:
    """A training on made-up rows, not registered; the same one for all tests that only look."""
    return train(question(), matrix(people, seed=seed), register=False, **QUICK)
