"""The first half of the demonstration: a made-up force, its histories, a model trained on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import typer

from features.attributes import attributes
from features.check import check
from features.commands import in_words
from features.console import progress
from features.history import History
from features.loads import open_load
from features.matrix import build
from features.question import Question
from features.synthetic import synthesise
from training import experiment, sanctions
from training.leakage import prove


def trained(
    asked: Question,
    records: Path,
    *,
    nominals: int,
    years: int,
    seed: int,
    step: Callable[[str], None],
) -> History:
    """Train a challenger on a made-up force, telling each step; return the force's history.

    Parameters
    ----------
    asked : Question
    records : Path
        Folder of the force's load; it is made where it is not there.
    nominals, years, seed : int
        Size and seed of the force that is made.
    step : callable
        Called with the words of each step as it begins.

    Raises
    ------
    typer.Exit
        With 1, where the records that lie there are not good; what is wrong was told.
    """
    step("a made-up force" if not records.exists() else f"using {records}")
    if not records.exists():
        with progress("simulating") as tell:
            synthesise(records, nominals=nominals, years=years, seed=seed, progress=tell)
    step("checking the records")
    report = check(records)
    typer.echo(in_words(report, 3))
    if not report.ok:
        raise typer.Exit(1)
    step("histories as known on each date")
    history = History(open_load(records), harm=asked.harm)
    with progress("compiling histories") as tell:
        rows = build(history, asked, progress=tell)
    step("training beside the baselines")
    result = experiment.train(
        asked,
        rows,
        protected=attributes(history.load, rows.frame),
        beside=sanctions.beside(history, rows.frame),
        proof=prove(history.load, rows, harm=asked.harm),
        progress=lambda line: typer.echo(f"  {line}"),
    )
    typer.echo(result.text)
    return history
