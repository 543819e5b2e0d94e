"""Commands that look at what was done: drift since a training, and what an intervention did."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from features.console import Json, QuestionName, Records, answer, day, progress

app = typer.Typer()


@app.command()
def drift(
    question: QuestionName,
    records: Records,
    version: Annotated[
        str, typer.Option(help="A number, 'champion' or 'challenger'.")
    ] = "champion",
    since: Annotated[
        str | None, typer.Option("--from", help="First as-of date; by default after the training.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="Last as-of date; by default the records' end.")
    ] = None,
    events: Annotated[Path | None, typer.Option(help="YAML of a force's own dated events.")] = None,
    as_json: Json = False,
) -> None:
    """Hold a later period against a model's training: stable, watch, review or retrain.

    Example: precursor drift domestic_abuse_high_harm .precursor/records/demo
    """
    from features.attributes import attributes
    from features.history import History
    from features.loads import open_load
    from models import registry
    from training.drift import monitor
    from training.drift_words import in_words
    from training.period import as_of_dates, period_rows, read_events
    from training.questions import question as find

    asked, dated = find(question), read_events(events)
    first = None if since is None else day("--from", since)
    last = None if until is None else day("--to", until)
    model, number = registry.fetch(asked.name, version)
    history = History(open_load(records), harm=model.question.harm)
    at = as_of_dates(model, history, first, last or history.load.default_as_of)
    with progress("compiling histories", as_json) as tell:
        rows = period_rows(model, history, at, tell)
    found = monitor(model, rows, attributes(history.load, rows), dated)
    answer(
        found.to_data() | {"question": asked.name, "version": number},
        f"Version {number} of {asked.name}. {in_words(found)}",
        as_json,
    )


@app.command("evaluate-intervention")
def evaluate_intervention(
    study: Annotated[
        str, typer.Argument(metavar="STUDY", help="Name of a study, or its YAML file.")
    ],
    records: Records,
    as_json: Json = False,
) -> None:
    """Estimate what a programme or an order did to what is recorded afterwards.

    Example: precursor evaluate-intervention domestic_abuse_programme .precursor/records/demo
    """
    from features.history import History
    from features.loads import open_load
    from training.effects import evaluate
    from training.effects_words import in_words
    from training.study import study as find
    from training.trial import trial

    asked, load = find(study), open_load(records)
    with progress("compiling histories", as_json) as tell:
        rows = trial(History(load), asked, tell)
    found = evaluate(asked, rows, synthetic=load.synthetic)
    answer(found.to_data(), in_words(found), as_json)
