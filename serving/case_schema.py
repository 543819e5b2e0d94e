"""What casework answers, as models for the API's document.

The answers themselves are made where the work is done: `serving.own_view`, `serving.decisions`,
`serving.outcomes`, `serving.challenges`, `serving.selections`, `serving.need_to_know`.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from serving.schema import Band, Basis, Interval, NextStep

Number = Annotated[int, Field(description="Of an entry of the ledger.")]
Moment = Annotated[str, Field(description="UTC, as the ledger has it.")]
Kind = Literal["agree", "override"]
Direction = Annotated[
    Literal["higher", "lower", "same"], Field(description="Which way from the score's band.")
]
Withheld = Annotated[
    bool, Field(description="Who it is and the reason are left out: the reader need not know them.")
]


class PastRecord(BaseModel):
    """One record of a person's visible past, from which a view can be formed."""

    source: str
    table: str
    record_id: str
    reference: str | None
    occurred_on: date | None
    known_on: date | None
    status: str | None
    detail: str | None


class PersonDue(BaseModel):
    """Somebody whom an own view is due of: records, and no score."""

    nominal_id: str
    records: list[PastRecord]


class OwnViewsDueAnswer(BaseModel):
    """Whom the analyst's own view is due of before the new list is shown."""

    question: str
    run_id: str
    as_of_date: date
    due: list[PersonDue]


class OwnViewAnswer(BaseModel):
    """An own view as it was recorded."""

    entry: Number
    question: str
    left: Annotated[int, Field(description="Of how many people one is still due.")]


class DecisionAnswer(BaseModel):
    """A decision as it was recorded."""

    decision: Annotated[int, Field(description="The number by which it can be signed off.")]
    score_id: str
    direction: Direction
    sign_off_due: bool
    at: Moment


class SignOffAnswer(BaseModel):
    """A supervisor's word as it was recorded."""

    entry: Number
    decision: Number
    agreed: bool
    at: Moment


class DecisionLine(BaseModel):
    """One decision on one score."""

    decision: Number
    at: Moment
    actor: str
    nominal_id: str
    as_of_date: date
    score_id: str
    band: Band | None
    probability: float | None
    judged_band: Band | None
    version: str
    reason: str
    kind: Kind
    step: NextStep | None
    basis: list[Basis]
    direction: Direction
    sign_off_due: bool
    signed_off: bool | None
    signed_off_by: str | None
    own_band: Annotated[
        Band | None, Field(description="The same analyst's own view, before the score.")
    ]
    withheld: Withheld


class DecisionsAnswer(BaseModel):
    """A page of the decisions on a question's scores, the latest first."""

    question: str
    decisions: int
    overrides: int
    sign_off_due: int
    offset: int
    limit: int
    rows: list[DecisionLine]


class OutcomeCell(BaseModel):
    """What followed one kind of decision about one group; a cell of too few people is empty."""

    attribute: str
    group: str
    decision: Literal["agree", "higher", "lower", "same"]
    suppressed: bool
    decisions: int | None = None
    mature: Annotated[int | None, Field(description="Old enough for their outcome.")] = None
    expected: Annotated[float | None, Field(description="Mean probability of the mature.")] = None
    followed: Annotated[float | None, Field(description="Share of the mature.")] = None
    low: Annotated[float | None, Field(description="95 % Wilson interval of that share.")] = None
    high: float | None = None


class OutcomesAnswer(BaseModel):
    """Decisions beside what was recorded afterwards, by group; nobody is named."""

    question: str
    decisions: int
    load: Annotated[str, Field(description="Fingerprint of the load that outcomes come from.")]
    data_to: date
    groups: list[OutcomeCell]


class DisputedRecord(BaseModel):
    """The record that was left out."""

    table: str
    record_id: str


class Figures(BaseModel):
    """A score's figures; `rejected` says why there would be none."""

    probability: float | None = None
    interval: Interval | None = None
    band: Band | None = None
    insufficient_history: bool | None = None
    rejected: str | None = None


class ChangedInput(BaseModel):
    """An input of the model that the record had a part in."""

    original: float | None
    without: float | None


class ChallengeAnswer(BaseModel):
    """A score beside what it would have been without a disputed record."""

    challenge: Number
    question: str
    at: Moment
    score_id: str
    record: DisputedRecord
    reason: str
    original: Figures
    without: Figures
    change: Annotated[float | None, Field(description="Of the probability.")]
    inputs: dict[str, ChangedInput]
    left_out: Annotated[
        dict[str, int], Field(description="Rows by table that went with the record.")
    ]


class SettlementAnswer(BaseModel):
    """What was found about a disputed record, as it was recorded."""

    entry: Number
    challenge: Number
    outcome: Literal["wrong", "stands"]
    at: Moment


class BreakGlassAnswer(BaseModel):
    """Until when one person may be seen."""

    entry: Number
    nominal_id: str
    until: Moment


class SelectionAnswer(BaseModel):
    """A selection, review or de-selection as it was recorded."""

    entry: Number
    question: str
    at: Moment
    selection: Literal["select", "review", "deselect"]
    score_id: str
    reason: str
    review_on: date | None


class SelectedPerson(BaseModel):
    """Somebody who is selected now."""

    nominal_id: str
    score_id: str
    since: Moment | None
    by: str
    reason: str
    review_on: date
    overdue: bool
    withheld: Withheld


class SelectionsAnswer(BaseModel):
    """Who is selected now, the next review first."""

    question: str
    selected: int
    rows: list[SelectedPerson]


class DocumentAnswer(BaseModel):
    """An OpenAPI 3.1 document."""

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]
