"""A made-up export in POLE vocabulary becomes canonical records through the mapping in the docs."""

from __future__ import annotations

import csv
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from house import ROOT

from features.check import check
from features.errors import RecordsRefused
from features.ingest import ingest
from features.loads import Load
from features.mapping import read_mapping

MAPPING = ROOT / "docs" / "examples" / "pole.yaml"

EXPORT: dict[str, list[dict[str, str]]] = {
    "PERSON": [
        {
            "PERSON_ID": person,
            "SURNAME": "Doe",
            "DATE_OF_BIRTH": born,
            "SEX": sex,
            "ETHNICITY": "9",
            "CREATED_AT": "2024-01-05T10:00:00Z",
        }
        for person, born, sex in (
            ("P1", "31/12/1990", "M"),
            ("P2", "01/02/1988", "F"),
            ("P3", "", "U"),
        )
    ],
    "EVENT": [
        {
            "EVENT_ID": event,
            "EVENT_TYPE": kind,
            "REFERENCE": f"20/{event}/24",
            "HO_CODE": code,
            "TRIABLE": "EW" if code else "",
            "DA_FLAG": "Y" if event == "E1" else "",
            "WEAPON_FLAG": "N",
            "NFS_FLAG": "",
            "START_AT": "2024-03-30T21:00:00",
            "END_AT": end,
            "CREATED_AT": created,
            "CANCELLED_AT": "2024-09-01 08:00" if event == "E2" else "",
        }
        for event, kind, code, end, created in (
            # 23:30 on the night to summer time is already the next day in London
            ("E1", "CRIME", "008/65", "2024-03-31T23:30:00", "2024-04-01T09:00:00Z"),
            ("E2", "CRIME", "", "", "2024-05-01T23:30:00+01:00"),
            ("E3", "ARREST", "", "2024-04-02T09:00:00", "2024-04-02T09:00:00"),
            ("E4", "STOP", "", "2024-04-02T09:00:00", "2024-04-02T09:00:00"),
        )
    ],
    "PERSON_EVENT": [
        {
            "LINK_ID": f"L{number}",
            "PERSON_ID": person,
            "EVENT_ID": event,
            "ROLE": role,
            "RELATIONSHIP": relationship,
            "START_AT": start,
            "CREATED_AT": "2024-06-01T23:15:00Z",
            "ENDED_AT": "2024-07-01T12:00:00Z" if number == 2 else "",
        }
        for number, (person, event, role, relationship, start) in enumerate(
            (
                ("P1", "E1", "SUSP", "", ""),
                ("P2", "E1", "AGGR", "XPTR", ""),
                ("P3", "E1", "DEF", "", ""),
                ("P2", "E2", "WITN", "NEIGHBOUR", ""),
                ("P1", "E3", "ARST", "", "2024-04-02T09:00:00"),
                ("P1", "E3", "D-RUI", "", "2024-04-03T09:00:00"),
                ("P1", "E1", "CHGD", "", "2024-05-03T09:00:00"),
                ("P1", "E4", "STOPPED", "", "2024-04-02T09:00:00"),
            )
        )
    ],
    "COURT_RESULT": [
        {
            "RESULT_ID": "R1",
            "PERSON_ID": "P1",
            "EVENT_ID": "E1",
            "RESULT": "G",
            "HEARD_ON": "03/06/2024",
            "RECEIVED_ON": "05/06/2024",
        }
    ],
    "PERSON_ORDER": [
        {
            "ORDER_ID": "O1",
            "PERSON_ID": "P1",
            "ORDER_TYPE": "SPO",
            "MADE_ON": "03/05/2024",
            "EXPIRES_ON": "02/05/2026",
            "CREATED_AT": "2024-05-04T08:00:00Z",
        }
    ],
    "ORDER_BREACH": [
        {
            "BREACH_ID": "B1",
            "ORDER_ID": "O1",
            "PERSON_ID": "P1",
            "ORDER_TYPE": "SPO",
            "BREACHED_AT": "2024-06-09T23:59:59Z",
            "CREATED_AT": "2024-06-10T08:00:00Z",
        }
    ],
    "PERSON_LOCATION": [{"PERSON_ID": "P1", "UPRN": "1"}],
    "OBJECT": [{"OBJECT_ID": "X1", "KIND": "knife"}],
}


def write(folder: Path, export: dict[str, list[dict[str, str]]]) -> Path:
    folder.mkdir()
    for name, rows in export.items():
        # as a Windows system writes it
        with (folder / f"{name}.csv").open("w", encoding="utf-8-sig", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return folder


def rows(load: Load, table: str) -> dict[str, dict[str, Any]]:
    return {row["record_id"]: row for row in pq.read_table(load.tables[table]).to_pylist()}


@pytest.fixture
def load(tmp_path: Path) -> Load:
    return ingest("folder", write(tmp_path / "pole", EXPORT), tmp_path / "out", mapping=MAPPING)


def test_people_events_and_links_become_records(load: Load) -> None:
    people = rows(load, "nominal")
    assert {key: row["born_on"] for key, row in people.items()} == {
        "P1": date(1990, 12, 31),
        "P2": date(1988, 2, 1),
        "P3": None,
    }
    assert [row["sex"] for row in people.values()] == ["male", "female", None]
    crimes = rows(load, "offence")
    assert set(crimes) == {"E1", "E2"}
    assert (crimes["E1"]["grade"], crimes["E1"]["domestic"]) == ("indictable", True)
    assert (crimes["E2"]["offence_code"], crimes["E2"]["domestic"]) == ("class/other", None)
    links = rows(load, "involvement")
    assert {key: (row["role"], row["relationship"]) for key, row in links.items()} == {
        "L0": ("suspect", None),
        "L1": ("victim", "former_partner"),
        "L2": ("suspect", None),
        "L3": ("witness", None),
    }
    assert {(row["event"], row["disposal"]) for row in rows(load, "custody").values()} == {
        ("detained", None),
        ("disposed", "released_under_investigation"),
    }
    assert {key: row["result"] for key, row in rows(load, "outcome").items()} == {
        "L6": "charged",
        "R1": "convicted",
    }
    assert {(row["event"], row["kind"]) for row in rows(load, "protective_order").values()} == {
        ("made", "stalking_protection"),
        ("breached", "stalking_protection"),
    }
    assert check(load.path).ok


def test_moments_are_days_in_london(load: Load) -> None:
    crimes, links = rows(load, "offence"), rows(load, "involvement")
    assert crimes["E1"]["occurred_on"] == date(2024, 4, 1)
    assert crimes["E2"]["known_on"] == date(2024, 5, 1)
    assert crimes["E2"]["superseded_on"] == date(2024, 9, 1)
    assert links["L0"]["known_on"] == date(2024, 6, 2)
    assert links["L2"]["superseded_on"] == date(2024, 7, 1)
    orders = rows(load, "protective_order")
    assert orders["O1"]["occurred_on"] == date(2024, 5, 3)
    assert orders["B1"]["occurred_on"] == date(2024, 6, 10)


def test_what_is_not_used_is_told(load: Load) -> None:
    aside = load.set_aside()
    told = {(row.table, row.column, row.rule) for row in aside.itertuples()}
    assert told >= {
        ("OBJECT.csv", "", "unused_file"),
        ("PERSON_LOCATION.csv", "", "unused_file"),
        ("EVENT.csv", "", "unused_rows"),
        ("PERSON_EVENT.csv", "", "unused_rows"),
        ("nominal", "SURNAME", "unused_column"),
    }
    assert b"Doe" not in b"".join(path.read_bytes() for path in load.path.iterdir())


def test_faults_name_the_file_of_the_export(tmp_path: Path) -> None:
    export = deepcopy(EXPORT)
    export["PERSON"][1]["DATE_OF_BIRTH"] = "31/02/1980"
    export["PERSON"][2]["SEX"] = "X"
    export["COURT_RESULT"][0]["RESULT"] = "?"
    export["PERSON_EVENT"][5]["PERSON_ID"] = "P9"
    with pytest.raises(RecordsRefused) as caught:
        ingest("folder", write(tmp_path / "pole", export), tmp_path / "out", mapping=MAPPING)
    assert {(v.table, v.row, v.column, v.rule) for v in caught.value.violations} == {  # type: ignore[attr-defined]
        ("nominal", 2, "born_on", "no_such_date"),
        ("nominal", 3, "sex", "unmapped_code"),
        ("outcome from COURT_RESULT.csv", 1, "result", "unmapped_code"),
        ("custody from PERSON_EVENT.csv", 6, "nominal_id", "unknown_reference"),
    }


def test_every_table_it_feeds_is_one_of_ours() -> None:
    assert set(read_mapping(MAPPING).tables) == {
        "nominal",
        "offence",
        "involvement",
        "custody",
        "outcome",
        "protective_order",
    }
