"""Under the later counting rule, harassment beside a graver crime goes, and nothing else does."""

from __future__ import annotations

import tempfile
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
import worlds
from hypothesis import given, settings
from hypothesis import strategies as st

from features.check import check
from features.loads import Load, write_load
from features.principal_crime import WITHIN_DAYS, principal_only
from features.records import TABLES

START = date(2024, 3, 1)
CODES = {"class/harassment": 1, "class/stalking": 1, "class/rape": 9, "class/shoplifting": 0}


@st.composite
def crimes(draw: st.DrawFn) -> list[tuple[str, str, int]]:
    """Offences as (suspect, code, day on which the suspect became known)."""
    one = st.tuples(
        st.sampled_from(["N1", "N2"]), st.sampled_from(sorted(CODES)), st.integers(0, 20)
    )
    return draw(st.lists(one, min_size=1, max_size=8))


def load_of(found: list[tuple[str, str, int]], out: Path) -> Load:
    rows: worlds.Rows = {name: [] for name in worlds.TABLES}
    for who in ("N1", "N2"):
        born = {"nominal_id": who, "born_on": date(1990, 1, 1), "known_on": date(2020, 1, 1)}
        rows["nominal"].append(born | {"record_id": who})
    for number, (who, code, day) in enumerate(found):
        at = START + timedelta(days=day)
        when = {"occurred_on": at, "known_on": at}
        offence = {"record_id": f"O{number}", "reference": f"R{number}", "offence_code": code}
        part = {"record_id": f"I{number}", "offence_id": f"O{number}", "nominal_id": who}
        rows["offence"].append(offence | when)
        rows["involvement"].append(part | when | {"role": "suspect"})
        stay = {"record_id": f"C{number}", "episode_id": f"E{number}", "nominal_id": who}
        rows["custody"].append(stay | when | {"event": "detained", "offence_id": None})
    for table, listed in rows.items():
        known = {column.name for column in TABLES[table].columns}
        rows[table] = [{k: v for k, v in row.items() if k in known} for row in listed]
    return write_load(
        out, worlds.tables(rows), kind="test", data_to=date(2024, 6, 1), synthetic=True
    )


def apart(code: str) -> bool:
    return CODES[code] == 1


@settings(max_examples=25, deadline=None)
@given(crimes())
def test_just_what_stands_beside_a_graver_crime_goes(found: list[tuple[str, str, int]]) -> None:
    expected = {
        f"O{number}"
        for number, (who, code, day) in enumerate(found)
        if not (
            apart(code)
            and any(
                other == who and CODES[graver] == 9 and 0 <= day - earlier <= WITHIN_DAYS
                for other, graver, earlier in found
            )
        )
    }
    with tempfile.TemporaryDirectory() as folder:
        load = load_of(found, Path(folder) / "all")
        left, uncounted = principal_only(load, Path(folder) / "left")
        assert uncounted == len(found) - len(expected)
        assert set(pd.read_parquet(left.tables["offence"])["record_id"]) == expected
        assert set(pd.read_parquet(left.tables["involvement"])["offence_id"]) == expected
        assert len(pd.read_parquet(left.tables["custody"])) == len(found)  # no offence named
        assert check(left.path).ok


@pytest.mark.parametrize("later", [1, 30])
def test_a_graver_crime_that_became_known_later_changes_nothing_before(
    tmp_path: Path, later: int
) -> None:
    first = [("N1", "class/harassment", 5)]
    load = load_of([*first, ("N1", "class/rape", 5 + later)], tmp_path / "all")
    left, uncounted = principal_only(load, tmp_path / "left")
    assert uncounted == 0
    assert len(pd.read_parquet(left.tables["offence"])) == 2
