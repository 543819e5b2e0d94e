"""Scores of a question in shadow held against RFG, once what followed is known.

Both rank the same people on the same dates at the same capacity. The spreadsheet's points take the
cuts of practice with equal weights: nothing of either ranking was fitted to what followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from features import rfg
from features.catalogue import catalogue
from features.errors import NotFound
from features.history import History
from features.kept_reports import Told
from features.labels import label
from models.risk_model import RiskModel
from training.evaluation import MODEL, Judged, evaluate
from training.metrics import Figure
from training.splits import FEWEST_POSITIVES

RFG_COLUMNS = ("suspected_recency", "suspected_n_730d", "suspected_harm_max_ever")
METRICS = {
    "auc": "ranking (AUC)",
    "precision": "of those listed, with the outcome",
    "recall": "outcomes on the list",
}


@dataclass(frozen=True)
class Shadow:
    """What a comparison in shadow came to.

    Attributes
    ----------
    scores : int
        Given in shadow before what followed was on record.
    mature, positives : int
        Those whose outcome is known, and those of them that had it.
    dates : int
        On which the mature ones were given.
    matures_on : date or None
        The day on which the first not yet mature scores will be; None where all are.
    figures : mapping of method to mapping of metric to Figure
        Empty where too few are mature.
    differences : mapping of metric to Figure
        Model minus RFG.
    """

    scores: int
    mature: int
    positives: int
    dates: int
    matures_on: date | None
    figures: Mapping[str, Mapping[str, Figure]]
    differences: Mapping[str, Figure]

    def to_data(self) -> dict[str, Any]:
        """Return it as plain data; nothing in it is about one person."""
        return {
            "scores": self.scores,
            "mature": self.mature,
            "positives": self.positives,
            "dates": self.dates,
            "matures_on": self.matures_on,
            "figures": {
                method: {metric: figure.to_data() for metric, figure in by_metric.items()}
                for method, by_metric in self.figures.items()
            },
            "differences": {m: figure.to_data() for m, figure in self.differences.items()},
        }


def compare(
    model: RiskModel, history: History, scores: pd.DataFrame, *, draws: int = 500, seed: int = 0
) -> Shadow:
    """Compare scores that were given in shadow with RFG on those whose outcome is known.

    Parameters
    ----------
    model : RiskModel
        Its question says what is an outcome, and when it is mature.
    history : History
        Of records that reach as far as can be.
    scores : DataFrame
        `nominal_id`, `as_of_date` and `probability`, as they were given.
    draws, seed : int
        Samples of people for the intervals.

    Raises
    ------
    NotFound
        Where nothing was scored in shadow.
    """
    question = model.question
    if scores.empty:
        raise NotFound(
            f"question '{question.name}': nobody was scored in shadow yet",
            remedy="Move it to shadow and score: precursor score QUESTION RECORDS --out FILE.",
            code="no_shadow_scores",
        )
    told = scores.drop_duplicates(["nominal_id", "as_of_date"]).reset_index(drop=True)
    rows = label(history, question, told[["nominal_id", "as_of_date"]])
    known = rows["label"].notna().to_numpy()
    wait = timedelta(days=question.horizon_days + question.lag_days)
    later = told.loc[~known, "as_of_date"]
    found = Shadow(
        scores=len(told),
        mature=int(known.sum()),
        positives=int(rows.loc[known, "label"].sum()),
        dates=int(told.loc[known, "as_of_date"].nunique()),
        matures_on=None if later.empty else pd.Timestamp(later.min()).date() + wait,
        figures={},
        differences={},
    )
    if min(found.positives, found.mature - found.positives) < FEWEST_POSITIVES:
        return found
    given = told[known].reset_index(drop=True)
    columns = catalogue(question.harm).subset(RFG_COLUMNS)
    frame = history.matrix(given[["nominal_id", "as_of_date"]], feature_set=columns)
    points = rfg.banded(*frame[list(RFG_COLUMNS)].to_numpy(np.float64).T)
    judged = Judged(
        y=rows.loc[known, "label"].to_numpy(np.int64),
        people=given["nominal_id"].to_numpy(dtype=str),
        capacity=question.capacity,
        lists=given["as_of_date"].to_numpy(),
    )
    ranked = {MODEL: given["probability"].to_numpy(np.float64), "rfg": points / rfg.MOST_POINTS}
    held = evaluate(judged, ranked, draws=draws, seed=seed)
    return Shadow(
        **{**vars(found)}
        | {
            "figures": {m: {k: held.figures[m][k] for k in METRICS} for m in ranked},
            "differences": {k: held.differences["rfg"][k] for k in METRICS},
        }
    )


def told(found: Shadow) -> Told:
    """Return a comparison in words.

    Examples
    --------
    >>> print(told(Shadow(40, 0, 0, 0, date(2027, 8, 2), {}, {})).text())
    Too few to compare. More will be known from 2027-08-02.
    40 scores were given in shadow; the outcome of 0 is known, of which 0 had it.
    """
    counted = (
        f"{found.scores:,} scores were given in shadow; the outcome of {found.mature:,} is known,"
        f" of which {found.positives:,} had it."
    )
    listed = tuple(
        (
            words,
            f"model {found.figures[MODEL][metric]}, RFG {found.figures['rfg'][metric]},"
            f" difference {found.differences[metric]}",
        )
        for metric, words in METRICS.items()
        if found.figures
    )
    after = "" if found.matures_on is None else f" More will be known from {found.matures_on}."
    return Told(_verdict(found) + after, (counted,), listed)


def _verdict(found: Shadow) -> str:
    if not found.figures:
        return "Too few to compare."
    gap = found.differences["auc"]
    if gap.low > 0:
        return "The model ranked better than RFG, beyond chance."
    if gap.high < 0:
        return "RFG ranked better than the model, beyond chance."
    return "The two cannot be told apart yet."
