"""Structured logs: one JSON line for each answer and each fault, with the request's id.

A line has route template, status and times, never a path, an actor, a purpose or an id of a person:
those are on the ledger, which finds them by time. ``PRECURSOR_LOG_LEVEL`` (INFO) says how much.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime

LOGGER = "precursor"
FIELDS = ("request", "route", "method", "status", "ms", "steps")
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class AsJson(logging.Formatter):
    """Formats a record as one line of JSON.

    Examples
    --------
    >>> record = logging.LogRecord("precursor", logging.INFO, "", 0, "answered", (), None)
    >>> record.status = 200
    >>> json.loads(AsJson().format(record))["status"]
    200
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        said = {"at": at, "level": record.levelname, "message": record.getMessage()}
        said |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        return json.dumps(said, ensure_ascii=True)


def begin() -> None:
    """Send the service's log to standard error, one JSON object a line."""
    logger = logging.getLogger(LOGGER)
    level = os.environ.get("PRECURSOR_LOG_LEVEL", "INFO").upper()
    logger.setLevel(level if level in _LEVELS else "INFO")
    if not any(isinstance(handler.formatter, AsJson) for handler in logger.handlers):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(AsJson())
        logger.addHandler(handler)
    # in a worker of our own the framework would write each line a second time, in its own form
    logger.propagate = "PRECURSOR_WORKERS" not in os.environ
