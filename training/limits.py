"""From which difference on a period is watched, reviewed, trained on again, or not scored."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from features.yaml_file import read_model

LEVELS = ("stable", "watch", "review", "retrain", "suspend")
"""What a difference calls for, the gravest last."""

EXIT_CODES = {"stable": 0, "watch": 0, "review": 3, "retrain": 4, "suspend": 5}
"""How `precursor drift` ends; 1 and 2 are refusals and wrong usage everywhere."""

Limit = Annotated[float, Field(gt=0)] | None


class Steps(BaseModel):
    """From which value on each level begins; a level without one is never reached by it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    watch: Limit = None
    review: Limit = None
    retrain: Limit = None
    suspend: Limit = None

    @model_validator(mode="after")
    def _rising(self) -> Steps:
        given = [value for value in vars(self).values() if value is not None]
        if given != sorted(given):
            raise ValueError("a graver level begins at a smaller difference than a lighter one")
        return self


class Limits(BaseModel):
    """The limits of the drift monitor; what a file leaves out stays as it is here.

    Attributes
    ----------
    psi : Steps
        Population stability index of people, columns and scores; by custom.
    size : Steps
        People in the cohort on a date, as a ratio either way.
    recorded : Steps
        How often the outcome is recorded, as a ratio either way, for everybody and each group.
    calibration, calibration_by_group : Steps
        Outcomes predicted for each one recorded, against training, as a ratio either way.
    auc_lost : Steps

    Examples
    --------
    >>> LIMITS.level("psi", 0.3), LIMITS.level("calibration", 2.1), LIMITS.level("auc_lost", -0.1)
    ('review', 'suspend', 'stable')
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    psi: Steps = Steps(watch=0.10, review=0.25)
    size: Steps = Steps(watch=1.25, review=2.0)
    recorded: Steps = Steps(watch=1.10, review=1.25)
    calibration: Steps = Steps(watch=1.10, retrain=1.25, suspend=2.0)
    calibration_by_group: Steps = Steps(watch=1.10, review=1.25, retrain=2.0, suspend=4.0)
    auc_lost: Steps = Steps(watch=0.02, retrain=0.05, suspend=0.15)

    def level(self, kind: str, value: float) -> str:
        """Return what a difference calls for."""
        steps: Steps = getattr(self, kind)
        reached = [
            level
            for level in LEVELS[1:]
            if (limit := getattr(steps, level)) is not None and value >= limit
        ]
        return reached[-1] if reached else LEVELS[0]


LIMITS = Limits()
"""The limits of the house."""


def read_limits(file: Path | None) -> Limits:
    """Return a force's own limits, or those of the house.

    Raises
    ------
    UsageError
        Where the file cannot be read, names an unknown limit, or limits that do not rise.
    """
    return LIMITS if file is None else read_model(Limits, file, "limits")
