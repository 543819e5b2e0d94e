"""Batch scoring: a whole cohort or spine into a file, on the ledger before the file exists.

The order is what makes it safe to be killed at any moment: rows are written under temporary names,
the entry with every person's score is made durable, and only then do the files get their names.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
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
from serving.kept import keep_model, remember_load
from serving.ledger import Action, Leaf, Ledger
from serving.runs import REJECTED, SCORED, Run, draft, new_run_id, sha256
from serving.scoring import Progress, Rejected, Score, score_people

IN_FILE = ("text", "direction", "contribution", "group")
"""What the scored file says of each reason; the records behind it are asked for one by one."""


MOST_IN_LINK = 100_000
"""Most people in one entry of the ledger; a larger batch is several, each saying which part."""


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
    scores, rejected = score_people(model, version, history, rows, progress=progress)
    ranked, ranks = rank(scores)
    table = pa.Table.from_pylist(
        [_line(score, place) for score, place in zip(ranked, ranks, strict=True)], SCORED
    )
    refused = pa.Table.from_pylist(
        [
            {"nominal_id": r.nominal_id, "as_of_date": r.as_of_date, "reason": r.reason}
            for r in rejected
        ],
        REJECTED,
    )
    days = sorted({at.date() for at in pd.to_datetime(rows["as_of_date"]).unique()})
    run_id = new_run_id(days[-1])
    info = _info(model, version, history, ranked, rejected, days) | {
        "promoted": promoted,
        "actor": actor,
        "purpose": purpose,
    }
    remember_load(history.load)
    if not promoted:
        keep_model(model)
    run = draft(table, info, run_id=run_id)
    parts = {out: _part(out, run_id), beside: _part(beside, run_id)}
    try:
        _write(table, parts[out])
        _write(refused, parts[beside])
        body = {name: value for name, value in info.items() if name not in _ELSEWHERE} | {
            "run_id": run_id,
            "run_sha256": run.run.info["sha256"],
            "file_sha256": sha256(parts[out]),
            "rejected_sha256": sha256(parts[beside]),
        }
        people = leaves(ranked, rejected)
        links = range(0, len(people), MOST_IN_LINK)
        for number, start in enumerate(links, start=1):
            ledger.append(
                Action.BATCH,
                actor=actor,
                role=role,
                purpose=purpose,
                question=model.question.name,
                body={**body, "part": number, "parts": len(links)},
                people=people[start : start + MOST_IN_LINK],
            )
        kept = run.keep()
        for path in (beside, out):  # the scored file last: where it is, the other is
            os.replace(parts[path], path)
    finally:
        run.drop()
        for part in parts.values():
            part.unlink(missing_ok=True)
    return Scored(
        out,
        beside,
        kept,
        scored=info["scored"],
        insufficient=info["insufficient_history"],
        rejections=info["rejected"],
    )


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


def rank(scores: Sequence[Score]) -> tuple[list[Score], list[int | None]]:
    """Return scores by as-of date and rank, and each one's rank within its date.

    1 is the highest probability; equal ones are ordered by id, so that a rank is nobody's twice.
    People with insufficient history have no rank and come last.
    """
    ordered = sorted(
        scores,
        key=lambda s: (s.as_of_date, s.insufficient_history, -(s.probability or 0), s.nominal_id),
    )
    ranks: list[int | None] = []
    for _, group in groupby(ordered, key=lambda score: score.as_of_date):
        for place, score in enumerate(group, start=1):
            ranks.append(None if score.insufficient_history else place)
    return ordered, ranks


def leaves(scores: Sequence[Score], rejected: Sequence[Rejected]) -> list[Leaf]:
    """Return what the ledger keeps about each person of an answer, scored or not."""
    return [
        *(Leaf(score.nominal_id, score.score_id, score.payload()) for score in scores),
        *(Leaf(person.nominal_id, None, {"rejected": person.answer()}) for person in rejected),
    ]


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
    scores: Sequence[Score],
    rejected: Sequence[Rejected],
    days: Sequence[date],
) -> dict[str, Any]:
    """What a run says of itself; nothing in it is about one person."""
    question = model.question
    numbers = [score.probability for score in scores if score.probability is not None]
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
        "people": len(scores),
        "scored": len(numbers),
        "insufficient_history": len(scores) - len(numbers),
        "rejected": dict(sorted(Counter(person.reason for person in rejected).items())),
        "mean_probability": sum(numbers) / len(numbers) if numbers else None,
    }


def _line(score: Score, place: int | None) -> dict[str, Any]:
    interval = score.interval or {}
    told = [{key: reason[key] for key in IN_FILE} for reason in score.reasons]
    return {
        "score_id": score.score_id,
        "nominal_id": score.nominal_id,
        "as_of_date": score.as_of_date,
        "rank": place,
        "probability": score.probability,
        "low": interval.get("low"),
        "high": interval.get("high"),
        "band": score.band,
        "insufficient_history": score.insufficient_history,
        "reasons": json.dumps(told, ensure_ascii=False),
    }


def _part(path: Path, run_id: str) -> Path:
    return path.with_name(f".{path.stem}.{run_id}.part{path.suffix}")


def _write(table: pa.Table, path: Path) -> None:
    try:
        if path.suffix.lower() == ".csv":
            pacsv.write_csv(table, path)
        else:
            pq.write_table(table, path, compression="zstd")
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    except OSError as failed:
        raise PrecursorError(
            f"{path.parent}: cannot be written ({failed.strerror})",
            remedy="Make room or choose another folder; nothing was scored.",
        ) from failed
