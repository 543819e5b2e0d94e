"""Spark: a national database, where one machine is outgrown.

Records become events by the same expressions. Events, births and the rows of a given spine are
brought together by person in one shuffle; each part of the people is then a small force of its own,
for which a worker does all that one machine does for a whole one: who is in the cohort, what was
known when, what followed. What the workers write is a folder of Parquet files.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.catalogue import catalogue
from features.compile import APART_TYPES, ASKED, BIRTH, CODES, NUMBERS, apart_sql, known_sql
from features.declare import FeatureSet
from features.errors import UsageError
from features.files import is_new
from features.history import History, dates
from features.loads import Load, manifest, open_load, unchanged
from features.matrix import (
    build,
    learning_dates,
    manifest_of,
    question_features,
    sources_of,
)
from features.matrix_file import table_of, write_manifest
from features.question import Provided, Question
from features.records import TABLES
from features.taxonomy import HARM, taxonomy
from features.turns import Turns
from features.unfinished import unfinished_folder

if TYPE_CHECKING:
    from pyspark import TaskContext
    from pyspark.sql import DataFrame, SparkSession

MASTER = "PRECURSOR_SPARK_MASTER"
"""The environment variable that names the cluster, such as ``local[2]``; else spark-submit does."""

TRAVELLING = ibis.schema(APART_TYPES).to_pyarrow()
"""What is brought together by person: an event's numbers, under its person's own id."""

PART = 400_000
"""About how many records a part of the people has."""


def session() -> SparkSession:
    """Return the Spark session: spark-submit's, or one on the machines that `MASTER` names.

    Raises
    ------
    UsageError
        Spark is not installed.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError as missing:
        raise UsageError(
            "Spark is not installed here", remedy="pip install 'precursor[spark]', and Java 17."
        ) from missing
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("precursor")
    if MASTER in os.environ:
        builder = builder.master(os.environ[MASTER])
        if os.environ[MASTER].startswith("local"):  # nobody else on the network is to reach it
            os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    return (
        builder.config("spark.sql.session.timeZone", "UTC")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", os.environ.get("SPARK_DRIVER_MEMORY", "4g"))
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", "65536")
        .getOrCreate()
    )


class Parts:
    """A load on Spark, ready to be worked on in parts of its people.

    Parameters
    ----------
    load : Load
        Its folder must be in reach of every worker under the same path.
    """

    dialect = "pyspark"

    def __init__(self, load: Load, harm: str = HARM) -> None:
        unchanged(load)
        self.load = load
        self.spark = session()

        from pyspark.sql.functions import expr

        for name in TABLES:
            frame = self.spark.read.parquet(_exactly(load.tables[name]))
            for column in TABLES[name].columns:  # one that came after the load was written
                if column.name not in frame.columns:
                    frame = frame.withColumn(column.name, expr(f"CAST(NULL AS {column.type})"))
            frame.createOrReplaceTempView(name)
        codes = self.spark.createDataFrame(taxonomy(harm))
        codes.createOrReplaceTempView("taxonomy")

    def known(self) -> pa.Table:
        """Return how many records became known on each day."""
        return self.spark.sql(known_sql(self.dialect)).toArrow()

    def together(self, sources: tuple[str, ...], asked: Path | None) -> DataFrame:
        """Return events, births and asked rows with each person's in one part, by one shuffle.

        Parameters
        ----------
        sources : tuple of str
        asked : Path, optional
            A Parquet file of :func:`write_asked`.
        """
        rows = self.spark.sql(apart_sql(sources, self.dialect))
        if asked is not None:
            rows = rows.unionByName(
                self.spark.read.parquet(_exactly(asked.absolute())), allowMissingColumns=True
            )
        records = sum(table["rows"] for table in manifest(self.load.path)["tables"].values())
        parts = max(self.spark.sparkContext.defaultParallelism, -(-records // PART))
        return rows.repartition(parts, "nominal_id")


def _exactly(file: Path) -> str:
    """Return a path as Spark reads it: a name, not a pattern."""
    return re.sub(r"([\[\]{}*?\\])", r"\\\1", str(file))


def write_asked(spine: pd.DataFrame, file: Path) -> None:
    """Write the rows of a spine as they travel with events; a plan would carry them in memory."""
    columns = {
        "nominal_id": pa.array(spine["nominal_id"], pa.string()),
        "source": pa.array(np.full(len(spine), ASKED, np.int8)),
        "occurred_on": pa.array(dates(spine["as_of_date"])),
    }
    pq.write_table(pa.table(columns), file, row_group_size=100_000)


class Part:
    """Some of the people, with their events, as a worker holds them: a database of its own."""

    def __init__(self, rows: pa.Table) -> None:
        source = rows["source"]
        self._births = rows.filter(pc.equal(source, BIRTH))
        self._asked = rows.filter(pc.equal(source, ASKED))
        self._events = rows.filter(pc.greater_equal(source, 0))
        self._ids = pd.Index(self._births["nominal_id"].to_pandas().unique()).sort_values()

    def _person(self, rows: pa.Table) -> pa.Array:
        return pa.array(self._ids.get_indexer(rows["nominal_id"].to_pandas()), pa.int64())

    def people(self) -> pa.Table:
        """Return everybody's id in the order of their numbers."""
        return pa.table({"nominal_id": pa.array(self._ids, pa.string())})

    def births(self) -> pa.Table:
        """Return every date of birth with its dates."""
        found = self._births.select(["occurred_on", "known_on", "superseded_on"])
        return found.rename_columns(["born_on", "known_on", "superseded_on"]).append_column(
            "person", self._person(self._births)
        )

    def numbers(self, sources: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
        """Return the events of some sources as numbers, in order of person."""
        codes = pa.array([CODES[name] for name in sources], pa.int8())
        found = self._events.filter(pc.is_in(self._events["source"], codes))
        found = found.append_column("person", self._person(found))
        who = found["who"].combine_chunks().dictionary_encode().indices.cast(pa.int64())
        found = found.set_column(found.column_names.index("who"), "who", who)
        yield from found.select(list(NUMBERS)).sort_by("person").to_batches()

    def spine(self) -> pd.DataFrame:
        """Return the rows that were asked for, among those of these people."""
        asked = self._asked.select(["nominal_id", "occurred_on"])
        found: pd.DataFrame = asked.rename_columns(["nominal_id", "as_of_date"]).to_pandas()
        return found


def write_matrix(
    load: Load, question: Question, out: Path, spine: pd.DataFrame | None = None
) -> dict[str, Any]:
    """Write the matrix of a question as a folder of Parquet files, each by a worker.

    Parameters
    ----------
    load : Load
    question : Question
    out : Path
        A folder that does not exist yet, in reach of every worker; it gets its name last.
    spine : DataFrame, optional
        `nominal_id` and `as_of_date`, as for `features.matrix.build`.

    Returns
    -------
    dict
        The manifest.

    Raises
    ------
    Conflict
        There is such a folder, or somebody was erased while it was made.
    """
    out = Path(out)
    is_new(out)
    turns, parts = Turns(load), Parts(load, question.harm)
    feature_set = question_features(question, catalogue(question.harm))
    at = None
    if spine is None and not isinstance(question.cohort, Provided):
        at = learning_dates(load, question, parts.known())
    # not hidden: Spark passes over files whose names begin with a dot
    beside = out.absolute().with_name(f"{out.name}.{secrets.token_hex(4)}.asked")
    with unfinished_folder(out) as half, _asked(spine, beside) as asked:
        task = partial(_filled, load.path, half, question, feature_set, at, spine is not None)
        rows = parts.together(sources_of(question, feature_set), asked)
        counted = rows.mapInArrow(task, "rows bigint").toArrow()
        said = manifest_of(load, question, feature_set, pc.sum(counted["rows"]).as_py() or 0)
        with turns.turn():
            write_manifest(out, said, half)
            half.rename(out)
    return said


@contextmanager
def _asked(spine: pd.DataFrame | None, file: Path) -> Iterator[Path | None]:
    """Lay the rows of a spine where workers read them, for as long as they do."""
    if spine is None:
        yield None
        return
    try:
        write_asked(spine, file)
        yield file
    finally:
        file.unlink(missing_ok=True)


def _filled(
    path: Path,
    out: Path,
    question: Question,
    feature_set: FeatureSet,
    at: list[date] | None,
    asked: bool,
    batches: Iterator[pa.RecordBatch],
) -> Iterator[pa.RecordBatch]:
    """Do for one part of the people what one machine does for all; runs on a worker.

    The worker writes its rows itself: passing them through Spark costs more than making them. An
    attempt that dies leaves nothing under a name that is read.
    """
    from pyspark import TaskContext

    task = cast("TaskContext", TaskContext.get())
    pieces = [pa.Table.from_batches([batch]).cast(TRAVELLING) for batch in batches]
    part = Part(pa.concat_tables([TRAVELLING.empty_table(), *pieces]))
    history = History(open_load(path), feature_set, backend=part)
    made = build(history, question, part.spine() if asked else None, at=at)
    file = out / f"part-{task.partitionId():05d}.parquet"
    trying = out / f".{file.name}-{task.taskAttemptId()}"
    pq.write_table(table_of(made.frame), trying, compression="zstd")
    trying.replace(file)
    yield pa.RecordBatch.from_pydict({"rows": [len(made.frame)]})
