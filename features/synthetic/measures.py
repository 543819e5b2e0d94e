"""Figures of a simulated force as its records show them, each with its sampling error.

Crimes and people fall into groups by person, and the error of a figure is that of leaving out one
group at a time (the jackknife): one person's crimes come together, and are no independent draws.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from types import TracebackType

import duckdb
import numpy as np

from features.loads import Load
from features.records import TABLES
from features.synthetic import kinds
from features.synthetic.columns import Array
from features.taxonomy import taxonomy

GROUPS = 40
"""Groups of people, of which each is left out once."""


@dataclass(frozen=True)
class Figure:
    """A figure, its sampling error, and how many cases are behind it."""

    value: float
    error: float
    cases: float


def _codes(flags: Array) -> str:
    return ", ".join(f"'{code}'" for code, given in zip(kinds.CODES, flags, strict=True) if given)


_STALKING, _HARASSING, _RAPE = (
    _codes(flags) for flags in (kinds.STALKING, kinds.HARASSING, kinds.RAPE)
)
_VIOLENCE = (
    "'Homicide', 'Violence with injury', 'Violence without injury', 'Stalking and harassment'"
)

_PREPARED = f"""
CREATE TABLE crimes AS
SELECT o.record_id AS offence_id, o.known_on, o.occurred_on, t.harm / 100.0 AS harm, t.high_harm,
    coalesce(o.domestic, false) AS domestic,
    o.offence_code IN ({_STALKING}) AS stalking,
    o.offence_code IN ({_HARASSING}) AS harassment,
    o.offence_code IN ({_RAPE}) AS rape, t.sexual,
    (t.subgroup IN ({_VIOLENCE}) OR o.offence_code = '{kinds.PUBLIC_NETWORK}') AS violence,
    (t.violence OR t.sexual) AS violent,
    hash(coalesce(i.who, o.record_id)) % {GROUPS} AS g
FROM offence_last o JOIN taxonomy t USING (offence_code)
LEFT JOIN (SELECT offence_id, min(nominal_id) AS who FROM involvement_last
    WHERE role = 'suspect' GROUP BY 1) i ON i.offence_id = o.record_id
WHERE o.superseded_on IS NULL;
CREATE TABLE suspects AS
SELECT i.nominal_id, c.*EXCLUDE (g), greatest(i.known_on, c.known_on) AS named_on,
    hash(i.nominal_id) % {GROUPS} AS g
FROM involvement_last i JOIN crimes c USING (offence_id)
WHERE i.role = 'suspect' AND i.superseded_on IS NULL;
CREATE TABLE dyads AS
SELECT s.nominal_id, v.nominal_id AS victim, s.offence_id, s.known_on, s.harm, s.high_harm, s.g
FROM suspects s JOIN involvement_last v USING (offence_id)
WHERE v.role = 'victim' AND s.domestic;
CREATE TABLE arrests AS
SELECT c.nominal_id, c.occurred_on, d.disposal, k.rape, k.domestic,
    (k.stalking OR k.harassment) AS sh, n.sex, n.ethnicity, hash(c.nominal_id) % {GROUPS} AS g
FROM custody_last c JOIN crimes k USING (offence_id)
JOIN nominal_last n USING (nominal_id)
LEFT JOIN custody_last d ON d.nominal_id = c.nominal_id AND d.episode_id = c.episode_id
    AND d.event = 'disposed'
WHERE c.event = 'detained';
"""


class Measures:
    """The records of a load, ready to be measured; use it in a `with` block.

    Parameters
    ----------
    load : Load
        A simulated force.
    """

    def __init__(self, load: Load) -> None:
        self._connection = duckdb.connect()
        self._connection.execute("SET threads = 2")
        self._connection.register("taxonomy", taxonomy())
        for name in TABLES:
            path = str(load.tables[name]).replace("'", "''")
            self._connection.execute(
                f"CREATE VIEW {name}_last AS SELECT DISTINCT ON (record_id) * FROM"
                f" read_parquet('{path}') ORDER BY record_id, known_on DESC"
            )
        self._connection.execute(_PREPARED)

    def __enter__(self) -> Measures:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def first_day(self) -> date:
        """Return the day of the first recorded crime."""
        found = self._connection.execute("SELECT min(known_on) FROM crimes").fetchone()
        day: date | None = found[0] if found else None
        return day or date(9999, 1, 1)

    def total(self, query: str, scale: float) -> Figure:
        """Return a number of cases, scaled up; the query gives g and n, a row for each group."""
        sums = np.zeros(GROUPS)
        for group, count in self._connection.execute(query).fetchall():
            sums[int(group)] = float(count or 0)
        error = float(np.sqrt(GROUPS * sums.var(ddof=1)))
        return Figure(float(sums.sum()) * scale, error * scale, float(sums.sum()))

    def ratio(self, query: str, factor: float = 100.0) -> Figure:
        """Return a ratio; the query gives g, numerator and denominator for each group."""
        sums = np.zeros((GROUPS, 2))
        for group, over, under in self._connection.execute(query).fetchall():
            sums[int(group)] = float(over or 0), float(under or 0)
        whole = sums.sum(axis=0)
        if not whole[1]:
            return Figure(float("nan"), float("nan"), 0.0)
        rest = whole - sums
        if not (rest[:, 1] > 0).all():  # all cases are in one group
            return Figure(factor * float(whole[0] / whole[1]), float("nan"), float(whole[1]))
        without = rest[:, 0] / rest[:, 1]
        return Figure(
            factor * float(whole[0] / whole[1]), factor * _spread(without), float(whole[1])
        )

    def statistic(self, query: str, of: Callable[[Array], float]) -> Figure:
        """Return a statistic of numbers; the query gives g and a number for each case."""
        found = self._connection.execute(query).fetchnumpy()
        group = np.asarray(found["g"]).astype(np.int64)
        values = np.asarray(found["n"], dtype=np.float64)
        if len(values) < 2 * GROUPS:
            return Figure(float("nan"), float("nan"), float(len(values)))
        without = np.array([of(values[group != left]) for left in range(GROUPS)])
        return Figure(of(values), _spread(without), float(len(values)))


def _spread(without: Array) -> float:
    """Return the jackknife error from the values without each group."""
    return float(np.sqrt((GROUPS - 1) / GROUPS * np.square(without - without.mean()).sum()))


def top_share(harm: Array, share: float = 0.8) -> float:
    """Return the percentage of cases that make up a share of all harm, the gravest first.

    Examples
    --------
    >>> top_share(np.array([80.0, 10.0, 5.0, 5.0]))
    25.0
    """
    ordered = np.sort(harm)[::-1]
    reached = np.searchsorted(np.cumsum(ordered), share * ordered.sum() * (1 - 1e-12))
    return float(100 * (reached + 1) / len(ordered))
