"""One booster, several horizons: an affine map for each, none of which crosses another.

A longer horizon can only add outcomes, so its probability may never be lower. Two affine maps
cross somewhere, but a booster's margin has a least and a greatest value that it can reach at all,
whatever the row: the sums of its trees' least and greatest leaves. Maps that keep their order at
both ends keep it in between, for every row there can be.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

from features.types import Floats
from models.calibration import Calibration

Margins = Mapping[int, tuple[Floats, npt.NDArray[np.int64]]]

ROOM = 1e-6  # log-odds between two maps; keeps rounding from making them cross


def ordered(
    own: int, calibration: Calibration, found: Margins, reach: tuple[float, float]
) -> dict[int, Calibration]:
    """Return a map for each horizon, from the shortest to the longest, that never cross.

    Parameters
    ----------
    own : int
        The question's own horizon, in days; its map is left as it is.
    calibration : Calibration
        Its map.
    found : mapping of horizon to (margins, labels)
        For other horizons.
    reach : tuple of float
        The least and the greatest margin that the booster can give.

    Examples
    --------
    >>> drawn = np.random.default_rng(0)
    >>> margin = drawn.normal(size=4000)
    >>> longer = (drawn.random(4000) < expit(margin - 1)).astype(np.int64)
    >>> maps = ordered(365, Calibration(1.0, -2.0), {730: (margin, longer)}, (-4.0, 4.0))
    >>> bool((maps[730].probability(margin) > maps[365].probability(margin)).all())
    True
    """
    maps = {own: calibration}
    for horizon in sorted(h for h in found if h > own):
        below = maps[max(h for h in maps if h < horizon)]
        maps[horizon] = _fit(*found[horizon], reach, above=below)
    for horizon in sorted((h for h in found if h < own), reverse=True):
        over = maps[min(h for h in maps if h > horizon)]
        maps[horizon] = _fit(*found[horizon], reach, under=over)
    return dict(sorted(maps.items()))


def between(
    moved: Calibration,
    reach: tuple[float, float],
    *,
    above: Calibration | None = None,
    under: Calibration | None = None,
) -> Calibration:
    """Return a map moved, at each end of the reach, no further than its neighbours allow."""
    ends = _ends(moved, reach)
    if above is not None:
        ends = np.maximum(ends, _ends(above, reach) + ROOM)
    if under is not None:
        ends = np.minimum(ends, _ends(under, reach) - ROOM)
    return _map(ends, reach, above or under or moved)


def _ends(calibration: Calibration, reach: tuple[float, float]) -> Floats:
    return calibration.log_odds(np.asarray(reach))


def _map(ends: Floats, reach: tuple[float, float], near: Calibration) -> Calibration:
    slope = float((ends[1] - ends[0]) / (reach[1] - reach[0]))
    if slope > 0:
        return Calibration(slope, float(ends[0] - slope * reach[0]))
    # beside a neighbour of rising log-odds a parallel line keeps both order and ranking
    shift = float(np.max(ends - _ends(near, reach)))
    return Calibration(near.slope, near.intercept + shift)


def _fit(
    margin: Floats,
    y: npt.NDArray[np.int64],
    reach: tuple[float, float],
    *,
    above: Calibration | None = None,
    under: Calibration | None = None,
) -> Calibration:
    """Fit by maximum likelihood, bounded at both ends of the reach; the problem is convex."""
    at = (margin - reach[0]) / (reach[1] - reach[0])

    def loss(ends: Floats) -> tuple[float, Floats]:
        log_odds = ends[0] * (1 - at) + ends[1] * at
        rest = expit(log_odds) - y
        value = float((np.logaddexp(0, log_odds) - y * log_odds).mean())
        return value, np.array([(rest * (1 - at)).mean(), (rest * at).mean()])

    near = above or under
    start = _ends(near, reach) if near is not None else np.array([-4.0, 0.0])
    lowest = start + ROOM if above is not None else np.full(2, -np.inf)
    highest = start - ROOM if under is not None else np.full(2, np.inf)
    found = minimize(
        loss,
        np.clip(start, lowest, highest),
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(lowest, highest, strict=True)),
        options={"ftol": 1e-14, "gtol": 1e-9},
    )
    return _map(np.clip(found.x, lowest, highest), reach, near or Calibration())
