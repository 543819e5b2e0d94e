"""The command that moves a question between shadow, pilot and live."""

from __future__ import annotations

from typing import Annotated

import typer

from features.console import Json, QuestionName, answer, day
from features.errors import UsageError
from serving.commands import ledger

app = typer.Typer()


@app.command()
def stage(
    question: QuestionName,
    to: Annotated[
        str | None, typer.Argument(metavar="[STAGE]", help="shadow, pilot or live.")
    ] = None,
    decided_by: Annotated[str, typer.Option("--by", help="The role or panel that decided.")] = "",
    until: Annotated[
        str | None, typer.Option(help="Last day; from the next one on nobody is scored.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why: it goes on the ledger.")] = "",
    as_json: Json = False,
) -> None:
    """Show at which stage a question is, or move it: one step up at a time, and for a time.

    Example: precursor stage domestic_abuse_high_harm
    """
    from features.loads import open_load
    from serving import stages
    from serving.expiry import today_of
    from serving.kept import serving_from
    from serving.permissions import operator
    from serving.stock import Stock

    with ledger() as book:
        model, version = Stock(book).champion(question)
        asked = model.question
        if to is not None:
            if until is None or not reason.strip():
                raise UsageError(
                    "a stage is decided for a time and a reason",
                    remedy="Give --until DATE and --reason TEXT.",
                    field="until" if until is None else "reason",
                )
            at = open_load(serving_from(question)["path"])
            stages.move(
                book,
                asked,
                to,
                decided_by=decided_by,
                until=day("--until", until),
                today=today_of(asked, at),
                who=operator(),
                reason=reason,
            )
        now = stages.standing(book, asked)
    ends = "without an end" if now.until is None else f"until {now.until}"
    by = f", decided by {now.decided_by}" if now.decided_by else ", as its file says"
    found = {"question": question, "version": version, "stage": now.stage}
    found |= {"until": now.until, "decided_by": now.decided_by or None}
    answer(found, f"{question} (version {version}) is at stage {now.stage} {ends}{by}.", as_json)
