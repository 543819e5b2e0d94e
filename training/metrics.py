"""Metrics on a common footing: same rows, same capacity, intervals from samples of people.

All figures of one method come from its ranking and the labels of the same test rows. Intervals
are bootstrapped by person, because rows of one person are not independent; the same samples serve
every method, so that differences between methods are paired. AUC, average precision and Brier
score equal scikit-learn's to rounding; they are written out here because all samples go through
them at once, as weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit, ndtri

from features.types import Floats

Measure = Callable[[Floats], Floats]

LEVEL = 0.95
Z_95 = float(ndtri((1 + LEVEL) / 2))
"""Standard errors on either side of a figure that make its 95 % interval."""

EDGE = 1e-9
MOST_STEPS = 30
SMALLEST_STEP = 1e-6
STEEPEST = 50.0  # a line steeper than this tells the outcomes apart fully, so there is none
CELLS = 4_000_000  # weights worked on at a time: 32 MB


def _shown(value: float) -> str:
    """Return a number of three places; more where they would make zero of what is not."""
    rounded = f"{value:.3f}"
    return (
        rounded
        if value == 0 or float(rounded) != 0
        else np.format_float_positional(value, 1, fractional=False)
    )


@dataclass(frozen=True)
class Figure:
    """One figure with its interval.

    Examples
    --------
    >>> str(Figure(0.7, 0.68, 0.72)), str(Figure(0.018, 0.0003, 0.036))
    ('0.700 (0.680 to 0.720)', '0.018 (0.0003 to 0.036)')
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        value, low, high = map(_shown, (self.value, self.low, self.high))
        return f"{value} ({low} to {high})"

    @property
    def times(self) -> str:
        """The figure as a ratio in a sentence.

        Examples
        --------
        >>> Figure(0.7, 0.68, 0.72).times
        '0.70 times (0.68 to 0.72)'
        """
        return f"{self.value:.2f} times ({self.low:.2f} to {self.high:.2f})"

    @classmethod
    def from_data(cls, data: Mapping[str, float | None]) -> Figure:
        """Return the figure that :meth:`to_data` told of; what is None there is NaN here.

        Examples
        --------
        >>> str(Figure.from_data({"value": 0.7, "low": 0.68, "high": 0.72}))
        '0.700 (0.680 to 0.720)'
        """
        known = ((name, data[name]) for name in ("value", "low", "high"))
        return cls(**{name: np.nan if value is None else value for name, value in known})

    def to_data(self) -> dict[str, float | None]:
        """Return it as plain data; a figure that does not exist is None."""
        return {
            name: float(value) if np.isfinite(value) else None
            for name, value in (("value", self.value), ("low", self.low), ("high", self.high))
        }


class Ranking:
    """Rows in the order of a score, tied rows together, ready for many samples at once.

    Parameters
    ----------
    y : array of 0 and 1, shape (rows,)
    score : array of float, shape (rows,)

    Examples
    --------
    >>> ranking = Ranking([1, 0, 1, 0], [0.9, 0.8, 0.3, 0.3])
    >>> float(ranking.auc(np.ones((1, 4)))[0])
    0.625
    """

    def __init__(self, y: npt.ArrayLike, score: npt.ArrayLike) -> None:
        values = np.asarray(score, dtype=np.float64)
        self.order = np.argsort(-values, kind="stable")
        self.y = np.asarray(y, dtype=np.float64)[self.order]
        self.ends = np.flatnonzero(np.append(np.diff(values[self.order]) != 0, True))

    def _cumulated(self, weight: Floats, amount: Floats) -> Floats:
        """Sums of an amount from the top down to each tie's end, shape (samples, ties)."""
        sums = np.cumsum(weight[:, self.order] * amount, axis=1)
        return np.asarray(sums[:, self.ends])

    def auc(self, weight: Floats) -> Floats:
        """Return the area under the ROC curve for each sample of weights (samples, rows)."""
        hits = self._cumulated(weight, self.y)
        misses = self._cumulated(weight, 1 - self.y)
        steps = np.diff(misses, axis=1, prepend=0.0)
        middle = hits - np.diff(hits, axis=1, prepend=0.0) / 2
        with np.errstate(invalid="ignore", divide="ignore"):
            area = (steps * middle).sum(axis=1) / (hits[:, -1] * misses[:, -1])
        return np.asarray(area)

    def average_precision(self, weight: Floats) -> Floats:
        """Return average precision for each sample of weights."""
        hits = self._cumulated(weight, self.y)
        taken = self._cumulated(weight, np.ones_like(self.y))
        steps = np.diff(hits, axis=1, prepend=0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = np.where(taken > 0, hits / taken, 0.0)
            return np.asarray((steps * precision).sum(axis=1) / hits[:, -1])

    def at_capacity(self, weight: Floats, capacity: float, amount: npt.ArrayLike) -> Floats:
        """Return how much of an amount the top of the list holds, for each sample.

        Where the list ends among tied rows, it holds the share of them that is expected when lots
        are drawn among them; a baseline that ties many rows is not favoured by their order.
        """
        given = np.asarray(amount, dtype=np.float64)[self.order]
        sums = self._cumulated(weight, given)
        taken = self._cumulated(weight, np.ones_like(self.y))
        return np.array(
            [
                np.interp(capacity, np.append(0.0, size), np.append(0.0, sum_))
                for size, sum_ in zip(taken, sums, strict=True)
            ]
        )


def brier(y: npt.ArrayLike, probability: npt.ArrayLike) -> Measure:
    """Return the Brier score as a function of weights (samples, rows)."""
    square = (np.asarray(probability, dtype=np.float64) - np.asarray(y, dtype=np.float64)) ** 2

    def measure(weight: Floats) -> Floats:
        return np.asarray(weight @ square / weight.sum(axis=1))

    return measure


def calibration_line(
    y: npt.ArrayLike, probability: npt.ArrayLike, weight: Floats
) -> tuple[Floats, Floats]:
    """Return slope and intercept of the recorded outcome on the predicted log-odds.

    Slope 1 and intercept 0 are perfect; a slope under 1 says that high scores are too high and low
    ones too low. Newton's method, for all samples of weights (samples, rows) at once.

    Returns
    -------
    slope, intercept : ndarray, shape (samples,)
        NaN where there is no such line: all predictions the same, or outcomes told apart fully.
    """
    x = logit(np.clip(np.asarray(probability, dtype=np.float64), EDGE, 1 - EDGE))
    label = np.asarray(y, dtype=np.float64)
    if np.ptp(x) == 0:
        nothing = np.full(len(weight), np.nan)
        return nothing, nothing
    # every sample lies near the line through all rows, so two or three steps lead there
    start = _newton(x, label, np.ones((1, len(x))), np.array([1.0]), np.array([0.0]))
    return _newton(x, label, weight, *(np.repeat(value, len(weight)) for value in start))


def _newton(
    x: Floats, label: Floats, weight: Floats, slope: Floats, intercept: Floats
) -> tuple[Floats, Floats]:
    with np.errstate(all="ignore"):
        for _ in range(MOST_STEPS):
            p = expit(slope[:, None] * x + intercept[:, None])
            rest = weight * (label - p)
            curve = weight * p * (1 - p)
            by_slope, by_level = rest @ x, rest.sum(axis=1)
            a, b, c = curve @ (x * x), curve @ x, curve.sum(axis=1)
            scale = a * c - b * b
            step_slope = (c * by_slope - b * by_level) / scale
            step_level = (a * by_level - b * by_slope) / scale
            slope, intercept = slope + step_slope, intercept + step_level
            if not (np.maximum(abs(step_slope), abs(step_level)) > SMALLEST_STEP).any():
                break
    found = np.isfinite(slope) & np.isfinite(intercept) & (abs(slope) < STEEPEST)
    return np.where(found, slope, np.nan), np.where(found, intercept, np.nan)


def holm(p: npt.ArrayLike) -> Floats:
    """Return p-values as Holm's correction for their number leaves them, in the order given.

    Examples
    --------
    >>> holm([0.03, 0.01, 0.6]).round(3).tolist()
    [0.06, 0.03, 0.6]
    """
    values = np.asarray(p, np.float64)
    order = np.argsort(values, kind="stable")
    found = np.empty(len(values))
    found[order] = np.maximum.accumulate((len(values) - np.arange(len(values))) * values[order])
    return np.minimum(1.0, found)


def person_samples(people: npt.ArrayLike, draws: int, seed: int) -> Floats:
    """Return weights of rows in samples of people drawn with replacement, shape (1 + draws, rows).

    The first row is all ones: the data as they are.

    Examples
    --------
    >>> weights = person_samples(["A", "A", "B"], draws=2, seed=0)
    >>> weights[0].tolist(), bool((weights[:, 0] == weights[:, 1]).all())
    ([1.0, 1.0, 1.0], True)
    """
    names, place = np.unique(np.asarray(people, dtype=str), return_inverse=True)
    generator = np.random.default_rng(seed)
    even = np.full(len(names), 1 / len(names))
    counts = generator.multinomial(len(names), even, size=draws)
    return np.vstack([np.ones(len(place)), counts[:, place]]).astype(np.float64)


def figure(samples: npt.ArrayLike) -> Figure:
    """Return the first value as the figure, and the percentiles of the rest as its interval."""
    values = np.asarray(samples, dtype=np.float64)
    drawn = values[1:][np.isfinite(values[1:])]
    if not np.isfinite(values[0]) or not len(drawn):
        return Figure(float(values[0]), np.nan, np.nan)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Figure(float(values[0]), float(low), float(high))


def in_parts(
    weight: Floats, measure: Callable[[Floats], Mapping[str, Floats]]
) -> dict[str, Floats]:
    """Apply a measure to samples a few at a time; memory does not grow with their number."""
    step = max(1, CELLS // max(1, weight.shape[1]))
    parts = [measure(weight[at : at + step]) for at in range(0, len(weight), step)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def reliability(
    y: npt.ArrayLike, probability: npt.ArrayLike, bins: int = 10
) -> list[dict[str, Any]]:
    """Return predicted against recorded rates in bands of equal size, lowest scores first.

    Returns
    -------
    list of dict
        rows, recorded (number with the outcome), predicted (mean), rate (recorded share).
    """
    p, label = np.asarray(probability, dtype=np.float64), np.asarray(y, dtype=np.float64)
    bands = np.array_split(np.argsort(p, kind="stable"), bins)
    return [
        {
            "rows": len(band),
            "recorded": int(label[band].sum()),
            "predicted": float(p[band].mean()),
            "rate": float(label[band].mean()),
        }
        for band in bands
        if len(band)
    ]
