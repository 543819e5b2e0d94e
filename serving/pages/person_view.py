"""What the page of one person shows, apart from HTML; the score is the one on the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pandas as pd

from features.declare import FeatureColumn, FeatureSet
from features.loads import manifest
from features.question import BANDS, Question
from features.trail import Past
from models.words import date_words
from serving import charts
from serving.pages import words
from serving.pages.history_view import HistoryView, history_view
from serving.pages.how_sure import wide_words
from serving.pages.identity import Identity
from serving.pages.list_view import facts
from serving.pages.lists import OpenList
from serving.pages.standing import Tag
from serving.pseudonyms import reference
from serving.scoring import records_behind

MOST_RECORDS = 4
"""Records listed with a reason at once; the others are a click away."""

CONTEXT_TABLES = {
    "custody": "arrest or police custody",
    "outcome": "charge or conviction",
    "bail": "bail",
    "protective_order": "protective order",
    "imprisonment": "imprisonment",
    "risk_assessment": "risk assessment",
    "management": "IOM, MAPPA, MARAC or PDP status",
    "programme": "behaviour programme",
    "wanted": "wanted marker",
}
"""Tables whose absence from a whole load a reader must know of."""

SOURCES_OF = {
    "custody": ("custody",),
    "outcome": ("charged", "convicted", "diverted"),
    "bail": ("bail",),
    "protective_order": ("orders",),
    "imprisonment": ("imprisonment",),
    "risk_assessment": ("assessed",),
    "programme": ("programme",),
}
"""What a model's inputs are made from, by table; the other tables are context and no input."""


@dataclass(frozen=True)
class Source:
    """One record behind a reason."""

    reference: str
    anchor: str | None
    when: str
    status: str
    record: Mapping[str, str] | None = None


@dataclass(frozen=True)
class ReasonView:
    """One reason with its size and the records it rests on."""

    text: str
    effect: str
    bar: str
    first: Sequence[Source]
    more: Sequence[Source]


@dataclass(frozen=True)
class InputGroup:
    """The inputs of one feature group, each with its value, and what the group contributes."""

    words: str
    contribution: str
    inputs: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class ScoreView:
    """A score in words, and its scale."""

    about: str
    percent: str
    rest: str
    outcome: str
    were: str
    rest_were: str
    band: str
    css: str
    span: str
    wide: Sequence[str]
    average: str
    scale: str
    table: Sequence[tuple[str, str]]
    reasons: Sequence[ReasonView]
    groups: Sequence[InputGroup]
    inputs: int


@dataclass(frozen=True)
class PersonView:
    """One person's page."""

    person: Identity
    tags: Sequence[Tag] | None
    rank: str
    unknown: Sequence[str]
    score: ScoreView | None
    history: HistoryView | None
    orders: Sequence[Tag]
    facts: Sequence[tuple[str, str]]


def person_view(
    found: OpenList,
    row: Mapping[str, Any],
    position: int,
    payload: Mapping[str, Any],
    person: Identity,
    *,
    pseudonymous: bool,
) -> PersonView:
    """Return what one person's page shows.

    Parameters
    ----------
    found : OpenList
    row : mapping
        The person's line on the list.
    position : int
        Where the line stands.
    payload : mapping
        The score as the ledger holds it.
    person : Identity
    pseudonymous : bool
        Whether references are withheld.
    """
    past = events = shown = None
    if found.history is not None:
        (past,) = found.history.pasts_on(payload["nominal_id"], [found.as_of_date])
        events = past.frame()
        shown = history_view(events, found.as_of_date, pseudonymous=pseudonymous)
    tags = None if found.standing is None else found.standing.tags(position)
    reasons = _reasons(found, payload, past, shown, pseudonymous=pseudonymous)
    return PersonView(
        person=person,
        tags=tags,
        rank="" if row["rank"] is None else f"{row['rank']:,} of {found.info['scored']:,}",
        unknown=unknown(found, events),
        score=_score(found, payload, events, reasons),
        history=shown,
        orders=[tag for tag in tags or () if tag.css == "order"],
        facts=_facts(found, payload),
    )


def unknown(found: OpenList, events: pd.DataFrame | None) -> list[str]:
    """Return what a reader must know that this page does not know, in sentences."""
    said = [f"Nothing that became known after {date_words(found.known_to)} is used or shown."]
    if found.history is None or events is None:
        return [
            "The records behind this score cannot be read at the moment, so none are shown."
            " That none are shown says nothing about this person.",
            *said,
        ]
    empty = [CONTEXT_TABLES[name] for name in empty_tables(found)]
    if empty:
        said.append(
            f"The records hold no {' and no '.join(empty)} for anybody: that none is shown says"
            " nothing about this person."
        )
    granted = events[(events["source"] == "bail") & (events["status"] == "granted")]
    bare = int(granted["detail"].isna().sum())
    if bare:
        said.append(
            "Whether bail had conditions is not recorded for"
            f" {bare} of {words.count(len(granted), 'grant', 'grants')} of bail."
        )
    undated = int(events["occurred_on"].isna().sum())
    if undated:
        verb = "has" if undated == 1 else "have"
        said.append(
            f"{words.count(undated, 'record', 'records')} {verb} no date, so only totals over all"
            " time count them."
        )
    said.append(
        "What nobody reported, and offences for which nobody was named, are not in these records."
        " Probation, health and housing information is not used."
    )
    return said


def empty_tables(found: OpenList) -> list[str]:
    """Return the tables of which the records of a list hold nothing for anybody."""
    assert found.history is not None
    tables = manifest(found.history.load.path)["tables"]
    return [name for name in CONTEXT_TABLES if not tables[name]["rows"]]


def _absent(found: OpenList) -> list[str]:
    """Return what the model asks for and the records hold for nobody, in words."""
    if found.history is None:
        return []
    asked = {column.source for column in found.model.feature_set.columns}
    return [
        CONTEXT_TABLES[name]
        for name in empty_tables(found)
        if asked & set(SOURCES_OF.get(name, ()))
    ]


def _score(
    found: OpenList,
    payload: Mapping[str, Any],
    events: pd.DataFrame | None,
    reasons: Sequence[ReasonView],
) -> ScoreView | None:
    probability, interval = payload["probability"], payload["interval"]
    if probability is None or interval is None:
        return None
    question = found.question
    about, rest = words.of_hundred(probability, question.band)
    percent = words.percent(probability, question.band)
    span = words.span(interval["low"], interval["high"], question.band)
    mean = found.info["mean_probability"]
    average = "" if mean is None else words.in_hundred(mean, question.band)
    scale = charts.Scale(
        score=probability,
        low=interval["low"],
        high=interval["high"],
        average=mean,
        bands=scale_bands(question),
        score_words=percent,
        range_words=f"{span.replace(' to ', '% to ')}%",
        average_words="" if mean is None else words.percent(mean, question.band),
        band_words=payload["band"],
    )
    groups = input_groups(found.model.feature_set, payload)
    return ScoreView(
        about=about,
        percent=percent,
        rest=rest,
        outcome=question.outcome_words,
        were="was" if about.endswith(" 1") else "were",
        rest_were="was" if rest.endswith(" 1") else "were",
        band=payload["band"],
        css=words.BAND_CLASSES[payload["band"]],
        span=span,
        wide=wide_words(
            interval, question, absent=_absent(found), events=events, as_of=found.as_of_date
        ),
        average=average,
        scale=charts.score_scale(scale),
        table=[
            ("This score", percent),
            (f"Range ({interval['level']:.0%} interval)", scale.range_words),
            *([("Average on this list", scale.average_words)] if average else []),
            *((f"{band.name} begins at", f"{band.start * 100:g}%") for band in scale.bands),
        ],
        reasons=reasons,
        groups=groups,
        inputs=sum(len(group.inputs) for group in groups),
    )


def scale_bands(question: Question) -> list[charts.ScaleBand]:
    """Return a question's bands for a scale, from the lowest."""
    return [
        charts.ScaleBand(name, words.BAND_CLASSES[name], start)
        for name, start in zip(BANDS, (0.0, *question.cuts), strict=True)
    ]


def _reasons(
    found: OpenList,
    payload: Mapping[str, Any],
    past: Past | None,
    shown: HistoryView | None,
    *,
    pseudonymous: bool,
) -> list[ReasonView]:
    largest = max((abs(reason["contribution"]) for reason in payload["reasons"]), default=0.0)
    views = []
    for reason in payload["reasons"]:
        records = reason["records"]
        if not records and found.history is not None and past is not None:
            records = records_behind(found.history, reason["features"], past)
        sources = [_source(record, shown, pseudonymous) for record in records]
        at_once = MOST_RECORDS + (len(sources) == MOST_RECORDS + 1)  # never "1 more"
        size = charts.effect_size(reason["contribution"])
        views.append(
            ReasonView(
                text=facts(reason),
                effect=f"{reason['direction'].capitalize()}, {size}",
                bar=charts.effect_bar(reason["contribution"], largest),
                first=sources[:at_once],
                more=sources[at_once:],
            )
        )
    return views


def _source(record: Mapping[str, Any], shown: HistoryView | None, pseudonymous: bool) -> Source:
    occurred = record["occurred_on"]
    key = (record["table"], record["record_id"])
    status = words.spoken(record["status"] or "status not recorded")
    part = f"named as {record['role']}, " if record["table"] == "offence" else ""
    return Source(
        reference=reference(record["reference"], pseudonymous),
        anchor=None if shown is None else shown.anchors.get(key),
        when="date not recorded" if occurred is None else date_words(date.fromisoformat(occurred)),
        status=f"{part}{status}",
        record={"table": str(record["table"]), "record": str(record["record_id"])},
    )


def input_groups(feature_set: FeatureSet, payload: Mapping[str, Any]) -> list[InputGroup]:
    """Return every input of a score with its value, by feature group; groups add up to the score.

    Examples
    --------
    >>> from features.declare import COUNT, Feature
    >>> column = Feature("custody", COUNT, "arrests", "{value} {window}",
    ...                  ("arrest", "arrests")).columns()[0]
    >>> payload = {"inputs": {column.name: 2.0}, "groups": {"arrests": 0.5}}
    >>> input_groups(FeatureSet((column,)), payload)[0].inputs
    [('… on record', '2 arrests')]
    """
    found: dict[str, list[tuple[str, str]]] = {group: [] for group in feature_set.groups}
    for column in feature_set.columns:
        value = payload["inputs"][column.name]
        found[column.group].append((column.words.replace("{value}", "…"), _value(column, value)))
    return [
        InputGroup(words.spoken(group).capitalize(), f"{payload['groups'][group]:+.3f}", inputs)
        for group, inputs in found.items()
    ]


def _value(column: FeatureColumn, value: float | None) -> str:
    if value is None:
        return "Nothing recorded"
    return replace(column, words="{value}").phrase(value)


def _facts(found: OpenList, payload: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return which model and records a score comes from, and until when it may be relied on."""
    made_up = " (trained on made-up people)" if payload["model"]["synthetic"] else ""
    return [
        ("List", found.question.title),
        ("Records up to", date_words(found.known_to)),
        ("Expires", date_words(date.fromisoformat(payload["expires_on"]))),
        ("Model", f"version {payload['model']['version']}{made_up}"),
        ("Score reference", payload["score_id"]),
    ]
