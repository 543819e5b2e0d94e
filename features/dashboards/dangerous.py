"""Whose file to read first for a potentially dangerous person: outside MAPPA and MARAC, and why.

Whether somebody is one is decided by people, on reasonable grounds for a present likelihood of
serious harm. The records can only say who was named in what.
"""

from __future__ import annotations

from datetime import timedelta

import pandas as pd

from features.adult import adult_sql
from features.dashboards.known import Known, open_episodes

LOOK_BACK_DAYS = 730

_PEOPLE = f"""
WITH grave AS (
    SELECT s.nominal_id, count(*) AS reports, max(s.named_on) AS last_on,
        bool_or(s.domestic) AS domestic, bool_or(s.sexual) AS sexual,
        bool_or(s.stalking) AS stalking, bool_or(s.strangulation) AS strangulation,
        bool_or(s.weapon) AS weapon, bool_or(s.threats) AS threats
    FROM named s WHERE s.high_harm AND s.named_on >= $since GROUP BY s.nominal_id
),
managed AS (
    SELECT nominal_id, list_sort(list(DISTINCT scheme)) AS schemes
    FROM ({open_episodes("management", "opened", ("closed",), ", max(scheme) AS scheme")})
    GROUP BY nominal_id
),
victims AS (
    SELECT s.nominal_id, count(DISTINCT v.nominal_id) AS complainants
    FROM named s JOIN known_involvement v ON v.offence_id = s.offence_id AND v.role = 'victim'
    WHERE s.high_harm AND s.named_on >= $since GROUP BY s.nominal_id
),
convicted AS (
    SELECT s.nominal_id, count(DISTINCT s.offence_id) AS convictions
    FROM named s JOIN known_outcome r ON r.nominal_id = s.nominal_id
        AND r.offence_id = s.offence_id AND r.result = 'convicted'
    WHERE s.high_harm GROUP BY s.nominal_id
),
inside AS (
    SELECT DISTINCT nominal_id FROM ({open_episodes("imprisonment", "received", ("released",))})
)
SELECT g.*, n.area, n.born_on, coalesce(v.complainants, 0) AS complainants,
    coalesce(c.convictions, 0) AS convictions, p.nominal_id IS NOT NULL AS in_prison,
    coalesce(list_contains(m.schemes, 'PDP'), false) AS pdp,
    coalesce(list_contains(m.schemes, 'IOM'), false) AS iom
FROM grave g
LEFT JOIN managed m USING (nominal_id)
LEFT JOIN victims v USING (nominal_id)
LEFT JOIN convicted c USING (nominal_id)
LEFT JOIN inside p USING (nominal_id)
LEFT JOIN person n USING (nominal_id)
WHERE NOT coalesce(list_has_any(m.schemes, ['MAPPA', 'MARAC']), false)
AND {adult_sql("n.born_on")} <= $at
ORDER BY g.reports DESC, g.last_on DESC, g.nominal_id
"""


def people(known: Known) -> pd.DataFrame:
    """Return adults named for high harm within two years whom neither MAPPA nor MARAC manages.

    Returns
    -------
    DataFrame
        nominal_id, area, born_on, reports, last_on, complainants, convictions (for high harm, of
        any age), kinds of report as bool columns, in_prison, pdp and iom (managed as such now).

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from features.synthetic import synthesise
    >>> force = synthesise(Path(tempfile.mkdtemp()) / "records", nominals=300, years=1, seed=7)
    >>> with Known(force) as known:
    ...     bool((people(known)["reports"] > 0).all())
    True
    """
    since = known.at - timedelta(days=LOOK_BACK_DAYS)
    return known.ask(_PEOPLE, {"since": since, "at": known.at})
