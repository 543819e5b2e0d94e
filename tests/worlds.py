"""Small random worlds of canonical records, made to be awkward about time."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from features.loads import Load, write_load
from features.records import DISPOSALS, ORDERS, TABLES

DAY = timedelta(days=1)
DATA_TO = date(2026, 1, 31)
CODES = (
    "class/violence_with_injury",
    "class/violence_without_injury",
    "class/stalking",
    "008/74",
    "008/67",
    "class/rape",
    "class/shoplifting",
    "class/other",
    "no such code",
)

Rows = dict[str, list[dict[str, Any]]]


def world(rng: random.Random, *, people: int = 4, events: int = 30) -> Rows:
    """Return rows of every canonical table; dates crowd around window edges and month ends."""
    rows: Rows = {name: [] for name in TABLES}
    nominals = [f"N{i:03d}" for i in range(people)]

    def day() -> date:
        # near the edges of the windows before the end of the records, or anywhere in five years
        edge = rng.choice((0, 1, 29, 30, 31, 89, 90, 91, 364, 365, 366, 729, 730, 731))
        near = DATA_TO + DAY - edge * DAY
        return near if rng.random() < 0.4 else DATA_TO - rng.randrange(1800) * DAY

    def dated(**columns: Any) -> dict[str, Any]:
        occurred = day()
        late = rng.choice((0, 0, 0, 1, 3, 40, 400))
        known = min(occurred + late * DAY, DATA_TO)
        if rng.random() < 0.08:
            return columns | {"occurred_on": None, "known_on": known}
        return columns | {"occurred_on": min(occurred, known), "known_on": known}

    def add(table: str, record_id: str, **columns: Any) -> None:
        first = dated(record_id=record_id, **columns)
        rows[table].append(first)
        if rng.random() < 0.25 and first["known_on"] < DATA_TO:
            first["superseded_on"] = min(first["known_on"] + rng.randrange(1, 500) * DAY, DATA_TO)
            if rng.random() < 0.7:
                changed = first | {"known_on": first["superseded_on"], "superseded_on": None}
                if changed["occurred_on"] is not None and rng.random() < 0.5:
                    changed["occurred_on"] -= rng.randrange(40) * DAY
                if table == "offence":
                    changed["offence_code"] = rng.choice(CODES)
                rows[table].append(changed)

    for number, nominal in enumerate(nominals):
        # the youngest become adults within the records, on the day after a 28 February
        born = None if rng.random() < 0.1 else date(1988 + 4 * (number % 6), 2, 29)
        rows["nominal"].append(
            {"record_id": nominal, "nominal_id": nominal, "born_on": born, "occurred_on": None}
            | {"known_on": date(2010, 1, 1), "sex": "female", "ethnicity": "not stated"}
        )
    flag = lambda: rng.choice((True, False, None))  # noqa: E731
    for number in range(events):
        who = rng.choice(nominals)
        episode = f"E{rng.randrange(events)}"
        offence = f"O{number}"
        add(
            "offence",
            offence,
            reference=f"REF/{number}",
            offence_code=rng.choice(CODES),
            grade=rng.choice(("indictable", "summary", None)),
            **{m: flag() for m in ("domestic", "online", "strangulation", "weapon")},
            **{m: flag() for m in ("threats_to_kill", "separation", "child_present")},
            **{m: flag() for m in ("following", "unwanted_contact")},
        )
        add("involvement", f"S{number}", offence_id=offence, nominal_id=who, role="suspect")
        if rng.random() < 0.2:
            other = rng.choice(nominals)  # perhaps the same person, named twice
            add("involvement", f"T{number}", offence_id=offence, nominal_id=other, role="suspect")
        for victim in rng.sample(nominals, rng.choice((0, 1, 1, 2))):
            add(
                "involvement",
                f"V{number}{victim}",
                offence_id=offence,
                nominal_id=victim,
                role="victim",
                relationship=rng.choice(("partner", "former_partner", "stranger", None)),
            )
        counts = {f"counts_{g}": rng.choice((None, 0, 1, 3)) for g in ("indictable", "summary")}
        linked = rng.choice((offence, f"O{rng.randrange(events)}", None))
        person = {"nominal_id": who, "episode_id": episode}
        match rng.randrange(10):
            case 0:
                event = rng.choice(("detained", "disposed"))
                disposal = rng.choice(DISPOSALS) if event == "disposed" else None
                add("custody", f"C{number}", event=event, disposal=disposal, **person, **counts)
            case 1 | 2:
                result = rng.choice(("charged", "convicted", "cautioned", "acquitted"))
                add(
                    "outcome",
                    f"R{number}",
                    nominal_id=who,
                    offence_id=linked,
                    result=result,
                    **counts,
                )
            case 3:
                event = rng.choice(("granted", "breached", "ended"))
                add(
                    "bail",
                    f"B{number}",
                    event=event,
                    conditions=rng.choice(("yes", None)),
                    **person,
                )
            case 4:
                event = rng.choice(("made", "breached", "ended"))
                add(
                    "protective_order", f"P{number}", event=event, kind=rng.choice(ORDERS), **person
                )
            case 5:
                event = rng.choice(("received", "released"))
                served = rng.randrange(900) if event == "released" else None
                add(
                    "imprisonment",
                    f"I{number}",
                    event=event,
                    kind="prison",
                    days_served=served,
                    **person,
                )
            case 6:
                grade = rng.choice(("standard", "medium", "high"))
                ticks = rng.choice((None, 3, 14))
                add(
                    "risk_assessment",
                    f"A{number}",
                    nominal_id=who,
                    tool="DASH",
                    grade=grade,
                    ticks=ticks,
                )
            case 7:
                event = rng.choice(("started", "completed", "left"))
                add("programme", f"G{number}", event=event, name="DA programme", **person)
            case 8:
                event = rng.choice(("circulated", "circulated", "cancelled"))
                add("wanted", f"W{number}", event=event, **person)
            case 9:
                event = rng.choice(("opened", "opened", "closed"))
                scheme = rng.choice(("IOM", "MAPPA", "MARAC", "PDP"))
                add("management", f"M{number}", event=event, scheme=scheme, **person)
    return rows


def tables(rows: Rows) -> dict[str, pa.Table]:
    """Return rows as Arrow tables of the canonical schema, columns not given left empty."""
    found = {}
    for name, table in TABLES.items():
        schema = table.schema().to_pyarrow()
        whole = [{column: row.get(column) for column in schema.names} for row in rows[name]]
        found[name] = pa.Table.from_pylist(
            whole, pa.schema([field.with_nullable(True) for field in schema])
        ).drop_columns(["load"])
    return found


def load(rows: Rows, out: Path) -> Load:
    """Write a world as a load."""
    return write_load(out, tables(rows), kind="synthetic", data_to=DATA_TO, synthetic=True)
