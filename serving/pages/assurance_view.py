"""What the assurance page says: calibration, groups, drift, and what people made of scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from scipy.stats import binomtest

from serving.agreement import Overrides, Share
from serving.charts_intervals import Point, calibration_chart, interval_strip
from serving.pages import words

FEWEST = 10
"""Outcomes that a dot of the calibration rests on; fewer are taken together with the next."""

UNSURE = 1.5
"""An interval that holds everybody's rate divided and multiplied by this says hardly anything."""

CAPACITY = "at capacity"
EARNS = "LightGBM earns its place"
"""How the verdict of a training begins where the model beats every simpler method."""

ATTRIBUTES = {"ethnicity": "Ethnicity", "sex": "Sex", "age_band": "Age"}


@dataclass(frozen=True)
class Measure:
    """One way in which groups are held beside each other."""

    name: str
    heading: str
    words: str
    column: str
    against: str


MEASURES = {
    measure.name: measure
    for measure in (
        Measure(
            "false_alarms",
            "Wrongly above the line, by group",
            "Of people with no such outcome recorded, the share placed above the capacity line.",
            "Share and 95% range",
            "everyone",
        ),
        Measure(
            "miss_rate",
            "Missed, by group",
            "Of people with such an outcome recorded, the share placed below the capacity line.",
            "Share and 95% range",
            "everyone",
        ),
        Measure(
            "selection",
            "Above the line, by group",
            "The share of all people placed above the capacity line. It differs wherever recorded"
            " rates do.",
            "Share and 95% range",
            "everyone",
        ),
        Measure(
            "calibration",
            "Predicted for each one recorded, by group",
            "How many outcomes were predicted for each one that was recorded: above 1 the scores of"
            " a group are too high by the records, below 1 too low.",
            "Number and 95% range",
            "as many as recorded",
        ),
    )
}


@dataclass(frozen=True)
class GroupLine:
    """One group on the page."""

    name: str
    people: str
    figure: str
    strip: Markup | str
    unsure: bool
    beside: str


@dataclass(frozen=True)
class Groups:
    """All groups by one measure."""

    measure: Measure
    reference: str
    tables: Sequence[tuple[str, Sequence[GroupLine]]]
    said: Sequence[str]


def percent(share: float) -> str:
    """Return a share in percent: whole from ten on, with one decimal below where there is one.

    Examples
    --------
    >>> percent(0.0291), percent(0.2), percent(0.05), percent(0.0), percent(0.995)
    ('2.9%', '20%', '5%', '0%', '99.5%')
    """
    tenth = round(share * 100, 1)
    whole = tenth == round(tenth) or 10 <= tenth < 99
    return f"{tenth:.0f}%" if whole else f"{tenth:.1f}%"


def points(bands: Sequence[Mapping[str, Any]]) -> list[Point]:
    """Return dots of a calibration that each rest on ten outcomes, from the bands of a training.

    Examples
    --------
    >>> band = {"rows": 100, "predicted": 0.04, "recorded": 4, "rate": 0.04}
    >>> [point.rows for point in points([band] * 7)]
    [300, 400]
    """
    taken: list[list[Mapping[str, Any]]] = [[]]
    for band in bands:
        taken[-1].append(band)
        if sum(one["recorded"] for one in taken[-1]) >= FEWEST:
            taken.append([])
    rest = taken.pop()
    if rest and taken:
        taken[-1] += rest
    elif rest:
        taken.append(rest)
    found = []
    for some in taken:
        rows = sum(one["rows"] for one in some)
        recorded = sum(one["recorded"] for one in some)
        predicted = sum(one["rows"] * one["predicted"] for one in some) / rows
        interval = binomtest(recorded, rows).proportion_ci(0.95, "wilson")
        share = recorded / rows
        found.append(Point(predicted, share, float(interval.low), float(interval.high), rows))
    return found


def calibration(training: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the calibration of a model as heading, chart and table; None where none is kept."""
    kept = training.get("calibration") or {}
    halves = kept.get("by_halves")
    bands = (
        halves["bands"] if halves else (training.get("evaluation") or {}).get("calibration_bands")
    )
    if not bands:
        return None
    found = points(bands)
    top = found[-1]
    said, happened = _in(top.predicted), _in(top.rate)
    return {
        "heading": f"When it said {said} in 100, about {happened} in 100 happened",
        "chart": calibration_chart(found, percent),
        "table": [
            (
                percent(p.predicted),
                percent(p.rate),
                f"{percent(p.low)} to {percent(p.high)}",
                f"{p.rows:,}",
            )
            for p in found
        ],
        "how": "calibrated on one half of the people of the test, judged on the other"
        if halves
        else "as it was fitted, before it was calibrated again on the test",
        "off": [p for p in found if not p.low <= p.predicted <= p.high],
    }


def _in(share: float) -> str:
    hundred = share * 100
    return f"{hundred:.0f}" if hundred >= 10 else f"{hundred:.1f}".removesuffix(".0")


def groups(training: Mapping[str, Any], name: str) -> Groups | None:
    """Return the groups of an audit by one measure; None where no audit is kept."""
    audit, measure = training.get("fairness"), MEASURES[name]
    if not audit:
        return None
    everyone = _everyone(training, name)
    kept = {
        attribute: [
            (next(iter(group["who"].values())), group["people"], _figure(group, name))
            for group in audit["tables"].get(attribute, [])
        ]
        for attribute in ATTRIBUTES
    }
    shown = [figure for table in kept.values() for _, _, figure in table if figure]
    end = max([figure["high"] for figure in shown] + [(everyone or 0) * 1.2], default=1.0)
    written = percent if name != "calibration" else "{:.2f}".format
    tables = [
        (
            ATTRIBUTES[attribute],
            [_line(attribute, *row, everyone, end, written) for row in table],
        )
        for attribute, table in kept.items()
        if table
    ]
    return Groups(
        measure,
        "" if everyone is None else f"Dashed line: {measure.against} ({written(everyone)}).",
        tables,
        _beside([line for _, lines in tables for line in lines]),
    )


def _line(
    attribute: str,
    value: str,
    people: int | None,
    figure: Mapping[str, float] | None,
    everyone: float | None,
    end: float,
    written: Any,
) -> GroupLine:
    name = f"{ATTRIBUTES[attribute]} not recorded" if value == "unknown" else value
    name = f"{name[:1].upper()}{name[1:]}"
    if people is None:
        return GroupLine(
            name,
            "Fewer than 10 people, or left out so that such a group stays hidden",
            "Not shown",
            "",
            True,
            "",
        )
    counted = words.count(people, "person", "people")
    if figure is None:
        return GroupLine(name, counted, "Too few to be told", "", True, "")
    value_, low, high = figure["value"], figure["low"], figure["high"]
    if low == high:  # nobody in any sample had it, or everybody: that tells of no range
        said = f"{written(value_)}, range not known"
        return GroupLine(name, f"{counted}, too few to be sure", said, "", True, "")
    unsure = everyone is not None and low <= everyone / UNSURE and high >= everyone * UNSURE
    beside = ""
    if everyone is not None and not unsure:
        beside = "above" if low > everyone else "below" if high < everyone else ""
    ends = f"{written(low).removesuffix('%')} to {written(high).removesuffix('%')}"
    return GroupLine(
        name,
        f"{counted}, too few to be sure" if unsure else counted,
        f"{written(value_)} ({ends})",
        interval_strip(value_, low, high, everyone, end),
        unsure,
        beside,
    )


def _figure(group: Mapping[str, Any], name: str) -> Mapping[str, float] | None:
    found = group["calibration"] if name == "calibration" else group["at"][CAPACITY][name]
    if not found or any(found[part] is None for part in ("value", "low", "high")):
        return None
    told: Mapping[str, float] = found
    return told


def _everyone(training: Mapping[str, Any], name: str) -> float | None:
    if name == "calibration":
        return 1.0
    cells = training["evaluation"]["confusion_at_capacity"]["model"]
    tp, fp, fn, tn = (cells[cell] for cell in ("tp", "fp", "fn", "tn"))
    some, of = {
        "false_alarms": (fp, fp + tn),
        "miss_rate": (fn, fn + tp),
        "selection": (tp + fp, tp + fp + fn + tn),
    }[name]
    return some / of if of else None


def _beside(lines: Sequence[GroupLine]) -> list[str]:
    """Return which groups lie above or below everybody, in words."""
    found = []
    for side in ("above", "below"):
        names = [line.name for line in lines if line.beside == side]
        if names:
            verb = "ranges are" if len(names) > 1 else "range is"
            found.append(f"{', '.join(names)}: {verb} {side} the rate for everyone.")
    return found


def findings(training: Mapping[str, Any]) -> list[str]:
    """Return for whom predictions and records part beyond chance, as the audit judged."""
    audit = training.get("fairness") or {}
    return [
        f"{found['group']}: {found['calibration']:.2f} outcomes predicted for each one recorded,"
        f" {found['others']:.2f} among everybody else"
        for found in audit.get("findings", [])
    ]


def headline(training: Mapping[str, Any], drawn: Mapping[str, Any] | None) -> str:
    """Return what there is to say first, as one sentence."""
    verdict = str(training.get("verdict", ""))
    if not verdict:
        return "This model was registered without an evaluation."
    better = verdict.startswith(EARNS)
    said = [f"It {'ranks' if better else 'does not rank'} people better than every simpler method"]
    if drawn is not None:
        off, of = len(drawn["off"]), len(drawn["table"])
        said.append(
            f"at {off} of {of} levels of risk its estimates differ from what was recorded"
            if off
            else "its estimates agree with what was recorded"
        )
    if training.get("fairness"):
        found = len(findings(training))
        told = words.count(found, "group of people", "groups of people")
        said.append(
            f"for {told} predictions and records part beyond chance"
            if found
            else "for no group of people do predictions and records part beyond chance"
        )
    return "; ".join(said) + "."


def drift(psi: float | None) -> tuple[str, str]:
    """Return how scores of the list in use differ from those at training: in a word, and in words.

    Examples
    --------
    >>> drift(0.03)[0], drift(0.2)[0], drift(0.3)[0], drift(None)[0]
    ('Stable', 'Watch', 'Review', 'Not known')
    """
    if psi is None:
        return "Not known", "No list is published, or the model keeps nothing to compare with."
    word = "Stable" if psi < 0.1 else "Watch" if psi < 0.25 else "Review"
    return word, (
        f"The scores of the list in use against those at training: PSI {psi:.2f}."
        " From 0.10 watch, from 0.25 a person looks before the next list is used."
    )


def share_words(share: Share | None) -> str:
    """Return a share with its interval in words.

    Examples
    --------
    >>> share_words(Share.of(18, 24)), share_words(None)
    ('75% (55% to 88%)', 'Too few to show')
    """
    if share is None:
        return "Too few to show"
    return f"{percent(share.value)} ({percent(share.low)} to {percent(share.high)})"


def override_lines(found: Sequence[Overrides]) -> list[dict[str, Any]]:
    """Return overrides by group as lines of a table."""
    lines = []
    for one in found:
        name = ATTRIBUTES.get(one.attribute, "Everybody")
        group = "not recorded" if one.group == "unknown" else one.group
        lines.append(
            {
                "name": "Everybody" if one.attribute == "everybody" else f"{name}: {group}",
                "decisions": "" if one.overridden is None else f"{one.overridden.number:,}",
                "overridden": share_words(one.overridden),
                "higher": share_words(one.higher),
                "strip": ""
                if one.overridden is None
                else interval_strip(
                    one.overridden.value, one.overridden.low, one.overridden.high, None, 1.0
                ),
            }
        )
    return lines
