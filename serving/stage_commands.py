"""The command that moves a question between shadow, pilot and live."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from features.console import Json, QuestionName, answer, day
from features.errors import UsageError
from serving.command_ledger import ledger

if TYPE_CHECKING:
    from models.risk_model import RiskModel

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
    from serving import stages
    from serving.permissions import operator
    from serving.stock import Stock

    with ledger(make=False) as book:
        model, version = Stock(book).champion(question)
        asked = model.question
        if to is not None:
            if until is None or not reason.strip():
                raise UsageError(
                    "a stage is decided for a time and a reason",
                    remedy="Give --until DATE and --reason TEXT.",
                    field="until" if until is None else "reason",
                )
            stages.move(
                book,
                asked,
                to,
                decided_by=decided_by,
                until=day("--until", until),
                today=_today(model),
                who=operator(),
                reason=reason,
            )
        now = stages.current_stage(book, asked)
    ends = "without an end" if now.until is None else f"until {now.until}"
    by = f", decided by {now.decided_by}" if now.decided_by else ", as its file says"
    found = {"question": question, "version": version, "stage": now.stage}
    found |= {"until": now.until, "decided_by": now.decided_by or None}
    answer(found, f"{question} (version {version}) is at stage {now.stage} {ends}{by}.", as_json)


def _today(model: RiskModel) -> date:
    """Return what day it is by the question's clock; a stage may be decided before any score."""
    from features.errors import NotFound
    from features.loads import open_load
    from serving.expiry import today_of
    from serving.kept import serving_from

    asked = model.question
    if asked.clock == "calendar":
        return date.today()
    try:
        return today_of(asked, open_load(serving_from(asked.name)["path"]))
    except NotFound:  # nothing is served yet: the records that the model learned from
        upto = model.training.get("load", {}).get("data_to")
        return date.today() if upto is None else date.fromisoformat(upto) + timedelta(days=1)
