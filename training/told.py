"""What a training tells: the report as plain data, and what the model's manifest keeps of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.further import horizon_of
from features.matrix import Matrix
from features.question import CohortRule, Question
from models.calibration import Calibration
from training import fit, report
from training.baselines import WORDS
from training.consistency_tables import require_consistent
from training.contest import Contest, bands
from training.evaluation import MODEL, Evaluation, evaluate
from training.events import between, read_events
from training.splits import FEWEST_POSITIVES, Split

Mask = npt.NDArray[np.bool_]


def report_of(
    question: Question,
    work: Matrix,
    split: Split,
    evaluation: Evaluation,
    notes: Mapping[str, str],
    **parts: Any,
) -> dict[str, Any]:
    """Return the report of a training as plain data; `parts` are entries of their own.

    Raises
    ------
    PrecursorError
        Where figures of it cannot be true together.
    """
    earned, verdict = report.earns_its_place(evaluation)
    told = {
        "verdict": verdict,
        "earns_its_place": earned,
        "question": question.name,
        "description": question.description,
        "synthetic": bool(work.manifest.get("load", {}).get("synthetic", False)),
        "training": _part(work, split.train),
        "test": _part(work, split.test),
        "split": split.to_data(),
        "capacity": question.capacity,
        "thresholds": dict(bands(question)),
        "listed": "by_date" if isinstance(question.cohort, CohortRule) else "in_all",
        "evaluation": evaluation.to_data(),
        "baselines": dict(notes),
        "events": _events(work, question),
        "methods": {MODEL: "LightGBM", **WORDS},
        "matrix_fingerprint": work.fingerprint,
        **parts,
    }
    require_consistent(told)
    return told


def _events(work: Matrix, question: Question) -> list[dict[str, Any]]:
    """What is known to have changed offending or recording in the years of the rows."""
    at = pd.to_datetime(work.frame["as_of_date"])
    last = at.max() + pd.Timedelta(days=question.horizon_days)
    return [e.to_data() for e in between(read_events(), at.min().date(), last.date())]


def also(held: Contest, work: Matrix, draws: int, seed: int) -> dict[str, Any]:
    """Return the same scores judged by each further label of the same horizon, as by charges."""
    found = {}
    for name in map(str, work.frame.columns):
        if not name.startswith("label_") or horizon_of(name) is not None:
            continue
        y = work.frame.loc[held.split.test, name].to_numpy(np.int64)
        if min(y.sum(), len(y) - y.sum()) < FEWEST_POSITIVES:
            continue
        other = replace(held.judged, y=y, harm=None)
        found[name] = evaluate(other, held.scores, draws=draws, seed=seed).to_data()
    return found


def wider_of(question: Question, wider: Matrix | None, rows: fit.Rows) -> dict[str, Any] | None:
    """Return what the trees learned beside the question's own rows; None where it asks for none.

    The rows are 0 where the question names a wider cohort and a matrix alone was given.
    """
    if question.wider is None:
        return None
    beyond = rows.beyond
    return {
        "rows": len(beyond.y),
        "people": len(np.unique(beyond.people)),
        "positives": int(beyond.y.sum()),
        "matrix_fingerprint": None if wider is None else wider.fingerprint,
    }


def calibration_of(evaluation: Evaluation, trained: Calibration) -> dict[str, Any]:
    """Return how well the training part's calibration held on the test part."""
    own = evaluation.figures[MODEL]
    return {
        "slope": own["calibration_slope"].to_data(),
        "intercept": own["calibration_intercept"].to_data(),
        "expected": own["expected"].value,
        "observed": own["observed"].value,
        "brier": own["brier"].value,
        "note": trained.note,
    }


def training_of(
    work: Matrix, fitted: fit.Fit, evaluation: Evaluation, told: Mapping[str, Any], seed: int
) -> dict[str, Any]:
    """Return what the model's manifest says of its training; nothing in it is about one person."""
    return {
        "load": dict(work.manifest.get("load", {})),
        "matrix_fingerprint": told["matrix_fingerprint"],
        "part": told["training"],
        "wider": told["wider"],
        "split": told["split"],
        "parameters": {k: v for k, v in fitted.parameters.items() if k != "num_threads"},
        "trees": fitted.trees,
        "seed": seed,
        "verdict": told["verdict"],
        "evaluation": evaluation.to_data(),
        "calibration": told["calibration"],
        "horizons": told["horizons"],
        "events": told["events"],
        "pooled": told["backtest"]["pooled"]["figures"][MODEL],
    }


def _part(work: Matrix, mask: Mask) -> dict[str, int]:
    frame = work.frame[mask]
    return {
        "rows": len(frame),
        "people": int(frame["nominal_id"].nunique()),
        "positives": int(frame["label"].sum()),
    }
