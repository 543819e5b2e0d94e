"""Features of complainants in reports that name the person as suspect: how many, and who to them.

They say nothing about any complainant: neither age nor sex of one is a feature.
"""

from __future__ import annotations

from features.catalogue.windows import REPORTS, YEAR_EVER
from features.declare import COUNT, DISTINCT, REPEATED, Feature

PERSONS = ("different complainant", "different complainants")
REPEATEDLY = ("complainant", "complainants")

FEATURES: tuple[Feature, ...] = (
    Feature(
        "victims",
        DISTINCT,
        "complainants",
        "{value} in reports{of} {window} (not proven)",
        PERSONS,
        of=("", "domestic"),
        windows=YEAR_EVER,
    ),
    Feature(
        "victims",
        DISTINCT,
        "complainants",
        "{value} in reports{of} {window} (not proven)",
        PERSONS,
        of=("child_present",),
    ),
    Feature(
        "victims",
        REPEATED,
        "complainants",
        "{value} in more than one report {window} (not proven)",
        REPEATEDLY,
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
        "victims",
        COUNT,
        "complainants",
        "{value}{of} {window} (not proven)",
        REPORTS,
        of=("stranger",),
    ),
)
