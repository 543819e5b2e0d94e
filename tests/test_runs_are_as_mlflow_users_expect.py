"""One experiment a question; runs below runs, datasets by fingerprint, plots, card and example."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up_matrix import QUICK, history, matrix, question

from models import registry
from training.experiment import Result, train


def registered() -> Result:
    who = matrix_of_people()
    return train(question(), history(900), protected=who, origins=2, **QUICK)


def matrix_of_people() -> pd.DataFrame:
    people = history(900).frame["nominal_id"]
    drawn = np.random.default_rng(1).choice(["female", "male"], len(people))
    return pd.DataFrame({"sex": drawn})


def test_a_training_leaves_what_its_users_look_for() -> None:
    import mlflow

    result = registered()
    version = result.version
    assert version is not None
    client = registry.connect()
    run = client.get_run(version.run_id)
    assert client.get_experiment(run.info.experiment_id).name == "made_up"
    below = client.search_runs(
        [run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run.info.run_id}'"
    )
    assert [child.info.run_name for child in below] == [
        f"origin {result.report['backtest']['origins'][0]['test_from']}"
    ]
    assert 0.4 < below[0].data.metrics["model.auc"] < 1
    rows = {entry.dataset.name: entry.dataset for entry in run.inputs.dataset_inputs}
    assert set(rows) == {"made_up, training part", "made_up, test part"}
    for dataset in rows.values():
        assert dataset.digest.startswith(result.report["matrix_fingerprint"][:30])
        assert "suspected_n_ever" in dataset.schema
    plots = {entry.path for entry in client.list_artifacts(run.info.run_id, "plots")}
    wanted = {"calibration.svg", "gain.svg", "subgroups.svg", "contributions_by_group.svg"}
    assert {f"plots/{name}" for name in wanted | {"shap_bar.svg"}} <= plots
    place = Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="plots"))
    for path in place.iterdir():
        content = path.read_bytes()
        assert content.startswith(b"\x89PNG") or b"<svg" in content

    entry = registry.connect().get_model_version("made_up", str(version.number))
    for said in ("Predicts", "Not for", "Leakage proof", "no figure here is performance on people"):
        assert said in entry.description
    info = mlflow.models.get_model_info(f"models:/made_up/{version.number}")
    assert info.signature is not None
    assert len(info.signature.inputs.inputs) == len(result.model.feature_set.columns)
    people = set(history(900).frame["nominal_id"])
    assert not [name for name in people if name in entry.description]


@pytest.mark.slow
def test_real_people_have_no_dot_in_any_plot() -> None:
    real = matrix(synthetic=False)
    found = train(question(), real, origins=1, **QUICK)
    assert found.version is not None
    entries = registry.connect().list_artifacts(found.version.run_id, "plots")
    assert "plots/shap_summary.png" not in {entry.path for entry in entries}
