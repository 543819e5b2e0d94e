"""Promotion: the gate a model passes before it may score people, and the aliases that follow.

Nothing here writes the ledger: training knows nothing of serving. Whoever promotes hands in what
records the verdict, with actor and reason; it is called when all that can fail is done, right
before the version comes into force.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from features.errors import Conflict, NotFound, PrecursorError
from models import champions, registry
from models.registry import CHALLENGER, CHAMPION, PREVIOUS
from models.risk_model import RiskModel
from training import gate
from training.gate import Check
from training.questions import names
from training.record import at_promotion, write


@dataclass(frozen=True)
class Verdict:
    """What the gate says of a version.

    Attributes
    ----------
    question : str
    version : int
    sha256 : str
        Of the model's files; the ledger holds it from here on.
    checks : tuple of Check
    reports_only : bool
        The question's gate reports and does not refuse.
    replaces : int or None
        The champion that it would follow.

    Examples
    --------
    >>> verdict = Verdict("again", 2, "ab12", (Check("baselines", False, "beaten"),), False, None)
    >>> verdict.passed, verdict.refuses
    (False, True)
    """

    question: str
    version: int
    sha256: str
    checks: tuple[Check, ...]
    reports_only: bool
    replaces: int | None

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    @property
    def refuses(self) -> bool:
        """Whether the gate stands in the way; only force overrides it."""
        return not self.passed and not self.reports_only

    @property
    def reasons(self) -> list[str]:
        """What was found by each check that did not pass."""
        return [check.found for check in self.checks if not check.passed]

    def to_data(self) -> dict[str, Any]:
        """Return the verdict as plain data, as the ledger and ``--json`` show it."""
        return {
            "question": self.question,
            "version": self.version,
            "sha256": self.sha256,
            "passed": self.passed,
            "refuses": self.refuses,
            "reports_only": self.reports_only,
            "replaces": self.replaces,
            "checks": [
                {"name": check.name, "passed": check.passed, "found": check.found}
                for check in self.checks
            ],
        }


@contextmanager
def _told_of_it(question: str, number: int) -> Iterator[None]:
    """Refuse a version of which training told less than is asked here."""
    try:
        yield
    except KeyError as missing:
        raise Conflict(
            f"version {number} of '{question}': training did not tell {missing} of it",
            remedy=f"Train it here: precursor train {question} RECORDS.",
            code="gate_refused",
        ) from missing


def judge(model: RiskModel, number: int, *, today: date | None = None) -> Verdict:
    """Judge a version against its baselines, its own calibration and the champion in force.

    All checks are made, whichever of them fail, so that all reasons are told at once.

    Parameters
    ----------
    model : RiskModel
    number : int
        Its version in the registry.
    today : date, optional
        For questions with the clock of the calendar.

    Raises
    ------
    Conflict
        Where training told less of it than the gate asks.
    """
    question = model.question.name
    current = _champion(question)
    replaced = current if current != number else None
    with _told_of_it(question, number):
        checks = [
            gate.columns(model),
            *gate.baselines(model),
            gate.calibrated(model),
            gate.plausible(model),
            gate.proved(model),
            gate.fresh(model, today or date.today()),
        ]
        if replaced is not None:
            checks += gate.champion_kept_up_with(model, question, replaced)
    return Verdict(
        question=question,
        version=number,
        sha256=model.sha256,
        checks=tuple(checks),
        reports_only=model.question.gates == "report",
        replaces=replaced,
    )


def promote(
    question: str,
    which: str | int = CHALLENGER,
    *,
    force: bool = False,
    record: Callable[[Verdict], object] | None = None,
) -> Verdict:
    """Make a version the champion, for services too; the one before it is kept for rollback.

    Its transparency record is written beside its files (`training.record`).

    Parameters
    ----------
    question : str
    which : str or int
    force : bool
        Promote although the gate refuses.
    record : callable, optional
        Called with the verdict right before the version comes into force, and for a refusal.

    Returns
    -------
    Verdict

    Raises
    ------
    Conflict
        Where the gate refuses; all its reasons are listed.
    """
    version = registry.find(question, which)
    model, report = registry.download(version)
    verdict = judge(model, version.number)
    if verdict.refuses and not force:
        if record is not None:
            record(verdict)
        raise Conflict(
            f"the gate refuses version {verdict.version} of '{question}':"
            f" {'; '.join(verdict.reasons)}",
            remedy="Train a better one, or promote it all the same with --force and a reason.",
            code="gate_refused",
        )
    # Answers that cannot be read, and a store that is gone, stand in the way before anything is
    # recorded: what the ledger has in force and no file does, no service answers for.
    with _told_of_it(question, verdict.version):
        written = at_promotion(model, verdict.version, verdict.replaces)
    write(written, registry.lay(version, model, report))
    if record is not None:
        record(verdict)
    champions.point(question, verdict.version)
    if verdict.replaces is not None:
        registry.set_alias(question, PREVIOUS, verdict.replaces)
    registry.set_alias(question, CHAMPION, verdict.version)
    if CHALLENGER in registry.find(question, verdict.version).aliases:
        registry.remove_alias(question, CHALLENGER)
    return verdict


def rollback(
    question: str, *, record: Callable[[dict[str, Any]], object] | None = None
) -> tuple[int, int]:
    """Put the previous champion back in force; the two change places.

    Parameters
    ----------
    question : str
    record : callable, optional
        Called right before the change, with version, sha256 and the version it replaces.

    Returns
    -------
    now, before : int
        The version in force from now on, and the one that was.

    Raises
    ------
    NotFound
        Where there is no previous champion.
    """
    before, now = registry.find(question, CHAMPION), registry.find(question, PREVIOUS)
    registry.lay(now, *registry.download(now))
    if record is not None:
        record({"version": now.number, "sha256": now.sha256, "replaces": before.number})
    champions.point(question, now.number)
    registry.set_alias(question, CHAMPION, now.number)
    registry.set_alias(question, PREVIOUS, before.number)
    return now.number, before.number


def _champion(question: str) -> int | None:
    try:
        return registry.find(question, CHAMPION).number
    except NotFound as missing:
        if missing.code != "no_champion":
            raise
        return None


def why_not_in_force(question: str) -> PrecursorError | None:
    """Tell a question that there is not from one that was not trained, or not promoted."""
    from mlflow.exceptions import MlflowException

    try:
        registry.find(question, CHAMPION)
    except NotFound as missing:
        if missing.code == "no_model" and question not in names():
            return NotFound(
                f"there is no question '{question}'",
                remedy=f"Questions are: {', '.join(names())}; one of your own goes by the name that"
                " its YAML says.",
                field="question",
                code="unknown_question",
            )
        return missing
    except MlflowException:  # out of reach: what the ledger says stands without it
        return None
    return None
