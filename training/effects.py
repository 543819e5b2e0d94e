"""What an intervention did, estimated from records: doubly robust, and told with all its ifs.

Each person's outcome is predicted with and without the intervention, and the prediction is put
right by what happened to people like them (augmented inverse probability weighting). Both parts are
fitted on other people than those they are used for; the answer is right if either of them is. It is
an effect only if nothing that the records do not hold decided both who was treated and what came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression, PoissonRegressor

from features.errors import PrecursorError
from features.types import Floats
from training.metrics import Z_95, Figure
from training.splits import folds
from training.study import MEASURES, Study
from training.trial import Trial

FOLDS = 5
LEAST_OVERLAP = 0.1
"""Rows count whose chance of being treated, and of not, is at least this part of the average."""
POWER = 0.8
BALANCED = 0.1
_SHRINKAGE, _TREES = 0.003, 60
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Effect:
    """Means of an outcome with and without an intervention, and how they compare.

    Attributes
    ----------
    treated, untreated : float
        What the mean would be if all were treated, and if nobody were.
    ratio, difference : Figure
        The one over and less the other, with 95 % intervals over people.
    error : float
        Standard error of the logarithm of the ratio; NaN where there is none.
    """

    treated: float
    untreated: float
    ratio: Figure
    difference: Figure
    error: float

    @property
    def told(self) -> bool:
        """Whether the interval of the ratio leaves out 1."""
        return bool(self.ratio.high < 1 or self.ratio.low > 1)

    @property
    def detectable(self) -> float:
        """The reduction, as a share, that would be found in four studies of five."""
        return float(1 - np.exp(-(Z_95 + norm.ppf(POWER)) * self.error))


@dataclass(frozen=True)
class Overlap:
    """Whether like could be compared with like.

    Attributes
    ----------
    kept, left_out : int
        Rows whose chance of being treated lay within bounds, and others.
    lowest, highest : float
        Chances of being treated among those kept.
    worth : float
        How many treated rows the weighted ones are worth.
    gap_before, gap_after : float
        The largest difference between the groups in anything known of them, in standard
        deviations: as they are, and weighted.
    """

    kept: int
    left_out: int
    lowest: float
    highest: float
    worth: float
    gap_before: float
    gap_after: float


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation of an intervention found.

    Attributes
    ----------
    study : Study
    rows, people, treated, had_it : int
        Rows compared, their people, treated rows, and eligible rows left out since they had it.
    effects : mapping of measure to Effect
    plain : Effect
        The study's measure compared without any adjustment.
    by_trees : Effect
        The same as the main one with boosted trees in place of lines.
    placebo, earlier : Effect
        On an outcome, and in a time, that the intervention cannot have changed.
    overlap : Overlap
    """

    study: Study
    rows: int
    people: int
    treated: int
    had_it: int
    effects: Mapping[str, Effect]
    plain: Effect
    by_trees: Effect
    placebo: Effect
    earlier: Effect
    overlap: Overlap
    synthetic: bool

    @property
    def main(self) -> Effect:
        """The effect on the study's own measure."""
        return self.effects[self.study.measure]

    @property
    def e_value(self) -> float:
        """See :func:`e_value`; for the end of the interval that lies nearer to 1."""
        return e_value(self.main.ratio)

    def to_data(self) -> dict[str, Any]:
        """Return it as plain data; nothing in it is about one person."""
        named = {"unadjusted": self.plain, "by_trees": self.by_trees}
        named |= {"placebo_outcome": self.placebo, "placebo_period": self.earlier}
        return {
            "study": self.study.model_dump(mode="json"),
            "synthetic": self.synthetic,
            "rows": self.rows,
            "people": self.people,
            "treated": self.treated,
            "had_it_already": self.had_it,
            "effects": {name: _plain(effect) for name, effect in self.effects.items()},
            **{name: _plain(effect) for name, effect in named.items()},
            "overlap": asdict(self.overlap),
            "e_value": self.e_value,
            "detectable_reduction": self.main.detectable,
        }


def _plain(effect: Effect) -> dict[str, Any]:
    return {
        "if_all_treated": effect.treated,
        "if_none_treated": effect.untreated,
        "ratio": effect.ratio.to_data(),
        "difference": effect.difference.to_data(),
    }


def evaluate(study: Study, trial: Trial, *, synthetic: bool = False) -> Evaluation:
    """Estimate the effect of a study's intervention from its rows.

    Raises
    ------
    PrecursorError
        Where hardly anybody could as well have been treated as not.
    """
    chance = _chances(trial.X, trial.treated, trial.people)
    share = trial.treated.mean()
    kept = (chance > LEAST_OVERLAP * share) & (1 - chance > LEAST_OVERLAP * (1 - share))
    if min((kept & trial.treated).sum(), (kept & ~trial.treated).sum()) < FOLDS * 2:
        raise PrecursorError(
            f"study '{study.name}': hardly anybody could as well have been treated as not",
            remedy="Narrow who is eligible to those for whom either was possible.",
            field="study",
        )
    terms = (trial.X, trial.treated, trial.people, kept)

    def effect(outcome: Floats, by: Nuisance = _line) -> Effect:
        return _effect(outcome, chance, *terms, by=by)

    own = trial.outcome[study.measure]
    trees = _chances(trial.X, trial.treated, trial.people, by=_boosted_chance)
    earlier = _chances(trial.before, trial.treated, trial.people)
    return Evaluation(
        study=study,
        rows=len(chance),
        people=len(np.unique(trial.people)),
        treated=int(trial.treated.sum()),
        had_it=trial.eligible - len(chance),
        effects={name: effect(trial.outcome[name]) for name in MEASURES},
        plain=_compare(*_means_as_they_are(own, trial.treated), trial.people),
        by_trees=_effect(own, trees, *terms, by=_boosted),
        placebo=effect(trial.placebo[study.measure]),
        earlier=_effect(trial.earlier[study.measure], earlier, trial.before, *terms[1:], by=_line),
        overlap=_overlap(trial, chance, kept),
        synthetic=synthetic,
    )


def e_value(ratio: Figure) -> float:
    """Return how strong something unrecorded would have to be to explain an effect away.

    It would have to be so many times as common among the treated, and make the outcome so many
    times as likely, both at once, and beyond all that the records hold (VanderWeele and Ding).

    Examples
    --------
    >>> round(e_value(Figure(0.5, 0.4, 0.625)), 2), e_value(Figure(0.9, 0.7, 1.2))
    (2.58, 1.0)
    """
    nearest = ratio.high if ratio.value < 1 else ratio.low
    if not np.isfinite(nearest) or (nearest - 1) * (ratio.value - 1) <= 0 or nearest <= 0:
        return 1.0
    strength = max(nearest, 1 / nearest)
    return float(strength + np.sqrt(strength * (strength - 1)))


Nuisance = Callable[[Floats, Floats, Floats], Floats]


def _line(X: Floats, outcome: Floats, new: Floats) -> Floats:
    if not outcome.any():
        return np.zeros(len(new))
    scale = float(outcome.mean())
    model = PoissonRegressor(alpha=1.0, solver="newton-cholesky").fit(X, outcome / scale)
    return np.asarray(model.predict(new)) * scale


def _boosted(X: Floats, outcome: Floats, new: Floats) -> Floats:
    if not outcome.any():
        return np.zeros(len(new))
    return _trees("poisson", X, outcome, new)


def _line_chance(X: Floats, treated: Floats, new: Floats) -> Floats:
    model = LogisticRegression(C=_SHRINKAGE, solver="newton-cholesky").fit(X, treated)
    return np.asarray(model.predict_proba(new)[:, 1])


def _boosted_chance(X: Floats, treated: Floats, new: Floats) -> Floats:
    return _trees("binary", X, treated, new)


def _trees(objective: str, X: Floats, y: Floats, new: Floats) -> Floats:
    settings = {
        "objective": objective,
        "num_leaves": 4,
        "learning_rate": 0.05,
        "min_data_in_leaf": 50,
        "feature_fraction": 0.3,
        "lambda_l2": 10.0,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "seed": 20,
        "verbosity": -1,
    }
    booster = lgb.train(settings, lgb.Dataset(X, y), num_boost_round=_TREES)
    return np.asarray(booster.predict(new, num_threads=1), dtype=np.float64)


def _chances(
    X: Floats, treated: Mask, people: npt.NDArray[Any], by: Nuisance = _line_chance
) -> Floats:
    """Return each row's chance of being treated, by what is known of other people."""
    chance, fold = np.zeros(len(X)), folds(people, FOLDS)
    for one in np.unique(fold):
        held = fold == one
        chance[held] = by(X[~held], treated[~held].astype(np.float64), X[held])
    return chance


def _effect(
    outcome: Floats,
    chance: Floats,
    X: Floats,
    treated: Mask,
    people: npt.NDArray[Any],
    kept: Mask,
    *,
    by: Nuisance,
) -> Effect:
    expected = np.zeros((len(X), 2))
    fold = folds(people, FOLDS)
    for one in np.unique(fold):
        held, other = fold == one, fold != one
        fitted = np.flatnonzero(other & ~treated)
        base = by(X[fitted], outcome[fitted], X)
        # the treated are too few for a model of their own: the untreated one, put on their level
        at = other & treated
        level = outcome[at].sum() / base[at].sum() if base[at].sum() > 0 else 1.0
        expected[held] = np.column_stack([base[held], base[held] * level])
    expected, y, took = expected[kept], outcome[kept], treated[kept]
    least = LEAST_OVERLAP * treated.mean(), LEAST_OVERLAP * (~treated).mean()
    e = np.clip(chance[kept], least[0], 1 - least[1])
    without = expected[:, 0] + np.where(took, 0.0, (y - expected[:, 0]) / (1 - e))
    given = expected[:, 1] + np.where(took, (y - expected[:, 1]) / e, 0.0)
    return _compare(given, without, people[kept])


def _means_as_they_are(outcome: Floats, treated: Mask) -> tuple[Floats, Floats]:
    share = treated.mean()
    return np.where(treated, outcome / share, 0.0), np.where(treated, 0.0, outcome / (1 - share))


def _compare(given: Floats, without: Floats, people: npt.NDArray[Any]) -> Effect:
    """Return the effect from each row's share in both means; errors are over people."""
    first, second = float(given.mean()), float(without.mean())
    _, person = np.unique(people, return_inverse=True)

    def error(share: Floats) -> float:
        return float(np.sqrt((np.bincount(person, weights=share) ** 2).sum()) / len(share))

    gap = error((given - first) - (without - second))
    difference = Figure(first - second, *(first - second + np.array([-1, 1]) * Z_95 * gap))
    if min(first, second) <= 0:
        return Effect(first, second, Figure(np.nan, np.nan, np.nan), difference, np.nan)
    scatter = error((given - first) / first - (without - second) / second)
    ends = np.exp(np.log(first / second) + np.array([-1, 1]) * Z_95 * scatter)
    ratio = Figure(first / second, float(ends[0]), float(ends[1]))
    return Effect(first, second, ratio, difference, scatter)


def _overlap(trial: Trial, chance: Floats, kept: Mask) -> Overlap:
    weight = np.where(trial.treated, 1 / chance.clip(1e-6), 1 / (1 - chance).clip(1e-6))
    took, X = trial.treated[kept], trial.X[kept]
    own, w = weight[kept][took], weight[kept]
    even = np.ones(len(w))
    return Overlap(
        kept=int(kept.sum()),
        left_out=int((~kept).sum()),
        lowest=float(np.min(chance[kept])),
        highest=float(np.max(chance[kept])),
        worth=float(own.sum() ** 2 / (own**2).sum()),
        gap_before=_gap(X, took, even),
        gap_after=_gap(X, took, w),
    )


def _gap(X: Floats, took: Mask, weight: Floats) -> float:
    first = np.average(X[took], axis=0, weights=weight[took])
    second = np.average(X[~took], axis=0, weights=weight[~took])
    return float(np.abs(first - second).max())
