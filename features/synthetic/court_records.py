"""Outcomes of crimes and charges, and the terms in prison."""

from __future__ import annotations

import numpy as np

from features.synthetic import kinds
from features.synthetic import parameters as p
from features.synthetic.cases import Cases
from features.synthetic.columns import Array, Columns, happened, take
from features.synthetic.justice import CHARGED, OUT_OF_COURT
from features.synthetic.prison import REMAND
from features.synthetic.rows import UNKNOWN, counts, lag, no_counts, number, rows
from features.synthetic.traits import YEAR

_WITHOUT_ARREST = np.array([0.006, 0.004, 0.010, 0.002, 0.04, 0.08])
"""Chance of an out-of-court outcome for a suspect who was not arrested (assumed)."""
_CODES = np.array(["16", "15", "10", "21", "9"])
_NO_ACTION = {
    True: np.array([0.68, 0.22, 0.04, 0.03, 0.03]),
    False: np.array([0.42, 0.38, 0.09, 0.06, 0.05]),
}


def outcome_records(cases: Cases, rng: np.random.Generator) -> Columns:
    """Return the outcome table: charges, verdicts, out-of-court outcomes and no further action.

    Nothing follows once a crime was cancelled or the suspect eliminated.
    """
    reports = cases.reports
    charged = take(reports, happened(reports["charged"]))
    k = len(charged["person"])
    grade = kinds.GRADE[charged["kind"]]
    charge_known = charged["charged"] + lag(k, (0.7, 0.15, 0.1, 0.05), rng)
    verdict_known = np.maximum(charge_known, charged["court"] + rng.integers(0, 22, k))
    heard = rng.random(k) < 0.95
    heard |= charged["convicted"]
    convicted = charged["convicted"][heard]
    verdicts = {name: values[heard] for name, values in counts(grade, rng).items()}
    empty = no_counts(int(heard.sum()))
    verdicts = {name: np.where(convicted, verdicts[name], empty[name]) for name in verdicts}
    same = {"nominal_id": charged["person"], "offence_id": charged["crime"]}
    return number(
        rows(
            k,
            **same,
            result="charged",
            outcome_code="1",
            **counts(grade, rng),
            occurred_on=charged["charged"],
            known_on=charge_known,
        ),
        rows(
            int(heard.sum()),
            **take(same, heard),
            result=np.where(convicted, "convicted", "acquitted"),
            outcome_code="",
            **verdicts,
            occurred_on=charged["court"][heard],
            known_on=verdict_known[heard],
        ),
        _uncharged(cases, rng),
    )


def _uncharged(cases: Cases, rng: np.random.Generator) -> Columns:
    reports = take(cases.reports, happened(cases.reports["closed"]))
    gone = reports["gone"]
    reports = take(reports, ~happened(gone) | (reports["closed"] < gone))
    k = len(reports["person"])
    disposal, group = reports["disposal"], reports["group"]
    spared = (disposal == OUT_OF_COURT) | (
        (disposal < CHARGED) & (rng.random(k) < _WITHOUT_ARREST[group])
    )
    young = reports["closed"] - cases.register.born[reports["person"]] < 18 * YEAR
    chance = rng.random(k)
    cautioned = spared & (chance < 0.35)
    informal = np.where(chance < 0.85, "8", "22")
    domestic = group <= p.DAS
    none = np.where(domestic, _draw(_NO_ACTION[True], k, rng), _draw(_NO_ACTION[False], k, rng))
    code = np.where(cautioned, np.where(young, "2", "3"), np.where(spared, informal, none))
    result = np.where(cautioned, "cautioned", np.where(spared, "out_of_court", "no_further_action"))
    return rows(
        k,
        nominal_id=reports["person"],
        offence_id=reports["crime"],
        result=result,
        outcome_code=code,
        **no_counts(k),
        occurred_on=reports["closed"],
        known_on=reports["closed"] + lag(k, (0.6, 0.15, 0.1, 0.05, 0.05, 0.05), rng),
    )


def _draw(shares: Array, k: int, rng: np.random.Generator) -> Array:
    return rng.choice(_CODES, k, p=shares)


def imprisonment_records(cases: Cases, rng: np.random.Generator) -> Columns:
    """Return the imprisonment table; the days served are known on release only."""
    terms = cases.terms
    k = len(terms.person)
    kind = np.where(terms.kind == REMAND, "remand", "prison")
    same = {"nominal_id": terms.person, "episode_id": np.arange(k), "kind": kind}
    known = terms.start + lag(k, (0.6, 0.2, 0.1, 0.1), rng)
    return number(
        rows(
            k,
            **same,
            event="received",
            days_served=UNKNOWN,
            occurred_on=terms.start,
            known_on=known,
        ),
        rows(
            k,
            **same,
            event="released",
            days_served=terms.end - terms.start,
            occurred_on=terms.end,
            known_on=np.maximum(known, terms.end + lag(k, (4, 2, 1, 1, 1, 1), rng)),
        ),
    )
