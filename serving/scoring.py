"""The one way to a score: the same steps for one person asked for online and for a whole force.

Who may be scored, their history as known on the date, the model's contract, exact contributions,
the sum checked, interval, band and reasons. What is done for many rows is done in columns, so that
a batch asks the records once, not once a person.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.cohort import Judged
from features.history import History, dates
from features.loads import Load
from features.subjects import Subjects
from features.types import Floats, Progress
from features.visible import NEVER, days
from models.explanation import Explanation, explain
from models.risk_model import RiskModel
from models.words import reasons_of_rows
from serving.asked import asked_of
from serving.behind import records_behind, with_records
from serving.ledger import new_score_id
from serving.score import Rejected, Score

__all__ = [
    "ALIKE",
    "Progress",
    "Rejected",
    "Score",
    "Worked",
    "records_behind",
    "score_people",
    "score_rows",
    "shared",
    "told",
    "with_records",
    "worked_out",
]


def score_people(
    model: RiskModel,
    version: int,
    history: History,
    spine: pd.DataFrame,
    *,
    records: bool = False,
) -> tuple[list[Score], list[Rejected]]:
    """Score everybody on a spine, or say why not.

    Parameters
    ----------
    model : RiskModel
    version : int
        The model's version in the registry; each score names it.
    history : History
        The records' history; whoever opens it has compared its features with the model's.
    spine : DataFrame
        `nominal_id` and `as_of_date`.
    records : bool
        List the records behind each reason; one more query for the whole spine.

    Returns
    -------
    scores : list of Score
        In the spine's order; people with insufficient history are in it, without a number.
    rejected : list of Rejected
        Also in the spine's order.

    Raises
    ------
    PrecursorError
        Where an input breaks the model's contract, or contributions do not add up to a score.
    """
    return score_rows(
        model,
        version,
        history,
        spine["nominal_id"].to_numpy(object),
        days(dates(spine["as_of_date"]), NEVER),
        records=records,
    )


def score_rows(
    model: RiskModel,
    version: int,
    history: History,
    nominal_ids: Sequence[str] | npt.NDArray[Any],
    at: npt.NDArray[np.int64],
    *,
    records: bool = False,
) -> tuple[list[Score], list[Rejected]]:
    """Do what :func:`score_people` does, from ids and as-of dates in days from 1970.

    One pass over the history gives the model's columns and those that the question's rules about
    whom to score need; no frame stands between, which for one person would cost more than the rest.
    """
    subjects = history.asked(nominal_ids, at)
    worked = worked_out(model, history, nominal_ids, at, subjects=subjects)
    scores, rejected = told(model, version, history.load, worked)
    if records and scores:
        pasts, admitted = history.pasts(subjects), np.flatnonzero(worked.judged.accepted)
        scores = with_records(history, scores, [pasts[row] for row in admitted.tolist()])
    return scores, rejected


@dataclass(frozen=True)
class Worked:
    """The figures of some rows before they are told: who is scored, their inputs, what came out.

    `inputs` and `found` are of those rows only that `judged` leaves; in their order.
    """

    nominal_ids: Sequence[str] | npt.NDArray[Any]
    at: Sequence[date]
    judged: Judged
    inputs: Floats
    found: Explanation | None

    def pieces(self, size: int) -> Iterator[Worked]:
        """Yield the rows so many at a time, to be told one after the other."""
        kept = self.judged.numbered
        before = np.concatenate([[0], np.cumsum(kept)])
        for start in range(0, len(kept), size):
            rows = slice(start, min(start + size, len(kept)))
            own = slice(before[rows.start], before[rows.stop])
            yield Worked(
                self.nominal_ids[rows],
                self.at[rows],
                Judged(self.judged.reason[rows], self.judged.insufficient[rows]),
                self.inputs[own],
                self.found.of(own) if self.found and own.start < own.stop else None,
            )


def worked_out(
    model: RiskModel,
    history: History,
    nominal_ids: Sequence[str] | npt.NDArray[Any],
    at: npt.NDArray[np.int64],
    *,
    subjects: Subjects | None = None,
    threads: int | None = None,
) -> Worked:
    """Work out the figures of rows given as ids and as-of dates in days from 1970.

    Nearly all of its time is NumPy's and LightGBM's, so that a thread can do it while another one
    tells the rows before. `subjects` are those of the rows, where they were asked for already.
    """
    subjects = history.asked(nominal_ids, at) if subjects is None else subjects
    asked = asked_of(model)
    values = history.dense(subjects, asked.columns)
    judged = asked.rules.judged(subjects, asked.of_rules(values))
    enough = np.flatnonzero(judged.numbered)
    inputs = model.checked(np.ascontiguousarray(values[enough, : asked.inputs]))
    found = explain(model, inputs, threads=threads) if len(inputs) else None
    return Worked(nominal_ids, at.astype("datetime64[D]").tolist(), judged, inputs, found)


def told(
    model: RiskModel, version: int, load: Load, worked: Worked
) -> tuple[list[Score], list[Rejected]]:
    """Tell rows that were worked out: a score for each with its reasons, or why there is none."""
    figures = iter(_scored(model, worked))
    said = shared(model, version, load)
    scores, rejected = [], []
    rows = zip(
        worked.nominal_ids,
        worked.at,
        worked.judged.reason,
        worked.judged.insufficient.tolist(),
        strict=True,
    )
    for nominal_id, day, reason, lacking in rows:
        if reason:
            rejected.append(Rejected(str(nominal_id), day, reason))
            continue
        scores.append(
            Score(
                score_id=new_score_id(),
                nominal_id=str(nominal_id),
                as_of_date=day,
                expires_on=day + timedelta(days=model.question.expires_after_days),
                insufficient_history=lacking,
                **said,
                **({} if lacking else next(figures)),
            )
        )
    return scores, rejected


ALIKE = frozenset({"question", "horizon_days", "stage", "model", "load"})
"""The fields of a score that :func:`shared` returns."""


def shared(model: RiskModel, version: int, load: Load) -> dict[str, Any]:
    """Return what all scores of one call say alike."""
    return {
        "question": model.question.name,
        "horizon_days": model.question.horizon_days,
        "stage": model.question.stage,
        "model": {
            "name": model.question.name,
            "version": str(version),
            "sha256": model.sha256,
            "synthetic": model.synthetic or load.synthetic,
        },
        "load": {
            "number": load.number,
            "data_to": load.data_to.isoformat(),
            "fingerprint": load.fingerprint,
        },
    }


def _scored(model: RiskModel, worked: Worked) -> list[dict[str, Any]]:
    """Return the fields of each row's score."""
    if worked.found is None:
        return []
    inputs, found = worked.inputs, worked.found
    at = [worked.at[row] for row in np.flatnonzero(worked.judged.numbered).tolist()]
    level, band = model.interval.level, model.question.band
    said = reasons_of_rows(model, inputs, found.contributions, found.groups, at)
    figures = (found.probability, found.low, found.high, found.raw, found.groups, inputs)
    columns = [column.tolist() for column in figures]
    return [
        {
            "probability": probability,
            "interval": {"low": low, "high": high, "level": level},
            "band": band(probability),
            "base": found.base,
            "raw": raw,
            "groups": dict(zip(found.group_names, groups, strict=True)),
            "reasons": [{**reason.data(), "records": []} for reason in why],
            "names": model.feature_set.names,
            "values": values,
        }
        for probability, low, high, raw, groups, values, why in zip(*columns, said, strict=True)
    ]
