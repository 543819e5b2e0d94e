"""The report of a training: first whether the model earns its place, then the figures behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from training.baselines import CHAMPION, WORDS
from training.evaluation import MODEL, NET_BENEFIT, Evaluation
from training.metrics import Figure

LISTED = {"by_date": "on each date", "in_all": "rows in all"}

METRICS = {
    "auc": "AUC",
    "average_precision": "avg. precision",
    "brier": "Brier",
    "precision": "precision @C",
    "recall": "captured @C",
    "harm_captured": "harm @C",
}
"""Columns of the printed table; @C is at capacity."""


def earns_its_place(evaluation: Evaluation) -> tuple[bool, str]:
    """Return whether LightGBM beats every baseline, and the one sentence that says so.

    It beats a baseline when the 95 % interval of the paired difference in AUC lies above zero.

    Examples
    --------
    >>> from training.metrics import Figure
    >>> high, low, gap = Figure(0.7, 0.68, 0.72), Figure(0.6, 0.58, 0.62), Figure(0.1, 0.08, 0.12)
    >>> found = Evaluation({"model": {"auc": high}, "prior_count": {"auc": low}},
    ...     {"prior_count": {"auc": gap}}, {}, [], 100, 90, 20)
    >>> print(earns_its_place(found)[1])
    LightGBM earns its place: AUC 0.700 (0.680 to 0.720), above the best baseline, the number of \
prior records, with 0.600 (0.580 to 0.620), by 0.100 (0.080 to 0.120).
    """
    own = evaluation.figures[MODEL]["auc"]
    gaps = {
        name: by_metric["auc"]
        for name, by_metric in evaluation.differences.items()
        if name != CHAMPION  # LightGBM too: what it would replace, not what it has to be worth
    }
    if not gaps:
        return False, f"LightGBM has an AUC of {own}, and no baseline could be fitted beside it."
    best = max(gaps, key=lambda name: evaluation.figures[name]["auc"].value)
    rival = f"the best baseline, {WORDS[best]}, with {evaluation.figures[best]['auc']}"
    unbeaten = [name for name, gap in gaps.items() if not gap.low > 0]
    if not unbeaten:
        return True, f"LightGBM earns its place: AUC {own}, above {rival}, by {gaps[best]}."
    lost = [name for name in unbeaten if gaps[name].high < 0]
    level = [name for name in unbeaten if name not in lost]
    said = [
        f"{words} {_listed(names)}"
        for words, names in (("is beaten by", lost), ("cannot be told apart from", level))
        if names
    ]
    return False, (
        f"LightGBM does not earn its place: AUC {own} {' and '.join(said)};"
        f" against {rival}, it differs by {gaps[best]}."
    )


def _listed(names: Sequence[str]) -> str:
    words = [WORDS[name] for name in names]
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def text(report: Mapping[str, Any], evaluation: Evaluation) -> str:
    """Return the report as lines to print."""
    lines = [report["verdict"], ""]
    if report["synthetic"]:
        lines += ["Synthetic records: none of these figures is performance on people.", ""]
    if report["description"]:
        lines += [report["description"], ""]
    lines += [
        *_parts(report),
        f"Capacity {report['capacity']} {LISTED[report['listed']]}; intervals are 95 %, people"
        " resampled.",
        "",
        *_table(evaluation),
        "",
        *_differences(evaluation),
        "",
        *_proper(evaluation, report.get("thresholds", {})),
        *_calibration(report["calibration"]),
        *(
            f"Baseline {name.replace('_', ' ')}: {note}."
            for name, note in report["baselines"].items()
        ),
    ]
    for name, other in report["also"].items():
        lines += ["", f"The same scores judged by {name.replace('_', ' ')}:", *_lines(other)]
    if report.get("events"):
        lines += ["", "Known in the years of these rows, whether or not it matters to them:"]
        lines += [
            f"  {event['first']}: {event['name']}"
            + (f" ({event['kind']})" if event["kind"] != "event" else "")
            for event in report["events"]
        ]
    return "\n".join(lines) + "\n"


def section(lines: Sequence[str]) -> str:
    r"""Return lines as a part of the report, or nothing where there are none.

    Examples
    --------
    >>> section(["One.", "Two."]), section([])
    ('\nOne.\nTwo.\n', '')
    """
    return "\n" + "\n".join(lines) + "\n" if lines else ""


def _parts(report: Mapping[str, Any]) -> list[str]:
    split = report["split"]
    if split.get("folds_of_people"):
        return [
            _part("In all", report["test"], f"from {split['test_from']}"),
            f"Judged by {split['folds_of_people']} folds of people: nobody by a model that saw"
            " them. The registered model is fitted on all of them.",
        ]
    return [
        _part("Training", report["training"], f"before {split['train_before']}"),
        _part("Test", report["test"], f"from {split['test_from']}"),
        _apart(split),
        *_wider(report.get("wider")),
    ]


def _wider(found: Mapping[str, Any] | None) -> list[str]:
    """Return what the trees learned beside the question's own rows as lines to print."""
    if found is None:
        return []
    if not found["rows"]:
        return ["The wider cohort that the question learns from was not given: own rows alone."]
    return [
        f"The trees learned from {found['rows']:,} rows of {found['people']:,} people of a wider"
        f" cohort too, {found['positives']:,} with the outcome; nothing else here is about them."
    ]


def _part(name: str, part: Mapping[str, Any], where: str) -> str:
    return (
        f"{name}: {part['rows']:,} rows of {part['people']:,} people {where},"
        f" {part['positives']:,} with the outcome ({part['positives'] / part['rows']:.1%})."
    )


def _apart(split: Mapping[str, Any]) -> str:
    if not split["people_apart"]:
        return "The same people may be in both parts, earlier in training than in test."
    dropped = split["rows_dropped_to_keep_people_apart"]
    return f"Nobody is in both parts; {dropped:,} training rows of people in the test were dropped."


def _table(evaluation: Evaluation) -> list[str]:
    shown = [metric for metric in METRICS if metric in evaluation.figures[MODEL]]
    head = f"{'':<22}" + "".join(f"{METRICS[metric]:>26}" for metric in shown)
    rows = [
        f"{name.replace('_', ' '):<22}" + "".join(f"{by_metric[m]!s:>26}" for m in shown)
        for name, by_metric in evaluation.figures.items()
    ]
    return [head, *rows]


def _differences(evaluation: Evaluation) -> list[str]:
    return [
        f"Model minus {name.replace('_', ' ')}: AUC {by_metric['auc']},"
        f" precision @C {by_metric['precision']}."
        for name, by_metric in evaluation.differences.items()
    ]


def _proper(evaluation: Evaluation, thresholds: Mapping[str, float]) -> list[str]:
    """The Brier score taken apart, and net benefit at each threshold."""
    own = {name: figure.value for name, figure in evaluation.figures[MODEL].items()}
    lines = [
        f"Brier {own['brier']:.4f} = reliability {own['brier_reliability']:.4f} - resolution"
        f" {own['brier_resolution']:.4f} + uncertainty {own['brier_uncertainty']:.4f} + within"
        f" tenths {own['brier_within']:.4f}."
    ]
    for metric in own:
        if metric.startswith(NET_BENEFIT):
            rivals = [n for n in evaluation.figures if n != MODEL]
            best = max((evaluation.figures[n][metric].value for n in rivals), default=float("nan"))
            words = metric.removeprefix(f"{NET_BENEFIT}_").replace("_", " ")
            held = _costs(thresholds.get(words))
            lines.append(
                f"Net benefit of acting from {words} on{held}: {1000 * own[metric]:z.1f} outcomes"
                f" in 1,000 rows, {1000 * best:z.1f} by the best baseline."
            )
    return lines


def _costs(threshold: float | None) -> str:
    """What acting from a threshold on takes one missed outcome to be worth."""
    if threshold is None:
        return ""
    worth = f"{1 / threshold - 1:.0f} needless listings"
    return f" ({threshold:.0%}: one missed outcome is held to be worth {worth})"


def _calibration(found: Mapping[str, Any]) -> list[str]:
    trained, halves = found["as_trained"], found["by_halves"]
    lines = [
        "Calibration is judged within the test period. As trained:"
        f" predicted {trained['expected']:.1%}, recorded {trained['observed']:.1%};"
        f" slope {_shown(trained['slope'])}, intercept {_shown(trained['intercept'])}.",
        "The registered model is calibrated on the test part; its ranking is as judged above.",
    ]
    if halves is not None:
        lines.append(
            "What that is worth, calibrated on one half of the test people and judged on the other:"
            f" predicted {halves['expected']:.1%}, recorded {halves['observed']:.1%};"
            f" slope {halves['slope']:.3f}, Brier {halves['brier']:.4f}"
            f" (as trained {trained['brier']:.4f})."
        )
    return [*lines, trained["note"]] if trained["note"] else lines


def _lines(other: Mapping[str, Any]) -> list[str]:
    return [
        f"  {name.replace('_', ' ')}: AUC {_shown(by_metric['auc'])},"
        f" precision @C {_shown(by_metric['precision'])}"
        for name, by_metric in other["figures"].items()
    ]


def _shown(figure: Mapping[str, float | None]) -> str:
    return "-" if figure["value"] is None else str(Figure.from_data(figure))
