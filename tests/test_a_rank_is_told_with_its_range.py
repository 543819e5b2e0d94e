"""How far a rank depends on choices is told person by person, kept, and forgotten on erasure."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import small_force
import worlds
from hypothesis import given
from hypothesis import strategies as st
from made_up_matrix import QUICK, result
from small_force import AS_OF

from features import kept_ranks
from features.assemble import DECAY, decay
from features.errors import NotFound, UsageError
from features.history import History
from features.home import home
from features.loads import write_load
from features.matrix import build
from models.risk_model import RiskModel
from serving.erasure import erase
from serving.ledger import Ledger
from training import rank_range
from training.experiment import train
from training.rank_range import Ranges, _Choices, _training_rows, rank_ranges, ranks

FOLDER = tempfile.TemporaryDirectory(prefix="precursor-ranks-")


@cache
def world() -> tuple[RiskModel, History]:
    """A model trained on the small force, with some harassment in it, and the force's history."""
    rows = small_force.rows(people=250)
    beside = [row for row in rows["offence"] if row["offence_code"].endswith("injury")][::3]
    suspects = {row["offence_id"]: row for row in rows["involvement"]}
    for number, row in enumerate(beside):
        same = {"record_id": f"H{number}", "reference": f"20DL/H{number}"}
        rows["offence"].append(row | same | {"offence_code": "class/harassment"})
        part = {"record_id": f"HI{number}", "offence_id": f"H{number}"}
        rows["involvement"].append(suspects[row["record_id"]] | part)
    load = write_load(
        Path(FOLDER.name) / "small",
        worlds.tables(rows),
        kind="synthetic",
        data_to=small_force.DATA_TO,
        synthetic=True,
    )
    history = History(load)
    question = small_force.QUESTION.model_copy(update={"baselines": ("base_rate", "prior_count")})
    made = train(question, build(history, question), register=False, origins=1, **QUICK)
    return made.model, history


@cache
def found() -> Ranges:
    model, history = world()
    return rank_ranges(model, 1, history, AS_OF, seeds=2)


def test_every_rank_lies_within_its_range_and_every_choice_is_named() -> None:
    table = found().table
    assert (table["best"] <= table["rank"]).all()
    assert (table["rank"] <= table["worst"]).all()
    assert table["nominal_id"].is_unique
    expected = {"harm_harm_ons_v1", "decay_182d", "decay_730d", "counting_rule", "seed_1", "seed_2"}
    assert set(found().choices) | set(found().left_out) == expected
    assert not found().left_out
    for name in found().choices:
        assert (table["best"] <= table[name]).all()
        assert (table[name] <= table["worst"]).all()
    assert (table["worst"] > table["best"]).any()
    assert found().to_data()["largest_spread"] == (table["worst"] - table["best"]).max()


def test_without_another_choice_the_same_trees_come_out() -> None:
    model, history = world()
    rows = _training_rows(model, history, model.question)
    scored = rows[model.feature_set.names].head(40)
    again = _Choices(model, rows, scored).margins()
    assert np.array_equal(again, model.margin(model.check(scored)))


def test_the_same_question_twice_gives_the_same_ranges() -> None:
    model, history = world()
    again = rank_ranges(model, 1, history, AS_OF, seeds=2)
    pd.testing.assert_frame_equal(again.table, found().table)


def test_decay_by_another_half_life_is_that_of_the_compiler() -> None:
    assert np.array_equal(decay(365), DECAY)
    assert decay(182)[182] == decay(730)[730] == DECAY[365]
    model, history = world()
    column = model.feature_set["suspected_harm_decayed_ever"]
    rows = _training_rows(model, history, model.question).head(60)
    sums = [
        history.matrix(
            rows, feature_set=replace(model.feature_set, columns=(replace(column, window=days),))
        )[column.name]
        for days in (182, 365, 730)
    ]
    usual = history.matrix(rows, feature_set=replace(model.feature_set, columns=(column,)))
    assert sums[1].equals(usual[column.name])
    assert (sums[0] <= sums[1]).all()
    assert (sums[1] <= sums[2]).all()
    assert (sums[0] < sums[2]).any()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_ranks_follow_scores_and_ties_share_the_better_one(scores: list[float]) -> None:
    values = np.array(scores)
    got = ranks(values)
    assert got.tolist() == [1 + int((values > value).sum()) for value in values]


def test_ranges_are_kept_for_a_persons_page_and_erased_with_them(precursor_home: Path) -> None:
    file = rank_range.keep(found())
    assert file.is_relative_to(precursor_home)
    assert file.stat().st_mode & 0o077 == 0
    person = str(found().table["nominal_id"][3])
    told = kept_ranks.of_person("violence_6m", 1, AS_OF, person)
    assert told is not None
    assert told.best <= told.rank <= told.worst
    assert told.people == len(found().table)
    seeds = found().table.loc[3, ["seed_1", "seed_2"]]
    assert told.by_kind["other seeds of the trees"] == (seeds.min(), seeds.max())
    assert "other harm weights" in told.by_kind
    assert kept_ranks.of_person("violence_6m", 2, AS_OF, person) is None
    with Ledger.open() as ledger:
        erase(person, ledger=ledger, actor="t.ester", role="operator", purpose="court order")
    assert kept_ranks.of_person("violence_6m", 1, AS_OF, person) is None
    assert kept_ranks.of_person("violence_6m", 1, AS_OF, str(found().table["nominal_id"][4]))


def test_another_counting_rule_moves_ranks_and_leaves_no_records_behind() -> None:
    table = found().table
    assert (table["counting_rule"] != table["rank"]).any()
    assert "as since June 2023" in found().choices["counting_rule"]
    assert not list(home().glob(".recounted-*"))


def test_where_nothing_is_counted_apart_the_rule_is_left_out(tmp_path: Path) -> None:
    model, _ = world()
    load = small_force.make_load(tmp_path / "plain", people=120)
    plain = rank_ranges(model, 1, History(load), AS_OF, seeds=1)
    assert "counting_rule" not in plain.choices
    assert "beside a graver crime" in plain.left_out["counting_rule"]
    assert "left out: no stalking" in rank_range.in_words(plain)


def test_the_words_name_ranges_and_choices() -> None:
    text = rank_range.in_words(found(), most=3)
    assert text.count("  rank ") == 3
    assert "harm by ONS weights" in text
    assert "another seed" in text


def test_what_cannot_be_counted_otherwise_is_refused() -> None:
    model, history = world()
    with pytest.raises(UsageError, match="lies after"):
        rank_ranges(model, 1, history, AS_OF + timedelta(days=1))
    with pytest.raises(UsageError, match="its rows come with a file"):
        rank_ranges(result().model, 1, history, AS_OF)
    with pytest.raises(NotFound, match="nobody can be scored"):
        rank_ranges(model, 1, history, AS_OF - timedelta(days=9000))
