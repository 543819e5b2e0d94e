"""Windows and units that declarations of several groups share."""

from __future__ import annotations

from features.declare import EVER, days

DAYS = ("day", "days")
SHORT = (days(90), days(365), days(730), EVER)
YEAR_EVER = (days(365), EVER)
