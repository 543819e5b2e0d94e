"""Moving a question to another stage: decided by somebody, for a time, and on the ledger.

A question begins at the stage that its file names. From then on the ledger says at which one it
is, whichever version is in force. The small file beside its models only tells workers to look.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from features.errors import Conflict, UsageError
from features.files import write_json
from features.question import Question
from models import champions
from serving.given import given
from serving.ledger import Action, Entry, Ledger
from serving.permissions import Principal
from serving.stage import SHADOW

STAGES = (SHADOW, "pilot", "live")
FILE = "stage.json"


@dataclass(frozen=True)
class CurrentStage:
    """At which stage a question is: until when, and by whose decision.

    Attributes
    ----------
    stage : str
    until : date or None
        The last day; None where the question's file alone says so.
    decided_by : str
        Empty where the question's file alone says so.
    """

    stage: str
    until: date | None = None
    decided_by: str = ""


def current_stage(ledger: Ledger, question: Question) -> CurrentStage:
    """Return at which stage a question is: as was decided, or else as its file says."""
    return decided(ledger, question.name) or CurrentStage(question.stage)


def decided(ledger: Ledger, question: str) -> CurrentStage | None:
    """Return what was last decided on a question's stage; None where nothing was."""
    entries = ledger.entries(action=Action.STAGE, question=question, limit=1, sealed=True)
    if not entries:
        return None
    said = entries[0].body
    until = said.get("until")
    return CurrentStage(
        str(said["stage"]), date.fromisoformat(until) if until else None, str(said["decided_by"])
    )


def changed(question: str) -> int:
    """Return what changes with each move, and never else; cheap to ask often."""
    try:
        return (champions.folder(question) / FILE).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def move(
    ledger: Ledger,
    question: Question,
    stage: str,
    *,
    decided_by: str,
    until: date,
    today: date,
    who: Principal,
    reason: str,
) -> Entry:
    """Move a question to a stage; going up is one step at a time.

    Parameters
    ----------
    stage : str
        One of `STAGES`.
    decided_by : str
        The role or panel that decided.
    until : date
        The last day of the stage; from the next one on nobody is scored.
    today : date
        By the question's clock.

    Raises
    ------
    UsageError
        No such stage, nobody decided, or the last day has passed.
    Conflict
        It is at this stage until that day already, or a step would be left out.
    """
    if stage not in STAGES:
        raise UsageError(
            f"there is no stage '{stage}'",
            remedy=f"Name one of {', '.join(STAGES)}.",
            field="stage",
        )
    if not decided_by.strip():
        raise UsageError("nobody decided", remedy="Name the role or panel with --by.", field="by")
    if until < today:
        raise UsageError(
            f"the stage would end on {until}, and it is {today} by the question's clock",
            remedy="Name a later day.",
            field="until",
        )
    now = current_stage(ledger, question)
    if (now.stage, now.until) == (stage, until):
        raise Conflict(
            f"'{question.name}' is at stage {stage} until {until} already",
            remedy="Name another day or stage.",
        )
    if STAGES.index(stage) > STAGES.index(now.stage) + 1:
        raise Conflict(
            f"'{question.name}' is in {now.stage}: {stage} is more than one step away",
            remedy=f"Move it to {STAGES[STAGES.index(now.stage) + 1]} first.",
            code="stage_left_out",
        )
    entry = ledger.append(
        Action.STAGE,
        actor=who.actor,
        role=who.role,
        purpose=reason,
        question=question.name,
        body={
            "stage": stage,
            "before": now.stage,
            "until": until.isoformat(),
            "decided_by": decided_by.strip(),
        },
    )
    place = champions.folder(question.name)
    place.mkdir(parents=True, exist_ok=True)
    write_json(place / FILE, {"entry": entry.seq})
    return entry


def given_at(question: str, stage: str) -> pd.DataFrame:
    """Return the scores that a question's runs gave at a stage, as `serving.given` tells them.

    Nobody with insufficient history is among them.
    """

    def there(info: Mapping[str, Any]) -> bool:
        return info["stage"] == stage and bool(info.get("promoted", True))

    return given(question, "probability", there)
