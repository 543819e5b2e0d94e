"""Commands by which a force accounts for its models and for what it keeps about people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from features.console import Json, Purpose, QuestionName, Reason, Records, answer
from serving.commands import ledger

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

    from models import published, registry
    from serving.permissions import operator
    from serving.retirement import in_words
    from serving.retirement import retire as stop_for_good

    found = registry.find(question, version)

    def stop() -> None:
        if registry.CHAMPION in found.aliases:
            published.withdraw(question)
        for alias in found.aliases:
            registry.remove_alias(question, alias)

    with ledger() as book:
        done = stop_for_good(
            book, question, found.number, found.sha256, who=operator(), reason=reason, stop=stop
        )
    text = in_words([done])
    if done.was_in_force:
        text += f"\n{question} scores nobody until another model is promoted."
    answer(asdict(done), text, as_json)


@app.command()
def retired(
    out: Annotated[
        Path | None, typer.Option(help="Write the register: FILE.html, .csv or .json.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the register of retired models: why, by whom, and what became of their scores.

    Example: precursor retired --out retired.html
    """
    import json

    from serving.retirement import as_json as as_data
    from serving.retirement import in_words, register, write_register

    with ledger() as book:
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
    from serving.access import operator
    from serving.outcomes import reviewed
    from serving.stock import Stock

    load = open_load(records)
    with ledger() as book:
        asked = Stock(book).champion(question)[0].question
        history = History(load, harm=asked.harm)
        found = reviewed(book, asked, history, operator(), purpose=purpose)
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
