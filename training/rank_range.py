"""How far a person's rank depends on choices: harm weights, decay, what is counted, and chance.

The question's trees are fitted again under each other choice, on the rows and with the parameters
of the registered model, and everybody in the cohort is ranked anew. Where somebody's rank runs from
12 to 57, no meeting should rest on whether it is 12 or 57.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd

from features import kept_ranks
from features.catalogue import catalogue
from features.cohort import members
from features.declare import FeatureSet
from features.errors import NotFound, PrecursorError, UsageError
from features.history import History
from features.home import home
from features.matrix import build
from features.principal_crime import principal_only
from features.question import Provided, Question
from features.taxonomy import HARM_WORDS
from features.types import Floats, Tell
from features.unfinished import scratch_folder
from models.risk_model import RiskModel
from training import fit

SEEDS = 5
HALF_LIVES = (182, 730)
"""Days after which harm weighs half, in place of a year."""


@dataclass(frozen=True)
class Ranges:
    """Ranks of a cohort on a date under each choice.

    Attributes
    ----------
    question : str
    version : int
    as_of : date
    choices : mapping of str to str
        Each choice in words, by column of `table`.
    table : DataFrame
        `nominal_id`, `rank` by the registered model, `best` and `worst` over all choices, and a
        rank for each choice; by rank.
    left_out : mapping of str to str
        Choices that could not be tried, and why.
    """

    question: str
    version: int
    as_of: date
    choices: Mapping[str, str]
    table: pd.DataFrame
    left_out: Mapping[str, str]

    def to_data(self) -> dict[str, Any]:
        """Return it as plain data with nobody in it: what was tried, and how far ranks moved."""
        spread = self.table["worst"] - self.table["best"]
        return {
            "question": self.question,
            "version": self.version,
            "as_of_date": self.as_of.isoformat(),
            "people": len(self.table),
            "choices": dict(self.choices),
            "left_out": dict(self.left_out),
            "median_spread": float(spread.median()),
            "largest_spread": int(spread.max()),
            "moved": {
                name: float((self.table[name] - self.table["rank"]).abs().median())
                for name in self.choices
            },
        }


def rank_ranges(
    model: RiskModel,
    version: int,
    history: History,
    as_of: date,
    *,
    seeds: int = SEEDS,
    progress: Tell | None = None,
) -> Ranges:
    """Rank everybody in a question's cohort under other harm weights, decay, counting and seeds.

    Parameters
    ----------
    model : RiskModel
    version : int
    history : History
        Of the load; with the model's own harm weights.
    as_of : date
    seeds : int
        How many other seeds.
    progress : callable, optional
        Called with a line of text at each choice.

    Raises
    ------
    UsageError
        Where rows come with a file, or the date lies after the records.
    NotFound
        Where nobody can be scored.
    """
    question, say = model.question, progress or (lambda _: None)
    if isinstance(question.cohort, Provided):
        raise UsageError(
            f"question '{question.name}': its rows come with a file, so that nothing of them can"
            " be counted otherwise",
            remedy="Ask it of a question whose cohort is found in the records.",
            field="question",
        )
    if as_of > history.load.default_as_of:
        raise UsageError(
            f"--as-of: {as_of} lies after {history.load.default_as_of}, the day after the records",
            remedy="Name that day or an earlier one.",
            field="as_of",
        )
    people = members(history, question, [as_of])
    if people.empty:
        raise NotFound(
            f"question '{question.name}': nobody can be scored on {as_of}",
            remedy="Name another day.",
            code="nobody",
        )
    spine = people.loc[~people["insufficient_history"], ["nominal_id", "as_of_date"]]
    spine = spine.reset_index(drop=True)
    say("histories of the training rows and of the cohort")
    learned = _training_rows(model, history, question)
    own = model.feature_set
    scored = history.matrix(spine, feature_set=own)[own.names]
    chosen = _Choices(model, learned, scored)
    table = spine[["nominal_id"]].assign(rank=ranks(model.probability(model.check(scored))))
    words: dict[str, str] = {}
    left_out: dict[str, str] = {}
    for name, said, changed in _others(model, history, learned, spine, seeds):
        say(said)
        try:
            table[name] = ranks(chosen.margins(**changed()))
        except PrecursorError as refused:
            left_out[name] = refused.message
        else:
            words[name] = said
    over = table[["rank", *words]]
    table.insert(2, "best", over.min(axis=1))
    table.insert(3, "worst", over.max(axis=1))
    table = table.sort_values(["rank", "nominal_id"], ignore_index=True)
    return Ranges(question.name, version, as_of, words, table, left_out)


def ranks(scores: Floats) -> npt.NDArray[np.int64]:
    """Return ranks by score, 1 for the highest; those who tie share the better one.

    Examples
    --------
    >>> ranks(np.array([0.1, 0.9, 0.1])).tolist()
    [2, 1, 2]
    """
    found = pd.Series(-np.asarray(scores)).rank(method="min")
    return np.asarray(found.to_numpy(np.int64))


@dataclass(frozen=True)
class _Choices:
    """Fits the trees again with something chosen otherwise, and scores the cohort with them."""

    model: RiskModel
    learned: pd.DataFrame
    scored: pd.DataFrame

    def margins(
        self,
        *,
        train: pd.DataFrame | None = None,
        score: pd.DataFrame | None = None,
        seed: int | None = None,
    ) -> Floats:
        """Return margins of the cohort; `train` and `score` replace columns by name."""
        own = self.model.feature_set
        rows, cohort_rows = self.learned.copy(), self.scored.copy()
        for frame, changed in ((rows, train), (cohort_rows, score)):
            if changed is not None:
                frame[list(changed.columns)] = changed.to_numpy()
        parameters = dict(self.model.training["parameters"])
        given = fit.Rows.of(rows, own)
        parameters |= {"num_threads": fit.threads_for(given)}
        parameters |= {} if seed is None else {"seed": seed}
        trees = int(self.model.training["trees"])
        booster = lgb.train(parameters, fit.dataset(given, parameters), num_boost_round=trees)
        X = fit.as_read(cohort_rows[own.names].to_numpy(np.float64), own)
        return np.asarray(booster.predict(X, raw_score=True), dtype=np.float64)


def _training_rows(model: RiskModel, history: History, question: Question) -> pd.DataFrame:
    """The labelled rows that the model could have learned from, as it orders them."""
    frame = _before(model, build(history, question).labelled().frame)
    if frame["label"].nunique() < 2:
        raise UsageError(
            f"question '{question.name}': the records hold no rows to fit it on again",
            remedy="Name the load that the model was trained on, or a later one.",
            field="records",
        )
    if question.wider is None:
        return frame
    beyond = _before(model, build(history, question.wider).labelled().frame)
    together = pd.concat([frame, beyond], ignore_index=True)
    return together.drop_duplicates(["nominal_id", "as_of_date"], ignore_index=True)


def _before(model: RiskModel, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of the model's training part, by person and date."""
    split = model.training["split"]
    if not split.get("folds_of_people"):
        frame = frame[pd.to_datetime(frame["as_of_date"]) < pd.Timestamp(split["train_before"])]
    return frame.sort_values(["nominal_id", "as_of_date"], kind="stable", ignore_index=True)


def _others(
    model: RiskModel, history: History, learned: pd.DataFrame, spine: pd.DataFrame, seeds: int
) -> list[tuple[str, str, Callable[[], dict[str, Any]]]]:
    """Each other choice: its name, its words, and what it changes, worked out when it is tried."""
    own, keys = model.feature_set, learned[["nominal_id", "as_of_date"]]
    found: list[tuple[str, str, Callable[[], dict[str, Any]]]] = []

    def both(of: History, columns: FeatureSet) -> dict[str, Any]:
        return {
            "train": of.matrix(keys, feature_set=columns)[columns.names],
            "score": of.matrix(spine, feature_set=columns)[columns.names],
        }

    harmful = [column.name for column in own.columns if column.amount == "harm"]
    for other, words in HARM_WORDS.items():
        if other != model.question.harm and harmful:
            found.append(
                (
                    f"harm_{other.replace('-', '_')}",
                    f"harm by {words} ({other})",
                    lambda other=other: both(  # type: ignore[misc]
                        History(history.load, harm=other), catalogue(other).subset(harmful)
                    ),
                )
            )
    decayed = [column for column in own.columns if column.measure == "decayed"]
    for days in HALF_LIVES if decayed else ():
        columns = FeatureSet(
            tuple(replace(column, window=days) for column in decayed), own.definitions
        )
        found.append(
            (
                f"decay_{days}d",
                f"harm that weighs half after {days} days, not after a year",
                lambda columns=columns: both(history, columns),  # type: ignore[misc]
            )
        )

    def recounted() -> dict[str, Any]:
        # where an erasure finds it, should this process be killed
        with scratch_folder(home() / "recounted") as folder:
            load, fewer = principal_only(history.load, folder / "records")
            if not fewer:
                raise NotFound(
                    "no stalking or harassment stands beside a graver crime in these records",
                    remedy="Nothing is to be done.",
                )
            return both(History(load, harm=model.question.harm), own)

    found.append(
        (
            "counting_rule",
            "stalking and harassment beside a graver crime not counted, as since June 2023",
            recounted,
        )
    )
    first = int(model.training["parameters"].get("seed", 0))
    for number in range(1, seeds + 1):
        found.append(
            (
                f"seed_{number}",
                f"another seed of the trees ({first + number})",
                lambda number=number: {"seed": first + number},  # type: ignore[misc]
            )
        )
    return found


def keep(found: Ranges) -> Path:
    """Keep rank ranges where a person's page can show them."""
    return kept_ranks.keep(
        found.table,
        found.choices,
        question=found.question,
        version=found.version,
        as_of=found.as_of,
    )


def in_words(found: Ranges, most: int = 10) -> str:
    """Return rank ranges as text, those of the first ranks one by one.

    Examples
    --------
    >>> table = pd.DataFrame({"nominal_id": ["N1"], "rank": [20], "best": [12], "worst": [57],
    ...                       "seed_1": [57]})
    >>> print(in_words(Ranges("again", 3, date(2026, 2, 1), {"seed_1": "a seed"}, table, {})))
    1 people of again (version 3) on 2026-02-01, ranked under 1 other choices.
    Half of them move by 45 ranks or fewer between their best and their worst.
      rank 20: 12 to 57 (N1)
      a seed: half of them move by 37 or fewer
    """
    told = found.to_data()
    lines = [
        f"{told['people']:,} people of {found.question} (version {found.version}) on"
        f" {found.as_of}, ranked under {len(found.choices)} other choices.",
        f"Half of them move by {told['median_spread']:,.0f} ranks or fewer between their best and"
        " their worst.",
    ]
    for row in found.table.head(most).itertuples():
        lines.append(f"  rank {row.rank:,}: {row.best:,} to {row.worst:,} ({row.nominal_id})")
    for name, words in found.choices.items():
        lines.append(f"  {words}: half of them move by {told['moved'][name]:,.0f} or fewer")
    return "\n".join([*lines, *(f"  {n} left out: {why}" for n, why in found.left_out.items())])
