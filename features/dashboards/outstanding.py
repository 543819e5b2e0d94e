"""Outstanding offenders: wanted, or named as suspect and not dealt with, with what the reports say.

Dealt with means an arrest for the offence, or any result for it. Being named proves nothing.
"""

from __future__ import annotations

from datetime import timedelta

import pandas as pd

from features.dashboards.known import Known, open_episodes

LOOK_BACK_DAYS = 730
"""How long ago a report may be that counts as outstanding; a wanted marker may be older."""

TAGS = {
    "high_harm": "High harm",
    "strangulation": "Strangulation",
    "threats": "Threats",
    "weapon": "Weapon",
    "order_breach": "Breach of an order",
    "stalking": "Stalking",
    "sexual": "Sexual",
    "domestic": "Domestic",
    "child_present": "Child present",
}
"""Risk tags of offences, the gravest first."""

_PEOPLE = f"""
WITH open AS (
    SELECT s.* FROM named s
    WHERE s.named_on >= $since
    AND NOT EXISTS (SELECT 1 FROM known_custody c WHERE c.nominal_id = s.nominal_id
        AND c.offence_id = s.offence_id)
    AND NOT EXISTS (SELECT 1 FROM known_outcome r WHERE r.offence_id = s.offence_id
        AND r.nominal_id = s.nominal_id)
),
reports AS (
    SELECT nominal_id, count(*) AS reports, min(named_on) AS first_on, max(named_on) AS last_on,
        {", ".join(f"bool_or({tag}) AS {tag}" for tag in TAGS)}
    FROM open GROUP BY nominal_id
),
sought AS (
    SELECT nominal_id, min(since) AS wanted_since, arg_max(reason, since) AS wanted_for
    FROM ({open_episodes("wanted", "circulated", ("cancelled",), ", max(reason) AS reason")})
    GROUP BY nominal_id
),
inside AS (
    SELECT DISTINCT nominal_id FROM ({open_episodes("imprisonment", "received", ("released",))})
)
SELECT coalesce(w.nominal_id, r.nominal_id) AS nominal_id, n.area,
    w.nominal_id IS NOT NULL AS wanted, w.wanted_since, w.wanted_for,
    coalesce(r.reports, 0) AS reports, r.first_on, r.last_on,
    p.nominal_id IS NOT NULL AS in_prison,
    {", ".join(f"coalesce(r.{tag}, false) AS {tag}" for tag in TAGS)}
FROM sought w FULL JOIN reports r USING (nominal_id)
LEFT JOIN inside p ON p.nominal_id = coalesce(w.nominal_id, r.nominal_id)
LEFT JOIN person n ON n.nominal_id = coalesce(w.nominal_id, r.nominal_id)
ORDER BY nominal_id
"""


def people(known: Known) -> pd.DataFrame:
    """Return everybody who is wanted, or named and not dealt with, one row a person.

    Returns
    -------
    DataFrame
        nominal_id, area, wanted, wanted_since, wanted_for, reports (named, not dealt with),
        first_on, last_on (days on which they were named), in_prison, and one bool column for each
        of `TAGS`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from features.synthetic import synthesise
    >>> force = synthesise(Path(tempfile.mkdtemp()) / "records", nominals=300, years=1, seed=7)
    >>> with Known(force) as known:
    ...     found = people(known)
    >>> bool((found["wanted"] | (found["reports"] > 0)).all())
    True
    """
    return known.ask(_PEOPLE, {"since": known.at - timedelta(days=LOOK_BACK_DAYS)})


def tags(row: pd.Series) -> list[str]:
    """Return the risk tags of one person's outstanding reports, the gravest first.

    Examples
    --------
    >>> tags(pd.Series(dict.fromkeys(TAGS, False) | {"weapon": True}))
    ['Weapon']
    """
    return [words for name, words in TAGS.items() if row[name]]
