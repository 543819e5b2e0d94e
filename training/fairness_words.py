"""A fairness audit in plain words: what was found, what the figures are, what they cannot show."""

from __future__ import annotations

from collections.abc import Sequence

from training.fairness import CAPACITY, RATES, Fairness, Finding, Group
from training.metrics import Figure

BLIND = (
    "This audit holds predictions against records. Where what is done by or to a group is recorded"
    " less often than it happens, predictions and records err together, and no figure here can"
    " show it."
)
NOT_AUDITED = (
    "Fairness was not audited: who people are stands in the records, and none were given."
    " Train from RECORDS, or give them with --audit."
)
_HEADS = ("selected", "precision", "missed", "false alarms")


def in_words(found: Fairness) -> list[str]:
    """Return an audit as lines to print: findings first, then a table for each attribute.

    Examples
    --------
    >>> in_words(Fairness({}, {}, (), 4, {"sex": 0.0}))[1]
    'In none of 4 groups do predictions part from records more than chance would have it.'
    """
    lines = ["Fairness: groups on the test rows; who they are is no input and is used here only."]
    lines += [sentence(finding) for finding in found.findings]
    if not found.findings:
        groups = f"{found.tested} group{'s' * (found.tested != 1)}"
        lines.append(
            f"In none of {groups} do predictions part from records more than chance would have it."
            if found.tested
            else "No group has enough outcomes to be tested; nothing can be said of fairness."
        )
    for name, share in found.unknown.items():
        if share > 0:
            lines.append(f"Not recorded: {name.replace('_', ' ')} of {share:.0%} of the rows.")
    for names, table in found.tables.items():
        if len(names) == 1:
            lines += ["", *_table(names[0], table)]
    lines += ["", "A dash: fewer than ten, or it would give such a number away.", BLIND]
    return lines


def sentence(finding: Finding) -> str:
    """Return a finding as a sentence.

    Examples
    --------
    >>> sentence(Finding("female", 1.5, 0.95, Figure(1.58, 1.4, 1.8), 0.001))
    'female: 1.50 outcomes predicted for each one recorded, beside 0.95 for everybody else (1.58 \
times as many, 1.40 to 1.80): scores are too high for them by what is recorded.'
    """
    side = "too high" if finding.ratio.value > 1 else "too low"
    return (
        f"{finding.group}: {finding.calibration:.2f} outcomes predicted for each one recorded,"
        f" beside {finding.others:.2f} for everybody else ({finding.ratio.value:.2f} times as many,"
        f" {finding.ratio.low:.2f} to {finding.ratio.high:.2f}): scores are {side} for them by"
        " what is recorded."
    )


def _table(name: str, groups: Sequence[Group]) -> list[str]:
    head = f"{name.replace('_', ' '):<16}{'people':>8}{'recorded':>22}{'pred./recorded':>24}"
    head += "".join(f"{rate + ' @C':>24}" for rate in _HEADS)
    lines = [head]
    for group in groups:
        people = "-" if group.people is None else f"{group.people:,}"
        shown = [group.figures["recorded"], group.figures["calibration"]]
        shown += [group.at[CAPACITY][rate] for rate in RATES]
        cells = "".join(f"{_short(each):>{22 if n == 0 else 24}}" for n, each in enumerate(shown))
        lines.append(f"{group.words:<16}{people:>8}{cells}")
    return lines


def _short(given: Figure | None) -> str:
    return "-" if given is None else f"{given.value:.3f} ({given.low:.3f}-{given.high:.3f})"


def text(found: Fairness | None) -> str:
    """Return an audit as the last part of a training's report.

    Examples
    --------
    >>> print(text(None)[1:25])
    Fairness was not audited
    """
    return "\n" + "\n".join([NOT_AUDITED] if found is None else in_words(found)) + "\n"
