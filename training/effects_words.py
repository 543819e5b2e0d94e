"""An evaluation of an intervention in plain words: the answer, its ifs, the checks behind it."""

from __future__ import annotations

import math

from training.effects import BALANCED, POWER, Effect, Evaluation
from training.study import Study

CAVEATS = (
    "What this rests on: that everything which decided both who was treated and what came after is"
    " in the records and was known at the time; that either was possible for everybody compared;"
    " and that treating one person changed nothing for another.",
    "What is counted is what was recorded. An intervention that makes victims or staff report more,"
    " or less, moves the records without moving what happens; the records cannot tell these apart.",
    "Counting begins when the window for starting has closed, for both groups; what happened within"
    " the window is not part of the answer, and who was treated later stays where they were put.",
)


def in_words(found: Evaluation) -> str:
    """Return an evaluation as text."""
    study = found.study
    lines = [study.title + ": " + verdict(found), ""]
    if found.synthetic:
        lines += ["Synthetic records: this says nothing about any programme for people.", ""]
    lines += [
        f"{found.people:,} people were eligible on {found.rows:,} dates of theirs, {_dates(study)};"
        f" after {found.treated:,} of these they started within"
        f" {study.window_days} days."
        f" {found.had_it:,} eligible rows of people who had it already were left out.",
        f"Counted: {study.outcome_words}, for {study.horizon_days} days.",
        "",
        f"{'':<34}{'if all':>9}{'if none':>9}{'ratio (95 %)':>26}",
        *[_row(_MEASURES[name], effect) for name, effect in found.effects.items()],
        _row(f"{_MEASURES[study.measure]}, by trees", found.by_trees),
        _row(f"{_MEASURES[study.measure]}, unadjusted", found.plain),
        "",
        power(found),
        *_overlap(found),
        *_checks(found),
        _strength(found),
        "",
        *CAVEATS,
    ]
    return "\n".join(lines)


def _dates(study: Study) -> str:
    if study.time_zero == "dates":
        return f"looked at every {study.every_days} days"
    return "each the day after what made them eligible became known"


_MEASURES = {"count": "number a person", "any": "share with any", "harm": "days of harm a person"}


def verdict(found: Evaluation) -> str:
    """Return the answer in one sentence."""
    effect = found.main
    if not effect.told:
        return (
            "no effect can be told from none:"
            f" with it the outcome is recorded {effect.ratio.times} as often as without."
        )
    side = "less" if effect.ratio.value < 1 else "more"
    return f"it made the outcome {side} frequent: recorded {effect.ratio.times} as often."


def _row(name: str, effect: Effect) -> str:
    return f"{name:<34}{effect.treated:>9.3f}{effect.untreated:>9.3f}{effect.ratio!s:>26}"


def power(found: Evaluation) -> str:
    """Return what an evaluation of this size could have found."""
    least = found.main.detectable
    if math.isnan(least):
        return "Power: too few outcomes to say what could have been found."
    return (
        f"Power: with so many people a reduction of {least:.0%} or more would be found in"
        f" {POWER:.0%} of such studies; a smaller one would more often be missed."
    )


def _overlap(found: Evaluation) -> list[str]:
    o = found.overlap
    lines = [
        f"Overlap: chances of being treated from {o.lowest:.3f} to {o.highest:.3f}; {o.left_out:,}"
        f" rows lay outside and were left out; the treated are worth {o.worth:,.0f} rows once"
        f" weighted. Largest difference in what is known of the groups: {o.gap_before:.2f} standard"
        f" deviations as they are, {o.gap_after:.2f} weighted."
    ]
    if o.gap_after > 2 * BALANCED:
        lines.append("  That is a large difference: what remains of it rests on prediction alone.")
    return lines


def _checks(found: Evaluation) -> list[str]:
    checks = (
        (f"Placebo outcome, {found.study.placebo_words}", found.placebo),
        ("Placebo period, the same outcome in the half-year before", found.earlier),
    )
    lines = []
    for name, effect in checks:
        said = "a difference that cannot be an effect" if effect.told else "no difference told"
        lines.append(f"{name}: {effect.ratio.times} as often; {said}.")
    if any(effect.told for _, effect in checks):
        lines.append(
            "  The groups differed in something that the adjustment did not reach. Do not read the"
            " answer above as an effect before that is understood."
        )
    return lines


def _strength(found: Evaluation) -> str:
    if found.e_value == 1:
        return "Sensitivity: there is no effect to explain away."
    return (
        "Sensitivity: to explain it away, something unrecorded would have to be"
        f" {found.e_value:.2f} times as common among one group and make the outcome"
        f" {found.e_value:.2f} times as likely, beyond all that is recorded (E-value of the nearer"
        " end of the interval)."
    )
