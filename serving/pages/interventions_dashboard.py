"""Interventions and their estimated effect, as the evaluations that are kept tell it."""

from __future__ import annotations

from datetime import date

from starlette.requests import Request
from starlette.responses import Response

from features.dashboards import evaluations
from models.words import date_words
from serving.access import Permission, require
from serving.pages import words
from serving.pages.dashboard_view import (
    Cell,
    Section,
    Table,
    View,
)
from serving.pages.desk import (
    Desk,
)
from serving.pages.door import Visitor


def show(desk: Desk, request: Request, visitor: Visitor) -> Response:
    """Answer with the evaluations of interventions that are kept."""
    require(visitor.principal, Permission.DASHBOARDS)
    load, kept = desk.load(), evaluations.kept()
    view = View(
        name="interventions",
        title="Interventions and their estimated effect",
        lead=[
            "An effect is estimated from records, by comparing like with like. It is an effect"
            " only if nothing that the records do not hold decided who was treated.",
        ],
        sections=[_evaluation(found) for found in kept]
        or [
            Section(
                "No evaluation is kept yet",
                lead=[
                    "Make one with the command: precursor evaluate-intervention"
                    " domestic_abuse_programme RECORDS (or protective_order, or a study of"
                    " your own)."
                ],
            )
        ],
        csv=bool(kept),
    )
    return desk.show(request, visitor, view, load)


def _evaluation(found: dict[str, object]) -> Section:
    if "file" in found:
        return Section(
            f"{found['file']} cannot be read",
            lead=["Make the evaluation again with precursor evaluate-intervention."],
        )
    said = found["evaluation"]
    assert isinstance(said, dict)
    study, made = said["study"], str(found["made_at"])[:10]
    main = said["effects"][study["measure"]]
    load = found["load"]
    assert isinstance(load, dict)
    rows = [
        [Cell(text), Cell(_figure(said["effects"][name]["ratio"]))]
        for name, text in (
            ("count", "Number a person"),
            ("any", "Share with any"),
            ("harm", "Days of harm a person"),
        )
        if name in said["effects"]
    ]
    rows += [
        [Cell(text), Cell(_figure(said[name]["ratio"]))]
        for name, text in (
            ("unadjusted", "Unadjusted"),
            ("placebo_outcome", "Check: an outcome it cannot change (1 expected)"),
            ("placebo_period", "Check: the time before (1 expected)"),
        )
        if name in said
    ]
    paragraphs = [line for line in str(found["words"]).split("\n\n") if "  " not in line]
    return Section(
        study["title"],
        Table(
            f"{study['title']}: times as often as without",
            ["Measure", "Times as often as without (95% range)"],
            rows,
        ),
        lead=[
            f"With it, {study['outcome_words']} were recorded {_figure(main['ratio'])} times as"
            f" often as without, over {words.horizon(int(study['horizon_days']))}."
            f" {said['people']:,} people, {said['treated']:,} of {said['rows']:,} dates treated.",
            f"Made on {date_words(date.fromisoformat(made))} from records up to"
            f" {date_words(date.fromisoformat(load['data_to']))} (load {load['fingerprint'][:12]})."
            + (
                " Synthetic records: this says nothing about any programme."
                if said.get("synthetic")
                else ""
            ),
        ],
        after=paragraphs[-1].split("\n") if paragraphs else [],
    )


def _figure(ratio: dict[str, float | None]) -> str:
    if None in (ratio["value"], ratio["low"], ratio["high"]):
        return "cannot be told"
    return f"{ratio['value']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})"
