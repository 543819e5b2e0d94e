"""The command that shows the feature register."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from features.console import Json, answer, in_a_folder

app = typer.Typer()


@app.command("features")
def show(
    register: Annotated[
        bool, typer.Option("--register", help="With reasons, purposes, biases and approvals.")
    ] = False,
    approvals: Annotated[
        Path | None, typer.Option(help="YAML of a force's approvals; HOME/approvals.yaml.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write the register: FILE.html, .md, .csv or .json.", callback=in_a_folder
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the groups of features that may be an input; --register tells all about each.

    Example: precursor features --register --out register.html
    """
    import json

    from features import approvals as book

    found = book.entries(book.read_approvals(approvals))
    if out is not None:
        book.write_register(found, out)
    lacking = book.missing(found)
    if register:
        text = "\n\n".join(
            "\n".join(f"{words}: {getattr(entry, key)}" for key, words in book.COLUMNS)
            for entry in found
        )
    else:
        width = max(len(entry.group) for entry in found)
        text = "\n".join(
            f"{e.kind:<8}{e.group:<{width}}  {e.columns:>3} columns  {e.words}" for e in found
        )
    if lacking:
        text += f"\n\n{book.NOT_YET.capitalize()}: {', '.join(lacking)}."
    answer(json.loads(book.as_json(found)), text, as_json)
