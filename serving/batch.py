"""Batch scoring: a whole cohort or spine into a file, on the ledger before the file exists.

It goes part by part, in memory bounded by one part, and each part is recorded as it is done. The
order is what makes it safe to be killed at any moment: lines are written under temporary names, the
entry with every person's score is made durable, and only then do the files get their names. The
same batch started again goes on where it was killed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from features.cohort import cohort
from features.errors import NotFound, PrecursorError, UsageError
from features.files import folder_stands, sha256, sync
from features.history import History
from features.loads import Load
from features.question import Provided, Question
from features.turns import Turns
from features.types import Progress
from models.contract import same_definitions
from models.risk_model import RiskModel
from serving.gauges import score_drift
from serving.kept import keep_model, remember_load
from serving.leaves import SHARED
from serving.ledger import Action, Leaf, Ledger
from serving.parts import Counts, Parts, Scoring, recorded
from serving.runs import REJECTED, ROWS, SCORED, Run, write_run
from serving.scoring import shared
from serving.unfinished import Unfinished, beside_of, digest, part_of, under_way

_LINES_AT_ONCE = 50_000


@dataclass(frozen=True)
class Scored:
    """What a batch left behind: its files, its run, and how many people got which answer."""

    out: Path
    rejected: Path
    run: Run
    scored: int
    insufficient: int
    rejections: Mapping[str, int]


def score_batch(
    model: RiskModel,
    version: int,
    history: History,
    out: Path,
    *,
    ledger: Ledger,
    actor: str,
    role: str,
    purpose: str = "batch",
    spine: pd.DataFrame | None = None,
    as_of: date | None = None,
    promoted: bool = True,
    progress: Progress | None = None,
) -> Scored:
    """Score a spine, or a question's cohort on a date, into a file.

    Parameters
    ----------
    model : RiskModel
    version : int
        Its version in the registry.
    history : History
        Of the load to be scored.
    out : Path
        Ends in ``.parquet`` or ``.csv``; replaced in one step if it exists (the run of the earlier
        file is kept). Those not scored go to ``NAME.rejected.parquet`` or ``.csv`` beside it.
    spine : DataFrame, optional
        `nominal_id` and `as_of_date`, as `features.spine.read_spine` returns it; otherwise the
        cohort on `as_of`.
    as_of : date, optional
        The day after the records end by default.
    promoted : bool
        Whether the model is in force; scores of one that is not are marked so on the ledger and in
        the run, and the run cannot become the list.
    progress : callable, optional
        Called with (people done, people in all).

    Returns
    -------
    Scored

    Raises
    ------
    UsageError
        OUT has another ending, its folder does not exist, or the date lies after the records.
    Conflict
        The model's features are not, to the last definition, those of the history.
    PrecursorError
        Nobody is on the spine; the ledger refuses.
    """
    out = Path(out)
    batch = Batch(
        model, version, history.load, out, ledger, actor, role, purpose, promoted, progress
    )
    same_definitions(model.feature_set, history.feature_set)
    turns = Turns(history.load, history.contents)
    at = None if spine is not None else batch.date_of(as_of)
    rows = spine if at is None else cohort(history, model.question, [at])
    if rows is None or rows.empty:
        raise batch.nobody(at)
    asked_on = sorted({day.date() for day in pd.to_datetime(rows["as_of_date"]).unique()})
    with (
        Scoring(model, version, history, rows) as scoring,
        batch.under_way({"rows": digest(rows), "parts": len(scoring)}, asked_on[-1], turns) as work,
    ):
        return batch.done(work, scoring, asked_on, turns)


@dataclass(frozen=True)
class Batch:
    """What is asked of a batch, wherever its figures are worked out; see :func:`score_batch`."""

    model: RiskModel
    version: int
    load: Load
    out: Path
    ledger: Ledger
    actor: str
    role: str
    purpose: str
    promoted: bool
    progress: Progress | None

    def __post_init__(self) -> None:
        rejected_beside(self.out)

    @property
    def question(self) -> Question:
        """The question that the model answers."""
        return self.model.question

    def date_of(self, as_of: date | None) -> date:
        """Return the day on which the cohort is scored, or refuse to have one.

        Raises
        ------
        UsageError
            The date lies after the records; the question's rows come with a file.
        """
        latest = self.load.default_as_of
        if as_of is not None and as_of > latest:
            raise UsageError(
                f"--as-of: {as_of} lies after {latest}, the day after the records end",
                remedy="Ask for that day or an earlier one.",
                field="as_of_date",
            )
        if isinstance(self.question.cohort, Provided):
            raise UsageError(
                f"question '{self.question.name}': its rows come with a file, not from the records",
                remedy="Give --spine FILE with nominal_id and as_of_date.",
                field="spine",
            )
        return as_of or latest

    def nobody(self, at: date | None) -> NotFound:
        """Return the refusal of a batch that is about nobody."""
        where = "on the spine" if at is None else f"in the cohort on {at}"
        return NotFound(
            f"question '{self.question.name}': nobody is {where}",
            remedy="Check the as-of date and the records.",
            code="nobody",
        )

    @contextmanager
    def under_way(self, rows: Mapping[str, Any], last: date, turns: Turns) -> Iterator[Unfinished]:
        """Open the folder of this batch, new or as it was left.

        Parameters
        ----------
        rows : mapping
            What names the rows and how they are parted.
        last : date
            The last as-of date.
        """
        plan = {
            "question": self.question.name,
            "model": {"version": self.version, "sha256": self.model.sha256},
            "load": self.load.fingerprint,
            "out": str(self.out.absolute()),
            "who": [self.actor, self.role, self.purpose],
            "promoted": self.promoted,
            "stage": self.question.stage,
            "columns": SCORED.names,  # parts that an earlier release left are not gone on with
            **rows,
        }
        remember_load(self.load)
        if not self.promoted:
            keep_model(self.model)
        with under_way(plan, last) as work:
            try:
                yield work
            except BaseException:
                turns.unchanged()  # where an erasure took the folder away, that is what is told
                if work.parts == 1:  # nothing that would be worth going on with
                    work.drop()
                raise
            work.drop()

    def done(
        self, work: Unfinished, parts: Parts, asked_on: Sequence[date], turns: Turns
    ) -> Scored:
        """Have every part told, written and recorded; bring them together into the files."""
        counts, people = recorded(parts, work, self.ledger, self.record, turns, self.progress)
        info = _info(self, counts, asked_on)
        beside = rejected_beside(self.out)
        with turns.turn():
            kept = _finished(self, work, info, people, beside)
        return Scored(
            self.out,
            beside,
            kept,
            scored=info["scored"],
            insufficient=info["insufficient_history"],
            rejections=info["rejected"],
        )

    def record(self, body: Mapping[str, Any], people: Sequence[Leaf]) -> None:
        """Put what the batch says, and some of its people, on the ledger."""
        self.ledger.append(
            Action.BATCH,
            actor=self.actor,
            role=self.role,
            purpose=self.purpose,
            question=self.question.name,
            body={**body, **self._of_all()} if people else body,
            people=people,
        )

    def _of_all(self) -> dict[str, Any]:
        """What an entry says once for all its people (`serving.leaves.open_leaf`)."""
        named = self.model.feature_set
        said = shared(self.model, self.version, self.load)
        return {SHARED: said, "inputs": named.names, "groups": list(named.groups)}


def _finished(
    batch: Batch,
    work: Unfinished,
    info: dict[str, Any],
    people: Sequence[Leaf] | None,
    beside: Path,
) -> Run:
    """Bring the parts together; record the last one with the files' hashes; name the files.

    `people` are those of the last part; None where it was recorded before a batch was killed.
    """
    out, drift = batch.out, score_drift(batch.model.training, work.probabilities())
    run = write_run(work.ranked(), {**info, "score_drift_psi": drift}, run_id=work.run_id)
    files = {path: part_of(path, work.run_id) for path in (out, beside)}
    try:
        with _room_for(out):
            if out.suffix.lower() == ".parquet":
                shutil.copyfile(run.part / ROWS, files[out])
            else:
                rows = pq.ParquetFile(run.part / ROWS)
                _write(rows.iter_batches(_LINES_AT_ONCE), SCORED, files[out])
            _write(work.rejected(), REJECTED, files[beside])
            for path in files.values():
                sync(path)
        said = run.run.info
        body = {name: value for name, value in info.items() if name not in _ELSEWHERE} | {
            "run_id": work.run_id,
            "run_sha256": said["sha256"],
            "file_sha256": sha256(files[out]),
            "rejected_sha256": sha256(files[beside]),
            "part": work.parts,
            "parts": work.parts,
        }
        if people is not None or not _on_record(batch.ledger, info["question"], body):
            batch.record(body, people or ())
        kept = run.keep()
        for path in (beside, out):  # the scored file last: where it is, the other is
            os.replace(files[path], path)
    finally:
        run.drop()
        for part in files.values():
            part.unlink(missing_ok=True)
    return kept


def _on_record(ledger: Ledger, question: str, body: Mapping[str, Any]) -> bool:
    """Return whether the last entry of a batch that was killed says the same of its files."""
    entries = ledger.entries(action=Action.BATCH, question=question, limit=None, sealed=True)
    return any(entry.body.get("run_sha256") == body["run_sha256"] for entry in entries)


_ELSEWHERE = ("actor", "purpose", "question")


def rejected_beside(out: Path) -> Path:
    """Return where a scored file's rejected rows go, or refuse the file's name.

    Examples
    --------
    >>> rejected_beside(Path("scores.csv")).name
    'scores.rejected.csv'
    """
    if out.suffix.lower() not in (".csv", ".parquet"):
        raise UsageError(
            f"{out}: a scored file ends in .parquet or .csv",
            remedy="Give --out such a name.",
            field="out",
        )
    folder_stands(out, field="out")
    return beside_of(out)


def _info(batch: Batch, counts: Counts, days: Sequence[date]) -> dict[str, Any]:
    """What a run says of itself; nothing in it is about one person."""
    question, load = batch.question, batch.load
    expires = days[-1] + timedelta(days=question.expires_after_days)
    said = shared(batch.model, batch.version, load)
    return {
        **said,
        "model": {**said["model"], "version": batch.version},
        "title": question.title,
        "outcome_words": question.outcome_words,
        "capacity": question.capacity,
        "own_view": question.own_view and question.own_view.model_dump(),
        "created_at": datetime.now(UTC).isoformat(timespec="microseconds"),
        "as_of_dates": [day.isoformat() for day in days],
        "expires_on": expires.isoformat(),
        "people": counts.scored + counts.insufficient,
        "scored": counts.scored,
        "insufficient_history": counts.insufficient,
        "rejected": dict(sorted(counts.rejected.items())),
        "mean_probability": counts.total / counts.scored if counts.scored else None,
        "promoted": batch.promoted,
        "actor": batch.actor,
        "purpose": batch.purpose,
    }


def _write(batches: Iterable[pa.RecordBatch], schema: pa.Schema, path: Path) -> None:
    csv = path.suffix.lower() == ".csv"
    with (
        pacsv.CSVWriter(path, schema) if csv else pq.ParquetWriter(path, schema, compression="zstd")
    ) as writer:
        for batch in batches:
            writer.write_batch(batch)


@contextmanager
def _room_for(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as failed:
        raise PrecursorError(
            f"{out.absolute().parent}: cannot be written ({failed.strerror})",
            remedy="Make room or choose another folder, and give the same command again.",
        ) from failed
