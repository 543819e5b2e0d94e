"""Batch scoring: a whole cohort or spine into a file, on the ledger before the file exists.

It goes part by part, in memory bounded by one part, and each part is recorded as it is done. The
order is what makes it safe to be killed at any moment: lines are written under temporary names, the
entry with every person's score is made durable, and only then do the files get their names. The
same batch started again goes on where it was killed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from features.history import History
from features.question import Provided
from models.contract import same_definitions
from models.risk_model import RiskModel
from serving.gauges import score_drift
from serving.kept import keep_model, remember_load
from serving.ledger import Action, Leaf, Ledger
from serving.parts import PART, Counts, Scoring
from serving.runs import REJECTED, ROWS, SCORED, Run, draft, sha256
from serving.scoring import Progress
from serving.unfinished import Unfinished, digest, under_way

_LINES_AT_ONCE = 50_000

Record = Callable[[Mapping[str, Any], Sequence[Leaf]], None]
"""Puts what a batch says, and some of its people, on the ledger."""


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
    beside = rejected_beside(out)
    same_definitions(model.feature_set, history.feature_set)
    rows = _spine(model, history, spine, as_of)
    asked_on = sorted({at.date() for at in pd.to_datetime(rows["as_of_date"]).unique()})
    plan = {
        "question": model.question.name,
        "model": {"version": version, "sha256": model.sha256},
        "load": history.load.fingerprint,
        "rows": digest(rows),
        "part": PART,
        "out": str(out.absolute()),
        "who": [actor, role, purpose],
        "promoted": promoted,
    }
    remember_load(history.load)
    if not promoted:
        keep_model(model)

    names = model.feature_set.names

    def record(body: Mapping[str, Any], people: Sequence[Leaf]) -> None:
        ledger.append(
            Action.BATCH,
            actor=actor,
            role=role,
            purpose=purpose,
            question=model.question.name,
            body={**body, "inputs": names} if people else body,
            people=people,
        )

    with under_way(plan, asked_on[-1]) as work, Scoring(model, version, history, rows) as scoring:
        try:
            counts, people = scoring.recorded(work, ledger, record, progress)
            about = {"promoted": promoted, "actor": actor, "purpose": purpose}
            info = _info(model, version, history, counts, asked_on) | about
            files = (out, beside)
            kept = _finished(work, ledger, record, info, people, model.training, *files)
        except BaseException:
            if len(scoring) == 1:  # nothing that would be worth going on with
                work.drop()
            raise
        work.drop()
    return Scored(
        out,
        beside,
        kept,
        scored=info["scored"],
        insufficient=info["insufficient_history"],
        rejections=info["rejected"],
    )


def _finished(
    work: Unfinished,
    ledger: Ledger,
    record: Record,
    info: dict[str, Any],
    people: Sequence[Leaf] | None,
    training: Mapping[str, Any],
    out: Path,
    beside: Path,
) -> Run:
    """Bring the parts together; record the last one with the files' hashes; name the files.

    `people` are those of the last part; None where it was recorded before a batch was killed.
    """
    drift = score_drift(training, work.probabilities())
    run = draft(work.ranked(), {**info, "score_drift_psi": drift}, run_id=work.run_id)
    files = {out: _part(out, work.run_id), beside: _part(beside, work.run_id)}
    try:
        _write(pq.ParquetFile(run.part / ROWS).iter_batches(_LINES_AT_ONCE), SCORED, files[out])
        refused = (batch for table in work.rejected() for batch in table.to_batches())
        _write(refused, REJECTED, files[beside])
        said = run.run.info
        body = {name: value for name, value in info.items() if name not in _ELSEWHERE} | {
            "run_id": work.run_id,
            "run_sha256": said["sha256"],
            "file_sha256": sha256(files[out]),
            "rejected_sha256": sha256(files[beside]),
            "part": work.parts,
            "parts": work.parts,
        }
        if people is not None or not _on_record(ledger, info["question"], body):
            record(body, people or ())
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
    entries = ledger.entries(action=Action.BATCH, question=question, limit=None)
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
    if not out.absolute().parent.is_dir():
        raise UsageError(
            f"{out}: the folder {out.absolute().parent} does not exist",
            remedy="Make it first.",
            field="out",
        )
    return out.with_name(f"{out.stem}.rejected{out.suffix}")


def _spine(
    model: RiskModel, history: History, spine: pd.DataFrame | None, as_of: date | None
) -> pd.DataFrame:
    latest = history.load.default_as_of
    at = as_of or latest
    if at > latest:
        raise UsageError(
            f"as-of date {at} lies after the day following the end of the records ({latest})",
            remedy="Ask for that day or an earlier one.",
            field="as_of_date",
        )
    if spine is None and isinstance(model.question.cohort, Provided):
        raise UsageError(
            f"question '{model.question.name}': its rows come with a file, not from the records",
            remedy="Give --spine FILE with nominal_id and as_of_date.",
            field="spine",
        )
    rows = cohort(history, model.question, [at]) if spine is None else spine
    if rows.empty:
        raise NotFound(
            f"question '{model.question.name}': nobody is in the cohort on {at}",
            remedy="Check the as-of date and the records.",
            code="nobody",
        )
    return rows


def _info(
    model: RiskModel,
    version: int,
    history: History,
    counts: Counts,
    days: Sequence[date],
) -> dict[str, Any]:
    """What a run says of itself; nothing in it is about one person."""
    question = model.question
    expires = days[0] + timedelta(days=question.expires_after_days)
    return {
        "question": question.name,
        "title": question.title,
        "outcome_words": question.outcome_words,
        "horizon_days": question.horizon_days,
        "capacity": question.capacity,
        "stage": question.stage,
        "own_view": question.own_view and question.own_view.model_dump(),
        "created_at": datetime.now(UTC).isoformat(timespec="microseconds"),
        "as_of_dates": [day.isoformat() for day in days],
        "expires_on": expires.isoformat(),
        "model": {
            "name": question.name,
            "version": version,
            "sha256": model.sha256,
            "synthetic": model.synthetic or history.load.synthetic,
        },
        "load": {
            "number": history.load.number,
            "data_to": history.load.data_to.isoformat(),
            "fingerprint": history.load.fingerprint,
        },
        "people": counts.scored + counts.insufficient,
        "scored": counts.scored,
        "insufficient_history": counts.insufficient,
        "rejected": dict(sorted(counts.rejected.items())),
        "mean_probability": counts.total / counts.scored if counts.scored else None,
    }


def _part(path: Path, run_id: str) -> Path:
    return path.with_name(f".{path.stem}.{run_id}.part{path.suffix}")


def _write(batches: Iterable[pa.RecordBatch], schema: pa.Schema, path: Path) -> None:
    csv = path.suffix.lower() == ".csv"
    try:
        with (
            pacsv.CSVWriter(path, schema)
            if csv
            else pq.ParquetWriter(path, schema, compression="zstd")
        ) as writer:
            for batch in batches:
                writer.write_batch(batch)
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    except OSError as failed:
        raise PrecursorError(
            f"{path.parent}: cannot be written ({failed.strerror})",
            remedy="Make room or choose another folder, and give the same command again.",
        ) from failed
