"""Every question that a force would ask gets rows, outcomes and an answer from a made-up force."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from features.history import History
from features.matrix import Matrix, build
from features.question import CohortRule
from features.synthetic import synthesise
from training import sanctions
from training.experiment import train
from training.questions import names, question

FORCE = [name for name in names() if isinstance(question(name).cohort, CohortRule)]
FORCE.remove("chicago_serious_complaint_2y")
REAL = {"broward_felony_1y", "broward_violent_2y", "georgia_3y", "chicago_serious_complaint_2y"}


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    folder: Path = tmp_path_factory.mktemp("force") / "records"
    return History(synthesise(folder, nominals=14_000, years=6, seed=3))


@cache
def rows(history: History, name: str) -> Matrix:
    """A matrix; of questions about many people on half-yearly dates only, to have fewer rows."""
    asked = question(name)
    every = asked.cadence_months if asked.capacity <= 50 else 6
    return build(history, asked.model_copy(update={"cadence_months": every}))


def test_the_questions_are_those_that_were_promised() -> None:
    assert (
        set(names()) - REAL
        == set(FORCE)
        == {
            "domestic_abuse_high_harm",
            "domestic_abuse_violence",
            "stalking_escalation",
            "harassment_escalation",
            "sexual_harm",
            "iom_flex_high_harm",
            "pdp_screen",
            "order_breach",
        }
    )
    assert set(names()) >= REAL


@pytest.mark.parametrize("name", names())
def test_each_question_says_in_a_line_what_its_outcome_is(name: str) -> None:
    asked = question(name)
    assert asked.outcome_words
    assert asked.description
    if name in FORCE:
        assert "Outcome: " in asked.description
        assert asked.outcome.also == "charged", "every outcome is told by charges too"


def test_nothing_calls_members_of_police_staff_offenders() -> None:
    asked = question("chicago_serious_complaint_2y")
    said = " ".join((asked.title, asked.outcome_words, asked.description)).casefold()
    assert "nobody in these records is an offender" in said
    assert said.count("offend") == 1
    assert not {"arp", "vrp", "svrp"} & set(asked.baselines), "they foretell reoffending"
    assert asked.gates == "report"


def test_parts_of_the_stalking_and_harassment_questions_are_the_four_groups() -> None:
    groups = {f"{kind}_{where}" for kind in ("stalking", "harassment")
              for where in ("domestic", "other")}  # fmt: skip
    for name in ("stalking_escalation", "harassment_escalation"):
        assert set(question(name).sub_cohorts) == groups


@pytest.mark.slow
@pytest.mark.parametrize("name", FORCE)
def test_each_question_has_rows_outcomes_and_parts(history: History, name: str) -> None:
    asked, found = question(name), rows(history, name).frame
    assert found["label"].sum() > 40
    assert 0.001 < found["label"].mean() < 0.6
    for part in asked.sub_cohorts:
        inside = found[f"cohort_{part}"]
        assert 0 < inside.mean() <= 1, part
    if asked.cohort.without and asked.cohort.without[0].window == 730:
        grave = found["suspected_high_harm_n_730d"]
        assert (grave == 0).all(), "escalation is by people without any"


@pytest.mark.slow
@pytest.mark.parametrize("name", FORCE)
def test_each_question_is_answered_beside_its_baselines(history: History, name: str) -> None:
    asked = question(name).model_copy(
        update={"baselines": ("base_rate", "rfg", "logistic_age_priors", "vrp")}
    )
    given = rows(history, name)
    given = Matrix(given.frame, given.feature_set, {"load": {"synthetic": True}})
    aside = sanctions.beside(history, given.frame)
    assert sanctions.bases(aside) == ["sanctions", "arrests"]
    found = train(asked, given, beside=aside, register=False, refits=2, draws=20, origins=1, seed=1)
    assert set(found.evaluation.figures) == {"model", *asked.baselines}
    assert found.report["verdict"].startswith("LightGBM ")
    assert 0.5 < found.evaluation.figures["model"]["auc"].value < 0.97
    assert np.isfinite(found.evaluation.figures["vrp"]["auc"].value)
    assert "nothing is fitted" in found.report["baselines"]["vrp"]
