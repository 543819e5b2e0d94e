"""Offences and who had a part in them, as recorded, corrected and withdrawn."""

from __future__ import annotations

import numpy as np

from features.synthetic import kinds
from features.synthetic import parameters as p
from features.synthetic.cases import Cases
from features.synthetic.columns import NEVER, Array, Columns, happened, take
from features.synthetic.corrections import correct, withdraw
from features.synthetic.marks import BLANK
from features.synthetic.parties import RELATIONSHIPS
from features.synthetic.rows import number, rows, spread
from features.synthetic.switches import Switches

MARKERS = (
    "domestic",
    "online",
    "strangulation",
    "weapon",
    "threats_to_kill",
    "separation",
    "child_present",
    "following",
    "unwanted_contact",
)

# What an offence of the kind on the left may first have been recorded as.
_MISTAKEN = {
    "008/06": "105/01",
    "005/01": "008/06",
    "195/12": "195/94",
    "008/66": "195/94",
    "008/65": "008/30",
    "008/77": "105/01",
    "003/01": "008/30",
    "034/01": "039/00",
    "105/01": "008/06",
    "008/67": "195/94",
    "019/08": "020/05",
}
_FIRST_KIND = np.array([kinds.kind(_MISTAKEN.get(code, code)) for code in kinds.CODES])
_RECLASSIFIED, _REDATED, _FILLED_IN, _LATE_RELATIONSHIP = 0.04, 0.10, 0.02, 0.02


def offence_records(cases: Cases, switches: Switches, rng: np.random.Generator) -> Columns:
    """Return the offence table: each crime, its corrections, and its cancellation."""
    crimes = cases.crimes
    k = len(crimes["kind"])
    table = rows(
        k,
        record_id=np.arange(k),
        kind=crimes["kind"],
        area=np.array(p.AREAS)[crimes["area"]],
        occurred_on=crimes["day"],
        known_on=crimes["known"],
        **{name: crimes[name] for name in MARKERS},
    )
    if switches.faults:
        table = _correct_offences(table, crimes, rng)
        table = withdraw(table, crimes["cancelled"])
    table["offence_code"] = np.array(kinds.CODES)[table["kind"]]
    table["grade"] = kinds.GRADE[table.pop("kind")]
    return table


def _correct_offences(table: Columns, crimes: Columns, rng: np.random.Generator) -> Columns:
    """Let some crimes be recorded first with a wrong kind or day, or a marker left blank."""
    k = len(table["record_id"])
    first = {name: values.copy() for name, values in table.items()}
    chance = rng.random((3, k))
    kind = (chance[0] < _RECLASSIFIED) & (_FIRST_KIND[table["kind"]] != table["kind"])
    first["kind"] = np.where(kind, _FIRST_KIND[table["kind"]], table["kind"])
    dated = (chance[1] < _REDATED) & (table["known_on"] > table["occurred_on"])
    first["occurred_on"] = np.where(dated, table["known_on"], table["occurred_on"])
    marker = (chance[2] < _FILLED_IN) & (table["strangulation"] != BLANK)
    first["strangulation"] = np.where(marker, BLANK, table["strangulation"]).astype(np.int8)
    changed = kind | dated | marker
    on = table["known_on"] + 1 + spread(k, 12.0, 1.1, rng)
    changed &= ~happened(crimes["cancelled"]) | (on < crimes["cancelled"])
    return correct(table, first, np.where(changed, on, NEVER))


def involvement_records(cases: Cases, switches: Switches, rng: np.random.Generator) -> Columns:
    """Return the involvement table: suspects, victims and witnesses."""
    reports, crimes = cases.reports, cases.crimes
    suspects = take(reports, happened(reports["named"]))
    parts = [
        rows(
            len(suspects["person"]),
            offence_id=suspects["crime"],
            nominal_id=suspects["person"],
            role="suspect",
            relationship="",
            occurred_on=suspects["day"],
            known_on=np.maximum(suspects["named"], suspects["known"]),
            gone=suspects["gone"],
        ),
        _others(crimes, "victim", rng),
        _others(crimes, "witness", rng),
    ]
    table = number(*parts)
    gone = table.pop("gone")
    unsaid = rng.random(len(gone)) < 0.06
    late = (rng.random(len(gone)) < _LATE_RELATIONSHIP) & (table["role"] == "victim") & ~unsaid
    on = table["known_on"] + 1 + spread(len(gone), 10.0, 1.0, rng)
    late &= ~happened(gone) | (on < gone)
    if not switches.faults:
        return table
    table["relationship"] = np.where(unsaid, "", table["relationship"])
    first = {**table, "relationship": np.where(late, "", table["relationship"])}
    table = correct(table, first, np.where(late, on, NEVER))
    return withdraw(table, gone)


def _others(crimes: Columns, role: str, rng: np.random.Generator) -> Columns:
    place = np.flatnonzero(crimes[role] >= 0)
    k = len(place)
    later = np.where(rng.random(k) < 0.94, 0, 1 + spread(k, 4.0, 1.0, rng))
    names: Array = np.array(RELATIONSHIPS)
    bond = names[crimes["relationship"][place]]
    table = rows(
        k,
        offence_id=place,
        nominal_id=crimes[role][place],
        role=role,
        relationship=bond if role == "victim" else "",
        occurred_on=crimes["day"][place],
        known_on=crimes["known"][place] + later,
        gone=crimes["cancelled"][place],
    )
    never_known = happened(table["gone"]) & (table["known_on"] >= table["gone"])
    return take(table, ~never_known)
