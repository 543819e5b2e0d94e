"""A force's records as known on one date, ready to be counted.

Every dashboard asks these views and no others, so what was known when is decided here, by the same
predicate as everywhere (`features.visible`). Nobody's score is in them.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import date
from types import TracebackType
from typing import Any

import ibis
import pandas as pd

from features.loads import Load
from features.records import TABLES
from features.taxonomy import taxonomy
from features.visible import past

POSITIVE = ("charged", "cautioned", "out_of_court")
"""Results of a crime that count as an outcome in the published outcome rates."""

_CRIME = """
CREATE TABLE crime AS
WITH first AS (SELECT record_id, min(known_on) AS recorded_on FROM offence GROUP BY record_id)
SELECT o.record_id AS offence_id, o.reference, f.recorded_on, o.occurred_on, o.area,
    coalesce(t.stalking, false) AS stalking,
    coalesce(t.harassment, false) AND NOT coalesce(t.stalking, false) AS harassment,
    coalesce(t.subgroup = 'Rape offences', false) AS rape,
    coalesce(t.sexual, false) AS sexual,
    coalesce(t.high_harm, false) AS high_harm,
    coalesce(t.order_breach, false) AS order_breach,
    coalesce(o.threats_to_kill OR t.threats, o.threats_to_kill, t.threats, false) AS threats,
    coalesce(o.domestic, false) AS domestic,
    coalesce(o.online, false) AS online,
    coalesce(o.following, false) AS following,
    coalesce(o.unwanted_contact, false) AS contact,
    coalesce(o.strangulation, false) AS strangulation,
    coalesce(o.weapon, false) AS weapon,
    coalesce(o.child_present, false) AS child_present
FROM known_offence o
JOIN first f USING (record_id)
LEFT JOIN taxonomy t ON t.offence_code = o.offence_code;
CREATE TABLE named AS
SELECT i.nominal_id, greatest(i.known_on, c.recorded_on) AS named_on, c.*
FROM (SELECT nominal_id, offence_id, min(known_on) AS known_on FROM known_involvement
    WHERE role = 'suspect' GROUP BY nominal_id, offence_id) i
JOIN crime c USING (offence_id);
CREATE TABLE person AS
SELECT nominal_id, any_value(area) AS area, any_value(born_on) AS born_on FROM known_nominal
GROUP BY nominal_id;
"""


class Known:
    """The records of a load as known on a date.

    Parameters
    ----------
    load : Load
    at : date, optional
        The moment of knowledge, exclusive; by default the day after the load's last day.

    Notes
    -----
    There is a view ``known_<table>`` for each canonical table, and three tables more: `crime`
    (each offence with what its code and its record say), `named` (each person named as suspect in
    it) and `person` (where they live, when they were born).
    `recorded_on` is the day of a crime's first record, whatever was corrected since.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from features.synthetic import synthesise
    >>> force = synthesise(Path(tempfile.mkdtemp()) / "records", nominals=40, years=1, seed=7)
    >>> with Known(force) as known:
    ...     bool(known.ask("SELECT count(*) AS n FROM crime")["n"][0] > 0)
    True
    """

    def __init__(self, load: Load, at: date | None = None) -> None:
        self.load = load
        self.at = at or load.default_as_of
        self._backend = load.connect()
        self._lock = threading.Lock()
        connection = self._backend.con
        connection.register("taxonomy", taxonomy())
        moment = ibis.date(self.at.isoformat())
        for name, contract in TABLES.items():
            records = ibis.table(contract.schema(), name=name)
            sql = ibis.to_sql(records.filter(past(records, moment)), dialect="duckdb")
            connection.execute(f"CREATE VIEW known_{name} AS {sql}")
        connection.execute(_CRIME)

    def __enter__(self) -> Known:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self._backend.disconnect()

    def ask(self, sql: str, values: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Return what a query finds; any number of threads may ask."""
        with self._lock:
            cursor = self._backend.con.cursor()
        try:
            found: pd.DataFrame = cursor.execute(sql, values or {}).df()
            return found
        finally:
            cursor.close()

    def one(self, sql: str, values: Mapping[str, Any] | None = None) -> Any:
        """Return the single value that a query finds."""
        return self.ask(sql, values).iloc[0, 0]

    def areas(self) -> list[str]:
        """Return the areas that crimes are recorded in, by name."""
        found = self.ask("SELECT DISTINCT area FROM crime WHERE area IS NOT NULL ORDER BY area")
        return [str(area) for area in found["area"]]


def open_episodes(table: str, start: str, ends: tuple[str, ...], columns: str = "") -> str:
    """Return SQL for the episodes of a known table that have begun and not ended.

    Parameters
    ----------
    columns : str
        Further aggregates, each with its name and a comma before it.

    Examples
    --------
    >>> open_episodes("wanted", "circulated", ("cancelled",))[:34]
    'SELECT nominal_id, episode_id, max'
    """
    over = ", ".join(f"'{end}'" for end in ends)
    return (
        f"SELECT nominal_id, episode_id, max(occurred_on) FILTER (event = '{start}') AS since"
        f"{columns} FROM known_{table} GROUP BY nominal_id, episode_id"
        f" HAVING bool_or(event = '{start}') AND NOT bool_or(event IN ({over}))"
    )
