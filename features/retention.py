"""Whose records are due for review, and why: the retention schedule of police information.

Every person falls into one of four groups by what is on record about them, as known on a date. The
periods are those of the guidance on the management of police information (MoPI), as the College of
Policing publishes it under *Review, retention and disposal*; a force that keeps others writes a
file. What is due is reviewed by people. Nothing is deleted here, and nothing follows by itself.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from features.adult import adulthood, birthday
from features.dashboards.known import Known, open_episodes
from features.errors import RecordsRefused
from features.loads import Load
from features.spreadsheet import filled_in
from features.taxonomy import taxonomy
from features.yaml_file import read_model

Years = Annotated[int, Field(ge=1, le=100)]

DUE, LATER, DISPOSE = "due", "later", "to be erased"
STATES = (DUE, DISPOSE, LATER)
KEEP = "keep"
REVIEW_COLUMNS = ("nominal_id", "reviewed_on", "decision", "reviewer", "reason")
"""Columns of a file of reviews; `decision` is keep or dispose."""

GROUPS = {
    "1": "certain public protection matters: managed under MAPPA, a potentially dangerous person,"
    " or named for a high-harm offence",
    "2": "named for another violent, sexual or serious offence",
    "3": "named for other offences",
    "4": "never named as suspect: victims, witnesses, and those with no part in an offence",
}
"""What puts a person into a group; the first that fits counts."""

SERIOUS = (
    *("violence", "sexual", "stalking", "harassment", "coercive_control", "threats"),
    *("kidnap", "robbery", "weapons"),
)
"""Marks of an offence code that make an offence one of group 2."""


class Terms(BaseModel):
    """When the records of a group are reviewed.

    Attributes
    ----------
    first : int
        Years without a new matter until the first review.
    then : int
        Years from a review that kept them to the next one.
    until_age : int or None
        Years of age up to which they are kept, whatever the reviews say; their end is reviewed too.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    first: Years
    then: Years
    until_age: Years | None = None


class Schedule(BaseModel):
    """Terms by group; what a file leaves out stays as it is here.

    Examples
    --------
    >>> Schedule().terms("3").first, Schedule().terms("1").until_age
    (6, 100)
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    group_1: Terms = Terms(first=10, then=10, until_age=100)
    group_2: Terms = Terms(first=10, then=10)
    group_3: Terms = Terms(first=6, then=5)
    group_4: Terms = Terms(first=6, then=6)

    def terms(self, group: str) -> Terms:
        """Return the terms of a group, 1 to 4."""
        found: Terms = getattr(self, f"group_{group}")
        return found


def read_schedule(file: Path | None) -> Schedule:
    """Return a force's own schedule, or the guidance's.

    Raises
    ------
    UsageError
        Where the file cannot be read or has unknown entries.
    """
    return Schedule() if file is None else read_model(Schedule, file, "schedule")


def read_reviews(file: Path | None, at: date) -> pd.DataFrame:
    """Return the last review of each person before a date, by `nominal_id`.

    Raises
    ------
    UsageError
        There is no such file, or it has no such columns.
    RecordsRefused
        Rows are wrong; all of them are listed.
    """
    columns = ["reviewed_on", "decision"]
    if file is None:
        return pd.DataFrame(columns=columns, index=pd.Index([], dtype=object, name="nominal_id"))
    remedy = f"A file of reviews has {', '.join(REVIEW_COLUMNS)}."
    rows = filled_in(file, REVIEW_COLUMNS, field="reviews", remedy=remedy)
    days = pd.to_datetime(rows["reviewed_on"], format="%Y-%m-%d", errors="coerce")
    faults = []
    for number, row in enumerate(rows.to_dict("records"), 1):
        if pd.isna(days.iloc[number - 1]):
            faults.append(f"row {number}: '{row['reviewed_on']}' is no date")
        elif days.iloc[number - 1] >= pd.Timestamp(at):
            faults.append(f"row {number}: {row['reviewed_on']} does not lie before {at}")
        if row["decision"] not in (KEEP, "dispose"):
            faults.append(f"row {number}: '{row['decision']}' is neither keep nor dispose")
        empty = [name for name in ("nominal_id", "reviewer", "reason") if not row[name].strip()]
        faults += [f"row {number}: {name} is empty" for name in empty]
    if faults:
        raise RecordsRefused(f"{file}: {'; '.join(faults[:50])}", remedy="Correct these rows.")
    rows["reviewed_on"] = days
    last = rows.sort_values("reviewed_on", kind="stable").groupby("nominal_id").last()
    return last[columns]


_TABLES: tuple[str, ...] = (
    *("custody", "outcome", "bail", "protective_order", "imprisonment", "risk_assessment"),
    *("management", "programme", "wanted"),
)
"""Tables each of whose records is a matter about the person as one who does harm."""

_MATTERS = " UNION ALL ".join(
    f"SELECT k.nominal_id, min(r.known_on) AS known_on FROM known_{name} k"
    f' JOIN "{name}" r USING (record_id) GROUP BY k.nominal_id, k.record_id'
    for name in _TABLES
)

_PEOPLE = f"""
WITH serious AS (
    SELECT record_id AS offence_id FROM known_offence
    WHERE coalesce(domestic, false) OR offence_code IN (SELECT unnest($codes))
),
named_for AS (
    SELECT s.nominal_id, max(s.named_on) AS last_on,
        max_by(s.reference, s.named_on) FILTER (s.high_harm) AS grave,
        max(s.named_on) FILTER (s.high_harm) AS grave_on,
        max_by(s.reference, s.named_on) FILTER (g.offence_id IS NOT NULL) AS serious,
        max(s.named_on) FILTER (g.offence_id IS NOT NULL) AS serious_on,
        max_by(s.reference, s.named_on) AS other
    FROM named s LEFT JOIN serious g USING (offence_id) GROUP BY s.nominal_id
),
scheme AS (
    SELECT nominal_id, bool_or(scheme = 'MAPPA') AS mappa, bool_or(scheme = 'PDP') AS pdp
    FROM known_management GROUP BY nominal_id
),
matter AS (SELECT nominal_id, max(known_on) AS last_on FROM ({_MATTERS}) GROUP BY nominal_id),
part AS (
    SELECT nominal_id, max(known_on) AS last_on FROM (
        SELECT k.nominal_id, min(r.known_on) AS known_on FROM known_involvement k
        JOIN involvement r USING (record_id)
        JOIN known_offence o ON o.record_id = k.offence_id GROUP BY k.nominal_id, k.record_id
    ) GROUP BY nominal_id
),
open AS (
    SELECT nominal_id, string_agg(DISTINCT what, ', ' ORDER BY what) AS what FROM (
        SELECT nominal_id, 'wanted' AS what
        FROM ({open_episodes("wanted", "circulated", ("cancelled",))})
        UNION ALL SELECT nominal_id, 'managed'
        FROM ({open_episodes("management", "opened", ("closed",))})
        UNION ALL SELECT nominal_id, 'in prison'
        FROM ({open_episodes("imprisonment", "received", ("released",))})
    ) GROUP BY nominal_id
),
first AS (SELECT nominal_id, min(known_on) AS known_on FROM nominal GROUP BY nominal_id)
SELECT p.nominal_id, p.born_on, f.known_on AS first_on, s.mappa, s.pdp,
    n.grave, n.grave_on, n.serious, n.serious_on, n.other,
    greatest(n.last_on, m.last_on) AS matter_on, i.last_on AS part_on, o.what AS open
FROM person p JOIN first f USING (nominal_id)
LEFT JOIN named_for n USING (nominal_id) LEFT JOIN scheme s USING (nominal_id)
LEFT JOIN matter m USING (nominal_id) LEFT JOIN part i USING (nominal_id)
LEFT JOIN open o USING (nominal_id)
ORDER BY p.nominal_id
"""


def due_for_review(
    load: Load,
    at: date | None = None,
    *,
    schedule: Schedule | None = None,
    reviews: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return when the records about each person are due for review, by what was known on a date.

    Parameters
    ----------
    load : Load
    at : date, optional
        The moment of knowledge, exclusive; the day after the records end by default.
    schedule : Schedule, optional
    reviews : DataFrame, optional
        As :func:`read_reviews` returns it.

    Returns
    -------
    DataFrame
        `nominal_id`, `group`, `why`, `clear_since` (the last matter), `last_review_on`,
        `review_on`, `kept_until` (empty but in group 1), `state` (due, later, to be erased),
        `open` (wanted, managed, in prison) and `child` (under 18 now); those due first.

    Examples
    --------
    >>> import tempfile
    >>> from features.synthetic import synthesise
    >>> force = synthesise(Path(tempfile.mkdtemp()) / "records", nominals=40, years=1, seed=7)
    >>> set(due_for_review(force)["state"])
    {'later'}
    """
    terms = schedule or Schedule()
    with Known(load, at) as known:
        found = known.ask(_PEOPLE, {"codes": _serious()})
        moment = pd.Timestamp(known.at)
    days = ("born_on", "first_on", "grave_on", "serious_on", "matter_on", "part_on")
    for name in days:
        found[name] = pd.to_datetime(found[name])
    found = pd.concat([found, found.apply(_grouped, axis=1, result_type="expand")], axis=1)
    found["clear_since"] = found["matter_on"].fillna(found["part_on"]).fillna(found["first_on"])
    last = read_reviews(None, moment.date()) if reviews is None else reviews
    found = found.join(last, on="nominal_id")
    found["last_review_on"] = pd.to_datetime(found["reviewed_on"])
    found["review_on"], found["kept_until"] = _reviews(found, terms), pd.NaT
    for group in GROUPS:
        age = terms.terms(group).until_age
        if age is not None:
            ends = pd.Series(birthday(found["born_on"].to_numpy(), age), found.index)
            found["kept_until"] = found["kept_until"].where(found["group"] != group, ends)
    found["kept_until"] = pd.to_datetime(found["kept_until"])
    ends = found[["review_on", "kept_until"]].min(axis=1)
    disposed = (found["decision"] == "dispose") & (found["last_review_on"] >= found["clear_since"])
    found["state"] = LATER
    found.loc[ends <= moment, "state"] = DUE
    found.loc[disposed, "state"] = DISPOSE
    found["child"] = adulthood(found["born_on"].to_numpy()) > moment.to_datetime64()
    order = found["state"].map({state: place for place, state in enumerate(STATES)})
    shown = ["nominal_id", "group", "why", "clear_since", "last_review_on", "review_on"]
    shown += ["kept_until", "state", "open", "child"]
    found = found.assign(order=order).sort_values(["order", "review_on", "nominal_id"])
    return found[shown].reset_index(drop=True)


def _serious() -> list[str]:
    """Return the offence codes that carry one of the marks of group 2."""
    codes = taxonomy().to_pandas()
    return sorted(codes.loc[codes[list(SERIOUS)].any(axis=1), "offence_code"])


def _grouped(row: pd.Series) -> dict[str, str]:
    """Return a person's group, and the record that puts them there."""
    if row["mappa"] is True:
        return {"group": "1", "why": "managed under MAPPA"}
    if row["pdp"] is True:
        return {"group": "1", "why": "managed as a potentially dangerous person"}
    for group, name, words in (
        ("1", "grave", "a high-harm offence"),
        ("2", "serious", "a violent, sexual or serious offence"),
        ("3", "other", "an offence"),
    ):
        if isinstance(row[name], str):
            return {"group": group, "why": f"named as suspect in {words} ({row[name]})"}
    if not pd.isna(row["matter_on"]):
        return {"group": "3", "why": "arrest, order or other matter without a named offence"}
    words = "no part in an offence" if pd.isna(row["part_on"]) else "victim or witness only"
    return {"group": "4", "why": words}


def _reviews(found: pd.DataFrame, terms: Schedule) -> pd.Series:
    """Return the day of each next review: counted from the last one, or from a newer matter."""
    clear, last = found["clear_since"], found["last_review_on"]
    anew = last.isna() | (clear > last)
    days = pd.Series(pd.NaT, index=found.index, dtype="datetime64[us]")
    for group in GROUPS:
        own = terms.terms(group)
        first, then = clear + pd.DateOffset(years=own.first), last + pd.DateOffset(years=own.then)
        days = days.where(found["group"] != group, first.where(anew, then))
    return days


def in_words(found: pd.DataFrame, at: date) -> str:
    """Return how many people of each group are due, as text; nobody is named."""
    lines = [f"{len(found):,} people on record on {at}."]
    for group, words in GROUPS.items():
        part = found[found["group"] == group]
        states = ", ".join(f"{int((part['state'] == state).sum()):,} {state}" for state in STATES)
        lines.append(f"  group {group} ({words}): {states}")
    late = found[(found["state"] == DUE) & found["open"].notna()]
    children = int(found["child"].sum())
    lines.append(
        f"Of those due, {len(late):,} have an open matter (wanted, managed or in prison);"
        f" {children:,} people on record are under 18. Nothing is deleted by itself: review, then"
        " precursor erase."
    )
    return "\n".join(lines)
