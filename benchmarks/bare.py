"""The least that serves a booster: a BentoML endpoint that scores and explains a ready row.

No records, no history, no words, no ledger, no access. What the service takes beyond this is the
price of all these. The booster is named by ``PRECURSOR_BARE``.
"""

from __future__ import annotations

import gc
import os
from typing import Any

import bentoml
import lightgbm as lgb
import numpy as np


class Bare:
    """One row in, margin and contributions out."""

    def __init__(self) -> None:
        self.booster = lgb.Booster(model_file=os.environ["PRECURSOR_BARE"])
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 50, 1_000)

    @bentoml.api(route="/score")  # type: ignore[untyped-decorator]
    def score(self, inputs: list[float]) -> dict[str, Any]:
        """Score and explain one row."""
        row = np.array([inputs])
        parts = self.booster.predict(row, pred_contrib=True, num_threads=1)
        raw = self.booster.predict(row, raw_score=True, num_threads=1)
        return {"raw": float(np.asarray(raw)[0]), "contributions": np.asarray(parts)[0].tolist()}


service: Any = bentoml.service(
    name="bare",
    workers=1,
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
)(Bare)
