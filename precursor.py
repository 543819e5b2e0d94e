"""The door: one command line for analysts, data scientists and reviewers.

Commands live on the floor they belong to; here are those that need several floors, and the one way
in which all of them end. What a command needs is imported when it runs, so that `precursor --help`
answers at once. Exit codes: 0 done, 1 refused, 2 wrong usage; 3 to 5 where a watch found something.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

import benchmarks.commands
import benchmarks.serving_commands
import benchmarks.training_commands
import features.commands
import features.linking_commands
import features.register_commands
import serving.access_commands
import serving.governance_commands
import serving.linking_commands
import serving.stage_commands
import training.commands
import training.governance_commands
from features.console import (
    Json,
    Port,
    QuestionName,
    Reason,
    Records,
    answer,
    day,
    progress,
    run,
)
from features.errors import Conflict, PrecursorError
from serving import command_ledger
from serving import commands as desk
from serving.governance_commands import suspend_version

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Escalation-risk scoring for Integrated Offender Management. It advises; people decide.",
)
for floor in (
    features.commands,
    features.linking_commands,
    features.register_commands,
    training.commands,
    training.governance_commands,
    desk,
    serving.access_commands,
    serving.governance_commands,
    serving.stage_commands,
):
    app.add_typer(floor.app)


@app.command()
def promote(
    question: QuestionName,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A number or 'challenger'.")],
    reason: Reason,
    force: Annotated[bool, typer.Option(help="Promote although the gate refuses.")] = False,
    as_json: Json = False,
) -> None:
    """Put a model in force: the gate, then the ledger, then the registry's alias.

    Example: precursor promote domestic_abuse_high_harm challenger --reason "first model"
    """
    from features.turns import changing
    from models import registry
    from serving.ledger import Action
    from serving.retirement import require_not_retired
    from training import promotion

    number = registry.find(question, version).number
    with changing(question), command_ledger.ledger() as book:
        require_not_retired(book, question, number)  # before the gate, which takes a while

        def record(verdict: promotion.Verdict) -> None:
            body = verdict.to_data() | {"forced": force}
            if verdict.refuses and not force:
                command_ledger.record(book, Action.REFUSAL, reason, question, body)
            else:
                command_ledger.record_in_force(book, Action.PROMOTION, reason, question, body)

        verdict = promotion.promote(question, number, force=force, record=record)
    lines = [f"  {'passed' if c.passed else 'FAILED'}  {c.name}: {c.found}" for c in verdict.checks]
    text = f"Version {verdict.version} of {question} is in force.\nThe gate:\n" + "\n".join(lines)
    answer(verdict.to_data(), text, as_json)


@app.command()
def rollback(question: QuestionName, reason: Reason, as_json: Json = False) -> None:
    """Put the previous champion back in force.

    Example: precursor rollback domestic_abuse_high_harm --reason "drift seen in May"
    """
    from features.turns import changing
    from models import registry
    from serving.ledger import Action
    from training import promotion

    registry.find(question, registry.CHAMPION)  # of what is not there nothing is made
    with changing(question), command_ledger.ledger() as book:

        def record(body: dict[str, Any]) -> None:
            command_ledger.record_in_force(book, Action.ROLLBACK, reason, question, body)

        now, before = promotion.rollback(question, record=record)
    found = {"question": question, "version": now, "before": before}
    answer(found, f"Version {now} of {question} is in force again, after {before}.", as_json)


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
    from training.limits import EXIT_CODES, LEVELS, read_limits
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
    done = []
    if act and found.level == LEVELS[-1]:
        done = [suspend_version(asked.name, number, f"drift of version {number}: {found.level}")]
    elif act:
        done = [f"Nothing is suspended: the level is {found.level}."]
    about = {"version": number, "load": history.load.fingerprint, "done": done}
    keep(asked.name, found, about)
    text = "\n".join([f"Version {number} of {asked.name}. {in_words(found)}", *done])
    answer(found.to_data() | {"question": asked.name, **about}, text, as_json)
    if EXIT_CODES[found.level]:
        raise typer.Exit(EXIT_CODES[found.level])


@app.command()
def sensitivity(
    question: QuestionName,
    records: Records,
    as_of: Annotated[str | None, typer.Option(help="Date; the day after the records end.")] = None,
    version: Annotated[
        str, typer.Option(help="A number, 'champion' or 'challenger'.")
    ] = "champion",
    seeds: Annotated[int, typer.Option(min=0, max=50, help="Other seeds of the trees.")] = 5,
    as_json: Json = False,
) -> None:
    """Tell how far each person's rank depends on choices: harm weights, decay, counting, seeds.

    Example: precursor sensitivity domestic_abuse_high_harm .precursor/records/demo --seeds 3
    """
    from features.history import History
    from features.loads import open_load
    from models import registry
    from serving.rank_ranges import ranged
    from training import rank_range

    load = open_load(records)
    put = ranged(load)  # now: whoever is erased from here on is in no range that is kept
    at = load.default_as_of if as_of is None else day("--as-of", as_of)
    model, number = registry.fetch(question, version)
    history = History(load, harm=model.question.harm)
    found = rank_range.rank_ranges(
        model, number, history, at, seeds=seeds, progress=lambda line: typer.echo(line, err=True)
    )
    with put(question, number, found.table):
        kept = str(rank_range.keep(found))
    answer(found.to_data() | {"kept": kept}, f"{rank_range.in_words(found)}\nKept: {kept}", as_json)


@app.command()
def shadow(question: QuestionName, records: Records, as_json: Json = False) -> None:
    """Hold the scores that a question gave in shadow against RFG, where what followed is known.

    Example: precursor shadow domestic_abuse_high_harm .precursor/records/2027-01
    """
    from features import kept_reports
    from features.history import History
    from features.loads import open_load
    from serving.stage import SHADOW
    from serving.stages import given_at
    from serving.stock import Stock
    from training.shadow import compare, told

    load = open_load(records)
    with command_ledger.ledger(make=False) as book:
        model, version = Stock(book).champion(question)
    found = compare(model, History(load, harm=model.question.harm), given_at(question, SHADOW))
    said = found.to_data() | {"version": version, "load": load.fingerprint}
    words = told(found)
    kept_reports.keep(kept_reports.SHADOW, question, said, words)
    answer(said | {"question": question}, words.text(), as_json)


@app.command()
def watch(
    question: QuestionName,
    records: Records,
    reviewed: Annotated[
        list[Path] | None,
        typer.Option(help="A filled-in file of `precursor review-sample`; may be repeated."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell whether listed people are recorded more often than people like them beyond the line.

    It ends with 0 where nothing was found and with 3 where something was, or cannot be told apart.
    With --reviewed it also tells whether those who reviewed people blind tell the two sides apart.

    Example: precursor watch domestic_abuse_high_harm .precursor/records/2027-01
    """
    from features import kept_reports
    from features.loads import open_load
    from serving.review_sample import given_lists, returned
    from serving.stock import Stock
    from training import feedback, reviews

    load = open_load(records)
    with command_ledger.ledger(make=False) as book:
        model, version = Stock(book).champion(question)
        blind = reviews.reviews(returned(book, question, reviewed)) if reviewed else None
    lists = given_lists(question)
    found = feedback.watch(load, lists, model.question.capacity)
    said = found.to_data() | {"version": version, "load": load.fingerprint}
    words = feedback.told(found)
    if blind is not None:
        said["reviews"] = blind.to_data()
        words = reviews.beside(words, blind)
    kept_reports.keep(kept_reports.FEEDBACK, question, said, words)
    answer(said | {"question": question}, words.text(), as_json)
    if found.verdict in (feedback.FOUND, feedback.UNLIKE):
        raise typer.Exit(3)


DEMO = (20_000, 6, 1)
"""People, years and seed of the made-up force that ``records/demo`` holds."""


@app.command()
def demo(
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Stop after the list.")] = False,
    nominals: Annotated[int, typer.Option(min=200, help="Size of the made-up force.")] = DEMO[0],
    years: Annotated[int, typer.Option(min=4, max=20)] = DEMO[1],
    seed: Annotated[int, typer.Option(min=0)] = DEMO[2],
    port: Port = 3000,
) -> None:
    """Show the main job on a made-up force: records, model, list with reasons, pages and API.

    Example: precursor demo --no-serve
    """
    from features.home import home
    from serving.access import Access
    from serving.runs import published
    from serving.server import SIGN_IN
    from serving.text import list_in_words
    from training.demonstration import trained
    from training.questions import question

    asked = question("domestic_abuse_high_harm")
    size = (nominals, years, seed)
    records = home() / "records" / "-".join(("demo", *map(str, size if size != DEMO else ())))
    step = _steps(6)
    history = trained(asked, records, nominals=nominals, years=years, seed=seed, step=step)
    step("promoting, scoring, publishing")
    try:
        promote(asked.name, "challenger", reason="demonstration")
    except Conflict as refused:  # a very small force can make a model that beats nothing
        typer.echo(f"Refused: {refused}")
        promote(asked.name, "challenger", reason="demonstration, although refused", force=True)
    typer.echo("An earlier list first, so that the second shows what changed since.")
    month = timedelta(days=28)
    for at in (history.load.default_as_of - month, history.load.default_as_of):
        with command_ledger.ledger() as book, progress("scoring") as tell:
            out = home() / f"{asked.name}.parquet"
            desk.scored(book, asked.name, history.load, out, history=history, as_of=at, tell=tell)
        desk.publish(asked.name, purpose="demonstration")
    step("the list")
    typer.echo(list_in_words(published(asked.name), most=10))
    if no_serve:
        typer.echo(f"Pages and API: precursor serve\n{SIGN_IN}")
        return
    with command_ledger.ledger() as book:
        access = Access(book)
        for role in ("analyst", "data_scientist", "reviewer"):
            link = access.issue_link(f"demo {role}", role, purpose="demonstration")
            typer.echo(f"Sign in as {role} (once, within 15 minutes):")
            typer.echo(f"  http://127.0.0.1:{port}/sign-in?link={link}")
    desk.serve("127.0.0.1", port)


bench = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(bench, name="bench", help="Measure how fast this is, beside a peer.")
bench.add_typer(benchmarks.commands.app)
bench.add_typer(benchmarks.serving_commands.app)
bench.add_typer(benchmarks.training_commands.app)


def _steps(total: int) -> Callable[[str], None]:
    """Return a function that announces each step of a longer job with its number."""
    numbers = iter(range(1, total + 1))
    return lambda words: typer.echo(f"\n[{next(numbers)}/{total}] {words}")


def main() -> None:
    """Run the command line."""
    run(app, _more_precisely)


def _more_precisely(refused: PrecursorError) -> PrecursorError:
    """Tell a question that there is not from one without a model: serving does not know of it."""
    if refused.code != "question_not_in_force":
        return refused
    from serving.stock import QuestionNotInForce
    from training.promotion import why_not_in_force

    assert isinstance(refused, QuestionNotInForce)
    return why_not_in_force(refused.question) or refused


if __name__ == "__main__":
    main()
