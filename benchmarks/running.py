"""Taking the measures, each in a process of its own, as often as asked; what follows from them."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import peer, postgres, wanted
from benchmarks.asked import Asked, Figure
from benchmarks.force import write_force
from features.errors import PrecursorError
from features.loads import Load, open_load
from features.spark import MASTER

HERE = Path(__file__).parent

Measured = list[dict[str, Any]]
"""What each repeat of one measure found."""


@dataclass(frozen=True)
class Run:
    """One run: its sizes, a folder for what it writes, and whom to tell what is going on."""

    asked: Asked
    folder: Path
    tell: Callable[[str], None]

    def load(self, share: float = 1.0, *, plain: bool = False) -> Load:
        """Make a load of a share of the size asked for, or find it made by an earlier run."""
        events, people = (round(share * n) for n in (self.asked.events, self.asked.people))
        made_by = hashlib.sha256(
            b"".join((HERE / f).read_bytes() for f in ("force.py", "units.py"))
        )
        name = f"{events}-{people}-{self.asked.seed}{'-plain' * plain}-{made_by.hexdigest()[:12]}"
        path = self.asked.cache / name
        if not (path / "load.json").exists():
            self.tell(f"making {events:,} events of {people:,} people")
            part = path.with_name(f"{name}.{os.getpid()}")
            try:
                write_force(part, events=events, people=people, seed=self.asked.seed, plain=plain)
                part.rename(path)
            finally:
                shutil.rmtree(part, ignore_errors=True)
        return open_load(path)

    def measure(self, words: str, measure: str, **arguments: Any) -> Measured:
        """Take one measure as often as asked, each time in a new process."""
        found = []
        for repeat in range(self.asked.repeats):
            self.tell(f"{words} ({repeat + 1} of {self.asked.repeats})")
            found.append(self.once(measure, **arguments))
        return found

    def once(
        self, measure: str, environment: Mapping[str, str] | None = None, **arguments: Any
    ) -> dict[str, Any]:
        """Take one measure in a process of its own, with more in its environment if need be."""
        order, answer = self.folder / "order.json", self.folder / "answer.json"
        answer.unlink(missing_ok=True)
        said = {"measure": measure, "arguments": arguments, "answer": str(answer)}
        order.write_text(json.dumps(said), encoding="utf-8")
        ran = subprocess.run(
            [sys.executable, "-m", "benchmarks.child", order],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(HERE.parent), **(environment or {})},
        )
        if ran.returncode or not answer.exists():
            said_last = self.asked.cache / f"{measure}.log"
            said_last.write_text(ran.stderr, encoding="utf-8")
            raise PrecursorError(
                f"bench: measure '{measure}' failed and ended with {ran.returncode}",
                remedy=f"See {said_last}; -9 is often want of memory.",
            )
        found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
        return found

    def whole(self, words: str, load: Load, **arguments: Any) -> Measured:
        """Take the measure of a whole matrix, from the load to the written file."""
        out = str(self.folder / "matrix.parquet")
        arguments = {"dates": self.asked.dates, **arguments}
        return self.measure(words, "whole", load=str(load.path), out=out, **arguments)


def run(asked: Asked, tell: Callable[[str], None]) -> Iterator[Figure]:
    """Take the measures asked for, and yield figures as they are found.

    Raises
    ------
    PrecursorError
        Where a measure fails, or the peer and this project do not find the same values.
    """
    asked.cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="precursor-bench-", dir=asked.cache) as folder:
        taking = Run(asked, Path(folder), tell)
        if "peer" in asked.only:
            yield from _peer(taking)
        big: Measured = []
        if {"whole", "events", "columns"} & set(asked.only):
            big = taking.whole("the whole matrix", taking.load())
        if "whole" in asked.only:
            yield from _whole(big)
        if "events" in asked.only:
            yield from _events(taking, big)
        if "columns" in asked.only:
            yield from _columns(taking, big)
        if "one" in asked.only:
            yield from _one(taking)
        if "memory" in asked.only:
            yield from _memory(taking)
        if "check" in asked.only:
            yield from _check(taking)
        if "spark" in asked.only:
            yield from _spark(taking)


def middle(part: str, what: str, found: Measured, key: str, unit: str, aim: str = "") -> Figure:
    """Return the median of what several repeats found.

    Examples
    --------
    >>> middle("whole", "total", [{"s": 3.0}, {"s": 1.0}, {"s": 2.0}], "s", "s").value
    2.0
    """
    runs = tuple(float(one[key]) for one in found)
    return Figure(part, what, median(runs), unit, aim, runs=runs)


def _ratio(part: str, what: str, above: Figure, below: Figure, aim: str) -> Figure:
    assert above.value is not None
    assert below.value is not None
    return Figure(part, what, above.value / below.value, "×", aim)


def _peer(taking: Run) -> Iterator[Figure]:
    reason = postgres.missing()
    if reason is not None:
        yield Figure("peer", "triage's time ÷ ours", None, "", said=f"not measured: {reason}")
        return
    asked, load = taking.asked, taking.load(0.1, plain=True)
    python = peer.environment(asked.cache / "triage")
    theirs = []
    for repeat in range(asked.repeats):
        taking.tell(f"triage ({repeat + 1} of {asked.repeats})")
        theirs.append(peer.measured(load, python, taking.folder, asked.dates))
    ours = taking.whole("the same columns here", load, wanted="peer")
    same = taking.once(
        "agreement",
        ours=str(taking.folder / "matrix.parquet"),
        sample=theirs[-1]["sample"],
        totals=theirs[-1]["totals"],
        names=wanted.names(),
    )
    if same["differences"]:
        raise PrecursorError(
            f"bench: triage and Precursor disagree: {'; '.join(same['differences'])}",
            remedy="One of the two is wrong; no figure is told.",
        )
    made = middle("peer", "triage, making features", theirs, "features_s", "s")
    here = middle("peer", "here, assembling and writing", ours, "assembling_s", "s")
    both = [{"total_s": one["load_s"] + one["features_s"]} for one in theirs]
    all_made = middle("peer", "triage, with loading and indexing", both, "total_s", "s")
    total = middle("peer", "here, from the records to the file", ours, "total_s", "s")
    yield _ratio("peer", "making features: triage's time ÷ ours", made, here, "≥ 10")
    yield _ratio("peer", "from records to features: triage's time ÷ ours", all_made, total, "")
    their_peak = middle("peer", "triage and its PostgreSQL, peak memory", theirs, "peak_gb", "GB")
    our_peak = middle("peer", "here, peak memory, the database within", ours, "peak_gb", "GB")
    if their_peak.value:  # 0 where this system does not tell what a process holds
        yield _ratio("peer", "peak memory: triage's ÷ ours", their_peak, our_peak, "≥ 1")
    yield from (made, here, all_made, total, their_peak, our_peak)
    yield Figure("peer", "events", float(ours[0]["events"]), "")
    yield Figure("peer", "rows of the matrix", float(ours[0]["rows"]), "")
    yield Figure("peer", "columns of the matrix", float(ours[0]["columns"]), "")
    yield Figure("peer", "columns whose sums over all rows agree", float(len(wanted.names())), "")
    yield Figure("peer", "values compared one by one, all equal", float(same["values"]), "")


def _whole(big: Measured) -> Iterator[Figure]:
    yield middle("whole", "in all, from the records to the file", big, "total_s", "s", "≤ 60")
    yield middle("whole", "peak memory", big, "peak_gb", "GB", "≤ 4")
    yield middle("whole", "relational part: open and compile", big, "relational_s", "s")
    yield middle("whole", "listing the rows", big, "spine_s", "s")
    yield middle("whole", "assembling and writing", big, "assembling_s", "s")
    yield middle("whole", "assembling and writing, dense", big, "gigabytes_per_s", "GB/s")
    for key, what, aim in (
        ("events", "events", ""),
        ("rows", "rows of the matrix", ""),
        ("columns", "columns of the matrix", "≥ 150"),
    ):
        yield Figure("whole", what, float(big[0][key]), "", aim)


def _events(taking: Run, big: Measured) -> Iterator[Figure]:
    half = taking.whole("half the events", taking.load(0.5))
    little = middle("events", "in all, half the events and people", half, "total_s", "s")
    much = middle("events", "in all", big, "total_s", "s")
    yield _ratio("events", "time of all events ÷ time of half of them", much, little, "≤ 2.3")
    yield little


def _columns(taking: Run, big: Measured) -> Iterator[Figure]:
    half = taking.whole("half the columns", taking.load(), wanted="half")
    little = middle("columns", "relational part, half the columns", half, "relational_s", "s")
    much = middle("columns", "relational part", big, "relational_s", "s")
    yield _ratio("columns", "relational part, all columns ÷ half of them", much, little, "≤ 1.2")
    yield little
    yield middle("columns", "assembling and writing, half of them", half, "assembling_s", "s")


def _one(taking: Run) -> Iterator[Figure]:
    found = taking.measure("one person's row", "one", load=str(taking.load().path))
    yield middle("one", "one person's row, 200 people in turn", found, "median_ms", "ms", "≤ 6")
    yield middle("one", "the slowest hundredth", found, "p99_ms", "ms")
    yield middle("one", "the first after opening", found, "first_ms", "ms")


def _memory(taking: Run) -> Iterator[Figure]:
    limit = taking.asked.memory
    found = taking.whole(f"with {limit}", taking.load(), memory=limit)
    yield middle("memory", f"in all, the database within {limit}", found, "total_s", "s", "ends")
    yield middle("memory", f"peak memory, the database within {limit}", found, "peak_gb", "GB")


def _check(taking: Run) -> Iterator[Figure]:
    found = taking.measure("checking records", "check", load=str(taking.load(0.1).path))
    yield middle("check", "every rule, every row", found, "total_s", "s")
    yield middle("check", "peak memory of checking", found, "peak_gb", "GB")
    yield Figure("check", "rows checked", float(found[0]["rows"]), "")


def _spark(taking: Run) -> Iterator[Figure]:
    absent = [
        what
        for what, there in (
            ("pyspark", importlib.util.find_spec("pyspark") is not None),
            ("Java", shutil.which("java") is not None),
        )
        if not there
    ]
    if absent:
        said = f"not measured: no {' and no '.join(absent)} here"
        yield Figure("spark", "local[1] ÷ local[2]", None, "", said=said)
        return
    for share in (0.1, 0.2, 0.5):
        load, totals = taking.load(share), []
        events = f"{round(share * taking.asked.events):,} events"
        for master in ("local[1]", "local[2]"):
            out = taking.folder / f"spark-{share}-{master}"
            found = []
            for repeat in range(taking.asked.repeats):
                taking.tell(f"{master}, {events} ({repeat + 1} of {taking.asked.repeats})")
                arguments = {"load": str(load.path), "dates": taking.asked.dates}
                arguments["out"] = f"{out}-{repeat}"
                found.append(taking.once("on_spark", {MASTER: master}, **arguments))
                shutil.rmtree(f"{out}-{repeat}")
            totals.append(middle("spark", f"{master}, {events}", found, "total_s", "s"))
        yield _ratio("spark", f"local[1] ÷ local[2], {events}", totals[0], totals[1], "")
        yield from totals
    yield middle("spark", "starting Spark (not counted)", found, "start_s", "s")
