"""Each person's records have a group, a reason and a day of review; nothing goes by itself."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import worlds
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from features.errors import Conflict, RecordsRefused, UsageError
from features.loads import Load, write_load
from features.retention import Schedule, Terms, due_for_review, read_reviews, read_schedule
from precursor import app
from serving.ledger import Action, Ledger

AT = date(2026, 2, 1)
HIGH, VIOLENT, THEFT = (
    "class/violence_with_injury_high",
    "class/violence_with_injury",
    "class/shoplifting",
)


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def made(out: Path) -> Load:
    """One person for each way into a group, each with an offence of some age."""
    rows: worlds.Rows = {name: [] for name in worlds.TABLES}

    def person(who: str, born: date | None = date(1980, 5, 1)) -> None:
        rows["nominal"].append(
            {"record_id": who, "nominal_id": who, "born_on": born, "known_on": date(2005, 1, 1)}
        )

    def part(who: str, day: date, code: str, role: str = "suspect", **more: Any) -> None:
        number = len(rows["offence"])
        when: dict[str, Any] = {"occurred_on": day, "known_on": day}
        said = {"record_id": f"O{number}", "reference": f"R{number}", "offence_code": code}
        rows["offence"].append(said | when | more)
        said = {"record_id": f"I{number}", "offence_id": f"O{number}", "nominal_id": who}
        rows["involvement"].append(said | {"role": role} | when)

    for who in ("thief", "recent", "victim", "nobody", "violent", "kept", "again", "dispose"):
        person(who)
    person("grave", born=date(1925, 3, 1))  # a hundred years old in 2025
    person("mappa")
    person("cancelled")
    person("child", born=date(2010, 1, 1))
    part("thief", date(2020, 1, 31), THEFT)
    part("recent", date(2020, 3, 1), THEFT)
    part("victim", date(2019, 6, 1), THEFT, "victim")
    part("violent", date(2017, 1, 1), VIOLENT)
    part("grave", date(2018, 1, 1), HIGH)
    for who in ("kept", "again", "dispose"):
        part(who, date(2012, 1, 1), THEFT)
    part("again", date(2024, 1, 1), THEFT)
    part("mappa", date(2010, 1, 1), THEFT)
    part("child", date(2025, 1, 1), THEFT)
    part("cancelled", date(2015, 1, 1), HIGH)
    rows["offence"][-1]["superseded_on"] = date(2015, 2, 1)
    opened = {"record_id": "M1", "nominal_id": "mappa", "episode_id": "E1", "event": "opened"}
    when = {"occurred_on": date(2014, 1, 1), "known_on": date(2014, 1, 1)}
    rows["management"].append(opened | {"scheme": "MAPPA"} | when)
    tables = worlds.tables(rows)
    return write_load(out, tables, kind="test", data_to=AT - timedelta(days=1), synthetic=True)


def reviews(file: Path, *lines: str) -> Path:
    head = "nominal_id,reviewed_on,decision,reviewer,reason"
    file.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return file


def test_each_group_has_its_reason_and_its_day(tmp_path: Path) -> None:
    file = reviews(
        tmp_path / "r.csv",
        "kept,2020-01-01,keep,R. Eviewer,pattern goes on",
        "kept,2018-06-01,keep,R. Eviewer,earlier",
        "again,2020-01-01,dispose,R. Eviewer,over",
        "dispose,2025-01-01,dispose,R. Eviewer,over",
    )
    found = due_for_review(made(tmp_path / "load"), reviews=read_reviews(file, AT))
    found = found.set_index("nominal_id")
    said = {
        name: (
            row["group"],
            row["state"],
            None if pd.isna(row["review_on"]) else row["review_on"].date(),
        )
        for name, row in found.iterrows()
    }
    assert said == {
        "thief": ("3", "due", date(2026, 1, 31)),
        "recent": ("3", "later", date(2026, 3, 1)),
        "victim": ("4", "due", date(2025, 6, 1)),
        "nobody": ("4", "due", date(2011, 1, 1)),
        "violent": ("2", "later", date(2027, 1, 1)),
        "grave": ("1", "due", date(2028, 1, 1)),  # kept to the age of 100, which was in 2025
        "mappa": ("1", "due", date(2024, 1, 1)),
        "kept": ("3", "due", date(2025, 1, 1)),  # five years after the last review
        "again": ("3", "later", date(2030, 1, 1)),  # a new matter counts more than an old review
        "dispose": ("3", "to be erased", date(2030, 1, 1)),
        "cancelled": ("4", "due", date(2011, 1, 1)),  # a crime that is none stops counting
        "child": ("3", "later", date(2031, 1, 1)),
    }
    assert found.loc["grave", "kept_until"].date() == date(2025, 3, 1)
    assert found.loc["mappa", "open"] == "managed"
    assert "R4" in found.loc["grave", "why"]
    assert found.index[found["child"]].to_list() == ["child"]


@pytest.mark.parametrize(("at", "child"), [(date(2026, 2, 28), True), (date(2026, 3, 1), False)])
def test_a_child_of_29_february_is_none_from_1_march(tmp_path: Path, at: date, child: bool) -> None:
    rows: worlds.Rows = {name: [] for name in worlds.TABLES}
    born: dict[str, Any] = {"born_on": date(2008, 2, 29), "known_on": date(2020, 1, 1)}
    rows["nominal"].append({"record_id": "leap", "nominal_id": "leap"} | born)
    rows["nominal"].append({"record_id": "none", "nominal_id": "none"} | born | {"born_on": None})
    terms = Schedule.model_validate({"group_4": Terms(first=1, then=1, until_age=18)})
    found = due_for_review(worlds.load(rows, tmp_path / "load"), at, schedule=terms)
    found = found.set_index("nominal_id")
    assert found["child"].to_dict() == {"leap": child, "none": False}
    assert found.loc["leap", "kept_until"] == pd.Timestamp(2026, 3, 1)


def test_what_became_known_later_does_not_count_yet(tmp_path: Path) -> None:
    load = made(tmp_path / "load")
    before = due_for_review(load, date(2019, 6, 1)).set_index("nominal_id")
    assert before.loc["victim", "why"] == "no part in an offence"
    assert before.loc["thief", "group"] == "4"
    # while the crime stood, it counted
    then = due_for_review(load, date(2015, 1, 15)).set_index("nominal_id")
    assert then.loc["cancelled", "group"] == "1"


def test_a_force_has_its_own_periods_and_wrong_files_are_told(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("group_3: {first: 5, then: 5}\n", encoding="utf-8")
    found = due_for_review(made(tmp_path / "load"), schedule=read_schedule(own))
    assert found.set_index("nominal_id").loc["recent", "state"] == "due"
    own.write_text("group_5: {first: 5, then: 5}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="group_5"):
        read_schedule(own)
    bad = reviews(tmp_path / "bad.csv", "a,2020-02-30,keep,R,x", "b,2027-01-01,bin,,x")
    with pytest.raises(RecordsRefused) as refused:
        read_reviews(bad, AT)
    for fault in ("row 1: '2020-02-30' is no date", "row 2: 2027", "'bin'", "reviewer is empty"):
        assert fault in refused.value.message
    (tmp_path / "none.csv").write_text("x\n", encoding="utf-8")
    with pytest.raises(UsageError, match="no column nominal_id"):
        read_reviews(tmp_path / "none.csv", AT)
    with pytest.raises(UsageError, match="cannot be read"):
        read_reviews(tmp_path / "missing.csv", AT)


def test_the_list_is_on_the_ledger_and_deletes_nothing(tmp_path: Path) -> None:
    load, out = made(tmp_path / "load"), tmp_path / "due.csv"
    before = load.fingerprint
    done = run("retention", str(load.path), "--out", str(out))
    assert done.exit_code == 0, done.output
    assert "Nothing is deleted by itself" in done.output
    listed = pd.read_csv(out, encoding="utf-8-sig")
    assert len(listed) == int((due_for_review(load)["state"] != "later").sum())
    assert isinstance(run("retention", str(load.path), "--out", str(out)).exception, Conflict)
    with Ledger.open() as book:
        (entry,) = book.entries(action=Action.EXPORT)
        assert entry.leaf_count == len(listed)
        assert book.person("thief")[0].payload == {"retention": {"group": "3", "state": "due"}}
        assert book.verify().ok
    from features.loads import open_load

    assert open_load(load.path).fingerprint == before
    # what a person decides then is done by an erasure, from records to ledger
    assert run("erase", "thief", "--reason", "review 1", "--also", str(load.path)).exit_code == 0
    assert "thief" not in set(due_for_review(open_load(load.path))["nominal_id"])
    with Ledger.open() as book:
        assert book.person("thief") == []


@settings(max_examples=8)
@given(days=st.integers(0, 4000))
def test_a_review_once_due_stays_due_without_a_new_matter(days: int) -> None:
    load = _shared()
    at = date(2016, 1, 1) + timedelta(days=days)
    now = due_for_review(load, min(at, AT)).set_index("nominal_id")["state"]
    later = due_for_review(load, AT).set_index("nominal_id")
    due = now.index[now == "due"]
    renewed = later["clear_since"] >= pd.Timestamp(min(at, AT))
    assert set(due) <= set(later.index[(later["state"] == "due") | renewed])


_LOADS: list[Load] = []


def _shared() -> Load:
    if not _LOADS:
        import tempfile

        _LOADS.append(made(Path(tempfile.mkdtemp(prefix="retention-")) / "load"))
    return _LOADS[0]
