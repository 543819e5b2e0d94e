"""How stays in police custody ended, as a board is told: three kinds of offence, all of each.

The kinds overlap (a rape may be domestic), so they are never added up. What no published row names
is a row of its own, so that each column makes 100.
"""

from __future__ import annotations

import pandas as pd

from features.dashboards.cube import Cube, cube
from features.dashboards.known import Known
from features.dashboards.periods import Period
from features.dashboards.stalking import with_areas

KINDS = {
    "stalking_harassment": "Stalking, harassment and malicious communications",
    "rape": "Rape",
    "domestic_abuse": "Domestic abuse",
}
ENDS = {
    "charged": "Charged",
    "bailed": "Bailed",
    "released_under_investigation": "Released under investigation",
    "out_of_court": "Out-of-court disposal",
    "no_further_action": "No further action",
    "other": "Other or no outcome",
}
CONDITIONS = {
    "yes": "with conditions",
    "no": "without conditions",
    "not_recorded": "conditions not recorded",
}
BREACHES = {"breached": "breach recorded", "not": "no breach recorded"}

ARRESTS = """
SELECT c.nominal_id, c.episode_id, c.offence_id, c.occurred_on, d.disposal
FROM {custody} c
LEFT JOIN {custody} d ON d.nominal_id = c.nominal_id AND d.episode_id = c.episode_id
    AND d.event = 'disposed'
WHERE c.event = 'detained'
"""
"""SQL for each arrest with how the stay ended; `custody` names the table."""

_STAYS = f"""
WITH granted AS (
    SELECT nominal_id, offence_id, max(conditions) AS conditions,
        bool_or(event = 'breached') AS breached
    FROM known_bail GROUP BY nominal_id, offence_id
)
SELECT a.nominal_id, a.episode_id, k.area,
    (k.stalking OR k.harassment) AS stalking_harassment, k.rape,
    k.domestic AS domestic_abuse,
    coalesce(a.disposal, 'other') AS "end",
    coalesce(g.conditions, 'not_recorded') AS conditions,
    CASE WHEN g.breached THEN 'breached' ELSE 'not' END AS breach
FROM ({ARRESTS.format(custody="known_custody")}) a
JOIN crime k USING (offence_id)
LEFT JOIN granted g ON g.nominal_id = a.nominal_id AND g.offence_id = a.offence_id
WHERE a.occurred_on >= $since AND a.occurred_on < $until
"""


def stays(known: Known, period: Period) -> pd.DataFrame:
    """Return the stays in custody that began in a period, one row a stay.

    Returns
    -------
    DataFrame
        area (of the crime), one bool column for each of `KINDS`, `end` (one of `ENDS`), and for the
        bailed: `conditions` (yes, no, not_recorded) and `breach` (breached, not).

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from features.dashboards.periods import periods
    >>> from features.synthetic import synthesise
    >>> force = synthesise(Path(tempfile.mkdtemp()) / "records", nominals=300, years=1, seed=7)
    >>> with Known(force) as known:
    ...     found = stays(known, periods(force.data_to)[0])
    >>> set(found["end"]) <= set(ENDS)
    True
    """
    return known.ask(_STAYS, {"since": period.since, "until": period.until}).drop_duplicates(
        ["nominal_id", "episode_id"]
    )


def counted(found: pd.DataFrame, kind: str) -> Cube:
    """Return a column of the table: stays by area and end, and the bailed by what followed."""
    own, areas = with_areas(found[found[kind]].assign(n=1))
    bailed = own["end"] == "bailed"
    own["conditions"] = own["conditions"].where(bailed, "not_bailed")
    own["breach"] = own["breach"].where(bailed, "not_bailed")
    values = {
        "area": areas,
        "end": tuple(ENDS),
        "conditions": (*CONDITIONS, "not_bailed"),
        "breach": (*BREACHES, "not_bailed"),
    }
    told = [(), ("area",), ("end",), ("area", "end"), ("end", "conditions"), ("end", "breach")]
    return cube(own, values, told)


def bail_is_recorded(known: Known) -> dict[str, bool]:
    """Return whether the records hold conditions of bail, and breaches of it, at all."""
    found = known.ask(
        "SELECT coalesce(bool_or(conditions IS NOT NULL), false) AS conditions,"
        " coalesce(bool_or(event = 'breached'), false) AS breach FROM known_bail"
    )
    return {name: bool(found[name][0]) for name in ("conditions", "breach")}


def per_cent(parts: list[int]) -> list[int]:
    """Return whole percentages that make 100: the largest remainders are rounded up.

    Examples
    --------
    >>> per_cent([1, 1, 1]), per_cent([0, 0]), per_cent([277, 500, 2000])
    ([34, 33, 33], [0, 0], [10, 18, 72])
    """
    total = sum(parts)
    if not total:
        return [0] * len(parts)
    whole = [100 * part // total for part in parts]
    order = sorted(range(len(parts)), key=lambda at: (-(100 * parts[at] % total), at))
    for at in order[: 100 - sum(whole)]:
        whole[at] += 1
    return whole
