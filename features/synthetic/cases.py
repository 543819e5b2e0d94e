"""From what happened to what was recorded: reports by offender, crimes, and everybody in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.synthetic import kinds
from features.synthetic import parameters as p
from features.synthetic.columns import NEVER, Array, Columns, happened, take
from features.synthetic.dynamics import Offending
from features.synthetic.justice import BAILED, OTHER, UNDER_INVESTIGATION
from features.synthetic.marks import draw_assessments, draw_markers
from features.synthetic.parties import Register, find_victims, find_witnesses, join_co_offenders
from features.synthetic.prison import Terms, serve
from features.synthetic.states import States
from features.synthetic.streams import Streams
from features.synthetic.switches import Switches
from features.synthetic.timeline import Timeline
from features.synthetic.traits import People

_CANCELLED, _ELIMINATED = 0.02, 0.015


@dataclass(frozen=True)
class Cases:
    """The force's cases.

    Attributes
    ----------
    reports : Columns
        One row for each recorded offence of each offender, in the order of recording: the columns
        of the events, and crime (position in `crimes`), closed (the day an investigation without
        charge ended, or `NEVER`), gone (the day a crime was cancelled or a suspect eliminated).
    crimes : Columns
        One row for each recorded crime: kind, day, known, victim, relationship, witness, markers,
        grade, ticks, area, cancelled.
    terms : Terms
        The terms served in prison.
    register : Register
    """

    reports: Columns
    crimes: Columns
    terms: Terms
    register: Register


def open_cases(
    offending: Offending,
    people: People,
    states: States,
    timeline: Timeline,
    switches: Switches,
    streams: Streams,
) -> Cases:
    """Turn the offences that were recorded by the last day into cases."""
    events = offending.events
    seen = np.flatnonzero(events["recorded"] & (events["known"] <= timeline.last_day))
    reports = take(events, seen[np.lexsort((events["event"][seen], events["known"][seen]))])
    register = Register.of(people)

    terms = serve(reports, states.exit_day)
    held = terms.inside(reports["person"], reports["arrested"])
    for name in ("arrested", "disposed"):
        reports[name] = np.where(held, NEVER, reports[name])
    reports["disposal"] = np.where(held, -1, reports["disposal"])
    reports["closed"] = _closed(reports, streams["court"])

    own = join_co_offenders(reports, people, streams["parties"])
    leading = own == np.arange(len(own))
    place = np.cumsum(leading) - 1
    reports["crime"] = place[own]
    reports["day"] = reports["day"][own]
    reports["known"] = reports["known"][own]
    reports["kind"] = reports["kind"][own]

    crimes = take(reports, leading)
    crimes |= find_victims(crimes, register, states, streams["parties"])
    crimes["witness"] = find_witnesses(crimes, register, streams["parties"])
    male = (crimes["victim"] >= 0) & ~register.female[crimes["victim"]]
    crimes["kind"] = np.where(male, kinds.AGAINST_MALE[crimes["kind"]], crimes["kind"])
    crimes |= draw_markers(crimes, people, timeline, switches, streams["markers"])
    crimes |= draw_assessments(crimes, people, timeline, switches, streams["assessments"])
    rng = streams["court"]
    strays = rng.random(len(crimes["person"])) < 0.15
    drawn = rng.integers(0, len(p.AREAS), len(strays))
    crimes["area"] = np.where(strays, drawn, people.area[crimes["person"]])
    _withdraw(reports, crimes, switches, streams["corrections"])
    return Cases(reports, crimes, terms, register)


def _closed(reports: Columns, rng: np.random.Generator) -> Array:
    """Return the day on which an investigation of a named suspect ended without charge."""
    k = len(reports["person"])
    disposal = reports["disposal"]
    open_ = happened(reports["named"]) & ~happened(reports["charged"]) & (rng.random(k) < 0.93)
    open_ &= (disposal != OTHER) | (rng.random(k) < 0.6)
    median = np.select(
        [disposal == UNDER_INVESTIGATION, disposal == -1, disposal == OTHER],
        [110.0, 40.0, 60.0],
        0.0,
    )
    wait = np.floor(median * np.exp(0.6 * rng.standard_normal(k))).astype(np.int64)
    bailed = disposal == BAILED
    since = np.where(happened(reports["disposed"]), reports["disposed"], reports["named"])
    closed = np.where(bailed, reports["bail_to"], since + wait)
    return np.where(open_, closed, NEVER)


def _withdraw(
    reports: Columns, crimes: Columns, switches: Switches, rng: np.random.Generator
) -> None:
    """Cancel some crimes and eliminate some suspects, none of whom was charged."""
    k, suspects = len(crimes["person"]), len(reports["person"])
    charged = np.zeros(k, dtype=bool)
    np.logical_or.at(
        charged, reports["crime"], happened(reports["charged"]) | happened(reports["arrested"])
    )
    latest = crimes["known"].copy()
    np.maximum.at(latest, reports["crime"], reports["named"])
    chosen = (rng.random(k) < _CANCELLED) & ~charged & ~crimes["serious"] & switches.faults
    after = 1 + np.floor(20 * np.exp(0.9 * rng.standard_normal(k))).astype(np.int64)
    crimes["cancelled"] = np.where(chosen, latest + after, NEVER)

    eliminated = (rng.random(suspects) < _ELIMINATED) & ~happened(reports["charged"])
    eliminated &= happened(reports["named"]) & ~reports["serious"] & switches.faults
    after = 2 + np.floor(25 * np.exp(0.9 * rng.standard_normal(suspects))).astype(np.int64)
    since = np.maximum(reports["named"], reports["disposed"])
    alone = np.where(eliminated, since + after, NEVER)
    whole = crimes["cancelled"][reports["crime"]]
    reports["gone"] = np.where(happened(whole), whole, alone)
