"""What is asked of a history for a score: the model's columns, and its question's rules'."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.cohort import Rules
from features.declare import FeatureSet
from features.remembered import remembered
from models.risk_model import RiskModel


@dataclass(frozen=True)
class Asked:
    """The columns of one model, and after them those that its question's rules need besides.

    `inputs` is how many columns are the model's; `places` where the columns of the rules stand.
    """

    columns: FeatureSet
    inputs: int
    rules: Rules
    places: Mapping[str, int]

    def of_rules(self, found: npt.NDArray[np.float64]) -> dict[str, npt.NDArray[np.float64]]:
        """Return the columns of the rules among those that were found."""
        return {name: found[:, place] for name, place in self.places.items()}


@remembered
def asked_of(model: RiskModel) -> Asked:
    """Return what is asked of a history for a model."""
    own, rules = model.feature_set, Rules(model.question)
    known = set(own.names)
    more = tuple(column for column in rules.columns.columns if column.name not in known)
    columns = FeatureSet((*own.columns, *more), own.definitions)
    places = {name: place for place, name in enumerate(columns.names)}
    return Asked(
        columns, len(own.columns), rules, {name: places[name] for name in rules.columns.names}
    )
