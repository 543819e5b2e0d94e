"""What a training leaves in MLflow: parameters, figures, plots, tables and fingerprints.

Nothing in it is about one person: tables are aggregated, and the input example is made up.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from features.types import Floats
from models import registry
from models.risk_model import RiskModel
from training import plots, plots_shap
from training.card import card
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
    X: Floats,
    kept: bytes | None = None,
) -> registry.Version:
    """Log everything about a training to the active run and register its model.

    Parameters
    ----------
    model : RiskModel
    evaluation : Evaluation
    report : mapping
    text : str
    gain : mapping
        As `training.evaluation.gain` returns it.
    X : ndarray, shape (test rows, columns)
        For plots of what pulls the scores; no row of it is logged.
    kept : bytes, optional
        The report as it lies beside the model (`models.dossier`).
    """
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
        drawn = plots.draw(Path(temporary), bands, gain, report.get("fairness"))
        for path in [*drawn, *plots_shap.draw(Path(temporary), model, X)]:
            mlflow.log_artifact(str(path), "plots")
    _datasets(model, report)
    _origins(report["backtest"]["origins"][:-1])
    told = card(model, report)
    mlflow.log_text(told, "card.md")
    return registry.log(model, card=told, report=kept)


def _datasets(model: RiskModel, report: Mapping[str, Any]) -> None:
    """Log which rows were used, by fingerprint and schema; no row of them."""
    import mlflow
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.meta_dataset import MetaDataset
    from mlflow.types import ColSpec, DataType, Schema

    load = {key: str(value) for key, value in model.training["load"].items()}
    schema = Schema([ColSpec(DataType.double, name) for name in model.feature_set.names])
    for context in ("training", "test"):
        part = {key: str(value) for key, value in report[context].items()}
        source = CodeDatasetSource(load | part)
        name = f"{model.question.name}, {context} part"
        digest = f"{report['matrix_fingerprint'][:30]}-{context[:4]}"
        rows = MetaDataset(source, name, digest, schema)  # type: ignore[abstract]
        mlflow.log_input(rows, context=context)


def _origins(origins: Sequence[Mapping[str, Any]]) -> None:
    """Log each earlier origin of the backtest as a run below the training's own."""
    import mlflow

    parent = mlflow.active_run()
    for origin in origins:
        with mlflow.start_run(
            experiment_id=parent.info.experiment_id if parent else None,
            run_name=f"origin {origin['test_from']}",
            nested=True,
        ):
            kept = ("test_from", "test_to", "train_before", "training_rows")
            mlflow.log_params({key: origin[key] for key in kept})
            found = origin["evaluation"]["figures"]
            mlflow.log_metrics(
                {
                    f"{method}.{metric}": figure["value"]
                    for method, by_metric in found.items()
                    for metric, figure in by_metric.items()
                    if figure["value"] is not None
                }
            )


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
