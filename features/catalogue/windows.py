"""Windows and units that declarations of several groups share."""

from __future__ import annotations

from features.declare import EVER, days

DAYS = ("day", "days")
REPORTS = ("report", "reports")
TIMES = ("time", "times")
ALL = (days(30), days(180), days(90), days(365), days(730), EVER)
SHORT = (days(90), days(365), days(730), EVER)
YEAR_EVER = (days(365), EVER)
COMPARED = (days(90), days(365))
"""Windows that a change compares with the window of equal length before."""
