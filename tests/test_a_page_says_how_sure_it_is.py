"""How far a rank runs and why a range is wide: told where it is known, and nothing made up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from desk import text_of
from hypothesis import given
from hypothesis import strategies as st
from pages_world import NAME, QUESTION, World, world

from features import kept_ranks
from features.question import BANDS
from serving.pages.how_sure import WIDE, bands_reached, wide_words
from serving.runs import published

assert world  # a fixture

AS_OF = date(2026, 2, 1)


def ranked(world: World) -> list[dict[str, Any]]:
    return [line for line in published(NAME).page(0, 500) if line["rank"] is not None]


@pytest.fixture
def ranges(world: World) -> Iterator[Path]:
    """Ranges of ranks of everybody on the list but the last, kept as `precursor sensitivity` does.

    The first runs from rank 1 to 40, the second is second under every choice.
    """
    people = ranked(world)[:-1]
    own = [line["rank"] for line in people]
    table = pd.DataFrame({"nominal_id": [line["nominal_id"] for line in people], "rank": own})
    moved = [40, *own[1:]]
    table = table.assign(best=own, worst=moved, harm_ons_v1=moved, decay_182d=own, seed_1=own)
    run = published(NAME).run.info
    at = {"version": run["model"]["version"], "as_of": date.fromisoformat(run["as_of_dates"][0])}
    yield kept_ranks.keep(table, {"harm_ons_v1": "harm by ONS weights"}, question=NAME, **at)
    for file in kept_ranks.folder(NAME).iterdir():
        file.unlink()


def person_page(world: World, line: dict[str, Any], role: str = "analyst") -> str:
    page = world.client(role).get(f"/lists/{NAME}/{line['score_id']}")
    assert page.status_code == 200
    return text_of(page.text)


def test_a_person_page_says_how_far_the_rank_runs_and_under_what(
    world: World, ranges: Path
) -> None:
    first, second, *_ = people = ranked(world)
    seen = person_page(world, first)
    among = len(people) - 1
    assert f"Rank 1 to 40 of {among} under other choices" in seen
    assert "40 under other harm weights; 1 under harm that fades faster or slower" in seen
    assert "1 under other seeds of the trees." in seen
    assert "Let nothing depend on the exact rank." in seen
    assert "counting rule" not in seen
    assert f"Rank 2 of {among} under every other choice" in person_page(world, second)
    assert f"Rank 1 to 40 of {among}" in person_page(world, first, "reviewer")


def test_nothing_is_said_of_a_rank_where_nobody_worked_it_out(world: World, ranges: Path) -> None:
    *_, last = people = ranked(world)
    assert "How far the rank runs" not in person_page(world, last)
    # of another day, or of another version, nothing is known
    for other in ("2020-01-01-1", f"{ranges.stem}9"):
        elsewhere = ranges.with_name(f"{other}.parquet")
        ranges.rename(elsewhere)
        assert "How far the rank runs" not in person_page(world, people[0])
        elsewhere.rename(ranges)
    ranges.unlink()
    assert "How far the rank runs" not in person_page(world, people[0])


chances = st.floats(0.0005, 0.9995)


@given(chances, chances)
def test_wide_is_what_reaches_over_three_bands_and_nothing_else(one: float, other: float) -> None:
    low, high = sorted((one, other))
    interval = {"low": low, "high": high}
    reached = bands_reached(interval, QUESTION)
    assert reached[0] == QUESTION.band(low)
    assert reached[-1] == QUESTION.band(high)
    assert all(BANDS.index(b) - BANDS.index(a) == 1 for a, b in pairwise(reached))
    said = wide_words(interval, QUESTION, absent=["bail"], events=None, as_of=AS_OF)
    assert bool(said) == (len(reached) >= WIDE)
    if said:
        assert f"from {reached[0]} to {reached[-1]}" in said[0]
        assert "no bail for anybody" in said[1]


@given(st.lists(st.integers(1, 2000), max_size=5))
def test_what_is_missing_is_told_only_where_it_is_missing(days: list[int]) -> None:
    events = pd.DataFrame(
        {"known_on": pd.to_datetime([AS_OF - timedelta(days=number) for number in days])}
    )
    everything = {"low": 0.0, "high": 1.0}
    said = wide_words(everything, QUESTION, absent=[], events=events, as_of=AS_OF)
    if not days:
        assert "nothing dated of this person" in said[1]
    elif max(days) < 365:
        assert f"{max(days)} day" in said[1]
    else:
        assert len(said) == 1


def test_a_wide_range_is_said_to_be_so_on_the_page(world: World) -> None:
    for line in ranked(world):
        seen = person_page(world, line)
        reached = bands_reached(line, QUESTION)
        assert ("Wide: it reaches from" in seen) == (len(reached) >= WIDE), line["rank"]
