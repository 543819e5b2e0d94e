"""A drift report in plain words: what to do, what changed, what is known to have happened."""

from __future__ import annotations

from features.kept_reports import Told
from training.drift import SIGNIFICANCE, Check, Drift

ADVICE = {
    "stable": "Nothing parts from the training beyond chance. Nothing to do.",
    "watch": "Some of it differs a little. Look again with the next records.",
    "review": "It differs enough that a person should look at it before the next list is used.",
    "retrain": "Predictions no longer fit what is recorded. Train again; until then say so"
    " beside every list, or stop using the model.",
    "suspend": "Predictions have parted so far from what is recorded that nobody should be scored"
    " by this model. Suspend it, and train again.",
}
MOST = 15


def told(found: Drift) -> Told:
    """Return a drift report in words, without what it lists: what to do, and what was looked at.

    Examples
    --------
    >>> from datetime import date
    >>> quiet = Drift("stable", (), 0, (), 10, 5, 0, date(2026, 1, 1), date(2026, 2, 1))
    >>> told(quiet).verdict
    'Nothing parts from the training beyond chance. Nothing to do.'
    """
    before = [
        f"{found.rows:,} rows of {found.people:,} people, as of {found.since} to {found.until}.",
        f"The outcome of {found.mature:,} of them is known."
        if found.mature
        else "No outcome of this period is known yet: recorded rates, calibration and ranking were"
        " not looked at.",
        f"{len(found.checks)} things were compared; were nothing different, chance alone would"
        f" name one or more of them in at most {SIGNIFICANCE:.0%} of such reports.",
    ]
    if found.growing:
        before.append(
            f"{found.growing} columns that look back without end grew with the length of the"
            " records, as they do without drift; they are not judged."
        )
    known = (
        "Known between the training and the end of this period; whether one of them is behind what"
        " was found, the records do not say:"
    )
    if not (found.found and found.events):
        return Told(ADVICE[found.level], tuple(before))
    points = tuple(event.words for event in found.events)
    return Told(ADVICE[found.level], tuple(before), after=(known,), points=points)


def in_words(found: Drift, most: int = MOST) -> str:
    """Return a drift report as text.

    Parameters
    ----------
    found : Drift
    most : int
        How many findings to list.

    Examples
    --------
    >>> from datetime import date
    >>> quiet = Drift("stable", (), 0, (), 10, 5, 0, date(2026, 1, 1), date(2026, 2, 1))
    >>> print(in_words(quiet).splitlines()[0])
    STABLE: Nothing parts from the training beyond chance. Nothing to do.
    """
    said = told(found)
    lines = [f"{found.level.upper()}: {said.verdict}", *said.before]
    if found.found:
        lines += ["", *map(_line, found.found[:most])]
        if len(found.found) > most:
            lines.append(f"  and {len(found.found) - most} more; --json lists all of them.")
    if said.after:
        lines += ["", *said.after, *(f"  {point}" for point in said.points)]
    return "\n".join(lines)


def _line(check: Check) -> str:
    return f"  {check.level:<8}{check.kind:<12}{check.words} (p {check.p:.1g})"
