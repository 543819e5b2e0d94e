"""Real histories, where they lie: the model against age and priors, later and on other people."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.history import History
from features.ingest.broward import ingest_broward
from features.matrix import build
from training.experiment import train
from training.questions import question

pytestmark = [pytest.mark.real, pytest.mark.slow]


def test_the_model_beats_age_and_priors_and_nothing_leaks(real_data: Path, tmp_path: Path) -> None:
    simple = {"baselines": ("logistic_age_priors",)}
    asked = question("broward_felony_1y").model_copy(update=simple)
    load = ingest_broward(real_data / "compas", tmp_path / "records")
    found = train(
        asked, build(History(load), asked), register=False, origins=1, refits=2, draws=300
    )

    figures = found.evaluation.figures
    assert 0.69 < figures["model"]["auc"].value < 0.73, "above 0.76 there is a leak to find"
    assert 0.67 < figures["logistic_age_priors"]["auc"].value < 0.70
    assert found.evaluation.differences["logistic_age_priors"]["auc"].low > 0
    assert found.text.startswith("LightGBM earns its place")

    beside = found.report["people_folds"]
    assert beside["from"] == "2013-01-01"
    assert 0.725 <= beside["figures"]["model"]["auc"]["value"] < 0.76
    assert beside["differences"]["logistic_age_priors"]["auc"]["low"] > 0
    assert beside["all_rows"]["rows"] > beside["rows"] > 10_000

    assert found.report["split"]["people_apart"]
    assert found.report["split"]["rows_dropped_to_keep_people_apart"] > 2000
    halves = found.report["calibration"]["by_halves"]
    assert halves["slope"] == pytest.approx(1, abs=0.15)
    assert halves["expected"] == pytest.approx(halves["observed"], abs=0.02)
