"""Who stalks and harasses whom and how, as recorded: four groups, types and natures of people.

Each person named as suspect in a period counts once: under stalking if any report is of it, as
domestic if any of those reports is flagged so. The type is the bond to the complainant, or that
there are several; the nature is the gravest behaviour that is recorded. These are kinds of recorded
behaviour, and no clinical types of stalker.
"""

from __future__ import annotations

import pandas as pd

from features.dashboards.cube import Cube, cube
from features.dashboards.known import Known
from features.dashboards.periods import Period

GROUPS = {
    "stalking_domestic": "Stalking, domestic",
    "stalking_other": "Stalking, not domestic",
    "harassment_domestic": "Harassment, domestic",
    "harassment_other": "Harassment, not domestic",
}
TYPES = {
    "several": "Several complainants",
    "former_partner": "Former partner",
    "partner": "Partner",
    "family": "Family member",
    "acquaintance": "Acquaintance",
    "stranger": "Stranger",
    "not_recorded": "Relationship not recorded",
}
NATURES = {
    "breach": "Breach of an order",
    "threats": "Threats",
    "following": "Following",
    "online": "Online or by phone",
    "contact": "Unwanted contact",
    "not_recorded": "Not recorded",
}
LEVELS = {"high": "High or very high", "other": "Lower or medium", "none": "No score"}
"""Where a person's score stands; the bands are those of the list that was asked for."""

_PEOPLE = """
WITH mine AS (
    SELECT *, CASE WHEN order_breach THEN 1 WHEN threats THEN 2 WHEN following THEN 3
        WHEN online THEN 4 WHEN contact THEN 5 ELSE 6 END AS gravest
    FROM named WHERE (stalking OR harassment) AND recorded_on >= $since AND recorded_on < $until
),
breaking AS (
    SELECT DISTINCT b.nominal_id FROM known_protective_order b SEMI JOIN mine USING (nominal_id)
    WHERE b.event = 'breached' AND b.occurred_on >= $since AND b.occurred_on < $until
),
beside AS (
    SELECT m.nominal_id, count(DISTINCT v.nominal_id) AS complainants,
        arg_max(v.relationship, m.recorded_on) FILTER (v.relationship IS NOT NULL) AS bond
    FROM mine m JOIN known_involvement v ON v.offence_id = m.offence_id AND v.role = 'victim'
    GROUP BY m.nominal_id
),
people AS (
    SELECT nominal_id, bool_or(stalking) AS stalks,
        bool_or(domestic) FILTER (stalking) AS stalks_domestic, bool_or(domestic) AS domestic,
        count(*) AS reports, max(recorded_on) AS last_on, min(gravest) AS gravest,
        bool_or(order_breach) AS breach, bool_or(threats) AS threats,
        bool_or(following) AS following, bool_or(online) AS online, bool_or(contact) AS contact
    FROM mine GROUP BY nominal_id
)
SELECT p.nominal_id, n.area, p.reports, p.last_on,
    coalesce(b.complainants, 0) AS complainants,
    CASE WHEN stalks THEN 'stalking' ELSE 'harassment' END || CASE
        WHEN CASE WHEN stalks THEN stalks_domestic ELSE p.domestic END
        THEN '_domestic' ELSE '_other' END AS "group",
    CASE WHEN b.complainants > 1 THEN 'several' ELSE coalesce(b.bond, 'not_recorded') END AS type,
    p.breach OR k.nominal_id IS NOT NULL AS breach,
    p.threats, p.following, p.online, p.contact,
    ['breach', 'threats', 'following', 'online', 'contact', 'not_recorded'][
        CASE WHEN k.nominal_id IS NOT NULL THEN 1 ELSE p.gravest END] AS nature
FROM people p
LEFT JOIN beside b USING (nominal_id)
LEFT JOIN breaking k USING (nominal_id)
LEFT JOIN person n USING (nominal_id)
ORDER BY p.nominal_id
"""


def people(known: Known, period: Period) -> pd.DataFrame:
    """Return everybody named for stalking or harassment in a period, one row a person.

    Returns
    -------
    DataFrame
        nominal_id, area (of the person), group, type, nature, each behaviour (breach, threats,
        following, online, contact), reports, last_on, complainants.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from features.dashboards.periods import periods
    >>> from features.synthetic import synthesise
    >>> force = synthesise(Path(tempfile.mkdtemp()) / "records", nominals=300, years=1, seed=7)
    >>> with Known(force) as known:
    ...     found = people(known, periods(force.data_to)[0])
    >>> set(found["group"]) <= set(GROUPS) and found["nominal_id"].is_unique
    True
    """
    return known.ask(_PEOPLE, {"since": period.since, "until": period.until})


NO_AREA = "Area not recorded"


def with_areas(found: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return rows with the missing area as one of its own, and all areas that occur."""
    own = found.assign(area=found["area"].fillna(NO_AREA).astype(str))
    areas = sorted(set(own["area"]) - {NO_AREA})
    return own, (*areas, *([NO_AREA] if (own["area"] == NO_AREA).any() else []))


def counted(found: pd.DataFrame, level: pd.Series) -> Cube:
    """Return how many people there are in each group, by type, nature, level of score and area.

    Parameters
    ----------
    found : DataFrame
        As `people` returns it.
    level : Series of str
        Where each one's score stands, a key of `LEVELS`.
    """
    own, areas = with_areas(found.assign(level=level.to_numpy(), n=1))
    values = {
        "area": areas,
        "group": tuple(GROUPS),
        "type": tuple(TYPES),
        "nature": tuple(NATURES),
        "level": tuple(LEVELS),
    }
    told = [
        (),
        ("area",),
        ("group",),
        ("area", "group"),
        ("group", "type"),
        ("group", "type", "nature"),
        ("level",),
        ("group", "level"),
        ("group", "type", "level"),
    ]
    return cube(own, values, told)
