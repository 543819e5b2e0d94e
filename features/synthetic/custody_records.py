"""Arrests, how they ended, pre-charge bail, and wanted markers."""

from __future__ import annotations

import numpy as np

from features.records import DISPOSALS
from features.synthetic import kinds
from features.synthetic.cases import Cases
from features.synthetic.columns import NEVER, Array, Columns, happened, stack, take
from features.synthetic.corrections import correct
from features.synthetic.justice import BAILED, UNDER_INVESTIGATION
from features.synthetic.rows import counts, lag, no_counts, number, rows, spread
from features.synthetic.switches import Switches

_FAR = 10**6
_BAIL_NOT_ENTERED = 0.04


def custody_records(cases: Cases, switches: Switches, rng: np.random.Generator) -> Columns:
    """Return the custody table: one row for the arrest, one for its end."""
    arrests = take(cases.reports, happened(cases.reports["arrested"]))
    k = len(arrests["person"])
    detained_known = arrests["arrested"] + lag(k, (0.95, 0.04, 0.01), rng)
    same = {
        "nominal_id": arrests["person"],
        "offence_id": arrests["crime"],
        "episode_id": np.arange(k),
    }
    detained = rows(
        k,
        **same,
        event="detained",
        disposal="",
        **counts(kinds.GRADE[arrests["kind"]], rng),
        occurred_on=arrests["arrested"],
        known_on=detained_known,
    )
    disposed = rows(
        k,
        **same,
        event="disposed",
        disposal=np.array(DISPOSALS)[arrests["disposal"]],
        **no_counts(k),
        occurred_on=arrests["disposed"],
        known_on=np.maximum(detained_known, arrests["disposed"] + lag(k, (0.9, 0.08, 0.02), rng)),
    )
    table = number(detained, disposed)
    wrong = rng.random(2 * k) < 0.03
    on = table["known_on"] + 1 + spread(2 * k, 6.0, 0.9, rng)
    if not switches.faults:
        return table
    wrong &= table["disposal"] == DISPOSALS[BAILED]
    mistaken = np.where(wrong, DISPOSALS[UNDER_INVESTIGATION], table["disposal"])
    return correct(table, {**table, "disposal": mistaken}, np.where(wrong, on, NEVER))


def bail_records(cases: Cases, switches: Switches, rng: np.random.Generator) -> Columns:
    """Return the bail table: granted with or without conditions, breached, ended.

    Some bail is noted with the stay in custody only, and has no record of its own.
    """
    bailed = take(cases.reports, cases.reports["disposal"] == BAILED)
    lost = (rng.random(len(bailed["person"])) < _BAIL_NOT_ENTERED) & switches.faults
    bailed = take(bailed, ~lost)
    k = len(bailed["person"])
    granted = bailed["disposed"]
    end = bailed["bail_to"]
    conditions = np.array(["", "no", "yes"])[bailed["conditions"] + 1]
    same = {"nominal_id": bailed["person"], "offence_id": bailed["crime"]}
    episode = np.arange(k)
    known = granted + lag(k, (0.9, 0.08, 0.02), rng)
    again = _next_report(cases.reports, bailed["person"], granted)
    reported = (again < end) & (rng.random(k) < 0.4)
    other = (rng.random(k) < 0.08) & (conditions == "yes") & (end - granted > 2)
    when = granted + 1 + np.floor(rng.random(k) * (end - granted - 1)).astype(np.int64)
    breach = np.where(reported, again, np.where(other, when, NEVER))
    broken = happened(breach)
    breach_known = np.maximum(breach + lag(k, (0.6, 0.2, 0.1, 0.1), rng), known)
    return number(
        rows(
            k,
            **same,
            episode_id=episode,
            event="granted",
            conditions=conditions,
            occurred_on=granted,
            known_on=known,
        ),
        take(
            rows(
                k,
                **same,
                episode_id=episode,
                event="breached",
                conditions="",
                occurred_on=breach,
                known_on=breach_known,
            ),
            broken,
        ),
        rows(
            k,
            **same,
            episode_id=episode,
            event="ended",
            conditions="",
            occurred_on=end,
            known_on=np.maximum(end + lag(k, (0.7, 0.2, 0.1), rng), known),
        ),
    )


def _next_report(reports: Columns, person: Array, after: Array) -> Array:
    """Return the day of the person's next named offence after a day, or one far away."""
    named = happened(reports["named"])
    moments = np.sort(reports["person"][named] * _FAR + reports["day"][named])
    place = np.searchsorted(moments, person * _FAR + after, side="right")
    found = moments[np.minimum(place, len(moments) - 1)] if len(moments) else person * 0
    there = (place < len(moments)) & (found // _FAR == person)
    return np.where(there, found % _FAR, _FAR)


def wanted_records(cases: Cases, rng: np.random.Generator) -> Columns:
    """Return the wanted table: suspects to be arrested, and people who did not come to court."""
    reports = cases.reports
    k = len(reports["person"])
    chance = rng.random((3, k))
    arrested = happened(reports["arrested"])
    sought = arrested & (reports["arrested"] - reports["named"] > 6) & (chance[0] < 0.2)
    missing = ~arrested & reports["serious"] & happened(reports["named"]) & (chance[1] < 0.12)
    absent = happened(reports["court"]) & ~reports["remanded"] & (chance[2] < 0.06)
    later = reports["named"] + 14 + spread(k, 120.0, 0.9, rng)
    back = reports["court"] + 2 + spread(k, 20.0, 1.0, rng)
    found = np.where(sought, reports["arrested"], later)
    parts = []
    for mask, since, until, reason in (
        (sought | missing, reports["named"] + 1 + lag(k, (1, 1, 1), rng), found, "to be arrested"),
        (absent, reports["court"], back, "failed to appear"),
    ):
        part = {"person": reports["person"], "since": since, "until": until}
        parts.append({**take(part, mask), "reason": np.full(int(mask.sum()), reason)})
    markers = stack(parts)
    n = len(markers["person"])
    same = {
        "nominal_id": markers["person"],
        "episode_id": np.arange(n),
        "reason": markers["reason"],
    }
    since = markers["since"] + lag(n, (0.9, 0.1), rng)
    until = markers["until"] + lag(n, (0.7, 0.2, 0.1), rng)
    return number(
        rows(n, **same, event="circulated", occurred_on=markers["since"], known_on=since),
        rows(n, **same, event="cancelled", occurred_on=markers["until"], known_on=until),
    )
