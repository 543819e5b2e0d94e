"""The catalogue: every feature, each as one declaration. To add one, write one more here.

A declaration names a source, a measure, marks, windows and words; the compiler supplies time. Its
group must stand in `register.yaml`, which is the allow-list of what may enter a score and why.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.resources import files
from typing import Any

import yaml

from features.declare import (
    AGE,
    BUCKETS,
    COUNT,
    DISTINCT,
    EVER,
    FIRST,
    GAP,
    ONSET,
    RECENCY,
    VARIETY,
    Feature,
    FeatureSet,
    Measure,
    days,
)
from features.errors import PrecursorError
from features.sources import CONTEXT, SOURCES
from features.taxonomy import HARM, HIGH_HARM, STRANDS

REPORTS = ("report", "reports")
DAYS = ("day", "days")
YEARS = ("year", "years")
NAMED = "{value}{of} naming this person as suspect {window} (not proven)"
LATEST = "most recent report{of} naming this person as suspect {value} ago (not proven)"
SHORT = (days(90), days(365), days(730), EVER)
YEAR_EVER = (days(365), EVER)

CATALOGUE: tuple[Feature, ...] = (
    Feature("person", AGE, "age", "aged {value}", YEARS),
    Feature(
        "suspected", ONSET, "onset", "aged {value} at the first report on record", YEARS
    ),
    Feature("suspected", FIRST, "onset", "first report on record {value} ago (not proven)", DAYS),
    Feature("suspected", COUNT, "reports", NAMED, REPORTS, windows=(days(30), days(180), *SHORT)),
    Feature("suspected", RECENCY, "reports", LATEST, DAYS),
    Feature("suspected", GAP, "reports", "{value} between reports on average (not proven)", DAYS),
    Feature(
        "suspected", COUNT, "reports_violence", NAMED, REPORTS, of=("violence", "injury"), windows=SHORT
    ),
    Feature("suspected", RECENCY, "reports_violence", LATEST, DAYS, of=("violence", "injury")),
    Feature("suspected", COUNT, "reports_sexual", NAMED, REPORTS, of=("sexual",), windows=YEAR_EVER),
    Feature("suspected", RECENCY, "reports_sexual", LATEST, DAYS, of=("sexual",)),
    Feature(
        "suspected",
        COUNT,
        "reports_stalking_harassment",
        NAMED,
        REPORTS,
        of=("stalking", "harassment"),
        windows=SHORT,
    ),
    Feature(
        "suspected",
        RECENCY,
        "reports_stalking_harassment",
        LATEST,
        DAYS,
        of=("stalking", "harassment"),
    ),
    Feature("suspected", COUNT, "reports_domestic", NAMED, REPORTS, of=("domestic",), windows=SHORT),
    Feature(
        "suspected",
        COUNT,
        "reports_domestic",
        NAMED,
        REPORTS,
        of=("domestic+violence",),
        windows=YEAR_EVER,
    ),
    Feature("suspected", RECENCY, "reports_domestic", LATEST, DAYS, of=("domestic",)),
    Feature(
        "suspected", COUNT, "reports_high_harm", NAMED, REPORTS, of=("high_harm",), windows=SHORT
    ),
    Feature("suspected", RECENCY, "reports_high_harm", LATEST, DAYS, of=("high_harm",)),
    Feature(
        "suspected",
        COUNT,
        "reports_acquisitive",
        NAMED,
        REPORTS,
        of=("theft", "burglary", "robbery"),
        windows=YEAR_EVER,
    ),
    Feature("suspected", RECENCY, "reports_acquisitive", LATEST, DAYS, of=("theft", "burglary")),
    Feature(
        "suspected",
        COUNT,
        "reports_other",
        NAMED,
        REPORTS,
        of=("damage", "drugs", "weapons", "public_order", "order_breach", "driving", "fraud", "other"),
        windows=YEAR_EVER,
    ),
    Feature(
        "suspected", COUNT, "reports", NAMED, REPORTS, of=("indictable",), windows=(*SHORT,)
    ),
    Feature("suspected", RECENCY, "reports", LATEST, DAYS, of=("indictable",)),
    Feature(
        "suspected",
        COUNT,
        "behaviour_markers",
        NAMED,
        REPORTS,
        of=("strangulation", "weapon", "threats_to_kill", "separation", "child_present", "online"),
        windows=YEAR_EVER,
    ),
    Feature(
        "suspected",
        Measure("sum", "harm"),
        "harm",
        "{value} of harm in reports {window} (not proven)",
        DAYS,
        windows=SHORT,
    ),
    Feature(
        "suspected",
        Measure("max", "harm"),
        "harm",
        "{value} of harm in the gravest report {window} (not proven)",
        DAYS,
        windows=YEAR_EVER,
    ),
    Feature(
        "suspected",
        Measure("decayed", "harm"),
        "harm",
        "{value} of harm in reports, halved for each year since (not proven)",
        DAYS,
    ),
    Feature(
        "suspected",
        VARIETY,
        "variety",
        "reports of different kinds (variety {value}, not proven)",
        ("", ""),
    ),
    Feature(
        "victims",
        DISTINCT,
        "complainants",
        "{value}{of} {window} (not proven)",
        ("different complainant", "different complainants"),
        windows=YEAR_EVER,
    ),
    Feature(
        "victims",
        COUNT,
        "complainants",
        "{value}{of} {window} (not proven)",
        REPORTS,
        of=("partner", "former_partner"),
        windows=YEAR_EVER,
    ),
    Feature(
        "custody",
        COUNT,
        "arrests",
        "{value} {window} (not proven)",
        ("arrest", "arrests"),
        of=("detained",),
        windows=(days(30), days(180), *SHORT),
    ),
    Feature(
        "custody",
        COUNT,
        "arrests",
        "{value} on indictable counts {window} (not proven)",
        ("arrest", "arrests"),
        of=("detained+indictable",),
        windows=SHORT,
    ),
    Feature(
        "custody", RECENCY, "arrests", "most recent arrest {value} ago (not proven)", DAYS, of=("detained",)
    ),
    Feature(
        "custody", GAP, "arrests", "{value} between arrests on average (not proven)", DAYS, of=("detained",)
    ),
    Feature(
        "custody",
        Measure("sum", "indictable"),
        "arrests",
        "{value} in arrests {window} (not proven)",
        ("indictable count", "indictable counts"),
        of=("detained",),
        windows=YEAR_EVER,
    ),
    Feature(
        "custody",
        Measure("sum", "summary"),
        "arrests",
        "{value} in arrests {window} (not proven)",
        ("summary count", "summary counts"),
        of=("detained",),
        windows=YEAR_EVER,
    ),
    Feature(
        "custody",
        COUNT,
        "disposals",
        "{value}{of} {window}",
        ("stay in police custody that ended in a disposal", "stays in police custody that ended in a disposal"),
        of=("bailed", "released_under_investigation", "no_further_action"),
        windows=YEAR_EVER,
    ),
    Feature(
        "charged",
        COUNT,
        "charges",
        "{value}{of} {window} (charged, not convicted)",
        ("charge", "charges"),
        of=("", "indictable", "violence"),
        windows=SHORT,
    ),
    Feature(
        "charged", RECENCY, "charges", "most recent charge {value} ago (not convicted)", DAYS
    ),
    Feature(
        "charged",
        Measure("sum", "indictable"),
        "charges",
        "{value} charged {window} (not convicted)",
        ("indictable count", "indictable counts"),
        windows=YEAR_EVER,
    ),
    Feature(
        "charged",
        Measure("sum", "summary"),
        "charges",
        "{value} charged {window} (not convicted)",
        ("summary count", "summary counts"),
        windows=YEAR_EVER,
    ),
    Feature(
        "convicted",
        COUNT,
        "convictions",
        "{value}{of} {window}",
        ("conviction", "convictions"),
        of=("", "violence", "high_harm"),
        windows=YEAR_EVER,
    ),
    Feature("convicted", RECENCY, "convictions", "most recent conviction {value} ago", DAYS),
    Feature(
        "diverted",
        COUNT,
        "convictions",
        "{value} {window}",
        ("caution or out-of-court disposal", "cautions or out-of-court disposals"),
    ),
    Feature(
        "imprisonment",
        COUNT,
        "imprisonment",
        "received into prison or remand {value} {window}",
        ("time", "times"),
        of=("received",),
        windows=YEAR_EVER,
    ),
    Feature(
        "imprisonment",
        COUNT,
        "imprisonment",
        "released from prison or remand {value} {window}",
        ("time", "times"),
        of=("released",),
        windows=YEAR_EVER,
    ),
    Feature(
        "imprisonment",
        Measure("sum", "days"),
        "imprisonment",
        "{value} served in prison or on remand by those released {window}",
        DAYS,
        of=("released",),
        windows=YEAR_EVER,
    ),
    Feature(
        "imprisonment",
        RECENCY,
        "imprisonment",
        "most recent release from prison or remand {value} ago",
        DAYS,
        of=("released",),
    ),
    Feature(
        "imprisonment",
        RECENCY,
        "imprisonment",
        "most recent reception into prison or remand {value} ago",
        DAYS,
        of=("received",),
    ),
    Feature(
        "bail",
        COUNT,
        "bail",
        "breached bail {value} {window}",
        ("time", "times"),
        of=("breached",),
        windows=YEAR_EVER,
    ),
    Feature(
        "bail",
        COUNT,
        "bail",
        "granted bail {value} {window}",
        ("time", "times"),
        of=("granted",),
        windows=YEAR_EVER,
    ),
    Feature(
        "orders",
        COUNT,
        "orders",
        "breached a protective order {value} {window}",
        ("time", "times"),
        of=("breached",),
        windows=YEAR_EVER,
    ),
    Feature(
        "orders",
        COUNT,
        "orders",
        "{value} made {window}",
        ("protective order", "protective orders"),
        of=("made",),
        windows=YEAR_EVER,
    ),
    Feature(
        "orders", RECENCY, "orders", "most recent protective order made {value} ago", DAYS, of=("made",)
    ),
    Feature(
        "assessed",
        COUNT,
        "assessments",
        "{value} graded {of} {window}".replace(" {of}", "{of}"),
        ("assessment", "assessments"),
        of=("high", "medium"),
        windows=YEAR_EVER,
    ),
    Feature(
        "assessed",
        Measure("max", "ticks"),
        "assessments",
        "{value} ticked in the gravest assessment {window}",
        ("risk factor", "risk factors"),
    ),
    Feature(
        "programme",
        COUNT,
        "programmes",
        "completed {value} {window}",
        ("behaviour programme", "behaviour programmes"),
        of=("completed",),
    ),
    Feature(
        "programme",
        COUNT,
        "programmes",
        "began {value} {window}",
        ("behaviour programme", "behaviour programmes"),
        of=("started",),
    ),
)
"""Every feature of the product, by declaration."""


@lru_cache(maxsize=1)
def register() -> dict[str, Any]:
    """Return the register of feature groups: what may be an input to a score, and why.

    Examples
    --------
    >>> register()["groups"]["age"]["source"]
    'date of birth'
    """
    text = files("features").joinpath("register.yaml").read_text(encoding="utf-8")
    entries: dict[str, Any] = yaml.safe_load(text)
    return entries


def build(declarations: tuple[Feature, ...]) -> FeatureSet:
    """Return the feature set of some declarations; all that is wrong with them is listed at once.

    Examples
    --------
    >>> build((Feature("wanted", COUNT, "astrology", "{value}", ("", "")),))
    Traceback (most recent call last):
    ...
    features.errors.PrecursorError: catalogue: wanted_n_ever: group 'astrology' is not in the \
register; wanted_n_ever: source 'wanted' is context and never an input. Enter the group in \
features/register.yaml with its reason, and use sources and marks of features/sources.py.
    """
    allowed = register()["groups"]
    columns = tuple(column for feature in declarations for column in feature.columns())
    wrong = []
    for column in columns:
        if column.group not in allowed:
            wrong.append(f"{column.name}: group '{column.group}' is not in the register")
        if column.source in CONTEXT:
            wrong.append(f"{column.name}: source '{column.source}' is context and never an input")
        if column.source != "person" and column.source not in SOURCES:
            wrong.append(f"{column.name}: there is no source '{column.source}'")
        elif column.source in SOURCES:
            known = SOURCES[column.source].marks
            wrong += [f"{column.name}: no mark '{m}'" for m in column.of if m not in known]
    if wrong:
        raise PrecursorError(
            f"catalogue: {'; '.join(wrong)}",
            remedy="Enter the group in features/register.yaml with its reason, and use sources and"
            " marks of features/sources.py.",
        )
    marks = {name: list(source.marks) for name, source in SOURCES.items()}
    definitions = {
        "buckets": list(BUCKETS),
        "register": register()["version"],
        "harm": HARM,
        "high_harm": HIGH_HARM,
        "strands": STRANDS,
        "marks": hashlib.sha256(repr(marks).encode()).hexdigest(),
    }
    return FeatureSet(columns, definitions)


@lru_cache(maxsize=1)
def catalogue() -> FeatureSet:
    """Return every column that the catalogue declares, in order.

    Examples
    --------
    >>> len(catalogue().columns) > 90
    True
    """
    return build(CATALOGUE)
