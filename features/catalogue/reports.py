"""Features of reports that name the person as suspect, and of their complainants: not proven."""

from __future__ import annotations

from features.catalogue.windows import DAYS, SHORT, YEAR_EVER
from features.declare import (
    AGE,
    COUNT,
    DISTINCT,
    FIRST,
    GAP,
    ONSET,
    RECENCY,
    VARIETY,
    Feature,
    Measure,
    days,
)

REPORTS = ("report", "reports")
YEARS = ("year", "years")
NAMED = "{value} naming this person as suspect{of} {window} (not proven)"
LATEST = "most recent report naming this person as suspect{of} {value} ago (not proven)"

FEATURES: tuple[Feature, ...] = (
    Feature("person", AGE, "age", "aged {value}", YEARS),
    Feature("suspected", ONSET, "onset", "aged {value} at the first report on record", YEARS),
    Feature("suspected", FIRST, "onset", "first report on record {value} ago (not proven)", DAYS),
    Feature("suspected", COUNT, "reports", NAMED, REPORTS, windows=(days(30), days(180), *SHORT)),
    Feature("suspected", RECENCY, "reports", LATEST, DAYS),
    Feature("suspected", GAP, "reports", "{value} between reports on average (not proven)", DAYS),
    Feature(
        "suspected",
        COUNT,
        "reports_violence",
        NAMED,
        REPORTS,
        of=("violence", "injury"),
        windows=SHORT,
    ),
    Feature("suspected", RECENCY, "reports_violence", LATEST, DAYS, of=("violence", "injury")),
    Feature(
        "suspected", COUNT, "reports_sexual", NAMED, REPORTS, of=("sexual",), windows=YEAR_EVER
    ),
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
    Feature(
        "suspected", COUNT, "reports_domestic", NAMED, REPORTS, of=("domestic",), windows=SHORT
    ),
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
        of=(
            "damage",
            "drugs",
            "weapons",
            "public_order",
            "order_breach",
            "driving",
            "fraud",
            "other",
        ),
        windows=YEAR_EVER,
    ),
    Feature("suspected", COUNT, "reports", NAMED, REPORTS, of=("indictable",), windows=(*SHORT,)),
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
        "{value} of harm in reports {window} (subgroup medians, not proven)",
        DAYS,
        windows=SHORT,
    ),
    Feature(
        "suspected",
        Measure("max", "harm"),
        "harm",
        "{value} of harm in the gravest report {window} (subgroup medians, not proven)",
        DAYS,
        windows=YEAR_EVER,
    ),
    Feature(
        "suspected",
        Measure("decayed", "harm"),
        "harm",
        "{value} of harm in reports, halved for each year since (subgroup medians, not proven)",
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
)
