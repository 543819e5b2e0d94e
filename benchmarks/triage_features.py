"""triage's side of the comparison; runs in triage's own environment and imports nothing of ours.

    python triage_features.py ADDRESS JOB.json

The job names a folder with `events.csv` and `cohort.csv`, the as-of dates, and triage's own feature
configuration; `measured.json` and `triage.csv` (the rows of some people) are written there. What is
timed is triage's `FeatureGenerator.create_all_tables`, as its experiments call it: aggregation for
each date, joining, imputation, indexes. Loading is timed apart.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from sqlalchemy import text


def load(engine: Any, job: dict[str, Any]) -> None:
    """Copy the events and the cohort in, and index them as triage's documentation advises."""
    folder = Path(job["folder"])
    with engine.begin() as connection:
        connection.execute(text(f"CREATE TABLE events ({job['columns']})"))
        connection.execute(text("CREATE TABLE cohort (entity_id int, as_of_date date)"))
        cursor = connection.connection.cursor()
        for name in ("events", "cohort"):
            with (folder / f"{name}.csv").open() as file:
                cursor.copy_expert(f"COPY {name} FROM STDIN WITH (FORMAT csv, HEADER)", file)
        connection.execute(text("CREATE INDEX ON events (entity_id, known_on)"))
        connection.execute(text("CREATE INDEX ON events (known_on)"))
        connection.execute(text("CREATE INDEX ON cohort (entity_id, as_of_date)"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE events"))
        connection.execute(text("VACUUM ANALYZE cohort"))


def main(address: str, job: dict[str, Any]) -> None:
    """Load, make the features, and write what was measured and the asked-for rows."""
    from triage.component.architect import (  # type: ignore[import-not-found]
        feature_generators,
    )
    from triage.util.db import create_engine  # type: ignore[import-not-found]

    engine = create_engine(address)
    began = time.perf_counter()
    load(engine, job)
    loaded = time.perf_counter()
    generator = feature_generators.FeatureGenerator(engine, "features", replace=True)
    (table,) = generator.create_all_tables(job["features"], job["dates"], "cohort")
    made = time.perf_counter()
    sums = ", ".join(f'sum("{name}")::bigint AS "{name}"' for name in job["names"].values())
    with engine.connect() as connection:
        cursor = connection.connection.cursor()
        with (Path(job["folder"]) / "triage.csv").open("w") as file:
            asked = f"SELECT * FROM features.{table} WHERE entity_id < {job['sample']}"
            cursor.copy_expert(f"COPY ({asked}) TO STDOUT WITH (FORMAT csv, HEADER)", file)
        totals = connection.execute(text(f"SELECT count(*) AS rows, {sums} FROM features.{table}"))
        found = {name: int(value) for name, value in totals.mappings().one().items()}
    measured = {"load_s": loaded - began, "features_s": made - loaded}
    said = json.dumps({**measured, "totals": found})
    (Path(job["folder"]) / "measured.json").write_text(said, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")))
