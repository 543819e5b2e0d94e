"""Small folders of canonical records without a fault, as text, for tests to write and to spoil."""

from __future__ import annotations

import csv
import random
from datetime import date, timedelta
from pathlib import Path

from features.records import TABLES

Rows = dict[str, list[dict[str, str]]]

FIRST = date(2020, 1, 1)


def faultless(rng: random.Random, *, people: int = 5, offences: int = 8) -> Rows:
    """Return rows of every canonical table, as text, that keep all rules."""
    rows: Rows = {name: [] for name in TABLES}

    def add(table: str, record_id: str, occurred: date | None, known: date, **columns: str) -> None:
        dates = {"occurred_on": occurred.isoformat() if occurred else "", "known_on": str(known)}
        given = {"record_id": record_id, **columns, **dates}
        blank = {c.name: "" for c in TABLES[table].columns if c.name != "load"}
        rows[table].append(blank | given)

    def day() -> date:
        return FIRST + timedelta(days=rng.randrange(900))

    nominals = [f"N{number}" for number in range(people)]
    for number, nominal in enumerate(nominals):
        born = f"{1960 + number}-0{1 + number % 9}-17"
        add("nominal", nominal, None, FIRST, nominal_id=nominal, born_on=born, sex="female")
    for number in range(offences):
        offence, who, when = f"O{number}", rng.choice(nominals), day()
        known = when + timedelta(days=rng.randrange(60))
        code = rng.choice(("008/65", "105/01", "046/00", "class/theft"))
        about = {"reference": f"R/{number}", "offence_code": code, "grade": "summary"}
        add("offence", offence, when, known, **about, domestic=rng.choice(("true", "false", "")))
        part = {"offence_id": offence, "nominal_id": who}
        add("involvement", f"I{number}", when, known, **part, role="suspect")
        other = rng.choice(nominals)
        victim = {"offence_id": offence, "nominal_id": other, "role": "victim"}
        add("involvement", f"V{number}", when, known, **victim, relationship="stranger")
        person = {"nominal_id": who, "offence_id": offence}
        counts = {"counts_indictable": "0", "counts_summary": str(number)}
        add("outcome", f"U{number}", known, known, **person, result="charged", **counts)
        for table, begun, ended, more in (
            ("custody", "detained", "disposed", {}),
            ("bail", "granted", "ended", {"conditions": "yes"}),
            ("protective_order", "made", "ended", {"kind": "stalking_protection"}),
        ):
            episode = {**person, "episode_id": f"{table}{number}", **more}
            add(table, f"{table}{number}a", known, known, **episode, event=begun)
            later = known + timedelta(days=3)
            add(table, f"{table}{number}b", later, later, **episode, event=ended)
        add("risk_assessment", f"A{number}", known, known, **person, tool="DASH", grade="high")
    for number, nominal in enumerate(nominals):
        begun = day()
        for table, first, last, more in (
            ("imprisonment", "received", "released", {"kind": "prison"}),
            ("management", "opened", "closed", {"scheme": "IOM"}),
            ("programme", "started", "completed", {"name": "Steps"}),
            ("wanted", "circulated", "cancelled", {"reason": "recall"}),
        ):
            episode = {"nominal_id": nominal, "episode_id": f"{table}{number}", **more}
            add(table, f"{table}{number}a", begun, begun, **episode, event=first)
            ended = begun + timedelta(days=30)
            add(table, f"{table}{number}b", ended, ended, **episode, event=last)
    return rows


def write_csv(folder: Path, rows: Rows) -> Path:
    """Write rows as CSV files named for their tables; a table without rows gets no file."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, records in rows.items():
        if records:
            with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
                writer = csv.DictWriter(stream, list(records[0]))
                writer.writeheader()
                writer.writerows(records)
    return folder
