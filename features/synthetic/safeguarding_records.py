"""Protective orders, DASH assessments, programmes and management statuses."""

from __future__ import annotations

import numpy as np

from features.synthetic import kinds
from features.synthetic import parameters as p
from features.synthetic.cases import Cases
from features.synthetic.columns import NEVER, Array, Columns, happened, stack, take
from features.synthetic.corrections import correct
from features.synthetic.dynamics import Offending
from features.synthetic.interventions import DAPO, DVPO, SEXUAL_ORDER
from features.synthetic.prison import PRISON
from features.synthetic.rows import lag, number, rows, spread
from features.synthetic.switches import Switches

_SEXUAL_ORDER_YEARS = 5


def assessment_records(cases: Cases, switches: Switches, rng: np.random.Generator) -> Columns:
    """Return the risk assessment table: DASH grades, some of them raised on a second look."""
    reports, crimes = cases.reports, cases.crimes
    graded = (reports["group"] <= p.DAS) & happened(reports["named"])
    graded &= crimes["grade"][reports["crime"]] != ""
    seen = take(reports, graded)
    k = len(seen["person"])
    known = np.maximum(seen["named"], seen["known"])
    table = number(
        rows(
            k,
            nominal_id=seen["person"],
            offence_id=seen["crime"],
            tool="DASH",
            grade=crimes["grade"][seen["crime"]],
            ticks=crimes["ticks"][seen["crime"]],
            occurred_on=known,
            known_on=known + lag(k, (0.75, 0.15, 0.05, 0.05), rng),
        )
    )
    raised = (rng.random(k) < 0.03) & (table["grade"] != "standard") & switches.faults
    lower = np.where(table["grade"] == "high", "medium", "standard")
    first = {**table, "grade": np.where(raised, lower, table["grade"])}
    on = table["known_on"] + 1 + spread(k, 3.0, 0.7, rng)
    return correct(table, first, np.where(raised, on, NEVER))


def order_records(offending: Offending, cases: Cases, rng: np.random.Generator) -> Columns:
    """Return the protective order table: made, breached, ended."""
    made = _orders(offending.orders, cases, rng)
    k = len(made["person"])
    same = {
        "nominal_id": made["person"],
        "episode_id": np.arange(k),
        "kind": np.array([*kinds.ORDER_KINDS])[made["kind"]],
    }
    police = np.isin(made["kind"], [DVPO, DAPO])
    known = made["made"] + np.where(police, lag(k, (0.8, 0.2), rng), rng.integers(0, 22, k))
    episodes = {**same, "offence_id": made["crime"]}
    early = (rng.random(k) < 0.1) & (made["kind"] != SEXUAL_ORDER)
    stated = made["to"] + np.where(early, 7 * rng.integers(1, 9, k), 0)
    broken = take(cases.reports, (cases.reports["order"] >= 0) & happened(cases.reports["named"]))
    episode = _places(made["order"], broken["order"])
    broken, episode = take(broken, episode >= 0), episode[episode >= 0]
    b = len(episode)
    return number(
        rows(
            k,
            **episodes,
            event="made",
            expires_on=stated,
            occurred_on=made["made"],
            known_on=known,
        ),
        rows(
            b,
            **{name: values[episode] for name, values in same.items()},
            offence_id=broken["crime"],
            event="breached",
            expires_on=NEVER,
            occurred_on=broken["day"],
            known_on=np.maximum(known[episode], broken["named"] + lag(b, (6, 2, 1, 1), rng)),
        ),
        rows(
            k,
            **episodes,
            event="ended",
            expires_on=NEVER,
            occurred_on=made["to"],
            known_on=np.maximum(known, made["to"] + lag(k, (0.9, 0.1), rng)),
        ),
    )


def _orders(orders: Columns, cases: Cases, rng: np.random.Generator) -> Columns:
    """Return the orders of recorded crimes, and those made when sexual offenders were sentenced."""
    reports = cases.reports
    order = np.argsort(reports["event"])
    found = _places(reports["event"][order], orders["event"])
    civil = take(orders, found >= 0)
    civil["crime"] = reports["crime"][order][found[found >= 0]]
    del civil["event"]
    convicted = (reports["group"] == p.SEX) & reports["convicted"]
    sentenced = take(reports, convicted & (rng.random(len(convicted)) < 0.5))
    k = len(sentenced["person"])
    sexual = {
        "order": np.full(k, NEVER),
        "person": sentenced["person"],
        "kind": np.full(k, SEXUAL_ORDER),
        "made": sentenced["court"],
        "to": sentenced["court"] + 365 * _SEXUAL_ORDER_YEARS,
        "crime": sentenced["crime"],
    }
    # The sexual orders carry no number of the simulation, and go first to keep numbers ascending.
    return stack([sexual, civil])


def _places(ascending: Array, wanted: Array) -> Array:
    """Return where each wanted number is among ascending ones, or -1."""
    if not len(ascending):
        return np.full(len(wanted), -1)
    place = np.minimum(np.searchsorted(ascending, wanted), len(ascending) - 1)
    return np.where(ascending[place] == wanted, place, -1)


def programme_records(offending: Offending, rng: np.random.Generator) -> Columns:
    """Return the programme table: started, then completed or left."""
    taken = offending.programmes
    k = len(taken["person"])
    name = np.where(taken["stalking"], "EASI", "domestic abuse programme")
    same = {"nominal_id": taken["person"], "episode_id": np.arange(k), "name": name}
    known = taken["started"] + rng.integers(0, 15, k)
    return number(
        rows(k, **same, event="started", occurred_on=taken["started"], known_on=known),
        rows(
            k,
            **same,
            event=np.where(taken["left"], "left", "completed"),
            occurred_on=taken["ended"],
            known_on=np.maximum(known, taken["ended"] + rng.integers(0, 15, k)),
        ),
    )


def management_records(offending: Offending, cases: Cases, rng: np.random.Generator) -> Columns:
    """Return the management table: IOM, MAPPA, MARAC and PDP, opened and closed."""
    spans = stack(
        [
            _offender_management(offending.management),
            _public_protection(cases, rng),
            _conferences(cases, rng),
            _dangerous(cases, rng),
        ]
    )
    k = len(spans["person"])
    same = {
        "nominal_id": spans["person"],
        "episode_id": np.arange(k),
        "scheme": spans["scheme"],
        "level": spans["level"],
    }
    known = spans["since"] + lag(k, (4, 2, 1, 1, 1, 1), rng)
    ended = np.maximum(known, spans["until"] + lag(k, (4, 2, 1, 1, 1, 1), rng))
    closed = happened(spans["until"])
    return number(
        rows(k, **same, event="opened", occurred_on=spans["since"], known_on=known),
        take(rows(k, **same, event="closed", occurred_on=spans["until"], known_on=ended), closed),
    )


def _span(person: Array, since: Array, until: Array, scheme: str, level: Array) -> Columns:
    k = len(person)
    return {
        "person": person,
        "since": since,
        "until": until,
        "scheme": np.full(k, scheme),
        "level": level.astype(str),
    }


def _offender_management(changes: Columns) -> Columns:
    """Pair the openings of each person with the closings that follow them."""
    order = np.lexsort((changes["day"], changes["person"]))
    changes = take(changes, order)
    opened = np.flatnonzero(changes["opened"])
    after = np.minimum(opened + 1, max(len(order) - 1, 0))
    closes = (after > opened) & (changes["person"][after] == changes["person"][opened])
    until = np.where(closes, changes["day"][after], NEVER)
    level = np.full(len(opened), "")
    return _span(changes["person"][opened], changes["day"][opened], until, "IOM", level)


def _public_protection(cases: Cases, rng: np.random.Generator) -> Columns:
    """Sexual offenders from conviction, people with a year or more in prison from release."""
    reports, terms = cases.reports, cases.terms
    sexual = take(reports, (reports["group"] == p.SEX) & reports["convicted"])
    long = (terms.kind == PRISON) & (terms.end - terms.start >= 365)
    person = np.concatenate([sexual["person"], terms.person[long]])
    since = np.concatenate([sexual["court"], terms.end[long]])
    level = rng.choice(np.array(["1", "2", "3"]), len(person), p=np.array([0.9, 0.08, 0.02]))
    return _span(person, since, since + 365 * rng.integers(1, 8, len(person)), "MAPPA", level)


def _conferences(cases: Cases, rng: np.random.Generator) -> Columns:
    """MARAC, after a high grade or fourteen ticks."""
    reports, crimes = cases.reports, cases.crimes
    crime = reports["crime"]
    grave = (crimes["grade"][crime] == "high") | (crimes["ticks"][crime] >= 14)
    grave &= (crimes["grade"][crime] != "") & happened(reports["named"])
    grave &= (reports["group"] <= p.DAS) & (rng.random(len(grave)) < 0.7)
    chosen = take(reports, grave)
    k = len(chosen["person"])
    since = np.maximum(chosen["named"], chosen["known"]) + rng.integers(7, 36, k)
    return _span(chosen["person"], since, since + 365, "MARAC", np.full(k, ""))


def _dangerous(cases: Cases, rng: np.random.Generator) -> Columns:
    """Potentially dangerous persons: grave reports that led to no charge."""
    reports = cases.reports
    grave = reports["serious"] & happened(reports["named"]) & ~happened(reports["charged"])
    chosen = take(reports, grave & (rng.random(len(grave)) < 0.04))
    k = len(chosen["person"])
    since = np.maximum(chosen["named"], chosen["known"]) + rng.integers(14, 60, k)
    return _span(chosen["person"], since, since + rng.integers(180, 541, k), "PDP", np.full(k, ""))
