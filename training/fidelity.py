"""Are the explanations true to the model? Four measurements, made in every training.

Additivity: contributions add up to the score. Deletion: making a person's strongest groups ordinary
moves the score more than making groups drawn by lot ordinary. Reseeding: a model fitted with other
random numbers explains the same people alike. Correlation: groups that tell much the same share
their credit by chance, so they are named together.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from features.types import Floats
from models.explanation import explain, group_contributions
from models.risk_model import RiskModel
from training import fit

MOST_ROWS = 500
STRONGEST = 3
ALIKE = 0.7
"""Rank correlation of two groups' contributions from which they are reported together."""


def fidelity(model: RiskModel, rows: fit.Rows, fitted: fit.Fit, X: Floats) -> dict[str, Any]:
    """Measure how true a model's explanations are on rows it was judged on.

    Parameters
    ----------
    model : RiskModel
    rows : Rows
        The training part: what is ordinary, and what a reseeded model learns from.
    fitted : Fit
    X : ndarray, shape (test rows, columns)

    Returns
    -------
    dict
        additivity (largest gap in log-odds), deleted and deleted_by_lot (mean change of log-odds),
        reseeded (mean over rows of the rank correlation of group contributions), top_again (share
        of rows whose strongest group is among the reseeded model's three), together (pairs of
        groups), rows.
    """
    some = X[np.linspace(0, len(X) - 1, min(len(X), MOST_ROWS)).astype(int)]
    told = explain(model, some)
    own = told.groups
    other = group_contributions(model.feature_set, _reseeded(model, rows, fitted, some))
    order = np.argsort(-np.abs(own), axis=1)
    lot = np.random.default_rng(0).permuted(np.tile(np.arange(own.shape[1]), (len(own), 1)), axis=1)
    ordinary = _ordinary(rows.own.X)
    again = np.argsort(-np.abs(other), axis=1)[:, :STRONGEST]
    return {
        "rows": len(some),
        "additivity": float(np.abs(told.base + told.contributions.sum(axis=1) - told.raw).max()),
        "deleted": _moved(model, some, told.raw, order[:, :STRONGEST], ordinary),
        "deleted_by_lot": _moved(model, some, told.raw, lot[:, :STRONGEST], ordinary),
        "reseeded": float(np.nanmean(_alike(own, other))),
        "top_again": float((again == order[:, :1]).any(axis=1).mean()),
        "together": _together(model.feature_set.groups, own),
    }


def _ordinary(X: Floats) -> Floats:
    """The median of each column; empty where half of the training rows are."""
    empty = np.isnan(X).mean(axis=0) >= 0.5
    filled = np.where(np.isnan(X).all(axis=0), 0.0, X)
    return np.where(empty, np.nan, np.nanmedian(filled, axis=0))


def _moved(
    model: RiskModel,
    X: Floats,
    log_odds: Floats,
    groups: npt.NDArray[np.int64],
    ordinary: Floats,
) -> float:
    """Return how far scores move when some groups of each row are made ordinary."""
    places = list(model.members.values())
    changed = X.copy()
    for row, chosen in enumerate(groups):
        for group in chosen:
            at = places[int(group)]
            changed[row, at] = ordinary[at]
    return float(np.abs(model.log_odds(changed) - log_odds).mean())


def _reseeded(model: RiskModel, rows: fit.Rows, fitted: fit.Fit, X: Floats) -> Floats:
    chosen = {**fitted.parameters, "seed": int(fitted.parameters["seed"]) + 1}
    booster = lgb.train(chosen, fit.dataset(rows, chosen), num_boost_round=fitted.trees)
    found = np.asarray(booster.predict(model.as_read(X), pred_contrib=True))[:, :-1]
    return model.slope * found


def _alike(own: Floats, other: Floats) -> Floats:
    """Return for each row the rank correlation of two models' group contributions."""
    if own.shape[1] < 2:
        return np.full(len(own), np.nan)
    ranks = [rankdata(np.abs(part), axis=1) for part in (own, other)]
    ranks = [part - part.mean(axis=1, keepdims=True) for part in ranks]
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.sqrt((ranks[0] ** 2).sum(axis=1) * (ranks[1] ** 2).sum(axis=1))
        return np.asarray((ranks[0] * ranks[1]).sum(axis=1) / spread)


def _together(groups: list[str], own: Floats) -> list[list[str]]:
    """Return pairs of groups whose contributions rise and fall together, or against each other."""
    moving = [place for place in range(own.shape[1]) if np.ptp(own[:, place]) > 0]
    if len(moving) < 2:
        return []
    found = np.corrcoef(rankdata(own[:, moving], axis=0), rowvar=False)
    return [
        [groups[moving[one]], groups[moving[other]]]
        for one, other in combinations(range(len(moving)), 2)
        if abs(found[one, other]) >= ALIKE
    ]


def in_words(found: Mapping[str, Any]) -> list[str]:
    """Return the measurements as lines to print.

    Examples
    --------
    >>> in_words({"rows": 9, "additivity": 1e-15, "deleted": 0.9, "deleted_by_lot": 0.3,
    ...           "reseeded": 0.95, "top_again": 1.0, "together": [["harm", "reports"]]})[-1]
    'Read together, since they share their credit by chance: harm with reports.'
    """
    lines = [
        f"Explanations of {found['rows']:,} test rows: they miss the score by at most"
        f" {found['additivity']:.1e} log-odds; making the three strongest groups ordinary moves a"
        f" score by {found['deleted']:.2f}, three by lot by {found['deleted_by_lot']:.2f}; under"
        f" other random numbers {found['top_again']:.0%} keep their strongest group among the first"
        f" three (rank correlation of groups {found['reseeded']:.2f})."
    ]
    if found["together"]:
        pairs = "; ".join(" with ".join(pair).replace("_", " ") for pair in found["together"])
        lines.append(f"Read together, since they share their credit by chance: {pairs}.")
    return lines
