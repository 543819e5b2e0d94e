"""How the simulated force compares with what is published of a real one: figure by figure."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from features.errors import RecordsRefused, UsageError
from features.files import replacing
from features.loads import Load
from features.standing_page import template
from features.synthetic.measures import Figure, Measures
from features.synthetic.parameters import FULL_SCALE
from features.synthetic.targets import Target
from features.synthetic.targets_of_crimes import custody, outcomes, volumes
from features.synthetic.targets_of_people import arrests, harm, repeats

MARKING = (
    "Synthetic: nobody in these records exists. That they resemble published figures says nothing"
    " of how well anything works on people."
)
ERRORS = 2.0
"""How many sampling errors a figure may lie beyond its tolerance."""

WITHIN, BY_CHANCE, EXPLAINED, OUTSIDE, NOT_COVERED = (
    "within",
    "within, sampling error allowed for",
    "outside, explained",
    "outside",
    "not in these records",
)


@dataclass(frozen=True)
class Comparison:
    """A published figure, the simulated one, and how they compare."""

    target: Target
    figure: Figure | None

    @property
    def verdict(self) -> str:
        """One of `WITHIN`, `BY_CHANCE`, `EXPLAINED`, `OUTSIDE`, `NOT_COVERED`."""
        if self.figure is None or math.isnan(self.figure.value):
            return NOT_COVERED
        off = max(self.target.low - self.figure.value, self.figure.value - self.target.high, 0.0)
        if off <= self.target.tolerance:
            return WITHIN
        if off <= self.target.tolerance + ERRORS * self.error:
            return BY_CHANCE
        return EXPLAINED if self.target.why else OUTSIDE

    @property
    def error(self) -> float:
        """The sampling error; of a share not less than its cases have, were the published one true.

        The spread of a share that happens to be near 0 or 100 says too little.
        """
        if self.figure is None:
            return math.nan
        found = 0.0 if math.isnan(self.figure.error) else self.figure.error
        if self.target.unit != "%" or not self.figure.cases:
            return found
        nearest = min(max(self.figure.value, self.target.low), self.target.high) / 100
        return max(found, 100 * math.sqrt(nearest * (1 - nearest) / self.figure.cases))

    def as_json(self) -> dict[str, Any]:
        """Return the comparison as data."""
        target, figure = self.target, self.figure
        missed = self.verdict in (EXPLAINED, OUTSIDE)
        given = figure is not None and not math.isnan(figure.value)
        return {
            "group": target.group,
            "figure": target.words,
            "unit": target.unit,
            "published": [target.low, target.high],
            "tolerance": target.tolerance,
            "source": target.source,
            "simulated": figure.value if given and figure else None,
            "sampling_error": self.error if given else None,
            "cases": figure.cases if given and figure else 0,
            "verdict": self.verdict,
            "explanation": target.why if missed else "",
        }


def targets() -> list[Target]:
    """Return all published figures.

    Examples
    --------
    >>> sorted({target.group for target in targets()})
    ['Arrests', 'Custody', 'Harm', 'Outcomes', 'Repeats', 'Shares', 'Volumes']
    """
    return [*volumes(), *outcomes(), *custody(), *harm(), *repeats(), *arrests()]


def compare(load: Load, latent: int) -> list[Comparison]:
    """Compare a simulated force with every published figure.

    Parameters
    ----------
    load : Load
        A simulated force.
    latent : int
        How many people were simulated; volumes are scaled up from them.

    Returns
    -------
    list of Comparison

    Raises
    ------
    RecordsRefused
        Where the load is not simulated.

    Examples
    --------
    >>> import tempfile
    >>> from features.synthetic import latent_people, synthesise
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     load = synthesise(Path(folder) / "records", nominals=100, years=2, seed=7)
    ...     compare(load, latent_people(100, 2))[0].verdict
    'not in these records'
    """
    if not load.synthetic:
        raise RecordsRefused(
            f"{load.path} is no simulated force",
            remedy="Published figures are for simulated records; write some: precursor synthesise.",
        )
    scale = FULL_SCALE / latent
    with Measures(load) as measures:
        first = measures.first_day() + timedelta(days=31)
        return [
            Comparison(
                target,
                target.measure(measures, scale)
                if first <= target.since and target.until <= load.data_to + timedelta(days=1)
                else None,
            )
            for target in targets()
        ]


def refuse_unfit(file: Path, out: Path) -> None:
    """Refuse a file that cannot be the report: of another kind, a folder, or among the records.

    Examples
    --------
    >>> refuse_unfit(Path("report.pdf"), Path("records"))
    Traceback (most recent call last):
    ...
    features.errors.UsageError: report.pdf is neither .html nor .json. Name the report FILE.html.
    """
    if file.suffix not in (".html", ".json"):
        problem = f"{file.name} is neither .html nor .json"
    elif file.is_dir():
        problem = f"{file} is a folder"
    elif out.resolve() in file.resolve().parents:
        problem = f"{file} lies inside {out}"
    else:
        return
    raise UsageError(problem, remedy="Name the report FILE.html.", field="report")


def write_calibration(found: list[Comparison], load: Load, file: Path) -> None:
    """Write the report: ``FILE.html`` with ``FILE.json`` beside it, or ``FILE.json`` alone."""
    file.parent.mkdir(parents=True, exist_ok=True)
    data = {
        "synthetic": True,
        "words": MARKING,
        "records": load.fingerprint,
        "figures": [one.as_json() for one in found],
    }
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    with replacing(file.with_suffix(".json")) as part:
        part.write_text(text, encoding="utf-8")
    if file.suffix == ".html":
        with replacing(file) as part:
            part.write_text(page(found), encoding="utf-8")


def page(found: list[Comparison]) -> str:
    """Return the report as one HTML page that needs nothing else.

    Examples
    --------
    >>> "ynthetic" in page([]), "<script" in page([])
    (True, False)
    """
    rows = [one.as_json() for one in found]
    groups = list(dict.fromkeys(row["group"] for row in rows))
    verdicts = {
        verdict: sum(row["verdict"] == verdict for row in rows)
        for verdict in (WITHIN, BY_CHANCE, EXPLAINED, OUTSIDE, NOT_COVERED)
    }
    return template("features", "calibration.html", figure=shown).render(
        marking=MARKING, rows=rows, groups=groups, verdicts=verdicts
    )


def shown(value: float | None) -> str:
    """Return a figure with as many digits as it bears.

    Examples
    --------
    >>> shown(157489.4), shown(22.43), shown(None)
    ('157,489', '22.4', '')
    """
    if value is None or math.isnan(value):
        return ""
    return f"{value:,.0f}" if abs(value) >= 200 else f"{value:.3g}"


def in_words(found: list[Comparison]) -> str:
    """Return the report in lines: how many figures are met, and each that is missed with why."""
    rows = [one.as_json() for one in found]
    missed = [row for row in rows if row["verdict"] in (EXPLAINED, OUTSIDE)]
    asked = [row for row in rows if row["verdict"] != NOT_COVERED]
    beyond = len(rows) - len(asked)
    more = f" {beyond} cannot be seen in these records." if beyond else ""
    lines = [
        f"Synthetic force: {len(asked) - len(missed)} of {len(asked)} published figures met.{more}"
    ]
    for row in missed:
        low, high = row["published"]
        published = shown(low) if low == high else f"{shown(low)} to {shown(high)}"
        why = row["explanation"] or "no explanation"
        lines.append(
            f"  missed: {row['figure']}: {shown(row['simulated'])} {row['unit']}, published"
            f" {published}. {why}"
        )
    return "\n".join(lines)
