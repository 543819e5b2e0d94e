"""Feedback: whether listed people are recorded more often because they are listed.

Who is listed is looked at more, so more is recorded of them, so they score higher next time. People
just above the line are held against people just below it on the same dates. Two things are told
apart: *attention*, what is recorded when the police look (reports that are not of high harm, and
arrests), and *risk*, high-harm offences, which come to light whoever looks. More attention than
score and history account for, and no more risk, is the sign of a feedback loop.

Near the line a list is close to a lottery between people who are alike, so no model of everybody is
needed; what is compared is adjusted for the score, for what was recorded before, and for the date.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logit
from sklearn.linear_model import PoissonRegressor

from features.dashboards.known import Known
from features.errors import NotFound
from features.kept_reports import Told
from features.loads import Load
from features.types import Floats
from training.metrics import Z_95, Figure

WINDOW_DAYS = 183
"""How long after a list, and before it, is looked at."""

FEWEST = 10
"""Fewest events on either side of the line from which a ratio is told."""

KINDS = {
    "attention": "reports that are not of high harm, and arrests",
    "named": "named in reports that are not of high harm",
    "arrested": "arrests",
    "measures": "orders, bail, wanted markers, management and programmes",
    "risk": "named for high harm",
}
"""What is counted after a list was given, in words."""

FOUND, NOT_FOUND, UNLIKE, FEW = "found", "not found", "not alike", "too few"

VERDICTS = {
    FOUND: "Listed people are recorded more often than people like them beyond the line.",
    NOT_FOUND: "No more is recorded of listed people than of people like them, beyond chance.",
    UNLIKE: "Listed people were recorded more often before they were listed: the two sides are not"
    " alike, and nothing can be read from what followed.",
    FEW: "Too little happened near the line to tell.",
}

CANNOT = (
    "Contacts that leave no record here (visits, intelligence, stop and search) are not counted.",
    "People far above the line are compared with nobody: the answer is about people near it.",
    "A list that nobody acts on shows nothing here, and neither does one that everybody is on.",
    "Who is listed and offends less because of it hides part of what attention adds.",
    "High harm comes to light with looking too, if less: abuse at home among it.",
)

_EVENTS = """
SELECT nominal_id, CASE WHEN high_harm THEN 'risk' ELSE 'named' END AS kind, named_on AS day
FROM named
UNION ALL SELECT nominal_id, 'arrested', min(known_on) FROM known_custody
    WHERE event = 'detained' GROUP BY nominal_id, episode_id
UNION ALL SELECT nominal_id, 'measures', min(known_on) FROM known_bail
    WHERE event = 'granted' GROUP BY nominal_id, episode_id
UNION ALL SELECT nominal_id, 'measures', min(known_on) FROM known_protective_order
    WHERE event = 'made' GROUP BY nominal_id, episode_id
UNION ALL SELECT nominal_id, 'measures', min(known_on) FROM known_wanted
    WHERE event = 'circulated' GROUP BY nominal_id, episode_id
UNION ALL SELECT nominal_id, 'measures', min(known_on) FROM known_management
    WHERE event = 'opened' GROUP BY nominal_id, episode_id
UNION ALL SELECT nominal_id, 'measures', min(known_on) FROM known_programme
    WHERE event = 'started' GROUP BY nominal_id, episode_id
"""


@dataclass(frozen=True)
class Feedback:
    """What was found near the line.

    Attributes
    ----------
    verdict : str
        found, not found, not alike (they differed before they were listed), or too few.
    dates : tuple of date
        Of the lists that were looked at.
    width : int
        Ranks on either side of the line.
    rows : mapping
        listed and unlisted people-dates near the line, and events of each kind among them.
    ratios : mapping of kind to Figure
        Events after being listed against what is to be expected of somebody alike beyond the line.
    before : Figure or None
        The same ratio of attention in the window before, when nobody was listed yet: about 1.
    risk_per_attention : Figure or None
        High-harm offences for each record of attention, listed against unlisted.
    """

    verdict: str
    dates: tuple[date, ...]
    width: int
    rows: Mapping[str, Mapping[str, int]]
    ratios: Mapping[str, Figure]
    before: Figure | None
    risk_per_attention: Figure | None

    def to_data(self) -> dict[str, Any]:
        """Return it as plain data; nothing in it is about one person."""
        return {
            "verdict": self.verdict,
            "dates": [day.isoformat() for day in self.dates],
            "window_days": WINDOW_DAYS,
            "width": self.width,
            "rows": {side: dict(counts) for side, counts in self.rows.items()},
            "ratios": {kind: figure.to_data() for kind, figure in self.ratios.items()},
            "before": None if self.before is None else self.before.to_data(),
            "risk_per_attention": None
            if self.risk_per_attention is None
            else self.risk_per_attention.to_data(),
            "cannot_show": list(CANNOT),
        }


def watch(load: Load, lists: pd.DataFrame, capacity: int, *, width: int | None = None) -> Feedback:
    """Hold listed people near the line against unlisted ones, for all lists given so far.

    Parameters
    ----------
    load : Load
        Records that reach beyond the lists.
    lists : DataFrame
        `nominal_id`, `as_of_date`, `rank` (from 1) and `probability`, as they were given.
    capacity : int
        The length of the list: up to this rank somebody is listed.
    width : int, optional
        Ranks on either side; half the capacity, and 20 at least, by default.

    Raises
    ------
    NotFound
        No list was given, or none so long ago that what followed is on record.
    """
    if lists.empty:
        raise NotFound(
            "no list was given yet, so nobody was listed",
            remedy="Publish one: precursor publish QUESTION.",
            code="no_list",
        )
    rows = lists.dropna(subset=["rank", "probability"]).reset_index(drop=True)
    rows["as_of_date"] = pd.to_datetime(rows["as_of_date"])
    rows = rows.drop_duplicates(["nominal_id", "as_of_date"], keep="last")
    end, first = pd.Timestamp(load.default_as_of), rows["as_of_date"].min()
    known = rows["as_of_date"] + pd.Timedelta(days=WINDOW_DAYS) <= end
    if not known.any():
        on = (first + pd.Timedelta(days=WINDOW_DAYS - 1)).date()
        raise NotFound(
            f"what followed the first list is not on record yet; these records end on"
            f" {load.data_to}",
            remedy=f"Ask again with records up to {on}.",
            code="not_mature",
        )
    wide = width or max(capacity // 2, 20)
    near = rows[known & (rows["rank"] - capacity).between(1 - wide, wide)].reset_index(drop=True)
    near["listed"] = (near["rank"] <= capacity).astype(int)
    near = _counted(load, near)
    return _judged(near, wide)


def _counted(load: Load, near: pd.DataFrame) -> pd.DataFrame:
    """Return rows with the number of events of each kind in the windows around their date."""
    with Known(load) as known:
        events = known.ask(_EVENTS)
    events["day"] = pd.to_datetime(events["day"])
    events = events[events["nominal_id"].isin(near["nominal_id"])]
    pairs = near.reset_index(names="row")[["row", "nominal_id", "as_of_date"]]
    pairs = pairs.merge(events, on="nominal_id")
    away = (pairs["day"] - pairs["as_of_date"]).dt.days
    found = near
    for name, low in (("after", 0), ("before", -WINDOW_DAYS), ("earlier", -2 * WINDOW_DAYS)):
        inside = pairs[away.between(low, low + WINDOW_DAYS - 1)]
        counts = inside.groupby(["row", "kind"]).size().unstack(fill_value=0)
        counts = counts.reindex(index=near.index, columns=["named", "arrested", "measures", "risk"])
        counts = counts.fillna(0).astype(int)
        counts["attention"] = counts["named"] + counts["arrested"]
        found = found.join(counts.add_prefix(f"{name}_"))
    return found


def _judged(near: pd.DataFrame, width: int) -> Feedback:
    sides = {"listed": near[near["listed"] == 1], "unlisted": near[near["listed"] == 0]}
    counts = {
        side: {"rows": len(part), "people": part["nominal_id"].nunique()}
        | {kind: int(part[f"after_{kind}"].sum()) for kind in KINDS}
        for side, part in sides.items()
    }
    ratios = {kind: _ratio(near, f"after_{kind}", ("before", "earlier")) for kind in KINDS}
    told = {kind: figure for kind, figure in ratios.items() if figure is not None}
    before = _ratio(near, "before_attention", ("earlier",))
    attention = told.get("attention")
    if attention is None or before is None:
        verdict = FEW
    elif before.low > 1:
        verdict = UNLIKE
    else:
        verdict = FOUND if attention.low > 1 else NOT_FOUND
    return Feedback(
        verdict=verdict,
        dates=tuple(day.date() for day in sorted(near["as_of_date"].unique())),
        width=width,
        rows=counts,
        ratios=told,
        before=before,
        risk_per_attention=_per_attention(near),
    )


def _ratio(near: pd.DataFrame, outcome: str, windows: tuple[str, ...]) -> Figure | None:
    """Return events of the listed against those to be expected of the unlisted; None where few."""
    y = near[outcome].to_numpy(np.float64)
    listed = near["listed"].to_numpy(np.float64)
    if min(y[listed == 1].sum(), y[listed == 0].sum()) < FEWEST:
        return None
    columns = [listed, logit(near["probability"].clip(1e-6, 1 - 1e-6))]
    columns += [
        np.log1p(near[f"{window}_{kind}"])
        for window in windows
        for kind in ("named", "arrested", "measures", "risk")
    ]
    columns += [near["as_of_date"] == day for day in sorted(near["as_of_date"].unique())[1:]]
    x = np.column_stack([np.asarray(column, np.float64) for column in columns])
    kept = x.std(axis=0) > 0
    kept[0] = True
    effect, error = _poisson(x[:, kept], y, near["nominal_id"].to_numpy())
    return Figure(*np.exp([effect, effect - Z_95 * error, effect + Z_95 * error]).tolist())


def _poisson(x: Floats, y: Floats, people: Any) -> tuple[float, float]:
    """Return the first column's effect on the log rate, and its error over people.

    The error is the sandwich estimate with the rows of one person taken together (Liang and Zeger,
    1986), so that neither repeated lists nor counts more scattered than Poisson's deceive.
    """
    centre, scale = x[:, 1:].mean(axis=0), x[:, 1:].std(axis=0)
    z = np.column_stack([x[:, :1], (x[:, 1:] - centre) / scale])
    fitted = PoissonRegressor(alpha=1e-6, solver="newton-cholesky", max_iter=200).fit(z, y)
    mean = fitted.predict(z)
    design = np.column_stack([np.ones(len(z)), z])
    inverse = np.linalg.pinv(design.T @ (design * mean[:, None]))
    scores = pd.DataFrame(design * (y - mean)[:, None]).groupby(people).sum().to_numpy()
    groups = len(scores)
    covariance = inverse @ (scores.T @ scores) @ inverse * groups / max(groups - 1, 1)
    return float(fitted.coef_[0]), float(np.sqrt(covariance[1, 1]))


def _per_attention(near: pd.DataFrame) -> Figure | None:
    """Return high-harm offences for each record of attention, listed against unlisted."""
    totals, parts = [], []
    for listed in (1, 0):
        part = near[near["listed"] == listed]
        by_person = part.groupby("nominal_id")[["after_risk", "after_attention"]].sum()
        risk, attention = by_person["after_risk"].sum(), by_person["after_attention"].sum()
        if min(risk, attention) < FEWEST:
            return None
        totals.append(np.log(risk / attention))
        # the spread of a ratio over people, by its linear part
        lean = by_person["after_risk"] / risk - by_person["after_attention"] / attention
        parts.append(float((lean**2).sum()))
    gap, error = totals[0] - totals[1], np.sqrt(sum(parts))
    return Figure(*np.exp([gap, gap - Z_95 * error, gap + Z_95 * error]).tolist())


def told(found: Feedback) -> Told:
    """Return what was found in words.

    Examples
    --------
    >>> found = Feedback("too few", (date(2026, 2, 1),), 20, {
    ...     "listed": {"rows": 3, "people": 3, "attention": 0},
    ...     "unlisted": {"rows": 4, "people": 4, "attention": 1}}, {}, None, None)
    >>> told(found).verdict
    'Too little happened near the line to tell.'
    """
    days = found.dates
    looked = (
        f"{len(days)} lists from {days[0]} to {days[-1]}, {found.width:,} ranks on either side of"
        f" the line, {WINDOW_DAYS} days after each:"
        if days
        else "Nobody was near the line."
    )
    listed = [
        (
            side,
            f"{counts['rows']:,} rows of {counts['people']:,} people,"
            f" {counts['attention']:,} reports and arrests",
        )
        for side, counts in found.rows.items()
    ]
    listed += [(KINDS[kind], figure.times) for kind, figure in found.ratios.items()]
    if found.before is not None:
        listed.append(("reports and arrests before they were listed", found.before.times))
    if found.risk_per_attention is not None:
        share = found.risk_per_attention.times
        listed.append(("high harm for each report or arrest, unadjusted", share))
    after = []
    risk = found.ratios.get("risk")
    if found.verdict == FOUND and risk is not None:
        after.append(
            "High harm is up too: they may be at more risk than the score says."
            if risk.low > 1
            else "High harm is not: what is up is what is found by looking. It is in their records,"
            " and so in their next scores."
        )
    after.append("What this cannot show:")
    return Told(VERDICTS[found.verdict], (looked,), tuple(listed), tuple(after), CANNOT)
