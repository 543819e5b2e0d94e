"""The model as MLflow serves it: this one file, the booster's text and the manifest, nothing else.

It is logged as "model from code" and needs no package of Precursor where it is loaded:
``mlflow.pyfunc.load_model("models:/QUESTION@champion").predict(frame)``. It keeps the contract of
`models.contract` (columns by name, nothing empty or infinite that was not so in training) and
returns one row for each input row: ``probability``, ``log_odds``, ``base``, and a column
``group:NAME`` for each feature group; base and groups add up to log_odds.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

TOLERANCE = 1e-9


class Scorer(PythonModel):
    """Calibrated probabilities with the contributions of each feature group."""

    def load_context(self, context: Any) -> None:
        """Read the booster's text and the manifest; a booster that was changed is refused."""
        text = Path(context.artifacts["booster"]).read_bytes()
        self.manifest = json.loads(Path(context.artifacts["manifest"]).read_text("utf-8"))
        if hashlib.sha256(text).hexdigest() != self.manifest["booster_sha256"]:
            raise ValueError("booster.txt was changed after it was saved. Fetch the model again.")
        self.booster = lgb.Booster(model_str=text.decode())
        self.columns = self.manifest["feature_set"]["columns"]
        self.groups = list(dict.fromkeys(column["group"] for column in self.columns))

    def inputs(self, frame: pd.DataFrame) -> np.ndarray:
        """Return the columns in the model's order, or refuse the frame with all that is wrong."""
        names = [column["name"] for column in self.columns]
        missing = [name for name in names if name not in frame.columns]
        unknown = [str(name) for name in frame.columns if name not in names]
        if missing or unknown:
            raise ValueError(
                f"Missing columns: {missing}; columns the model does not know: {unknown}."
                " Give exactly the columns of the model's signature, in any order."
            )
        values = np.ascontiguousarray(frame[names].to_numpy(np.float64, na_value=np.nan))
        nullable = set(self.manifest["nullable"])
        wrong = [
            f"'{name}' is empty in {empty} and infinite in {endless} of {len(values)} rows"
            for name, empty, endless in zip(
                names, np.isnan(values).sum(axis=0), np.isinf(values).sum(axis=0), strict=True
            )
            if endless or (empty and name not in nullable)
        ]
        if wrong:
            raise ValueError(
                f"Columns that never were so in training: {'; '.join(wrong)}."
                " Leave these rows out, or mend the records behind them."
            )
        for name, value in self.manifest.get("empty", {}).items():
            column = values[:, names.index(name)]
            column[np.isnan(column)] = value
        return values

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Return probability, log_odds, base and group contributions for each row."""
        values = self.inputs(model_input)
        slope = self.manifest["calibration"]["slope"]
        intercept = self.manifest["calibration"]["intercept"]
        log_odds = slope * self.booster.predict(values, raw_score=True) + intercept
        parts = np.asarray(self.booster.predict(values, pred_contrib=True))
        sums = np.zeros((len(values), len(self.groups)))
        for place, column in enumerate(self.columns):
            sums[:, self.groups.index(column["group"])] += slope * parts[:, place]
        base = slope * parts[:, -1] + intercept
        gap = np.abs(base + sums.sum(axis=1) - log_odds)
        if not (gap < TOLERANCE).all():
            raise ValueError(f"Contributions miss the score by up to {gap.max():.3g} log-odds.")
        found = {
            "probability": 1 / (1 + np.exp(-log_odds)),
            "log_odds": log_odds,
            "base": base,
            **{f"group:{group}": sums[:, place] for place, group in enumerate(self.groups)},
        }
        return pd.DataFrame(found, index=model_input.index)


set_model(Scorer())
