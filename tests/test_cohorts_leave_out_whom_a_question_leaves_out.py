"""Cohorts: who is in by one rule and out by another, what parts they have, and wrong rules."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import worlds

from features.cohort import cohort, eligible, sub_cohorts
from features.history import History
from features.labels import label
from features.question import CohortRule, Question

AT = date(2024, 1, 1)
DAY = timedelta(days=1)


def told(*rows: tuple[str, str, dict[str, Any]], out: Path) -> History:
    """A world of a few people and what is on record of each: (table, person, columns)."""
    world: worlds.Rows = {name: [] for name in worlds.TABLES}
    for number, person in enumerate(dict.fromkeys(person for _, person, _ in rows)):
        world["nominal"].append(
            {"record_id": f"P{number}", "nominal_id": person, "born_on": date(1990, 1, 1)}
            | {"known_on": date(2015, 1, 1)}
        )
    for number, (table, person, columns) in enumerate(rows):
        known = {"known_on": columns["occurred_on"]} | columns
        if table == "offence":
            world["offence"].append(
                {"record_id": f"O{number}", "reference": f"R/{number}", **known}
            )
            link = {"record_id": f"I{number}", "offence_id": f"O{number}", "role": "suspect"}
            when = {name: known[name] for name in ("occurred_on", "known_on")}
            world["involvement"].append({**link, **when, "nominal_id": person})
        else:
            world[table].append({"record_id": f"R{number}", "nominal_id": person, **known})
    return History(worlds.load(world, out))


def report(person: str, code: str, day: date, **columns: Any) -> tuple[str, str, dict[str, Any]]:
    return "offence", person, {"offence_code": code, "occurred_on": day, **columns}


def managed(person: str, scheme: str, event: str, day: date) -> tuple[str, str, dict[str, Any]]:
    episode = f"{person}-{scheme}"
    return (
        "management",
        person,
        {"scheme": scheme, "event": event, "episode_id": episode, "occurred_on": day},
    )


def asked(**terms: Any) -> Question:
    return Question.model_validate(
        {
            "name": "asked",
            "title": "Asked",
            "outcome_words": "named again",
            "cohort": {"source": "suspected", "within_days": 730},
            "outcome": {"source": "suspected"},
            "horizon_days": 365,
        }
        | terms
    )


RECENT, LONG_AGO = AT - 100 * DAY, AT - 1000 * DAY


def test_whoever_has_what_a_cohort_is_without_is_outside_it(tmp_path: Path) -> None:
    history = told(
        report("calm", "class/harassment", RECENT),
        report("grave", "class/harassment", RECENT),
        report("grave", "class/rape", RECENT),
        report("grave once", "class/harassment", RECENT),
        report("grave once", "class/rape", LONG_AGO),
        report("not yet known", "class/harassment", RECENT),
        report("not yet known", "class/rape", RECENT, known_on=AT),
        out=tmp_path / "records",
    )
    rule = {
        "source": "suspected",
        "of": ["harassment"],
        "within_days": 730,
        "without": [{"source": "suspected", "of": ["high_harm"], "within_days": 730}],
    }
    found = cohort(history, asked(cohort=rule), [AT])
    assert set(found["nominal_id"]) == {"calm", "grave once", "not yet known"}
    _, rejected = eligible(
        history, asked(cohort=rule), pd.DataFrame({"nominal_id": ["grave"], "as_of_date": [AT]})
    )
    assert rejected["reason"].tolist() == ["outside_cohort"]


def test_who_is_managed_is_told_by_episodes_that_have_not_ended(tmp_path: Path) -> None:
    history = told(
        *(report(person, "class/rape", RECENT) for person in ("free", "in", "left", "iom")),
        managed("in", "MAPPA", "opened", LONG_AGO),
        managed("left", "MARAC", "opened", LONG_AGO),
        managed("left", "MARAC", "closed", RECENT),
        managed("iom", "IOM", "opened", RECENT),
        out=tmp_path / "records",
    )
    without = [
        {"source": "management", "of": ["opened", scheme], "until": "closed"}
        for scheme in ("MAPPA", "MARAC")
    ]
    rule = {"source": "suspected", "of": ["high_harm"], "within_days": 730, "without": without}
    assert set(cohort(history, asked(cohort=rule), [AT])["nominal_id"]) == {"free", "left", "iom"}
    earlier = cohort(history, asked(cohort=rule), [RECENT - DAY])
    assert earlier.empty, "nobody had been reported by then"


def test_an_order_in_force_is_one_that_has_not_ended(tmp_path: Path) -> None:
    def order(person: str, event: str, day: date) -> tuple[str, str, dict[str, Any]]:
        columns = {"event": event, "kind": "restraining", "episode_id": person}
        return "protective_order", person, columns | {"occurred_on": day}

    history = told(
        order("bound", "made", LONG_AGO),
        order("over", "made", LONG_AGO),
        order("over", "ended", RECENT),
        order("breached", "made", LONG_AGO),
        order("breached", "breached", RECENT),
        out=tmp_path / "records",
    )
    rule = {"source": "orders", "of": ["made"], "until": "ended"}
    assert set(cohort(history, asked(cohort=rule), [AT])["nominal_id"]) == {"bound", "breached"}


def test_parts_of_a_cohort_stand_beside_its_labels_and_may_overlap(tmp_path: Path) -> None:
    history = told(
        report("home", "class/stalking", RECENT, domestic=True),
        report("street", "class/stalking", RECENT, domestic=False),
        report("both", "class/stalking", RECENT, domestic=True),
        report("both", "class/stalking", RECENT - DAY),
        out=tmp_path / "records",
    )
    parts = {
        "at_home": {"source": "suspected", "of": ["stalking", "domestic"], "within_days": 730},
        "elsewhere": {
            "source": "suspected",
            "of": ["stalking"],
            "within_days": 730,
            "unless": "domestic",
        },
    }
    question = asked(sub_cohorts=parts)
    spine = cohort(history, question, [AT]).sort_values("nominal_id", ignore_index=True)
    found = sub_cohorts(history, question, spine).set_index(spine["nominal_id"])
    assert found["cohort_at_home"].to_dict() == {"both": True, "home": True, "street": False}
    assert found["cohort_elsewhere"].to_dict() == {"both": True, "home": False, "street": True}
    labelled = label(history, question, spine)
    assert labelled["cohort_at_home"].tolist() == found["cohort_at_home"].tolist()
    assert not [name for name in label(history, asked(), spine) if name.startswith("cohort_")]


def test_a_second_outcome_may_have_marks_of_its_own(tmp_path: Path) -> None:
    charged = {"result": "charged", "offence_id": "O0"}
    history = told(
        report("one", "class/order_breach", AT + 10 * DAY),
        ("outcome", "one", charged | {"occurred_on": AT + 40 * DAY}),
        ("protective_order", "one", {"event": "made", "kind": "restraining", "episode_id": "e"}
         | {"occurred_on": RECENT}),
        ("protective_order", "two", {"event": "made", "kind": "restraining", "episode_id": "f"}
         | {"occurred_on": RECENT}),
        ("protective_order", "two", {"event": "breached", "kind": "restraining", "episode_id": "f"}
         | {"occurred_on": AT + DAY}),
        out=tmp_path / "records",
    )  # fmt: skip
    question = asked(
        cohort={"source": "orders", "of": ["made"], "until": "ended"},
        outcome={
            "source": "orders",
            "of": ["breached"],
            "also": "charged",
            "also_of": ["order_breach"],
        },
    )
    spine = cohort(history, question, [AT]).sort_values("nominal_id", ignore_index=True)
    found = label(history, question, spine)
    assert found[["nominal_id", "label", "label_charged"]].to_numpy().tolist() == [
        ["one", 0.0, 1.0],
        ["two", 1.0, 0.0],
    ]


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ({"source": "suspected", "within_days": 100}, "'ever' or one of 30, 90"),
        ({"source": "orders", "of": ["made"], "until": "closed"}, "no mark 'closed'"),
        ({"source": "orders", "until": "ended"}, "the mark that begins an episode"),
        (
            {"source": "orders", "of": ["made"], "until": "ended", "within_days": 90},
            "the mark that begins an episode",
        ),
        ({"source": "suspected", "without": [{"source": "gossip"}]}, "no source 'gossip'"),
        ({"source": "suspected", "unless": "domestic"}, "Extra inputs"),
    ],
)
def test_a_wrong_rule_says_what_is_wrong(rule: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        CohortRule.model_validate(rule)


@pytest.mark.parametrize(
    ("terms", "fault"),
    [
        ({"split": {"folds": 1}}, "0 for none"),
        ({"split": {"temporal": False}}, "give folds of people"),
        ({"split": {"temporal": False, "folds": 5, "test_from": AT}}, "go with temporal"),
        ({"sub_cohorts": {"No": {"source": "suspected"}}}, "String should match"),
        ({"sub_cohorts": {"part": {"source": "suspected", "unless": "x"}}}, "unless is a mark"),
        (
            {"outcome": {"source": "orders", "of": ["breached"], "also": "charged"}},
            "source 'charged' has no mark",
        ),
    ],
)
def test_wrong_terms_of_a_question_say_what_is_wrong(terms: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        asked(**terms)


def test_a_question_that_says_nothing_of_whom_to_score_takes_all_rows_that_came_with_the_records(
    tmp_path: Path,
) -> None:
    history = told(report("N1", "8N/1", AT - 10 * DAY), out=tmp_path)
    given = {"provided": "again"}
    plain = asked(cohort=given, outcome=given, history_days=0, abstain="never")
    spine = pd.DataFrame({"nominal_id": ["N1", "N2"], "as_of_date": pd.Timestamp(AT)})
    accepted, rejected = eligible(history, plain, spine)
    assert accepted["nominal_id"].tolist() == ["N1"]
    assert not accepted["insufficient_history"].any()
    assert rejected["reason"].tolist() == ["unknown"]
