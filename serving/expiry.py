"""The question's clock: a model that is too old, or records that are, give no more scores."""

from __future__ import annotations

from datetime import date, timedelta

from features.errors import PrecursorError
from features.loads import Load
from features.question import Question
from models.risk_model import RiskModel
from serving.stages import CurrentStage


class Expired(PrecursorError):
    """A question that must not be answered any more, by its own clock (status 503)."""

    status = 503
    code = "model_expired"


def today_of(question: Question, load: Load, today: date | None = None) -> date:
    """Return what day it is by a question's clock: the calendar's, or the records'."""
    return load.default_as_of if question.clock == "records" else today or date.today()


def last_day(model: RiskModel) -> date | None:
    """Return the last day on which a model scores; None where nobody knows its records' end."""
    upto = model.training.get("load", {}).get("data_to")
    if upto is None:
        return None
    return date.fromisoformat(str(upto)) + timedelta(days=model.question.retrain_after_days)


def require_current(
    model: RiskModel, version: int, load: Load, at: CurrentStage, today: date | None = None
) -> None:
    """Refuse to score by a model, on records or at a stage whose time is over.

    Parameters
    ----------
    model : RiskModel
    version : int
    load : Load
        The records that would be scored.
    at : CurrentStage
    today : date, optional
        The calendar's day, for questions that go by it.

    Raises
    ------
    Expired
        Naming the day, and what to do.
    """
    question = model.question
    now, end = today_of(question, load, today), last_day(model)
    if end is not None and now > end:
        raise Expired(
            f"question '{question.name}': version {version} learned from records up to"
            f" {model.training['load']['data_to']} and stopped scoring after {end}; it is {now} by"
            f" the clock of the {question.clock}",
            remedy=f"Train it again on newer records and promote it: precursor train"
            f" {question.name} RECORDS.",
            field="question",
        )
    if at.until is not None and now > at.until:
        raise Expired(
            f"question '{question.name}': its stage {at.stage} ended on {at.until}; it"
            f" is {now} by the clock of the {question.clock}",
            remedy=f"Decide on it anew: precursor stage {question.name} {at.stage} --by WHO"
            " --until DATE --reason TEXT.",
            field="question",
            code="stage_ended",
        )
    fresh = load.default_as_of + timedelta(days=question.expires_after_days)
    if question.clock == "calendar" and now > fresh:
        raise Expired(
            f"question '{question.name}': the records end on {load.data_to}, and a score from them"
            f" would have expired on {fresh}; it is {now}",
            remedy="Ingest newer records and serve from them: precursor serve --records RECORDS.",
            field="question",
            code="records_stale",
        )
