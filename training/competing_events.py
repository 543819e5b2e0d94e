"""Competing events: what the figures are without those who could hardly offend.

Who dies, moves away or goes to prison stays among the rows with what was recorded: the chance told
is that it happens, not that it would if everybody were free. This sensitivity leaves out, whatever
was recorded of them, the rows that spent over half of the outcome window in prison or on remand.
Deaths and departures are not among the records and cannot be left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from features.types import Floats
from training.evaluation import Judged, evaluate
from training.splits import FEWEST_POSITIVES

AT_LIBERTY = 0.5
"""Share of the window at liberty under which a row is left out."""

UNSEEN = "Deaths and departures are not in the records, so nothing is said of them."


def without_prison(
    judged: Judged, free: Floats, scores: Mapping[str, Floats], *, draws: int, seed: int
) -> dict[str, Any]:
    """Judge the same scores without rows that were mostly in prison.

    Parameters
    ----------
    judged : Judged
    free : ndarray, shape (rows,)
        Share of the outcome window at liberty.
    scores : mapping of method to array
    draws, seed : int

    Returns
    -------
    dict
        rows, dropped, dropped_positives, note, and evaluation (None where nothing was dropped or
        too little is left).

    Examples
    --------
    >>> rows = Judged(np.array([0, 1] * 30), np.arange(60).astype(str), capacity=5)
    >>> found = without_prison(rows, np.full(60, 1.0), {"model": rows.y / 2}, draws=10, seed=0)
    >>> found["dropped"], found["evaluation"]
    (0, None)
    """
    kept = ~(free < AT_LIBERTY)
    found: dict[str, Any] = {
        "rows": len(kept),
        "dropped": int((~kept).sum()),
        "dropped_positives": int(judged.y[~kept].sum()),
        "note": UNSEEN,
        "evaluation": None,
    }
    positives = int(judged.y[kept].sum())
    if kept.all() or min(positives, int(kept.sum()) - positives) < FEWEST_POSITIVES:
        return found
    rest = replace(
        judged,
        y=judged.y[kept],
        people=judged.people[kept],
        lists=None if judged.lists is None else judged.lists[kept],
        harm=None if judged.harm is None else judged.harm[kept],
    )
    chosen = {name: np.asarray(score)[kept] for name, score in scores.items()}
    found["evaluation"] = evaluate(rest, chosen, draws=draws, seed=seed).to_data()
    return found


def in_words(found: Mapping[str, Any] | None) -> list[str]:
    """Return the sensitivity as lines to print.

    Examples
    --------
    >>> in_words({"dropped": 0, "rows": 9, "evaluation": None, "note": UNSEEN})[0]
    'Competing events: none of 9 test rows spent half of the window in prison.'
    """
    if found is None:
        return []
    if not found["dropped"]:
        rows = f"none of {found['rows']:,} test rows spent half of the window in prison"
        return [f"Competing events: {rows}.", UNSEEN]
    line = (
        f"Competing events: {found['dropped']:,} of {found['rows']:,} test rows spent half of the"
        f" window in prison, {found['dropped_positives']:,} of them with the outcome; they stay in."
    )
    if found["evaluation"] is not None:
        own = found["evaluation"]["figures"]["model"]
        shown = [
            f"{word} {own[name]['value']:.3f} ({own[name]['low']:.3f} to {own[name]['high']:.3f})"
            for name, word in (("auc", "AUC"), ("precision", "precision @C"))
        ]
        line += f" Without them: {', '.join(shown)}."
    return [line, UNSEEN]
