"""Folds of people: everybody judged by a model that was trained on others, whatever the date.

It is the answer where all rows share one date, and stands beside the figure in time where a pack is
usually judged that way. It says how well a model ranks other people of the same years; only a split
in time says how well it would have done later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.errors import PrecursorError
from features.matrix import Matrix
from features.question import Question
from features.types import Floats, Tell
from training import baselines, fit
from training.contest import Contest, tested_rows, training_rows
from training.evaluation import MODEL, Judged, evaluate
from training.metrics import Figure
from training.splits import FEWEST_POSITIVES, everybody, folds

Tried = dict[str, dict[str, tuple[str, Floats]]]
"""Of each baseline's variants, by key: what it uses, and its scores of people held out so far."""


def contest_over_people(
    question: Question,
    work: Matrix,
    *,
    beside: pd.DataFrame | None = None,
    threads: int | None = None,
    progress: Tell | None = None,
    **changes: Any,
) -> Contest:
    """Hold a contest in which everybody is scored by models that have not seen them.

    Parameters
    ----------
    question : Question
        Its `split.folds` says into how many parts people are put.
    work : Matrix
        Labelled rows by person and date.
    beside : DataFrame, optional
        What stands beside the rows, in their order (`training.sanctions.beside`).
    threads : int, optional
    progress : callable, optional
        Called with a line of text at each fold.
    **changes
        LightGBM parameters other than the house's.

    Returns
    -------
    Contest
        Its fit is of all rows and is what would be registered; `margin` and `scores` are of the
        fold models. Of a baseline's variants the one that does best over all folds is shown.
    """
    split = everybody(work.frame, question)
    rows, everyone = training_rows(work, split), tested_rows(question, work, split)
    fold = folds(rows.people, question.split.folds)
    margin, probability = np.zeros(len(rows.y)), np.zeros(len(rows.y))
    tried: Tried = {}
    missing: dict[str, str] = {}
    for number in range(question.split.folds):
        held = fold == number
        if not held.any():
            continue
        if progress is not None:
            progress(f"fold {number + 1} of {question.split.folds}: {held.sum():,} rows held out")
        own, aside = _some(rows, ~held), _beside(beside, ~held)
        fitted = fit.fit(own, threads=threads, **changes)
        margin[held] = fitted.margin(rows.X[held])
        probability[held] = fitted.calibration.probability(margin[held])
        simple, lacking = baselines.fit(
            question.baselines, own.X, own.y, own.feature_set, beside=aside, question=question
        )
        missing |= lacking
        _score(tried, simple, rows.X, held, beside)
    scored = _whole(tried, missing)
    others, notes = baselines.chosen(scored, everyone.y)
    notes |= {name: f"not available: {reason}" for name, reason in missing.items()}
    whole = fit.fit(rows, threads=threads, **changes)
    return Contest(
        split, rows, rows.X, everyone, whole, margin, {MODEL: probability, **others}, notes
    )


def judged(
    question: Question,
    work: Matrix,
    *,
    draws: int,
    seed: int,
    progress: Tell | None = None,
    terms: Mapping[str, Any] | None = None,
) -> dict[str, Any] | None:
    """Return the figures by folds of people that stand beside those in time, as plain data.

    Where the question says from which date on folds are judged, `all_rows` holds the figures over
    every row. None where the question asks for no folds, or has no other figures.

    Raises
    ------
    PrecursorError
        Where too few rows with or without the outcome lie on or after that date.
    """
    rule = question.split
    if not (rule.temporal and rule.folds):
        return None
    held = contest_over_people(question, work, progress=progress, **(terms or {}))
    found = evaluate(held.judged, held.scores, draws=draws, seed=seed)
    if rule.folds_from is None:
        return {"folds": rule.folds, **found.to_data()}
    later = work.frame["as_of_date"].to_numpy() >= np.datetime64(rule.folds_from)
    lead = evaluate(*_from(question, work, held, later, rule.folds_from), draws=draws, seed=seed)
    return {
        "folds": rule.folds,
        "from": rule.folds_from.isoformat(),
        **lead.to_data(),
        "all_rows": found.to_data(),
    }


def _from(
    question: Question, work: Matrix, held: Contest, kept: npt.NDArray[np.bool_], first: date
) -> tuple[Judged, dict[str, Floats]]:
    """Return the rows from a date on, with what the fold models said of them."""
    y = held.judged.y[kept]
    if min(y.sum(), len(y) - y.sum()) < FEWEST_POSITIVES:
        raise PrecursorError(
            f"split of '{question.name}': from {first} there are {len(y)} rows, {y.sum()} with the"
            f" outcome; folds are judged on {FEWEST_POSITIVES} with it and as many without",
            remedy="Set folds_from to an earlier date, or leave it out.",
            field="split",
        )
    part = replace(held.split, test=held.split.test & kept)
    rows = tested_rows(question, work, part)
    return rows, {name: score[kept] for name, score in held.scores.items()}


def in_words(found: Mapping[str, Any] | None) -> list[str]:
    """Return what stands beside the figures in time as lines to print; none where nothing does.

    Examples
    --------
    >>> figures = {"model": {"auc": {"value": 0.7, "low": 0.68, "high": 0.72}}}
    >>> in_words({"folds": 5, "rows": 90, "people": 80, "figures": figures})[1]
    '  model: AUC 0.700 (0.680 to 0.720)'
    """
    if found is None:
        return []
    lines = [
        f"Beside it, by {found['folds']} folds of people ({found['rows']:,} rows of"
        f" {found['people']:,} people"
        + (f" from {found['from']} on" if "from" in found else "")
        + ", nobody judged by a model that saw them):"
    ]
    gaps = found.get("differences", {})
    for name, by_metric in found["figures"].items():
        if by_metric["auc"]["value"] is not None:
            line = f"  {name.replace('_', ' ')}: AUC {Figure.from_data(by_metric['auc'])}"
            gap = gaps.get(name, {}).get("auc")
            lines.append(line if gap is None else f"{line}; model less it {Figure.from_data(gap)}")
    if "all_rows" in found:
        whole = found["all_rows"]
        lines.append(
            f"  model over all {whole['rows']:,} rows, earlier ones too: AUC"
            f" {Figure.from_data(whole['figures'][MODEL]['auc'])}"
        )
    return lines


def _some(rows: fit.Rows, kept: npt.NDArray[np.bool_]) -> fit.Rows:
    return fit.Rows(
        rows.X[kept], rows.y[kept], rows.people[kept], rows.as_of_date[kept], rows.feature_set
    )


def _beside(beside: pd.DataFrame | None, kept: npt.NDArray[np.bool_]) -> pd.DataFrame | None:
    return None if beside is None else beside[kept].reset_index(drop=True)


def _score(
    tried: Tried,
    simple: Mapping[str, list[baselines.Variant]],
    X: Floats,
    held: npt.NDArray[np.bool_],
    beside: pd.DataFrame | None,
) -> None:
    """Put each variant's scores of the people held out beside those of earlier folds."""
    aside = _beside(beside, held)
    for name, variants in simple.items():
        so_far = tried.setdefault(name, {})
        for variant in variants:
            _, score = so_far.setdefault(variant.key, (variant.uses, np.full(len(X), np.nan)))
            score[held] = variant.predict(X[held], aside)


def _whole(tried: Tried, missing: dict[str, str]) -> dict[str, list[tuple[str, Floats]]]:
    """Return the variants that every fold could fit; a baseline without any goes to the missing."""
    found = {}
    for name, variants in tried.items():
        kept = [one for one in variants.values() if not np.isnan(one[1]).any()]
        if kept:
            found[name] = kept
        else:
            missing.setdefault(name, "no variant of it could be fitted in every fold")
    return {name: kept for name, kept in found.items() if name not in missing}
