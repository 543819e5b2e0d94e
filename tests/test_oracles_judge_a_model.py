"""Oracles beside a model: its distance is told, a leak is found, and honesty raises no alarm."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from features.catalogue import catalogue
from features.errors import PrecursorError, UsageError
from features.history import History
from features.labels import training_dates
from features.loads import Load
from features.matrix import Matrix, build
from features.question import Question
from features.synthetic import Switches, synthesise
from training import experiment, fit
from training.commands import train as train_command
from training.oracles_distance import Distance, Oracles, measure
from training.oracles_record import RecordOracle, Universe, inputs, learn, universe
from training.oracles_soft import SoftRows
from training.oracles_truth import Truth, open_truth
from training.splits import temporal

DATA_TO = date(2026, 1, 31)
QUESTION = Question(
    name="high_harm_soon",
    title="High harm by anybody suspected",
    outcome_words="named as suspect in a high-harm offence within a year",
    cohort={"source": "suspected", "within_days": 730},
    outcome={"source": "suspected", "of": ["high_harm"]},
    horizon_days=365,
    cadence_months=6,
    capacity=50,
    split={"test_share": 0.25},
    baselines=("base_rate",),
)
LEAKY = "suspected_n_30d"
# four columns that a model may use either way, as the made-up risk below does
FREE = catalogue().subset(
    [f"suspected_{kind}_n_ever" for kind in ("theft", "burglary", "driving", "fraud")]
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Load, Truth, Matrix]:
    folder = tmp_path_factory.mktemp("world")
    load = synthesise(folder / "other", nominals=10, years=5, seed=1)
    dates = training_dates(load, QUESTION, date(2019, 2, 1))
    load = synthesise(
        folder / "records",
        nominals=2_500,
        years=5,
        seed=31,
        truth=folder / "truth",
        truth_at={at: [365] for at in dates[-3:]},
        switches=Switches(duplicates=0.02),
    )
    matrix = build(History(load), QUESTION, at=dates)
    return load, open_truth(folder / "truth", load), matrix


def fitted(world: tuple[Load, Truth, Matrix], matrix: Matrix) -> experiment.Result:
    _, truth, _ = world
    oracles = Oracles(QUESTION, truth, universes=2)
    changes = {"learning_rate": 0.1}
    return experiment.train(
        QUESTION, matrix, oracles=oracles, register=False, refits=2, draws=20, **changes
    )


def test_the_report_tells_the_distance_to_both_oracles(
    world: tuple[Load, Truth, Matrix],
) -> None:
    said: list[str] = []
    _, truth, matrix = world
    oracles = Oracles(QUESTION, truth, universes=2, progress=said.append)
    result = experiment.train(QUESTION, matrix, oracles=oracles, register=False, refits=2, draws=20)
    found = result.report["oracles"]
    figures = found["figures"]
    assert found["synthetic"] is True
    assert found["alarmed"] is False
    assert 0.5 < figures["record_oracle"]["auc"] < figures["full_state_oracle"]["auc"]
    assert figures["model"]["auc"] < figures["full_state_oracle"]["auc"]
    share = (figures["model"]["auc"] - 0.5) / (figures["record_oracle"]["auc"] - 0.5)
    assert found["share_of_record_oracle"] == pytest.approx(share)
    assert figures["full_state_oracle"]["regret"] < figures["record_oracle"]["regret"]
    low, high = found["full_state_bounds"]
    assert 0.5 < low < high < 1
    assert found["rows_without_truth"] > 0  # second records of one person
    assert f"{share:.1%} of the record oracle's soft AUC above chance" in result.text
    assert "synthetic" in result.text
    assert "they say nothing about people" in result.text
    assert any("universe 2 of 2" in line for line in said)
    assert not any("universe" in line for line in again(world))


def again(world: tuple[Load, Truth, Matrix]) -> list[str]:
    """Ask once more: what the record oracle said of these rows was kept."""
    _, truth, matrix = world
    said: list[str] = []
    work = matrix.labelled().frame.sort_values(["nominal_id", "as_of_date"], kind="stable")
    work = work.reset_index(drop=True)
    test = Matrix(work[temporal(work, QUESTION).test], matrix.feature_set, matrix.manifest)
    Oracles(QUESTION, truth, universes=2, progress=said.append).judge(
        test, np.full(len(test.frame), 0.03)
    )
    return said


def test_a_column_that_knows_the_future_raises_the_alarm(
    world: tuple[Load, Truth, Matrix],
) -> None:
    matrix = world[2].labelled()
    frame = matrix.frame.copy()
    blurred = np.random.default_rng(1).random(len(frame)) < 0.3
    frame[LEAKY] = np.where(blurred, frame[LEAKY], frame["label"])
    with pytest.raises(PrecursorError, match="leakage alarm") as alarm:
        fitted(world, Matrix(frame, matrix.feature_set, matrix.manifest))
    assert alarm.value.code == "leakage_alarm"
    assert "No model was registered" in alarm.value.remedy


def made_up(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return columns that are recorded, one that is not, and the true chance from both."""
    X = rng.standard_normal((rows, 4)).astype(np.float32)
    hidden = rng.standard_normal(rows)
    p = 1 / (1 + np.exp(3 - X[:, 0] - 0.5 * X[:, 1] * (X[:, 2] > 0) - hidden))
    return X, hidden, p


def judged(seed: int, peek: float = 0.0) -> Distance:
    rng = np.random.default_rng(seed)
    others = [Universe(X, p) for X, _, p in (made_up(rng, 3_000) for _ in range(3))]
    X, hidden, p = made_up(rng, 3_000)
    y = (rng.random(len(p)) < p).astype(int)
    train, _, q = made_up(rng, 8_000)
    rows = fit.Rows(
        X=train.astype(np.float64),
        y=(rng.random(len(q)) < q).astype(int),
        people=np.arange(len(q)).astype(str),
        as_of_date=np.full(len(q), np.datetime64("2020-01-01")),
        feature_set=FREE,
    )
    model = fit.fit(rows, learning_rate=0.1)
    score = model.calibration.probability(model.margin(X.astype(np.float64)) + peek * hidden)
    people = np.arange(len(p)).astype(str)
    soft = SoftRows(p, p, people, 100, np.zeros(len(p)))
    return measure(soft, y, score, learn(others).score(X), seed=seed)


def test_an_honest_model_raises_no_alarm_and_a_peep_at_what_is_hidden_does() -> None:
    honest = judged(0)
    assert not honest.alarmed
    assert 0.9 < honest.share < 1.03
    assert judged(0, peek=0.6).alarmed


@pytest.mark.slow
def test_honest_models_of_many_worlds_raise_no_alarm() -> None:
    assert not any(judged(seed).alarmed for seed in range(1, 9))


def test_the_record_oracle_comes_near_the_mean_chance_given_the_records_from_below() -> None:
    rng = np.random.default_rng(8)
    X, _, p = made_up(rng, 10_000)
    draws = rng.standard_normal((1, 400))
    known = 3 - X[:, 0] - 0.5 * X[:, 1] * (X[:, 2] > 0)
    best = (1 / (1 + np.exp(known[:, None] - draws))).mean(axis=1)
    rows = SoftRows(p, p, np.arange(len(p)).astype(str), 100, np.zeros(len(p)))
    y = (rng.random(len(p)) < p).astype(int)
    reached = []
    for size in (400, 6_000):
        others = [Universe(x, q) for x, _, q in (made_up(rng, size) for _ in range(3))]
        oracle = learn(others).score(X)
        limit = RecordOracle(best, np.array([best, best]), 0, 0)
        ceiling = measure(rows, y, best, limit, draws=2).figures["model"]["auc"]
        reached.append(measure(rows, y, oracle.probability, oracle, draws=2).figures["model"])
    small, large = (one["auc"] for one in reached)
    assert small < large < ceiling
    assert ceiling - large < 0.01


def test_a_universe_is_another_world_of_the_same_making(
    world: tuple[Load, Truth, Matrix],
) -> None:
    _, truth, matrix = world
    at = [matrix.frame["as_of_date"].max().date()]
    small = Truth(truth.folder, truth.told | {"nominals": 300, "years": 2})
    one, same, other = (universe(QUESTION, small, number, at) for number in (1, 1, 2))
    assert np.array_equal(one.X, same.X, equal_nan=True)
    assert np.array_equal(one.p, same.p)
    assert one.X.shape[1] == other.X.shape[1] == inputs(matrix).shape[1]
    assert one.p.sum() != other.p.sum()


def test_rows_on_other_dates_than_the_truth_has_are_refused(
    world: tuple[Load, Truth, Matrix],
) -> None:
    _, truth, matrix = world
    early = matrix.frame[matrix.frame["as_of_date"] == matrix.frame["as_of_date"].min()]
    rows = Matrix(early.reset_index(drop=True), matrix.feature_set, matrix.manifest)
    with pytest.raises(PrecursorError, match="no risk on the test dates"):
        Oracles(QUESTION, truth).judge(rows, np.full(len(early), 0.1))


def test_the_truth_without_its_records_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs the records"):
        train_command("domestic_abuse_high_harm", ready=tmp_path / "m.parquet", truth=tmp_path)
