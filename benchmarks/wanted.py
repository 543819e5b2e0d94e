"""The columns asked of both compilers: counts, sums and maxima over three windows, by marks."""

from __future__ import annotations

from typing import Any

from features.catalogue import feature_set
from features.declare import COUNT, EVER, Feature, FeatureColumn, FeatureSet, Measure, days

COUNTED = ("", "violence", "stalking", "domestic", "theft", "high_harm")
SUMMED = ("", "violence", "stalking", "domestic")
WINDOWS = (days(90), days(365), EVER)


def columns() -> FeatureSet:
    """Return the 42 columns as this project's declarations.

    Examples
    --------
    >>> len(columns().columns), columns().names[0]
    (42, 'suspected_n_90d')
    """
    amounts = [
        Feature(
            "suspected",
            Measure(kind, "harm"),
            "harm",
            "{value} of harm{of} {window}",
            ("day", "days"),
            of=SUMMED,
            windows=WINDOWS,
        )
        for kind in ("sum", "max")
    ]
    counts = Feature(
        "suspected",
        COUNT,
        "reports",
        "{value}{of} {window}",
        ("report", "reports"),
        of=COUNTED,
        windows=WINDOWS,
    )
    return feature_set((counts, *amounts))


def events_sql() -> str:
    """Return the query for triage's table of events: whose, when, the marks, the harm by mark."""
    marked = {mark: f'"{mark}"' for mark in COUNTED if mark}
    flags = ", ".join(f"coalesce({sql}, false)::INT AS {mark}" for mark, sql in marked.items())
    harms = ", ".join(
        f"CASE WHEN {marked[mark]} THEN harm END AS harm_{mark}" for mark in SUMMED if mark
    )
    return (
        f"SELECT substr(i.nominal_id, 2)::INT AS entity_id, i.known_on, {flags}, harm, {harms}"
        " FROM involvement i JOIN offence o ON i.offence_id = o.record_id"
        " JOIN taxonomy t ON o.offence_code = t.offence_code WHERE i.role = 'suspect'"
    )


def table() -> str:
    """Return the columns of triage's table of events, as PostgreSQL declares them."""
    flags = ", ".join(f"{mark} smallint" for mark in COUNTED if mark)
    harms = ", ".join(f"{_harm(mark)} int" for mark in SUMMED)
    return f"entity_id int, known_on date, {flags}, {harms}"


def configuration() -> list[dict[str, Any]]:
    """Return the same columns as triage's feature configuration, nothing flagged as imputed."""
    zero = {"all": {"type": "zero_noflag"}}
    harms = {_harm(mark): _harm(mark) for mark in SUMMED}
    return [
        {
            "prefix": "s",
            "from_obj": "events",
            "knowledge_date_column": "known_on",
            "aggregates_imputation": zero,
            "aggregates": [
                {"quantity": {"all": "1"}, "metrics": ["count"]},
                {"quantity": {mark: mark for mark in COUNTED if mark}, "metrics": ["sum"]},
                {"quantity": harms, "metrics": ["sum", "max"]},
            ],
            "intervals": ["all" if window is None else f"{window} days" for window in WINDOWS],
        }
    ]


def names() -> dict[str, str]:
    """Return triage's name for each of our columns.

    Examples
    --------
    >>> names()["suspected_violence_harm_max_ever"]
    's_entity_id_all_harm_violence_max'
    """
    return {column.name: _name(column) for column in columns().columns}


def _name(column: FeatureColumn) -> str:
    interval = "all" if column.window is None else f"{column.window} days"
    mark = "".join(column.of)
    if column.measure == "count":
        asked = f"{mark}_sum" if mark else "all_count"
    else:
        asked = f"{_harm(mark)}_{column.measure}"
    return f"s_entity_id_{interval}_{asked}"


def _harm(mark: str) -> str:
    return f"harm_{mark}" if mark else "harm"
