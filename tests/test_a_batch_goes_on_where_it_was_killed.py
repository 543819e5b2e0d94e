"""A batch that was killed at any moment ends, when it is started again, as if it never had been."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import date
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
import small_force
from hypothesis import given
from hypothesis import strategies as st
from served import ME, NAME, put_in_force

from benchmarks.serving_world import ROOT
from features.errors import Conflict
from features.history import History
from serving import parts, runs
from serving.batch import Scored, score_batch
from serving.ledger import Action, Ledger
from serving.publishing import publish
from serving.stock import Stock
from serving.unfinished import under_way

FIGURES = ["nominal_id", "as_of_date", "rank", "probability", "low", "high", "band", "reasons"]
SCRIPT = """
import os, signal, sys
from pathlib import Path
from features.history import History
from features.loads import open_load
from serving import batch, parts
from serving.ledger import Ledger
from serving.stock import Stock
parts.PART = 40
at = int(sys.argv[3])
if sys.argv[4] == "recorded":
    from serving.unfinished import Unfinished
    def killed(self, part, counts, _mark=Unfinished.mark):
        if part == at:
            os.kill(os.getpid(), signal.SIGKILL)
        _mark(self, part, counts)
    Unfinished.mark = killed
if sys.argv[4] == "named":
    from serving.runs import UnkeptRun
    def kept(self, _keep=UnkeptRun.keep):
        found = _keep(self)
        os.kill(os.getpid(), signal.SIGKILL)
    UnkeptRun.keep = kept
def tell(done, total):
    if sys.argv[4] == "part" and done >= 40 * (at + 1):
        os.kill(os.getpid(), signal.SIGKILL)
with Ledger.open() as ledger:
    model, version = Stock(ledger).champion(sys.argv[1])
    batch.score_batch(model, version, History(open_load(sys.argv[2])), Path(sys.argv[5]),
        ledger=ledger, actor="t.ester", role="operator", progress=tell)
"""


@given(rows=st.integers(1, 3_000_000))
def test_parts_hold_everybody_once_and_end_together(rows: int) -> None:
    pieces = parts.pieces(rows)
    assert all(one.stop == following.start for one, following in pairwise(pieces))
    assert (pieces[0].start, pieces[-1].stop) == (0, rows)
    sizes = {piece.stop - piece.start for piece in pieces}
    assert max(sizes) <= parts.PART
    assert max(sizes) - min(sizes) <= 1
    assert len(pieces) == 1 or len(pieces) % parts.EVENLY == 0


@pytest.fixture
def world(precursor_home: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Ledger, History]:
    monkeypatch.setattr(parts, "PART", 40)
    load = small_force.make_load(precursor_home / "records" / "small", people=150)
    history = History(load)
    ledger = Ledger.open()
    put_in_force(ledger, small_force.make_model(history, trees=5), 1)
    return ledger, history


def batch(world: tuple[Ledger, History], out: Path) -> Scored:
    ledger, history = world
    model, version = Stock(ledger).champion(NAME)
    return score_batch(model, version, history, out, ledger=ledger, **ME)


@pytest.mark.parametrize(
    ("where", "part"), [("part", 0), ("part", 1), ("recorded", 1), ("named", 0)]
)
def test_it_ends_as_if_it_had_never_been_killed(
    world: tuple[Ledger, History], tmp_path: Path, where: str, part: int
) -> None:
    ledger, history = world
    out = tmp_path / "scores.parquet"
    words = [NAME, str(history.load.path), str(part), where, str(out)]
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == -signal.SIGKILL, ran.stderr[-2000:]
    assert not out.exists()
    recorded = sum(entry.leaf_count for entry in ledger.entries(action=Action.BATCH, limit=None))
    assert recorded > 0

    done = batch(world, out)
    whole = batch(world, tmp_path / "again.parquet")
    found, expected = (pd.read_parquet(path) for path in (done.out, whole.out))
    pd.testing.assert_frame_equal(found[FIGURES], expected[FIGURES])
    assert (done.scored, done.insufficient) == (whole.scored, whole.insufficient)
    ledger_says = [
        entry
        for entry in ledger.entries(action=Action.BATCH, limit=None)
        if entry.body["run_id"] == done.run.run_id
    ]
    # nobody was recorded twice, and the last entry names the files
    assert sum(entry.leaf_count for entry in ledger_says) == len(found) + sum(
        done.rejections.values()
    )
    assert ledger_says[0].body["file_sha256"] == runs.sha256(done.out)
    for score_id in found["score_id"]:
        ledger.score(score_id)
    publish(NAME, ledger=ledger, run_id=done.run.run_id, **ME)
    assert ledger.verify().ok
    assert not list((tmp_path / "precursor-home" / "unfinished").glob("*"))


def test_what_was_scored_before_the_ledger_was_full_is_not_scored_again(
    world: tuple[Ledger, History], tmp_path: Path, precursor_home: Path
) -> None:
    ledger, _ = world
    with closing(sqlite3.connect(precursor_home / "ledger.db")) as database:
        database.execute(
            "CREATE TRIGGER no_room BEFORE INSERT ON ledger_entry WHEN NEW.action = 'batch'"
            " AND (SELECT count(*) FROM ledger_entry WHERE action = 'batch') = 2"
            " BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )
        try:
            with pytest.raises(Exception, match="disk full"):
                batch(world, tmp_path / "scores.csv")
        finally:
            database.execute("DROP TRIGGER no_room")
    assert not list(tmp_path.glob("*.csv"))
    before = {entry.seq for entry in ledger.entries(action=Action.BATCH, limit=None)}
    assert len(before) == 2
    done = batch(world, tmp_path / "scores.csv")
    entries = ledger.entries(action=Action.BATCH, limit=None)
    assert before < {entry.seq for entry in entries}
    assert sum(entry.leaf_count for entry in entries) == done.scored + done.insufficient + sum(
        done.rejections.values()
    )


def test_the_same_batch_is_not_scored_by_two_at_once(precursor_home: Path) -> None:
    with under_way({"a": 1}, date(2026, 2, 1)) as work:
        with (
            pytest.raises(Conflict, match="another process"),
            under_way({"a": 1}, date(2026, 2, 1)),
        ):
            pass
        with under_way({"a": 2}, date(2026, 2, 1)) as other:
            assert other.run_id != work.run_id
