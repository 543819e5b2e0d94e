"""Tables held against the identities of their metrics: anybody's file, or a training's own."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from features.errors import PrecursorError, UsageError
from training.consistency import ALIASES, COUNTS, Fault, Printed, check

REMEDY = "Compute them again from one table of counts; figures of several runs do not mix."

_NAMES = {alias: figure for figure, aliases in ALIASES.items() for alias in aliases}


def figure_of(column: str) -> str | None:
    """Return which figure a column's heading names, or None.

    Examples
    --------
    >>> figure_of("False-positive rate (%)"), figure_of("PPV"), figure_of("notes")
    ('fpr', 'precision', None)
    """
    plain = re.sub(r"\(.*?\)|@.*", "", column).strip().casefold()
    return _NAMES.get(re.sub(r"[\s_-]+", " ", plain).strip())


def check_rows(rows: Sequence[Mapping[str, str]], *, threshold: bool = True) -> list[Fault]:
    """Return what cannot be true together in the rows of a table, by their headings.

    Raises
    ------
    UsageError
        Where no heading names two figures that could be held against each other.

    Examples
    --------
    >>> [str(fault) for fault in check_rows([{"model": "A", "Precision": "0.5", "F1": "0.9",
    ...                                        "Recall": "0.5"}])]
    ['A: f1 0.9 cannot be: by 2PR / (P + R) (precision 0.5, recall 0.5) it is 0.450 to 0.550']
    """
    headings = list(rows[0]) if rows else []
    named = {heading: figure_of(heading) for heading in headings}
    told = [figure for figure in named.values() if figure is not None]
    twice = sorted({figure for figure in told if told.count(figure) > 1})
    if not told or twice:
        known = ", ".join(sorted(ALIASES))
        said = f"two columns name {', '.join(twice)}" if twice else "no column names a figure"
        raise UsageError(
            f"the table ({', '.join(headings) or 'empty'}): {said}",
            remedy=f"Head each column with one of: {known}.",
            field="file",
        )
    found = []
    for number, row in enumerate(rows, start=1):
        printed = {
            figure: read
            for heading, figure in named.items()
            if figure is not None
            and (read := _printed(heading, row[heading] or "", figure)) is not None
        }
        name = next((row[h] for h, f in named.items() if f is None and row[h]), f"row {number}")
        found += check(printed, name.strip(), threshold=threshold)
    return found


def _printed(heading: str, cell: str, figure: str) -> Printed | None:
    percent = "%" in heading and "%" not in cell
    return Printed.of(cell.strip() + "%" if percent else cell, count=figure in COUNTS)


def read_table(file: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file.

    Raises
    ------
    UsageError
        It does not exist, is not text, has no rows, or rows longer or shorter than its head.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as unread:
        why = getattr(unread, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(
            f"{file}: cannot be read ({why})", remedy="Name a CSV file in UTF-8.", field="file"
        ) from unread
    try:
        rows = list(csv.DictReader(text.splitlines()))
    except csv.Error as broken:
        raise UsageError(
            f"{file}: this is not CSV ({broken})", remedy="Write one row a line.", field="file"
        ) from broken
    uneven = [n for n, row in enumerate(rows, 2) if None in row or None in row.values()]
    if not rows or uneven:
        said = f"lines {uneven[:5]} do not fit its head" if uneven else "it has no rows"
        raise UsageError(f"{file}: {said}", remedy="One heading and cell a column.", field="file")
    return rows


def check_evaluation(evaluation: Mapping[str, Any], *, one_list: bool = True) -> list[Fault]:
    """Return what cannot be true together in an evaluation, each method by its confusion matrix.

    Parameters
    ----------
    evaluation : mapping
        As `Evaluation.to_data` returns it.
    one_list : bool
        Whether one list has the capacity; the AUC of all rows is no curve through several lists.
    """
    found = []
    base = {"n": evaluation["rows"], "positives": evaluation["positives"]}
    for method, figures in evaluation["figures"].items():
        cells = dict(evaluation["confusion_at_capacity"][method])
        told = {name: float(value) for name, value in (base | cells).items()}
        for metric, name in (
            ("precision", "precision"),
            ("recall", "recall"),
            ("observed", "prevalence"),
            ("auc", "auc"),
            ("brier", "brier"),
        ):
            value = figures[metric]["value"]
            if value is not None:
                told[name] = float(value)
        row = {name: printed for name, v in told.items() if (printed := Printed.of(v)) is not None}
        # rows that tie at the end of a list share what room there is: their counts are not whole
        found += check(row, method, threshold=one_list, whole=False)
        found += _of_figures(method, figures)
    return found


def _of_figures(method: str, figures: Mapping[str, Mapping[str, Any]]) -> list[Fault]:
    found = []
    for metric, figure in figures.items():
        low, high = figure["low"], figure["high"]
        if low is not None and high is not None and low > high:
            found.append(Fault(method, "interval", f"{metric}: {low} to {high} is no interval"))
    parts = {
        name.removeprefix("brier_"): figure["value"]
        for name, figure in figures.items()
        if name.startswith("brier_") and figure["value"] is not None
    }
    if {"reliability", "resolution", "uncertainty"} <= parts.keys():
        whole = parts["reliability"] - parts["resolution"]
        whole += parts["uncertainty"] + parts.get("within", 0.0)
        brier, rate = figures["brier"]["value"], figures["observed"]["value"]
        if brier is not None and abs(whole - brier) > 1e-6:
            said = f"its parts come to {whole:.6f}, and it is told as {brier:.6f}"
            found.append(Fault(method, "Brier", f"Brier score: {said}"))
        if rate is not None and abs(parts["uncertainty"] - rate * (1 - rate)) > 1e-6:
            said = f"{parts['uncertainty']:.6f} is not that of a rate of {rate:.6f}"
            found.append(Fault(method, "Brier", f"Brier uncertainty: {said}"))
    return found


def check_fairness(fairness: Mapping[str, Any]) -> list[Fault]:
    """Return what cannot be true together in an audit: in each group, at each threshold."""
    found = []
    for group in (group for table in fairness["tables"].values() for group in table):
        who = ", ".join(group["who"].values())
        for threshold, rates in group["at"].items():
            named = {"prevalence": group["recorded"], "fpr": rates["false_alarms"]}
            named |= {name: rates[name] for name in ("selection", "precision", "miss_rate")}
            row = {
                name: printed
                for name, figure in named.items()
                if figure is not None
                and figure["value"] is not None
                and (printed := Printed.of(float(figure["value"]))) is not None
            }
            found += check(row, f"{who}, {threshold}", whole=False)
    return found


def require_consistent(report: Mapping[str, Any]) -> None:
    """Refuse a training report with figures that cannot be true together, naming all of them.

    Raises
    ------
    PrecursorError
    """
    found = check_evaluation(report["evaluation"], one_list=report["listed"] == "in_all")
    if report.get("fairness") is not None:
        found += check_fairness(report["fairness"])
    if found:
        raise PrecursorError(
            f"figures that cannot be true together: {'; '.join(map(str, found))}",
            remedy="Report the fault; nothing of this training was registered.",
            code="impossible_figures",
        )
