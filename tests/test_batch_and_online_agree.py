"""One person asked for online and within a batch gets the same figures, bit by bit."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from served import ME, Served, served
from small_force import AS_OF, CHILD, NEWCOMER

from serving.batch import score_batch
from serving.scoring import ALIKE, score_people, shared

__all__ = ["served"]

FIGURES = ("probability", "low", "high", "band")


def test_what_a_batch_says_once_is_what_its_people_leave_out(served: Served) -> None:
    assert set(shared(served.model, 1, served.load)) == ALIKE


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_file_says_what_the_service_says(served: Served, tmp_path: Path, suffix: str) -> None:
    done = score_batch(
        served.model, 1, served.history, tmp_path / f"out{suffix}", ledger=served.ledger, **ME
    )
    exactly = {".csv": {"float_precision": "round_trip"}}.get(suffix, {})
    read = pd.read_parquet if suffix == ".parquet" else pd.read_csv
    rows = read(done.out, **exactly).set_index("nominal_id")
    people = [*served.people[:40], NEWCOMER]
    for score in served.score(*people).json()["scores"]:
        row = rows.loc[score["nominal_id"]]
        assert bool(row["insufficient_history"]) is score["insufficient_history"]
        interval = score["interval"] or {"low": None, "high": None}
        online = (score["probability"], interval["low"], interval["high"], score["band"])
        for name, value in zip(FIGURES, online, strict=True):
            assert (None if pd.isna(row[name]) else row[name]) == value, name
        said = [{k: r[k] for k in r if k != "records"} for r in score["reasons"]]
        assert json.loads(row["reasons"]) == said


def test_the_ledger_keeps_the_same_of_both(served: Served, tmp_path: Path) -> None:
    done = score_batch(
        served.model, 1, served.history, tmp_path / "out.csv", ledger=served.ledger, **ME
    )
    by_person = pd.read_csv(done.out).set_index("nominal_id")["score_id"]
    for score in served.score(*served.people[:20], NEWCOMER).json()["scores"]:
        kept = []
        for name in (score["score_id"], by_person[score["nominal_id"]]):
            said = served.ledger.score(name)[1]
            assert said is not None
            assert said.pop("score_id") == name
            said["reasons"] = [{**reason, "records": []} for reason in said["reasons"]]
            kept.append(said)
        assert kept[0] == kept[1]
        assert list(kept[0]["inputs"]) == list(kept[1]["inputs"])


def test_order_and_company_change_nothing(served: Served) -> None:
    def figures(people: list[str]) -> dict:
        spine = pd.DataFrame({"nominal_id": people, "as_of_date": AS_OF})
        scores, _ = score_people(served.model, 1, served.history, spine, records=True)
        return {
            s.nominal_id: (s.probability, s.raw, s.base, s.groups, s.interval, s.reasons, s.inputs)
            for s in scores
        }

    together = figures(served.people)
    assert figures(served.people[::-1]) == together
    for person in served.people[:10]:
        assert figures([person])[person] == together[person]


def test_the_rejected_are_the_same_too(served: Served, tmp_path: Path) -> None:
    people = ["nobody", CHILD, served.people[0]]
    spine = pd.DataFrame({"nominal_id": people, "as_of_date": pd.Timestamp(AS_OF)})
    out = tmp_path / "out.csv"
    done = score_batch(
        served.model, 1, served.history, out, spine=spine, ledger=served.ledger, **ME
    )
    online = served.score(*people).json()["rejected"]
    in_file = pd.read_csv(done.rejected).to_dict("records")  # by date and id, not as asked for
    assert in_file == sorted(online, key=lambda one: one["nominal_id"])
    assert done.rejections == {"under_18": 1, "unknown": 1}
