"""Commands of a data scientist: the matrix of a question, and a model trained from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from features.console import Json, QuestionName, Records, SpineFile, answer, progress
from features.errors import UsageError

if TYPE_CHECKING:
    from features.matrix import Matrix
    from models.registry import Version

app = typer.Typer()


@app.command()
def matrix(
    question: QuestionName,
    records: Records,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Parquet file to write.")],
    spine: SpineFile = None,
    backend: Annotated[str, typer.Option(help="duckdb; others are not built in yet.")] = "duckdb",
    as_json: Json = False,
) -> None:
    """Compute the history matrix of a question: its training rows, or those of a spine.

    Example: precursor matrix domestic_abuse_high_harm .precursor/records/demo matrix.parquet
    """
    if backend != "duckdb":
        raise UsageError(
            f"--backend: '{backend}' is not available; 'duckdb' is", remedy="Leave it out."
        )
    made = compiled(question, records, spine, as_json)
    made.write(out)
    found = {"matrix": str(out), "rows": len(made.frame), "columns": len(made.feature_set.columns)}
    found |= {"fingerprint": made.fingerprint, "features": made.feature_set.fingerprint}
    text = f"{found['rows']:,} rows, {found['columns']} features of {question} are in {out}."
    answer(found, text, as_json)


def compiled(name: str, records: Path, spine: Path | None, as_json: bool) -> Matrix:
    """Return the matrix of a question over a load."""
    from features.history import History
    from features.loads import open_load
    from features.matrix import build
    from features.spine import read_spine
    from training.questions import question

    asked = question(name)
    history = History(open_load(records))
    rows = None if spine is None else read_spine(spine, history.load.default_as_of)
    with progress("compiling histories", as_json) as tell:
        return build(history, asked, rows, progress=tell)


@app.command()
def train(
    question: QuestionName,
    records: Annotated[Path | None, typer.Argument(metavar="RECORDS")] = None,
    ready: Annotated[Path | None, typer.Option("--matrix", help="A matrix made before.")] = None,
    as_json: Json = False,
) -> None:
    """Train, judge beside the baselines, and register the model as challenger in MLflow.

    Example: precursor train domestic_abuse_high_harm .precursor/records/demo
    """
    from features.matrix import Matrix
    from training import experiment
    from training.questions import question as find

    if (records is None) == (ready is None):
        raise UsageError("train: give RECORDS or --matrix FILE, one of them", remedy="See --help.")
    asked = find(question)
    rows = Matrix.read(ready) if ready else compiled(question, cast(Path, records), None, as_json)
    result = experiment.train(asked, rows, progress=lambda line: typer.echo(line, err=True))
    version = cast("Version", result.version)
    text = f"{result.text}\n\nVersion {version.number} of {asked.name} is the challenger. Next:"
    text += f' precursor promote {asked.name} challenger --reason "..."'
    answer(result.report | {"version": version.number}, text, as_json)
