"""Commands for duplicate person records: propose pairs, for people to decide on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from features.console import Json, Records, answer, in_a_folder

app = typer.Typer()
link = typer.Typer(
    no_args_is_help=True, help="Duplicate person records: pairs to decide on, decisions to apply."
)
app.add_typer(link, name="link")


@link.command()
def propose(
    records: Records,
    identities: Annotated[
        Path, typer.Argument(metavar="IDENTITIES", help="CSV or Parquet: names, dates of birth.")
    ],
    out: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="CSV to write; must not exist.", callback=in_a_folder),
    ],
    at_least: Annotated[
        float, typer.Option(min=0, max=1, help="Propose pairs at least this probable.")
    ] = 0.5,
    most: Annotated[int, typer.Option(min=1, help="Pairs to propose at most.")] = 10_000,
    decided: Annotated[
        Path | None, typer.Option(help="Decisions taken earlier: not proposed again.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same proposal.")] = 1,
    as_json: Json = False,
) -> None:
    """Propose pairs of person records that may be one person, with the evidence, to be decided.

    Example: precursor link propose .precursor/records/2026-01 identities.csv pairs.csv
    """
    from features.linking import propose as make

    made = make(records, identities, out, at_least=at_least, most=most, decided=decided, seed=seed)
    found = {"pairs": made.pairs, "left_out": made.left_out, "compared": list(made.columns)}
    text = (
        f"{made.pairs:,} pairs are in {out}, compared by {', '.join(made.columns)}"
        f" ({made.left_out:,} more left out). Fill in decision (same, different, unsure), reviewer"
        " and decided_on; it holds names, so keep it as you keep identities."
    )
    answer(found | {"file": str(out)}, text, as_json)
