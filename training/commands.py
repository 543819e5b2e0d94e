"""Commands of a data scientist: the matrix of a question, and a model trained from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from features.console import Json, QuestionName, Records, SpineFile, answer, in_a_folder, progress
from features.errors import UsageError

if TYPE_CHECKING:
    from features.history import History
    from features.loads import Load
    from features.matrix import Matrix
    from features.question import Question
    from models.registry import Version
    from training.leakage import Proof
    from training.oracles_distance import Oracles

app = typer.Typer()


@app.command()
def matrix(
    question: QuestionName,
    records: Records,
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="Parquet file to write.", callback=in_a_folder)
    ],
    spine: SpineFile = None,
    backend: Annotated[str, typer.Option(help="duckdb, postgres or spark.")] = "duckdb",
    as_json: Json = False,
) -> None:
    """Compute the history matrix of a question: its training rows, or those of a spine.

    Example: precursor matrix domestic_abuse_high_harm .precursor/records/demo matrix.parquet
    """
    from features.history import History
    from features.loads import open_load
    from features.matrix import write_matrix
    from features.spine import read_spine
    from training.questions import question as find

    asked, load = find(question), open_load(records)
    rows = None if spine is None else read_spine(spine, load.default_as_of)
    if backend == "spark":
        from features import spark

        made = spark.write_matrix(load, asked, out, rows)
    else:
        history = History(load, harm=asked.harm, backend=backend)
        with progress("compiling histories", as_json) as tell:
            made = write_matrix(history, asked, out, rows, progress=tell)
    found = {"matrix": str(out), "rows": made["rows"]}
    found |= {"columns": len(made["feature_set"]["columns"])}
    found |= {"features": made["feature_fingerprint"]}
    text = f"{found['rows']:,} rows, {found['columns']} features of {question} are in {out}."
    answer(found, text, as_json)


def _compiled(asked: Question, history: History, as_json: bool) -> Matrix:
    """Return the matrix of a question's training rows."""
    from features.matrix import build

    with progress("compiling histories", as_json) as tell:
        return build(history, asked, progress=tell)


def _wider(asked: Question, history: History, as_json: bool) -> Matrix | None:
    """Return the rows of the wider cohort that a question learns from too; None without one."""
    return None if asked.wider is None else _compiled(asked.wider, history, as_json)


def _read(file: Path) -> Matrix:
    """Return a matrix of ours, or a ready one with its list of columns beside it."""
    from features.matrix import Matrix
    from features.ready import is_ready, read_ready

    return read_ready(file) if is_ready(file) else Matrix.read(file)


def _oracles(
    asked: Question, truth: Path | None, load: Load | None, universes: int, nominals: int | None
) -> Oracles | None:
    """Return the oracles of simulated records whose truth is at hand."""
    if truth is None or load is None:
        return None
    from training.oracles_distance import Oracles
    from training.oracles_truth import open_truth

    return Oracles(
        asked,
        open_truth(truth, load),
        universes=universes,
        nominals=nominals,
        progress=lambda line: typer.echo(line, err=True),
    )


def _proof(asked: Question, load: Load, rows: Matrix) -> Proof | None:
    """Return the leakage proof of a matrix that was made from these records."""
    from features.question import Provided
    from training.leakage import prove

    if isinstance(asked.cohort, Provided):
        return None
    typer.echo("proving that nothing known later is in the histories", err=True)
    return prove(load, rows, harm=asked.harm)


@app.command()
def train(
    question: QuestionName,
    records: Annotated[Path | None, typer.Argument(metavar="RECORDS")] = None,
    ready: Annotated[Path | None, typer.Option("--matrix", help="A matrix made before.")] = None,
    audit: Annotated[
        Path | None,
        typer.Option(help="With --matrix: the records that tell who people are, for the audit."),
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(
            envvar="PRECURSOR_TRUTH",
            help="The truth of simulated records: how near does the model come to it?",
        ),
    ] = None,
    universes: Annotated[
        int, typer.Option(min=2, help="With --truth: other worlds the record oracle learns from.")
    ] = 3,
    universe_nominals: Annotated[
        int | None,
        typer.Option(min=1000, help="With --truth: how large those are; as the force by default."),
    ] = None,
    tune: Annotated[
        int, typer.Option(min=0, help="Search parameters in so many trials first (Optuna).")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Train, judge beside the baselines, and register the model as challenger in MLflow.

    Example: precursor train domestic_abuse_high_harm .precursor/records/demo
    """
    from features.attributes import attributes, of_matrix
    from features.history import History
    from features.loads import open_load
    from training import experiment, sanctions
    from training.questions import question as find

    if (records is None) == (ready is None):
        raise UsageError("train: give RECORDS or --matrix FILE, one of them", remedy="See --help.")
    if records is not None and audit is not None:
        raise UsageError(
            "train: --audit goes with --matrix; RECORDS are audited by themselves",
            remedy="Leave --audit out.",
        )
    if truth is not None and records is None and audit is None:
        raise UsageError(
            "train: --truth needs the records it is the truth of",
            remedy="Give RECORDS, or name them with --audit beside --matrix.",
        )
    asked, told = find(question), records or audit
    load = None if told is None else open_load(told)
    oracles = _oracles(asked, truth, load, universes, universe_nominals)
    history = None if load is None else History(load, harm=asked.harm)
    rows = _read(ready) if ready else _compiled(asked, cast("History", history), as_json)
    if load is None:
        people, unaudited = of_matrix(cast("Path", ready), rows)
    else:
        people, unaudited = attributes(load, rows.frame), ""
    result = experiment.train(
        asked,
        rows,
        protected=people,
        beside=None if history is None else sanctions.beside(history, rows.frame),
        wider=None if history is None else _wider(asked, history, as_json),
        oracles=oracles,
        tune=tune,
        proof=None if load is None else _proof(asked, load, rows),
        progress=lambda line: typer.echo(line, err=True),
    )
    version = cast("Version", result.version)
    text = f"{result.text}\n{unaudited}"
    text += f"\nVersion {version.number} of {asked.name} is the challenger."
    text += f' Next: precursor promote {asked.name} challenger --reason "..."'
    told_all = result.report | {"version": version.number, "unaudited": unaudited.strip()}
    answer(told_all, text, as_json)
