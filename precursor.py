"""The door: one command line for analysts, data scientists and reviewers.

Commands live on the floor they belong to; here are those that need several floors, and the one way
in which all of them end. What a command needs is imported when it runs, so that `precursor --help`
answers at once. Exit codes: 0 done, 1 refused, 2 wrong usage; 3 to 5 where a watch found something.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

import benchmarks.commands
import benchmarks.serving_commands
import benchmarks.training_commands
import features.commands
import features.linking_commands
import features.register_commands
import serving.access_commands
import serving.governance_commands
import serving.stage_commands
import training.audit_commands
import training.commands
import training.governance_commands
from features.console import Json, Port, QuestionName, Reason, Records, answer, progress
from features.errors import Conflict, NotFound, PrecursorError, UsageError
from serving import command_ledger
from serving import commands as desk

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
    training.audit_commands,
    training.governance_commands,
    desk,
    serving.access_commands,
    serving.governance_commands,
    serving.stage_commands,
):
    app.add_typer(floor.app)


features.linking_commands.RECORD.append(desk.linked)
training.governance_commands.RECORD.append(desk.ranged)


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
def suspend(question: QuestionName, reason: Reason, as_json: Json = False) -> None:
    """Take a question's model out of force until one is promoted again; nobody is scored.

    Example: precursor suspend domestic_abuse_high_harm --reason "calibration lost"
    """
    version = _suspended(question, reason)
    found = {"question": question, "version": version}
    text = f"{question} scores nobody; version {version} is out of force."
    text += f" Back: precursor promote {question} {version} --reason TEXT."
    answer(found, text, as_json)


def _suspended(question: str, reason: str) -> int:
    """Suspend a question, on the ledger first; return the version that was in force."""
    from features.turns import changing
    from models import champions, registry
    from serving.ledger import Action

    champions.pointer(question)  # of what is not there nothing is made
    with changing(question), command_ledger.ledger() as book:
        version = int(champions.pointer(question)["version"])
        command_ledger.record(book, Action.SUSPENSION, reason, question, {"version": version})
        registry.withdraw(question, [registry.CHAMPION])
    return version


def act(question: str, version: int, level: str) -> str:
    """Suspend a question where its drift calls for it; say what was done."""
    from models import champions
    from training.limits import LEVELS

    if level != LEVELS[-1]:
        return f"Nothing is suspended: the level is {level}."
    if question not in champions.questions():
        return f"Nothing is suspended: {question} has no model in force."
    if int(champions.pointer(question)["version"]) != version:
        return f"Nothing is suspended: version {version} is not in force."
    _suspended(question, f"drift of version {version}: {level}")
    return f"Version {version} of {question} is suspended, and on the ledger."


training.audit_commands.ACT.append(act)


def why_not_in_force(question: str) -> PrecursorError | None:
    """Tell a question that there is not from one that was not trained, or not promoted."""
    from mlflow.exceptions import MlflowException

    from models import registry
    from training.questions import names

    try:
        registry.find(question, registry.CHAMPION)
    except NotFound as missing:
        if missing.code == "no_model" and question not in names():
            return NotFound(
                f"there is no question '{question}'",
                remedy=f"Questions are: {', '.join(names())}; one of your own goes by the name that"
                " its YAML says.",
                field="question",
                code="unknown_question",
            )
        return missing
    except MlflowException:  # out of reach: what the ledger says stands without it
        return None
    return None


command_ledger.WHY_NOT_IN_FORCE.append(why_not_in_force)


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
    from features.attributes import attributes
    from features.check import check as examine
    from features.history import History
    from features.home import home
    from features.loads import open_load
    from features.matrix import build
    from features.synthetic import synthesise as make
    from serving.access import Access
    from serving.runs import published
    from serving.server import SIGN_IN
    from serving.text import list_in_words
    from training import experiment, sanctions
    from training.leakage import prove
    from training.questions import question

    asked = question("domestic_abuse_high_harm")
    size = (nominals, years, seed)
    records = home() / "records" / "-".join(("demo", *map(str, size if size != DEMO else ())))
    step = _steps(6)
    step("a made-up force" if not records.exists() else f"using {records}")
    if not records.exists():
        with progress("simulating") as tell:
            make(records, nominals=nominals, years=years, seed=seed, progress=tell)
    step("checking the records")
    report = examine(records)
    typer.echo(features.commands.in_words(report, 3))
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
    step("promoting, scoring, publishing")
    try:
        promote(asked.name, "challenger", reason="demonstration")
    except Conflict as refused:  # a very small force can make a model that beats nothing
        typer.echo(f"Refused: {refused}")
        promote(asked.name, "challenger", reason="demonstration, although refused", force=True)
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
    """Run the command line; what is refused is told in one shape and sets the exit code."""
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
        refuse(refused)
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


def refuse(refused: PrecursorError) -> NoReturn:
    """Tell a refusal, for people or for programs, and end with its exit code."""
    if "--json" in sys.argv:
        typer.echo(json.dumps(refused.as_json(), ensure_ascii=False))
    else:
        typer.echo(f"Refused: {refused}", err=True)
    sys.exit(refused.exit_code)


if __name__ == "__main__":
    main()
