"""What is shown beside a score and is never an input to one: no model can be given it.

Having been a victim, whom one was named with, and which lists of the police one stands on say who
is known to the police and how. An offender manager should see them; a score must not rest on them.
"""

from __future__ import annotations

from features.catalogue.windows import DAYS, REPORTS, YEAR_EVER
from features.declare import COUNT, DISTINCT, RECENCY, Feature, Measure

SCHEMES = ("IOM", "MAPPA", "MARAC", "PDP")
OTHER_PERSONS = ("other person", "other people")

FEATURES: tuple[Feature, ...] = (
    Feature(
        "victimised",
        COUNT,
        "own_victimisation",
        "{value} in which this person is the victim{of} {window}",
        REPORTS,
        of=("", "domestic"),
        windows=YEAR_EVER,
    ),
    Feature(
        "victimised",
        RECENCY,
        "own_victimisation",
        "most recent report in which this person is the victim{of} {value} ago",
        DAYS,
        of=("", "domestic"),
    ),
    Feature(
        "co_offenders",
        DISTINCT,
        "co_offenders",
        "{value} once named as suspect with this person and with reports{of} {window} (not proven)",
        OTHER_PERSONS,
        of=("", "high_harm"),
        windows=YEAR_EVER,
    ),
    Feature(
        "co_offenders",
        Measure("max", "harm"),
        "co_offenders",
        "{value} of harm in the gravest report of somebody once named as suspect with this person"
        " ({weights}, not proven)",
        DAYS,
    ),
    *(
        Feature(
            "management",
            Measure("standing", "closed"),
            "management",
            "{value} under " + scheme + " now",
            ("episode", "episodes"),
            of=(f"opened+{scheme}",),
        )
        for scheme in SCHEMES
    ),
    Feature(
        "wanted",
        Measure("standing", "cancelled"),
        "wanted",
        "{value} in force",
        ("wanted marker", "wanted markers"),
        of=("circulated",),
    ),
)
