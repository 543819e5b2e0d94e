"""Features of reports that name the person as suspect: when, how often, of which kind; not proven.

A strand is a mark of the offence's code or of its record, alone or two together; its harm stands in
`features.catalogue.harm`.
"""

from __future__ import annotations

from functools import partial

from features.catalogue.windows import ALL, COMPARED, DAYS, REPORTS, SHORT, YEAR_EVER
from features.declare import (
    AGE,
    CHANGE,
    COUNT,
    EVER,
    FIRST,
    GAP,
    ONSET,
    RECENCY,
    VARIETY,
    Feature,
    days,
)

AGED = ("year", "years")
NAMED = "{value} naming this person as suspect{of} {window} (not proven)"
LATEST = "most recent report naming this person as suspect{of} {value} ago (not proven)"

number = partial(Feature, "suspected", COUNT, words=NAMED, unit=REPORTS)
change = partial(Feature, "suspected", CHANGE, words=NAMED, unit=REPORTS)
latest = partial(Feature, "suspected", RECENCY, words=LATEST, unit=DAYS)

FEATURES: tuple[Feature, ...] = (
    Feature("person", AGE, "age", "aged {value}", AGED),
    Feature(
        "suspected", ONSET, "onset", "aged {value} at the first report on record (not proven)", AGED
    ),
    Feature("suspected", FIRST, "onset", "first report on record {value} ago (not proven)", DAYS),
    number("reports", windows=ALL),
    change("reports", windows=COMPARED),
    latest("reports"),
    Feature("suspected", GAP, "reports", "{value} between reports on average (not proven)", DAYS),
    number("reports", of=("indictable",), windows=SHORT),
    latest("reports", of=("indictable",)),
    number("reports_violence", of=("violence", "injury"), windows=(days(180), *SHORT)),
    change("reports_violence", of=("violence",), windows=(days(365),)),
    latest("reports_violence", of=("violence", "injury")),
    number("reports_sexual", of=("sexual",), windows=(days(365), days(730), EVER)),
    latest("reports_sexual", of=("sexual",)),
    number("reports_stalking_harassment", of=("stalking", "harassment"), windows=SHORT),
    number(
        "reports_stalking_harassment",
        of=("stalking+domestic", "harassment+domestic"),
        windows=YEAR_EVER,
    ),
    change("reports_stalking_harassment", of=("stalking",), windows=(days(365),)),
    latest("reports_stalking_harassment", of=("stalking", "harassment")),
    number(
        "stalking_nature",
        of=("stalking+following", "stalking+unwanted_contact", "stalking+online"),
        windows=YEAR_EVER,
    ),
    number("stalking_nature", of=("stalking+order_breach",)),
    number("reports_domestic", of=("domestic",), windows=(days(180), *SHORT)),
    number("reports_domestic", of=("domestic+violence", "coercive_control"), windows=YEAR_EVER),
    change("reports_domestic", of=("domestic",), windows=COMPARED),
    latest("reports_domestic", of=("domestic",)),
    number("reports_high_harm", of=("high_harm",), windows=SHORT),
    number("reports_high_harm", of=("domestic+high_harm",)),
    latest("reports_high_harm", of=("high_harm",)),
    number("reports_acquisitive", of=("theft", "burglary", "robbery"), windows=YEAR_EVER),
    latest("reports_acquisitive", of=("theft", "burglary", "robbery")),
    number(
        "reports_other",
        of=("damage", "drugs", "weapons", "public_order", "order_breach"),
        windows=YEAR_EVER,
    ),
    number("reports_other", of=("driving", "fraud", "other")),
    latest("reports_other", of=("damage", "drugs", "weapons", "order_breach")),
    number(
        "behaviour_markers",
        of=("strangulation", "weapon", "threats_to_kill", "separation", "child_present", "online"),
        windows=YEAR_EVER,
    ),
    latest("behaviour_markers", of=("strangulation", "weapon", "threats_to_kill", "separation")),
    Feature(
        "suspected",
        VARIETY,
        "variety",
        "reports of different kinds (variety {value}, not proven)",
        ("", ""),
    ),
)
