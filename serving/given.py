"""Scores as they were given: what runs said before anything after their date was known.

What is scored for a date long past, from records that reach further, foretells nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from serving.runs import INFO, find_run, folder


def given(
    question: str,
    column: str,
    wanted: Callable[[Mapping[str, Any]], bool],
    *,
    having: str = INFO,
) -> pd.DataFrame:
    """Return the rows of a question's runs that foretold something, the earliest run first.

    Parameters
    ----------
    question : str
    column : str
        Where it is empty, the row is left out.
    wanted : callable
        Whether a run counts, by what is said of it.
    having : str
        The name of a file that a run must have.

    Returns
    -------
    DataFrame
        `nominal_id`, `as_of_date`, `rank` and `probability`.
    """
    columns = ["nominal_id", "as_of_date", "rank", "probability"]
    runs = [
        find_run(question, path.name)
        for path in folder(question).glob("*")
        if not path.name.startswith(".") and all((path / name).is_file() for name in (INFO, having))
    ]
    found = []
    for run in sorted(runs, key=lambda run: str(run.info["created_at"])):
        if not wanted(run.info):
            continue
        rows = pd.read_parquet(run.rows, columns=columns)
        rows["as_of_date"] = pd.to_datetime(rows["as_of_date"])
        upto = pd.Timestamp(run.info["load"]["data_to"])
        found.append(rows[rows[column].notna() & (rows["as_of_date"] > upto)])
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=columns)
