"""Evaluation: the model and its baselines on the same rows, at the same capacity, in pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from features.types import Floats
from training.decomposition import brier_parts, net_benefit
from training.metrics import (
    Figure,
    Ranking,
    brier,
    calibration_line,
    figure,
    in_parts,
    person_samples,
    reliability,
)

MODEL = "model"
COMPARED = ("auc", "average_precision", "brier", "precision", "recall", "harm_captured")
NET_BENEFIT = "net_benefit"


@dataclass(frozen=True)
class Judged:
    """Rows to judge methods on: what was recorded, who they are, and how lists are formed.

    Parameters
    ----------
    y : ndarray of 0 and 1, shape (rows,)
    people : ndarray of str, shape (rows,)
    capacity : int
        Length of a list.
    lists : ndarray, optional
        Which list each row would stand on, for example its as-of date; one list by default.
    harm : ndarray, optional
        Harm of what followed each row.
    thresholds : mapping of str to float
        Probabilities from which one would act; net benefit is told at each.
    """

    y: npt.NDArray[np.int64]
    people: npt.NDArray[Any]
    capacity: int
    lists: npt.NDArray[Any] | None = None
    harm: Floats | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Evaluation:
    """Figures of each method, and how the model differs from each of the others.

    Attributes
    ----------
    figures : mapping of method to mapping of metric to Figure
    differences : mapping of baseline to mapping of metric to Figure
        Model minus baseline on the same samples of people.
    confusion : mapping of method to mapping
        At capacity: true and false positives and negatives; precision and recall come from these.
    bands : list of dict
        Predicted against recorded rates of the model.
    rows, people, positives : int
    """

    figures: Mapping[str, Mapping[str, Figure]]
    differences: Mapping[str, Mapping[str, Figure]]
    confusion: Mapping[str, Mapping[str, float]]
    bands: list[dict[str, Any]]
    rows: int
    people: int
    positives: int

    def to_data(self) -> dict[str, Any]:
        """Return it as plain data; nothing in it is about one person."""
        return {
            "rows": self.rows,
            "people": self.people,
            "positives": self.positives,
            "figures": _plain(self.figures),
            "differences": _plain(self.differences),
            "confusion_at_capacity": {name: dict(c) for name, c in self.confusion.items()},
            "calibration_bands": self.bands,
        }


def _plain(figures: Mapping[str, Mapping[str, Figure]]) -> dict[str, dict[str, Any]]:
    return {
        method: {metric: found.to_data() for metric, found in by_metric.items()}
        for method, by_metric in figures.items()
    }


def evaluate(
    judged: Judged, scores: Mapping[str, npt.ArrayLike], *, draws: int = 500, seed: int = 0
) -> Evaluation:
    """Judge methods by their probabilities for the same rows.

    Parameters
    ----------
    judged : Judged
    scores : mapping of str to array, shape (rows,)
        Probabilities by method; one method is called ``model``.
    draws : int
        Samples of people for the intervals.
    seed : int

    Returns
    -------
    Evaluation

    Examples
    --------
    >>> y = np.array([1, 0, 1, 0, 0, 1, 0, 0])
    >>> rows = Judged(y, np.arange(8).astype(str), capacity=2)
    >>> found = evaluate(rows, {"model": 0.1 + 0.8 * y, "none": np.full(8, 0.5)}, draws=20)
    >>> found.figures["model"]["auc"].value, found.differences["none"]["auc"].value
    (1.0, 0.5)
    >>> found.confusion["model"]
    {'tp': 2.0, 'fp': 0.0, 'fn': 1.0, 'tn': 5.0}
    """
    weight = person_samples(judged.people, draws, seed)
    sampled = {
        name: in_parts(weight, _Method(judged, score, line=name == MODEL))
        for name, score in scores.items()
    }
    others = [name for name in scores if name != MODEL]
    return Evaluation(
        figures={
            name: {m: figure(values) for m, values in samples.items() if not m.startswith("_")}
            for name, samples in sampled.items()
        },
        differences={
            name: {
                metric: figure(sampled[MODEL][metric] - sampled[name][metric])
                for metric in sampled[MODEL]
                if metric in COMPARED or metric.startswith(NET_BENEFIT)
            }
            for name in others
        },
        confusion={name: _confusion(samples, judged) for name, samples in sampled.items()},
        bands=reliability(judged.y, scores[MODEL]),
        rows=len(judged.y),
        people=len(np.unique(judged.people)),
        positives=int(judged.y.sum()),
    )


def gain(judged: Judged, scores: Mapping[str, npt.ArrayLike], points: int = 50) -> dict[str, Any]:
    """Return the share of outcomes captured when more and more of each ranking is taken.

    Returns
    -------
    dict
        taken (shares of rows), captured (by method, shares of outcomes), capacity (as a share).

    Examples
    --------
    >>> rows = Judged(np.array([1, 0, 0, 1]), np.arange(4).astype(str), capacity=1)
    >>> gain(rows, {"model": np.array([0.9, 0.1, 0.2, 0.8])}, points=2)["captured"]
    {'model': [0.0, 1.0, 1.0]}
    """
    rows, positives = len(judged.y), int(judged.y.sum())
    shares = np.linspace(0, 1, points + 1)
    ones = np.ones((1, rows))
    lists = 1 if judged.lists is None else len(np.unique(judged.lists))
    return {
        "taken": shares.tolist(),
        "captured": {
            name: [
                float(ranking.at_capacity(ones, share * rows, judged.y)[0]) / positives
                for share in shares
            ]
            for name, ranking in ((n, Ranking(judged.y, score)) for n, score in scores.items())
        },
        "capacity": min(1.0, judged.capacity * lists / rows),
    }


class _Method:
    """All metrics of one method as one function of sample weights."""

    def __init__(self, judged: Judged, score: npt.ArrayLike, *, line: bool) -> None:
        self.judged, self.line = judged, line
        self.probability = np.asarray(score, dtype=np.float64)
        self.ranking = Ranking(judged.y, self.probability)
        lists = np.zeros(len(judged.y)) if judged.lists is None else judged.lists
        self.parts = [np.flatnonzero(lists == one) for one in np.unique(lists)]
        self.rankings = [Ranking(judged.y[at], self.probability[at]) for at in self.parts]

    def __call__(self, weight: Floats) -> dict[str, Floats]:
        y = self.judged.y.astype(np.float64)
        hits = self._taken(weight, y)
        taken = self._taken(weight, np.ones_like(y))
        with np.errstate(invalid="ignore", divide="ignore"):
            found = {
                "auc": self.ranking.auc(weight),
                "average_precision": self.ranking.average_precision(weight),
                "brier": brier(y, self.probability)(weight),
                "expected": weight @ self.probability / weight.sum(axis=1),
                "observed": weight @ y / weight.sum(axis=1),
                "precision": hits / taken,
                "recall": hits / (weight @ y),
                "_hits": hits,
                "_taken": taken,
            }
            if self.judged.harm is not None:
                harm = np.asarray(self.judged.harm, dtype=np.float64)
                found["harm_captured"] = self._taken(weight, harm) / (weight @ harm)
            for name, threshold in self.judged.thresholds.items():
                benefit = net_benefit(y, self.probability, weight, threshold)
                found[f"{NET_BENEFIT}_{name.replace(' ', '_')}"] = benefit
        if self.line:
            parts = brier_parts(y, self.probability, weight)
            found |= {f"brier_{name}": values for name, values in parts.items()}
            lines = calibration_line(y, self.probability, weight)
            found["calibration_slope"], found["calibration_intercept"] = lines
        return found

    def _taken(self, weight: Floats, amount: Floats) -> Floats:
        each = [
            ranking.at_capacity(weight[:, at], self.judged.capacity, amount[at])
            for at, ranking in zip(self.parts, self.rankings, strict=True)
        ]
        return np.asarray(np.sum(each, axis=0))


def _confusion(samples: Mapping[str, Floats], judged: Judged) -> dict[str, float]:
    hits, taken = float(samples["_hits"][0]), float(samples["_taken"][0])
    positives, rows = float(judged.y.sum()), float(len(judged.y))
    return {
        "tp": hits,
        "fp": taken - hits,
        "fn": positives - hits,
        "tn": rows - taken - (positives - hits),
    }
