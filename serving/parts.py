"""A batch in parts: worked out by several threads, told, written and recorded by one."""

from __future__ import annotations

import gc
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd
import pyarrow as pa
from pydantic import TypeAdapter

from features.errors import NotFound
from features.history import History, dates
from features.loads import Load
from features.machine import cores
from features.types import Progress
from features.visible import NEVER, days
from models.risk_model import RiskModel
from serving.chain import Leaf
from serving.ledger import Ledger
from serving.runs import REJECTED, SCORED
from serving.score import Rejected, Score
from serving.scoring import ALIKE, Worked, told, worked_out

if TYPE_CHECKING:
    from features.turns import Turns
    from serving.unfinished import Unfinished

PART = 2_000
"""Most people in a part; memory is bounded by this, and so is what a kill loses."""

MOST_THREADS = 8
"""Parts worked out at once; each holds some 30 MB, and telling keeps up with no more."""

EVENLY = 8
"""Parts come in multiples of this, so that 1, 2, 4 or 8 cores end together. Another number would
part a batch otherwise than before, so that one that was killed is begun anew."""

_TOLD_AT_ONCE = 500  # few enough that what is told of people is gone before it piles up
_JSON: TypeAdapter[Any] = TypeAdapter(Any)  # several times as fast as the standard library

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


@dataclass(frozen=True)
class Told:
    """A part as it was told: lines of the scored file, the rejected, and the ledger's leaves."""

    scored: pa.Table
    rejected: pa.Table
    people: Sequence[Leaf]


class Parts(Protocol):
    """A batch in parts, wherever its figures are worked out."""

    def __len__(self) -> int:
        """Return how many parts there are."""

    def people(self, part: int) -> int:
        """Return how many people a part is about."""

    def told(self, part: int) -> Told:
        """Return a part; parts are asked for in their order."""


def pieces(rows: int) -> list[slice]:
    """Return the rows of each part: one part for a few, and otherwise so many as end together.

    Nothing in it is of this machine, so that another one can go on with a batch.

    Examples
    --------
    >>> pieces(1_500), len(pieces(50_000)), pieces(50_000)[-1]
    ([slice(0, 1500, None)], 32, slice(48437, 50000, None))
    """
    number = math.ceil(rows / PART)
    if number > 1:
        number = EVENLY * math.ceil(number / EVENLY)
    edges = [rows * part // number for part in range(number + 1)]
    return [slice(*pair) for pair in pairwise(edges)]


class Scoring:
    """The parts of one batch on this machine; threads are always ahead with the figures of some.

    Each works out a part by itself, one for every core. Several on one part would wait for each
    other, for this thread takes its share of the cores too while it tells a part.

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
        model.warm()  # once, not by each thread
        self._ids = rows["nominal_id"].to_numpy(object)
        self._at = days(dates(rows["as_of_date"]), NEVER)
        self._pieces = pieces(len(rows))
        self._threads = min(cores(), MOST_THREADS)
        self._pool = ThreadPoolExecutor(self._threads, "precursor-batch")
        self._ahead: dict[int, Future[Worked]] = {}

    def __len__(self) -> int:
        return len(self._pieces)

    def __enter__(self) -> Scoring:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def people(self, part: int) -> int:
        """Return how many people a part is about."""
        return len(self._ids[self._pieces[part]])

    def told(self, part: int) -> Told:
        """Return a part, while the figures of the next ones are worked out."""
        coming = self._started(part)
        for later in range(part + 1, min(part + 1 + self._threads, len(self))):
            self._started(later)
        found = in_columns(self._model, self._version, self._history.load, coming.result())
        del self._ahead[part]
        return found

    def _started(self, part: int) -> Future[Worked]:
        if part not in self._ahead:
            rows = self._pieces[part]
            ids, at = self._ids[rows], self._at[rows]
            self._ahead[part] = self._pool.submit(
                worked_out, self._model, self._history, ids, at, threads=1
            )
        return self._ahead[part]


def in_columns(model: RiskModel, version: int, load: Load, worked: Worked) -> Told:
    """Tell rows that were worked out, as columns of the file and leaves of the ledger."""
    lines, refused, people = [_table([])], [_refused([])], list[Leaf]()
    for piece in worked.pieces(_TOLD_AT_ONCE):
        scores, rejected = told(model, version, load, piece)
        lines.append(_table(scores))
        refused.append(_refused(rejected))
        people += _packed(scores, rejected)
    return Told(pa.concat_tables(lines), pa.concat_tables(refused), people)


def recorded(
    parts: Parts,
    work: Unfinished,
    ledger: Ledger,
    record: Callable[[Mapping[str, Any], Sequence[Leaf]], None],
    turns: Turns,
    progress: Progress | None,
) -> tuple[Counts, Sequence[Leaf] | None]:
    """Write and record every part that was not yet; the last is written and not recorded.

    Returns
    -------
    Counts
        Of all parts.
    sequence of Leaf or None
        What is to be recorded of the last part's people; None where that was done before.
    """
    found, people, done = Counts(), None, 0
    total = sum(parts.people(part) for part in range(len(parts)))
    work.parts = len(parts)
    for part in range(len(parts)):
        with turns.turn():
            counts = _before(work, ledger, part)
            if counts is None:
                with no_search_for_cycles():
                    now = parts.told(part)
                    work.write(part, now.scored, now.rejected)
                    counts, people = Counts.of(now.scored, now.rejected), now.people
                    if part + 1 < len(parts):
                        body = {"run_id": work.run_id, "part": part + 1, "parts": len(parts)}
                        record(body, people)
                        work.mark(part, asdict(counts))
        found.add(counts)
        done += parts.people(part)
        if progress is not None:
            progress(done, total)
    return found, people


def _before(work: Unfinished, ledger: Ledger, part: int) -> Counts | None:
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


@contextmanager
def no_search_for_cycles() -> Iterator[None]:
    """Spare a part the garbage collector: what is told has no cycles, and much of it is made.

    Each search would walk all that the process holds, which takes longer than telling.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def leaves(scores: Sequence[Score], rejected: Sequence[Rejected]) -> list[Leaf]:
    """Return what the ledger keeps about each person of an answer, scored or not."""
    return [
        *(Leaf(score.nominal_id, score.score_id, score.payload()) for score in scores),
        *(Leaf(person.nominal_id, None, {"rejected": person.answer()}) for person in rejected),
    ]


def _packed(scores: Sequence[Score], rejected: Sequence[Rejected]) -> list[Leaf]:
    """Return the same leaves as :func:`leaves`, scores as JSON without what all of them share.

    The entry says that, once for all (`serving.leaves.open_leaf`). An input that is empty is NaN,
    which becomes null; every other number of a score that was told is finite.
    """
    found = []
    for score in scores:
        own = {name: value for name, value in score.answer().items() if name not in ALIKE}
        groups, inputs = list(score.groups.values()), score.values
        payload = {**own, "groups": groups or {}, "inputs": inputs or {}}
        found.append(Leaf(score.nominal_id, score.score_id, _JSON.dump_json(payload)))
    return found + leaves((), rejected)


def _table(scores: Sequence[Score]) -> pa.Table:
    intervals = [score.interval or {} for score in scores]
    said = [[{key: reason[key] for key in IN_FILE} for reason in one.reasons] for one in scores]
    columns = {
        "low": [interval.get("low") for interval in intervals],
        "high": [interval.get("high") for interval in intervals],
        "rank": [None] * len(scores),
        "reasons": [_JSON.dump_json(reasons).decode() for reasons in said],
    }
    for name in SCORED.names:
        if name not in columns:
            columns[name] = [getattr(score, name) for score in scores]
    return pa.table({name: columns[name] for name in SCORED.names}, schema=SCORED)


def _refused(rejected: Sequence[Rejected]) -> pa.Table:
    lines = [
        {"nominal_id": r.nominal_id, "as_of_date": r.as_of_date, "reason": r.reason}
        for r in rejected
    ]
    return pa.Table.from_pylist(lines, REJECTED)
