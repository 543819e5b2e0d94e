"""The calibration a model is registered with: fitted to the newest labels there are, the test part.

The ranking is left as it was judged; only slope and level of the probabilities follow the recorded
rate of the test period, which is nearest to the scores to come. What that is worth is estimated by
halves: calibrated on one half of the test people, judged on the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from features.types import Floats
from models import calibration, interval
from models.calibration import Calibration
from models.interval import IntervalTable
from training.evaluation import Judged
from training.metrics import brier, calibration_line, person_samples, reliability
from training.splits import FEWEST_POSITIVES, folds

SLOPE_POSITIVES = 200
"""With fewer outcomes the test part says too little of the slope; the training part's stays."""


def final(
    margin: Floats, y: npt.NDArray[np.int64], trained: Calibration, weight: Floats | None = None
) -> Calibration:
    """Return the calibration fitted to the test part.

    Parameters
    ----------
    margin : ndarray, shape (test rows,)
        The booster's margins.
    y : ndarray of 0 and 1, shape (test rows,)
    trained : Calibration
        The one of the training part, whose slope is kept where outcomes are few.
    weight : ndarray, shape (test rows,), optional

    Examples
    --------
    >>> margin = np.linspace(-2, 2, 100)
    >>> y = (np.arange(100) % 2 == 0).astype(int)
    >>> final(margin, y, Calibration(slope=0.9, intercept=-3.0)).slope
    0.9
    """
    positives = float(np.sum(y if weight is None else y * weight))
    if positives < SLOPE_POSITIVES:
        return calibration.level(margin, y, trained.slope, weight)
    return calibration.fit(margin, y, weight)


def by_halves(margin: Floats, judged: Judged, trained: Calibration) -> dict[str, Any] | None:
    """Return how well the test part calibrates itself, each half of its people by the other.

    Returns
    -------
    dict or None
        slope, intercept, expected, observed, brier and bands; None where a half has too few
        outcomes.
    """
    half = folds(judged.people, 2)
    probability = np.zeros(len(judged.y))
    for part in (0, 1):
        inside, outside = half == part, half != part
        positives = int(judged.y[outside].sum())
        if min(positives, int(outside.sum()) - positives) < FEWEST_POSITIVES:
            return None
        line = final(margin[outside], judged.y[outside], trained)
        probability[inside] = line.probability(margin[inside])
    ones = np.ones((1, len(judged.y)))
    slope, intercept = calibration_line(judged.y, probability, ones)
    return {
        "slope": float(slope[0]),
        "intercept": float(intercept[0]),
        "expected": float(probability.mean()),
        "observed": float(judged.y.mean()),
        "brier": float(brier(judged.y, probability)(ones)[0]),
        "bands": reliability(judged.y, probability),
    }


def interval_table(
    margin: Floats, refitted: Floats, judged: Judged, trained: Calibration, seed: int
) -> IntervalTable:
    """Return the interval table of the registered model.

    Parameters
    ----------
    margin : ndarray, shape (test rows,)
        Margins of the model's booster.
    refitted : ndarray, shape (refits, test rows)
        Margins of boosters refitted on halves of the training people; each is calibrated on a
        sample of the test people of its own.
    """
    samples = person_samples(judged.people, len(refitted), seed)[1:]
    scatter = [
        final(again, judged.y, trained, weight).log_odds(again)
        for again, weight in zip(refitted, samples, strict=True)
    ]
    return interval.table(
        final(margin, judged.y, trained).log_odds(margin),
        np.asarray(scatter),
        recorded=judged.y,
        people=judged.people,
        unlearnt=interval.UNLEARNT,
    )
