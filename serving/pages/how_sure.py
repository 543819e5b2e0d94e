"""How sure a score and a rank are, in words: why a range is wide, and how far a rank runs.

The range of a score is how far scores of its size may lie from the mean recorded risk of people
with such a record (`models.interval`). It is the same for everybody with that score, so nothing
that is missing from one record makes it wider: what is missing is told beside it, and never as its
cause.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd

from features.kept_ranks import RankRange
from features.question import BANDS, Question
from models.words import date_words
from serving.pages import words

WIDE = 3
"""Bands that a wide range reaches over."""

SHORT_DAYS = 365
"""A history that began less than so many days ago is a short one."""


def bands_reached(interval: Mapping[str, Any], question: Question) -> list[str]:
    """Return the bands that a range reaches over, from the lowest."""
    low, high = (BANDS.index(question.band(interval[end])) for end in ("low", "high"))
    return list(BANDS[low : high + 1])


def wide_words(
    interval: Mapping[str, Any],
    question: Question,
    *,
    absent: Sequence[str],
    events: pd.DataFrame | None,
    as_of: date,
) -> list[str]:
    """Return that a range is wide and what is known of why, in sentences; nothing where it is not.

    Parameters
    ----------
    interval : mapping
        `low` and `high`.
    question : Question
        Its bands say what is wide: what reaches over three of them.
    absent : sequence of str
        What the model asks for and the records hold for nobody, in words.
    events : DataFrame or None
        The person's history as known on the date; None where it cannot be read.
    as_of : date
    """
    reached = bands_reached(interval, question)
    if len(reached) < WIDE:
        return []
    said = [
        f"Wide: it reaches from {reached[0]} to {reached[-1]}. Scores of this size may lie so far"
        " off, whoever’s they are: the model would differ, had it learnt from other people, and it"
        " has not learnt all that records tell."
    ]
    missing = [f"no {what} for anybody" for what in absent]
    if events is not None:
        missing += _thin(events, as_of)
    if missing:
        said.append(
            f"No further allowance is made for what these records lack: {'; '.join(missing)}."
        )
    return said


def _thin(events: pd.DataFrame, as_of: date) -> list[str]:
    """Return how little there is of a person, where it is little."""
    first = events["known_on"].min()
    if pd.isna(first):
        return ["nothing dated of this person"]
    began = pd.Timestamp(first).date()
    days = (as_of - began).days
    if days >= SHORT_DAYS:
        return []
    return [
        f"nothing of this person from before {date_words(began)},"
        f" {words.count(days, 'day', 'days')} before this score"
    ]


def rank_range_words(found: RankRange | None) -> list[str]:
    """Return how far a rank runs under other choices, in sentences; nothing where nobody asked.

    Examples
    --------
    >>> told = RankRange(20, 12, 57, 900, {"other harm weights": (31, 31),
    ...                                    "other seeds of the trees": (12, 57)})
    >>> for sentence in rank_range_words(told): print(sentence)
    Rank 12 to 57 of 900 under other choices that could be defended as well.
    31 under other harm weights; 12 to 57 under other seeds of the trees.
    """
    if found is None:
        return []
    people = f"{found.people:,}"
    if found.best == found.worst:
        return [f"Rank {found.rank:,} of {people} under every other choice that was tried."]
    by_kind = "; ".join(f"{_ranks(*ends)} under {kind}" for kind, ends in found.by_kind.items())
    return [
        f"Rank {_ranks(found.best, found.worst)} of {people} under other choices that could be"
        " defended as well.",
        f"{by_kind}.",
    ]


def _ranks(first: int, last: int) -> str:
    return f"{first:,}" if first == last else f"{first:,} to {last:,}"
