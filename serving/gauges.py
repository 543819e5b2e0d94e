"""Figures that are looked up when they are asked for: how old models, records and lists are, drift.

They are about questions, never about people, and are the same whichever worker answers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from prometheus_client.core import GaugeMetricFamily, Metric

from features.errors import PrecursorError
from serving.chain import IN_FORCE
from serving.ledger import Ledger
from serving.runs import pointed, published
from serving.stock import Stock

DAY = 86_400.0
EVERYBODY = "everybody"


class InForceFigures:
    """A collector for Prometheus: asked anew at every scrape.

    Parameters
    ----------
    stock : Stock
    ledger : Ledger
    """

    def __init__(self, stock: Stock, ledger: Ledger) -> None:
        self._stock, self._ledger = stock, ledger

    def collect(self) -> Iterator[Metric]:
        """Yield one family after the other."""
        now = datetime.now(UTC)
        model = _gauge("model_age_days", "Days since the model came into force.", "version")
        data = _gauge("data_age_days", "Days since the end of the records served from.", "load")
        listed = _gauge("list_age_days", "Days since the list was published.")
        drift = _gauge(
            "score_drift_psi", "How the published scores differ from those at training (PSI)."
        )
        ready = _gauge("question_ready", "1 where the question can be answered, 0 where not.")
        for question in self._stock.questions():
            try:
                found = self._stock.get(question)
                (latest,) = self._ledger.entries(
                    action=IN_FORCE, question=question, limit=1, sealed=True
                )
            except PrecursorError:
                ready.add_metric([question], 0)
                continue
            ready.add_metric([question], 1)
            age = (now - datetime.fromisoformat(latest.at)).total_seconds() / DAY
            model.add_metric([question, str(found.version)], age)
            behind = (now.date() - found.load.data_to).days
            data.add_metric([question, str(found.load.number)], behind)
            said = pointed(question)
            if said is not None:
                at = datetime.fromisoformat(said["published_at"])
                listed.add_metric([question], (now - at).total_seconds() / DAY)
                with contextlib.suppress(PrecursorError):  # a changed list is told elsewhere
                    value = published(question).run.info.get("score_drift_psi")
                    if value is not None:
                        drift.add_metric([question], value)
        yield from (ready, model, data, listed, drift)


def _gauge(name: str, words: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"precursor_{name}", words, labels=["question", *labels])


def score_drift(training: Mapping[str, Any], probability: npt.NDArray[np.float64]) -> float | None:
    """Return how scores differ from those the model was judged on: population stability index.

    Parameters
    ----------
    training : mapping
        A model's training record; its reference has the bins and the shares at training.
    probability : ndarray
        Of those who got a number.

    Returns
    -------
    float or None
        Below 0.1 is little, above 0.25 much, by custom; None without a reference or scores.

    Examples
    --------
    >>> scores = {"edges": [0.1, 0.2], "shares": {"everybody": [0.5, 0.25, 0.25, 0.0]}}
    >>> record = {"reference": {"scores": scores}}
    >>> round(score_drift(record, np.array([0.05, 0.1, 0.15, 0.9])), 6)
    0.0
    >>> score_drift({}, np.array([0.5])) is None
    True
    """
    kept = (training.get("reference") or {}).get("scores")
    if not kept or not len(probability):
        return None
    edges: Sequence[float] = kept["edges"]
    place = np.searchsorted(np.asarray(edges, dtype=np.float64), probability, side="left")
    now = np.bincount(place, minlength=len(edges) + 1) / len(probability)
    before = np.asarray(kept["shares"][EVERYBODY][: len(edges) + 1], dtype=np.float64)
    least = 0.5 / len(probability)  # half a person stands for none
    before, now = np.maximum(before, least), np.maximum(now, least)
    return float(((now - before) * np.log(now / before)).sum())
