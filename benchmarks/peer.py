"""The peer: triage on a private PostgreSQL, asked for the same columns of the same events."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks import postgres, processes, wanted
from benchmarks.force import as_of_dates, spine
from features.errors import PrecursorError
from features.loads import Load
from features.taxonomy import taxonomy

HERE = Path(__file__).parent

SETTINGS = {
    "shared_buffers": "1GB",
    "work_mem": "256MB",
    "maintenance_work_mem": "512MB",
    "max_wal_size": "4GB",
    "max_parallel_workers_per_gather": str(os.cpu_count() or 1),
}
"""The cluster's settings: all processors, memory to work in, no waiting for the disk."""

SAMPLE = 1_000
"""People, from the first in the register, of whom every value is compared."""


def environment(folder: Path) -> Path:
    """Make triage's environment, or find it made, and return its interpreter.

    Raises
    ------
    PrecursorError
        Where it cannot be made.
    """
    made = subprocess.run(
        ["bash", HERE / "peer.sh", folder],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHON": sys.executable},
    )
    if made.returncode:
        raise PrecursorError(
            f"triage's environment cannot be made in {folder}: {_end(made.stderr)}",
            remedy="Mend that, or leave the peer out: --only whole and the like.",
        )
    return folder / "bin" / "python"


def measured(load: Load, python: Path, folder: Path, dates: int) -> dict[str, Any]:
    """Hand a plain load's events to triage and return what it took and found.

    Returns
    -------
    dict
        `load_s`, `features_s`, `totals` of each column; `sample` is a CSV of some people's rows;
        `peak_gb` is the most that triage and its database held, what they share counted once.
    """
    job = _handed_over(load, folder, dates)
    with postgres.cluster(SETTINGS) as address:
        url = address.format(database="postgres").replace("://", "+psycopg2://")
        theirs = subprocess.Popen(
            [python, HERE / "triage_features.py", url, job],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        server = postgres.postmaster(postgres.folder_of(address))
        with processes.watched(theirs.pid, server) as peak:
            _, said = theirs.communicate()
    if theirs.returncode:
        raise PrecursorError(
            f"triage failed: {_end(said)}", remedy="Nothing was measured of the peer."
        )
    found: dict[str, Any] = json.loads((folder / "measured.json").read_text(encoding="utf-8"))
    return found | {"sample": str(folder / "triage.csv"), "peak_gb": peak.gb}


def _handed_over(load: Load, folder: Path, dates: int) -> Path:
    """Write the events and the cohort as CSV, and the job that names them."""
    connection = load.connect().con
    connection.register("taxonomy", taxonomy())
    connection.register("asked", spine(load, dates))
    cohort = "SELECT substr(nominal_id, 2)::INT AS entity_id, as_of_date::DATE FROM asked"
    for name, sql in (("events", wanted.events_sql()), ("cohort", cohort)):
        connection.execute(f"COPY ({sql}) TO '{folder / name}.csv' (HEADER)")
    job = {
        "folder": str(folder),
        "columns": wanted.table(),
        "dates": [day.isoformat() for day in as_of_dates(dates)],
        "features": wanted.configuration(),
        "names": wanted.names(),
        "sample": SAMPLE,
    }
    file = folder / "job.json"
    file.write_text(json.dumps(job), encoding="utf-8")
    return file


def _end(said: str) -> str:
    """Return the last line of what a program said that is no warning."""
    lines = [line for line in said.splitlines() if line and not line.startswith("WARNING")]
    return lines[-1].strip() if lines else "it said nothing"
