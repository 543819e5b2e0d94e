"""What a score is as it leaves: its figures, its reasons, and what the ledger keeps of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from math import isnan
from typing import Any

import numpy as np
import numpy.typing as npt


def stored(names: Sequence[str], values: Sequence[float]) -> dict[str, float | None]:
    """Return inputs by name, None where empty, as the ledger keeps them.

    Examples
    --------
    >>> stored(["a", "b"], [2.0, float("nan")])
    {'a': 2.0, 'b': None}
    """
    return {
        name: None if isnan(value) else value for name, value in zip(names, values, strict=True)
    }


def given(names: Sequence[str], inputs: Mapping[str, float | None]) -> npt.NDArray[np.float64]:
    """Return inputs that were :func:`stored` as a row again, NaN where empty.

    Examples
    --------
    >>> given(["a", "b"], {"b": None, "a": 2.0}).tolist()
    [2.0, nan]
    """
    return np.array([inputs[name] for name in names], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Score:
    """One person's score as it leaves, and the inputs it was computed from.

    `probability`, `interval`, `band`, `base` and `raw` are None where the history is insufficient.
    Contributions and `raw` are in log-odds; `values` are the inputs in the order of `names`, the
    model's features, NaN where empty.
    """

    score_id: str
    question: str
    nominal_id: str
    as_of_date: date
    horizon_days: int
    expires_on: date
    stage: str
    model: Mapping[str, Any]
    load: Mapping[str, Any]
    insufficient_history: bool = False
    probability: float | None = None
    interval: Mapping[str, float] | None = None
    band: str | None = None
    base: float | None = None
    raw: float | None = None
    groups: Mapping[str, float] = field(default_factory=dict)
    reasons: Sequence[Mapping[str, Any]] = ()
    names: Sequence[str] = field(default=(), repr=False)
    values: Sequence[float] = field(default=(), repr=False)

    @property
    def inputs(self) -> dict[str, float | None]:
        """The inputs by name, None where empty, as the ledger keeps them."""
        return stored(self.names, self.values)

    def answer(self) -> dict[str, Any]:
        """Return the score as JSON-ready data, in the shape of the API's answers.

        What is in it is the score's own, not a copy: whoever changes something makes a new one.
        """
        return {
            "score_id": self.score_id,
            "question": self.question,
            "nominal_id": self.nominal_id,
            "as_of_date": self.as_of_date.isoformat(),
            "probability": self.probability,
            "interval": self.interval,
            "band": self.band,
            "horizon_days": self.horizon_days,
            "insufficient_history": self.insufficient_history,
            "reasons": self.reasons,
            "groups": self.groups,
            "base": self.base,
            "raw": self.raw,
            "model": self.model,
            "load": self.load,
            "expires_on": self.expires_on.isoformat(),
        }

    def payload(self) -> dict[str, Any]:
        """Return what the ledger keeps: the answer, the question's stage, inputs for a replay."""
        return {**self.answer(), "stage": self.stage, "inputs": self.inputs}


@dataclass(frozen=True, slots=True)
class Rejected:
    """A person who may not be scored, and why: a key of `features.cohort.REASONS`."""

    nominal_id: str
    as_of_date: date
    reason: str

    def answer(self) -> dict[str, Any]:
        """Return the rejection as JSON-ready data."""
        return {
            "nominal_id": self.nominal_id,
            "as_of_date": self.as_of_date.isoformat(),
            "reason": self.reason,
        }
