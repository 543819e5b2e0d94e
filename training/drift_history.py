"""What the drift monitor found each time, kept so that a page can show how it went."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from features import kept_reports
from features.kept_reports import DRIFT
from training.drift import Drift
from training.drift_words import told


def keep(question: str, found: Drift, about: Mapping[str, Any], at: datetime | None = None) -> Path:
    """Keep a report: level, period, every check that was not stable, by group, and what was done.

    Parameters
    ----------
    question : str
    found : Drift
    about : mapping
        version, load and what was done.
    at : datetime, optional
        Now by default.
    """
    said = found.to_data()
    said["checks"] = [check for check in said["checks"] if check["level"] != "stable"]
    said |= {"compared": len(found.checks), **about}
    return kept_reports.keep(DRIFT, question, said, told(found), at)
