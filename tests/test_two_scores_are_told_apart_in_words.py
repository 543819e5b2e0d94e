"""What changed since the last score adds up, and is told by what is on record."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_matrix import FEATURES, matrix, result

from features.errors import PrecursorError
from models.difference import Change, Difference, difference, if_nothing_further
from models.words import SMALLEST

rows = st.integers(0, 400)


@given(rows, rows)
def test_the_groups_make_the_difference_for_any_two_histories(one: int, other: int) -> None:
    model, X = result().model, matrix(seed=6).X
    found = difference(model, X[one], X[other])
    gap = model.log_odds(X[[other]])[0] - model.log_odds(X[[one]])[0]
    assert found.log_odds == pytest.approx(gap, abs=1e-12)
    assert sum(c.contribution for c in found.changes) == pytest.approx(gap, abs=1e-9)
    assert sorted(c.group for c in found.changes) == sorted(FEATURES.groups)
    back = difference(model, X[other], X[one])
    assert back.log_odds == pytest.approx(-found.log_odds, abs=1e-12)
    assert not [s for s in found.sentences if "because" in s]


def test_the_same_history_twice_has_nothing_to_tell() -> None:
    model, X = result().model, matrix(seed=6).X
    found = difference(model, X[3], X[3])
    assert found.log_odds == 0
    assert len(found.sentences) == 1
    assert "unchanged" in found.sentences[0]


def test_a_further_report_is_told_with_what_it_was_before() -> None:
    model = result().model
    before = matrix(seed=6).X[0].copy()
    after = before.copy()
    for name, value in (("suspected_n_ever", 1.0), ("suspected_recency", 500.0)):
        before[FEATURES.names.index(name)] = value
    for name, value in (("suspected_n_ever", 12.0), ("suspected_recency", 3.0)):
        after[FEATURES.names.index(name)] = value
    found = difference(model, before, after, on=(date(2026, 1, 1), date(2026, 6, 1)))
    told = next(change.text for change in found.changes if change.group == "reports")
    assert "12 reports" in told or "29 May 2026" in told
    assert "; before: " in told
    assert told.startswith("Associated with a higher score: ")
    assert told.count("(") <= 1, "one line, one thing"
    assert found.data()["sentences"] == found.sentences


def test_that_time_has_passed_is_no_change_of_the_record() -> None:
    model = result().model
    before = matrix(seed=6).X[0].copy()
    after = before.copy()
    before[FEATURES.names.index("suspected_recency")] = 100.0
    for later, told in ((251.0, False), (3.0, True)):  # 151 days lie between the two
        after[FEATURES.names.index("suspected_recency")] = later
        found = difference(model, before, after, on=(date(2026, 1, 1), date(2026, 6, 1)))
        words = " ".join(change.text for change in found.changes)
        moved = any(abs(change.contribution) >= SMALLEST for change in found.changes)
        assert moved
        assert ("ago" in words) is told


def test_what_does_not_add_up_is_not_shown() -> None:
    with pytest.raises(PrecursorError, match=r"groups make 0\.1"):
        Difference(0.1, 0.2, 0.5, (Change("age", 0.1, ""),))


def test_time_without_further_records_is_told_as_what_would_be() -> None:
    quiet = Difference(0.12, 0.12, 0.0, (Change("reports", 0.0, ""),))
    assert if_nothing_further(quiet, date(2027, 6, 4)).endswith("the score would stay.")
    assert np.isclose(quiet.before, 0.12)
