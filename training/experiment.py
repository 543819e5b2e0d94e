"""One training, whole: matrix, split, baselines, fit, calibration, evaluation, intervals, registry.

The booster that is registered is the one that was judged, so that anybody can check its figures;
once judged, its probabilities are calibrated on the test part (`training.recalibration`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.errors import PrecursorError
from features.matrix import Matrix
from features.question import CohortRule, Question
from models import registry
from models.calibration import Calibration
from models.risk_model import RiskModel
from training import (
    baselines,
    fairness_truth,
    fairness_words,
    fit,
    recalibration,
    report,
    tracking,
)
from training.evaluation import MODEL, Evaluation, Judged, evaluate, gain
from training.fairness import Fairness, audit
from training.reference import reference
from training.splits import FEWEST_POSITIVES, Split, temporal

if TYPE_CHECKING:
    from training.oracles_distance import Oracles

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Progress = Callable[[str], None]

REFITS = 12
DRAWS = 500
SEED = 20


@dataclass(frozen=True)
class Result:
    """What a training came to.

    Attributes
    ----------
    model : RiskModel
    evaluation : Evaluation
    report : dict
        Plain data; `report["verdict"]` is the first sentence.
    text : str
        The report to print.
    version : Version or None
        The entry in the registry; None where none was asked for.
    fairness : Fairness or None
        The audit by group; None where nobody told who the people are.
    """

    model: RiskModel
    evaluation: Evaluation
    report: dict[str, Any]
    text: str
    version: registry.Version | None
    fairness: Fairness | None = None


def train(
    question: Question,
    matrix: Matrix,
    *,
    protected: pd.DataFrame | None = None,
    oracles: Oracles | None = None,
    register: bool = True,
    refits: int = REFITS,
    draws: int = DRAWS,
    seed: int = SEED,
    threads: int | None = None,
    progress: Progress | None = None,
    **changes: Any,
) -> Result:
    """Train a question's model, judge it beside its baselines, and register it as challenger.

    Parameters
    ----------
    question : Question
    matrix : Matrix
        With labels; rows without a mature label are left out.
    protected : DataFrame, optional
        Who the people of the matrix's rows are (`training.attributes`), for the fairness audit.
    oracles : Oracles, optional
        What can be known of a simulated force: the report then says how near the model comes.
    register : bool
        Log the run to MLflow and register the model.
    refits : int
        Samples of people for the 90 % intervals of scores; at least 2.
    draws : int
        Samples of people for the intervals of figures.
    seed : int
    threads : int, optional
        For LightGBM; the model is the same with any number.
    progress : callable, optional
        Called with a line of text at each step.
    **changes
        LightGBM parameters other than the house's.

    Returns
    -------
    Result

    Raises
    ------
    PrecursorError
        Where the matrix was made for another question, or has too few rows for an honest split;
        or where `oracles` find that the model knows more than the records do.
    """
    say = progress or (lambda _: None)
    _same_question(question, matrix)
    work, order = _ordered(matrix)
    split = temporal(work.frame, question)
    rows = _rows(work, split)
    say(f"fitting on {len(rows.y):,} rows")
    fitted = fit.fit(rows, threads=threads, **{"seed": seed, **changes})
    simple, missing = baselines.fit(question.baselines, rows.X, rows.y, work.feature_set)
    X, judged = work.X[split.test], _judged(question, work, split)
    say(f"judging on {len(X):,} rows")
    raw = fitted.raw(X)
    others, notes = baselines.best(simple, X, judged.y)
    notes |= {name: f"not available: {reason}" for name, reason in missing.items()}
    scores = {MODEL: fitted.calibration.probability(raw), **others}
    distance = None
    if oracles is not None:
        rest = Matrix(work.frame[split.test], work.feature_set, work.manifest)
        distance = oracles.judge(rest, scores[MODEL])
    evaluation = evaluate(judged, scores, draws=draws, seed=seed)
    also = _also(judged, work, split, scores, draws, seed)
    refitted = fit.refits(rows, fitted, X, count=refits, seed=seed, progress=progress)
    registered = recalibration.final(raw, judged.y, fitted.calibration)
    final = registered.probability(raw)  # what people will be told and put in bands by
    people = None if protected is None else protected.iloc[order].reset_index(drop=True)
    groups = None
    if people is not None:
        who = people[split.test]
        groups = audit(judged, final, who, _bands(question), draws=draws, seed=seed)
    missed = None
    if people is not None and oracles is not None:
        missed = fairness_truth.unseen(
            oracles.risk, work.frame[split.test], people[split.test], final
        )
    found = {
        "as_trained": _calibration(evaluation, fitted.calibration),
        "by_halves": recalibration.by_halves(raw, judged, fitted.calibration),
        "registered": {"slope": registered.slope, "intercept": registered.intercept},
    }
    told = _report(question, work, split, evaluation, also, notes, found)
    told["fairness"] = None if groups is None else groups.to_data()
    told["missed_by_fairness"] = None if missed is None else fairness_truth.to_data(missed)
    told["oracles"] = None if distance is None else distance.to_data()
    model = RiskModel(
        text=fitted.text,
        calibration=registered,
        question=question,
        feature_set=work.feature_set,
        nullable=frozenset(np.array(work.feature_set.names)[np.isnan(rows.X).any(axis=0)]),
        interval=recalibration.interval_table(raw, refitted, judged, fitted.calibration, seed),
        training=_training(work, fitted, evaluation, told, seed)
        | {"fairness": None if groups is None else groups.to_data(compact=True)}
        | {"reference": _reference(work, fitted, split, final, people)},
    )
    text = report.text(told, evaluation) + fairness_words.text(groups)
    text += "" if missed is None else fairness_truth.text(missed)
    text += "" if distance is None else distance.text
    if not register:
        return Result(model, evaluation, told, text, None, groups)
    say("registering")
    with tracking.run(question.name):
        version = tracking.record(model, evaluation, told, text, gain(judged, scores))
    registry.set_alias(question.name, registry.CHALLENGER, version.number)
    entry = registry.find(question.name, version.number)
    return Result(model, evaluation, told, text, entry, groups)


def _ordered(matrix: Matrix) -> tuple[Matrix, npt.NDArray[np.int64]]:
    """Labelled rows by person and date, and where they stood: their order changes the trees."""
    known = matrix.frame["label"].notna() if "label" in matrix.frame else np.zeros(0)
    frame = matrix.labelled().frame.set_index(pd.Index(np.flatnonzero(known)))
    frame = frame.sort_values(["nominal_id", "as_of_date"], kind="stable")
    work = Matrix(frame.reset_index(drop=True), matrix.feature_set, matrix.manifest)
    return work, frame.index.to_numpy()


def _rows(work: Matrix, split: Split) -> fit.Rows:
    frame = work.frame[split.train]
    return fit.Rows(
        X=work.X[split.train],
        y=work.y[split.train],
        people=frame["nominal_id"].to_numpy(dtype=str),
        as_of_date=frame["as_of_date"].to_numpy().astype("datetime64[D]"),
        feature_set=work.feature_set,
    )


DEFINES_ROWS = ("name", "cohort", "outcome", "horizon_days", "lag_days", "feature_groups")
"""What of a question decides rows, labels and columns: a matrix made by another lies about it."""


def _same_question(question: Question, matrix: Matrix) -> None:
    own, made_for = question.to_data(), matrix.manifest.get("question", {})
    different = [
        f"{key} {made_for[key]!r} where the question now says {own[key]!r}"
        for key in DEFINES_ROWS
        if key in made_for and made_for[key] != own[key]
    ]
    if different:
        raise PrecursorError(
            f"matrix: it was made for another question: {'; '.join(different)}",
            remedy=f"Make one: precursor matrix {question.name} RECORDS OUT.",
        )


def _reference(
    work: Matrix, fitted: fit.Fit, split: Split, final: Floats, people: pd.DataFrame | None
) -> dict[str, Any]:
    """What the drift monitor will hold later rows against: the columns that the trees use."""
    used = [name for name, uses in fitted.uses().items() if uses]
    y = work.y[split.test]
    return reference(work.frame, used, final, y, split.test, split.train, people)


def _bands(question: Question) -> dict[str, float]:
    return {name.replace("_", " "): low for name, low in question.bands.model_dump().items()}


def _judged(question: Question, work: Matrix, split: Split) -> Judged:
    """The test rows; a cohort is listed anew on each date, given rows make one list."""
    frame = work.frame[split.test]
    harm = frame["outcome_harm"].to_numpy(np.float64) if "outcome_harm" in frame else None
    dated = isinstance(question.cohort, CohortRule)
    return Judged(
        y=frame["label"].to_numpy(np.int64),
        people=frame["nominal_id"].to_numpy(dtype=str),
        capacity=question.capacity,
        lists=frame["as_of_date"].to_numpy() if dated else None,
        harm=harm if harm is not None and harm.sum() > 0 else None,
    )


def _also(
    judged: Judged,
    work: Matrix,
    split: Split,
    scores: Mapping[str, Floats],
    draws: int,
    seed: int,
) -> dict[str, Any]:
    """The same scores judged by each further label, for example charges."""
    found = {}
    for name in work.frame.columns:
        if not str(name).startswith("label_"):
            continue
        y = work.frame.loc[split.test, name].to_numpy(np.int64)
        if min(y.sum(), len(y) - y.sum()) < FEWEST_POSITIVES:
            continue
        other = Judged(y, judged.people, judged.capacity, judged.lists)
        found[str(name)] = evaluate(other, scores, draws=draws, seed=seed).to_data()
    return found


def _part(work: Matrix, mask: Mask) -> dict[str, int]:
    frame = work.frame[mask]
    return {
        "rows": len(frame),
        "people": int(frame["nominal_id"].nunique()),
        "positives": int(frame["label"].sum()),
    }


def _calibration(evaluation: Evaluation, trained: Calibration) -> dict[str, Any]:
    own = evaluation.figures[MODEL]
    return {
        "slope": own["calibration_slope"].to_data(),
        "intercept": own["calibration_intercept"].to_data(),
        "expected": own["expected"].value,
        "observed": own["observed"].value,
        "brier": own["brier"].value,
        "note": trained.note,
    }


def _report(
    question: Question,
    work: Matrix,
    split: Split,
    evaluation: Evaluation,
    also: Mapping[str, Any],
    notes: Mapping[str, str],
    calibration: Mapping[str, Any],
) -> dict[str, Any]:
    earned, verdict = report.earns_its_place(evaluation)
    return {
        "verdict": verdict,
        "earns_its_place": earned,
        "question": question.name,
        "description": question.description,
        "synthetic": bool(work.manifest.get("load", {}).get("synthetic", False)),
        "training": _part(work, split.train),
        "test": _part(work, split.test),
        "split": split.to_data(),
        "capacity": question.capacity,
        "listed": "by_date" if isinstance(question.cohort, CohortRule) else "in_all",
        "evaluation": evaluation.to_data(),
        "calibration": dict(calibration),
        "baselines": dict(notes),
        "also": dict(also),
        "matrix_fingerprint": work.fingerprint,
    }


def _training(
    work: Matrix, fitted: fit.Fit, evaluation: Evaluation, told: Mapping[str, Any], seed: int
) -> dict[str, Any]:
    """What the model's manifest says of its training; nothing in it is about one person."""
    return {
        "load": dict(work.manifest.get("load", {})),
        "matrix_fingerprint": told["matrix_fingerprint"],
        "part": told["training"],
        "split": told["split"],
        "parameters": {k: v for k, v in fitted.parameters.items() if k != "num_threads"},
        "trees": fitted.trees,
        "seed": seed,
        "verdict": told["verdict"],
        "evaluation": evaluation.to_data(),
        "calibration": told["calibration"],
    }
