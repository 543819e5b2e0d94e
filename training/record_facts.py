"""The facts of one model that its record is written from: each of them stands in its manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import lightgbm as lgb

from features.question import CohortRule, OutcomeRule
from features.wording import mark_words, window_words
from models.risk_model import RiskModel
from training.baselines import WORDS
from training.evaluation import MODEL
from training.metrics import Figure

UNKNOWN = "not recorded"
SHOWN = ("auc", "average_precision", "brier", "precision", "recall", "harm_captured")


@dataclass(frozen=True)
class Facts:
    """One model's facts in words and figures; every figure comes from the model's manifest.

    Parameters
    ----------
    model : RiskModel
    version : int
    """

    model: RiskModel
    version: int

    @property
    def training(self) -> Mapping[str, Any]:
        """The manifest's training record."""
        return self.model.training

    @property
    def evaluation(self) -> Mapping[str, Any]:
        """Figures of the model and of its baselines on the same rows."""
        found: Mapping[str, Any] = self.training["evaluation"]
        return found

    @property
    def fairness(self) -> Mapping[str, Any] | None:
        """The audit by group; None where nobody told who the people are."""
        return self.training.get("fairness")

    def cells(self) -> Mapping[str, float]:
        """Return the model's confusion matrix at capacity."""
        found: Mapping[str, float] = self.evaluation["confusion_at_capacity"][MODEL]
        return found

    def figure(self, metric: str, method: str = MODEL) -> str:
        """Return a figure with its 95 % interval, as it is printed everywhere."""
        found = self.evaluation["figures"][method].get(metric)
        return UNKNOWN if found is None else interval(found)

    @cached_property
    def listed(self) -> int:
        """How many rows were listed at capacity in the test part."""
        cells = self.cells()
        return round(cells["tp"] + cells["fp"])

    @cached_property
    def rivals(self) -> list[str]:
        """The baselines it was judged beside, the best by AUC first."""
        figures = self.evaluation["figures"]
        names = [name for name in figures if name != MODEL and figures[name]["auc"]["value"]]
        return sorted(names, key=lambda name: -figures[name]["auc"]["value"])

    @cached_property
    def used(self) -> list[tuple[str, int]]:
        """Columns that the trees use and in how many splits, the most used first."""
        booster: lgb.Booster = self.model.booster
        splits = booster.feature_importance("split").tolist()
        pairs = zip(self.model.feature_set.names, splits, strict=True)
        return sorted((pair for pair in pairs if pair[1]), key=lambda pair: -pair[1])

    @property
    def groups(self) -> list[str]:
        """The feature groups that trees use, the most used first."""
        totals: dict[str, int] = {}
        for name, splits in self.used:
            group = self.model.feature_set[name].group
            totals[group] = totals.get(group, 0) + splits
        return sorted(totals, key=lambda group: -totals[group])

    @property
    def load(self) -> Mapping[str, Any]:
        """The load of records it was trained on."""
        found: Mapping[str, Any] = self.training["load"]
        return found

    @property
    def cohort(self) -> str:
        """Who is scored, in words."""
        rule = self.model.question.cohort
        if not isinstance(rule, CohortRule):
            return f"people listed with the records under '{rule.provided}'"
        said = f"adults with an event '{rule.source}'{_marks(rule.of)} {window_words(rule.window)}"
        for without in rule.without:
            said += f", without '{without.source}'{_marks(without.of)}"
            said += f" {window_words(without.window)}"
        return said

    @property
    def outcome(self) -> str:
        """What is predicted, as the rule over records has it."""
        rule = self.model.question.outcome
        if not isinstance(rule, OutcomeRule):
            return f"the outcome '{rule.provided}' that came with the records"
        said = f"an event '{rule.source}'{_marks(rule.of)}"
        return said + (f", reported also by '{rule.also}'" if rule.also else "")

    @property
    def ends(self) -> date | None:
        """The last day of the records it was trained on."""
        said = self.load.get("data_to")
        return None if said is None else date.fromisoformat(str(said))

    @property
    def expires(self) -> date | None:
        """The day after which it scores nobody, by its question's clock."""
        after = self.model.question.retrain_after_days
        return None if self.ends is None else self.ends + timedelta(days=after)

    @property
    def part(self) -> Mapping[str, Any]:
        """Rows, people and outcomes of the training part."""
        found: Mapping[str, Any] = self.training["part"]
        return found

    @property
    def split(self) -> str:
        """How training and test were told apart, in words."""
        split = self.training["split"]
        if split.get("folds_of_people"):
            return f"by {split['folds_of_people']} folds of people"
        return f"on dates from {split['test_from']}, after training before {split['train_before']}"

    def rival(self, name: str) -> str:
        """Return a baseline's name in words."""
        return WORDS.get(name, name)


def interval(figure: Mapping[str, float | None]) -> str:
    """Return a figure with its interval, as the report prints it.

    Examples
    --------
    >>> interval({"value": 0.7034, "low": 0.675, "high": 0.728})
    '0.703 (0.675 to 0.728)'
    >>> interval({"value": 0.018, "low": 0.0003, "high": 0.036})
    '0.018 (0.0003 to 0.036)'
    >>> interval({"value": None, "low": None, "high": None})
    'not recorded'
    """
    if figure["value"] is None:
        return UNKNOWN
    said = str(Figure.from_data(figure))
    alone = figure["low"] is None or figure["high"] is None
    return said.partition(" ")[0] if alone else said


def percent(figure: Mapping[str, Any] | None) -> str:
    """Return a share with its interval in per cent; what was too small to show is said so.

    Examples
    --------
    >>> percent({"value": 0.5, "low": 0.41, "high": 0.6}), percent(None)
    ('50 % (41 to 60)', 'too few to show')
    """
    if figure is None or figure["value"] is None:
        return "too few to show"
    said = f"{figure['value'] * 100:.0f} %"
    if figure["low"] is None:
        return said
    return f"{said} ({figure['low'] * 100:.0f} to {figure['high'] * 100:.0f})"


def _marks(marks: tuple[str, ...]) -> str:
    return mark_words("+".join(marks)) if marks else ""
