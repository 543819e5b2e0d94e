"""Duplicates of the synthetic force: the truth is of people, and linking finds most of them."""

from __future__ import annotations

import csv
from datetime import date
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.decisions import COLUMNS
from features.history import History
from features.labels import label
from features.linking import propose
from features.loads import Load
from features.synthetic import Switches, synthesise
from training.oracles_truth import open_truth
from training.questions import question

AT = date(2024, 2, 14)
ASKED = question("domestic_abuse_high_harm")


def world(folder: Path, *, nominals: int, share: float, seed: int) -> tuple[Load, Path]:
    """A force in which a share of the people has two records, and the folder of its truth."""
    load = synthesise(
        folder / "records",
        nominals=nominals,
        years=4,
        seed=seed,
        truth=folder / "truth",
        truth_at={AT: [365]},
        replays=2,
        switches=Switches(duplicates=share),
    )
    return load, folder / "truth"


def pairs(truth: Path) -> set[frozenset[str]]:
    """Which records are of one person."""
    found = pd.read_parquet(truth / "duplicates.parquet")
    return {frozenset(pair) for pair in found[["nominal_id", "same_as"]].to_numpy().tolist()}


def test_the_truth_is_of_a_person_under_however_many_records(tmp_path: Path) -> None:
    load, truth = world(tmp_path, nominals=5_000, share=0.15, seed=61)
    doubles = pd.read_parquet(truth / "duplicates.parquet")
    risk = open_truth(truth, load).risk(ASKED)
    assert len(doubles) > 400
    assert not risk["nominal_id"].isin(doubles["nominal_id"]).any()
    assert risk["nominal_id"].isin(doubles["same_as"]).sum() > 100
    # what followed under either record is what the person's risk is the chance of
    both = pd.concat(
        [
            risk[["nominal_id"]].assign(person=risk["nominal_id"]),
            doubles.rename(columns={"same_as": "person"}),
        ]
    )
    spine = both.assign(as_of_date=pd.Timestamp(AT))[["nominal_id", "as_of_date"]]
    outcome = label(History(load), ASKED, spine.reset_index(drop=True))["label"].to_numpy()
    came = both.assign(came=outcome).groupby("person")["came"].max()
    p = risk.set_index("nominal_id")["recorded"].astype(float)
    came = came.reindex(p.index)
    spread = np.sqrt((p * (1 - p)).sum())
    assert abs(came.sum() - p.sum()) < 3 * spread
    split = p.index.isin(doubles["same_as"])
    first = pd.Series(outcome[: len(risk)], p.index)
    assert first[split].sum() < came[split].sum()  # a part of what they did is the other record's


@pytest.mark.slow
@pytest.mark.skipif(
    find_spec("splink") is None, reason="Splink is not installed: pip install 'precursor[link]'"
)
def test_linking_proposes_most_pairs_of_one_person_and_few_others(tmp_path: Path) -> None:
    load, truth = world(tmp_path, nominals=8_000, share=0.05, seed=62)
    same = pairs(truth)
    propose(load.path, truth / "identities.parquet", tmp_path / "pairs.csv", at_least=0.05)
    with open(tmp_path / "pairs.csv", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    proposed = [
        (frozenset(row[name] for name in COLUMNS[:2]), float(row["probability"])) for row in rows
    ]
    known = len(pd.read_parquet(truth / "identities.parquet"))
    print(f"\nsynthetic: {len(same):,} pairs of one person among {known:,} person records")
    reached = {}
    for at_least in (0.05, 0.5, 0.95):
        listed = {pair for pair, chance in proposed if chance >= at_least}
        right = len(listed & same)
        reached[at_least] = right / len(listed), right / len(same)
        precision, recall = reached[at_least]
        shares = f"precision {precision:.1%}, recall {recall:.1%}"
        print(f"from {at_least:.2f}: {len(listed):,} pairs, {shares}")
    assert reached[0.5][0] > 0.9
    assert reached[0.5][1] > 0.6
    assert reached[0.95][0] >= reached[0.05][0]
