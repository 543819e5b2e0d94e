"""Commands for duplicate person records: propose pairs, and apply what people decided."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.console import Json, Records, answer, in_a_folder

if TYPE_CHECKING:
    from features.merges import Applied

app = typer.Typer()
link = typer.Typer(
    no_args_is_help=True, help="Duplicate person records: pairs to decide on, decisions to apply."
)
app.add_typer(link, name="link")

RECORD: list[Callable[[Applied, Path], None]] = []
"""What the door adds: it puts applied decisions on record, or refuses, before they are answered."""


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


@link.command()
def apply(
    records: Records,
    decisions: Annotated[
        Path, typer.Argument(metavar="DECISIONS", help="CSV of pairs with decisions filled in.")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write; must not exist.")],
    as_json: Json = False,
) -> None:
    """Write a new load in which what people decided to be one person is one, from that day on.

    Example: precursor link apply .precursor/records/2026-01 decisions.csv .precursor/records/linked
    """
    from features.merges import apply_decisions

    made = apply_decisions(records, decisions, out)
    try:
        for record in RECORD:
            record(made, decisions)
    except BaseException:  # what is not recorded has not happened
        shutil.rmtree(made.load.path)
        raise
    found = {
        "records": str(made.load.path),
        "decisions": made.decisions,
        "later": made.later,
        "merged": made.merged,
    }
    text = (
        f"{made.decisions:,} decisions are applied: {made.merged:,} person records end as another"
        f" one, in {made.load.path}. {made.later:,} decisions lie after {made.load.data_to} and"
        f" wait for a later load. 'precursor check {made.load.path}' lists who was merged."
    )
    answer(found, text, as_json)
