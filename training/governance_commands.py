"""Commands that write down what a model is, and hold what is published to account."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from features.console import Json, answer

app = typer.Typer()


@app.command()
def consistency(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a heading a column.")],
    one_threshold: Annotated[
        bool, typer.Option(help="Rates are at one threshold of the score whose AUC is told.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Find figures in a published table that cannot be true together, whatever was rounded off.

    Example: precursor consistency published.csv
    """
    from training.consistency_tables import REMEDY, check_rows, read_table

    rows = read_table(file)
    found = check_rows(rows, threshold=one_threshold)
    named = {fault.row for fault in found}
    text = f"{len(rows):,} rows: nothing in them is impossible; they may be wrong all the same."
    if found:
        text = "\n".join([f"{len(named)} of {len(rows)} rows cannot be true:", *map(str, found)])
        text += f"\n{REMEDY}"
    answer({"rows": len(rows), "faults": [vars(fault) for fault in found]}, text, as_json)
    if found:
        raise typer.Exit(1)
