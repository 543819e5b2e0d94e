"""A 90 % interval for the mean recorded risk of people with such a record.

How it is made: the model is fitted again on random halves of the *people* in the training part,
with its own parameters and number of trees. Each refit scores held-out rows, and is calibrated
there on a sample of their people of its own. How far the refits scatter around their own mean, in
log-odds, is pooled over rows of similar score; the 5th and the 95th percentile of that scatter
become offsets from the score. Halves scatter about their mean as the model itself does about what
it would be on average (the jackknife that deletes half: Efron and Tibshirani 1993, section 11.5).

Two things are in no refit. What none of them has learnt is added as another, independent error
(`UNLEARNT`). And where more or less was recorded of rows of similar score than chance explains, the
interval reaches there too. All of it is stored as a small table, so that a request merely looks up
two numbers.

What it is not: a range for one person's fate (that is 0 or 1), and no allowance for what refits
share beyond that: records that are missing, labels that are wrong, years unlike those of the
training part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit
from scipy.stats import norm

from features.errors import PrecursorError
from features.types import Floats

LEVEL = 0.9
BINS = 12
UNLEARNT = (0.16, 0.24, 0.28, 0.30, 0.32, 0.33, 0.34, 0.34, 0.36, 0.42)
"""What refits have not learnt either, by tenths of the scores: standard deviations in log-odds.

A booster is held back towards the mean, and so are its refits, so they lie closer to each other
than to the mean recorded risk; least so where scores are lowest, since hardly any record is left to
learn from. Measured on simulated forces, whose record oracle tells that risk: about the same for
all questions that were tried; `docs/training.md` has the figures."""
FEWEST_REFITS = 2
EDGE = 1e-12  # a probability of exactly 0 or 1 has no log-odds


@dataclass(frozen=True)
class IntervalTable:
    """Where the interval of a score begins and ends, as offsets from the score in log-odds.

    Parameters
    ----------
    log_odds : tuple of float
        Increasing; between two of them the ends are interpolated, beyond them the offsets stay.
    low, high : tuple of float
        Offsets, at most and at least 0; both ends rise with the score.
    level : float
    refits : int

    Examples
    --------
    >>> table = IntervalTable((-2.0, 0.0), (-0.4, -0.2), (0.4, 0.2), refits=12)
    >>> [round(float(end), 3) for end in table.ends(0.5)]
    [0.45, 0.55]
    """

    log_odds: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    level: float = LEVEL
    refits: int = 0

    def __post_init__(self) -> None:
        grid, low, high = (np.asarray(v, float) for v in (self.log_odds, self.low, self.high))
        right = (
            len(grid) == len(low) == len(high) > 0
            and bool(np.isfinite(np.concatenate([grid, low, high])).all())
            and bool((np.diff(grid) > 0).all() and (low <= 0).all() and (high >= 0).all())
        )
        if not right:
            raise PrecursorError(
                "interval table: the grid must increase, with offsets of at most and at least 0",
                remedy="Build it with models.interval.table.",
            )

    def ends(self, probability: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Return both ends of the interval for probabilities of any shape.

        Returns
        -------
        low, high : ndarray of float
            Always ``low <= probability <= high``, and both rise with the probability.
        """
        p = np.asarray(probability, dtype=np.float64)
        at = logit(np.clip(p, EDGE, 1 - EDGE))
        grid = np.asarray(self.log_odds)
        inside = np.clip(at, grid[0], grid[-1])
        beyond = at - inside
        low = np.interp(inside, grid, grid + np.asarray(self.low)) + beyond
        high = np.interp(inside, grid, grid + np.asarray(self.high)) + beyond
        return np.minimum(expit(low), p), np.maximum(expit(high), p)

    def to_data(self) -> dict[str, Any]:
        """Return the table as plain data, as a model's manifest carries it."""
        return {
            "log_odds": list(self.log_odds),
            "low": list(self.low),
            "high": list(self.high),
            "level": self.level,
            "refits": self.refits,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> IntervalTable:
        """Return the table that :meth:`to_data` described."""
        return cls(
            tuple(data["log_odds"]),
            tuple(data["low"]),
            tuple(data["high"]),
            float(data["level"]),
            int(data["refits"]),
        )


def table(
    log_odds: npt.ArrayLike,
    refits: npt.ArrayLike,
    *,
    recorded: npt.ArrayLike | None = None,
    people: npt.ArrayLike | None = None,
    bins: int = BINS,
    unlearnt: npt.ArrayLike = 0.0,
) -> IntervalTable:
    """Build the interval table from what the refits say about held-out rows.

    Parameters
    ----------
    log_odds : array, shape (rows,)
        The model's own calibrated log-odds for the held-out rows.
    refits : array, shape (refits, rows)
        The refits' calibrated log-odds for the same rows.
    recorded : array of 0 and 1, shape (rows,), optional
        What was recorded of them.
    people : array, shape (rows,), optional
        Whose rows they are, with `recorded`.
    bins : int
        Number of bands of similar score; fewer where there are fewer than 30 rows in each.
    unlearnt : float or array
        Standard deviation, in log-odds, of an error that no refit tells of, in equal parts of the
        rows by score; a training gives `UNLEARNT`.

    Examples
    --------
    >>> generator = np.random.default_rng(0)
    >>> own = generator.normal(-2, 1, 4000)
    >>> scatter = own + generator.normal(0, 0.2, (12, 1))
    >>> low, high = table(own, scatter).ends(0.1)
    >>> bool(0.06 < low < 0.09), bool(0.11 < high < 0.15)
    (True, True)
    """
    own = np.asarray(log_odds, dtype=np.float64)
    drawn = np.asarray(refits, dtype=np.float64)
    if drawn.ndim != 2 or drawn.shape[0] < FEWEST_REFITS or drawn.shape[1] != len(own):
        raise PrecursorError(
            f"interval table: refits of shape {drawn.shape} for {len(own)} rows",
            remedy=f"Give at least {FEWEST_REFITS} refits, each with one value for each row.",
        )
    count = drawn.shape[0]
    order = np.argsort(own, kind="stable")
    # The refits' own mean takes a share of the scatter away; this gives it back.
    scatter = (drawn - drawn.mean(axis=0)) * np.sqrt(count / (count - 1))
    bands = np.array_split(order, max(1, min(bins, len(own) // 30)))
    centre = np.array([np.median(own[band]) for band in bands])
    tail = (1 - LEVEL) / 2
    beside = _middles(unlearnt, len(bands)) * norm.isf(tail)
    low = -np.hypot([min(np.quantile(scatter[:, band], tail), 0.0) for band in bands], beside)
    high = np.hypot([max(np.quantile(scatter[:, band], 1 - tail), 0.0) for band in bands], beside)
    if recorded is not None and people is not None:
        missed = _missed(own, np.asarray(recorded), np.asarray(people), bands)
        low, high = low + np.minimum(missed, 0.0), high + np.maximum(missed, 0.0)
    keep = np.append(True, np.diff(centre) > 0)  # tied scores make bands with one centre
    grid = centre[keep]
    # Ends that never fall as the score rises: a higher score has no lower interval.
    bottom = np.maximum.accumulate(grid + low[keep])
    top = np.maximum.accumulate(grid + high[keep])
    return IntervalTable(
        tuple(map(float, grid)),
        tuple(map(float, np.minimum(bottom - grid, 0.0))),
        tuple(map(float, np.maximum(top - grid, 0.0))),
        refits=count,
    )


def _middles(of_parts: npt.ArrayLike, bands: int) -> Floats:
    """Return a value for the middle of each band, from those for other equal parts."""
    values = np.atleast_1d(np.asarray(of_parts, dtype=np.float64))
    places, at = (_centres(number) for number in (len(values), bands))
    return np.interp(at, places, values)


def _centres(number: int) -> Floats:
    return (np.arange(number) + 0.5) / number


def _missed(
    own: Floats, recorded: npt.NDArray[Any], people: npt.NDArray[Any], bands: Sequence[Any]
) -> Floats:
    """Return how far recorded lies from predicted in each band, in log-odds, less what is chance.

    One Newton step from the score; it is held back as its error asks (James and Stein 1961), with
    all rows of a person as one draw.
    """
    chance = expit(own)
    person = np.unique(people, return_inverse=True)[1]
    found = []
    for band in bands:
        weight = (chance[band] * (1 - chance[band])).sum()
        left = recorded[band] - chance[band]
        step = left.sum() / weight
        noise = (np.bincount(person[band], left) ** 2).sum() / weight**2
        found.append(step * max(0.0, 1 - noise / step**2) if step else 0.0)
    return np.asarray(found, dtype=np.float64)
