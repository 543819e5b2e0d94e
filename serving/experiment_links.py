"""Where a run of MLflow can be looked at: an address where a server has one, else a command."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

SETTING = "PRECURSOR_MLFLOW_URL"
COMMAND = (
    "mlflow ui --backend-store-uri sqlite:///${PRECURSOR_HOME:-$PWD/.precursor}/mlflow/mlflow.db"
)


@dataclass(frozen=True)
class RunLink:
    """One run: its id, its address, that of the registered version; empty where there is none."""

    run_id: str
    run: str
    version: str
    command: str = COMMAND


def server(entry: Mapping[str, Any]) -> str:
    """Return the address of the MLflow server that people open, or nothing.

    ``PRECURSOR_MLFLOW_URL`` says it; else ``MLFLOW_TRACKING_URI`` where it is an address, else the
    one that the version was registered at. Names and passwords in it are left out.
    """
    for named in (
        os.environ.get(SETTING),
        os.environ.get("MLFLOW_TRACKING_URI"),
        entry.get("store"),
    ):
        try:
            parts = urlsplit(str(named or ""))
        except ValueError:
            continue
        if parts.scheme in ("http", "https") and parts.hostname:
            host = parts.netloc.rpartition("@")[2]
            return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
    return ""


def run_link(question: str, entry: Mapping[str, Any]) -> RunLink:
    """Return where the run of a registered version can be looked at.

    Examples
    --------
    >>> from unittest.mock import patch
    >>> entry = {"run_id": "ab12", "experiment_id": "3", "version": 7}
    >>> with patch.dict("os.environ", {SETTING: "https://me:secret@mlflow.example/base/"}):
    ...     print(run_link("escalation", entry).run)
    https://mlflow.example/base/#/experiments/3/runs/ab12
    >>> with patch.dict("os.environ", {SETTING: "javascript:alert(1)"}):
    ...     print(repr(run_link("escalation", entry).run))
    ''
    """
    run_id, base = str(entry.get("run_id") or ""), server(entry)
    if not base or not run_id:
        return RunLink(run_id, "", "")
    experiment = quote(str(entry.get("experiment_id") or "0"), safe="")
    version = quote(str(entry.get("version") or ""), safe="")
    name = quote(question, safe="")
    return RunLink(
        run_id,
        f"{base}/#/experiments/{experiment}/runs/{quote(run_id, safe='')}",
        f"{base}/#/models/{name}/versions/{version}" if version else "",
    )
