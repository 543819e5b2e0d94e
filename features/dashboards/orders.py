"""Protective orders, bail and release under investigation: what is in force, and for how long yet.

Something is in force when its beginning is known, no end is, and, for an order, its stated end has
not passed. Bail and release under investigation are also over once the offence has any result.
"""

from __future__ import annotations

import pandas as pd

from features.dashboards.known import Known, open_episodes

_OPEN = (
    " WHERE NOT EXISTS (SELECT 1 FROM known_outcome r WHERE r.nominal_id = e.nominal_id"
    " AND r.offence_id = e.offence_id)"
)

_ORDERS = f"""
SELECT e.nominal_id, n.area, e.kind, e.since, e.until, e.breaches,
    date_diff('day', $at::DATE, e.until) AS days_left
FROM ({
    open_episodes(
        "protective_order",
        "made",
        ("ended",),
        ", max(kind) AS kind, max(expires_on) AS until,"
        " count(*) FILTER (event = 'breached') AS breaches",
    )
}) e
LEFT JOIN person n USING (nominal_id)
WHERE e.until IS NULL OR e.until >= $at
ORDER BY e.until NULLS FIRST, e.nominal_id, e.kind
"""
_BAIL = f"""
SELECT e.nominal_id, n.area, e.conditions, e.since, e.breaches, e.offence_id,
    date_diff('day', e.since, $at::DATE) AS days
FROM ({
    open_episodes(
        "bail",
        "granted",
        ("ended",),
        ", max(conditions) AS conditions, max(offence_id) AS offence_id,"
        " count(*) FILTER (event = 'breached') AS breaches",
    )
}) e
LEFT JOIN person n USING (nominal_id){_OPEN}
ORDER BY e.since NULLS FIRST, e.nominal_id, e.offence_id
"""
_RUI = f"""
SELECT e.nominal_id, n.area, e.since, e.offence_id, date_diff('day', e.since, $at::DATE) AS days
FROM (SELECT nominal_id, offence_id, max(occurred_on) AS since FROM known_custody
    WHERE disposal = 'released_under_investigation' AND offence_id IS NOT NULL
    GROUP BY nominal_id, offence_id) e
LEFT JOIN person n USING (nominal_id){_OPEN}
ORDER BY e.since NULLS FIRST, e.nominal_id, e.offence_id
"""


def orders(known: Known) -> pd.DataFrame:
    """Return the orders in force: who, kind, made when, until when, days left, breaches.

    Returns
    -------
    DataFrame
        nominal_id, area, kind, since, until, breaches, days_left (empty where no end is stated);
        those without an end first, then by end.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from features.synthetic import synthesise
    >>> force = synthesise(Path(tempfile.mkdtemp()) / "records", nominals=300, years=1, seed=7)
    >>> with Known(force) as known:
    ...     bool((orders(known)["days_left"].dropna() >= 0).all())
    True
    """
    return known.ask(_ORDERS, {"at": known.at})


def bail(known: Known) -> pd.DataFrame:
    """Return the bail in force: who, conditions (yes, no or empty), since when, breaches.

    Returns
    -------
    DataFrame
        nominal_id, area, conditions, since, breaches, offence_id, days (since it was granted).
    """
    return known.ask(_BAIL, {"at": known.at})


def under_investigation(known: Known) -> pd.DataFrame:
    """Return who is released under investigation, and for how many days.

    Returns
    -------
    DataFrame
        nominal_id, area, since, offence_id, days.
    """
    return known.ask(_RUI, {"at": known.at})


def unprotected(known: Known, high: list[str]) -> pd.DataFrame:
    """Return those of some people whom no order and no condition of bail binds.

    Parameters
    ----------
    high : list of str
        People whose score is high, by id.

    Returns
    -------
    DataFrame
        nominal_id, area, bail_without (bail in force without conditions on record), rui.
        Whoever is in prison is left out.
    """
    asked = pd.DataFrame({"nominal_id": pd.Series(high, dtype="str")})
    in_prison = known.ask(open_episodes("imprisonment", "received", ("released",)))
    on_bail = bail(known)
    bound = {
        *orders(known)["nominal_id"],
        *on_bail.loc[on_bail["conditions"] == "yes", "nominal_id"],
        *in_prison["nominal_id"],
    }
    left = asked[~asked["nominal_id"].isin(bound)]
    where = known.ask("SELECT nominal_id, area FROM person")
    found = left.merge(where, on="nominal_id", how="left")
    return found.assign(
        bail_without=found["nominal_id"].isin(on_bail["nominal_id"]),
        rui=found["nominal_id"].isin(under_investigation(known)["nominal_id"]),
    )
