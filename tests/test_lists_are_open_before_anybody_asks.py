"""Lists and the records behind them are opened when they come into force, and answer the same."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pages_world import NAME, World, build
from served import ME

from serving import runs
from serving.batch import score_batch
from serving.opening import Opening
from serving.pages.lists import Lists
from serving.publishing import publish
from serving.runs import PublishedList, Run, published, write_rows
from serving.stock import Stock

PATIENCE = 120


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world of this test's own: lists are published in it."""
    monkeypatch.setenv("PRECURSOR_HOME", str(tmp_path / "home"))
    made = build(tmp_path / "home", people=60)
    yield made
    made.ledger.close()


def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def test_a_list_is_open_at_the_start_and_again_when_another_is_published(own: World) -> None:
    stock = Stock(own.ledger)
    lists = Lists(stock, own.ledger)
    opening = Opening(lists, every=0.05)
    try:
        first = published(NAME).run.run_id
        until(
            lambda: lists.opened == {NAME: first} and lists.records.opened == [own.load.fingerprint]
        )
        at = own.load.default_as_of - timedelta(days=7)
        champion = stock.get(NAME)
        made = score_batch(
            champion.model,
            champion.version,
            champion.history,
            own.home / "later.parquet",
            ledger=own.ledger,
            **ME,
            as_of=at,
        )
        publish(NAME, ledger=own.ledger, **ME, run_id=made.run.run_id)
        until(lambda: lists.opened == {NAME: made.run.run_id})
    finally:
        opening.stop()


def test_what_cannot_be_opened_keeps_nothing_else_closed(own: World) -> None:
    listed = runs.folder(NAME) / published(NAME).run.run_id / runs.FROZEN
    content = listed.read_bytes()
    listed.write_bytes(content + b"x")
    published.__globals__["_opened"].cache_clear()
    lists = Lists(Stock(own.ledger), own.ledger)
    opening = Opening(lists, every=0.05)
    try:
        until(lambda: lists.records.opened == [own.load.fingerprint])
        assert lists.opened == {}
        listed.write_bytes(content)
        until(lambda: NAME in lists.opened)
    finally:
        opening.stop()


def test_where_no_list_is_published_nothing_is_opened(own: World) -> None:
    (runs.folder(NAME) / runs.POINTER).unlink()
    lists = Lists(Stock(own.ledger), own.ledger)
    lists.open_all()
    assert lists.opened == {}
    assert lists.records.opened == []


@given(
    st.integers(1, 60),
    st.integers(1, 25),
    st.lists(st.integers(0, 10**6), max_size=12),
)
def test_lines_are_the_same_however_the_file_is_cut(
    number: int, group: int, asked: list[int]
) -> None:
    table = pa.table(
        {"rank": np.arange(number), "reasons": [f'["{place}"]' for place in range(number)]}
    )
    content = pa.BufferOutputStream()
    with pq.ParquetWriter(content, table.schema) as writer:
        writer.write_table(table, row_group_size=group)
    held = content.getvalue()
    listed = PublishedList(Run(Path("run"), {}), {}, held, pq.read_metadata(pa.BufferReader(held)))
    positions = np.unique([place % number for place in asked]).astype(np.int64)
    found = listed.take(positions)
    assert [line["rank"] for line in found] == positions.tolist()
    assert [line["reasons"] for line in found] == [[str(place)] for place in positions]


def test_a_list_is_cut_small_enough_for_pages_from_all_over_it(tmp_path: Path) -> None:
    table = pa.table({"rank": np.arange(1_050)})
    write_rows(table, tmp_path / "list.parquet", runs.LINES_GROUP)
    metadata = pq.read_metadata(tmp_path / "list.parquet")
    sizes = [metadata.row_group(place).num_rows for place in range(metadata.num_row_groups)]
    assert sum(sizes) == 1_050
    assert max(sizes) == runs.LINES_GROUP
