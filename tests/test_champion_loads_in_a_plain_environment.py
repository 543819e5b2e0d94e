"""A registered model needs MLflow and LightGBM where it is loaded, and nothing of Precursor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up_matrix import FEATURES, matrix
from made_up_registry import registry_in

from features.errors import NotFound, UsageError
from models import registry
from models.explanation import group_contributions
from models.risk_model import RiskModel

PLAIN = """
import json, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("features", "models", "training", "serving", "precursor"):
            raise ModuleNotFoundError(f"{name} is not installed here")

sys.meta_path.insert(0, Blocked())
import mlflow, numpy, pandas

model = mlflow.pyfunc.load_model("models:/made_up@champion")
frame = pandas.read_parquet("rows.parquet")
model.predict(frame).to_parquet("scores.parquet")
refusals = []
for wrong in (
    frame.drop(columns=["person_age"]),
    frame.assign(person_age=numpy.nan),
    frame.assign(charged_n_ever=numpy.inf),
):
    try:
        model.predict(wrong)
        refusals.append("accepted")
    except Exception as refused:
        refusals.append(str(refused))
ours = [name for name in sys.modules if name.split(".")[0] in ("features", "models", "training")]
print(json.dumps({"refusals": refusals, "ours": ours}))
"""


@pytest.fixture
def store(precursor_home: Path) -> tuple[RiskModel, RiskModel]:
    """The registry in this test's home; its two models, oldest first."""
    first, second = registry_in(precursor_home)
    return first.model, second.model


def test_the_champion_scores_without_any_package_of_ours(
    store: tuple[RiskModel, RiskModel], precursor_home: Path, tmp_path: Path
) -> None:
    registry.set_alias("made_up", "champion", 1)
    frame = matrix(seed=21, people=60).frame[FEATURES.names]
    frame.astype(float).to_parquet(tmp_path / "rows.parquet")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PRECURSOR"))}
    environment["MLFLOW_TRACKING_URI"] = f"sqlite:///{precursor_home / 'mlflow' / 'mlflow.db'}"
    run = subprocess.run(
        [sys.executable, "-I", "-c", PLAIN],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout.splitlines()[-1])
    assert told["ours"] == []
    missing, empty, infinite = told["refusals"]
    assert "person_age" in missing
    assert "'person_age' is empty in" in empty
    assert "'charged_n_ever' is empty in 0 and infinite in" in infinite

    model = store[0]
    scores = pd.read_parquet(tmp_path / "scores.parquet")
    rows = model.check(frame)
    base, parts = model.contributions(rows)
    groups = scores[[f"group:{group}" for group in FEATURES.groups]].to_numpy()
    assert np.allclose(scores["probability"], model.probability(rows), rtol=0, atol=1e-15)
    assert (scores["log_odds"] == model.log_odds(rows)).all()
    assert (scores["base"] == base).all()
    assert np.allclose(groups, group_contributions(FEATURES, parts), rtol=0, atol=1e-12)
    assert np.allclose(scores["base"] + groups.sum(axis=1), scores["log_odds"], atol=1e-9)


def test_what_is_fetched_is_what_was_trained(store: tuple[RiskModel, RiskModel]) -> None:
    for number, model in enumerate(store, start=1):
        fetched, version = registry.fetch("made_up", str(number))
        assert (version, fetched.sha256) == (number, model.sha256)
        assert fetched.files == model.files
    assert registry.find("made_up", "challenger").number == 2
    assert [version.number for version in registry.versions("made_up")] == [1, 2]


def test_the_run_holds_parameters_figures_tables_plots_and_fingerprints(
    store: tuple[RiskModel, RiskModel],
) -> None:
    version = registry.find("made_up", 1)
    client = registry.connect()
    run = client.get_run(version.run_id)
    assert run.info.status == "FINISHED"
    figures = store[0].training["evaluation"]["figures"]
    assert run.data.metrics["model.auc"] == figures["model"]["auc"]["value"]
    assert "minus_logistic_age_priors.auc.low" in run.data.metrics
    assert run.data.params["parameters.max_depth"] == "3"
    assert run.data.params["split.test_from"] == "2022-07-01"
    assert run.data.tags["matrix_fingerprint"] == store[0].training["matrix_fingerprint"]
    assert run.data.tags["feature_fingerprint"] == FEATURES.fingerprint
    listed = {entry.path for entry in client.list_artifacts(version.run_id)}
    assert {"report.txt", "report.json", "question.json", "tables", "plots"} <= listed
    plots = {entry.path for entry in client.list_artifacts(version.run_id, "plots")}
    drawn = {"calibration", "gain", "contributions_by_group", "shap_bar"}
    assert {f"plots/{name}.svg" for name in drawn} <= plots


def test_mlflow_holds_nothing_of_a_person(store: tuple[RiskModel, RiskModel]) -> None:
    import mlflow

    people = set(matrix(people=2500, seed=12, twist=3.0).frame["nominal_id"])
    run_id = registry.find("made_up", 1).run_id
    places = [
        Path(mlflow.artifacts.download_artifacts("models:/made_up/1")),
        Path(mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="")),
    ]
    seen = 0
    files = [path for place in places for path in place.rglob("*") if path.is_file()]
    # loading code writes a compiled copy beside it
    for path in (path for path in files if path.suffix != ".pyc"):
        text = path.read_text(encoding="latin-1")  # a picture too may hold a name
        seen += 1
        assert not [name for name in people if name in text], path
    assert seen > 10


def test_the_input_example_is_made_up_and_accepted(store: tuple[RiskModel, RiskModel]) -> None:
    example = registry.made_up(store[0])
    assert store[0].check(example).shape == (2, len(FEATURES.columns))
    rows = matrix(people=2500, seed=12, twist=3.0).frame[FEATURES.names].astype(float)
    assert not rows.merge(example, how="inner").shape[0]


def test_an_unknown_question_and_an_unpromoted_model_name_the_next_command(
    store: tuple[RiskModel, RiskModel],
) -> None:
    with pytest.raises(NotFound, match="there are models for: made_up") as unknown:
        registry.fetch("nobody_asked", "champion")
    assert unknown.value.remedy == "Train one: precursor train nobody_asked RECORDS."
    with pytest.raises(NotFound, match=r"has no champion; .* 1, 2 \(challenger\)") as none:
        registry.fetch("made_up", registry.CHAMPION)
    assert none.value.remedy == "Promote one: precursor promote made_up 2 --reason TEXT."
    for odd_version in ("9", "01", "-1", "9" * 30, "one"):
        with pytest.raises(NotFound, match=f"no version '{odd_version}'"):
            registry.fetch("made_up", odd_version)
    for name in ("a' OR '1'='1", "Made_up", "é_made_up", "7_days", "ab", "a" * 64, "made_up\n"):
        with pytest.raises(UsageError, match="is no question's name") as odd:
            registry.versions(name)
        assert "3 to 63 small letters" in odd.value.remedy


def test_what_serving_needs_does_not_load_mlflow() -> None:
    code = (
        "import sys, models.champions, models.words, models.explanation, models.registry;"
        "assert not {'mlflow', 'matplotlib', 'shap', 'training'} & set(sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
