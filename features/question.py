"""A question: who is scored, what is predicted, and by when, as one short YAML without code."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from features.declare import BUCKETS
from features.names import NAME
from features.sources import CONTEXT, SOURCES
from features.taxonomy import HARM
from features.yaml_file import read_model

Share = Annotated[float, Field(gt=0, lt=1)]
BANDS = ("Lower", "Medium", "High", "Very high")
BASELINES = (
    "base_rate",
    "rfg",
    "prior_count",
    "harm_365",
    "logistic_age_priors",
    "logistic_full",
    "hart_forest",
    "arp",
    "vrp",
    "svrp",
    "champion",
)
"""What a model is judged beside unless a question says otherwise (`training.baselines`)."""


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


class _Dated(_Marked):
    """Such events within so many days before the as-of date, or of episodes that still last."""

    within_days: int | Literal["ever"] = "ever"
    until: str | None = None
    """The mark that ends an episode: counted are those that were begun and have not ended."""

    @model_validator(mode="after")
    def _bucketed(self) -> _Dated:
        if self.within_days != "ever" and self.within_days not in BUCKETS:
            raise ValueError(f"within_days is 'ever' or one of {', '.join(map(str, BUCKETS))}")
        if self.until is not None:
            marks = SOURCES[self.source].marks if self.source in SOURCES else ()
            if self.until not in marks:
                raise ValueError(f"until: source '{self.source}' has no mark '{self.until}'")
            if self.within_days != "ever" or not self.of:
                raise ValueError("until goes with the mark that begins an episode, and 'ever'")
        return self

    @property
    def window(self) -> int | None:
        """The window in days; None for everything on record."""
        return None if self.within_days == "ever" else self.within_days


class Without(_Dated):
    """Events that nobody of the cohort has on record."""


class SubCohort(_Dated):
    """A part of the cohort, by events of its own; `unless` names a mark that they do not carry."""

    unless: str | None = None

    @model_validator(mode="after")
    def _other_mark(self) -> SubCohort:
        if self.unless is not None:
            known = SOURCES[self.source].marks if self.source in SOURCES else ()
            if self.unless not in known or self.until is not None:
                raise ValueError(f"unless is a mark of source '{self.source}', without until")
        return self


class CohortRule(_Dated):
    """People with such an event in the days before the as-of date, and none of `without`.

    Examples
    --------
    >>> rule = CohortRule(source="charged", within_days="ever",
    ...     without=({"source": "suspected", "of": ("high_harm",), "within_days": 730},))
    >>> rule.window is None, rule.without[0].window
    (True, 730)
    """

    without: tuple[Without, ...] = ()


class OutcomeRule(_Marked):
    """Such an event within the horizon; `also` names a second source to report it from."""

    also: str | None = None
    also_of: tuple[str, ...] = ()
    """Marks of the second source, where they are not those of the first."""

    @model_validator(mode="after")
    def _second(self) -> OutcomeRule:
        if self.also is not None:
            _Marked(source=self.also, of=self.also_of or self.of)
        return self

    @model_validator(mode="after")
    def _an_event(self) -> OutcomeRule:
        if self.source in CONTEXT:
            raise ValueError(f"source '{self.source}' is context, not an outcome")
        return self


class Provided(_Strict):
    """Rows and labels that came with the records, under this outcome name."""

    provided: str


def _kind(given: Any) -> str:
    provided = isinstance(given, Provided) or (isinstance(given, dict) and "provided" in given)
    return "(provided)" if provided else "(rule)"


_Rule = TypeVar("_Rule")
_Ruled = Annotated[
    Annotated[_Rule, Tag("(rule)")] | Annotated[Provided, Tag("(provided)")], Discriminator(_kind)
]
"""A rule, or what came with the records. What is wrong is told of the one that was meant alone."""


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


class OwnView(_Strict):
    """How many people of each list an analyst judges before seeing scores, drawn by lot.

    Those near the capacity line are drawn more often: there a view decides most. Everybody may be
    drawn, so that being asked about somebody says nothing about them.
    """

    people: int = Field(ge=1, le=100)
    near_line: int = Field(default=4, ge=0, le=20)
    """How many times more likely somebody on the line is to be drawn than somebody far from it."""


class SplitRule(_Strict):
    """How training and test are told apart; without dates, backwards from the last mature label."""

    train_before: date | None = None
    test_from: date | None = None
    people_apart: bool = False
    test_share: Share = 0.15
    folds: int = Field(default=0, ge=0, le=20)
    """Folds of people: each is judged by a model that was trained on the others. 0: none."""
    folds_from: date | None = None
    """Folds beside a figure in time lead with rows from here on; earlier rows only train."""
    temporal: bool = True
    """Without it, folds of people are all there is: rows of one date cannot be split in time."""
    part: str | None = None
    """Only rows of this part of the split that the people came with."""

    @model_validator(mode="after")
    def _some(self) -> SplitRule:
        if self.folds == 1:
            raise ValueError("folds: 0 for none, or at least 2")
        if not self.temporal and not self.folds:
            raise ValueError("without temporal, give folds of people, for example folds: 5")
        if not self.temporal and (self.train_before or self.test_from):
            raise ValueError("train_before and test_from go with temporal: true")
        if self.folds_from and not (self.temporal and self.folds):
            raise ValueError("folds_from goes with temporal: true and folds, for example folds: 5")
        return self


class Question(_Strict):
    """One question: cohort, outcome, horizon, and the terms on which it may be asked.

    Examples
    --------
    >>> question = Question(name="again", title="Again", outcome_words="charged again",
    ...     cohort={"provided": "again"}, outcome={"provided": "again"}, horizon_days=365)
    >>> question.band(0.05), question.band(0.049)
    ('Medium', 'Lower')
    """

    name: str = Field(pattern=NAME)
    title: str
    outcome_words: str
    """Completes "Of 100 people with similar records, about 12 were ..."."""
    description: str = ""
    clock: Literal["calendar", "records"] = "records"
    cohort: _Ruled[CohortRule]
    learns_from: CohortRule | None = None
    """A wider cohort whose rows the trees learn from too, where its own has few outcomes. Only the
    cohort itself is judged, calibrated and scored."""
    outcome: _Ruled[OutcomeRule]
    sub_cohorts: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{2,40}$")], SubCohort] = {}
    """Parts of the cohort whose calibration is reported one by one; they may overlap."""
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
    baselines: tuple[str, ...] = BASELINES
    gates: Literal["refuse", "report"] = "refuse"
    expires_after_days: int = Field(default=35, ge=1)
    retrain_after_days: int = Field(default=730, ge=1)
    """Days after the end of the records it learned from at which a model stops scoring."""
    stage: Literal["shadow", "pilot", "live"] = "pilot"
    own_view: OwnView | None = None
    sign_off: Literal["never", "overrides", "always"] = "never"
    """Which decisions wait for a supervisor's sign-off."""

    @model_validator(mode="after")
    def _wider_in_time(self) -> Question:
        if self.learns_from is not None:
            if isinstance(self.cohort, Provided) or isinstance(self.outcome, Provided):
                raise ValueError("learns_from goes with a cohort and an outcome by rule")
            if self.split.folds or not self.split.temporal:
                raise ValueError("learns_from goes with a split in time, without folds of people")
        return self

    @property
    def wider(self) -> Question | None:
        """The same question of the wider cohort that the trees learn from too; None without one."""
        if self.learns_from is None:
            return None
        return self.model_copy(
            update={"cohort": self.learns_from, "learns_from": None, "sub_cohorts": {}}
        )

    @property
    def cuts(self) -> tuple[float, float, float]:
        """Where each band but the lowest begins."""
        return self.bands.medium, self.bands.high, self.bands.very_high

    def band(self, probability: float) -> str:
        """Return the band of a probability: fixed cuts, the upper band at the cut itself."""
        return BANDS[sum(probability >= cut for cut in self.cuts)]

    def to_data(self) -> dict[str, Any]:
        """Return the question as plain data, as a model's manifest carries it."""
        return self.model_dump(mode="json")


def read_question(path: Path) -> Question:
    """Read one question's YAML.

    Raises
    ------
    UsageError
        Where it cannot be read, is no YAML, or has unknown or wrong entries; all are listed.
    """
    return read_model(Question, path, "question")
