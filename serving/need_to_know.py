"""Who may see whom: restricted people, areas, and breaking the glass when it cannot wait.

``PRECURSOR_NEED_TO_KNOW`` names a file of the force: people whose records are restricted, who is
cleared for them, and which areas somebody's work lies in. Whoever needs more for a stated cause
breaks the glass: it is on the ledger with the reason, and holds for that person and eight hours.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict

from features.errors import NotFound, UsageError
from features.yaml_file import read_model
from serving.chain import stamp
from serving.kept import find_load, serving_from
from serving.ledger import Action, Entry, Leaf, Ledger
from serving.permissions import Forbidden, Principal, Role, account, known_by
from serving.pseudonyms import pseudonymous, withheld_name, without_name
from serving.schema import BreakGlassRequest

SETTING = "PRECURSOR_NEED_TO_KNOW"
LASTS = timedelta(hours=8)
MOST_OPEN = 10
"""People open to one person at once: what cannot wait is about a victim, a suspect and those around
them, and whoever opens more is looking through a force."""

NAMED = 20
"""Most places that a refusal names."""

OTHERS = "*"
"""Under `areas`: whoever is not named there."""


class Policy(BaseModel):
    """What the force's file says.

    Examples
    --------
    >>> Policy(areas={"a.nalyst": ["North"]}).restricted
    frozenset()
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    restricted: frozenset[str] = frozenset()
    cleared: frozenset[str] = frozenset()
    areas: dict[str, frozenset[str]] = {}


class NeedToKnow(Forbidden):
    """Some of those asked for are outside what the asker needs to know (status 403).

    `people` are those asked for, whom nothing that is kept of the refusal may name.
    """

    code = "need_to_know"
    people: frozenset[str] = frozenset()


class TooManyOpen(Forbidden):
    """Whoever breaks the glass has as many people open as one may at once (status 403)."""

    code = "too_many_open"


def policy() -> Policy | None:
    """Return the force's policy, or None where there is none; a changed file counts at once.

    Raises
    ------
    UsageError
        The file is missing or wrong: nothing is shown rather than too much.
    """
    named = os.environ.get(SETTING)
    if not named:
        return None
    try:
        return _read(named, Path(named).stat().st_mtime_ns)
    except OSError as gone:
        raise UsageError(
            f"{SETTING}: {named}: {gone.strerror}", remedy="Put the file back, or name another."
        ) from gone
    except UsageError as wrong:
        raise UsageError(
            f"{SETTING}: {wrong.message}", remedy="Mend the file; docs/access.md shows one."
        ) from wrong


@lru_cache(maxsize=4)
def _read(path: str, _changed: int) -> Policy:
    found = read_model(Policy, Path(path), "policy")
    if not found.model_fields_set:  # cut short while it was written, or emptied by mistake
        raise UsageError(
            f"{path}: it says nothing, and would let everybody see everybody",
            remedy="Say whom it restricts; where nobody is, write restricted: [].",
        )
    return found


def withheld(
    ledger: Ledger,
    fingerprint: str,
    principal: Principal,
    nominal_ids: Iterable[str],
    on_behalf_of: str | None = None,
) -> set[str]:
    """Return those of some people whom somebody may not see.

    Parameters
    ----------
    fingerprint : str
        Of the load whose areas count. Where it is gone, no area is known and nobody is seen.
    on_behalf_of : str, optional
        Whom a program asks for; it gets what both of them may see.
    """
    rules = policy()
    if rules is None or principal.role is Role.OPERATOR:
        return set()
    asked = set(nominal_ids)
    if principal.role is Role.SERVICE and on_behalf_of is not None:
        person = Principal(on_behalf_of, Role.ANALYST)
        return _withheld(ledger, fingerprint, principal, asked, rules) | _withheld(
            ledger, fingerprint, person, asked, rules
        )
    return _withheld(ledger, fingerprint, principal, asked, rules)


def _withheld(
    ledger: Ledger, fingerprint: str, principal: Principal, asked: set[str], rules: Policy
) -> set[str]:
    # a name can be changed by whoever bears it: it limits, and clears nobody
    cleared = not rules.cleared.isdisjoint((principal.actor, known_by(principal.actor)))
    hidden = set() if cleared else asked & rules.restricted
    own = _areas(rules, principal.actor)
    if own is not None:
        hidden |= asked - _within(fingerprint, own)
    return hidden - _opened(ledger, principal) if hidden else hidden


def _areas(rules: Policy, actor: str) -> frozenset[str] | None:
    """Return in which areas somebody works; None where nothing bounds them."""
    named = [rules.areas[one] for one in rules.areas if known_by(one) == known_by(actor)]
    own = frozenset.intersection(*named) if named else rules.areas.get(OTHERS)
    found = account(actor)
    by_name = None if found is None else rules.areas.get(found.name)
    if by_name is None:
        return own
    return by_name if own is None else own & by_name  # it may be somebody else who is meant


def require_need(
    ledger: Ledger,
    fingerprint: str,
    principal: Principal,
    nominal_ids: Iterable[str],
    on_behalf_of: str | None = None,
) -> None:
    """Refuse to show people whom somebody does not need to know; their places are named.

    Raises
    ------
    NeedToKnow
    """
    asked = list(nominal_ids)
    hidden = withheld(ledger, fingerprint, principal, asked, on_behalf_of)
    if not hidden:
        return
    places = [f"nominal_ids[{n}]" for n, person in enumerate(asked) if person in hidden]
    more = f" and {len(places) - NAMED} more" if len(places) > NAMED else ""
    whom = "this person" if len(asked) == 1 else ", ".join(places[:NAMED]) + more
    refused = NeedToKnow(
        f"{whom}: restricted, or outside the areas of your work",
        remedy="If it cannot wait, POST /v1/break-glass with the reason; it is recorded.",
        field=places[0] if len(asked) > 1 else "nominal_id",
    )
    refused.people = frozenset(asked)
    raise refused


def require_need_of_score(ledger: Ledger, score_id: str, principal: Principal) -> None:
    """Refuse whoever does not need to know the person that a score is about.

    Raises
    ------
    NeedToKnow
    """
    _, payload = ledger.score(score_id)
    if payload is not None:
        load, person = payload["load"]["fingerprint"], payload["nominal_id"]
        require_need(ledger, load, principal, [person])


def unnamed(
    ledger: Ledger, question: str, principal: Principal, rows: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return lines about people, without what says who it is where the reader may not know.

    Parameters
    ----------
    question : str
        The load it is served from says who lives where.
    rows : sequence of mapping
        Each with `nominal_id`, `score_id` and a `reason` in somebody's own words.

    Returns
    -------
    list of dict
        The lines, each with `withheld`: whether who it is was left out of it.
    """
    try:
        load = str(serving_from(question)["fingerprint"])
    except NotFound:
        load = ""
    hidden = withheld(ledger, load, principal, [row["nominal_id"] for row in rows])
    known = without_name if pseudonymous(principal.role) else dict
    return [
        {
            **row,
            "nominal_id": withheld_name(row["score_id"]),
            "reason": "withheld",
            "withheld": True,
        }
        if row["nominal_id"] in hidden
        else {**known(row), "withheld": False}
        for row in rows
    ]


def break_glass(ledger: Ledger, request: BreakGlassRequest, principal: Principal) -> dict[str, Any]:
    """Let somebody see one person for eight hours, on the ledger with the reason.

    Raises
    ------
    TooManyOpen
        Ten others are open to them already, under whatever name and role.
    """
    with ledger.transaction() as connection:  # of several at once none is counted too late
        _require_few(ledger, principal, request.nominal_id)
        until = stamp(ledger.now() + LASTS)
        entry = ledger.append_within(
            connection,
            Action.BREAK_GLASS,
            actor=principal.actor,
            role=principal.role,
            purpose=request.purpose,
            body={"until": until},
            people=[Leaf(request.nominal_id, None, {"reason": request.reason, "until": until})],
        )
    return {"entry": entry.seq, "nominal_id": request.nominal_id, "until": until}


def _require_few(ledger: Ledger, principal: Principal, nominal_id: str) -> None:
    ends: dict[str, str] = {}
    for entry in _broken(ledger, person=principal.actor):
        for leaf in ledger.people(entry.seq):
            if leaf.nominal_id is not None:  # whoever was erased is open to nobody
                ends.setdefault(leaf.nominal_id, str(entry.body["until"]))
    ends.pop(nominal_id, None)
    if len(ends) >= MOST_OPEN:
        raise TooManyOpen(
            f"{len(ends)} people are open to you by broken glass, as many as may be at once",
            remedy="Ask a supervisor to look at whoever else cannot wait; the first of yours closes"
            f" at {min(ends.values())}.",
            field="nominal_id",
        )


def _opened(ledger: Ledger, principal: Principal) -> set[str]:
    return {
        str(leaf.nominal_id)
        for entry in _broken(ledger, actor=principal.actor)
        for leaf in ledger.people(entry.seq)
    }


def _broken(ledger: Ledger, *, actor: str | None = None, person: str | None = None) -> list[Entry]:
    """Return the glasses that somebody has open now, the latest first."""
    since = stamp(ledger.now() - LASTS)
    return ledger.entries(
        action=Action.BREAK_GLASS,
        actor=actor,
        person=person,
        since=since,
        limit=None,
        sealed=True,
    )


def _within(fingerprint: str, areas: frozenset[str]) -> frozenset[str]:
    """Return who lives in some areas by the last that is known of them."""
    try:
        load = find_load(fingerprint)
    except NotFound:
        return frozenset()
    return _living_in(load.path, load.tables["nominal"].stat().st_mtime_ns, areas)


@lru_cache(maxsize=16)  # asked for whole lists, at every page of them
def _living_in(path: Path, changed: int, areas: frozenset[str]) -> frozenset[str]:
    table = _nominals(path, changed)
    last = zip(table["nominal_id"].to_pylist(), table["area"].to_pylist(), strict=True)
    return frozenset(person for person, area in dict(last).items() if area in areas)


@lru_cache(maxsize=4)
def _nominals(path: Path, _changed: int) -> pa.Table:
    columns = ["nominal_id", "area", "known_on", "superseded_on"]
    table = pq.read_table(path / "nominal.parquet", columns=columns)
    return table.filter(pc.is_null(table["superseded_on"])).sort_by("known_on")
