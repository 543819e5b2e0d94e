"""Other horizons of a question from the same training: a map for each, and how well it is founded.

The longer the horizon, the older the newest mature label. Where the test part holds enough of them
the map is fitted there, out of time. Elsewhere it is fitted to what fold models say of training
people they have not seen, and moved as far as the question's own map moved between the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from features.further import horizon_of
from features.matrix import Matrix
from features.types import Floats
from models import calibration
from models.calibration import Calibration
from models.horizons import between, ordered
from training.contest import Contest
from training.metrics import Figure, Ranking, figure, person_samples
from training.splits import FEWEST_POSITIVES

Labels = npt.NDArray[np.int64]

OUT_OF_TIME, BY_FOLDS = "out of time", "by folds of people"
SAMPLES = 200


@dataclass(frozen=True)
class Horizon:
    """One horizon: its map and what it rests on.

    Attributes
    ----------
    days : int
    calibration : Calibration
    basis : str
        ``out of time`` or ``by folds of people``.
    rows, positives : int
        Of the basis.
    auc : Figure
        Of the ranking, by this horizon's labels.
    predicted, recorded : float
    """

    days: int
    calibration: Calibration
    basis: str
    rows: int
    positives: int
    auc: Figure
    predicted: float
    recorded: float

    def to_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "days": self.days,
            "slope": self.calibration.slope,
            "intercept": self.calibration.intercept,
            "basis": self.basis,
            "rows": self.rows,
            "positives": self.positives,
            "auc": self.auc.to_data(),
            "predicted": self.predicted,
            "recorded": self.recorded,
        }


@dataclass(frozen=True)
class _Basis:
    margin: Floats
    y: Labels
    people: npt.NDArray[Any]
    words: str


def horizons(
    work: Matrix, held: Contest, registered: Calibration, own: int, seed: int = 0
) -> list[Horizon]:
    """Return a question's further horizons, the shortest first; none where rows came with labels.

    Parameters
    ----------
    work : Matrix
        Labelled rows, with labels of further horizons (`features.further`).
    held : Contest
    registered : Calibration
        The map of the question's own horizon.
    own : int
        In days.
    seed : int
    """
    bases = {}
    for column in map(str, work.frame.columns):
        days = horizon_of(column)
        if days is not None and days != own:
            basis = _basis(work, held, column)
            if basis is not None:
                bases[days] = basis
    if not bases:
        return []
    booster = lgb.Booster(model_str=held.fitted.text)
    reach = float(booster.lower_bound()), float(booster.upper_bound())
    if not reach[1] > reach[0]:
        return []
    maps = _maps(bases, held.fitted.calibration, registered, own, reach)
    return [_told(days, maps[days], basis, seed) for days, basis in sorted(bases.items())]


def _basis(work: Matrix, held: Contest, column: str) -> _Basis | None:
    for mask, margin, words in (
        (held.split.test, held.margin, OUT_OF_TIME),
        (held.split.train, held.fitted.unseen, BY_FOLDS),
    ):
        label = work.frame.loc[mask, column].to_numpy(np.float64)
        mature = np.isfinite(label)
        y = label[mature].astype(np.int64)
        if min(y.sum(), len(y) - y.sum()) >= FEWEST_POSITIVES:
            people = work.frame.loc[mask, "nominal_id"].to_numpy(dtype=str)
            return _Basis(margin[mature], y, people[mature], words)
    return None


def _maps(
    bases: Mapping[int, _Basis],
    trained: Calibration,
    registered: Calibration,
    own: int,
    reach: tuple[float, float],
) -> dict[int, Calibration]:
    """Return the maps: those by folds follow the question's own map from training to test."""
    in_time = {d: (b.margin, b.y) for d, b in bases.items() if b.words == OUT_OF_TIME}
    maps = ordered(own, registered, in_time, reach)
    stretch = registered.slope / trained.slope
    shift = registered.intercept - stretch * trained.intercept
    for days, basis in sorted(bases.items()):
        if days in maps:
            continue
        fitted = calibration.fit(basis.margin, basis.y)
        moved = Calibration(stretch * fitted.slope, stretch * fitted.intercept + shift)
        shorter, longer = [d for d in maps if d < days], [d for d in maps if d > days]
        maps[days] = between(
            moved,
            reach,
            above=maps[max(shorter)] if shorter else None,
            under=maps[min(longer)] if longer else None,
        )
    return maps


def _told(days: int, found: Calibration, basis: _Basis, seed: int) -> Horizon:
    weight = person_samples(basis.people, SAMPLES, seed)
    return Horizon(
        days=days,
        calibration=found,
        basis=basis.words,
        rows=len(basis.y),
        positives=int(basis.y.sum()),
        auc=figure(Ranking(basis.y, basis.margin).auc(weight)),
        predicted=float(found.probability(basis.margin).mean()),
        recorded=float(basis.y.mean()),
    )


def in_words(found: list[Horizon]) -> list[str]:
    """Return horizons as lines to print.

    Examples
    --------
    >>> in_words([Horizon(182, Calibration(), OUT_OF_TIME, 900, 40, Figure(0.7, 0.6, 0.8), 0.04,
    ...                   0.05)])[1]
    'Within 182 days: AUC 0.700 (0.600 to 0.800), predicted 4.0%, recorded 5.0% (out of time, 900 \
rows, 40 with the outcome).'
    """
    if not found:
        return []
    return [
        "Other horizons, by the same ranking; a longer one never has the lower probability.",
        *(
            f"Within {one.days} days: AUC {one.auc}, predicted {one.predicted:.1%}, recorded"
            f" {one.recorded:.1%} ({one.basis}, {one.rows:,} rows, {one.positives:,} with the"
            " outcome)."
            for one in found
        ),
    ]
