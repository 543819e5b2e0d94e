"""Figures that cannot be true together: metrics held against the identities between them.

A table of precision, recall and the like comes from counts of four cells. Each identity between
such figures is checked with the rounding they were printed with, so that what is refused is
impossible whatever digits were left out. What is let pass may still be wrong: figures are not true
because they are possible.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

EXACT = 1e-9
"""Tolerance of figures that were not rounded."""

ALIASES: Mapping[str, tuple[str, ...]] = {
    "n": ("n", "rows", "total", "cases", "sample size"),
    "positives": ("positives", "outcomes", "events", "with the outcome"),
    "selected": ("selected", "flagged", "predicted positives"),
    "tp": ("tp", "true positives", "hits"),
    "fp": ("fp", "false positives"),
    "fn": ("fn", "false negatives", "missed"),
    "tn": ("tn", "true negatives"),
    "prevalence": ("prevalence", "base rate", "recorded rate", "observed"),
    "selection": ("selection", "selection rate", "flag rate"),
    "precision": ("precision", "ppv", "positive predictive value"),
    "recall": ("recall", "sensitivity", "tpr", "true positive rate", "captured"),
    "miss_rate": ("miss rate", "fnr", "false negative rate"),
    "specificity": ("specificity", "tnr", "true negative rate"),
    "fpr": ("fpr", "false positive rate", "false alarms"),
    "npv": ("npv", "negative predictive value"),
    "accuracy": ("accuracy",),
    "balanced_accuracy": ("balanced accuracy",),
    "f1": ("f1", "f1 score", "f score"),
    "mcc": ("mcc", "matthews", "matthews correlation coefficient", "phi"),
    "lift": ("lift",),
    "auc": ("auc", "roc auc", "auroc", "area under the curve", "c statistic"),
    "brier": ("brier", "brier score"),
}
"""Figures by the names that tables give them."""

COUNTS = ("n", "positives", "selected", "tp", "fp", "fn", "tn")
SIGNED = ("mcc",)
UNBOUNDED = ("lift", *COUNTS)


@dataclass(frozen=True)
class Printed:
    """A figure as it was printed: all values that round to it.

    Examples
    --------
    >>> Printed.of("0.708"), Printed.of("31.6%").low
    (Printed(low=0.7075, high=0.7085), 0.3155)
    """

    low: float
    high: float

    @classmethod
    def of(cls, value: str | float, *, count: bool = False) -> Printed | None:
        """Return what a cell says: None where it is empty or no number."""
        if isinstance(value, int | float):
            return None if math.isnan(value) else cls._about(float(value), EXACT)
        text = value.strip().replace(",", "").replace("\N{MINUS SIGN}", "-")
        found = re.fullmatch(r"([-+]?(?:\d+(?:\.(\d*))?|\.(\d+)))\s*(%?)", text)
        if found is None:
            return None
        number, digits = float(found[1]), len(found[2] or found[3] or "")
        if count and not digits:
            return cls._about(number, 0.0)
        scale = 100.0 if found[4] else 1.0
        return cls._about(number / scale, 0.5 * 10**-digits / scale)

    @classmethod
    def _about(cls, value: float, half: float) -> Printed:
        return cls(round(value - half, 15), round(value + half, 15))

    def within(self, low: float, high: float) -> bool:
        """Whether some value that it may stand for lies between two others."""
        slack = EXACT * max(1.0, abs(low), abs(high))
        return self.high >= low - slack and self.low <= high + slack


Row = Mapping[str, Printed]


@dataclass(frozen=True)
class Identity:
    """A figure that follows from others: `rule` rises or falls in each of them throughout."""

    figure: str
    given: tuple[str, ...]
    words: str
    rule: Callable[..., float]


def _mcc(precision: float, recall: float, specificity: float, npv: float) -> float:
    together = precision * recall * specificity * npv
    apart = (1 - precision) * (1 - recall) * (1 - specificity) * (1 - npv)
    return math.sqrt(together) - math.sqrt(apart)


IDENTITIES = (
    Identity("prevalence", ("positives", "n"), "positives / n", lambda a, b: a / b),
    Identity("selection", ("selected", "n"), "selected / n", lambda a, b: a / b),
    Identity("positives", ("tp", "fn"), "tp + fn", lambda a, b: a + b),
    Identity("selected", ("tp", "fp"), "tp + fp", lambda a, b: a + b),
    Identity("n", ("tp", "fp", "fn", "tn"), "tp + fp + fn + tn", lambda *cells: sum(cells)),
    Identity("precision", ("tp", "fp"), "tp / (tp + fp)", lambda a, b: a / (a + b)),
    Identity("recall", ("tp", "fn"), "tp / (tp + fn)", lambda a, b: a / (a + b)),
    Identity("specificity", ("tn", "fp"), "tn / (tn + fp)", lambda a, b: a / (a + b)),
    Identity("npv", ("tn", "fn"), "tn / (tn + fn)", lambda a, b: a / (a + b)),
    Identity("miss_rate", ("recall",), "1 - recall", lambda r: 1 - r),
    Identity("fpr", ("specificity",), "1 - specificity", lambda s: 1 - s),
    Identity("f1", ("precision", "recall"), "2PR / (P + R)", lambda p, r: 2 * p * r / (p + r)),
    Identity(
        "selection",
        ("prevalence", "recall", "precision"),
        "prevalence x recall / precision",
        lambda b, r, p: b * r / p,
    ),
    Identity(
        "selection",
        ("prevalence", "recall", "fpr"),
        "prevalence x recall + (1 - prevalence) x fpr",
        lambda b, r, f: b * r + (1 - b) * f,
    ),
    Identity(
        "precision",
        ("prevalence", "recall", "fpr"),
        "prevalence, recall and false alarms (Bayes)",
        lambda b, r, f: b * r / (b * r + (1 - b) * f),
    ),
    Identity(
        "npv",
        ("prevalence", "recall", "specificity"),
        "prevalence, recall and specificity (Bayes)",
        lambda b, r, s: (1 - b) * s / ((1 - b) * s + b * (1 - r)),
    ),
    Identity(
        "accuracy",
        ("prevalence", "recall", "specificity"),
        "prevalence x recall + (1 - prevalence) x specificity",
        lambda b, r, s: b * r + (1 - b) * s,
    ),
    Identity(
        "balanced_accuracy",
        ("recall", "specificity"),
        "(recall + specificity) / 2",
        lambda r, s: (r + s) / 2,
    ),
    Identity("mcc", ("precision", "recall", "specificity", "npv"), "the four rates", _mcc),
    Identity("lift", ("precision", "prevalence"), "precision / prevalence", lambda p, b: p / b),
)
"""What follows from what."""

COMPLEMENTS = (("recall", "miss_rate"), ("specificity", "fpr"))


@dataclass(frozen=True)
class Fault:
    """Figures of one row that cannot be true together."""

    row: str
    rule: str
    words: str

    def __str__(self) -> str:
        return f"{self.row}: {self.words}" if self.row else self.words


def check(row: Row, name: str = "", *, threshold: bool = True, whole: bool = True) -> list[Fault]:
    """Return what cannot be true together in one row of a table.

    Parameters
    ----------
    row : mapping of figure to Printed
        By the names of `ALIASES`.
    name : str
        What the row is called.
    threshold : bool
        Whether rates are those of one threshold of the score whose AUC is told.
    whole : bool
        Whether counts are of whole rows, with no shared or weighted ones.

    Examples
    --------
    >>> said = {"precision": "0.708", "recall": "0.141", "mcc": "0.684"}
    >>> print(check({k: Printed.of(v) for k, v in said.items()})[0])
    mcc 0.684 cannot be: with precision 0.708 and recall 0.141 it is at most the root of their \
product, 0.316
    """
    found = [Fault(name, rule, words) for rule, words in _ranges(row)]
    told = dict(row)
    for pair in COMPLEMENTS:  # the two say the same: each serves where the other is not told
        for have, lack in (pair, pair[::-1]):
            if have in told and lack not in told:
                told[lack] = Printed(1 - told[have].high, 1 - told[have].low)
    for one in (*IDENTITIES, *IDENTITIES):  # what follows is told too; twice, for what follows it
        if one.figure not in told and all(given in told for given in one.given):
            ends = _ends(one.rule, [told[given] for given in one.given])
            if ends is not None:
                told[one.figure] = _clipped(one.figure, *ends)
    for one in IDENTITIES:
        if one.figure in told and all(given in told for given in one.given):
            ends = _ends(one.rule, [told[given] for given in one.given])
            if ends is not None and not told[one.figure].within(*ends):
                words = f"{_of(told, one.figure)} cannot be: by {one.words}"
                words += f" ({_listed(told, one.given)}) it is {_range(*ends)}"
                found.append(Fault(name, f"{one.figure} = {one.words}", words))
    found += [Fault(name, rule, words) for rule, words in _bounds(told, threshold)]
    if whole:
        found += [Fault(name, "whole counts", words) for words in _whole(row)]
    return found


def _ranges(row: Row) -> Iterator[tuple[str, str]]:
    for name, printed in row.items():
        low = -1.0 if name in SIGNED else 0.0
        high = math.inf if name in UNBOUNDED else 1.0
        if not printed.within(low, high):
            ends = f"at least {low:g}" if high == math.inf else f"between {low:g} and {high:g}"
            yield "range", f"{_of(row, name)} cannot be: it lies {ends}"


def _ends(rule: Callable[..., float], given: Sequence[Printed]) -> tuple[float, float] | None:
    """The least and the most that a rule can give; at corners, since it is monotonous in each."""
    values = []
    for corner in product(*[(each.low, each.high) for each in given]):
        try:
            values.append(rule(*[max(0.0, value) for value in corner]))
        except (ZeroDivisionError, ValueError):
            return None  # one of the figures may be 0: nothing follows from it
    return min(values), max(values)


def _clipped(figure: str, low: float, high: float) -> Printed:
    if figure in UNBOUNDED:
        return Printed(low, high)
    least = -1.0 if figure in SIGNED else 0.0
    return Printed(min(max(low, least), 1.0), max(min(high, 1.0), least))


def _bounds(told: Row, threshold: bool) -> Iterator[tuple[str, str]]:
    if {"mcc", "precision", "recall"} <= told.keys():
        precision, recall = told["precision"], told["recall"]
        most = math.sqrt(max(0.0, precision.high) * max(0.0, recall.high))
        least = -math.sqrt(max(0.0, 1 - precision.low) * max(0.0, 1 - recall.low))
        if not told["mcc"].within(least, most):
            middle = math.sqrt(max(0.0, _middle(precision) * _middle(recall)))
            side = f"most the root of their product, {middle:.3f}"
            if told["mcc"].high < least:
                side = f"least {least:.3f}"
            words = f"{_of(told, 'mcc')} cannot be: with {_of(told, 'precision')} and"
            yield (
                "mcc <= root(precision x recall)",
                f"{words} {_of(told, 'recall')} it is at {side}",
            )
    if threshold and {"auc", "recall", "fpr"} <= told.keys():
        recall, fpr = told["recall"], told["fpr"]
        least, most = recall.low * (1 - fpr.high), 1 - fpr.low * (1 - recall.high)
        if not told["auc"].within(least, most):
            words = (
                f"{_of(told, 'auc')} cannot be: a curve through {_listed(told, ('recall', 'fpr'))}"
            )
            yield "auc", f"{words} has {_range(least, most)} below it"


def _whole(told: Row) -> Iterator[str]:
    """Counts that would have to be whole numbers and cannot be."""
    for name in COUNTS:
        if name in told and math.floor(told[name].high) < math.ceil(told[name].low):
            yield f"{_of(told, name)} cannot be: it is a count"
    totals = (("n", "prevalence"), ("n", "selection"), ("positives", "recall"))
    for total, share in (*totals, ("selected", "precision")):
        if total in told and share in told and told[total].low == told[total].high:
            number = told[total].high
            if _none_between(number * told[share].low, number * told[share].high):
                yield f"{_of(told, share)} of {total} {number:,.0f} is no whole number"
    if {"positives", "recall", "precision"} <= told.keys() and told["precision"].low > 0:
        positives, recall, precision = (told[k] for k in ("positives", "recall", "precision"))
        first = max(0, math.ceil(positives.low * recall.low - EXACT))
        last = math.floor(positives.high * recall.high + EXACT)
        if last - first < 10_000 and not any(
            not _none_between(hits / precision.high, hits / precision.low)
            for hits in range(first, last + 1)
        ):
            said = _listed(told, ("positives", "recall", "precision"))
            yield f"{said} cannot be: no whole numbers of hits and of selected give them"


def _none_between(low: float, high: float) -> bool:
    return math.floor(high + 1e-6) < math.ceil(low - 1e-6)


def _middle(printed: Printed) -> float:
    return (printed.low + printed.high) / 2


def _of(row: Row, name: str) -> str:
    digits = max(0, round(-math.log10(max(row[name].high - row[name].low, 1e-4))))
    return f"{name.replace('_', ' ')} {_middle(row[name]):.{digits}f}"


def _listed(row: Row, names: Sequence[str]) -> str:
    return ", ".join(_of(row, name) for name in names)


def _range(low: float, high: float) -> str:
    return f"{low:.3f}" if f"{low:.3f}" == f"{high:.3f}" else f"{low:.3f} to {high:.3f}"
