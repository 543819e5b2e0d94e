"""What a training leaves in MLflow: parameters, figures, plots, tables and fingerprints.

Nothing in it is about one person: tables are aggregated, and the input example is made up.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from models import registry
from models.risk_model import RiskModel
from training import plots
from training.evaluation import Evaluation


@contextmanager
def run(question: str) -> Iterator[str]:
    """Open an MLflow run for a question and yield its id; `mlflow run` has opened one already."""
    registry.connect()
    import mlflow

    if os.environ.get("MLFLOW_RUN_ID"):
        opened = mlflow.start_run()
    else:
        opened = mlflow.start_run(
            experiment_id=registry.experiment(question),
            run_name=question,
            nested=mlflow.active_run() is not None,
        )
    with opened:
        yield str(opened.info.run_id)


def record(
    model: RiskModel,
    evaluation: Evaluation,
    report: Mapping[str, Any],
    text: str,
    gain: Mapping[str, Any],
) -> registry.Version:
    """Log everything about a training to the active run and register its model."""
    import mlflow

    mlflow.set_tags(
        {
            "question": model.question.name,
            "synthetic": str(model.synthetic).lower(),
            "matrix_fingerprint": report["matrix_fingerprint"],
            "load_fingerprint": str(model.training["load"].get("fingerprint", "")),
            "feature_fingerprint": model.feature_set.fingerprint,
            "model_sha256": model.sha256,
            "verdict": report["verdict"],
        }
    )
    mlflow.log_params(_flat({key: model.training[key] for key in ("split", "parameters")}))
    mlflow.log_params(
        {
            "trees": model.training["trees"],
            "seed": model.training["seed"],
            "slope": model.slope,
            "intercept": model.intercept,
            "horizon_days": model.question.horizon_days,
            "lag_days": model.question.lag_days,
            "capacity": model.question.capacity,
        }
    )
    mlflow.log_metrics(_metrics(evaluation))
    mlflow.log_text(text, "report.txt")
    mlflow.log_dict(dict(report), "report.json")
    mlflow.log_dict(model.question.to_data(), "question.json")
    mlflow.log_dict({"calibration": evaluation.bands, "gain": dict(gain)}, "tables/evaluation.json")
    mlflow.log_dict(
        {name: dict(cells) for name, cells in evaluation.confusion.items()},
        "tables/confusion_at_capacity.json",
    )
    if report.get("fairness") is not None:
        mlflow.log_dict(dict(report["fairness"]), "tables/fairness.json")
    with tempfile.TemporaryDirectory() as temporary:
        bands = {"as trained": evaluation.bands}
        if report["calibration"]["by_halves"] is not None:
            bands["by the other half of people"] = report["calibration"]["by_halves"]["bands"]
        for path in plots.draw(Path(temporary), bands, gain):
            mlflow.log_artifact(str(path), "plots")
    return registry.log(model)


def _metrics(evaluation: Evaluation) -> dict[str, float]:
    found = {}
    for method, by_metric in evaluation.figures.items():
        for metric, figure in by_metric.items():
            found[f"{method}.{metric}"] = figure.value
            found[f"{method}.{metric}.low"] = figure.low
            found[f"{method}.{metric}.high"] = figure.high
    for baseline, by_metric in evaluation.differences.items():
        for metric, figure in by_metric.items():
            found[f"minus_{baseline}.{metric}"] = figure.value
            found[f"minus_{baseline}.{metric}.low"] = figure.low
            found[f"minus_{baseline}.{metric}.high"] = figure.high
    return {name: value for name, value in found.items() if np.isfinite(value)}


def _flat(nested: Mapping[str, Any]) -> dict[str, str]:
    return {
        f"{outer}.{inner}": json.dumps(value, default=str).strip('"')
        for outer, entries in nested.items()
        for inner, value in entries.items()
    }
