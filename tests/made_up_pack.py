"""A made-up pack in the layout of the Broward County pack: nobody in it exists."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Pack = dict[str, list[dict[str, Any]]]

CLASSES = ("theft", "violence_injury;violence_other", "domestic", "", "weapons;drugs", "driving")


def made_up(rng: random.Random, people: int = 12) -> Pack:
    """Return rows of every file of the pack, with each of its faults somewhere."""
    pack: Pack = {
        name: []
        for name in (
            "persons",
            "arrests",
            "charge_filings",
            "jail_stays",
            "prison_terms",
            "t1_units",
            "t2_screenings",
        )
    }
    for number in range(people):
        person = f"P{number:02d}"
        pack["persons"].append(
            {
                "person_id": person,
                "sex": rng.choice(("Male", "Female")),
                "race": "Other",
                "birth_month": date(1968 + number, 1 + number % 12, 1),
                "juv_fel_count": rng.randrange(3),
            }
        )
        pack["t2_screenings"].append(
            {
                "person_id": person,
                "screening_date": date(2013, 1, 1) + timedelta(days=rng.randrange(300)),
                "decile_score": rng.randrange(1, 11),
                "y_violent_2y": rng.randrange(2),
                "propublica_ok": number % 4 != 0,
                "follow_up_ok": number % 5 != 0,
            }
        )
        day = date(2009, 1, 1) + timedelta(days=rng.randrange(300))
        for place in range(rng.randrange(1, 6)):
            day += timedelta(days=rng.choice((0, 5, 90, 400)))
            quality = rng.choice(("A", "B", "C", "D", "age_only"))
            arrest = f"A{number:02d}{place}"
            spread = timedelta(days=100 if quality == "age_only" else 0)
            high = int(rng.random() < 0.3)
            pack["arrests"].append(
                {
                    "arrest_id": arrest,
                    "person_id": person,
                    "arrest_date": day,
                    "date_quality": quality,
                    "date_lo": day - spread,
                    "date_hi": day + spread,
                    "n_felony_charges": rng.randrange(3),
                    "n_felony_arrest_rows": rng.randrange(3),
                    "n_misd_arrest_rows": rng.randrange(2),
                    "n_other_arrest_rows": rng.randrange(2),
                    "charge_words": "words",
                    "offence_classes": rng.choice(CLASSES),
                    "high_harm": high,
                }
            )
            pack["t1_units"].append(
                {
                    "arrest_id": arrest,
                    "person_id": person,
                    "as_of": day,
                    "n_prior_filings": rng.randrange(9),
                    "felony_charge_1y": rng.randrange(2),
                }
            )
            pack["charge_filings"].append(
                {
                    "person_id": person,
                    "filing_index": place + 1,
                    "filed_date": day + timedelta(days=rng.choice((-30, 0, 0, 20))),
                    "n_felony": rng.randrange(2),
                    "n_misdemeanor": 1,
                    "n_other": 0,
                    "date_quality": rng.choice(("A", "D", "age_only")),
                }
            )
        for name in ("jail_stays", "prison_terms"):
            begun = date(2013, 3, 1) + timedelta(days=rng.randrange(900))
            ended = begun + timedelta(days=rng.choice((0, 3, 40)))
            pack[name].append({"person_id": person, "in_custody": begun, "out_custody": ended})
    first = pack["jail_stays"][0]
    begun = first["in_custody"]
    pack["jail_stays"] += [
        dict(first),
        first | {"out_custody": begun - timedelta(days=4)},
        first | {"in_custody": date(2016, 1, 4), "out_custody": date(2016, 4, 9)},
        first | {"in_custody": date(2016, 1, 6), "out_custody": date(2016, 1, 8)},
    ]
    other = pack["prison_terms"][1]
    pack["prison_terms"] += [
        other | {"in_custody": date(2016, 2, 2), "out_custody": date(2020, 1, 1)},
        other | {"in_custody": date(2016, 4, 12), "out_custody": date(2016, 5, 12)},
    ]
    return pack


def write_pack(folder: Path, pack: Pack) -> Path:
    """Write the pack as its Parquet files, with timestamps as it has them."""
    folder.mkdir(parents=True)
    for name, rows in pack.items():
        columns = {}
        for column in rows[0]:
            values = [row.get(column) for row in rows]
            if any(isinstance(value, date) for value in values):
                stamps = [
                    value and datetime(value.year, value.month, value.day) for value in values
                ]
                columns[column] = pa.array(stamps, pa.timestamp("us"))
            else:
                columns[column] = pa.array(values)
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    return folder
