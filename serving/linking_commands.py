"""The command that applies what people decided about duplicate person records, on the ledger."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from features.console import Json, Records, answer
from features.linking_commands import app, link
from serving.command_ledger import ledger

__all__ = ["app"]
"""The commands about duplicates: one group, to which this floor adds what asks the ledger."""


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
    from features.files import sha256
    from features.merges import apply_decisions
    from serving.linking import record_linking
    from serving.permissions import operator

    made, who = apply_decisions(records, decisions, out), operator()
    given = {"actor": who.actor, "role": who.role, "purpose": "decisions about duplicates"}
    try:
        with made.turns.turn(), ledger() as book:
            record_linking(book, made, sha256(decisions), **given)
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
