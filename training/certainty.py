"""How sure a model is, for whom, and whether that holds: put together for the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.matrix import Matrix
from features.types import Floats
from models.risk_model import RiskModel
from training import cohorts, coverage
from training.contest import Contest


def certainty(
    model: RiskModel,
    held: Contest,
    test: pd.DataFrame,
    final: Floats,
    protected: pd.DataFrame | None,
    *,
    draws: int,
    seed: int,
) -> dict[str, Any]:
    """Return sub-cohorts, abstention and close calls of the rows a model was judged on.

    Parameters
    ----------
    model : RiskModel
    held : Contest
    test : DataFrame
        The test rows with their sub-cohorts.
    final : ndarray, shape (test rows,)
        What people are told.
    protected : DataFrame or None
        Who they are.
    draws, seed : int
    """
    uses = held.fitted.uses()
    used = np.array([at for at, name in enumerate(uses) if uses[name]], dtype=np.int64)
    low, high = model.interval_for(final)
    without = cohorts.insufficient(model.question, held.X, model.feature_set)
    strange = cohorts.unfamiliar(held.rows.X, held.X, used)
    return {
        "sub_cohorts": cohorts.calibrated(
            held.judged, final, cohorts.parts(test), draws=draws, seed=seed
        ),
        "abstention": cohorts.abstained(without, strange, held.judged.people, protected),
        "close_calls": coverage.close_calls(held.judged, low, high, final),
    }


def covered(
    model: RiskModel,
    held: Contest,
    work: Matrix,
    final: Floats,
    at: npt.NDArray[np.int64],
    best: Floats,
) -> list[dict[str, Any]]:
    """Return how often intervals contain the record oracle's value, on a simulated force."""
    low, high = model.interval_for(final[at])
    test = work.frame[held.split.test].iloc[at]
    return coverage.coverage(low, high, final[at], best, cohorts.parts(test))


def in_words(found: Mapping[str, Any]) -> list[str]:
    """Return all of it as lines to print."""
    return [
        *cohorts.in_words(found["sub_cohorts"], found["abstention"]),
        *coverage.in_words(found["close_calls"], found["coverage"]),
    ]
