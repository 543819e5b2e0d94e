"""Hidden figures stay hidden: no subtraction over rows, columns and totals gives one away."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, milp

from features.dashboards.cube import ALL, Cube, cube
from features.disclosure import FEWEST

SIZES = st.tuples(st.integers(2, 4), st.integers(2, 4))
NUMBER = st.one_of(st.just(0), st.integers(1, 12), st.integers(10, 400))
NAMES = ("row", "column")
TOLD = [(), ("row",), ("column",), ("row", "column")]


def table(numbers: list[list[int]]) -> Cube:
    values = {
        "row": [f"r{at}" for at in range(len(numbers))],
        "column": [f"c{at}" for at in range(len(numbers[0]))],
    }
    cells = [
        {"row": f"r{r}", "column": f"c{c}", "n": n}
        for r, line in enumerate(numbers)
        for c, n in enumerate(line)
    ]
    return cube(pd.DataFrame(cells), values, TOLD)


def possible(found: Cube, numbers: list[list[int]], row: int, column: int) -> tuple[int, int]:
    """Least and most a cell can be for whoever knows all that is shown; asked of whole numbers."""
    rows, columns = len(numbers), len(numbers[0])
    places = {cell: at for at, cell in enumerate(product(range(rows), range(columns)))}
    sums, values, low, high = [], [], np.zeros(len(places)), np.full(len(places), np.inf)
    for (r, c), at in places.items():
        shown = found.count(f"r{r}", f"c{c}")
        # a nought is shown: what is hidden is one at least
        low[at], high[at] = (1, np.inf) if shown is None else (shown, shown)
    margins = [
        ((ALL, ALL), list(places)),
        *(((f"r{r}", ALL), [(r, c) for c in range(columns)]) for r in range(rows)),
        *(((ALL, f"c{c}"), [(r, c) for r in range(rows)]) for c in range(columns)),
    ]
    for name, parts in margins:
        shown = found.count(*name)
        if shown is not None:
            line = np.zeros(len(places))
            line[[places[part] for part in parts]] = 1
            sums.append(line)
            values.append(shown)
    wanted = np.zeros(len(places))
    wanted[places[row, column]] = 1
    high[np.isinf(high)] = 10_000
    ends = []
    for sign in (1, -1):
        terms = [LinearConstraint(np.array(sums), values, values)] if sums else []
        answer = milp(
            sign * wanted,
            constraints=terms,
            integrality=np.ones(len(places)),
            bounds=(low, high),
        )
        ends.append(round(sign * answer.fun))
    return ends[0], ends[1]


@settings(max_examples=60, deadline=None)
@given(SIZES.flatmap(lambda size: st.lists(
    st.lists(NUMBER, min_size=size[1], max_size=size[1]), min_size=size[0], max_size=size[0]
)))  # fmt: skip
def test_no_hidden_cell_can_be_derived_from_what_is_shown(numbers: list[list[int]]) -> None:
    """Check 27."""
    found = table(numbers)
    for r, line in enumerate(numbers):
        for c, n in enumerate(line):
            shown = found.count(f"r{r}", f"c{c}")
            if shown is None:
                low, high = possible(found, numbers, r, c)
                assert low <= n <= high
                assert high > low, "the rest of the table gives it away"
            else:
                assert shown == n
    for cell in found.counts:
        shown = found.count(*cell)
        assert shown is None or shown == 0 or shown >= FEWEST


def test_a_way_round_over_rows_and_columns_is_closed_too() -> None:
    # the two at the corners lie in lines with another hidden one each, and yet a plain sum of the
    # rows less the columns would give the one between them away
    numbers = [[4, 60, 70, 3], [5, 80, 90, 50], [50, 60, 70, 6]]
    found = table(numbers)
    for r, c in ((0, 0), (0, 3), (1, 0), (2, 3)):
        low, high = possible(found, numbers, r, c)
        assert high - low >= 5, (r, c)


def test_a_way_round_is_closed_where_all_beside_it_is_hidden_already() -> None:
    # the one in the middle: both of its lines are hidden, totals too, and yet the other totals
    # less the last row leave nothing but a one
    numbers = [[0, 0, 9], [0, 1, 1], [2, 8, 0]]
    found = table(numbers)
    for r, c in ((0, 2), (1, 1), (1, 2), (2, 0), (2, 1)):
        low, high = possible(found, numbers, r, c)
        assert high - low >= 5, (r, c)


def test_nothing_is_hidden_without_need() -> None:
    numbers = [[10, 20, 0], [30, 40, 50]]
    found = table(numbers)
    assert not found.away
    one = table([[3, 20, 30], [40, 50, 60], [70, 80, 90]])
    assert len(one.away) == 4, "one more in its row, one in its column, and the corner"


def test_an_empty_table_is_one_too() -> None:
    rows = pd.DataFrame({"row": [], "column": [], "n": []}).astype({"n": int})
    found = cube(rows, {"row": ["a"], "column": ["b"]}, TOLD)
    assert found.count(ALL, ALL) == 0
