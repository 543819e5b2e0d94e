"""What goes with the transparency record: notice, model card, and figures for the assessments.

A data protection impact assessment and an equality impact assessment are written by people. The
annexes bring the figures they have to weigh, each from the model's own manifest, beside what people
answered and what nobody has answered yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from features.register import register
from training.answers import NOT_ANSWERED, Field, asked
from training.card import card
from training.evaluation import MODEL
from training.fairness import CAPACITY
from training.record_facts import UNKNOWN, Facts, percent

Answers = Mapping[str, str]
Rows = list[dict[str, str]]

DPIA = ("lawful_basis", "policy_document", "necessity", "retention", "data_protection_officer")
EQUALITY = ("equality_aims", "equality_decision", "consultation")
RATES = {
    "selection": "listed",
    "precision": "of those listed, with the outcome",
    "miss_rate": "outcomes missed",
    "false_alarms": "listed without the outcome",
}


def model_card(f: Facts) -> str:
    """Return the model's card, as the registry shows it."""
    test = {"rows": f.evaluation["rows"], "positives": f.evaluation["positives"]}
    return card(f.model, {**f.training, "training": f.part, "test": test})


def notice(f: Facts, answers: Answers) -> list[str]:
    """Return the text for a person who is scored, a paragraph each."""
    groups = [register()["groups"][g]["words"] for g in f.groups if g in register()["groups"]]
    asked_of = f.model.question
    return [
        f"Police use a computer model to help decide whom to work with. It may be used about you if"
        f" you are one of {f.cohort}.",
        f"It estimates how likely people with records like yours are to be"
        f" {asked_of.outcome_words}. It knows only what is on record. It does not say what you"
        " will do.",
        f"It reads: {'; '.join(groups) or 'the columns of a ready table'}. It does not read your"
        " sex, ethnicity, religion, nationality, disability, sexual orientation, name or address.",
        f"It is often wrong. When it was tested, {_in_hundred(f)} of 100 people it put on a list"
        f" had such a record afterwards, and it left out {f.cells()['fn']:,.0f} of"
        f" {f.evaluation['positives']:,} records that followed.",
        "The model decides nothing. A person looks at the records, decides, and writes down why.",
        f"A score is valid for {asked_of.expires_after_days} days. How long it is kept:"
        f" {answers.get('retention', NOT_ANSWERED)}",
        "You can ask whether you were scored, see what it was based on, have a wrong record put"
        f" right and be scored again, and object: {answers.get('notice_contact', NOT_ANSWERED)}",
    ]


def _in_hundred(f: Facts) -> str:
    found = f.evaluation["figures"][MODEL]["precision"]["value"]
    return "an unknown number" if found is None else f"{found * 100:.0f}"


def data_protection(f: Facts, answers: Answers) -> dict[str, Any]:
    """Return the figures of a data protection impact assessment, and what people answered."""
    cells, reference = f.cells(), f.training.get("reference") or {}
    each = reference.get("rows_a_date")
    rows = [
        ("People whose records it was trained on", f"{f.part['people']:,}"),
        ("People it was tested on", f"{f.evaluation['people']:,}"),
        ("People scored on a date", UNKNOWN if each is None else f"about {each:,.0f}"),
        ("People on a list", f"{f.model.question.capacity:,}"),
        ("Listed without a recorded outcome", f"{cells['fp']:,.0f} of {f.listed:,}"),
        ("Outcomes of people who were not listed", f"{cells['fn']:,.0f}"),
        ("Precision at capacity", f.figure("precision")),
        ("Columns read, of those compiled", f"{len(f.used)} of {len(f.model.feature_set.columns)}"),
        ("Validity of a score", f"{f.model.question.expires_after_days} days"),
        ("Model scores nobody after", str(f.expires or UNKNOWN)),
        ("Special categories among the inputs", "none"),
        ("Solely automated decisions", "none; each is a person's, with a reason, on the ledger"),
    ]
    simpler = [
        {"method": f.rival(n), "precision": f.figure("precision", n), "AUC": f.figure("auc", n)}
        for n in f.rivals
    ]
    return {
        "figures": [{"what": what, "figure": figure} for what, figure in rows],
        "less_intrusive": simpler,
        "data": [
            {
                "group": group,
                "purpose": register()["groups"][group]["purpose"],
                "sensitivity": register()["groups"][group]["sensitivity"],
                "bias": register()["groups"][group]["bias"],
            }
            for group in f.groups
            if group in register()["groups"]
        ],
        "answers": _answered(DPIA, answers),
    }


def equality(f: Facts, answers: Answers) -> dict[str, Any]:
    """Return the figures of an equality impact assessment, and what people answered."""
    if f.fairness is None:
        said = (
            "Not audited by group: who the people are was not told. No assessment can rest on it."
        )
        return {"summary": said, "tables": {}, "answers": _answered(EQUALITY, answers)}
    tables: dict[str, Rows] = {}
    for attribute, groups in f.fairness["tables"].items():
        tables[attribute] = [
            {
                "group": ", ".join(group["who"].values()),
                "people": "fewer than ten" if group["people"] is None else f"{group['people']:,}",
                "recorded": percent(group["recorded"]),
                "predicted for each recorded": _ratio(group["calibration"]),
            }
            | {words: percent(group["at"][CAPACITY][r]) for r, words in RATES.items()}
            for group in groups
        ]
    found = f.fairness["findings"]
    named = ", ".join(one["group"] for one in found)
    summary = f"{f.fairness['tested']} groups had enough outcomes to be tested. " + (
        f"Predictions part from records for {named}."
        if found
        else "In none do predictions part from records beyond chance."
    )
    unknown = [f"{n} for {share:.1%} of rows" for n, share in f.fairness["unknown"].items()]
    summary += f" Not recorded: {', '.join(unknown)}."
    return {"summary": summary, "tables": tables, "answers": _answered(EQUALITY, answers)}


def _ratio(figure: Mapping[str, Any] | None) -> str:
    if figure is None or figure["value"] is None:
        return "too few to show"
    if figure["low"] is None:
        return f"{figure['value']:.2f}"
    return f"{figure['value']:.2f} ({figure['low']:.2f} to {figure['high']:.2f})"


def _answered(keys: tuple[str, ...], answers: Answers) -> Rows:
    known: Mapping[str, Field] = asked()
    return [{"title": known[k].title, "text": answers.get(k, NOT_ANSWERED)} for k in keys]
