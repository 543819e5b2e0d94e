"""Interactions in the truth: with them trees rank better than sums of effects, without them not."""

from __future__ import annotations

from datetime import date

import lightgbm as lgb
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from features.synthetic import Switches
from features.synthetic import parameters as p
from features.synthetic.dynamics import Engine, simulate
from features.synthetic.states import draw_states
from features.synthetic.streams import Streams
from features.synthetic.timeline import Timeline
from features.synthetic.traits import draw_people
from training.oracles_soft import soft_auc

SETTINGS = {
    "objective": "cross_entropy",
    "num_leaves": 16,
    "learning_rate": 0.1,
    "min_data_in_leaf": 100,
    "num_threads": 1,
    "deterministic": True,
    "verbosity": -1,
}


def domestic_violence(seed: int, switches: Switches) -> tuple[np.ndarray, np.ndarray]:
    """Return what is so when each domestic offence happens, and its chance to be of high harm."""
    timeline, streams = Timeline.of(1, date(2026, 1, 31)), Streams(seed)
    people = draw_people(25_000, streams["traits"])
    states = draw_states(people, timeline.months, streams["states"])
    events = simulate(people, states, timeline, streams, switches).events
    events = {name: values[events["group"] == p.DAV] for name, values in events.items()}
    engine = Engine(people, states, timeline, Streams(0), switches)
    columns = ("person", "group", "relation", "substance", "excitation")
    chance = engine.high_harm(*(events[name] for name in columns))
    person = events["person"]
    X = np.column_stack(
        [
            people.severity[person],
            people.female[person],
            events["substance"],
            events["relation"] == p.SEPARATED,
            np.log1p(40 * events["excitation"]),
        ]
    )
    return X.astype(float), chance


def gain(interactions: bool) -> tuple[float, float]:
    """Return the soft AUC of a sum of effects, and what trees add, in a world they did not see."""
    switches = Switches(False, False, False, interactions, False, duplicates=0.0)
    X, chance = domestic_violence(41, switches)
    unseen, theirs = domestic_violence(42, switches)
    twice = np.repeat([1, 0], len(X))
    line = LogisticRegression(C=np.inf, max_iter=500)
    line.fit(np.vstack([X, X]), twice, sample_weight=np.concatenate([chance, 1 - chance]))
    trees = lgb.train(SETTINGS, lgb.Dataset(X, chance), num_boost_round=200)
    summed = soft_auc(line.decision_function(unseen), theirs)[0]
    return float(summed), float(soft_auc(np.asarray(trees.predict(unseen)), theirs)[0] - summed)


def test_trees_gain_where_dangers_together_are_more_than_their_sum() -> None:
    with_them, gained = gain(interactions=True)
    without, nothing = gain(interactions=False)
    assert min(with_them, without) > 0.7
    assert gained > 0.001
    assert nothing < 0.0005
    assert nothing == pytest.approx(0, abs=0.002)
