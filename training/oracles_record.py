"""The record oracle: the best score there can be from the records alone, learnt from the truth.

The full-state oracle knows what nobody records, so no model can reach it. What can be reached is
the mean of the true risk given the records. It is learnt from other worlds of the same making:
their people, with the columns a question allows, and as target their true chances instead of what
happened to follow, which takes out nearly all the noise. The expected cross-entropy of a chance is
least at its conditional mean, so a booster fitted to it approaches the oracle, from below as worlds
are added. The error of stopping short is judged by leaving out one world after another.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd

from features.history import History
from features.loads import Load, open_load
from features.machine import cores
from features.matrix import Matrix, build
from features.question import Question
from features.synthetic import synthesise
from features.synthetic.truth import MANIFEST
from features.types import Floats, Tell
from training.oracles_truth import Truth, open_truth

UNIVERSES = 3
REPLAYS = 2
"""Futures behind each target: their noise averages out over rows as that of more futures does."""

PARAMETERS: Mapping[str, Any] = {
    "objective": "cross_entropy",
    "metric": "cross_entropy",
    "num_leaves": 16,
    "max_depth": 5,
    "learning_rate": 0.08,
    "min_data_in_leaf": 200,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 20.0,
    "deterministic": True,
    "force_row_wise": True,
    "seed": 20,
    "verbosity": -1,
}
MOST_TREES = 2000
PATIENCE = 30


@dataclass(frozen=True)
class RecordOracle:
    """What the record oracle says of given rows.

    Attributes
    ----------
    probability : ndarray, shape (rows,)
        From all universes.
    without : ndarray, shape (universes, rows)
        The same, learnt with one universe left out.
    rows : int
        Rows it was learnt from.
    trees : int
    """

    probability: Floats
    without: Floats
    rows: int
    trees: int


@dataclass(frozen=True)
class Universe:
    """One world's rows: columns, then the true chance to have the outcome recorded."""

    X: npt.NDArray[np.float32]
    p: Floats


def inputs(matrix: Matrix) -> npt.NDArray[np.float32]:
    """Return a matrix's columns and the day of each row; recording drifts, and dates are known."""
    day = matrix.frame["as_of_date"].to_numpy().astype("datetime64[D]").astype(np.float32)
    return np.column_stack([matrix.X.astype(np.float32), day])


def universe(
    question: Question,
    truth: Truth,
    number: int,
    at: Sequence[date],
    *,
    replays: int = REPLAYS,
    nominals: int | None = None,
) -> Universe:
    """Simulate another world of the same making, and return its rows on some dates.

    The world is kept in the folder of the truth, for other questions of the same dates.

    Parameters
    ----------
    question : Question
    truth : Truth
        Of the world that is to be judged; this one differs by its seed, and its size if asked.
    number : int
        From 1; with the world's own seed it gives that of this one.
    at : sequence of date
    replays : int
    nominals : int, optional
        How many; as many as in the world that is to be judged by default.
    """
    load, own = _world(question, truth, number, at, replays, nominals or truth.told["nominals"])
    matrix = build(History(load, harm=question.harm), question, at=at)
    rows = matrix.frame.reset_index(names="row")
    known = rows.merge(open_truth(own, load).risk(question), on=["nominal_id", "as_of_date"])
    kept = Matrix(matrix.frame.loc[known["row"]], matrix.feature_set)
    return Universe(inputs(kept), known["recorded"].to_numpy(np.float64))


def _world(
    question: Question,
    truth: Truth,
    number: int,
    at: Sequence[date],
    replays: int,
    nominals: int,
) -> tuple[Load, Path]:
    """Return the records and the folder of the truth of another world, simulated at most once."""
    told = truth.told
    asked = {"at": list(at), "horizon": question.horizon_days, "replays": replays}
    key = _digest({"number": number, "nominals": nominals, "of": told["load"], **asked})
    kept = truth.folder / f"universe-{key}"
    if not (kept / "truth" / MANIFEST).exists():
        with tempfile.TemporaryDirectory(prefix="universe-", dir=truth.folder) as folder:
            made = Path(folder) / "made"
            synthesise(
                made / "records",
                nominals=nominals,
                years=told["years"],
                seed=int(np.random.SeedSequence([told["seed"], number, 77]).generate_state(1)[0]),
                truth=made / "truth",
                truth_at={day: [question.horizon_days] for day in at},
                replays=replays,
                switches=truth.switches,
                data_to=truth.data_to,
            )
            made.rename(kept)
    return open_load(kept / "records"), kept / "truth"


@dataclass(frozen=True)
class Learnt:
    """The record oracle as LightGBM's texts: of all universes, and without each of them.

    Attributes
    ----------
    whole : str
    without : list of str
    rows : int
        Rows it was learnt from.
    trees : int
    """

    whole: str
    without: list[str]
    rows: int
    trees: int

    def score(self, X: npt.NDArray[np.float32]) -> RecordOracle:
        """Return what it says of given rows, which are from :func:`inputs`."""
        whole, *without = (
            np.asarray(lgb.Booster(model_str=text).predict(X))
            for text in (self.whole, *self.without)
        )
        return RecordOracle(whole, np.asarray(without), self.rows, self.trees)


def learn(universes: Sequence[Universe]) -> Learnt:
    """Learn the record oracle from universes.

    The number of trees is what serves a universe that was left out best.

    Parameters
    ----------
    universes : sequence of Universe
        At least 2.
    """
    chosen = {**PARAMETERS, "num_threads": 1}

    def leave_out(out: int) -> lgb.Booster:
        rest = [u for place, u in enumerate(universes) if place != out]
        data, held = _dataset(rest, chosen), universes[out]
        return lgb.train(
            dict(chosen),
            data,
            num_boost_round=MOST_TREES,
            valid_sets=[data.create_valid(held.X, held.p)],
            callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
        )

    # a booster on each core finishes sooner than all cores on one booster after another
    with ThreadPoolExecutor(max_workers=cores()) as pool:
        boosters = list(pool.map(leave_out, range(len(universes))))
    trees = [booster.best_iteration for booster in boosters]
    without = [
        booster.model_to_string(num_iteration=number)
        for booster, number in zip(boosters, trees, strict=True)
    ]
    # with one universe more to learn from, more trees pay, about in proportion
    number = round(float(np.mean(trees)) * len(universes) / (len(universes) - 1))
    whole = lgb.train(chosen, _dataset(universes, chosen), num_boost_round=number)
    return Learnt(whole.model_to_string(), without, sum(len(u.p) for u in universes), number)


def _dataset(universes: Sequence[Universe], chosen: Mapping[str, Any]) -> lgb.Dataset:
    X = np.concatenate([u.X for u in universes])
    p = np.concatenate([u.p for u in universes])
    return lgb.Dataset(X, p, params=dict(chosen), free_raw_data=False)


def record_oracle(
    question: Question,
    truth: Truth,
    rows: Matrix,
    *,
    universes: int = UNIVERSES,
    nominals: int | None = None,
    progress: Tell | None = None,
) -> RecordOracle:
    """Return what the best possible score from the records says of given rows.

    It takes minutes, most of them for simulating the other worlds, so worlds and what was learnt
    are kept in the folder of the truth, and read from there when these dates are judged again.

    Parameters
    ----------
    question : Question
    truth : Truth
        Of the load that the rows are from.
    rows : Matrix
    universes : int
        How many other worlds to learn from; at least 2.
    nominals : int, optional
        How large they are; as large as the world that is judged by default.
    progress : callable, optional
        Called with a line of text at each step.
    """
    at = sorted(day.date() for day in pd.to_datetime(rows.frame["as_of_date"].unique()))
    key = _key(question, rows, at, universes, nominals or truth.told["nominals"])
    kept = truth.folder / f"record-oracle-{question.name}-{key}.json"
    if kept.exists():
        learnt = Learnt(**json.loads(kept.read_text(encoding="utf-8")))
        return learnt.score(inputs(rows))
    say = progress or (lambda _: None)
    worlds = []
    for number in range(1, universes + 1):
        say(f"record oracle: universe {number} of {universes}")
        worlds.append(universe(question, truth, number, at, nominals=nominals))
    say(f"record oracle: learning from {sum(len(u.p) for u in worlds):,} rows")
    learnt = learn(worlds)
    kept.write_text(json.dumps(asdict(learnt)), encoding="utf-8")
    return learnt.score(inputs(rows))


def _key(
    question: Question, rows: Matrix, at: Sequence[date], universes: int, nominals: int
) -> str:
    asked = {"question": question.to_data(), "universes": universes, "replays": REPLAYS}
    asked |= {"learning": dict(PARAMETERS), "patience": PATIENCE, "at": list(at)}
    asked |= {"columns": rows.feature_set.fingerprint, "nominals": nominals}
    return _digest(asked)


def _digest(asked: Mapping[str, Any]) -> str:
    text = json.dumps(asked, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
