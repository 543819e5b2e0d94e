"""Fairness audit: the same figures for every group of people, with what they rest on.

Sex, ethnicity and age band come from the person records, never from the matrix. Selection,
precision, miss rate and false alarms are told at capacity and at every band; how many outcomes were
predicted for each recorded one is told once a group. Intervals come from samples of people with
the list held as it was; fewer than ten people are never shown.

What is tested is calibration, each group beside everybody else: rates of selection differ wherever
recorded rates do, so a difference there is shown and not judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from fairlearn.metrics import MetricFrame  # type: ignore[import-untyped]
from scipy.stats import norm

from features.attributes import UNKNOWN
from features.disclosure import suppressed
from features.types import Floats
from training.evaluation import Judged
from training.metrics import Z_95, Figure, Ranking, figure, holm, in_parts, person_samples

CAPACITY = "at capacity"
RATES = ("selection", "precision", "miss_rate", "false_alarms")
OVERALL = ("recorded", "calibration")
SIGNIFICANCE = 0.05
FEWEST_OUTCOMES = 20
"""A group is tested where both it and everybody else have this many predicted and recorded."""


@dataclass(frozen=True)
class Group:
    """One group of people and its figures.

    Attributes
    ----------
    who : mapping of attribute to value
    people, rows : int or None
        None where the group is too small to be shown.
    figures : mapping of str to Figure or None
        `recorded` (share with the outcome) and `calibration` (predicted for each recorded one).
    at : mapping of threshold to mapping of rate to Figure or None
        Figures that rest on fewer than ten rows, or that would give such a one away, are None.
    """

    who: Mapping[str, str]
    people: int | None
    rows: int | None
    figures: Mapping[str, Figure | None]
    at: Mapping[str, Mapping[str, Figure | None]]

    @property
    def words(self) -> str:
        """The group in words, for example 'female, 18-24'."""
        return ", ".join(
            f"{name.replace('_', ' ')} unknown" if value == UNKNOWN else value
            for name, value in self.who.items()
        )


@dataclass(frozen=True)
class Finding:
    """A group for which predictions and records part company, beyond chance.

    Attributes
    ----------
    group : str
    calibration, others : float
        Predicted for each recorded outcome, in the group and among everybody else.
    ratio : Figure
        The one divided by the other.
    p : float
        Adjusted for the number of groups looked at.
    """

    group: str
    calibration: float
    others: float
    ratio: Figure
    p: float


@dataclass(frozen=True)
class Fairness:
    """What an audit found.

    Attributes
    ----------
    tables : mapping of attributes to list of Group
        Single attributes first, then their crossings.
    gaps : mapping of attribute to mapping of threshold to mapping of rate to float
        The largest difference between two groups that are shown.
    findings : tuple of Finding
    tested : int
        Groups that had enough outcomes to be tested.
    unknown : mapping of attribute to float
        Share of rows where nobody recorded it.
    """

    tables: Mapping[tuple[str, ...], Sequence[Group]]
    gaps: Mapping[str, Mapping[str, Mapping[str, float | None]]]
    findings: tuple[Finding, ...]
    tested: int
    unknown: Mapping[str, float]

    def to_data(self, *, compact: bool = False) -> dict[str, Any]:
        """Return it as plain data; compact, without the crossings."""
        tables = {n: t for n, t in self.tables.items() if not compact or len(n) == 1}
        return {
            "tables": {" x ".join(names): [_plain(g) for g in t] for names, t in tables.items()},
            "largest_gaps": self.gaps,
            "findings": [
                {"group": f.group, "calibration": f.calibration, "others": f.others}
                | {"ratio": f.ratio.to_data(), "p": f.p}
                for f in self.findings
            ],
            "tested": self.tested,
            "unknown": dict(self.unknown),
        }


def _plain(group: Group) -> dict[str, Any]:
    shown = {n: None if f is None else f.to_data() for n, f in group.figures.items()}
    at = {
        name: {rate: None if f is None else f.to_data() for rate, f in rates.items()}
        for name, rates in group.at.items()
    }
    return {"who": dict(group.who), "people": group.people, "rows": group.rows, **shown, "at": at}


def audit(
    judged: Judged,
    probability: npt.ArrayLike,
    protected: pd.DataFrame,
    bands: Mapping[str, float],
    *,
    draws: int = 200,
    seed: int = 0,
) -> Fairness:
    """Compare groups of people on the rows a model was judged on.

    Parameters
    ----------
    judged : Judged
    probability : array, shape (rows,)
    protected : DataFrame, shape (rows, attributes)
        As :func:`features.attributes.attributes` returns them.
    bands : mapping of str to float
        Probabilities from which a band begins.
    draws : int
        Samples of people for the intervals.
    seed : int

    Returns
    -------
    Fairness

    Examples
    --------
    >>> drawn = np.random.default_rng(1)
    >>> p = drawn.uniform(0.05, 0.6, 4000)
    >>> sex = np.repeat(["female", "male"], 2000)
    >>> y = (drawn.random(4000) < np.where(sex == "female", p / 2, p)).astype(np.int64)
    >>> rows = Judged(y, np.arange(4000).astype(str), capacity=400)
    >>> found = audit(rows, p, pd.DataFrame({"sex": sex}), {"High": 0.3})
    >>> sorted(finding.group for finding in found.findings)
    ['female', 'male']
    """
    scores = np.asarray(probability, dtype=np.float64)
    told = protected.reset_index(drop=True).fillna(UNKNOWN).astype("str")
    flags = {CAPACITY: listed(judged, scores)}
    flags |= {name: (scores >= low).astype(np.float64) for name, low in bands.items()}
    work = _Sums(judged, scores, flags, person_samples(judged.people, draws, seed))
    tables: dict[tuple[str, ...], list[Group]] = {}
    tests: dict[int, list[tuple[Group, _Gap]]] = {1: [], 2: []}
    for names in _crossings(list(told.columns)):
        groups, gaps = work.table(told[list(names)])
        tables[names] = groups
        pairs = [(group, gap) for group, gap in zip(groups, gaps, strict=True) if gap is not None]
        tests[min(len(names), 2)] += pairs
    return Fairness(
        tables=tables,
        gaps={name: _largest(told[name], judged, flags, tables[(name,)]) for name in told.columns},
        # attributes and crossings share the risk of a false alarm, so that many small crossings do
        # not drown what a whole group shows
        findings=tuple(found for family in tests.values() for found in _holm(family)),
        tested=sum(map(len, tests.values())),
        unknown={str(name): float((told[name] == UNKNOWN).mean()) for name in told.columns},
    )


def listed(judged: Judged, scores: Floats) -> Floats:
    """Return how surely each row stands on its list; ties at the end share what room there is.

    Examples
    --------
    >>> rows = Judged(np.zeros(3, np.int64), np.array(["A", "B", "C"]), capacity=2)
    >>> listed(rows, np.array([0.2, 0.9, 0.2])).tolist()
    [0.5, 1.0, 0.5]
    """
    lists = np.zeros(len(scores)) if judged.lists is None else judged.lists
    share = np.zeros(len(scores))
    for one in np.unique(lists):
        at = np.flatnonzero(lists == one)
        ranking = Ranking(judged.y[at], scores[at])
        starts = np.append(0, ranking.ends[:-1] + 1)
        room = np.clip(judged.capacity - starts, 0, ranking.ends - starts + 1)
        each = room / (ranking.ends - starts + 1)
        share[at[ranking.order]] = np.repeat(each, ranking.ends - starts + 1)
    return share


@dataclass(frozen=True)
class _Gap:
    """How a group's calibration differs from everybody else's, on a logarithmic scale."""

    calibration: float
    others: float
    log_ratio: float
    error: float


class _Sums:
    """Sums over groups in every sample of people at once: each figure is a ratio of two of them."""

    def __init__(
        self, judged: Judged, scores: Floats, flags: Mapping[str, Floats], weight: Floats
    ) -> None:
        y = judged.y.astype(np.float64)
        self.judged, self.weight, self.flags = judged, weight, flags
        amounts = {"rows": np.ones_like(y), "recorded": y, "predicted": scores}
        for name, flag in flags.items():
            amounts |= {f"listed {name}": flag, f"hits {name}": flag * y}
        self.names = list(amounts)
        self.amounts = np.column_stack(list(amounts.values()))
        self.whole = self._of(np.arange(len(y)))

    def _of(self, at: npt.NDArray[np.int64]) -> dict[str, Floats]:
        part = self.amounts[at]

        def measure(weight: Floats) -> dict[str, Floats]:
            sums = weight[:, at] @ part
            return {name: sums[:, place] for place, name in enumerate(self.names)}

        return in_parts(self.weight, measure)

    def table(self, attributes: pd.DataFrame) -> tuple[list[Group], list[_Gap | None]]:
        """Return the groups of a table, and how each differs from everybody else."""
        keys = attributes.drop_duplicates().sort_values(list(attributes.columns))
        number = attributes.groupby(list(attributes.columns), sort=True).ngroup().to_numpy()
        keys = keys.reset_index(drop=True)
        places = [np.flatnonzero(number == one) for one in range(len(keys))]
        people = [len(np.unique(self.judged.people[at])) for at in places]
        hidden = suppressed(keys, people)
        sums = [self._of(at) for at in places]
        ratios = [_ratios(each, self.flags) for each in sums]
        few = {
            name: hidden | suppressed(keys, [each[name][1][0] for each in ratios])
            for name in ratios[0]
        }
        groups, gaps = [], []
        for place, who in enumerate(keys.to_dict("records")):
            shown = {
                name: None if few[name][place] else _figure(*ratios[place][name])
                for name in ratios[place]
            }
            gone = bool(hidden[place])
            groups.append(
                Group(
                    who={str(k): str(v) for k, v in who.items()},
                    people=None if gone else people[place],
                    rows=None if gone else len(places[place]),
                    figures={name: shown[name] for name in OVERALL},
                    at={t: {r: shown[f"{r} {t}"] for r in RATES} for t in self.flags},
                )
            )
            gaps.append(None if gone else _gap(sums[place], self.whole))
        return groups, gaps


def _ratios(
    sums: Mapping[str, Floats], flags: Mapping[str, Floats]
) -> dict[str, tuple[Floats, Floats]]:
    """Return numerator and denominator of each figure, by sample."""
    rows, recorded = sums["rows"], sums["recorded"]
    found = {"recorded": (recorded, rows), "calibration": (sums["predicted"], recorded)}
    for name in flags:
        taken, hits = sums[f"listed {name}"], sums[f"hits {name}"]
        found[f"selection {name}"] = (taken, rows)
        found[f"precision {name}"] = (hits, taken)
        found[f"miss_rate {name}"] = (recorded - hits, recorded)
        found[f"false_alarms {name}"] = (taken - hits, rows - recorded)
    return found


def _figure(numerator: Floats, denominator: Floats) -> Figure | None:
    with np.errstate(invalid="ignore", divide="ignore"):
        found = figure(numerator / denominator)
    return found if np.isfinite(found.value) else None


def _gap(group: Mapping[str, Floats], whole: Mapping[str, Floats]) -> _Gap | None:
    names = ("predicted", "recorded")
    own, rest = [group[n] for n in names], [whole[n] - group[n] for n in names]
    if min(each[0] for each in (*own, *rest)) < FEWEST_OUTCOMES:
        return None
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.log(own[0] / own[1]) - np.log(rest[0] / rest[1])
    drawn = logs[1:][np.isfinite(logs[1:])]
    if len(drawn) < 2:
        return None
    return _Gap(
        calibration=float(own[0][0] / own[1][0]),
        others=float(rest[0][0] / rest[1][0]),
        log_ratio=float(logs[0]),
        error=float(drawn.std(ddof=1)),
    )


def _holm(tests: Sequence[tuple[Group, _Gap]]) -> Iterator[Finding]:
    """Yield what stays significant after Holm's correction for the number of groups tested."""
    ordered = sorted(tests, key=lambda pair: _p(pair[1]))
    corrected = holm([2 * _p(gap) for _, gap in ordered]).tolist()  # there are two families
    for (group, gap), adjusted in zip(ordered, corrected, strict=True):
        if adjusted >= SIGNIFICANCE:
            return
        ends = np.exp(gap.log_ratio + np.array([-1, 1]) * Z_95 * gap.error)
        ratio = Figure(float(np.exp(gap.log_ratio)), float(ends[0]), float(ends[1]))
        yield Finding(group.words, gap.calibration, gap.others, ratio, adjusted)


def _p(gap: _Gap) -> float:
    return float(2 * norm.sf(abs(gap.log_ratio) / gap.error)) if gap.error > 0 else 1.0


def _crossings(names: Sequence[str]) -> list[tuple[str, ...]]:
    return [some for size in range(1, len(names) + 1) for some in combinations(names, size)]


def _largest(
    attribute: pd.Series,
    judged: Judged,
    flags: Mapping[str, Floats],
    groups: Sequence[Group],
) -> dict[str, dict[str, float | None]]:
    """Return the largest difference between the groups whose figure is shown (fairlearn's)."""
    found: dict[str, dict[str, float | None]] = {}
    for name, flag in flags.items():
        frame = MetricFrame(
            metrics=dict(MEASURES), y_true=judged.y, y_pred=flag, sensitive_features=attribute
        )
        found[name] = {}
        for rate in RATES:
            shown = [next(iter(g.who.values())) for g in groups if g.at[name][rate] is not None]
            values = frame.by_group[rate].loc[shown]
            found[name][rate] = float(values.max() - values.min()) if len(shown) > 1 else None
    return found


def _share(amount: npt.ArrayLike, of: npt.ArrayLike) -> float:
    total = float(np.sum(np.asarray(of)))
    return float(np.sum(np.asarray(amount))) / total if total > 0 else float("nan")


MEASURES: Mapping[str, Any] = {
    "selection": lambda y, flag: _share(flag, np.ones(len(y))),
    "precision": lambda y, flag: _share(flag * y, flag),
    "miss_rate": lambda y, flag: _share((1 - flag) * y, y),
    "false_alarms": lambda y, flag: _share(flag * (1 - y), 1 - y),
}
"""The rates as fairlearn's metrics: labels, and how surely each row is listed, to a number."""
