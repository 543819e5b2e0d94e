"""A batch in parts: scored, written and recorded one after the other, worked on by two threads."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from features.errors import NotFound
from features.history import History, dates
from features.visible import NEVER, days
from models.risk_model import RiskModel
from serving.chain import Leaf
from serving.ledger import Ledger
from serving.runs import REJECTED, SCORED
from serving.score import Rejected, Score
from serving.scoring import Progress, Worked, told, worked_out

if TYPE_CHECKING:
    from serving.unfinished import Unfinished

PART = 10_000
"""People in a part; memory is bounded by this, and so is what a kill loses."""

IN_FILE = ("text", "direction", "contribution", "group")
"""What the scored file says of each reason; the records behind it are asked for one by one."""


@dataclass
class Counts:
    """How many people of a batch, or of a part, got which answer; `total` adds probabilities up."""

    scored: int = 0
    insufficient: int = 0
    total: float = 0.0
    rejected: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, scored: pa.Table, rejected: pa.Table) -> Counts:
        """Count a part's lines."""
        few = sum(scored["insufficient_history"].to_pylist())
        total = sum(number for number in scored["probability"].to_pylist() if number is not None)
        return cls(len(scored) - few, few, total, dict(Counter(rejected["reason"].to_pylist())))

    def add(self, other: Counts) -> None:
        """Add another part's."""
        self.scored += other.scored
        self.insufficient += other.insufficient
        self.total += other.total
        self.rejected = dict(Counter(self.rejected) + Counter(other.rejected))


class Scoring:
    """The parts of one batch; while one is told, a thread works out the figures of the next.

    Parameters
    ----------
    model : RiskModel
    version : int
    history : History
    rows : DataFrame
        `nominal_id` and `as_of_date`.
    """

    def __init__(
        self, model: RiskModel, version: int, history: History, rows: pd.DataFrame
    ) -> None:
        self._model, self._version, self._history = model, version, history
        self._ids = rows["nominal_id"].to_numpy(object)
        self._at = days(dates(rows["as_of_date"]), NEVER)
        self._pieces = [slice(start, start + PART) for start in range(0, len(rows), PART)]
        self._thread = ThreadPoolExecutor(1, "precursor-batch")
        self._ahead: dict[int, Future[Worked]] = {}

    def __len__(self) -> int:
        return len(self._pieces)

    def __enter__(self) -> Scoring:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def recorded(
        self,
        work: Unfinished,
        ledger: Ledger,
        record: Callable[[Mapping[str, Any], Sequence[Leaf]], None],
        progress: Progress | None,
    ) -> tuple[Counts, Sequence[Leaf] | None]:
        """Score, write and record every part that was not yet; the last is not recorded.

        Returns
        -------
        Counts
            Of all parts.
        sequence of Leaf or None
            What is to be recorded of the last part's people; None where that was done before.
        """
        found, people = Counts(), None
        work.parts = len(self)
        for part in range(len(self)):
            counts = self._before(work, ledger, part)
            if counts is None:
                counts, people = self._now(work, part)
                if part + 1 < len(self):
                    body = {"run_id": work.run_id, "part": part + 1, "parts": len(self)}
                    record(body, people)
                    work.mark(part, asdict(counts))
            found.add(counts)
            if progress is not None:
                progress(min(self._pieces[part].stop, len(self._ids)), len(self._ids))
        return found, people

    def _before(self, work: Unfinished, ledger: Ledger, part: int) -> Counts | None:
        """Return the counts of a part that was recorded before the batch was killed."""
        marked = work.counts(part)
        if marked is not None:
            return Counts(**marked)
        written = work.written(part)
        if written is None or not len(written[0]):
            return None
        try:
            ledger.score(written[0]["score_id"][0].as_py())
        except NotFound:
            return None
        counts = Counts.of(*written)
        work.mark(part, asdict(counts))
        return counts

    def _now(self, work: Unfinished, part: int) -> tuple[Counts, list[Leaf]]:
        coming = self._started(part)
        if part + 1 < len(self) and work.counts(part + 1) is None:
            self._started(part + 1)
        scores, rejected = told(self._model, self._version, self._history, coming.result())
        del self._ahead[part]
        tables = _table(scores), _refused(rejected)
        work.write(part, *tables)
        return Counts.of(*tables), leaves(scores, rejected)

    def _started(self, part: int) -> Future[Worked]:
        if part not in self._ahead:
            rows = self._pieces[part]
            self._ahead[part] = self._thread.submit(
                worked_out, self._model, self._history, self._ids[rows], self._at[rows]
            )
        return self._ahead[part]


def leaves(scores: Sequence[Score], rejected: Sequence[Rejected]) -> list[Leaf]:
    """Return what the ledger keeps about each person of an answer, scored or not."""
    return [
        *(Leaf(score.nominal_id, score.score_id, score.payload()) for score in scores),
        *(Leaf(person.nominal_id, None, {"rejected": person.answer()}) for person in rejected),
    ]


def _table(scores: Sequence[Score]) -> pa.Table:
    return pa.Table.from_pylist([_line(score) for score in scores], SCORED)


def _refused(rejected: Sequence[Rejected]) -> pa.Table:
    lines = [
        {"nominal_id": r.nominal_id, "as_of_date": r.as_of_date, "reason": r.reason}
        for r in rejected
    ]
    return pa.Table.from_pylist(lines, REJECTED)


def _line(score: Score) -> dict[str, Any]:
    interval = score.interval or {}
    said = [{key: reason[key] for key in IN_FILE} for reason in score.reasons]
    return {
        "score_id": score.score_id,
        "nominal_id": score.nominal_id,
        "as_of_date": score.as_of_date,
        "probability": score.probability,
        "low": interval.get("low"),
        "high": interval.get("high"),
        "band": score.band,
        "insufficient_history": score.insufficient_history,
        "reasons": json.dumps(said, ensure_ascii=False),
    }
