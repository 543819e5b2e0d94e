"""A large made-up force is a row of blocks of people, whose ids follow one another."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from features.check import check
from features.loads import Load
from features.records import TABLES
from features.synthetic import block, synthesise
from features.synthetic.publish import LONG


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make blocks so small that a test may have several."""
    monkeypatch.setattr(block, "BLOCK", 60)


def make(folder: Path, nominals: int) -> Load:
    return synthesise(
        folder / "records", nominals=nominals, years=1, seed=3, truth=folder / "truth"
    )


@pytest.mark.usefixtures("small_blocks")
def test_a_larger_force_begins_with_the_smaller_one(tmp_path: Path) -> None:
    two, three = make(tmp_path / "two", 120), make(tmp_path / "three", 180)
    for name in TABLES:
        first, whole = (pq.read_table(load.tables[name]) for load in (two, three))
        assert whole.num_rows >= first.num_rows
        assert whole.slice(0, first.num_rows).equals(first), name
    assert pq.read_metadata(three.tables["offence"]).num_row_groups == 3


@pytest.mark.usefixtures("small_blocks")
def test_several_blocks_make_one_load_without_violations(tmp_path: Path) -> None:
    load = make(tmp_path, 150)
    assert [str(found) for found in check(load.path).violations] == []
    connection = duckdb.connect()
    for name in TABLES:
        table = pq.read_table(load.tables[name])
        ids = table["record_id"]
        assert pc.all(pc.equal(pc.utf8_length(ids), LONG + 1)).as_py()
        first = "nominal_id" if "nominal_id" in table.column_names else "record_id"
        assert table[first].to_pylist() == sorted(table[first].to_pylist())
        [(twice,)] = connection.execute(
            f"select count(*) from (select record_id from '{load.tables[name]}'"
            " where superseded_on is null group by 1 having count(*) > 1)"
        ).fetchall()
        assert (name, twice) == (name, 0)
    truth = pq.read_table(tmp_path / "truth" / "truth.parquet")
    nominals = pq.read_table(load.tables["nominal"])["nominal_id"]
    assert pc.all(pc.is_in(truth["nominal_id"], nominals)).as_py()
    assert truth.num_rows > 130


@pytest.mark.usefixtures("small_blocks")
def test_people_of_one_block_never_meet_those_of_another(tmp_path: Path) -> None:
    load = make(tmp_path, 180)
    groups = pq.ParquetFile(load.tables["nominal"])
    spans = [
        (min(ids), max(ids))
        for ids in (
            groups.read_row_group(group, ["nominal_id"])["nominal_id"].to_pylist()
            for group in range(groups.num_row_groups)
        )
    ]
    assert all(before[1] < after[0] for before, after in pairwise(spans))
    pairs = duckdb.sql(
        "select min(nominal_id), max(nominal_id) from"
        f" '{load.tables['involvement']}' group by offence_id"
    ).fetchall()
    inside = [any(low <= a and b <= high for low, high in spans) for a, b in pairs]
    assert all(inside)


@pytest.mark.usefixtures("small_blocks")
def test_progress_runs_once_through_all_blocks(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    synthesise(
        tmp_path / "records",
        nominals=130,
        years=1,
        progress=lambda done, of: seen.append((done, of)),
    )
    assert seen == [(done, len(seen)) for done in range(1, len(seen) + 1)]


@pytest.mark.slow
def test_a_hundred_thousand_nominals_are_about_a_million_events_or_more(tmp_path: Path) -> None:
    load = synthesise(tmp_path / "records", nominals=100_000, years=10, seed=1)
    rows = {name: pq.read_metadata(file).num_rows for name, file in load.tables.items()}
    assert sum(rows.values()) - rows["nominal"] > 1_000_000
    assert all(rows.values())
