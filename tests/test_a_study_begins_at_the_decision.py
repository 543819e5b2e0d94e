"""Studies of what answers one event: from when people are compared, and what an order answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
import worlds

from features.history import History
from features.records import TABLES
from training.study import Study, study
from training.trial import trial

DAY = timedelta(days=1)
FIRST = date(2023, 3, 1)
SECOND = FIRST + 5 * DAY
PEOPLE = 480
EARLY: dict[str, Any] = {"occurred_on": date(2021, 6, 1), "known_on": date(2021, 6, 1)}
MANAGED = {"source": "management", "of": ["opened", "IOM"], "until": "closed"}
REPORTED = {"source": "suspected", "of": ["domestic"], "within_days": 30}


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    """Everybody has two domestic reports in five days, known two days later; half get an order.

    Every second person is managed, and half of those no longer when the reports are made.
    """
    rows: worlds.Rows = {name: [] for name in TABLES}
    for number in range(PEOPLE):
        person = {"nominal_id": f"Ñ{number:03d}"}
        born: dict[str, Any] = {"record_id": f"P{number}", "born_on": date(1990, 1, 1)}
        rows["nominal"].append(person | born | {"known_on": date(2019, 1, 1)})
        for place, day in enumerate((date(2021, 1, 1), FIRST, SECOND)):
            offence = f"O{number}-{place}"
            when: dict[str, Any] = {"occurred_on": day, "known_on": day + 2 * DAY}
            told: dict[str, Any] = {"record_id": offence, "reference": offence, "domestic": True}
            rows["offence"].append(told | {"offence_code": "class/common_assault"} | when)
            part = {"record_id": f"I{offence}", "offence_id": offence, "role": "suspect"}
            rows["involvement"].append(part | person | when)
        if number % 2:
            opened: dict[str, Any] = {
                "event": "opened",
                "scheme": "IOM",
                "episode_id": f"M{number}",
            }
            rows["management"].append(opened | {"record_id": f"M{number}"} | EARLY | person)
        if number % 4 == 3:
            closed = {"event": "closed", "scheme": "IOM", "episode_id": f"M{number}"}
            when = {"occurred_on": FIRST - 9 * DAY, "known_on": FIRST - 9 * DAY}
            rows["management"].append(closed | {"record_id": f"C{number}"} | when | person)
        if number < PEOPLE // 2:
            order: dict[str, Any] = {
                "event": "made",
                "kind": "restraining",
                "episode_id": f"E{number}",
            }
            made = SECOND + (2 + number % 12) * DAY
            order |= {"record_id": f"R{number}", "occurred_on": made, "known_on": made + 30 * DAY}
            rows["protective_order"].append(order | person)
    return History(worlds.load(rows, tmp_path_factory.mktemp("study") / "records"))


def test_time_zero_is_the_day_after_each_report_became_known(history: History) -> None:
    found = trial(history, study("protective_order"))
    assert {day.astype(object) for day in np.unique(found.at)} == {
        FIRST + 3 * DAY,
        SECOND + 3 * DAY,
    }


def test_an_order_answers_the_last_report_that_was_known_before_it(history: History) -> None:
    """Else who reoffends at once would seem to have been given an order for the report before."""
    found = trial(history, study("protective_order"))
    at, number = np.unique(found.at[found.treated], return_counts=True)
    early = sum(number % 12 == 0 for number in range(PEOPLE // 2))
    assert [day.astype(object) - 3 * DAY for day in at] == [FIRST, SECOND]
    assert number.tolist() == [early, PEOPLE // 2 - early]
    # who was given one before the second report was known had it already by then
    assert found.eligible - len(found.at) == early


def test_on_regular_dates_the_same_order_treats_every_row_whose_window_holds_it(
    history: History,
) -> None:
    dated = study("protective_order").model_copy(update={"time_zero": "dates", "every_days": 7})
    found = trial(history, dated)
    assert len(np.unique(found.at[found.treated])) > 1


@pytest.mark.parametrize(
    ("rules", "taken"),
    [
        ([REPORTED], lambda number: True),
        ([REPORTED, MANAGED], lambda number: number % 4 == 1),
        ([REPORTED | {"without": [MANAGED]}], lambda number: number % 4 != 1),
    ],
)
def test_who_is_eligible_is_told_by_the_whole_of_each_rule(
    history: History, rules: list[dict[str, Any]], taken: Callable[[int], bool]
) -> None:
    """Episodes that have ended do not count, nor does whoever has what a rule is without."""
    plain = study("protective_order").model_dump(exclude={"eligible"})
    found = trial(history, Study.model_validate(plain | {"eligible": rules}))
    people = {f"Ñ{number:03d}" for number in range(PEOPLE) if taken(number)}
    assert set(found.people) == people
