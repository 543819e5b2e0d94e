"""A batch on Spark: a national database, where one machine is outgrown.

Records come together by person as they do for a matrix (`features.spark`). For its part of the
people a worker does what one machine does for all, with the same code: their histories, scores and
reasons. What it tells lies in the batch's folder; the driver records it part by part, so that the
ledger, its keys and the order of ranks stay in one place.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.catalogue import catalogue
from features.cohort import cohort
from features.files import write_json
from features.history import History, dates
from features.loads import Load, open_load
from features.matrix import sources_of
from features.spark import TRAVELLING, Part, write_asked
from features.spark import Parts as OnSpark
from features.turns import Turns
from features.types import Progress
from features.visible import NEVER, days
from models.contract import same_definitions
from models.risk_model import RiskModel
from serving.batch import Batch, Scored
from serving.chain import Leaf
from serving.ledger import Ledger
from serving.parts import PART, Told, in_columns, leaves, no_search_for_cycles
from serving.runs import REJECTED, SCORED
from serving.score import Rejected
from serving.scoring import worked_out
from serving.unfinished import Unfinished, digest

if TYPE_CHECKING:
    from pyspark import TaskContext

_TOLD = pa.schema([*SCORED, pa.field("payload", pa.binary()), pa.field("reason", pa.string())])
"""What a worker writes of each person: their line and what the ledger keeps, or why not scored."""


def score_on_spark(
    model: RiskModel,
    version: int,
    load: Load,
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
    """Do what `serving.batch.score_batch` does, with the figures and words made by Spark's workers.

    Parameters
    ----------
    load : Load
        Its folder and the state folder must be in reach of every worker under the same path.

    Raises
    ------
    UsageError, Conflict, PrecursorError
        As `score_batch` does; also where Spark is not installed.
    """
    batch = Batch(model, version, load, Path(out), ledger, actor, role, purpose, promoted, progress)
    same_definitions(model.feature_set, catalogue(model.question.harm))
    turns = Turns(load)
    at = None if spine is not None else batch.date_of(as_of)
    asked_on = [at] if at is not None else _days(spine)
    if not asked_on:
        raise batch.nobody(at)
    rows = str(at) if spine is None else digest(spine)
    plan = {"rows": rows, "part": PART, "backend": "spark"}
    with batch.under_way(plan, asked_on[-1], turns) as work:
        told = work.path / "told"
        if not (told / _WHOLE).is_file():
            _tell(batch, work, told, at, spine)
        parts = Staged(told)
        if not len(parts):
            raise batch.nobody(at)
        return batch.done(work, parts, asked_on, turns)


_WHOLE = "whole.json"


def _days(spine: pd.DataFrame | None) -> list[date]:
    assert spine is not None
    return sorted({day.date() for day in pd.to_datetime(spine["as_of_date"]).unique()})


def _tell(
    batch: Batch, work: Unfinished, told: Path, at: date | None, spine: pd.DataFrame | None
) -> None:
    """Have the workers tell everybody; what they wrote is whole once it says so."""
    shutil.rmtree(told, ignore_errors=True)  # of a batch that was killed meanwhile
    told.mkdir()
    model, asked = work.path / "model", None
    batch.model.save(model)
    if spine is not None:
        write_asked(spine, asked := work.path / "asked.rows")
    task = partial(
        _told, batch.load.path.absolute(), told, model, batch.model.sha256,
        batch.question.stage, batch.version, at,
    )  # fmt: skip
    sources = sources_of(batch.question, batch.model.feature_set)
    together = OnSpark(batch.load, batch.question.harm).together(sources, asked)
    counted = together.mapInArrow(task, "rows bigint").toArrow()
    write_json(told / _WHOLE, {"rows": pc.sum(counted["rows"]).as_py() or 0})


def _told(
    load: Path,
    told: Path,
    model_folder: Path,
    sha256: str,
    stage: str,
    version: int,
    at: date | None,
    batches: Iterator[pa.RecordBatch],
) -> Iterator[pa.RecordBatch]:
    """Score one part of the people as one machine scores all; runs on a worker.

    An attempt that dies leaves nothing under a name that is read.
    """
    from pyspark import TaskContext

    task = cast("TaskContext", TaskContext.get())
    pieces = [pa.Table.from_batches([batch]).cast(TRAVELLING) for batch in batches]
    part = Part(pa.concat_tables([TRAVELLING.empty_table(), *pieces]))
    model = RiskModel.load(model_folder, sha256).at_stage(stage)
    history = History(open_load(load), model.feature_set, backend=part)
    rows = part.spine() if at is None else cohort(history, model.question, [at])
    ids, on = rows["nominal_id"].to_numpy(object), days(dates(rows["as_of_date"]), NEVER)
    file = told / f"{task.partitionId():05d}.parquet"
    trying = file.with_name(f".{file.name}-{task.taskAttemptId()}")
    with pq.ParquetWriter(trying, _TOLD, compression="zstd") as writer:
        for start in range(0, len(ids), PART):
            some = slice(start, start + PART)
            with no_search_for_cycles():
                figures = worked_out(model, history, ids[some], on[some])
                said = in_columns(model, version, history.load, figures)
                writer.write_table(_side_by_side(said), row_group_size=PART)
    trying.replace(file)
    yield pa.RecordBatch.from_pydict({"rows": [len(ids)]})


def _side_by_side(told: Told) -> pa.Table:
    """Return a part as one table: scored lines with what the ledger keeps, then the rejected."""
    payloads = [leaf.payload for leaf in told.people if leaf.score_id is not None]
    scored = told.scored.append_column("payload", pa.array(payloads, pa.binary()))
    both = pa.concat_tables([scored, told.rejected], promote_options="default")
    return both.select(_TOLD.names).cast(_TOLD)


class Staged:
    """The parts of a batch as workers told them; each is a row group of their files.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self._groups = [
            (file, group, found.row_group(group).num_rows)
            for file in sorted(folder.glob("*.parquet"))
            for found in [pq.read_metadata(file)]
            for group in range(found.num_row_groups)
        ]

    def __len__(self) -> int:
        return len(self._groups)

    def people(self, part: int) -> int:
        """Return how many people a part is about."""
        return int(self._groups[part][2])

    def told(self, part: int) -> Told:
        """Return a part as a worker told it."""
        file, group, _ = self._groups[part]
        with pq.ParquetFile(file) as found:
            table = found.read_row_group(group)
        scored = table.filter(pc.is_null(table["reason"]))
        rejected = table.filter(pc.is_valid(table["reason"])).select(REJECTED.names)
        kept = zip(*(scored[name].to_pylist() for name in _LEAF), strict=True)
        people: Sequence[Leaf] = [
            *(Leaf(*one) for one in kept),
            *leaves((), [Rejected(**one) for one in cast("list[Any]", rejected.to_pylist())]),
        ]
        return Told(scored.select(SCORED.names), rejected, people)


_LEAF = ("nominal_id", "score_id", "payload")
