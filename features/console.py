"""How the command line speaks: results on standard output, progress on standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from features.errors import PrecursorError, UsageError

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object for programs.")]
QuestionName = Annotated[str, typer.Argument(metavar="QUESTION", help="Name of a question.")]
Records = Annotated[Path, typer.Argument(metavar="RECORDS", help="Folder of a load.")]
SpineFile = Annotated[
    Path | None,
    typer.Option("--spine", help="Parquet or CSV with nominal_id, as_of_date: these rows only."),
]
Purpose = Annotated[str, typer.Option(help="Why: it goes on the ledger.")]
Reason = Annotated[str, typer.Option("--reason", help="Why: it goes on the ledger.")]


def in_a_folder(option: typer.CallbackParam, file: Path | None) -> Path | None:
    """Return a file to be written, or refuse it where its folder is not there.

    The callback of every argument that names such a file: nothing is worked out, and no folder
    made somewhere by a slip of the pen, before that is known. A folder to be written is made.
    """
    from features.files import folder_stands

    if file is not None:
        folder_stands(file, field=option.opts[0].lstrip("-"))
    return file


def _port(number: int) -> int:
    """Return the number of a port, or refuse what is none."""
    if not 1 <= number <= 65535:
        raise UsageError(
            f"--port: {number} is no port of a machine",
            remedy="Give a number from 1 to 65535, for example --port 3000.",
            field="port",
        )
    return number


Port = Annotated[int, typer.Option(callback=_port, help="Port to listen on, 1 to 65535.")]


def answer(found: dict[str, Any], text: str, as_json: bool) -> None:
    """Print a command's result: text for people, one JSON object for programs."""
    typer.echo(json.dumps(found, default=str, ensure_ascii=False) if as_json else text)


@contextmanager
def progress(words: str, as_json: bool = False) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on standard error while something long runs; silent for programs and pipes."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=as_json or not console.is_terminal) as bar:
        task = bar.add_task(words, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def day(field: str, text: str) -> date:
    """Return a date given as YYYY-MM-DD."""
    try:
        return date.fromisoformat(text)
    except ValueError as wrong:
        raise UsageError(
            f"{field}: '{text}' is not a date", remedy="Write it as 2026-01-31.", field=field
        ) from wrong


def refuse(refused: PrecursorError) -> NoReturn:
    """Tell a refusal, for people or for programs, and end with its exit code."""
    if "--json" in sys.argv:
        typer.echo(json.dumps(refused.as_json(), ensure_ascii=False))
    else:
        typer.echo(f"Refused: {refused}", err=True)
    sys.exit(refused.exit_code)


def run(
    app: typer.Typer, more_precisely: Callable[[PrecursorError], PrecursorError] = lambda one: one
) -> None:
    """Run a command line; what is refused is told in one shape and sets the exit code.

    Parameters
    ----------
    app : Typer
    more_precisely : callable
        What a refusal becomes before it is told.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.umask(0o077)  # whatever is written here is about people: for this user alone
    try:
        for argument in sys.argv:
            argument.encode()
        app()
    except UnicodeEncodeError:
        refuse(UsageError("an argument is not UTF-8", remedy="Write it in UTF-8."))
    except PrecursorError as refused:
        refuse(more_precisely(refused))
    except OSError as failed:
        place = failed.filename or "the system"
        remedy = "See that the folder exists, that this user may use it, and that there is room."
        said = f"{place}: {failed.strerror or failed}"
        refuse(PrecursorError(said, remedy=remedy, code="system"))
    except Exception as failed:
        # told without MLflow's own words: they quote its address, which may hold a password
        if type(failed).__module__.partition(".")[0] != "mlflow":
            raise
        said = f"MLflow's store cannot be used ({type(failed).__name__})"
        remedy = "See that MLFLOW_TRACKING_URI names a store that answers, or unset it."
        refuse(PrecursorError(said, remedy=remedy, code="mlflow"))
