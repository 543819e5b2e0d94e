"""Scores and lists as plain text, for the command line: the words are those of the pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serving.runs import PublishedList

MOST_RECORDS = 6

FIRST = "It is the first score of this person by this question that you may see."


def score_in_words(score: Mapping[str, Any]) -> str:
    """Return one score as an analyst reads it: how likely, why, and from which records.

    Examples
    --------
    >>> print(score_in_words({"score_id": "s1", "nominal_id": "N1", "as_of_date": "2026-02-01",
    ...     "question": "again", "model": {"version": "3", "synthetic": True},
    ...     "insufficient_history": True, "expires_on": "2026-03-08", "reasons": []}))
    SYNTHETIC RECORDS, for testing only.
    N1 as of 2026-02-01, question again, model version 3 (score s1)
    Insufficient history: there is too little on record to give a number. This is not a low score.
    """
    lines = ["SYNTHETIC RECORDS, for testing only."] if score["model"]["synthetic"] else []
    lines.append(
        f"{score['nominal_id']} as of {score['as_of_date']}, question {score['question']},"
        f" model version {score['model']['version']} (score {score['score_id']})"
    )
    if score["insufficient_history"]:
        lines.append(
            "Insufficient history: there is too little on record to give a number."
            " This is not a low score."
        )
        return "\n".join(lines + _since(score))
    chance, between = score["probability"], score["interval"]
    lines += [
        f"{chance:.1%} within {score['horizon_days']} days, band {score['band']};"
        f" {between['level']:.0%} range {between['low']:.1%} to {between['high']:.1%} for people"
        " with such a record, no range for one person's fate.",
        f"Valid until {score['expires_on']}. Reasons describe the model, not causes:",
    ]
    for reason in score["reasons"]:
        lines.append(f"  {reason['direction']:6} {reason['contribution']:+.2f}  {reason['text']}")
        records = [
            f"{record['reference']}  {record['occurred_on'] or 'date unknown'}  {record['status']}"
            for record in reason.get("records", [])
        ]
        records = list(dict.fromkeys(records))  # several records of one crime share its reference
        lines += [f"      {record}" for record in records[:MOST_RECORDS]]
        if len(records) > MOST_RECORDS:
            lines.append(f"      and {len(records) - MOST_RECORDS} more (--json lists all)")
    if "records_unavailable" in score:
        lines.append(f"  Records cannot be listed: {score['records_unavailable']}")
    lines += _since(score)
    lines.append(
        f"Log-odds: {score['base']:+.4f} before any reason; {score['raw']:+.4f} with those of all"
        " groups, listed here or not."
    )
    return "\n".join(lines)


def _since(score: Mapping[str, Any]) -> list[str]:
    """Return what changed since the score before; nothing of one that was not looked up."""
    if "since_last" not in score:
        return []
    before = score["since_last"]
    if before is None:
        return [f"  {FIRST}"]
    told = [*before["sentences"], before["note"], *before["records"]]
    return [f"  {said}" for said in told if said]


def list_in_words(published: PublishedList, most: int) -> str:
    """Return the top of a published list: rank, person, band, chance, range, change, reasons.

    Whoever has insufficient history is counted above it and has no line: there is no rank to tell.
    """
    info = published.run.info
    lines = ["SYNTHETIC RECORDS, for testing only."] if info["model"]["synthetic"] else []
    mean = info["mean_probability"]
    on_average = "" if mean is None else f", on average {mean:.1%}"
    lines.append(
        f"{info['title']}: {info['scored']:,} people scored as of {info['as_of_dates'][0]}"
        f"{on_average}; {sum(info['rejected'].values()):,} rejected,"
        f" {info['insufficient_history']:,} with insufficient history."
    )
    for line in published.page(0, most):
        if line["insufficient_history"]:
            continue
        lines.append(
            f"{line['rank']:>4}  {line['nominal_id']}  {line['band']:9}"
            f"  {line['probability']:.1%} ({line['low']:.1%} to {line['high']:.1%})"
            f"  {line['change']}  {line['score_id']}"
        )
        lines += [
            f"        {'Lowers: ' if reason['direction'] == 'lowers' else ''}{reason['text']}"
            for reason in line["reasons"][:3]
        ]
    return "\n".join(lines)
