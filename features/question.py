"""A question: who is scored, what is predicted, and by when, as one short YAML without code."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from features.declare import BUCKETS
from features.errors import PrecursorError, UsageError
from features.sources import CONTEXT, SOURCES
from features.taxonomy import HARM

Share = Annotated[float, Field(gt=0, lt=1)]
BANDS = ("Lower", "Medium", "High", "Very high")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Marked(_Strict):
    """Events of a source that carry all the marks."""

    source: str
    of: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _known(self) -> _Marked:
        if self.source not in SOURCES:
            raise ValueError(f"no source '{self.source}'; there are {', '.join(SOURCES)}")
        unknown = [mark for mark in self.of if mark not in SOURCES[self.source].marks]
        if unknown:
            known = ", ".join(SOURCES[self.source].marks)
            raise ValueError(f"source '{self.source}' has no mark {unknown}; it has {known}")
        return self


class CohortRule(_Marked):
    """People with such an event in the days before the as-of date."""

    within_days: int

    @model_validator(mode="after")
    def _bucketed(self) -> CohortRule:
        if self.within_days not in BUCKETS:
            raise ValueError(f"within_days is one of {', '.join(map(str, BUCKETS))}")
        return self


class OutcomeRule(_Marked):
    """Such an event within the horizon; `also` names a second source to report it from."""

    also: str | None = None

    @model_validator(mode="after")
    def _an_event(self) -> OutcomeRule:
        if self.source in CONTEXT:
            raise ValueError(f"source '{self.source}' is context, not an outcome")
        return self


class Provided(_Strict):
    """Rows and labels that came with the records, under this outcome name."""

    provided: str


class Abstain(_Strict):
    """Too little history to score: fewer events than this, and on record for less than so long."""

    source: str = "suspected"
    fewer_than: int = Field(ge=1)
    known_for_days: int = Field(ge=1)


class Bands(_Strict):
    """Lower ends of the bands; below `medium` is Lower. Fixed, whatever the capacity."""

    medium: Share = 0.05
    high: Share = 0.15
    very_high: Share = 0.30


class SplitRule(_Strict):
    """How training and test are told apart; without dates, backwards from the last mature label."""

    train_before: date | None = None
    test_from: date | None = None
    people_apart: bool = False
    test_share: Share = 0.25


class Question(_Strict):
    """One question: cohort, outcome, horizon, and the terms on which it may be asked.

    Examples
    --------
    >>> question = Question(name="again", title="Again", outcome_words="charged again",
    ...     cohort={"provided": "again"}, outcome={"provided": "again"}, horizon_days=365)
    >>> question.band(0.05), question.band(0.049)
    ('Medium', 'Lower')
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{2,62}$")
    title: str
    outcome_words: str
    """Completes "Of 100 people with similar records, about 12 were ..."."""
    description: str = ""
    clock: Literal["calendar", "records"] = "records"
    cohort: CohortRule | Provided
    outcome: OutcomeRule | Provided
    horizon_days: int = Field(ge=1, le=3660)
    lag_days: int = Field(default=183, ge=0, le=1830)
    cadence_months: int = Field(default=3, ge=1, le=24)
    history_days: int = Field(default=365, ge=0)
    feature_groups: tuple[str, ...] = ()
    harm: str = HARM
    """The list of harm weights: a version of ours, or the path of a force's own CSV file."""
    capacity: int = Field(default=100, ge=1)
    bands: Bands = Bands()
    abstain: Abstain | Literal["never"] = "never"
    split: SplitRule = SplitRule()
    baselines: tuple[str, ...] = ("base_rate", "prior_count", "harm_365", "logistic_age_priors")
    gates: Literal["refuse", "report"] = "refuse"
    expires_after_days: int = Field(default=35, ge=1)
    stage: Literal["shadow", "pilot", "live"] = "pilot"

    def band(self, probability: float) -> str:
        """Return the band of a probability: fixed cuts, the upper band at the cut itself."""
        cuts = (self.bands.medium, self.bands.high, self.bands.very_high)
        return BANDS[sum(probability >= cut for cut in cuts)]

    def to_data(self) -> dict[str, Any]:
        """Return the question as plain data, as a model's manifest carries it."""
        return self.model_dump(mode="json")


def read_question(path: Path) -> Question:
    """Read one question's YAML; every fault of it is listed with its place.

    Raises
    ------
    UsageError
        Where the file is missing or is no YAML.
    PrecursorError
        Where it has unknown or wrong entries; all of them are listed.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as missing:
        raise UsageError(f"{path}: there is no such file", remedy="Check the path.") from missing
    except OSError as unread:
        said = f"{path}: cannot be read ({unread.strerror})"
        raise UsageError(said, remedy="Name a file that this user may read.") from unread
    except (yaml.YAMLError, ValueError, RecursionError) as broken:  # 2026-99-99; a million brackets
        raise UsageError(f"{path}: this is not YAML ({broken})", remedy="Mend it.") from broken
    if not isinstance(data, dict):
        raise UsageError(f"{path}: a question is a mapping", remedy="Begin with 'name: ...'.")
    try:
        return Question.model_validate(data)
    except ValidationError as wrong:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'question'}: {fault['msg']}"
            for fault in wrong.errors()
        )
        raise PrecursorError(
            f"{path.name}: {faults}", remedy="Mend these entries.", code="bad_question"
        ) from wrong
