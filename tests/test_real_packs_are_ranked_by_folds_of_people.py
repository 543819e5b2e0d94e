"""Real histories, where they lie: other people of the same years, beside what was published."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.history import History
from features.ingest.broward import ingest_broward
from features.ingest.georgia import ingest_georgia
from features.matrix import build
from features.ready import read_ready
from training import people_folds, sanctions
from training.evaluation import evaluate
from training.questions import question
from training.splits import of_part

pytestmark = [pytest.mark.real, pytest.mark.slow]


def test_violence_is_ranked_about_as_well_as_by_the_published_predictor(
    real_data: Path, tmp_path: Path
) -> None:
    names = ("logistic_age_priors", "vrp", "svrp")
    asked = question("broward_violent_2y").model_copy(update={"baselines": names})
    history = History(ingest_broward(real_data / "compas", tmp_path / "records"))
    work = build(history, asked).labelled()
    aside = sanctions.beside(history, work.frame)
    held = people_folds.contest_over_people(asked, work, beside=aside, threads=1)
    found = evaluate(held.judged, held.scores, draws=100)
    assert found.positives == 305
    assert 0.65 < found.figures["model"]["auc"].value < 0.71
    assert 0.66 < found.figures["vrp"]["auc"].value < 0.70
    assert abs(found.differences["vrp"]["auc"].value) < 0.03


def test_georgia_is_ranked_as_well_as_a_fair_reference(real_data: Path, tmp_path: Path) -> None:
    asked = question("georgia_3y").model_copy(update={"baselines": ("logistic_full",)})
    given = read_ready(ingest_georgia(real_data / "nij", tmp_path / "georgia").matrix)
    work = of_part(given, asked).labelled()
    held = people_folds.contest_over_people(asked, work, threads=1)
    found = evaluate(held.judged, held.scores, draws=100)
    assert 0.713 <= found.figures["model"]["auc"].value < 0.735, "above there is a leak to find"
    assert 0.20 < found.figures["model"]["brier"].value <= 0.209
