"""Features of the harm of reports that name the person as suspect: not proven, and in days.

Harm of stalking and harassment has no column of its own: in the published lists all such codes
weigh nearly the same, so that it would be their number once more.
"""

from __future__ import annotations

from features.catalogue.windows import ALL, DAYS, YEAR_EVER
from features.declare import Feature, Measure

SUM = "{value} of harm in reports{of} {window} ({weights}, not proven)"
GRAVEST = "{value} of harm in the gravest report {window} ({weights}, not proven)"
DECAYED = "{value} of harm in reports{of}, halved for each year since ({weights}, not proven)"

FEATURES: tuple[Feature, ...] = (
    Feature("suspected", Measure("sum", "harm"), "harm", SUM, DAYS, windows=ALL),
    Feature("suspected", Measure("max", "harm"), "harm", GRAVEST, DAYS, windows=YEAR_EVER),
    Feature("suspected", Measure("decayed", "harm"), "harm", DECAYED, DAYS),
    Feature(
        "suspected",
        Measure("sum", "harm"),
        "harm_by_kind",
        SUM,
        DAYS,
        of=("domestic", "violence", "sexual"),
        windows=YEAR_EVER,
    ),
    Feature(
        "suspected", Measure("decayed", "harm"), "harm_by_kind", DECAYED, DAYS, of=("domestic",)
    ),
)
