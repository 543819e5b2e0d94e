"""A study of an intervention: who is eligible, what starts when, what is counted afterwards.

Time zero is an as-of date. Who is eligible is known on it; the intervention starts within a window
from it; what happened is counted from the end of that window, for both groups alike, so that nobody
had to stay free of offences to be counted as treated.

Where an intervention answers one event within days, time zero is when that event became known. On
regular dates such a study goes wrong: an order made in the window would mostly answer a new
offence, and so pick out those who go on offending.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from features.errors import NotFound
from features.names import NAME
from features.question import CohortRule, OutcomeRule
from features.yaml_file import read_model

STARTS = {"programme": ("started", "name"), "protective_order": ("made", "kind")}
"""Tables of interventions: the event by which one starts, and the column that tells which it is."""

MEASURES = ("count", "any", "harm")


class Treatment(BaseModel):
    """What starts: a kind of programme or order; all kinds where none are named."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    table: Literal["programme", "protective_order"]
    kinds: tuple[str, ...] = ()


class Study(BaseModel):
    """An intervention, its eligible people, its outcome, and an outcome it cannot touch.

    Examples
    --------
    >>> studies()["domestic_abuse_programme"].window_days
    61
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(pattern=NAME)
    title: str
    eligible: tuple[CohortRule, ...] = Field(min_length=1)
    """All of them must hold on the as-of date."""
    treatment: Treatment
    outcome: OutcomeRule
    outcome_words: str
    placebo: OutcomeRule
    """An outcome that the intervention cannot plausibly change."""
    placebo_words: str
    time_zero: Literal["dates", "events"] = "dates"
    """Regular dates, or the day after each event of the first rule of `eligible` became known."""
    every_days: int = Field(default=28, ge=7, le=365)
    """How far apart regular dates lie."""
    window_days: int = Field(default=61, ge=7, le=365)
    washout_days: int = Field(default=730, ge=0, le=3660)
    """Who had the intervention so recently is not eligible."""
    horizon_days: int = Field(default=365, ge=30, le=1830)
    lag_days: int = Field(default=92, ge=0, le=1830)
    history_days: int = Field(default=365, ge=0)
    measure: Literal["count", "any", "harm"] = "count"


_DOMESTIC = CohortRule(source="suspected", of=("domestic",), within_days=90)
_OUTCOME = OutcomeRule(source="suspected", of=("domestic",))
_OUTCOME_WORDS = "reports naming the person as suspect of domestic abuse"
_PLACEBO = OutcomeRule(source="suspected", of=("theft",))
_PLACEBO_WORDS = "reports naming the person as suspect of theft"
_BUILT_IN = (
    Study(
        name="domestic_abuse_programme",
        title="Domestic abuse programme after an arrest",
        eligible=(
            _DOMESTIC,
            CohortRule(source="custody", of=("detained",), within_days=30),
        ),
        treatment=Treatment(table="programme", kinds=("domestic abuse programme",)),
        outcome=_OUTCOME,
        outcome_words=_OUTCOME_WORDS,
        placebo=_PLACEBO,
        placebo_words=_PLACEBO_WORDS,
    ),
    Study(
        name="protective_order",
        title="Protective order after a report of domestic abuse",
        eligible=(CohortRule(source="suspected", of=("domestic",), within_days=30),),
        treatment=Treatment(table="protective_order"),
        time_zero="events",
        window_days=14,
        horizon_days=182,
        outcome=_OUTCOME,
        outcome_words=_OUTCOME_WORDS,
        placebo=_PLACEBO,
        placebo_words=_PLACEBO_WORDS,
    ),
)


def studies() -> dict[str, Study]:
    """Return the studies that come with Precursor, by name.

    Examples
    --------
    >>> list(studies())
    ['domestic_abuse_programme', 'protective_order']
    """
    return {study.name: study for study in _BUILT_IN}


def study(name: str) -> Study:
    """Return a study by its name, or by the path of its YAML.

    Raises
    ------
    NotFound
        For a name that no study has, or a file that does not exist.
    UsageError
        Where the file is no YAML, or has unknown or wrong entries; all of them are listed.

    Examples
    --------
    >>> study("protective_order").title
    'Protective order after a report of domestic abuse'
    """
    if name.endswith((".yaml", ".yml")):
        return read_model(Study, Path(name), "study")
    known = studies()
    if name not in known:
        raise NotFound(
            f"there is no study '{name}'",
            remedy=f"Studies are: {', '.join(known)}; or give the path of a YAML of your own.",
            field="study",
            code="unknown_study",
        )
    return known[name]
