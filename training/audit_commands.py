"""Commands that look at what was done: drift since a training, and what an intervention did."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from features.console import Json, QuestionName, Records, answer, day, progress

app = typer.Typer()

ACT: list[Callable[[str, int, str], str]] = []
"""What `--act` does with question, version and level; each says in words what it did."""


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
    limits: Annotated[Path | None, typer.Option(help="YAML of a force's own limits.")] = None,
    act: Annotated[
        bool, typer.Option("--act", help="Suspend the question where that level is reached.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Hold a later period against a model's training: stable, watch, review, retrain or suspend.

    It ends with 0 for stable and watch, 3 for review, 4 for retrain, 5 for suspend.

    Example: precursor drift domestic_abuse_high_harm .precursor/records/demo
    """
    from features.attributes import attributes
    from features.history import History
    from features.loads import open_load
    from models import registry
    from training.drift import monitor
    from training.drift_history import keep
    from training.drift_words import in_words
    from training.events import read_events
    from training.limits import EXIT_CODES, read_limits
    from training.period import as_of_dates, period_rows
    from training.questions import question as find

    asked, dated, own = find(question), read_events(events), read_limits(limits)
    first = None if since is None else day("--from", since)
    last = None if until is None else day("--to", until)
    model, number = registry.fetch(asked.name, version)
    history = History(open_load(records), harm=model.question.harm)
    at = as_of_dates(model, history, first, last or history.load.default_as_of)
    with progress("compiling histories", as_json) as tell:
        rows = period_rows(model, history, at, tell)
    found = monitor(model, rows, attributes(history.load, rows), dated, own)
    text = f"Version {number} of {asked.name}. {in_words(found)}"
    done = [tell(asked.name, number, found.level) for tell in ACT] if act else []
    about = {"version": number, "load": history.load.fingerprint, "done": list(filter(None, done))}
    keep(asked.name, found, about)
    answer(found.to_data() | {"question": asked.name, **about}, "\n".join([text, *done]), as_json)
    if EXIT_CODES[found.level]:
        raise typer.Exit(EXIT_CODES[found.level])


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
    from features.dashboards import evaluations
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
    said = in_words(found)
    # the pages show what is kept; they fit nothing themselves
    evaluations.keep(found.to_data(), said, load)
    answer(found.to_data(), said, as_json)
