"""What stands beside a score on a person's page: decisions, disputes, other ranks, past scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from markupsafe import Markup

from features.kept_ranks import RankRange, of_person
from features.question import Question
from models.risk_model import RiskModel
from serving.access import Permission, allows
from serving.disputes import Dispute, disputes_about
from serving.pages import words
from serving.pages.case_words import DecisionLine
from serving.pages.decide import decided
from serving.pages.door import Visitor
from serving.pages.how_sure import rank_range_words
from serving.pages.lists import Lists
from serving.pages.look import Looked
from serving.pages.selecting import managed_words
from serving.past_scores import past_scores
from serving.pseudonyms import pseudonymous
from serving.selections import state
from serving.since import Pasts, since_last
from serving.trend_chart import Cut, Point, score_trend


@dataclass(frozen=True)
class Trend:
    """Scores over time: the picture, its table, and whether the model changed within it."""

    chart: Markup
    rows: Sequence[tuple[str, str, str, str]]
    broken: bool
    since: Sequence[str]
    after: Sequence[str]


@dataclass(frozen=True)
class Beside:
    """What stands beside a score, and what this reader may do."""

    decisions: Sequence[DecisionLine]
    managed: str
    ranks: str
    rank_range: Sequence[str]
    trend: Trend | None
    disputes: Sequence[Dispute]
    may_decide: bool
    may_select: bool
    may_dispute: bool


def beside(lists: Lists, looked: Looked, visitor: Visitor) -> Beside:
    """Return what stands beside a score for whoever looks at it."""
    role, person = visitor.principal.role, str(looked.payload["nominal_id"])
    history = looked.found.history
    return Beside(
        decisions=decided(lists, looked),
        managed=managed_words(state(lists.ledger, looked.question, person)),
        ranks=rank_words(looked),
        rank_range=rank_range_words(rank_range(looked)),
        trend=trend(
            past_scores(lists.ledger, looked.payload, visitor.principal),
            looked.found.model,
            None if history is None else lambda days: history.pasts_on(person, days),
            named=not pseudonymous(role),
        ),
        disputes=disputes_about(lists.ledger, looked.payload),
        may_decide=allows(role, Permission.DECISION),
        may_select=allows(role, Permission.SELECTION),
        may_dispute=allows(role, Permission.CHALLENGE),
    )


def rank_words(looked: Looked) -> str:
    """Return where RFG would rank a person beside where the score does; empty where nowhere."""
    found, rank = looked.found, looked.row["rank"]
    if not looked.listed or rank is None or found.rfg is None:
        return ""
    first, last = found.rfg.at(looked.position)
    scored = f"{found.info['scored']:,}"
    where = f"{first:,}" if first == last else f"{first:,} to {last:,}, shared"
    apart = " They are far apart." if found.rfg.far_apart(looked.position) else ""
    return f"RFG rank {where}, of {scored}. Rank by score: {rank:,}.{apart}"


def rank_range(looked: Looked) -> RankRange | None:
    """Return how far the rank on a list runs, where that was worked out for this very list."""
    if not looked.listed or looked.row["rank"] is None:
        return None
    model, as_of = looked.payload["model"], looked.found.as_of_date
    person = str(looked.payload["nominal_id"])
    return of_person(looked.question, int(model["version"]), as_of, person)


def trend(
    scores: Sequence[Mapping[str, Any]], model: RiskModel, pasts: Pasts | None, *, named: bool
) -> Trend | None:
    """Return a person's scores over time, the last by this model; None where there is only one."""
    last = since_last(scores, lambda: model, pasts, named=named)
    if last is None:
        return None
    question = model.question
    points = [_point(score, question) for score in scores]
    cuts = [Cut(cut, f"{cut * 100:g}%") for cut in question.cuts]
    return Trend(
        chart=score_trend(points, cuts),
        rows=[
            (point.day_words, point.score_words, _range(score, question), point.model)
            for point, score in zip(points, scores, strict=True)
        ],
        broken=len({point.model for point in points}) > 1,
        since=last["sentences"],
        after=[said for said in (last["note"], *last["records"]) if said],
    )


def _point(score: Mapping[str, Any], question: Question) -> Point:
    day, interval = date.fromisoformat(score["as_of_date"]), score["interval"] or {}
    probability = score["probability"]
    return Point(
        day=day,
        score=probability,
        low=interval.get("low"),
        high=interval.get("high"),
        model=f"model version {score['model']['version']}",
        day_words=f"{day.day} {day:%b %Y}",
        score_words="No score: insufficient history"
        if probability is None
        else words.percent(probability, question.band),
    )


def _range(score: Mapping[str, Any], question: Question) -> str:
    interval = score["interval"]
    if interval is None:
        return "No range"
    return f"{words.span(interval['low'], interval['high'], question.band)} in 100"
