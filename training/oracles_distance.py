"""How near a model comes to the best there can be, and the alarm when it comes too near.

A model's soft AUC above chance is divided by that of the record oracle: the share of what the
records can tell that the model found. Nothing honest beats the record oracle by more than its
error, so a model that does has seen what it could not have known. It is held against the oracle
twice: by true chances, and by what was recorded in fact, since a model that peeped at the outcome
itself knows the luck of the draw, which is in no chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.errors import PrecursorError
from features.matrix import Matrix
from features.question import CohortRule, Question
from features.types import Floats, Tell
from training.metrics import Ranking, in_parts, person_samples
from training.oracles_record import UNIVERSES, RecordOracle, record_oracle
from training.oracles_soft import SoftRows, soft_auc, soft_figures
from training.oracles_truth import Truth

MODEL, RECORDS, STATE = "model", "record_oracle", "full_state_oracle"
WORDS = {MODEL: "model", RECORDS: "record oracle", STATE: "full-state oracle"}
ALARM = 3.0
"""Standard errors above the record oracle that raise the alarm."""


@dataclass(frozen=True)
class Distance:
    """A model beside both oracles.

    Attributes
    ----------
    figures : dict of method to dict of metric to float
    share : float
        Soft AUC above chance, as a share of the record oracle's.
    share_of_state : float
        The same of the full-state oracle's.
    above, error : float
        Soft AUC of the model less that of the record oracle, and its standard error.
    above_recorded, error_recorded : float
        The same of the AUC by what was recorded in fact.
    oracle_error : float
        Standard error of the record oracle's soft AUC.
    state_bounds : tuple of float
        The full-state oracle's soft AUC lies between.
    learnt_from : int
        Rows behind the record oracle.
    rows, unknown : int
        Rows judged, and rows left out because the truth has no person of that id.
    """

    figures: dict[str, dict[str, float]]
    share: float
    share_of_state: float
    above: float
    error: float
    above_recorded: float
    error_recorded: float
    oracle_error: float
    state_bounds: tuple[float, float]
    learnt_from: int
    rows: int
    unknown: int

    @property
    def alarmed(self) -> bool:
        """Whether the model beats the record oracle by more than error can explain."""
        return bool(
            self.above > ALARM * self.error or self.above_recorded > ALARM * self.error_recorded
        )

    def to_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "synthetic": True,
            "figures": self.figures,
            "share_of_record_oracle": self.share,
            "share_of_full_state_oracle": self.share_of_state,
            "auc_above_record_oracle": self.above,
            "standard_error": self.error,
            "recorded_auc_above_record_oracle": self.above_recorded,
            "recorded_standard_error": self.error_recorded,
            "record_oracle_standard_error": self.oracle_error,
            "full_state_bounds": list(self.state_bounds),
            "record_oracle_learnt_from": self.learnt_from,
            "rows": self.rows,
            "rows_without_truth": self.unknown,
            "alarmed": self.alarmed,
        }

    @property
    def text(self) -> str:
        """The figures as lines to print."""
        head = f"{'synthetic, soft':<22}" + "".join(
            f"{word:>14}" for word in ("AUC", "Brier", "regret", "precision @C", "captured @C")
        )
        head += f"{'recorded AUC':>14}"
        table = [
            f"{WORDS[name]:<22}"
            + "".join(
                f"{own[metric]:>14.{4 if metric in ('brier', 'regret') else 3}f}"
                for metric in ("auc", "brier", "regret", "precision", "captured", "recorded_auc")
            )
            for name, own in self.figures.items()
        ]
        low, high = self.state_bounds
        lines = [
            "",
            "Against the true chances of this synthetic force (they say nothing about people):",
            head,
            *table,
            f"The model reaches {self.share:.1%} of the record oracle's soft AUC above chance, and"
            f" {self.share_of_state:.1%} of the full-state oracle's (AUC between {low:.3f} and"
            f" {high:.3f}).",
            f"It lies {_side(self.above)} the record oracle (standard error {self.error:.4f}; the"
            f" oracle's own {self.oracle_error:.4f}, learnt from {self.learnt_from:,} rows of other"
            f" worlds); by what was recorded in fact, {_side(self.above_recorded)} it (standard"
            f" error {self.error_recorded:.4f}).",
        ]
        if self.unknown:
            lines.append(f"{self.unknown:,} of {self.rows + self.unknown:,} rows have no truth.")
        return "\n".join(lines) + "\n"


def _side(gap: float) -> str:
    return f"{abs(gap):.4f} {'above' if gap > 0 else 'below'}"


def measure(
    rows: SoftRows,
    recorded: npt.ArrayLike,
    model: npt.ArrayLike,
    oracle: RecordOracle,
    *,
    unknown: int = 0,
    draws: int = 200,
    seed: int = 0,
) -> Distance:
    """Measure a model beside both oracles on the same rows.

    Parameters
    ----------
    rows : SoftRows
    recorded : array of 0 and 1, shape (rows,)
        What was recorded in fact.
    model : array, shape (rows,)
        The model's probabilities.
    oracle : RecordOracle
    unknown : int
        Rows left out before.
    draws : int
        Samples of people for standard errors.
    seed : int
    """
    other = 2 * rows.p - rows.half
    scores = {MODEL: model, RECORDS: oracle.probability, STATE: rows.half}
    samples = soft_figures(rows, scores, draws=draws, seed=seed)
    # the state's own score must not be judged by the draws it was made from
    state = soft_figures(
        SoftRows(other, other, rows.people, rows.capacity, rows.lists), {STATE: rows.half}, draws=1
    )[STATE]
    samples[STATE] = state | {"regret": np.zeros(1)}
    figures = {
        name: {metric: float(values[0]) for metric, values in by_metric.items()}
        for name, by_metric in samples.items()
    }
    auc = {name: own["auc"] for name, own in figures.items()}
    weight = person_samples(rows.people, draws, seed)
    in_fact = {name: _aucs(Ranking(recorded, score), weight) for name, score in scores.items()}
    for name, values in in_fact.items():
        figures[name]["recorded_auc"] = float(values[0])
    one = np.ones((1, len(rows.p)))
    by_draw = _jackknife([Ranking(recorded, score).auc(one)[0] for score in oracle.without])
    by_chance = _jackknife([soft_auc(score, rows.p)[0] for score in oracle.without])
    above, error = _gap(samples[MODEL]["auc"], samples[RECORDS]["auc"], by_chance)
    above_recorded, error_recorded = _gap(in_fact[MODEL], in_fact[RECORDS], by_draw)
    return Distance(
        figures=figures,
        share=(auc[MODEL] - 0.5) / (auc[RECORDS] - 0.5),
        share_of_state=(auc[MODEL] - 0.5) / (auc[STATE] - 0.5),
        above=above,
        error=error,
        above_recorded=above_recorded,
        error_recorded=error_recorded,
        oracle_error=float(np.hypot(np.nanstd(samples[RECORDS]["auc"][1:], ddof=1), by_chance)),
        state_bounds=(auc[STATE], float(soft_auc(rows.p, rows.p)[0])),
        learnt_from=oracle.rows,
        rows=len(rows.p),
        unknown=unknown,
    )


def _aucs(ranking: Ranking, weight: Floats) -> Floats:
    return in_parts(weight, lambda part: {"auc": ranking.auc(part)})["auc"]


def _gap(model: Floats, oracle: Floats, stopping: float) -> tuple[float, float]:
    """Return how far a model is above the oracle, and its error from people and from universes."""
    gap = model - oracle
    return float(gap[0]), float(np.hypot(np.nanstd(gap[1:], ddof=1), stopping))


def _jackknife(left_out: Sequence[float]) -> float:
    """Return the standard error that values with one part left out each tell of."""
    values = np.asarray(left_out)
    return float(np.sqrt((len(values) - 1) * values.var()))


Best = tuple[npt.NDArray[np.int64], Floats]


class Oracles:
    """Both oracles of a simulated force, ready to judge a model.

    Parameters
    ----------
    question : Question
    truth : Truth
        Of the load the model is trained on.
    universes : int
        Other worlds for the record oracle to learn from.
    nominals : int, optional
        How large those are; as large as the force by default.
    progress : callable, optional
        Called with a line of text at each step.
    """

    def __init__(
        self,
        question: Question,
        truth: Truth,
        *,
        universes: int = UNIVERSES,
        nominals: int | None = None,
        progress: Tell | None = None,
    ) -> None:
        truth.require(question)
        self._question, self._truth = question, truth
        self._universes, self._nominals, self._progress = universes, nominals, progress

    @property
    def risk(self) -> pd.DataFrame:
        """True chances, by person and date: see :meth:`training.oracles_truth.Truth.risk`."""
        return self._truth.risk(self._question)

    def judge(self, rows: Matrix, probability: Floats) -> tuple[Distance, Best]:
        """Judge a model by its probabilities for given rows.

        Returns
        -------
        distance : Distance
        best : tuple of ndarray
            Which of the rows the truth knows, and the record oracle's value of each of them.

        Raises
        ------
        PrecursorError
            The model is better than the records allow (``leakage_alarm``), or none of the rows'
            dates is among those the truth was worked out for.
        """
        question = self._question
        risk = self._truth.risk(question)
        frame = rows.frame.reset_index(drop=True).reset_index(names="row")
        known = frame[["row", "nominal_id", "as_of_date"]].merge(
            risk, on=["nominal_id", "as_of_date"]
        )
        if known.empty:
            days = sorted(risk["as_of_date"].dt.date.unique())
            raise PrecursorError(
                f"{self._truth.folder} has no risk on the test dates of '{question.name}'",
                remedy=f"Its dates are {', '.join(map(str, days))}.",
                field="truth",
            )
        known = known.sort_values("row")
        at = known["row"].to_numpy()
        judged = Matrix(rows.frame.iloc[at].reset_index(drop=True), rows.feature_set, rows.manifest)
        oracle = record_oracle(
            question,
            self._truth,
            judged,
            universes=self._universes,
            nominals=self._nominals,
            progress=self._progress,
        )
        dated = isinstance(question.cohort, CohortRule)
        found = measure(
            SoftRows(
                p=known["recorded"].to_numpy(np.float64),
                half=known["half"].to_numpy(np.float64),
                people=known["nominal_id"].to_numpy(dtype=str),
                capacity=question.capacity,
                lists=known["as_of_date"].to_numpy() if dated else np.zeros(len(at)),
            ),
            judged.y,
            probability[at],
            oracle,
            unknown=len(rows.frame) - len(at),
        )
        if found.alarmed:
            raise PrecursorError(
                f"leakage alarm: on this synthetic force '{question.name}' lies"
                f" {_side(found.above)} the best that can be known from the records by true"
                f" chances (soft AUC {found.figures[MODEL]['auc']:.3f} against"
                f" {found.figures[RECORDS]['auc']:.3f}, standard error {found.error:.4f}), and"
                f" {_side(found.above_recorded)} it by what was recorded (standard error"
                f" {found.error_recorded:.4f}); more than {ALARM:g} standard errors above is more"
                " than chance",
                remedy="Some input knows what was not known on the date; look for it among the"
                " columns that weigh most. No model was registered.",
                code="leakage_alarm",
            )
        return found, (at, oracle.probability)
