"""Promotion: the gate a model passes before it may score people, and the aliases that follow.

Nothing here writes the ledger: training knows nothing of serving. Whoever promotes hands in what
records the verdict, with actor and reason; it is called before anything is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from features.catalogue import catalogue
from features.errors import Conflict, NotFound, PrecursorError
from models import published, registry
from models.contract import same_definitions
from models.registry import CHALLENGER, CHAMPION, PREVIOUS
from models.risk_model import RiskModel
from training.baselines import WORDS

SLOPES = (0.8, 1.25)
RATES = (0.8, 1.25)
TOO_GOOD = 0.95
WORSE_BY = 0.02


@dataclass(frozen=True)
class Check:
    """One check of the gate: its name, whether it passed, and what was found."""

    name: str
    passed: bool
    found: str


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


def judge(question: str, which: str | int = CHALLENGER) -> Verdict:
    """Judge a version against its baselines, its own calibration and the champion in force.

    Parameters
    ----------
    question : str
    which : str or int
        A version number or an alias.

    Raises
    ------
    NotFound
        Where there is no such version.
    """
    model, number = registry.fetch(question, which)
    current = _champion(question)
    replaced = current if current != number else None
    checks = [
        _columns(model),
        *_baselines(model),
        _calibrated(model),
        _plausible(model),
    ]
    if replaced is not None:
        checks.append(_champion_kept_up_with(model, question, replaced))
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
    """Make a version the champion and publish its files; the one before it is kept for rollback.

    Parameters
    ----------
    question : str
    which : str or int
    force : bool
        Promote although the gate refuses.
    record : callable, optional
        Called with the verdict before anything is changed, for a refusal too.

    Returns
    -------
    Verdict

    Raises
    ------
    Conflict
        Where the gate refuses; all its reasons are listed.
    """
    verdict = judge(question, which)
    if record is not None:
        record(verdict)
    if verdict.refuses and not force:
        raise Conflict(
            f"the gate refuses version {verdict.version} of '{question}':"
            f" {'; '.join(verdict.reasons)}",
            remedy="Train a better one, or promote it all the same with --force and a reason.",
            code="gate_refused",
        )
    # published first: a champion that no service could read would be worse than an old one
    registry.publish(question, verdict.version)
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
        Called before anything is changed, with version, sha256 and the version it replaces.

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
    if record is not None:
        record({"version": now.number, "sha256": now.sha256, "replaces": before.number})
    registry.publish(question, now.number)
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


def _columns(model: RiskModel) -> Check:
    try:
        same_definitions(model.feature_set, catalogue(model.question.harm))
    except PrecursorError as different:
        return Check("columns", False, different.message)
    return Check("columns", True, "defined as in this release")


def _baselines(model: RiskModel) -> list[Check]:
    differences = model.training["evaluation"]["differences"]
    return [
        Check(
            f"beats {name}",
            bool(found["auc"]["low"] is not None and found["auc"]["low"] > 0),
            f"AUC differs from {WORDS[name]} by {_shown(found['auc'])}",
        )
        for name, found in differences.items()
    ] or [Check("baselines", False, "no baseline could be fitted beside it")]


def _calibrated(model: RiskModel) -> Check:
    found = model.training["calibration"]["by_halves"]
    if found is None:
        return Check("calibration", False, "too few outcomes in the test part to judge calibration")
    ratio = found["expected"] / found["observed"]
    passed = SLOPES[0] <= found["slope"] <= SLOPES[1] and RATES[0] <= ratio <= RATES[1]
    return Check(
        "calibration",
        passed,
        f"calibration slope {found['slope']:.2f}, predicted {found['expected']:.1%} against"
        f" recorded {found['observed']:.1%}, by halves of the test people",
    )


def _plausible(model: RiskModel) -> Check:
    auc = model.training["evaluation"]["figures"]["model"]["auc"]["value"]
    return Check(
        "plausible",
        auc < TOO_GOOD,
        f"AUC {auc:.3f}"
        + ("" if auc < TOO_GOOD else ": too good to be true; look for what leaked"),
    )


def _champion_kept_up_with(model: RiskModel, question: str, number: int) -> Check:
    name = "not worse than the champion"
    try:
        champion, _ = registry.fetch(question, number)
    except (Conflict, NotFound) as unreadable:
        # it must not stand in the way of its own successor, nor go unsaid
        return Check(name, False, f"champion {number} cannot be read: {unreadable.message}")
    own, other = (m.training["evaluation"]["figures"]["model"]["auc"] for m in (model, champion))
    same = ("matrix_fingerprint", "split")
    if any(model.training[key] != champion.training[key] for key in same):
        return Check(name, True, f"champion {number} was judged on other rows: not comparable")
    gap = own["value"] - other["value"]
    return Check(name, gap > -WORSE_BY, f"AUC differs from champion {number} by {gap:+.3f}")


def _shown(figure: Mapping[str, float | None]) -> str:
    if any(value is None for value in figure.values()):
        return "an unknown amount"
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def withdraw(question: str) -> None:
    """Take a question's champion out of force, in the registry and for every service."""
    published.withdraw(question)
    registry.remove_alias(question, CHAMPION)
