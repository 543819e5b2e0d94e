"""Commands by which a force accounts for its models and for what it keeps about people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from features.console import Json, Purpose, QuestionName, Reason, Records, answer, in_a_folder
from features.errors import NotFound
from features.home import home
from serving.command_ledger import asking, ledger, record

app = typer.Typer()


@app.command()
def retire(
    question: QuestionName,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A number or an alias.")],
    reason: Reason,
    as_json: Json = False,
) -> None:
    """Stop a model for good: on the ledger first; it is never in force again.

    Example: precursor retire domestic_abuse_high_harm 1 --reason "replaced by version 2"
    """
    from dataclasses import asdict

    from features.turns import changing
    from models import registry
    from serving.permissions import operator
    from serving.retirement import in_words
    from serving.retirement import retire as stop_for_good

    number = registry.find(question, version).number
    with changing(question), ledger() as book:
        found = registry.find(question, number)  # with the aliases that it has now
        done = stop_for_good(
            book,
            question,
            number,
            found.sha256,
            who=operator(),
            reason=reason,
            stop=lambda: registry.withdraw(question, found.aliases, version=number),
        )
    text = in_words([done])
    if done.was_in_force:
        text += f"\n{question} scores nobody until another model is promoted."
    answer(asdict(done), text, as_json)


@app.command()
def retired(
    out: Annotated[
        Path | None,
        typer.Option(help="Write the register: FILE.html, .csv or .json.", callback=in_a_folder),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the register of retired models: why, by whom, and what became of their scores.

    Example: precursor retired --out retired.html
    """
    import json

    from serving.retirement import as_json as as_data
    from serving.retirement import in_words, register, write_register

    with ledger(make=False) as book:
        found = register(book)
    if out is not None:
        write_register(found, out)
    answer(json.loads(as_data(found)), in_words(found), as_json)


@app.command()
def decisions(
    question: QuestionName,
    records: Records,
    purpose: Purpose = "review of decisions",
    as_json: Json = False,
) -> None:
    """Show decisions beside what followed, by subgroup, for reviewers; nobody is named.

    Example: precursor decisions domestic_abuse_high_harm .precursor/records/2027-01
    """
    from features.history import History
    from features.loads import open_load
    from serving.decisions import told
    from serving.outcomes import reviewed
    from serving.permissions import operator
    from serving.stock import Stock

    load = open_load(records)
    with ledger(make=False) as book:
        asked = Stock(book).champion(question)[0].question
        history = History(load, harm=asked.harm)
        taken = told(book, asked.name)
        found = reviewed(book, asked, history, taken, operator(), purpose=purpose)
    lines = [f"{found['decisions']:,} decisions; a decision changes what follows it."]
    for cell in found["groups"]:
        place = f"  {cell['attribute']} {cell['group']}, {cell['decision']}: "
        if cell["suppressed"]:
            lines.append(place + "too few to show")
        elif not cell["mature"]:
            lines.append(place + f"{cell['decisions']}, none mature")
        else:
            lines.append(
                place + f"{cell['decisions']}, of {cell['mature']} mature ones"
                f" {cell['followed']:.0%} followed ({cell['low']:.0%} to {cell['high']:.0%})"
            )
    answer(found, "\n".join(lines), as_json)


@app.command("export-subject")
def export_subject(
    nominal: Annotated[str, typer.Argument(metavar="NOMINAL", help="Id of the person.")],
    out: Annotated[Path, typer.Option("--out", help="A new folder: held.html and held.json.")],
    reason: Reason,
    also: Annotated[
        list[Path] | None, typer.Option(help="A load or table outside the state folder.")
    ] = None,
    staff: Annotated[
        bool, typer.Option("--staff", help="Name who used the product, not their role alone.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Gather all that is held about a person, records to ledger, others struck out.

    Example: precursor export-subject N000123 --out held --reason "subject access request 12"
    """
    from serving.permissions import operator
    from serving.subject_access import export, gather, in_words

    with asking(make=bool(also) or home().is_dir()) as book:  # records may be all there is
        held = gather(nominal, ledger=book, also=also or (), staff=staff)
        written = export(held, out, ledger=book, who=operator(), purpose=reason)
    files = [str(file) for file in written]
    found = {"nominal_id": nominal, "lines": held.counts, "written": files}
    answer(found, f"{in_words(held)}\nWritten: {', '.join(files)}", as_json)


@app.command()
def retention(
    records: Records,
    as_of: Annotated[str | None, typer.Option(help="Date; the day after the records end.")] = None,
    schedule: Annotated[
        Path | None, typer.Option(help="YAML of a force's own periods by group.")
    ] = None,
    reviews: Annotated[
        Path | None, typer.Option(help="CSV of reviews made: who, when, keep or dispose, why.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="CSV of those due, each with group and reason.", callback=in_a_folder
        ),
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Not only those due.")] = False,
    purpose: Purpose = "review of retention",
    as_json: Json = False,
) -> None:
    """Tell whose records are due for review, by MoPI group; nothing is deleted by itself.

    Example: precursor retention .precursor/records/demo --as-of 2026-01-01 --out due.csv
    """
    from features.console import day
    from features.loads import open_load
    from features.retention import LATER, due_for_review, in_words, read_reviews, read_schedule
    from features.turns import Turns
    from serving.permissions import operator
    from serving.retention import ages, ages_in_words, write

    load = open_load(records)
    turns = Turns(load)  # a whole force takes a while, and no erasure has to wait for it
    at = load.default_as_of if as_of is None else day("--as-of", as_of)
    known = read_reviews(reviews, at)
    found = due_for_review(load, at, schedule=read_schedule(schedule), reviews=known)
    with turns.turn(), ledger() as book:
        old = ages(book)
        text = f"{in_words(found, at)}\n{ages_in_words(old)}"
        counts = found.groupby(["group", "state"]).size().rename("people").reset_index()
        said: dict[str, Any] = {
            "as_of": at.isoformat(),
            "people": len(found),
            "groups": counts.to_dict("records"),
            "ledger": old,
        }
        if out is not None:
            listed = found if everybody else found[found["state"] != LATER]
            entry = write(book, listed, out, who=operator(), purpose=purpose, load=load)
            said |= {"out": str(out), "listed": len(listed), "entry": entry}
            text += f"\n{len(listed):,} people are listed in {out}."
    answer(said, text, as_json)


@app.command("review-sample")
def review_sample(
    question: QuestionName,
    out: Annotated[
        Path,
        typer.Option("--out", help="CSV of those drawn, to be filled in.", callback=in_a_folder),
    ],
    reason: Reason,
    people: Annotated[int, typer.Option(min=2, help="How many, half on either side.")] = 20,
    as_json: Json = False,
) -> None:
    """Draw people near the line of the list by lot, to be reviewed without their score.

    Example: precursor review-sample domestic_abuse_high_harm --out sample.csv --reason "quarterly"
    """
    from serving.permissions import operator
    from serving.review_sample import draw

    with asking() as book:
        found = draw(book, question, people, out, who=operator(), purpose=reason)
    text = (
        f"{found['drawn']} people near the line of list {found['run_id']} are in {out}, drawn by"
        f" lot from {found['of']['listed']:,} above it and {found['of']['unlisted']:,} below"
        f" (entry {found['entry']}). The file does not say who stands where."
    )
    answer(found, text, as_json)


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


def suspend_version(question: str, version: int, reason: str) -> str:
    """Suspend a question if that version is in force; say what was done."""
    try:
        in_force = _suspended(question, reason, only=version)
    except NotFound:
        return f"Nothing is suspended: {question} has no model in force."
    if in_force != version:
        return f"Nothing is suspended: version {version} is not in force."
    return f"Version {version} of {question} is suspended, and on the ledger."


def _suspended(question: str, reason: str, only: int | None = None) -> int:
    """Suspend a question, on the ledger first; return the version that was in force.

    The ledger says which that is: files that name another, or are gone, stop nobody. With ``only``,
    any other version stays in force.
    """
    from mlflow.exceptions import MlflowException

    from features.turns import changing
    from models import registry
    from serving.ledger import Action
    from serving.stock import require_in_force

    with ledger(make=False) as book:
        require_in_force(book, question)  # of what is not there nothing is made
        with changing(question):
            version = require_in_force(book, question).version
            if only not in (None, version):
                return version
            record(book, Action.SUSPENSION, reason, question, {"version": version})
            try:
                registry.withdraw(question, [registry.CHAMPION])
            except MlflowException as failed:  # it is out of force; the alias counts for nobody
                said = f"MLflow's store cannot be used ({type(failed).__name__})"
                typer.echo(f"{said}: it still calls version {version} champion.", err=True)
    return version
