"""Calibration: turns a booster's margin into log-odds that can be read as a probability.

It is affine in log-odds, ``slope * margin + intercept``, because then everything that adds up to
the margin still adds up to the calibrated log-odds: contributions are multiplied by the slope and
the base takes the intercept. An isotonic calibration would fit the training part more closely, but
it is a staircase: contributions no longer add up to the score, thousands of people share a few
dozen steps, and some are told exactly 0 or 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from features.errors import PrecursorError
from features.types import Floats

STEEPEST_SHIFT = 50.0  # log-odds; no recorded rate lies further from a margin than this


@dataclass(frozen=True)
class Calibration:
    """How a margin becomes calibrated log-odds: a slope above zero, and an intercept.

    Parameters
    ----------
    slope, intercept : float
        Log-odds for each unit of margin, and log-odds at margin 0.
    note : str
        Says in plain words when the slope could not be estimated; empty otherwise.

    Examples
    --------
    >>> Calibration(slope=0.5, intercept=-1.0).log_odds(np.array([0.0, 2.0])).tolist()
    [-1.0, 0.0]
    """

    slope: float = 1.0
    intercept: float = 0.0
    note: str = ""

    def __post_init__(self) -> None:
        if not (np.isfinite(self.slope) and np.isfinite(self.intercept) and self.slope > 0):
            raise PrecursorError(
                f"calibration: slope {self.slope} and intercept {self.intercept} do not keep the"
                " order of the scores",
                remedy="Fit it again with models.calibration.fit, on rows with both outcomes.",
            )

    def log_odds(self, margin: npt.ArrayLike) -> Floats:
        """Return calibrated log-odds for margins of any shape."""
        return self.slope * np.asarray(margin, dtype=np.float64) + self.intercept

    def probability(self, margin: npt.ArrayLike) -> Floats:
        """Return calibrated probabilities, strictly between 0 and 1, for margins."""
        return np.asarray(expit(self.log_odds(margin)), dtype=np.float64)


def fit(
    margin: npt.ArrayLike,
    y: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    newest: npt.ArrayLike | None = None,
) -> Calibration:
    """Fit the calibration on rows that the booster has not seen.

    The slope says how far the booster overstates differences between people, which every row tells;
    the level drifts with the recorded rate, which the newest rows tell best.

    Parameters
    ----------
    margin : array of float, shape (rows,)
        Margins, predicted for rows outside the booster's own training rows.
    y : array of 0 and 1, shape (rows,)
        What was recorded.
    weight : array of float, shape (rows,), optional
        How often each row counts; once by default.
    newest : array of bool, shape (rows,), optional
        Rows to which the level is fitted; all by default.

    Returns
    -------
    Calibration
        With slope 1 and a shifted intercept, and a note that says so, where the fitted slope is
        not above zero: then the margins do not rank these rows, and turning the ranking around
        would be no calibration.

    Raises
    ------
    PrecursorError
        When all rows have the same outcome: nothing can be calibrated on them.

    Examples
    --------
    >>> generator = np.random.default_rng(0)
    >>> margin = generator.normal(size=20_000)
    >>> y = generator.random(20_000) < expit(0.5 * margin - 2)
    >>> found = fit(margin, y)
    >>> round(found.slope, 1), round(found.intercept, 1)
    (0.5, -2.0)
    """
    values = np.asarray(margin, dtype=np.float64)
    label = np.asarray(y).astype(np.int64)
    counts = np.ones(len(label)) if weight is None else np.asarray(weight, dtype=np.float64)
    used = counts > 0
    last = used if newest is None else used & np.asarray(newest, dtype=bool)
    _both_outcomes(label[used], "rows")
    _both_outcomes(label[last], "newest rows")
    # C=inf is "no penalty": a penalty would pull the slope towards 0 and blunt every probability.
    line = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    line.fit(values[used, None], label[used], sample_weight=counts[used])
    slope, note = float(line.coef_[0, 0]), ""
    if slope <= 0:
        note = f"The fitted slope was {slope:.3g}, so it was left at 1 and only the level fitted."
        slope = 1.0
    elif newest is None:
        return Calibration(slope, float(line.intercept_[0]))
    return Calibration(slope, _shift(slope * values[last], label[last], counts[last]), note)


def level(
    margin: npt.ArrayLike, y: npt.ArrayLike, slope: float, weight: npt.ArrayLike | None = None
) -> Calibration:
    """Fit the level only, so that the mean probability of these rows is their recorded rate.

    Examples
    --------
    >>> found = level([0.0, 1.0, 2.0, 3.0], [0, 0, 0, 1], slope=0.5)
    >>> round(float(found.probability([0.0, 1.0, 2.0, 3.0]).mean()), 6)
    0.25
    """
    values = np.asarray(margin, dtype=np.float64)
    label = np.asarray(y).astype(np.int64)
    counts = np.ones(len(label)) if weight is None else np.asarray(weight, dtype=np.float64)
    _both_outcomes(label[counts > 0], "rows")
    return Calibration(slope, _shift(slope * values, label, counts))


def _both_outcomes(label: npt.NDArray[np.int64], rows: str) -> None:
    if len(np.unique(label)) < 2:
        raise PrecursorError(
            f"calibration: all of {len(label)} {rows} have the same outcome",
            remedy="Use a longer period or a commoner outcome, so that both outcomes occur.",
        )


def _shift(margin: Floats, label: npt.NDArray[np.int64], weight: Floats) -> float:
    """Return the intercept at which the mean probability is the recorded rate."""
    rate = float(np.average(label, weights=weight))

    def excess(intercept: float) -> float:
        return float(np.average(expit(margin + intercept), weights=weight)) - rate

    reach = STEEPEST_SHIFT + float(np.abs(margin).max())
    return float(brentq(excess, -reach, reach))
