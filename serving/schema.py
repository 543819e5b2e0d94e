"""What programs send to the service and get from it, as models that check themselves.

Requests are strict: an unknown key, a number where a text belongs, NaN, or an id given twice is
refused with its place. Answers are described here for the API's document; they are made in
`serving.scoring`, `serving.runs` and `serving.replay`.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from features.names import NAME
from serving.chain import SCORE_ID
from serving.fields import LONGEST_PURPOSE, LONGEST_REASON, Day, Line, NominalId

MOST_PEOPLE = 1_000
"""Most people in one request; larger numbers are a batch's work."""


class Request(BaseModel):
    """Common rules of requests: nothing unknown, nothing coerced, no values in error texts."""

    model_config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, hide_input_in_errors=True
    )


class ScoreRequest(Request):
    """Who is to be scored, by which question, for what purpose.

    Examples
    --------
    >>> ScoreRequest(question="escalation", nominal_ids=["N1"], purpose="weekly review").as_of_date
    """

    question: Annotated[
        str,
        Field(
            description="Name of the question, for example `escalation_12m`.",
            pattern=NAME,
        ),
    ]
    nominal_ids: Annotated[
        list[NominalId],
        Field(
            min_length=1,
            max_length=MOST_PEOPLE,
            description="The people to score, each once.",
        ),
    ]
    purpose: Annotated[
        Line,
        Field(max_length=LONGEST_PURPOSE, description="What the scores are for; it is recorded."),
    ]
    as_of_date: Annotated[
        Day | None,
        Field(
            description="Moment of knowledge, exclusive; the day after the records end if empty."
        ),
    ] = None
    on_behalf_of: Annotated[
        Line | None,
        Field(max_length=200, description="The person a program asks for; it is recorded."),
    ] = None

    @field_validator("nominal_ids")
    @classmethod
    def _each_once(cls, ids: list[str]) -> list[str]:
        if len(set(ids)) < len(ids):
            raise ValueError("each person may be named once only")
        return ids


Name = Annotated[str, Field(pattern=NAME, description="Of a question.")]
Purpose = Annotated[
    Line, Field(max_length=LONGEST_PURPOSE, description="What it is for; it is recorded.")
]
Why = Annotated[Line, Field(max_length=LONGEST_REASON, description="The reason; it is recorded.")]
Band = Literal["Lower", "Medium", "High", "Very high"]
ScoreName = Annotated[str, Field(pattern=f"^{SCORE_ID}$", description="Of a score.")]


class OwnViewRequest(Request):
    """An analyst's own view of one person before the score, or all of them skipped as urgent.

    Examples
    --------
    >>> OwnViewRequest(question="escalation", purpose="list", skip_as_urgent="threat to life").band
    """

    question: Name
    purpose: Purpose
    nominal_id: NominalId | None = None
    band: Annotated[Band | None, Field(description="How the person would be graded.")] = None
    would_select: Annotated[
        bool | None, Field(description="Whether the person would be taken on, as capacity stands.")
    ] = None
    reason: Why | None = None
    skip_as_urgent: Annotated[
        Why | None, Field(description="Why nothing can wait: skips all that is due of this list.")
    ] = None

    @model_validator(mode="after")
    def _one_or_the_other(self) -> OwnViewRequest:
        view = (self.nominal_id, self.band, self.would_select)
        if self.skip_as_urgent is None and None in view:
            raise ValueError("a view names nominal_id, band and would_select; or skip_as_urgent")
        if self.skip_as_urgent is not None and any(part is not None for part in view):
            raise ValueError("a view is given or skipped, not both")
        return self


NextStep = Literal["add", "review", "do_not_add", "need_information"]
Basis = Literal["records", "partner_information", "wrong_record", "capacity", "other"]


class DecisionRequest(Request):
    """What somebody decided in the light of a score: they agree with it or override it, and why.

    Examples
    --------
    >>> DecisionRequest(score_id="s" + "0" * 32, decision="agree", reason="as on record",
    ...     purpose="IOM meeting").judged_band
    """

    score_id: ScoreName
    decision: Literal["agree", "override"]
    judged_band: Annotated[
        Band | None, Field(description="How the person is graded instead; with an override.")
    ] = None
    step: Annotated[
        NextStep | None, Field(description="What is to be done; it is recorded, and nothing more.")
    ] = None
    basis: Annotated[
        list[Basis], Field(max_length=5, description="What it rests on beside the score.")
    ] = []
    after: Annotated[
        int | None,
        Field(ge=0, description="The last decision about the person that was seen; 0 for none."),
    ] = None
    reason: Why
    purpose: Purpose

    @model_validator(mode="after")
    def _graded(self) -> DecisionRequest:
        if (self.decision == "override") != (self.judged_band is not None):
            raise ValueError("judged_band comes with an override, and only with one")
        return self


class SignOffRequest(Request):
    """A supervisor's word on a decision."""

    agreed: bool
    reason: Why
    purpose: Purpose


class ChallengeRequest(Request):
    """A disputed record: the person is scored without it, beside the original score."""

    score_id: ScoreName
    table: Annotated[Line, Field(max_length=63, description="As the score's reasons name it.")]
    record_id: Annotated[Line, Field(max_length=200, description="As the reasons name it.")]
    reason: Why
    purpose: Purpose


class SettlementRequest(Request):
    """What was found about a disputed record."""

    outcome: Annotated[
        Literal["wrong", "stands"],
        Field(description="Wrong and sent for correction, or not; the score stays as it was."),
    ]
    reason: Why
    purpose: Purpose


class BreakGlassRequest(Request):
    """One person to be seen without a need to know, for a stated cause."""

    nominal_id: NominalId
    reason: Why
    purpose: Purpose


class SelectionRequest(Request):
    """A person taken on from a list, reviewed, or let go."""

    score_id: ScoreName
    action: Literal["select", "review", "deselect"]
    reason: Why
    review_on: Annotated[
        Day | None, Field(description="When it is looked at again; not with deselect.")
    ] = None
    purpose: Purpose

    @model_validator(mode="after")
    def _reviewed(self) -> SelectionRequest:
        if (self.action == "deselect") != (self.review_on is None):
            raise ValueError("review_on comes with select and review, and not with deselect")
        return self


class Record(BaseModel):
    """One record behind a reason."""

    table: str
    record_id: str
    reference: str
    occurred_on: date | None
    known_on: date
    status: str | None
    role: str | None
    detail: str | None = None


class Reason(BaseModel):
    """One sentence of a score's explanation, with the records that make it up."""

    text: str
    direction: Literal["raises", "lowers"]
    contribution: Annotated[float, Field(description="In log-odds.")]
    group: str
    records: list[Record]


class Interval(BaseModel):
    """Range of the mean recorded risk of people with such a record; no range for one person."""

    low: float
    high: float
    level: float


class ModelName(BaseModel):
    """Which model gave the score."""

    name: str
    version: str
    sha256: str
    synthetic: bool


class LoadName(BaseModel):
    """Which load of records the score was made from."""

    number: int
    data_to: date
    fingerprint: str


class SinceLast(BaseModel):
    """The score before, and what changed since, in words; the largest change first."""

    score_id: str
    as_of_date: date
    probability: float | None
    sentences: list[str]
    records: Annotated[
        list[str], Field(description="Which came in, were corrected or withdrawn, in words.")
    ]
    note: Annotated[
        str | None, Field(description="What to bear in mind where lines point both ways.")
    ] = None


class ScoreAnswer(BaseModel):
    """One person's score with its reasons; without a number where the history is insufficient."""

    score_id: str
    question: str
    nominal_id: str
    as_of_date: date
    probability: float | None
    interval: Interval | None
    band: Literal["Lower", "Medium", "High", "Very high"] | None
    horizon_days: int
    insufficient_history: bool
    reasons: list[Reason]
    groups: Annotated[dict[str, float], Field(description="Log-odds by group; they add up.")]
    base: float | None
    raw: Annotated[float | None, Field(description="Log-odds: base plus the sum of the groups.")]
    model: ModelName
    load: LoadName
    expires_on: date
    records_unavailable: Annotated[
        str | None, Field(description="Why records are not listed; left out where they are.")
    ] = None
    since_last: Annotated[
        SinceLast | None, Field(description="Of a score that is looked up; null for a first one.")
    ] = None


class RejectedAnswer(BaseModel):
    """A person who may not be scored, and why."""

    nominal_id: str
    as_of_date: date
    reason: Literal["unknown", "under_18", "no_date_of_birth", "outside_cohort"]


class ScoresAnswer(BaseModel):
    """Answer to a request for scores."""

    scores: list[ScoreAnswer]
    rejected: list[RejectedAnswer]


class ListedPerson(BaseModel):
    """One line of a published list."""

    rank: int | None
    change: Annotated[
        Literal["new", "up", "down", "same"] | None, Field(description="Against the list before.")
    ]
    score_id: str
    nominal_id: str
    as_of_date: date
    probability: float | None
    low: float | None
    high: float | None
    band: str | None
    insufficient_history: bool
    reasons: list[dict[str, Any]]


class ListAnswer(BaseModel):
    """A page of the published list of a question."""

    question: str
    run_id: str
    published_at: str
    as_of_date: date
    model: ModelName
    load: LoadName
    expires_on: date
    people: int
    insufficient_history: int
    capacity: int
    offset: int
    limit: int
    rows: list[ListedPerson]


class Step(BaseModel):
    """One step of a replay."""

    result: Literal["equal", "differs", "not_replayable"]
    reason: str | None
    details: dict[str, Any]


class ReplayAnswer(BaseModel):
    """A past score computed again: from its stored inputs, and its inputs from the records."""

    score_id: str
    score_from_inputs: Step
    inputs_from_records: Step
    now: Annotated[
        dict[str, Any] | None,
        Field(description="What it would be with the records served from now, if they are others."),
    ]


class ErrorDetail(BaseModel):
    """What was wrong, where, and what to do about it."""

    code: str
    message: str
    field: str | None
    remedy: str


class ErrorAnswer(BaseModel):
    """The one shape of every error."""

    error: ErrorDetail
